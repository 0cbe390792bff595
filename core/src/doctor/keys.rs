//! Domains' DKIM keys: whether each name server of our zone serves the key that
//! the database has.

use super::{Code, Finding, Subject};
use crate::{
    names::Name,
    observe::{Answer, Look, Need, RecordType, Seen, Server, Zone, printable},
};
use alloc::{format, string::String, vec::Vec};

/// Findings kept; the others are counted.
const KEPT: usize = 20;
/// Characters shown of a key.
const SHOWN: usize = 160;

/// Where a selector points, and what has to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name.
    pub name: Name,
    /// The text of the TXT record; `None` while there is no key.
    pub text: Option<Vec<u8>>,
}

/// What was found of many targets; bounded, however many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Targets with a key, looked at.
    pub keys: u64,
    /// Targets that wait for a key, looked at.
    pub waiting: u64,
    /// Targets that are wrong on at least one server.
    pub wrong: u64,
    /// Targets nobody answered about.
    pub unanswered: u64,
    findings: Vec<Finding>,
}

/// Looks at these targets and adds what was found to `tally`.
///
/// # Errors
/// [`Need`] with every question that is still missing; nothing is added then.
pub fn judge(targets: &[Target], seen: &Seen, tally: &mut Tally) -> Result<(), Need> {
    let questions: Vec<(&Name, RecordType)> =
        targets.iter().map(|target| (&target.name, RecordType::Txt)).collect();
    seen.have_all(&questions)?;
    for target in targets {
        let look = seen.at(&target.name, RecordType::Txt)?;
        match target.text {
            Some(_) => tally.keys += 1,
            None => tally.waiting += 1,
        }
        let nowhere = matches!(look.zone, Zone::NotDelegated { .. });
        if look.answers().next().is_none() && !nowhere {
            tally.unanswered += 1;
            continue;
        }
        if let Some(finding) = wrong(target, look) {
            tally.wrong += 1;
            if tally.findings.len() < KEPT {
                tally.findings.push(finding);
            }
        }
    }
    Ok(())
}

/// What is wrong at a target: judged server by server, since each is asked by
/// somebody.
fn wrong(target: &Target, look: &Look) -> Option<Finding> {
    let is_right = |answer: &Answer| {
        let mut texts = answer.records.iter().map(|record| record.data.txt());
        match &target.text {
            Some(text) => texts.len() == 1 && texts.all(|found| found.as_ref() == Some(text)),
            None => texts.len() == 0,
        }
    };
    let bad: Vec<(&Server, &Answer)> = look.answers().filter(|(_, answer)| !is_right(answer)).collect();
    let (server, answer) = match bad.first() {
        Some(&(server, answer)) => (Some(server), Some(answer)),
        None if look.answers().next().is_none() && target.text.is_some() => (None, None),
        None => return None,
    };
    let name = &target.name;
    let absent = answer.is_none_or(Answer::is_negative);
    let (code, what) = match (&target.text, absent) {
        (None, _) => (Code::KeyUnexpected, "a key that the database does not have"),
        (Some(_), true) => (Code::KeyMissing, "no key"),
        (Some(_), false) => (Code::KeyDiffers, "another key than the database has"),
    };
    let who = match (server, bad.len(), look.answers().count()) {
        (Some(server), 1, _) => format!("The name server {server} has"),
        (_, some, all) if some < all => format!("{some} of {all} name servers have"),
        _ => "There is".into(),
    };
    let reason = format!("{who} {what} at {name}.");
    let fix = "See that every name server has the present version of the zone; where it is loaded from a file, export it \
               anew (`signet zone export`).";
    let paste = target.text.iter().map(|text| format!("{name}. TXT \"{}\"", printable(text)));
    let finding = Finding::new(Subject::Keys, name, code, reason).fix(fix).paste(paste.collect());
    let shown = bad.iter().map(|(server, answer)| {
        let records: Vec<String> =
            answer.records.iter().take(2).map(|record| shown(&record.data.txt())).collect();
        let records = if records.is_empty() { "nothing".into() } else { records.join(", ") };
        format!("{server}: {records}")
    });
    let finding = finding.observed(shown.take(4));
    Some(match (server, answer) {
        (Some(server), Some(answer)) => finding.by(server, answer),
        _ => finding,
    })
}

fn shown(text: &Option<Vec<u8>>) -> String {
    let text = text.as_ref().map_or_else(|| "no text".into(), |text| printable(text));
    if text.len() <= SHOWN {
        return text;
    }
    // All ASCII, but for a mark at the end.
    text.chars().take(SHOWN).chain(['…']).collect()
}

impl Tally {
    /// What it comes to, about domains in `zone`; `of` says how many domains
    /// there are, and `domains` how many of them were looked at.
    #[must_use]
    pub fn findings(&self, zone: &Name, domains: u64, all: bool) -> Vec<Finding> {
        let mut findings = self.findings.clone();
        let more = self.wrong.saturating_sub(findings.len() as u64);
        if let Some(last) = findings.last_mut().filter(|_| more > 0) {
            last.reason = format!("{} {more} more keys are wrong.", last.reason);
        }
        if self.unanswered > 0 {
            let reason = format!(
                "Could not tell: of {} DKIM targets in {zone}, nobody answered about {}.",
                self.keys + self.waiting,
                self.unanswered
            );
            let fix = "Run this again later.";
            findings.push(Finding::new(Subject::Keys, zone, Code::Unanswered, reason).fix(fix));
        }
        if findings.is_empty() {
            let sample = if all || domains == 0 { "" } else { " (a sample; --all looks at every one)" };
            let waiting =
                if self.waiting == 0 { String::new() } else { format!("; {} wait for one", self.waiting) };
            let reason = match domains {
                0 => "No domain has a key yet.".into(),
                n => format!(
                    "{} keys of {n} domains are served as the database has them{waiting}{sample}.",
                    self.keys
                ),
            };
            findings.push(Finding::new(Subject::Keys, zone, Code::Ok, reason));
        }
        findings
    }
}
