mod vectors;

use self::vectors::VECTORS;
use super::{
    policy::{Policy, Psd},
    *,
};
use crate::{
    plan::{self, Present, Provider, tests::provider},
    verify::literal::{Literal, settle, sound},
};
use proptest::prelude::*;

fn judge_in(provider: &Provider, domain: &str, literal: &Literal) -> (Verdict, Option<String>, usize) {
    let records = plan::tests::planned(provider, domain, &Present::default());
    let record = records.iter().find(|record| record.key == plan::RecordKey::Dmarc).unwrap();
    let domain = Name::parse(domain).unwrap();
    let context = Context {
        provider,
        domain: &domain,
        probe: "zzprobe",
        dkim_keys: [None, None],
        thorough: true,
        second_view: false,
    };
    let ((verdict, present), asked) = settle(literal, |seen| judge(&context, record, seen));
    sound(&verdict);
    if let Some(present) = &present {
        assert!(Record::parse(present.as_bytes()).unwrap().is_valid(), "{present}");
    }
    // What is to be pasted must be good itself.
    for pasted in verdict.fix.split('`').filter(|text| text.starts_with("v=") && *text != "v=DMARC1") {
        assert!(Record::parse(pasted.as_bytes()).unwrap().is_valid(), "{pasted}");
    }
    (verdict, present, asked)
}

fn judged_in_zones(domain: &str, text: &str) -> (Verdict, Option<String>) {
    let zones = format!("zone com\nzone example.com\nzone vendor.net\nzone third.org\n{text}");
    let (verdict, present, _) = judge_in(&provider(), domain, &Literal::parse(&zones));
    assert!(!verdict.reason.contains("  ") && !verdict.fix.contains("  "), "{verdict:?}");
    (verdict, present)
}

#[track_caller]
fn expect(text: &str, expected: &str) -> (Verdict, Option<String>) {
    let (verdict, present) = judged_in_zones("mail.example.com", text);
    assert_eq!(format!("{}/{}", verdict.status, verdict.code), expected, "in\n{text}\n{verdict:#?}");
    (verdict, present)
}

fn spelled_out(text: &str) -> String {
    spelled_out_for("mail.example.com", text)
}

fn spelled_out_for(domain: &str, text: &str) -> String {
    text.replace("OWN", &format!("_dmarc.{domain} TXT"))
        .replace("ORG", "_dmarc.example.com TXT")
        .replace("ALIAS", &format!("_dmarc.{domain} CNAME"))
        .replace("CONSENT", &format!("{domain}._report._dmarc.third.org TXT"))
}

#[test]
fn the_vectors() {
    let mut wrong = Vec::new();
    for (section, text, expected, says) in VECTORS {
        let (domain, zones) = text
            .strip_prefix("FOR ")
            .map_or(("mail.example.com", *text), |text| text.split_once('\n').unwrap());
        let verdict = judged_in_zones(domain, &spelled_out_for(domain, zones)).0;
        let said = format!("{}/{}", verdict.status, verdict.code);
        let all = format!("{}\n{}\n{}", verdict.reason, verdict.fix, verdict.remarks.join("\n"));
        if said != *expected || !all.contains(says) {
            wrong.push(format!("{section}: {text}\n  {said}, not {expected} saying {says:?}:\n{all}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(VECTORS.len() >= 80);
}

#[test]
fn what_is_there_is_kept_where_it_is_valid() {
    let present = |text: &str, expected| expect(&spelled_out(text), expected).1;
    let strict = "v=DMARC1; p=reject; rua=mailto:a@third.org";
    assert_eq!(present(&format!("OWN {strict}"), "softfail/dmarc_report_consent").as_deref(), Some(strict));
    assert_eq!(
        present("ALIAS d.vendor.net\nd.vendor.net TXT v=DMARC1; p=reject", "pass/ok").as_deref(),
        Some("v=DMARC1; p=reject")
    );
    assert_eq!(present("OWN v=DMARC1; rua=mailto:a@example.com", "softfail/dmarc_syntax"), None);
    assert_eq!(present("OWN v=DMARC1; p=none\nOWN v=DMARC1; p=reject", "fail/dmarc_multiple"), None);
    assert_eq!(present("ORG v=DMARC1; p=reject", "pass/inherited"), None);
}

#[test]
fn the_fix_keeps_what_was_meant() {
    for (text, expected, pasted) in [
        ("OWN v=DMARC1, p=reject", "fail/malformed", "v=DMARC1; p=reject"),
        (
            "OWN v=DMARC1 p=quarantine rua=mailto:a@example.com",
            "fail/malformed",
            "v=DMARC1; p=quarantine; rua=mailto:a@example.com",
        ),
        ("OWN p=reject; v=DMARC1; aspf=s", "fail/malformed", "v=DMARC1; p=reject; aspf=s"),
        (
            "OWN v=DMARC1; p=reject; rua=a@example.com",
            "softfail/dmarc_syntax",
            "v=DMARC1; p=reject; rua=mailto:a@example.com",
        ),
        ("OWN v=DMARC1; p=none, sp=reject", "fail/dmarc_syntax", "v=DMARC1; p=none; sp=reject"),
        ("OWN v=DMARC1; p=none; p=reject; pct=3", "fail/dmarc_syntax", "v=DMARC1; p=reject"),
        ("OWN v=DMARC1; p=block", "fail/dmarc_syntax", "v=DMARC1; p=none"),
        // The strictest of several.
        ("OWN v=DMARC1; p=none\nOWN v=DMARC1; p=reject", "fail/dmarc_multiple", "v=DMARC1; p=reject"),
        ("", "missing/name_not_found", "v=DMARC1; p=none"),
    ] {
        let (verdict, _) = expect(&spelled_out(text), expected);
        assert_eq!(verdict.fix.split('`').find(|part| part.starts_with("v=")), Some(pasted), "{text}");
    }
    // Pasted with its quotes, as a zone editor stores it.
    let mut zones = Literal::parse("zone com\nzone example.com");
    zones.txt("_dmarc.mail.example.com", b"\"v=DMARC1; p=reject;\"");
    let (verdict, ..) = judge_in(&provider(), "mail.example.com", &zones);
    assert_eq!(verdict.code, Code::Malformed);
    assert!(verdict.fix.ends_with("to the value `v=DMARC1; p=reject`."), "{}", verdict.fix);
}

#[test]
fn the_fix_names_the_host_behind_a_cname() {
    let (verdict, _) =
        expect(&spelled_out("ALIAS d.vendor.net\nd.vendor.net TXT v=DMARC1; p=x"), "fail/dmarc_syntax");
    assert!(
        verdict.fix.contains("`d.vendor.net`, where the CNAME at _dmarc.mail.example.com leads"),
        "{verdict:#?}"
    );
    let (verdict, _) = expect("", "missing/name_not_found");
    assert_eq!(
        verdict.fix,
        "Publish a TXT record named `_dmarc.mail` (in full: _dmarc.mail.example.com) with the value `v=DMARC1; p=none`."
    );
}

#[test]
fn the_effective_policy_is_told() {
    let reason = |text: &str| expect(&spelled_out(text), "pass/inherited").0.reason;
    assert_eq!(
        reason("ORG v=DMARC1; p=reject; sp=quarantine; np=reject"),
        "mail.example.com has no DMARC record of its own; that of example.com applies: quarantine \
         (sp=quarantine, np=reject for names that do not exist)."
    );
    assert!(reason("ORG v=DMARC1; p=reject").contains("applies: reject (p=reject)"));
    assert!(reason("ORG v=DMARC1; p=oops; rua=mailto:a@example.com").contains("applies: none (p=none)"));
}

/// Which record applies to a domain without one (RFC 9989 §4.10.1, §4.10.2).
#[test]
fn the_walk_finds_the_organizational_domain() {
    let source = |domain: &str, records: &[(&str, &str)]| {
        let mut text = "zone com\nzone example.com\n".to_string();
        for (at, tags) in records {
            text.push_str(&format!("_dmarc.{at} TXT v=DMARC1; p=none{tags}\n"));
        }
        let (verdict, ..) = judge_in(&provider(), domain, &Literal::parse(&text));
        let inherited =
            verdict.reason.split_once("that of ").and_then(|(_, rest)| rest.split_once(" applies"));
        inherited.map(|(domain, _)| domain.to_string())
    };
    let at = |domain: &str| Some(domain.to_string());
    // The fewest labels, not the nearest.
    assert_eq!(
        source("a.mail.example.com", &[("mail.example.com", ""), ("example.com", "")]),
        at("example.com")
    );
    assert_eq!(
        source("a.mail.example.com", &[("mail.example.com", "; psd=n"), ("example.com", "")]),
        at("mail.example.com")
    );
    // One below the public suffix; the suffix itself where that has none.
    assert_eq!(source("a.mail.example.com", &[("example.com", ""), ("com", "; psd=y")]), at("example.com"));
    assert_eq!(source("a.mail.example.com", &[("mail.example.com", ""), ("com", "; psd=y")]), at("com"));
    assert_eq!(
        source("a.mail.example.com", &[("mail.example.com", ""), ("example.com", "; psd=y")]),
        at("mail.example.com")
    );
    assert_eq!(
        source("mail.example.com", &[("example.com", "; psd=y"), ("com", "; psd=n")]),
        at("example.com")
    );
    // From eight labels on, the last seven.
    let deep = "a.b.c.d.e.f.g.h.example.com";
    assert_eq!(source(deep, &[("b.c.d.e.f.g.h.example.com", "")]), None);
    assert_eq!(source(deep, &[("d.e.f.g.h.example.com", "")]), at("d.e.f.g.h.example.com"));
    let asked = |domain: &str| walk::ancestors(&Name::parse(domain).unwrap());
    assert_eq!(asked("a.b.c.d.e.f.g.h.i.j.mail.example.com").len(), 7);
    assert_eq!(asked("a.b.c.d.e.f.example.com")[0].as_str(), "b.c.d.e.f.example.com");
    assert_eq!(asked("example.com").iter().map(Name::as_str).collect::<Vec<_>>(), ["com"]);
}

#[test]
fn our_own_reporting_address_needs_no_consent_from_the_customer() {
    let mut provider = provider();
    provider.dmarc_rua = Some("reports@collector.org".to_string());
    let zones = "zone com\nzone example.com\nzone collector.org\n\
                 _dmarc.example.com TXT v=DMARC1; p=none; rua=mailto:reports@collector.org";
    let (verdict, ..) = judge_in(&provider, "example.com", &Literal::parse(zones));
    assert_eq!(verdict.code, Code::Ok);
    provider.dmarc_rua = None;
    let (verdict, ..) = judge_in(&provider, "example.com", &Literal::parse(zones));
    assert_eq!(verdict.code, Code::DmarcReportConsent);
    assert!(verdict.fix.contains("`example.com._report._dmarc.collector.org`"), "{}", verdict.fix);
}

#[test]
fn remarks_change_nothing_but_are_made() {
    let remarks = |text: &str| expect(&spelled_out(text), "pass/ok").0.remarks.join("\n");
    assert!(remarks("OWN v=DMARC1; p=none; pct=50").contains("`pct` is retired"));
    assert!(remarks("OWN v=DMARC1; p=none; xyz=1").contains("`xyz` is unknown"));
    assert!(remarks("OWN v=DMARC1; p=none; t=y").contains("one step below"));
    assert!(remarks("OWN v=DMARC1; p=none; aspf=s").contains("DKIM does"));
    assert!(remarks("OWN v=DMARC1; p=none; fo=2").contains("`fo=2` is not valid"));
    assert!(remarks("*.mail.example.com TXT v=DMARC1; p=none").contains("wildcard"));
    assert!(remarks("ALIAS d.vendor.net\nd.vendor.net TXT v=DMARC1; p=none").contains("through a CNAME"));
    let (verdict, _) =
        expect(&spelled_out("ORG v=DMARC1; p=none\nmail.example.com TXT v=DMARC1; p=none"), "pass/inherited");
    assert!(verdict.remarks.join("\n").contains("has no effect there"), "{verdict:#?}");
    let (verdict, _) =
        expect(&spelled_out("ORG v=DMARC1; p=none\nfault _dmarc.com timeout"), "pass/inherited");
    assert!(verdict.remarks.join("\n").contains("_dmarc.com could not be read"), "{verdict:#?}");
}

#[test]
fn a_right_answer_takes_two_questions() {
    let zones = Literal::parse("zone com\nzone example.com\n_dmarc.example.com TXT v=DMARC1; p=none");
    assert_eq!(judge_in(&provider(), "example.com", &zones).2, 2);
}

#[test]
fn records_are_read_by_the_grammar() {
    let read = |text: &str| Record::parse(text.as_bytes());
    for no in
        ["", ";", "v", "v=", "=DMARC1", "v=DMARC10; p=none", "\tv=DMARC1", "x=1; v=DMARC1", "v=DMARC1p=none"]
    {
        assert_eq!(read(no), None, "{no:?}");
    }
    let record =
        read("V=DMARC1;p=QUARANTINE;sp=none;;psd=Y;t=y;rua=mailto:a@b.example!5g , https://c.example/x")
            .unwrap();
    assert_eq!((record.own_policy(), record.subdomain_policy()), (Policy::Quarantine, Policy::None));
    assert_eq!((record.psd, record.testing), (Psd::Yes, true));
    assert_eq!(record.rua, ["mailto:a@b.example", "https://c.example/x"]);
    assert!(record.bad_uris.is_empty() && record.remarks.is_empty(), "{record:?}");
    for bad in [
        "a@b.example",
        "mailto:",
        "mailto:a",
        "mailto:@b.example",
        "mailto:a@b@c",
        "mailto:a b@c.example",
        "mailto:a@b.example!5z",
        "://x",
    ] {
        let record = read(&format!("v=DMARC1; p=none; rua={bad}")).unwrap();
        assert!(record.rua.is_empty() && !record.bad_uris.is_empty(), "{bad}: {record:?}");
    }
    let np = |text: &str| read(text).unwrap().nonexistent_policy();
    assert_eq!(np("v=DMARC1; p=reject"), Policy::Reject);
    assert_eq!(np("v=DMARC1; p=reject; sp=none"), Policy::None);
    assert_eq!(np("v=DMARC1; p=reject; sp=none; np=quarantine"), Policy::Quarantine);
}

#[test]
fn a_hostile_record_is_bounded() {
    let mut text = "v=DMARC1; p=none".to_string();
    for i in 0..20_000 {
        text.push_str(&format!("; x=mailto:a@b{i}.example"));
    }
    let record = Record::parse(text.as_bytes()).unwrap();
    assert!(record.remarks.len() <= 65);
    let uris = (0..5_000).map(|i| format!("mailto:a@b{i}.example")).collect::<Vec<_>>().join(",");
    let mut zones = Literal::parse("zone com\nzone example.com");
    zones.txt("_dmarc.example.com", format!("v=DMARC1; p=none; rua={uris}").as_bytes());
    let (_, _, asked) = judge_in(&provider(), "example.com", &zones);
    assert!(asked <= 12, "{asked} questions");
}

#[test]
fn what_is_pasted_has_no_tabs() {
    let repaired = repair::repaired(b"v=DMARC1;\tp=nonsense;\tfo=1:d\t:s").unwrap();
    assert_eq!(repaired, "v=DMARC1; p=none; fo=1:d :s");
    assert_eq!(printable_text(b"v=DMARC1;\tp=reject").unwrap(), "v=DMARC1; p=reject");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_bytes_panic(texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..4)) {
        let mut zones = Literal::parse("zone com\nzone example.com");
        for text in &texts {
            zones.txt("_dmarc.example.com", text);
        }
        judge_in(&provider(), "example.com", &zones);
    }

    /// Nearly right texts, which go deeper than random bytes; `judge_in` checks
    /// that every text to paste is valid.
    #[test]
    fn no_near_miss_panics(
        texts in proptest::collection::vec(
            "[v\"' ]{0,2}(v=|V = |=)?(DMARC1|dmarc1|DMARC)?([;, ]{0,2}(p|sp|np|rua|ruf|psd|t|fo|pct|P)[ =]{0,2}(none|reject|y|n|x|mailto:a@b\\.example|a@third\\.org|[!-~é]{0,12})){0,6}",
            1..3,
        )
    ) {
        let mut zones = Literal::parse("zone com\nzone example.com\nzone third.org");
        for text in &texts {
            zones.txt("_dmarc.example.com", text.as_bytes());
        }
        judge_in(&provider(), "example.com", &zones);
    }

    #[test]
    fn a_repaired_text_is_valid_and_stays_as_it_is(text in "[ -~\t]{0,120}") {
        if let Some(once) = repair::repaired(text.as_bytes()) {
            prop_assert!(!once.contains('\t'), "no form takes a tab: {:?}", once);
            let record = Record::parse(once.as_bytes()).unwrap();
            prop_assert!(record.is_valid() && record.remarks.is_empty());
            prop_assert_eq!(repair::repaired(once.as_bytes()), Some(once.clone()));
        }
    }
}
