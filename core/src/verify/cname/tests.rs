use super::*;
use crate::{
    observe::{Failure, Reply},
    plan::{self, Present, tests::provider},
    verify::{
        dkim::testing::{base64, spki},
        literal::{Literal, settle, sound},
    },
};
use proptest::prelude::*;

const ID: &str = "abcdefghijklmnop";
/// Judges `key` for `mail.example.com` in the given zones; our own is added.
fn judge_in(key: RecordKey, literal: &Literal) -> (Verdict, usize) {
    judge_when(true, key, literal)
}

fn judge_when(thorough: bool, key: RecordKey, literal: &Literal) -> (Verdict, usize) {
    let provider = provider();
    let records = plan::tests::planned(&provider, "mail.example.com", &Present::default());
    let record = records.iter().find(|record| record.key == key).unwrap();
    let domain = Name::parse("mail.example.com").unwrap();
    let der = spki("rsa2048");
    let context = Context {
        provider: &provider,
        domain: &domain,
        probe: "zzprobe",
        dkim_keys: [Some(&der), None],
        thorough,
        second_view: false,
    };
    let (verdict, asked) = settle(literal, |seen| judge(&context, record, seen));
    sound(&verdict);
    (verdict, asked)
}

const OURS: &str = "zone signet.test
    track.signet.test A 192.0.2.80
    track.signet.test AAAA 2001:db8::80
    zone vendor.net
    zone org.example
";

fn literal(text: &str) -> Literal {
    let key = base64("rsa2048");
    let (front, back) = key.split_at(40);
    let text = text
        .replace("ID", ID)
        .replace("KEY-SPACED", &format!("{front} \t {back}"))
        .replace("KEY-BARE", base64("rsa2048-pkcs1"))
        .replace("KEY-OTHER", base64("rsa2048-other"))
        .replace("KEY-WEAK", base64("rsa1024"))
        .replace("KEY", key);
    Literal::parse(&format!("{OURS}{text}"))
}

#[track_caller]
fn expect(key: RecordKey, text: &str, expected: &str) -> Verdict {
    let (verdict, _) = judge_in(key, &literal(text));
    assert!(!verdict.reason.contains("  ") && !verdict.fix.contains("  "), "{verdict:?}");
    assert_eq!(format!("{}/{}", verdict.status, verdict.code), expected, "{key} in\n{text}\n{verdict:#?}");
    verdict
}

use RecordKey::{Dkim1, Dkim2, LinkVerification as Link, Verification as Owner};

/// Every case in a zone for `example.com`, with `mail.example.com` in it.
const IN_THE_PARENT_ZONE: &[(RecordKey, &str, &str)] = &[
    // Right.
    (Owner, "sg-ID.mail.example.com CNAME bounce.signet.test", "pass/ok"),
    (Owner, "sg-ID.mail.example.com CNAME BOUNCE.signet.TEST.", "pass/ok"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com CNAME sg1.ID.dkim.signet.test", "pass/ok"),
    (Dkim2, "sg2-ID._domainkey.mail.example.com CNAME sg2.ID.dkim.signet.test", "pass/ok"),
    (Link, "sg-link.mail.example.com CNAME track.signet.test", "pass/ok"),
    // Through others.
    (
        Dkim1,
        "sg1-ID._domainkey.mail.example.com CNAME k.vendor.net\nk.vendor.net CNAME sg1.ID.dkim.signet.test",
        "pass/indirect",
    ),
    (
        Link,
        "sg-link.mail.example.com CNAME l.example.com\nl.example.com CNAME track.signet.test",
        "pass/indirect",
    ),
    (
        Owner,
        "sg-ID.mail.example.com CNAME k.vendor.net\nk.vendor.net CNAME bounce.signet.test",
        "fail/wrong_target",
    ),
    // Elsewhere.
    (Owner, "sg-ID.mail.example.com CNAME bounce.vendor.net", "fail/wrong_target"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com CNAME sg2.ID.dkim.signet.test", "fail/wrong_target"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com CNAME signet.test", "fail/wrong_target"),
    (Link, "sg-link.mail.example.com CNAME bounce.signet.test", "fail/wrong_target"),
    (Link, "sg-link.mail.example.com CNAME strange!name", "fail/wrong_target"),
    (Link, "sg-link.mail.example.com CNAME x.gone.test\nundelegated gone.test", "fail/wrong_target"),
    (Link, "sg-link.mail.example.com CNAME x.vendor.net\nfault vendor.net timeout", "network_error/timeout"),
    (Owner, "sg-ID.mail.example.com CNAME x.vendor.net\nfault vendor.net timeout", "fail/wrong_target"),
    // In circles.
    (Link, "sg-link.mail.example.com CNAME sg-link.mail.example.com", "fail/cname_loop"),
    (
        Link,
        "sg-link.mail.example.com CNAME a.vendor.net\na.vendor.net CNAME sg-link.mail.example.com",
        "fail/cname_loop",
    ),
    (
        Dkim1,
        "sg1-ID._domainkey.mail.example.com CNAME a.vendor.net\na.vendor.net CNAME b.vendor.net\nb.vendor.net CNAME a.vendor.net",
        "fail/cname_loop",
    ),
    (Owner, "sg-ID.mail.example.com CNAME a.vendor.net\na.vendor.net CNAME a.vendor.net", "fail/cname_loop"),
    // The final dot.
    (Owner, "sg-ID.mail.example.com CNAME bounce.signet.test.example.com", "fail/target_appended"),
    (Owner, "sg-ID.mail.example.com CNAME bounce.signet.test.mail.example.com", "fail/target_appended"),
    (
        Link,
        "sg-link.mail.example.com CNAME track.signet.test.sg-link.mail.example.com",
        "fail/target_appended",
    ),
    (Dkim1, "sg1-ID._domainkey.mail.example.com CNAME sg1.ID.dkim.signet.test.com", "fail/target_appended"),
    (Owner, "sg-ID.mail.example.com CNAME bounce.signet.test.vendor.net", "fail/wrong_target"),
    (Owner, "sg-ID.mail.example.com CNAME bounce.signet.testexample.com", "fail/wrong_target"),
    // Several.
    (
        Owner,
        "sg-ID.mail.example.com CNAME bounce.signet.test\nsg-ID.mail.example.com CNAME b.vendor.net",
        "fail/cname_with_others",
    ),
    (
        Owner,
        "sg-ID.mail.example.com CNAME bounce.signet.test\nsg-ID.mail.example.com TXT some-verification=1",
        "fail/cname_with_others",
    ),
    // Wildcards prove nothing and disprove nothing.
    (Owner, "*.mail.example.com CNAME bounce.signet.test", "missing/wildcard"),
    (Owner, "*.mail.example.com CNAME parked.vendor.net", "missing/wildcard"),
    (Dkim1, "*.example.com CNAME parked.vendor.net", "missing/wildcard"),
    (Link, "*.mail.example.com A 192.0.2.80", "missing/wildcard"),
    (Owner, "*.mail.example.com A 198.51.100.7", "missing/wildcard"),
    (Dkim1, "*.mail.example.com TXT v=DKIM1; p=KEY", "missing/wildcard"),
    (
        Owner,
        "*.mail.example.com CNAME x.vendor.net\nsg-ID.mail.example.com CNAME bounce.signet.test",
        "pass/ok",
    ),
    (
        Owner,
        "*.mail.example.com CNAME x.vendor.net\nsg-ID.mail.example.com CNAME y.vendor.net",
        "fail/wrong_target",
    ),
    (
        Owner,
        "sg-ID.mail.example.com CNAME bounce.signet.test\nfault zzprobe.mail.example.com timeout",
        "network_error/timeout",
    ),
    (Owner, "*.example.com CNAME bounce.signet.test\nmail.example.com A 192.0.2.1", "missing/name_not_found"),
    // Doubled, and relative to the wrong zone.
    (Owner, "sg-ID.mail.example.com.example.com CNAME bounce.signet.test", "missing/name_doubled"),
    (Owner, "sg-ID.mail.example.com.mail.example.com CNAME bounce.signet.test", "missing/name_doubled"),
    (
        Owner,
        "sg-ID.mail.example.com.example.com CNAME bounce.signet.test.example.com",
        "missing/name_doubled",
    ),
    (Link, "sg-link.mail.example.com.example.com CNAME track.signet.test", "missing/name_doubled"),
    (
        Dkim2,
        "sg2-ID._domainkey.mail.example.com.example.com CNAME sg2.ID.dkim.signet.test",
        "missing/name_doubled",
    ),
    (Owner, "sg-ID.mail.example.com.example.com CNAME x.vendor.net", "missing/name_not_found"),
    (Owner, "sg-ID.example.com CNAME bounce.signet.test", "missing/name_at_apex"),
    (Dkim1, "sg1-ID._domainkey.example.com CNAME sg1.ID.dkim.signet.test", "missing/name_at_apex"),
    (Link, "sg-link.example.com CNAME track.signet.test", "missing/name_not_found"),
    // Nothing.
    (Owner, "", "missing/name_not_found"),
    (Owner, "mail.example.com MX 10 mx.example.com", "missing/name_not_found"),
    (Owner, "a.sg-ID.mail.example.com A 192.0.2.9", "missing/no_record"),
    (Owner, "sg-ID.mail.example.com MX 10 mx.example.com", "missing/no_record"),
    (Owner, "undelegated example.com", "missing/not_delegated"),
    // No answer.
    (Owner, "fault example.com timeout", "network_error/timeout"),
    (Owner, "fault example.com servfail", "network_error/servfail"),
    (Owner, "fault example.com refused", "network_error/refused"),
    (Owner, "fault example.com lame", "network_error/lame"),
    (Owner, "fault example.com filtered", "network_error/filtered"),
    (Owner, "fault example.com truncated", "network_error/truncated"),
    (Owner, "fault example.com malformed", "network_error/bad_answer"),
    (Owner, "fault example.com unreachable", "network_error/unreachable"),
    (Owner, "fault example.com private", "network_error/private_address"),
    (
        Owner,
        "sg-ID.mail.example.com CNAME bounce.signet.test\nsecond sg-ID.mail.example.com CNAME",
        "network_error/servers_disagree",
    ),
    // Addresses instead.
    (Link, "sg-link.mail.example.com A 192.0.2.80", "softfail/flattened"),
    (
        Link,
        "sg-link.mail.example.com A 192.0.2.80\nsg-link.mail.example.com AAAA 2001:db8::80",
        "softfail/flattened",
    ),
    (Link, "sg-link.mail.example.com AAAA 2001:db8::80", "softfail/flattened"),
    (Link, "sg-link.mail.example.com A 192.0.2.80\nsg-link.mail.example.com A 198.51.100.1", "fail/proxied"),
    (Link, "sg-link.mail.example.com A 198.51.100.1", "fail/proxied"),
    (
        Link,
        "sg-link.mail.example.com A 198.51.100.1\nfault track.signet.test timeout",
        "network_error/timeout",
    ),
    (
        Link,
        "sg-link.mail.example.com A 192.0.2.80\nfault sg-link.mail.example.com AAAA timeout",
        "softfail/flattened",
    ),
    (
        Link,
        "x.sg-link.mail.example.com A 192.0.2.80\nfault sg-link.mail.example.com A timeout",
        "network_error/timeout",
    ),
    (Owner, "sg-ID.mail.example.com A 192.0.2.80", "fail/proxied"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com A 198.51.100.1", "fail/proxied"),
    // Texts instead.
    (Owner, "sg-ID.mail.example.com TXT bounce.signet.test", "fail/wrong_type"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT sg1.ID.dkim.signet.test", "fail/wrong_type"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=DKIM1; k=rsa; p=KEY", "softfail/copied"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT \"v=DKIM1; p=KEY-SPACED\" \"; t=s\"", "softfail/copied"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT p = KEY-BARE", "softfail/copied"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=DKIM1; p=KEY-OTHER", "fail/other_key"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=DKIM1; p=KEY-WEAK", "fail/other_key"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=dkim1; p=KEY-OTHER", "fail/other_key"),
    // Copied, and broken on the way.
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=DKIM1; p=", "fail/revoked"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=DKIM1; p=MIIB", "fail/dkim_key_truncated"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=DKIM1; p=!!", "fail/dkim_key_invalid"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT 'v=DKIM1; p=KEY'", "fail/malformed"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=DKIM1; h=sha1; p=KEY", "fail/dkim_hash"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=DKIM1; t=y; p=KEY", "softfail/copied"),
    (Dkim1, "sg1-ID._domainkey.mail.example.com TXT v=spf1 -all", "fail/wrong_type"),
    (Dkim2, "sg2-ID._domainkey.mail.example.com TXT v=DKIM1; p=KEY", "fail/other_key"),
    (
        Dkim1,
        "sg1-ID._domainkey.mail.example.com TXT v=DKIM1; p=KEY\nsg1-ID._domainkey.mail.example.com TXT v=DKIM1; p=",
        "fail/dkim_multiple",
    ),
    (
        Dkim1,
        "x.sg1-ID._domainkey.mail.example.com A 192.0.2.1\nfault sg1-ID._domainkey.mail.example.com TXT servfail",
        "network_error/servfail",
    ),
];

#[test]
fn the_table() {
    for (key, text, expected) in IN_THE_PARENT_ZONE {
        expect(*key, &format!("zone example.com\n{text}"), expected);
    }
    assert!(IN_THE_PARENT_ZONE.len() >= 45);
}

#[test]
fn in_a_zone_of_its_own() {
    let zones = "zone example.com\nzone mail.example.com\n";
    let run = |text: &str, expected| expect(Owner, &format!("{zones}{text}"), expected);
    let verdict = run("", "missing/name_not_found");
    assert_eq!(
        verdict.fix,
        "Publish a CNAME record named `sg-abcdefghijklmnop` (in full: sg-abcdefghijklmnop.mail.example.com) with \
         the value `bounce.signet.test`."
    );
    run("sg-ID.mail.example.com.mail.example.com CNAME bounce.signet.test", "missing/name_doubled");
    run("sg-ID.example.com CNAME bounce.signet.test", "missing/name_at_apex");
    // A wrong place that cannot be looked at says nothing.
    run("fault sg-ID.example.com timeout", "missing/name_not_found");
}

#[test]
fn chains_end_after_eight() {
    let chain = |hops: usize| {
        let mut text = "zone example.com\nsg-link.mail.example.com CNAME h1.vendor.net\n".to_string();
        for i in 1..hops - 1 {
            text.push_str(&format!("h{i}.vendor.net CNAME h{}.vendor.net\n", i + 1));
        }
        text + &format!("h{}.vendor.net CNAME track.signet.test", hops - 1)
    };
    expect(Link, &chain(2), "pass/indirect");
    expect(Link, &chain(8), "pass/indirect");
    expect(Link, &chain(9), "fail/cname_loop");
    expect(Link, &chain(30), "fail/cname_loop");
}

#[test]
fn what_to_do_is_exact() {
    let fix = |key, text: &str, expected| expect(key, &format!("zone example.com\n{text}"), expected).fix;
    assert_eq!(
        fix(Dkim1, "", "missing/name_not_found"),
        "Publish a CNAME record named `sg1-abcdefghijklmnop._domainkey.mail` (in full: \
         sg1-abcdefghijklmnop._domainkey.mail.example.com) with the value `sg1.abcdefghijklmnop.dkim.signet.test`."
    );
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com CNAME x.vendor.net", "fail/wrong_target"),
        "Change the CNAME record named `sg-abcdefghijklmnop.mail` (in full: sg-abcdefghijklmnop.mail.example.com) \
         to the value `bounce.signet.test`."
    );
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com CNAME bounce.signet.test.example.com", "fail/target_appended"),
        "Change the CNAME record named `sg-abcdefghijklmnop.mail` (in full: sg-abcdefghijklmnop.mail.example.com) \
         to the value `bounce.signet.test.`, with the dot at its end."
    );
    assert_eq!(
        fix(Owner, "sg-ID.mail.example.com.example.com CNAME bounce.signet.test", "missing/name_doubled"),
        "Your DNS host appends the domain: enter `sg-abcdefghijklmnop.mail` (in full: \
         sg-abcdefghijklmnop.mail.example.com) as the name, with the value `bounce.signet.test`, and delete the record \
         at sg-abcdefghijklmnop.mail.example.com.example.com."
    );
    assert!(fix(Link, "sg-link.mail.example.com A 198.51.100.1", "fail/proxied").contains("(DNS only)"));
}

#[test]
fn evidence_is_complete() {
    let text = "zone example.com\nsg-ID.mail.example.com CNAME x.vendor.net";
    let verdict = expect(Owner, text, "fail/wrong_target");
    assert_eq!(verdict.expected, "bounce.signet.test");
    assert_eq!(verdict.observed, ["x.vendor.net"]);
    assert_eq!(verdict.server.unwrap().to_string(), "ns1.example.com (192.0.2.53)");
    assert_eq!((verdict.rcode.as_deref(), verdict.ttl), (Some("NOERROR"), Some(300)));
    assert_eq!((verdict.witnesses.agreeing, verdict.witnesses.asked), (2, 2));

    let verdict = expect(Owner, "zone example.com", "missing/name_not_found");
    assert_eq!((verdict.rcode.as_deref(), verdict.ttl), (Some("NXDOMAIN"), Some(3600)));
    let verdict = expect(Owner, "zone example.com\nfault example.com refused", "network_error/refused");
    assert_eq!((verdict.rcode.as_deref(), verdict.witnesses.agreeing), (Some("REFUSED"), 0));
    assert!(verdict.fix.is_empty());
}

#[test]
fn a_right_answer_takes_three_questions() {
    // The record, a wildcard beside it, and what receivers ask for there.
    let right = "zone example.com\nsg-ID.mail.example.com CNAME bounce.signet.test";
    assert_eq!(judge_in(Owner, &literal(right)).1, 3);
}

/// Servers that fail beside good ones are remarked on and change nothing.
#[test]
fn one_good_server_is_enough() {
    let zones = literal("zone example.com\nsg-ID.mail.example.com CNAME bounce.signet.test");
    let provider = provider();
    let records = plan::tests::planned(&provider, "mail.example.com", &Present::default());
    let domain = Name::parse("mail.example.com").unwrap();
    let context = Context {
        provider: &provider,
        domain: &domain,
        probe: "zzprobe",
        dkim_keys: [None, None],
        thorough: true,
        second_view: false,
    };
    let mut seen = Seen::new();
    let verdict = loop {
        match judge(&context, &records[0], &seen) {
            Ok(verdict) => break verdict,
            Err(Need(questions)) => {
                for question in questions {
                    let mut look = zones.look(&question);
                    let Ok(answer) = &mut look.replies[0].outcome else { panic!() };
                    answer.authoritative = false;
                    look.replies[1].outcome = Err(Failure::Timeout);
                    let mut third: Reply = look.replies[1].clone();
                    third.outcome = Err(Failure::Lame);
                    look.replies.push(third);
                    seen.add(question, look);
                }
            }
        }
    };
    sound(&verdict);
    assert_eq!(verdict.code, Code::Ok);
    assert_eq!((verdict.witnesses.agreeing, verdict.witnesses.asked), (1, 3));
    assert!(!verdict.witnesses.corroborate());
    let remarks = verdict.remarks.join("\n");
    for expected in ["ns2.example.com (192.0.2.54) did not answer in time", "lame delegation", "AA bit"] {
        assert!(remarks.contains(expected), "{remarks}");
    }
}

/// A server that never sets AA counts as lame wherever it has no data; that it
/// has none beside the record still shows that no wildcard answers.
#[test]
fn servers_without_aa_are_judged() {
    let zones = literal("zone example.com\nsg-ID.mail.example.com CNAME bounce.signet.test");
    let provider = provider();
    let records = plan::tests::planned(&provider, "mail.example.com", &Present::default());
    let domain = Name::parse("mail.example.com").unwrap();
    let context = Context {
        provider: &provider,
        domain: &domain,
        probe: "zzprobe",
        dkim_keys: [None, None],
        thorough: true,
        second_view: false,
    };
    let without_aa = |beside: Failure| {
        let mut seen = Seen::new();
        loop {
            match judge(&context, &records[0], &seen) {
                Ok(verdict) => return verdict,
                Err(Need(questions)) => {
                    for question in questions {
                        let mut look = zones.look(&question);
                        for reply in &mut look.replies {
                            match &mut reply.outcome {
                                Ok(answer) if !answer.is_negative() => answer.authoritative = false,
                                outcome => *outcome = Err(beside.clone()),
                            }
                        }
                        seen.add(question, look);
                    }
                }
            }
        }
    };
    let verdict = without_aa(Failure::Lame);
    assert_eq!(verdict.code, Code::Ok);
    assert!(verdict.remarks.join(" ").contains("AA bit"));
    assert_eq!(without_aa(Failure::Timeout).code, Code::Timeout);
}

#[test]
fn silence_and_disagreement_blame_nobody() {
    let reason = |text: &str, expected| expect(Owner, &format!("zone example.com\n{text}"), expected).reason;
    assert_eq!(
        reason("fault example.com timeout", "network_error/timeout"),
        "None of the 2 name servers of example.com answered in time. We will look again by ourselves; nothing is \
         to be done unless your DNS host is down."
    );
    assert_eq!(
        reason(
            "sg-ID.mail.example.com CNAME bounce.signet.test\nsecond sg-ID.mail.example.com CNAME",
            "network_error/servers_disagree"
        ),
        "1 of 2 name servers has it: the CNAME record at sg-abcdefghijklmnop.mail.example.com is on \
         ns1.example.com (192.0.2.53) and not on ns2.example.com (192.0.2.54)."
    );
}

#[test]
fn what_broke_a_copied_key_is_said() {
    let verdict = expect(
        Dkim1,
        "zone example.com\nsg1-ID._domainkey.mail.example.com TXT v=DKIM1; s=tlsrpt; p=KEY",
        "fail/dkim_service",
    );
    assert!(
        verdict.reason.contains("where the CNAME belongs") && verdict.reason.contains("`s=tlsrpt`"),
        "{verdict:?}"
    );
    assert!(verdict.fix.starts_with("Delete the TXT record. Publish a CNAME record"), "{verdict:?}");
}

/// A vendor may have all of `_domainkey`: the fix says whose servers it is on.
#[test]
fn a_delegated_domainkey_is_named() {
    let zones = "zone example.com\nzone _domainkey.mail.example.com";
    let verdict = expect(Dkim1, zones, "missing/name_not_found");
    assert_eq!(
        verdict.fix,
        "Publish a CNAME record named `sg1-abcdefghijklmnop` in the zone _domainkey.mail.example.com, which is \
         delegated to ns1._domainkey.mail.example.com and ns2._domainkey.mail.example.com (in full: \
         sg1-abcdefghijklmnop._domainkey.mail.example.com) with the value `sg1.abcdefghijklmnop.dkim.signet.test`."
    );
}

/// RFC 8020: a server that denies `_domainkey` hides the selectors below it.
#[test]
fn a_name_denied_above_a_live_selector() {
    let right = "zone example.com\nsg1-ID._domainkey.mail.example.com CNAME sg1.ID.dkim.signet.test\n";
    let denied = format!("{right}nxdomain _domainkey.mail.example.com");
    let verdict = expect(Dkim1, &denied, "softfail/nxdomain_above");
    assert!(verdict.fix.contains("`_domainkey.mail.example.com`"), "{verdict:?}");
    // Not at the sending domain itself, and not when it cannot be found out.
    expect(Dkim1, &format!("{right}nxdomain mail.example.com"), "pass/ok");
    expect(Dkim1, &format!("{right}fault _domainkey.mail.example.com TXT servfail"), "pass/ok");
    // A wrong target stays what it is.
    let wrong = "zone example.com\nsg1-ID._domainkey.mail.example.com CNAME x.vendor.net\n\
                 nxdomain _domainkey.mail.example.com";
    expect(Dkim1, wrong, "fail/wrong_target");
    // A routine pass does not ask: the record is all.
    assert_eq!(judge_in(Dkim1, &literal(&denied)).1, 4);
    let (verdict, asked) = judge_when(false, Dkim1, &literal(&denied));
    assert_eq!((verdict.code, asked), (Code::Ok, 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..300), index in 0usize..4) {
        let key = [Owner, Dkim1, Dkim2, Link][index];
        let owner = match key {
            Owner => format!("sg-{ID}.mail.example.com"),
            Dkim1 => format!("sg1-{ID}._domainkey.mail.example.com"),
            Dkim2 => format!("sg2-{ID}._domainkey.mail.example.com"),
            _ => "sg-link.mail.example.com".to_string(),
        };
        let mut zones = literal("zone example.com");
        zones.txt(&owner, &text);
        let (verdict, _) = judge_in(key, &zones);
        prop_assert!(!verdict.status.is_right());
    }

    #[test]
    fn a_copied_key_is_recognized_however_it_is_wrapped(at in 0usize..100, blanks in "[ \t]{0,3}") {
        let mut text = base64("rsa2048").to_string();
        text.insert_str(at, &blanks);
        let mut zones = literal("zone example.com");
        zones.txt(&format!("sg1-{ID}._domainkey.mail.example.com"), format!("v=DKIM1; p={text}").as_bytes());
        prop_assert_eq!(judge_in(Dkim1, &zones).0.code, Code::Copied);
    }
}
