//! DKIM key records: the linter, and the verdict on a selector of ours.
//!
//! The texts at one selector, with octets of zero between them. `{rsa2048}` and
//! the like stand for keys of `core/tests/dkim_keys.txt`, which a fuzzer does
//! not come upon.

use super::{
    judged::{context, name, planned_one, provider, settle, showable, sound},
    literal::Literal,
};
use signet_core::{
    observe::RecordType,
    plan::{RecordKey, SpfMode},
    verify::{
        Context, Status,
        dkim::{Lint, PublicKey, judge, lint, never_alone, split},
    },
};
use std::{collections::BTreeMap, sync::LazyLock};

const SHOWN: usize = 64 * 1024;
/// Texts read at one selector by the linter, and one more.
const TEXTS: usize = 17;

/// The keys by name, in base64.
static KEYS: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("../../core/tests/dkim_keys.txt").lines();
    lines.filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect()
});

/// Panics when something does not hold.
pub fn run(input: &[u8]) {
    let texts: Vec<Vec<u8>> = input.split(|&octet| octet == 0).take(TEXTS).map(with_keys).collect();
    let all = lint(&texts);
    check(&all);
    let mut each: Vec<Lint> = texts.iter().map(|text| lint(std::slice::from_ref(text))).collect();
    each.iter().for_each(check);
    never_alone(&mut each);
    each.iter().for_each(sound_status);
    planned_key(&texts);
}

fn check(found: &Lint) {
    sound_status(found);
    assert_eq!(found.fix.is_empty(), found.status == Status::Pass, "{found:?}");
    if found.status.is_right() {
        assert!(found.key.is_some(), "{found:?}");
    }
    if let Some(replacement) = &found.replacement {
        assert!(found.fix.contains(&format!("`{replacement}`")), "{found:?}");
        assert_eq!(split(replacement).concat(), *replacement);
        let again = lint(&[replacement.clone().into_bytes()]);
        assert_eq!(again.status, Status::Pass, "{replacement:?}: {again:?}");
        assert_eq!(again.key, found.key, "another key: {found:?}");
    }
}

fn sound_status(found: &Lint) {
    assert!(found.code.statuses().contains(&found.status), "{} with {}", found.code, found.status);
    assert!(!found.reason.is_empty());
    for text in found.remarks.iter().chain([&found.reason, &found.fix]) {
        showable(text, SHOWN);
    }
}

/// The same texts where our own key is to stand: right only with our key.
fn planned_key(texts: &[Vec<u8>]) {
    let provider = provider(SpfMode::Off, false);
    let domain = name("example.com");
    let ours = base64(KEYS["rsa2048"]);
    let key = PublicKey::from_spki(&ours).expect("a literal key");
    let mut record = planned_one(&provider, &domain, RecordKey::Dkim1);
    record.rtype = RecordType::Txt;
    record.value = key.record_text();
    let mut zone = Literal::parse(b"", &domain);
    for text in texts {
        zone.add(&record.owner, text);
    }
    let context = Context { dkim_keys: [Some(&ours), None], ..context(&provider, &domain) };
    let (verdict, _) = settle(|seen| judge(&context, &record, &ours, seen), |question| zone.look(question));
    sound(&verdict);
    if verdict.status.is_right() {
        let right = texts.iter().any(|text| lint(std::slice::from_ref(text)).key.as_ref() == Some(&key));
        assert!(right, "{verdict:?}");
    }
    zone.replace(&record.owner, &record.value);
    let (verdict, _) = settle(|seen| judge(&context, &record, &ours, seen), |question| zone.look(question));
    assert_eq!(verdict.status, Status::Pass, "{verdict:?}");
}

fn with_keys(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.iter().position(|&octet| octet == b'{') {
        let close = rest[open..].iter().position(|&octet| octet == b'}').map(|length| open + length);
        let inside = close.and_then(|close| std::str::from_utf8(&rest[open + 1..close]).ok());
        let Some((close, key)) = close.zip(inside.and_then(|inside| KEYS.get(inside))) else {
            out.extend(&rest[..=open]);
            rest = &rest[open + 1..];
            continue;
        };
        out.extend(&rest[..open]);
        out.extend(key.as_bytes());
        rest = &rest[close + 1..];
    }
    out.extend(rest);
    out
}

/// The octets of base64 that is known to be right.
fn base64(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    let (mut bits, mut held) = (0_u32, 0);
    for letter in text.bytes().filter(|&letter| letter != b'=') {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            octets.push((bits >> held & 0xff) as u8);
        }
    }
    octets
}
