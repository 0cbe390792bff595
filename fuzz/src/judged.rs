//! Running judges, and what holds for every verdict whatever DNS says.

use signet_core::{
    names::{DomainName, Name, RecordId},
    observe::{Failure, Look, Need, Question, Seen, Zone},
    plan::{Dkim, PlannedRecord, Present, Provider, RecordKey, SpfMode, Subject, plan},
    verify::{Context, Verdict, spf},
};
use std::fmt::Debug;

/// Rounds in which questions are asked, and how many, as in `Asker::settle`.
const ROUNDS: usize = 12;
const QUESTIONS: usize = 200;
/// Rounds after that, in which everything is said to have timed out.
const FILLS: usize = 64;
/// Characters of one text that is shown: sixteen records of a kibibyte each,
/// every octet spelled out.
const SHOWN: usize = 16 * 4 * 1024;
/// Characters of a text to paste: no TXT record holds more, and a fix gives it
/// in one piece and in strings.
const PASTED: usize = 3 * 65_536;

/// Nobody can know it before it is drawn; here everybody does.
pub(crate) const PROBE: &str = "qprobe7";
const ID: &str = "abcdefghijklmnop";

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).expect("a literal name")
}

pub(crate) fn provider(spf_mode: SpfMode, reports: bool) -> Provider {
    Provider {
        zone: name("signet.test"),
        prefix: "sg".to_string(),
        demo_zone: name("demo.signet.test"),
        spf_mode,
        dmarc_rua: reports.then(|| "reports@signet.test".to_string()),
        sending_ips: vec![[192, 0, 2, 1].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()],
    }
}

pub(crate) fn planned(provider: &Provider, domain: &Name, present: &Present) -> Vec<PlannedRecord> {
    let domain = DomainName::trusted(domain.clone());
    let id = RecordId::parse(ID).expect("a literal id");
    plan(provider, &Subject { domain: &domain, id: &id, demo: false, dkim: Dkim::Delegated }, present)
}

pub(crate) fn planned_one(provider: &Provider, domain: &Name, key: RecordKey) -> PlannedRecord {
    let plan = planned(provider, domain, &Present::default());
    plan.into_iter().find(|record| record.key == key).expect("a record that is planned")
}

pub(crate) fn context<'a>(provider: &'a Provider, domain: &'a Name) -> Context<'a> {
    Context { provider, domain, probe: PROBE, dkim_keys: [None, None], thorough: true, second_view: false }
}

/// Runs `judge` until it needs nothing more, within the bounds of
/// `Asker::settle`, and returns what it came to and how often it asked.
pub(crate) fn settle<T>(
    judge: impl Fn(&Seen) -> Result<T, Need>,
    look: impl Fn(&Question) -> Look,
) -> (T, usize) {
    let mut seen = Seen::new();
    let mut asked = 0;
    for round in 0..ROUNDS + FILLS {
        let mut needed = match judge(&seen) {
            Ok(value) => return (value, seen.len()),
            Err(Need(needed)) => needed,
        };
        assert!(!needed.is_empty(), "a need for nothing");
        needed.sort();
        needed.dedup();
        for question in needed {
            let Question { name, rtype, view } = &question;
            assert!(seen.through(*view, name, *rtype).is_err(), "asked twice: {question:?}");
            let timed_out = Look { zone: Zone::Unknown(Failure::Timeout), replies: vec![] };
            let patient = round < ROUNDS && asked < QUESTIONS;
            let look = if patient { look(&question) } else { timed_out };
            asked += 1;
            seen.add(question, look);
        }
    }
    panic!("a judge that never has enough, after {asked} questions");
}

/// What must hold for every verdict on a record there is.
pub(crate) fn sound(verdict: &Verdict) {
    told(verdict);
    if verdict.status.is_right() {
        assert!(verdict.witnesses.agreeing > 0 && verdict.server.is_some(), "{verdict:?}");
    }
}

/// What must hold for whatever is said of anything.
pub(crate) fn told<K: Debug>(verdict: &Verdict<K>) {
    assert!(verdict.code.statuses().contains(&verdict.status), "{} with {}", verdict.code, verdict.status);
    assert!(!verdict.reason.is_empty(), "{verdict:?}");
    if verdict.status.is_wrong() {
        assert!(!verdict.fix.is_empty(), "nothing to do about it: {verdict:?}");
    }
    let short = verdict.observed.iter().chain(&verdict.remarks).chain([&verdict.reason]);
    for text in short {
        showable(text, SHOWN);
    }
    showable(&verdict.expected, PASTED);
    showable(&verdict.fix, PASTED);
}

/// Nothing in it acts on a terminal or hides from a reader, and it has an end.
pub(crate) fn showable(text: &str, longest: usize) {
    assert!(text.len() <= longest, "{} characters: {text:.200}", text.len());
    // Joiners, marks and overrides of direction, the byte order mark.
    let invisible = |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let hidden = |c: char| c.is_control() || invisible(c);
    assert!(!text.contains(hidden), "{text:?}");
}

/// A record that may be published: readable, and with ours where receivers look.
pub(crate) fn has_ours(text: &str, include: &Name) -> spf::Record {
    let record = spf::Record::parse(text).unwrap_or_else(|error| panic!("{error}: {text:?}"));
    let ours = |term: &spf::Term| {
        let spf::Kind::Directive(qualifier, spf::Mechanism::Include(_)) = &term.kind else { return false };
        let target = term.text.split_once(':').map_or("", |(_, target)| target.trim_end_matches('.'));
        *qualifier == spf::Qualifier::Pass && target.eq_ignore_ascii_case(include.as_str())
    };
    let end = record.all().unwrap_or(record.terms.len());
    assert!(record.terms[..end].iter().any(ours), "without ours: {text:?}");
    record
}
