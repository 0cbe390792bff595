//! The SPF record that customers include: that it lets our addresses pass and
//! nobody else, and costs customers as little as can be.

use super::{Code, Finding, Request, Subject, finding::Round, hosts::passes};
use crate::{
    names::Name,
    observe::{Need, Seen},
    verify::spf::{CONTROLS, Evaluation, Query, SpfResult, Trace, check_host},
};
use alloc::{format, string::String, vec::Vec};

/// The longest text: with its name, its question and EDNS it stays below the
/// 512 bytes that reach everybody over UDP (RFC 7208 §3.4).
const LONGEST: usize = 450;
/// Look-ups that our record may take of the ten that customers have, beside the
/// one for itself: one for each part that many addresses are spread over.
const LOOKUPS: usize = 6;

pub(super) fn judge(request: &Request<'_>, seen: &Seen) -> Result<Vec<Finding>, Need> {
    let provider = request.provider;
    let include = provider.spf_include();
    let mut round = Round::default();
    let mut findings = Vec::new();
    for &ip in &provider.sending_ips {
        findings.extend(round.take(passes(Subject::Spf, request, &include, ip, seen)).flatten());
    }
    let strangers = CONTROLS.iter().filter(|control| !provider.sending_ips.contains(control));
    let evaluations: Vec<Evaluation> = strangers
        .filter_map(|&ip| {
            let query = Query::new(ip, &format!("postmaster@{include}"), provider.zone.as_str());
            round.take(check_host(seen, &query))
        })
        .collect();
    round.end()?;
    findings.extend(evaluations.iter().find(|e| e.result == SpfResult::Pass).map(|e| open(&include, e)));
    // A stranger goes through the whole record.
    let Some(widest) = evaluations.iter().max_by_key(|evaluation| evaluation.lookups) else {
        return Ok(findings);
    };
    let mut texts = Vec::new();
    records(&widest.trace, &mut texts);
    findings.extend(texts.iter().filter(|(_, text)| text.len() > LONGEST).map(|(owner, text)| {
        let reason = format!(
            "The SPF record at {owner} has {} characters: over {LONGEST} it does not reach everybody in one datagram.",
            text.len()
        );
        let fix = "Send from fewer addresses, or from neighbouring ones, which are written as one network.";
        Finding::new(Subject::Spf, &include, Code::SpfTooLong, reason).fix(fix).observed([text.clone()])
    }));
    findings.extend(costly(&include, widest, &texts));
    if findings.is_empty() {
        let reason = match widest.lookups {
            0 => format!("{include} lets exactly our addresses pass, by ip4 and ip6 alone."),
            n => {
                format!("{include} lets exactly our addresses pass; it takes {n} of customers' ten look-ups.")
            }
        };
        let observed = widest.trace.record.clone();
        findings.push(Finding::new(Subject::Spf, &include, Code::Ok, reason).observed(observed));
    }
    Ok(findings)
}

fn open(include: &Name, evaluation: &Evaluation) -> Finding {
    let reason = format!(
        "SPF at {include} lets a stranger pass ({}): with it, so does every customer's record.",
        evaluation.cause
    );
    let fix =
        "Publish the record that `signet zone export` has, with our addresses alone and ~all at its end.";
    Finding::new(Subject::Spf, include, Code::SpfOpen, reason)
        .fix(fix)
        .observed(evaluation.trace.record.clone())
}

/// The records gone through, each with its owner.
fn records(trace: &Trace, texts: &mut Vec<(String, String)>) {
    if let Some(text) = &trace.record {
        texts.push((trace.domain.clone(), text.clone()));
    }
    for inner in trace.steps.iter().filter_map(|step| step.inner.as_ref()) {
        records(inner, texts);
    }
}

/// Terms that ask DNS again, each time somebody gets mail from a customer of
/// ours; all but the parts that we make ourselves.
fn costly(include: &Name, widest: &Evaluation, texts: &[(String, String)]) -> Option<Finding> {
    let own_part = |term: &str| {
        let name = term.strip_prefix("include:").and_then(|name| Name::parse(name).ok());
        name.is_some_and(|name| name.parent() == include.parent())
    };
    let cheap = |term: &str| {
        let term = term.trim_start_matches(['+', '-', '~', '?']).to_ascii_lowercase();
        term == "all" || term.starts_with("ip4:") || term.starts_with("ip6:") || own_part(&term)
    };
    let terms: Vec<&str> = texts
        .iter()
        .flat_map(|(_, text)| text.split_ascii_whitespace().skip(1))
        .filter(|term| !cheap(term))
        .take(8)
        .collect();
    if terms.is_empty() && widest.lookups <= LOOKUPS {
        return None;
    }
    let which = if terms.is_empty() { String::new() } else { format!(" ({})", terms.join(", ")) };
    let reason = format!(
        "SPF at {include} takes {} look-ups{which} of the ten that a customer's whole record may take.",
        widest.lookups
    );
    let fix = "List addresses as ip4: and ip6:, as the record of `signet zone export` does; they take none.";
    let finding = Finding::new(Subject::Spf, include, Code::SpfCostly, reason).fix(fix);
    Some(finding.observed(widest.trace.record.clone()))
}
