//! DMARC: reading policy records, and the verdict, over a small zone.
//!
//! The first octet chooses the case, the rest is a zone in which `@` is
//! `_dmarc.` of the domain; see `literal.rs`.

use super::{
    judged::{context, name, planned_one, provider, settle, showable, sound},
    literal::Literal,
};
use signet_core::{
    names::Name,
    plan::{Provider, RecordKey, SpfMode},
    verify::{
        Code, Status, Verdict,
        dmarc::{judge, policy::Record},
    },
};

const SHOWN: usize = 64 * 1024;

/// Panics when something does not hold.
pub fn run(input: &[u8]) {
    let Some((&settings, text)) = input.split_first() else { return };
    let domain = name(match settings & 3 {
        0 => "example.com",
        1 => "mail.example.com",
        2 => "a.b.c.d.e.f.g.example.com",
        _ => "shop.example.co.uk",
    });
    let provider = provider(SpfMode::Off, settings & 4 != 0);
    let owner = planned_one(&provider, &domain, RecordKey::Dmarc).owner;
    let mut zone = Literal::parse(text, &owner);
    for text in zone.texts(&owner) {
        read(&text);
    }
    let first = judged(&provider, &domain, &zone);
    if zone.has_faults() || zone.is_alias(&owner) {
        return;
    }
    let Some(offered) = offered(&first) else { return };
    let record = Record::parse(offered.as_bytes()).unwrap_or_else(|| panic!("not DMARC: {offered:?}"));
    assert!(record.is_valid(), "{offered:?}");
    zone.replace(&owner, &offered);
    let second = judged(&provider, &domain, &zone);
    assert!(second.status >= Status::Softfail, "{first:#?}\nand then\n{second:#?}");
    if first.code != Code::DmarcMultiple {
        // One of theirs that is kept may have an odd tag; one written here has none.
        assert!(record.bad_uris.is_empty() && record.remarks.is_empty(), "{offered:?}: {record:?}");
        assert_eq!(self::offered(&second), None, "it changes again: {offered:?}");
    }
}

fn read(text: &[u8]) {
    let Some(record) = Record::parse(text) else { return };
    for text in record.remarks.iter().chain(&record.rua).chain(&record.bad_uris) {
        showable(text, SHOWN);
    }
    assert!(!record.is_valid() || record.is_applied());
    if !record.is_valid() {
        let policies = [record.own_policy(), record.subdomain_policy(), record.nonexistent_policy()];
        assert!(policies.iter().all(|policy| policy.as_str() == "none"), "{record:?}");
    }
}

fn judged(provider: &Provider, domain: &Name, zone: &Literal) -> Verdict {
    let context = context(provider, domain);
    let record = planned_one(provider, domain, RecordKey::Dmarc);
    let ((verdict, present), _) =
        settle(|seen| judge(&context, &record, seen), |question| zone.look(question));
    sound(&verdict);
    if let Some(present) = present {
        showable(&present.replace('\t', " "), usize::MAX);
        assert!(Record::parse(present.as_bytes()).is_some_and(|record| record.is_valid()), "{present:?}");
    }
    verdict
}

/// The record that the fix gives to paste, between backticks. The one that
/// somebody else is to publish, as consent, has nothing but a version.
fn offered(verdict: &Verdict) -> Option<String> {
    let mut quoted = verdict.fix.split('`').skip(1).step_by(2);
    quoted
        .find(|text| text.to_ascii_lowercase().starts_with("v=dmarc1") && *text != "v=DMARC1")
        .map(str::to_string)
}
