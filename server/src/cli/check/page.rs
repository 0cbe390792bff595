//! An audit as people read it: a table of everything, then what is to be done.

use super::super::output::{self, bold, cut, dim, in_colour, line, painted, paragraph};
use anstyle::{AnsiColor, Style};
use signet_core::{
    audit::{Audit, Finding, Outcome, Subject, Weight},
    names::Name,
    verify::{Code, Status},
};
use std::io;

/// Records shown of one subject.
const SHOWN: usize = 6;
/// Characters shown of one record.
const LONGEST: usize = 480;

/// Prints the audit of `domain`.
pub(super) fn print(domain: &Name, audit: &Audit) -> io::Result<()> {
    line(&painted(&title(domain), bold()))?;
    if let Some(zone) = audit.zone.as_ref().filter(|zone| *zone != domain) {
        line(&painted(&format!("in the zone {zone}"), dim()))?;
    }
    line("")?;
    table(audit)?;
    let told = |weights: &'static [Weight]| {
        audit.findings.iter().filter(move |finding| weights.contains(&finding.weight()))
    };
    for finding in told(&[Weight::Problem]).chain(told(&[Weight::Unknown])).chain(told(&[Weight::Warning])) {
        detail(finding, &new_remarks(finding, audit))?;
    }
    let notes: Vec<String> = told(&[Weight::Good, Weight::Note])
        .flat_map(|finding| notes(finding, new_remarks(finding, audit)))
        .collect();
    if !notes.is_empty() {
        line("")?;
        line(&painted("Worth knowing", bold()))?;
    }
    notes.iter().try_for_each(|note| line(&painted(&paragraph("  · ", note), dim())))?;
    line("")?;
    line(&summary(audit))
}

/// The name, also as it is written.
fn title(domain: &Name) -> String {
    let unicode = signet_core::names::DomainName::trusted(domain.clone()).to_unicode();
    if unicode == domain.as_str() { unicode } else { format!("{unicode} ({domain})") }
}

fn label(subject: &Subject) -> String {
    match subject {
        Subject::NameServers => "name servers".to_string(),
        Subject::Dnssec => "DNSSEC".to_string(),
        Subject::Name => "name".to_string(),
        Subject::Mx => "MX".to_string(),
        Subject::Spf => "SPF".to_string(),
        Subject::Dkim(None) => "DKIM".to_string(),
        Subject::Dkim(Some(selector)) => format!("DKIM {}", selector.label),
        Subject::Dmarc => "DMARC".to_string(),
        Subject::MtaSts => "MTA-STS".to_string(),
        Subject::TlsRpt => "TLS-RPT".to_string(),
    }
}

fn look(weight: Weight) -> (&'static str, Style) {
    match weight {
        Weight::Good => ("✓", in_colour(AnsiColor::Green)),
        Weight::Note => ("·", dim()),
        Weight::Warning => ("!", in_colour(AnsiColor::Yellow)),
        Weight::Problem => ("✗", in_colour(AnsiColor::Red)),
        Weight::Unknown => ("?", in_colour(AnsiColor::Magenta)),
    }
}

/// One line for each subject; what does not fit is below, or in `--json`.
fn table(audit: &Audit) -> io::Result<()> {
    let labels: Vec<String> = audit.findings.iter().map(|finding| cut(&label(&finding.key), 24)).collect();
    let wide = labels.iter().map(|label| label.chars().count()).max().unwrap_or(0);
    let room = output::width().saturating_sub(2 + wide + 2 + 13 + 2);
    line(&painted(&format!("  {:<wide$}  {:<13}  found", "", "status"), dim()))?;
    for (finding, label) in audit.findings.iter().zip(labels) {
        let (mark, style) = look(finding.weight());
        let status = painted(&format!("{:<13}", finding.status.as_str()), style);
        let found = cut(&found(finding), room);
        let found = if finding.weight() == Weight::Note { painted(&found, dim()) } else { found };
        line(&format!("{} {label:<wide$}  {status}  {found}", painted(mark, style)))?;
    }
    Ok(())
}

/// What was found: the record where it is right, else the beginning of why.
fn found(finding: &Finding) -> String {
    let right = matches!(finding.status, Status::Pass | Status::Softfail);
    match &finding.key {
        Subject::Mx if right && !finding.observed.is_empty() && finding.code != Code::MxNull => {
            finding.observed.join(", ")
        }
        Subject::Spf | Subject::Dmarc | Subject::MtaSts | Subject::TlsRpt
            if finding.status == Status::Pass =>
        {
            relevant(finding)
        }
        _ => finding.reason.trim_end_matches('.').to_string(),
    }
}

/// Of several texts at one name, the one the subject is about.
fn relevant(finding: &Finding) -> String {
    let version = match finding.key {
        Subject::Spf => "v=spf1",
        Subject::Dmarc => "v=DMARC1",
        Subject::MtaSts => "v=STSv1",
        _ => "v=TLSRPTv1",
    };
    let is_it = |text: &&String| text.get(..version.len()).is_some_and(|v| v.eq_ignore_ascii_case(version));
    finding.observed.iter().find(is_it).cloned().unwrap_or_else(|| finding.reason.clone())
}

/// Everything about one finding that asks for something.
fn detail(finding: &Finding, remarks: &[&str]) -> io::Result<()> {
    let (mark, style) = look(finding.weight());
    line("")?;
    line(&format!(
        "{} {}  {}",
        painted(mark, style),
        painted(&label(&finding.key), style.bold()),
        painted(finding.code.as_str(), style)
    ))?;
    line(&paragraph("  ", &finding.reason))?;
    fix(finding)?;
    for (number, record) in finding.observed.iter().take(SHOWN).enumerate() {
        let head = if number == 0 { "  seen  " } else { "        " };
        line(&painted(&paragraph(head, &cut(record, LONGEST)), dim()))?;
    }
    if finding.observed.len() > SHOWN {
        line(&painted(&format!("        and {} more", finding.observed.len() - SHOWN), dim()))?;
    }
    if let Some(server) = &finding.server {
        let rcode = finding.rcode.as_ref().map_or_else(String::new, |rcode| format!(", {rcode}"));
        let ttl = finding.ttl.map_or_else(String::new, |ttl| format!(", TTL {ttl} s"));
        line(&painted(&format!("  by    {server}{rcode}{ttl}"), dim()))?;
    }
    remarks.iter().try_for_each(|remark| line(&painted(&paragraph("  · ", remark), dim())))
}

/// What to do. A text to paste stands on a line of its own, unbroken.
fn fix(finding: &Finding) -> io::Result<()> {
    let (fix, text) = (&finding.fix, &finding.expected);
    if fix.is_empty() {
        return Ok(());
    }
    let (before, after) = match fix.split_once(text.as_str()) {
        Some(parts) if text.contains(' ') => parts,
        _ => return line(&paragraph("  → ", fix)),
    };
    line(&paragraph("  → ", before.trim_end_matches(['`', ' '])))?;
    line(&format!("    {}", painted(text, bold())))?;
    let after = after.trim_start_matches(['`', ' ', '.']);
    if after.is_empty() { Ok(()) } else { line(&paragraph("    ", after)) }
}

/// The remarks on a finding that the one on the name servers has not made
/// already: a silent server is silent for everything.
fn new_remarks<'a>(finding: &'a Finding, audit: &Audit) -> Vec<&'a str> {
    let servers = audit.findings.iter().find(|other| other.key == Subject::NameServers);
    let servers = servers.filter(|servers| servers.key != finding.key);
    let known = |remark: &str| {
        servers.is_some_and(|servers| {
            servers.reason.contains(remark) || servers.remarks.iter().any(|known| known == remark)
        })
    };
    finding.remarks.iter().map(String::as_str).filter(|remark| !known(remark)).collect()
}

/// What is no fault, and may matter to somebody.
fn notes(finding: &Finding, remarks: Vec<&str>) -> Vec<String> {
    let mut texts = remarks;
    if finding.weight() == Weight::Note {
        texts.insert(0, &finding.reason);
        if finding.status != Status::Missing && !finding.fix.is_empty() {
            texts.insert(1, &finding.fix);
        }
    }
    texts.into_iter().map(|text| format!("{}: {text}", label(&finding.key))).collect()
}

fn summary(audit: &Audit) -> String {
    let count = |weight| audit.findings.iter().filter(|finding| finding.weight() == weight).count();
    let counted = |weight, one: &str, many: &str| match count(weight) {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let told: Vec<String> = [
        counted(Weight::Problem, "problem", "problems"),
        counted(Weight::Unknown, "thing could not be looked at", "things could not be looked at"),
        counted(Weight::Warning, "warning", "warnings"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let told =
        if told.is_empty() { "Nothing is wrong.".to_string() } else { format!("{}.", told.join(", ")) };
    let weight = match audit.outcome() {
        Outcome::Good => Weight::Good,
        Outcome::Problems => Weight::Problem,
        Outcome::Unknown => Weight::Unknown,
    };
    let (mark, style) = look(weight);
    painted(&format!("{mark} {told}"), style.bold())
}
