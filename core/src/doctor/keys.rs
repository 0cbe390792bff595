//! What our zone holds for domains: whether each of its name servers serves the
//! DKIM key that the database has with an address beside it, and demo domains as
//! they are planned.

use super::{Code, Finding, Subject, demo, demo::DemoDomain, finding::Round};
use crate::{
    names::Name,
    observe::{Answer, Data, Look, Need, RecordType, Seen, Server, Zone, printable},
    plan::Provider,
};
use alloc::{format, string::String, vec::Vec};
use core::net::IpAddr;

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
    /// Domains looked at.
    pub domains: u64,
    /// Demo domains among them.
    pub demos: u64,
    /// Targets with a key, looked at.
    pub keys: u64,
    /// Targets that wait for a key, looked at.
    pub waiting: u64,
    /// Targets that are wrong on at least one server.
    pub wrong: u64,
    /// Targets without an address on at least one server.
    pub bare: u64,
    /// Targets nobody answered about.
    pub unanswered: u64,
    /// Records of demo domains that are wrong.
    pub wrong_demos: u64,
    of_keys: Vec<Finding>,
    of_addresses: Option<Finding>,
    of_demos: Vec<Finding>,
}

/// Some domains' part of our zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    /// How many domains these are of.
    pub domains: u64,
    /// Where their selectors point.
    pub targets: Vec<Target>,
    /// Those that are demo domains.
    pub demos: Vec<DemoDomain>,
}

/// Looks at a batch of domains and adds what was found to `tally`.
///
/// # Errors
/// [`Need`] with every question that is still missing; nothing is added then.
pub fn judge(provider: &Provider, batch: &Batch, seen: &Seen, tally: &mut Tally) -> Result<(), Need> {
    let address = provider.sending_ips.first().map(|ip| match ip {
        IpAddr::V4(_) => RecordType::A,
        IpAddr::V6(_) => RecordType::Aaaa,
    });
    let questions: Vec<(&Name, RecordType)> = batch
        .targets
        .iter()
        .flat_map(|target| {
            [Some(RecordType::Txt), address].into_iter().flatten().map(|rtype| (&target.name, rtype))
        })
        .collect();
    let mut round = Round::default();
    round.take(seen.have_all(&questions));
    let demos = round.take(demo::judge(provider, &batch.demos, seen));
    round.end()?;
    tally.domains += batch.domains;
    tally.demos += batch.demos.len() as u64;
    for target in &batch.targets {
        let look = seen.at(&target.name, RecordType::Txt)?;
        match target.text {
            Some(_) => tally.keys += 1,
            None => tally.waiting += 1,
        }
        let nowhere = matches!(look.zone, Zone::NotDelegated { .. });
        if look.answers().next().is_none() && !nowhere {
            tally.unanswered += 1;
        } else if let Some(finding) = wrong(target, look) {
            tally.wrong += 1;
            tally.of_keys.push(finding);
        } else if let Some(rtype) = address
            && let Some(finding) = bare(&target.name, seen.at(&target.name, rtype)?)
        {
            tally.bare += 1;
            tally.of_addresses.get_or_insert(finding);
        }
    }
    let differ = |finding: &&Finding| finding.code == Code::DemoDiffers;
    tally.wrong_demos += demos.iter().flatten().filter(differ).count() as u64;
    tally.of_demos.extend(demos.into_iter().flatten());
    tally.of_keys.truncate(KEPT);
    tally.of_demos.truncate(KEPT);
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

/// Where a key has no address beside it. Some DNS hosts publish what an alias leads
/// to in place of the alias; that shows as an address where the alias should be,
/// and as nothing at all where there is no address to be had.
fn bare(name: &Name, look: &Look) -> Option<Finding> {
    let has_one =
        |answer: &Answer| answer.records.iter().any(|record| matches!(record.data, Data::Address(_)));
    let (server, answer) = look.answers().find(|(_, answer)| !has_one(answer))?;
    let reason = format!("The name server {server} has no address beside the key at {name}.");
    let fix = "Customers' DNS hosts that flatten aliases are recognised by it. See that every name server has all that \
               `signet zone export` writes.";
    Some(Finding::new(Subject::Keys, name, Code::KeyBare, reason).fix(fix).by(server, answer))
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
    /// How much of it is wrong, and may be right a moment later.
    #[must_use]
    pub fn faults(&self) -> u64 {
        self.wrong + self.bare + self.wrong_demos
    }

    /// What it comes to, about our zone and the demo domains'. `all` says that
    /// this is every domain there is, and no sample.
    #[must_use]
    pub fn findings(&self, provider: &Provider, all: bool) -> Vec<Finding> {
        let zone = &provider.zone;
        let mut findings = self.of_keys.clone();
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
            findings.push(Finding::new(Subject::Keys, zone, Code::Ok, self.served(all)));
        }
        if let Some(mut finding) = self.of_addresses.clone() {
            if self.bare > 1 {
                finding.reason = format!("{} The same at {} more.", finding.reason, self.bare - 1);
            }
            findings.push(finding);
        }
        if self.of_demos.is_empty() && self.demos > 0 {
            let reason = format!("The records of {} are served as planned.", many(self.demos, "demo domain"));
            findings.push(Finding::new(Subject::Demo, &provider.demo_zone, Code::Ok, reason));
        }
        findings.extend(self.of_demos.iter().cloned());
        findings
    }

    fn served(&self, all: bool) -> String {
        if self.keys == 0 {
            return format!("No key to be served yet; {} looked at.", many(self.domains, "domain"));
        }
        let sample = if all { "" } else { " (a sample; --all looks at every one)" };
        let waiting = match self.waiting {
            0 => String::new(),
            n => format!(", and {n} still to be made"),
        };
        let (are, them) = if self.keys == 1 { ("is", "it") } else { ("are", "them") };
        let (keys, domains) = (many(self.keys, "key"), many(self.domains, "domain"));
        format!("{keys} of {domains} {are} served as the database has {them}{waiting}{sample}.")
    }
}

fn many(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
