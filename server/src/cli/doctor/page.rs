//! What was found as people read it: a table of everything, then what is to be
//! done.

use super::super::output::{self, bold, cut, dim, in_colour, line, painted, paragraph};
use anstyle::{AnsiColor, Style};
use signet_core::{
    doctor::{self, Finding, Level, Outcome, Subject},
    names::Name,
};
use std::io;

/// Lines of evidence shown of one finding.
const SHOWN: usize = 6;
/// Characters shown of one line of evidence.
const LONGEST: usize = 240;
/// Room for labels.
const LABEL: usize = 16;

/// Prints what was found.
pub(super) fn print(zone: &Name, findings: &[Finding]) -> io::Result<()> {
    line(&painted(&format!("The doctor for {zone}"), bold()))?;
    let mut section = "";
    let mut rest = findings;
    while let Some(first) = rest.first() {
        // Findings about one thing make one line.
        let same = |finding: &&Finding| finding.subject == first.subject && finding.about == first.about;
        let many = rest.iter().take_while(same).count();
        let (these, others) = rest.split_at(many);
        if section != heading(first.subject) {
            section = heading(first.subject);
            line("")?;
            line(&painted(section, bold()))?;
        }
        row(these)?;
        rest = others;
    }
    for level in [Level::Problem, Level::Unknown, Level::Remark] {
        findings.iter().filter(|finding| finding.level() == level).try_for_each(detail)?;
    }
    line("")?;
    line(&summary(findings))
}

fn heading(subject: Subject) -> &'static str {
    match subject {
        Subject::Delegation | Subject::NameServers => "Our zone",
        Subject::Bounce
        | Subject::Spf
        | Subject::Track
        | Subject::Keys
        | Subject::Reports
        | Subject::Demo => "What customers' records point to",
        Subject::Ptr | Subject::Helo => "The addresses our mail leaves from",
        Subject::KeyFile
        | Subject::Database
        | Subject::Resolvers
        | Subject::ZoneServer
        | Subject::PublicUrl
        | Subject::Smtp => "This installation",
    }
}

fn label(subject: Subject) -> &'static str {
    match subject {
        Subject::Delegation => "delegation",
        Subject::NameServers => "name servers",
        Subject::Bounce => "return path",
        Subject::Spf => "SPF include",
        Subject::Track => "tracking host",
        Subject::Keys => "DKIM keys",
        Subject::Reports => "DMARC reports",
        Subject::Demo => "demo domains",
        Subject::Ptr => "name (PTR)",
        Subject::Helo => "greeting (HELO)",
        Subject::KeyFile => "key file",
        Subject::Database => "database",
        Subject::Resolvers => "resolvers",
        Subject::ZoneServer => "zone server",
        Subject::PublicUrl => "public URL",
        Subject::Smtp => "outgoing mail",
    }
}

fn look(level: Level) -> (&'static str, Style) {
    match level {
        Level::Good => ("✓", in_colour(AnsiColor::Green)),
        Level::Remark => ("!", in_colour(AnsiColor::Yellow)),
        Level::Unknown => ("?", in_colour(AnsiColor::Magenta)),
        Level::Problem => ("✗", in_colour(AnsiColor::Red)),
    }
}

/// One line for one thing, with the worst that is said of it.
fn row(these: &[Finding]) -> io::Result<()> {
    // The first of the worst.
    let Some(worst) = these.iter().rev().max_by_key(|finding| finding.level()) else { return Ok(()) };
    let (mark, style) = look(worst.level());
    let room = output::width().saturating_sub(2 + LABEL + 2);
    let found = cut(worst.reason.trim_end_matches('.'), room);
    line(&format!("{} {:<LABEL$}  {found}", painted(mark, style), label(worst.subject)))
}

/// Everything about one finding that asks for something.
fn detail(finding: &Finding) -> io::Result<()> {
    let (mark, style) = look(finding.level());
    line("")?;
    line(&format!(
        "{} {}  {}",
        painted(mark, style),
        painted(label(finding.subject), style.bold()),
        painted(finding.code.as_str(), style)
    ))?;
    line(&paragraph("  ", &finding.reason))?;
    if !finding.fix.is_empty() {
        line(&paragraph("  → ", &finding.fix))?;
    }
    // Each on a line of its own, unbroken, so that it can be copied.
    finding.paste.iter().try_for_each(|text| line(&format!("    {}", painted(text, bold()))))?;
    for (number, seen) in finding.observed.iter().take(SHOWN).enumerate() {
        let head = if number == 0 { "  seen  " } else { "        " };
        line(&painted(&paragraph(head, &cut(seen, LONGEST)), dim()))?;
    }
    if finding.observed.len() > SHOWN {
        line(&painted(&format!("        and {} more", finding.observed.len() - SHOWN), dim()))?;
    }
    let Some(server) = &finding.server else { return Ok(()) };
    let rcode = finding.rcode.as_ref().map_or_else(String::new, |rcode| format!(", {rcode}"));
    line(&painted(&format!("  by    {server}{rcode}"), dim()))
}

fn summary(findings: &[Finding]) -> String {
    let counted = |level, one: &str, many: &str| match findings
        .iter()
        .filter(|finding| finding.level() == level)
        .count()
    {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let told: Vec<String> = [
        counted(Level::Problem, "problem", "problems"),
        counted(Level::Unknown, "thing could not be looked at", "things could not be looked at"),
        counted(Level::Remark, "remark", "remarks"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let told =
        if told.is_empty() { "Nothing is wrong.".to_string() } else { format!("{}.", told.join(", ")) };
    let level = match doctor::outcome(findings) {
        Outcome::Good => Level::Good,
        Outcome::Problems => Level::Problem,
        Outcome::Unknown => Level::Unknown,
    };
    let (mark, style) = look(level);
    painted(&format!("{mark} {told}"), style.bold())
}
