//! SPF: reading and changing records, evaluating them, and the verdict, over a
//! small zone.
//!
//! The first octet chooses the address and the case, the rest is a zone; see
//! `literal.rs`.

use super::{
    judged::{context, has_ours, name, planned_one, provider, settle, showable, sound},
    literal::Literal,
};
use signet_core::{
    names::Name,
    plan::{Provider, RecordKey, SpfMode},
    verify::{
        Code, Status, Verdict,
        spf::{Cause, Query, Record, SpfResult, Term, Trace, check_host, judge, with_include},
    },
};
use std::net::IpAddr;

/// RFC 7208 §4.6.4.
const LOOKUPS: usize = 10;
const VOIDS: usize = 2;
/// Ten names for each look-up, behind eight CNAMEs each, and the records.
const QUESTIONS: usize = 1_000;

/// Panics when something does not hold.
pub fn run(input: &[u8]) {
    let Some((&settings, text)) = input.split_first() else { return };
    let domain = name(if settings & 1 == 0 { "example.com" } else { "mail.example.com" });
    let mode = if settings & 2 == 0 { SpfMode::Recommended } else { SpfMode::Required };
    let provider = provider(mode, false);
    let mut zone = Literal::parse(text, &domain);
    // Our own side is right; what becomes of others is the question.
    let include = provider.spf_include();
    zone.replace(&include, "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all");
    for text in zone.texts(&domain) {
        read(&text, &include);
    }
    for ip in [provider.sending_ips[usize::from(settings >> 2 & 1)], [203, 0, 113, 9].into()] {
        evaluate(&zone, &domain, ip, settings & 8 != 0);
    }
    verdict(&provider, &domain, zone);
}

/// What is made of a record is one, with ours in it and theirs kept.
fn read(text: &[u8], include: &Name) {
    let theirs = Record::parse(text);
    let Ok(text) = std::str::from_utf8(text) else { return };
    let merged = with_include(Some(text), include);
    let record = has_ours(&merged, include);
    assert_eq!(with_include(Some(&merged), include), merged, "merged twice");
    let Ok(theirs) = theirs else { return };
    // Ours moves where it has no effect; theirs all stay.
    let of_ours = |term: &Term| term.text.to_ascii_lowercase().contains(include.as_str());
    for term in theirs.terms.iter().filter(|term| !of_ours(term)) {
        assert!(record.terms.contains(term), "{merged:?} lost {}", term.text);
    }
    let spelled = theirs.terms.iter().map(|term| term.text.as_str()).collect::<Vec<_>>().join(" ");
    assert_eq!(Record::parse(format!("v=spf1 {spelled}")), Ok(theirs));
}

fn evaluate(zone: &Literal, domain: &Name, ip: IpAddr, odd: bool) {
    let mail_from = if odd { format!("a.%{{i}}-b@{domain}") } else { format!("strong-bad@{domain}") };
    let query = Query { explain: true, ..Query::new(ip, &mail_from, "mx.example.org") };
    let (evaluation, asked) = settle(|seen| check_host(seen, &query), |question| zone.look(question));
    assert!(asked <= QUESTIONS, "{asked} questions");
    assert!(evaluation.lookups <= LOOKUPS, "{} look-ups", evaluation.lookups);
    match &evaluation.cause {
        Cause::TooManyVoids(_) => assert_eq!(evaluation.result, SpfResult::Permerror),
        _ => assert!(evaluation.voids <= VOIDS, "{} voids: {evaluation:?}", evaluation.voids),
    }
    if matches!(evaluation.cause, Cause::TooManyLookups | Cause::Loop(_) | Cause::Syntax { .. }) {
        assert_eq!(evaluation.result, SpfResult::Permerror, "{evaluation:?}");
    }
    let used: usize = evaluation.trace.steps.iter().map(|step| step.lookups).sum();
    assert_eq!(used, evaluation.lookups, "the trace tells of every look-up: {evaluation:?}");
    assert!(depth(&evaluation.trace) <= LOOKUPS + 1);
    if let Some(explanation) = &evaluation.explanation {
        assert_eq!(evaluation.result, SpfResult::Fail);
        showable(explanation, 4 * 1024 + 3);
    }
}

fn depth(trace: &Trace) -> usize {
    1 + trace.steps.iter().filter_map(|step| step.inner.as_ref()).map(depth).max().unwrap_or(0)
}

fn verdict(provider: &Provider, domain: &Name, mut zone: Literal) {
    let first = judged(provider, domain, &zone);
    // What is offered was evaluated; over what cannot be read there is no promise.
    let about_the_name = [Code::NameIsCname, Code::CnameAtApex, Code::Wildcard, Code::NotDelegated];
    if !first.status.is_wrong() || about_the_name.contains(&first.code) || zone.has_faults() {
        return;
    }
    if !first.fix.contains(&format!("`{}`", first.expected)) || zone.is_alias(domain) {
        return;
    }
    zone.replace(domain, &first.expected);
    let second = judged(provider, domain, &zone);
    assert!(second.status >= Status::Softfail, "{first:#?}\nand then\n{second:#?}");
}

fn judged(provider: &Provider, domain: &Name, zone: &Literal) -> Verdict {
    let context = context(provider, domain);
    let record = planned_one(provider, domain, RecordKey::Spf);
    let ((verdict, present), _) =
        settle(|seen| judge(&context, &record, seen), |question| zone.look(question));
    sound(&verdict);
    has_ours(&verdict.expected, &provider.spf_include());
    if let Some(present) = present {
        assert!(Record::parse(&present).is_ok(), "{present:?}");
    }
    verdict
}
