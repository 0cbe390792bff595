//! Audits of literal zones: each subject in order, and each thing that can be
//! wrong with it.

use super::*;
use crate::{
    observe::{Failure, Look, Question, View},
    verify::literal::Literal,
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// Everything in order.
const GOOD: &str = "zone test
    zone example.test
    parent example.test NS ns1.example.test
    parent example.test NS ns2.example.test
    example.test NS ns1.example.test
    example.test NS ns2.example.test
    example.test MX 10 mx.example.test
    mx.example.test A 192.0.2.25
    example.test TXT v=spf1 mx -all
    _dmarc.example.test TXT v=DMARC1; p=reject; rua=mailto:dmarc@example.test
    _mta-sts.example.test TXT v=STSv1; id=20260428T000000;
    mta-sts.example.test A 192.0.2.80
    _smtp._tls.example.test TXT v=TLSRPTv1; rua=mailto:tls@example.test";

struct Case {
    domain: &'static str,
    selectors: Vec<String>,
    addresses: Vec<IpAddr>,
    recursive: bool,
    /// What the servers' looks at SOA are made of after the literal.
    serials: fn(&mut Look),
}

impl Default for Case {
    fn default() -> Self {
        Self {
            domain: "example.test",
            selectors: vec![],
            addresses: vec![],
            recursive: false,
            serials: |_| {},
        }
    }
}

impl Case {
    fn audit(&self, zones: &str) -> Audit {
        let literal = Literal::parse(zones);
        let domain = Name::parse(self.domain).unwrap();
        let request = Request {
            domain: &domain,
            selectors: &self.selectors,
            addresses: &self.addresses,
            probe: "zzprobe",
            recursive: self.recursive,
        };
        let mut seen = Seen::new();
        for _ in 0..40 {
            match judge(&request, &seen) {
                Ok(audit) => {
                    audit.findings.iter().for_each(sound);
                    return audit;
                }
                Err(Need(questions)) => {
                    assert!(!questions.is_empty(), "a need for nothing");
                    for question in questions {
                        let look = self.look(&literal, &question);
                        seen.add(question, look);
                    }
                }
            }
        }
        panic!("an audit that never has enough");
    }

    fn look(&self, literal: &Literal, question: &Question) -> Look {
        let mut look = literal.look(question);
        if question.rtype == RecordType::Soa && question.view == View::Servers {
            for reply in &mut look.replies {
                if let Ok(answer) = &mut reply.outcome {
                    answer.serial = Some(7);
                }
            }
            (self.serials)(&mut look);
        }
        look
    }
}

/// What must hold for every finding there is.
fn sound(finding: &Finding) {
    assert!(finding.code.statuses().contains(&finding.status), "{} with {}", finding.code, finding.status);
    assert!(!finding.reason.is_empty() && !finding.reason.contains("  "), "{finding:?}");
    assert!(!finding.status.is_wrong() || !finding.fix.is_empty(), "nothing to do about it: {finding:?}");
    assert!(!finding.reason.contains(" our ") && !finding.fix.contains(" our "), "{finding:?}");
    assert!(!finding.reason.contains("We will"), "nobody looks again: {finding:?}");
}

fn of<'a>(audit: &'a Audit, subject: &str) -> &'a Finding {
    audit.findings.iter().find(|finding| finding.key.as_str() == subject).unwrap()
}

fn told(finding: &Finding) -> String {
    format!("{}/{}", finding.status, finding.code)
}

/// `GOOD` without the lines that begin so, and with others.
fn with(without: &str, more: &str) -> String {
    let kept: Vec<&str> =
        GOOD.lines().map(str::trim).filter(|line| without.is_empty() || !line.starts_with(without)).collect();
    format!("{}\n{more}", kept.join("\n"))
}

#[test]
fn everything_in_order() {
    let audit = Case::default().audit(GOOD);
    assert_eq!(audit.outcome(), Outcome::Good);
    assert_eq!(audit.zone.as_ref().map(Name::as_str), Some("example.test"));
    let all: Vec<String> =
        audit.findings.iter().map(|finding| format!("{} {}", finding.key, told(finding))).collect();
    assert_eq!(
        all,
        [
            "name_servers pass/ok",
            "dnssec pass/unsigned",
            "name pass/ok",
            "mx pass/ok",
            "spf pass/ok",
            "dkim unchecked/no_common_selector",
            "dmarc pass/ok",
            "mta_sts pass/ok",
            "tls_rpt pass/ok",
        ]
    );
    assert!(
        of(&audit, "spf").remarks.contains(&"mx.example.test (192.0.2.25) gets pass, by mx.".to_string())
    );
}

/// What is taken out of `GOOD`, what is put in, and what comes of which
/// subject and of everything.
const ROWS: &[(&str, &str, &str, &str, Outcome)] = &[
    // Name servers.
    (
        "parent",
        "parent example.test NS ns1.old.test",
        "name_servers",
        "softfail/delegation_differs",
        Outcome::Good,
    ),
    // DNSSEC.
    ("", "parent example.test DS 1 8 2 aa\nsigned example.test", "dnssec", "pass/ok", Outcome::Good),
    ("", "parent example.test DS 1 8 2 aa", "dnssec", "unchecked/dnssec_unchecked", Outcome::Good),
    (
        "",
        "parent example.test DS 1 8 2 aa\nbogus example.test",
        "dnssec",
        "fail/dnssec_bogus",
        Outcome::Problems,
    ),
    (
        "",
        "parent example.test DS 1 8 2 aa\nbogus example.test 22",
        "dnssec",
        "network_error/servfail",
        Outcome::Unknown,
    ),
    (
        "",
        "parent example.test DS 1 8 2 aa\nresolver-fault example.test timeout",
        "dnssec",
        "network_error/timeout",
        Outcome::Unknown,
    ),
    // The name.
    ("example.test TXT", "example.test CNAME other.test", "name", "fail/cname_at_apex", Outcome::Problems),
    // MX.
    ("example.test MX", "", "mx", "missing/no_record", Outcome::Problems),
    ("example.test MX", "example.test A 192.0.2.80", "mx", "softfail/mx_implicit", Outcome::Good),
    ("example.test MX", "example.test MX 0 .", "mx", "pass/mx_null", Outcome::Good),
    ("", "example.test MX 0 .", "mx", "fail/mx_unusable", Outcome::Problems),
    ("mx.example.test", "", "mx", "fail/mx_unusable", Outcome::Problems),
    ("", "example.test MX 20 nowhere.example.test", "mx", "softfail/mx_unusable", Outcome::Good),
    ("", "example.test MX 20 192.0.2.26", "mx", "softfail/mx_unusable", Outcome::Good),
    (
        "mx.example.test",
        "mx.example.test CNAME h.example.test\nh.example.test A 192.0.2.25",
        "mx",
        "softfail/mx_is_cname",
        Outcome::Good,
    ),
    ("", "fault mx.example.test timeout", "mx", "network_error/unreachable", Outcome::Unknown),
    ("", "fault example.test MX servfail", "mx", "network_error/servfail", Outcome::Unknown),
    // SPF.
    ("example.test TXT", "", "spf", "missing/no_record", Outcome::Problems),
    (
        "example.test TXT",
        "example.test TXT v=spf1 mx ~all\nexample.test TXT v=spf1 -all",
        "spf",
        "fail/spf_multiple",
        Outcome::Problems,
    ),
    (
        "example.test TXT",
        "example.test TXT v=spf1 include=x.test -all",
        "spf",
        "fail/spf_syntax",
        Outcome::Problems,
    ),
    (
        "example.test TXT",
        "example.test TXT \"v=spf1\" \"mx -all\"",
        "spf",
        "fail/malformed",
        Outcome::Problems,
    ),
    ("example.test TXT", "example.test TXT v=spf1 +all", "spf", "fail/spf_allows_anyone", Outcome::Problems),
    (
        "example.test TXT",
        "example.test TXT v=spf1 include:none.example.test -all",
        "spf",
        "fail/spf_broken_include",
        Outcome::Problems,
    ),
    ("example.test TXT", "example.test TXT v=spf1 mx", "spf", "softfail/spf_neutral", Outcome::Good),
    ("example.test TXT", "example.test TXT v=spf1 mx ptr -all", "spf", "softfail/spf_ptr", Outcome::Good),
    (
        "example.test TXT",
        "example.test TXT v=spf1 a a a a a a a a mx -all\nexample.test A 192.0.2.80\nexample.test AAAA 2001:db8::80",
        "spf",
        "softfail/spf_near_limit",
        Outcome::Good,
    ),
    (
        "example.test TXT",
        "example.test TXT v=spf1 a a a a a a a a a a mx -all\nexample.test A 192.0.2.80\nexample.test AAAA 2001:db8::80",
        "spf",
        "fail/spf_too_many_lookups",
        Outcome::Problems,
    ),
    (
        "example.test TXT",
        "example.test TXT v=spf1 a:h1.example.test a:h2.example.test a:h3.example.test -all\nh1.example.test A 192.0.2.1\nh2.example.test A 192.0.2.1\nh3.example.test A 192.0.2.1",
        "spf",
        "softfail/spf_too_many_void_lookups",
        Outcome::Good,
    ),
    (
        "example.test TXT",
        "_spf.example.test TXT v=spf1 mx -all",
        "spf",
        "missing/spf_wrong_name",
        Outcome::Problems,
    ),
    (
        "example.test TXT",
        "zone slow.test\nexample.test TXT v=spf1 include:slow.test -all\nfault slow.test timeout",
        "spf",
        "network_error/spf_include_unreachable",
        Outcome::Unknown,
    ),
    ("", "fault example.test TXT timeout", "spf", "network_error/timeout", Outcome::Unknown),
    // DMARC.
    ("_dmarc", "", "dmarc", "missing/name_not_found", Outcome::Problems),
    ("_dmarc", "_dmarc.example.test TXT v=DMARC1; p=none", "dmarc", "pass/ok", Outcome::Good),
    ("_dmarc", "_dmarc.example.test TXT v=DMARC1; p=block", "dmarc", "fail/dmarc_syntax", Outcome::Problems),
    ("", "_dmarc.example.test TXT v=DMARC1; p=none", "dmarc", "fail/dmarc_multiple", Outcome::Problems),
    (
        "_dmarc",
        "zone third.test\n_dmarc.example.test TXT v=DMARC1; p=none; rua=mailto:a@third.test",
        "dmarc",
        "softfail/dmarc_report_consent",
        Outcome::Good,
    ),
    // MTA-STS and TLS reports: nobody has to have them.
    ("_mta-sts", "", "mta_sts", "missing/no_record", Outcome::Good),
    (
        "_mta-sts",
        "_mta-sts.example.test TXT v=STSv1; id=a-b",
        "mta_sts",
        "softfail/mta_sts_syntax",
        Outcome::Good,
    ),
    ("", "_mta-sts.example.test TXT v=STSv1; id=2", "mta_sts", "softfail/mta_sts_syntax", Outcome::Good),
    ("mta-sts", "", "mta_sts", "softfail/mta_sts_host", Outcome::Good),
    ("_smtp", "", "tls_rpt", "missing/no_record", Outcome::Good),
    (
        "_smtp",
        "_smtp._tls.example.test TXT v=TLSRPTv1; rua=tls@example.test",
        "tls_rpt",
        "softfail/tls_rpt_syntax",
        Outcome::Good,
    ),
    (
        "_smtp",
        "_smtp._tls.example.test TXT v=TLSRPTv1;rua=https://r.example.test/v1,mailto:a@example.test",
        "tls_rpt",
        "pass/ok",
        Outcome::Good,
    ),
];

#[test]
fn what_is_wrong_is_found_and_weighed() {
    for (without, more, subject, expected, outcome) in ROWS {
        let audit = Case::default().audit(&with(without, more));
        let finding = of(&audit, subject);
        assert_eq!(told(finding), *expected, "without {without:?}, with {more}\n{finding:#?}");
        assert_eq!(audit.outcome(), *outcome, "without {without:?}, with {more}\n{audit:#?}");
    }
}

#[test]
fn name_servers_are_named_with_what_they_said() {
    let lame = Case { serials: |look| look.replies[1].outcome = Err(Failure::Lame), ..Case::default() };
    let audit = lame.audit(GOOD);
    let finding = of(&audit, "name_servers");
    assert_eq!(told(finding), "softfail/name_servers_lame");
    assert!(finding.reason.contains("ns2.example.test (192.0.2.54) does not serve this zone"), "{finding:?}");
    assert_eq!(finding.observed[0], "ns1.example.test (192.0.2.53): serial 7");
    let behind = Case {
        serials: |look| {
            if let Ok(answer) = &mut look.replies[1].outcome {
                answer.serial = Some(6);
            }
        },
        ..Case::default()
    };
    assert_eq!(told(of(&behind.audit(GOOD), "name_servers")), "softfail/serials_differ");
    let alone = Case { serials: |look| look.replies.truncate(1), ..Case::default() };
    assert_eq!(told(of(&alone.audit(GOOD), "name_servers")), "softfail/name_servers_few");
    let recursive = Case { recursive: true, ..Case::default() };
    assert_eq!(told(of(&recursive.audit(GOOD), "name_servers")), "unchecked/unchecked");
}

#[test]
fn where_nobody_answers_nothing_else_is_asked() {
    let audit = Case::default().audit(&with("", "fault example.test timeout"));
    assert_eq!((audit.outcome(), audit.findings.len()), (Outcome::Unknown, 1));
    assert_eq!(told(&audit.findings[0]), "network_error/timeout");
    let audit = Case::default().audit(&with("", "undelegated example.test"));
    assert_eq!((audit.outcome(), audit.findings.len()), (Outcome::Problems, 1));
    assert_eq!(told(&audit.findings[0]), "missing/not_delegated");
}

#[test]
fn given_addresses_must_pass() {
    let given = Case { addresses: vec!["192.0.2.25".parse().unwrap()], ..Case::default() };
    let audit = given.audit(GOOD);
    assert_eq!(told(of(&audit, "spf")), "pass/ok");
    let given = Case {
        addresses: vec!["192.0.2.99".parse().unwrap(), "2001:db8::99".parse().unwrap()],
        ..Case::default()
    };
    let audit = given.audit(GOOD);
    let finding = of(&audit, "spf");
    assert_eq!((told(finding).as_str(), audit.outcome()), ("fail/spf_not_covered", Outcome::Problems));
    // The text offered is a whole record, with their policy, that was tried.
    assert_eq!(finding.expected, "v=spf1 mx ip4:192.0.2.99 ip6:2001:db8::99 -all");
    assert!(finding.fix.contains(&finding.expected), "{}", finding.fix);
    assert!(finding.reason.contains("192.0.2.99 gets fail by -all"), "{}", finding.reason);
    let audit = given.audit(&with("example.test TXT", &format!("example.test TXT {}", finding.expected)));
    assert_eq!(told(of(&audit, "spf")), "pass/ok");
}

#[test]
fn missing_spf_is_given_a_text_that_fits() {
    let expected = |without: &str, more: &str, given: &[&str]| {
        let addresses = given.iter().map(|ip| ip.parse().unwrap()).collect();
        let audit = Case { addresses, ..Case::default() }.audit(&with(without, more));
        of(&audit, "spf").expected.clone()
    };
    assert_eq!(expected("example.test TXT", "", &[]), "v=spf1 mx ~all");
    assert_eq!(
        expected("example.test TXT", "", &["192.0.2.9", "2001:db8::9"]),
        "v=spf1 ip4:192.0.2.9 ip6:2001:db8::9 ~all"
    );
    let zone = "zone test\nzone example.test\nexample.test A 192.0.2.80";
    assert_eq!(of(&Case::default().audit(zone), "spf").expected, "v=spf1 -all");
}

#[test]
fn subdomains_inherit_and_wildcards_show() {
    let sub = Case { domain: "news.example.test", ..Case::default() };
    let more = "news.example.test MX 10 mx.example.test\nnews.example.test TXT v=spf1 -all";
    let audit = sub.audit(&with("", more));
    assert_eq!(told(of(&audit, "dmarc")), "pass/inherited");
    assert_eq!(audit.zone.as_ref().map(Name::as_str), Some("example.test"));
    assert_eq!(audit.outcome(), Outcome::Good);
    let wild = sub.audit(&with("", "*.example.test MX 10 mx.example.test\n*.example.test TXT v=spf1 -all"));
    assert!(of(&wild, "name").remarks.iter().any(|r| r.contains("wildcard")), "{wild:#?}");
    let alias = sub.audit(&with("", "news.example.test CNAME example.test"));
    assert_eq!(told(of(&alias, "name")), "softfail/alias");
    assert_eq!((told(of(&alias, "spf")), told(of(&alias, "mx"))), ("pass/ok".into(), "pass/ok".into()));
    assert_eq!(told(of(&sub.audit(GOOD), "name")), "missing/name_not_found");
}

fn selected(selectors: &[&str]) -> Case {
    Case { selectors: selectors.iter().map(ToString::to_string).collect(), ..Case::default() }
}

#[test]
fn keys_are_found_under_given_and_common_selectors() {
    // Nothing of a name that does not exist: only the given one is asked for.
    let audit = selected(&["mine"]).audit(GOOD);
    let finding = of(&audit, "dkim");
    assert_eq!((finding.key.selector(), told(finding)), (Some("mine"), "missing/no_record".to_string()));
    assert_eq!(audit.outcome(), Outcome::Problems);
    let found = "google._domainkey.example.test TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
        s1._domainkey.example.test TXT v=DKIM1; p=
        s2._domainkey.example.test TXT some-verification=1";
    let audit = Case::default().audit(&with("", found));
    let keys: Vec<_> = audit.findings.iter().filter_map(|f| Some((f.key.selector()?, told(f)))).collect();
    assert_eq!(keys.len(), 2, "{keys:?}");
    assert!(keys.contains(&("google", "softfail/dkim_ed25519_alone".to_string())), "{keys:?}");
    assert!(keys.contains(&("s1", "fail/revoked".to_string())), "{keys:?}");
    // Nobody gave it, and it may be a leftover.
    assert_eq!(audit.outcome(), Outcome::Good);
    let audit = selected(&["s1"]).audit(&with("", found));
    assert_eq!(audit.outcome(), Outcome::Problems);
    let audit = selected(&["google"])
        .audit(&with("", "fault google._domainkey.example.test timeout\ns9._domainkey.example.test TXT x"));
    assert_eq!(audit.outcome(), Outcome::Unknown);
}

#[test]
fn a_wildcard_is_no_key() {
    let wild =
        "*._domainkey.example.test TXT v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    let audit = Case::default().audit(&with("", wild));
    let finding = of(&audit, "dkim");
    assert_eq!(told(finding), "unchecked/no_common_selector");
    assert!(finding.remarks.iter().any(|remark| remark.starts_with("A wildcard answers")), "{finding:?}");
    assert_eq!(told(of(&selected(&["mine"]).audit(&with("", wild)), "dkim")), "missing/wildcard");
}

#[test]
fn there_are_enough_common_selectors_each_once() {
    let mut sorted = COMMON.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    assert!(sorted.len() == COMMON.len() && COMMON.len() >= 40, "{}", COMMON.len());
}
