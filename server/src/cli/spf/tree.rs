//! An SPF evaluation as a tree.

use super::super::output::{bold, dim, in_colour, line, painted, paragraph, width};
use anstyle::{AnsiColor, Style};
use signet_core::verify::spf::{Evaluation, MAX_LOOKUPS, MAX_VOIDS, Query, SpfResult, Step, Trace};
use std::io;

/// Prints the result and how it came about.
pub(super) fn print(query: &Query, evaluation: &Evaluation) -> io::Result<()> {
    let style = colour(evaluation.result);
    let sender = format!("{}@{}", query.local_part, query.sender_domain);
    line(&format!("{}  {} as {sender}", painted(evaluation.result.as_str(), style.bold()), query.ip))?;
    line(&paragraph("  ", &format!("{}: {}.", meaning(evaluation.result), evaluation.cause)))?;
    if let Some(explanation) = &evaluation.explanation {
        line(&paragraph("  ", &format!("The domain explains: {explanation}")))?;
    }
    line("")?;
    record(&evaluation.trace, "")?;
    line("")?;
    let used = format!(
        "look-ups {} of {MAX_LOOKUPS}, void ones {} of {MAX_VOIDS}",
        evaluation.lookups, evaluation.voids
    );
    line(&painted(&used, dim()))
}

fn colour(result: SpfResult) -> Style {
    match result {
        SpfResult::Pass => in_colour(AnsiColor::Green),
        SpfResult::Softfail | SpfResult::Neutral | SpfResult::None => in_colour(AnsiColor::Yellow),
        SpfResult::Fail | SpfResult::Permerror => in_colour(AnsiColor::Red),
        SpfResult::Temperror => in_colour(AnsiColor::Magenta),
    }
}

/// RFC 7208 §2.6, in a few words.
fn meaning(result: SpfResult) -> &'static str {
    match result {
        SpfResult::Pass => "The address may send",
        SpfResult::Fail => "The address may not send",
        SpfResult::Softfail => "The address should not send",
        SpfResult::Neutral => "The domain does not say",
        SpfResult::None => "There is nothing to go by",
        SpfResult::Temperror => "Not known now",
        SpfResult::Permerror => "The record cannot be evaluated",
    }
}

/// A record and its terms; `indent` is what stands left of them.
fn record(trace: &Trace, indent: &str) -> io::Result<()> {
    let text = trace.record.as_deref().unwrap_or(match trace.result {
        SpfResult::None => "no SPF record",
        _ => "no record that could be read",
    });
    let domain = painted(&trace.domain, bold());
    let one_line = indent.chars().count() + trace.domain.len() + 2 + text.chars().count() <= width();
    if one_line {
        line(&format!("{indent}{domain}  {}", painted(text, dim())))?;
    } else {
        line(&format!("{indent}{domain}"))?;
        wrapped(&format!("{indent}{}", if trace.steps.is_empty() { "  " } else { "│ " }), text)?;
    }
    for (number, step) in trace.steps.iter().enumerate() {
        term(step, indent, number + 1 == trace.steps.len())?;
    }
    Ok(())
}

fn term(step: &Step, indent: &str, last: bool) -> io::Result<()> {
    let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
    let (word, style) = match step.result {
        Some(result) => (result.as_str(), colour(result)),
        None => ("no match", dim()),
    };
    let taken = match step.lookups {
        0 => None,
        1 => Some("1 look-up".to_string()),
        n => Some(format!("{n} look-ups")),
    };
    // The record it led to stands below and says so itself.
    let told = step.inner.is_some() && !step.result.is_some_and(SpfResult::is_error);
    let why = (!told).then(|| step.why.clone());
    let why = why.into_iter().chain(taken).collect::<Vec<_>>().join(", ");
    let head = format!("{indent}{branch}{}  {}", step.term, painted(word, style));
    let under = format!("{indent}{below}");
    let length = [indent, branch, &step.term, "  ", word, "  ", &why].map(|part| part.chars().count());
    if length.iter().sum::<usize>() <= width() {
        line(&format!("{head}  {}", painted(&why, dim())))?;
    } else {
        line(&head)?;
        wrapped(&format!("{under}  "), &why)?;
    }
    match &step.inner {
        Some(inner) => record(inner, &under),
        None => Ok(()),
    }
}

/// `text` in dim lines, each behind `stem`.
fn wrapped(stem: &str, text: &str) -> io::Result<()> {
    let blank = " ".repeat(stem.chars().count());
    paragraph(&blank, text).lines().try_for_each(|part| {
        line(&format!("{stem}{}", painted(part.strip_prefix(&blank).unwrap_or(part), dim())))
    })
}
