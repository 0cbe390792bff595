use crate::{
    names::Name,
    plan::{
        Present,
        tests::{planned, provider},
    },
    verify::{
        Code, Context, Findings, Status, judge,
        literal::{Literal, settle, sound},
    },
};
use alloc::{format, string::String, vec::Vec};

const RIGHT: &str = "zone example.com
    zone signet.test
    example.com NS ns1.example.com
    example.com TXT v=spf1 include:_spf.signet.test ~all
    _spf.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all
    sg-abcdefghijklmnop.example.com CNAME bounce.signet.test
    sg1-abcdefghijklmnop._domainkey.example.com CNAME sg1.abcdefghijklmnop.dkim.signet.test
    sg2-abcdefghijklmnop._domainkey.example.com CNAME sg2.abcdefghijklmnop.dkim.signet.test
    _dmarc.example.com TXT v=DMARC1; p=none
    sg-link.example.com CNAME track.signet.test";

fn findings(more: &str) -> Findings {
    let provider = provider();
    let plan = planned(&provider, "example.com", &Present::default());
    let domain = Name::parse("example.com").unwrap();
    let context = Context {
        provider: &provider,
        domain: &domain,
        probe: "zzprobe",
        dkim_keys: [None, None],
        thorough: true,
        second_view: true,
    };
    let literal = Literal::parse(&format!("{RIGHT}\n{more}"));
    let (findings, _) = settle(&literal, |seen| judge(&context, &plan, seen));
    findings.verdicts.iter().for_each(sound);
    findings
}

fn statuses(findings: &Findings) -> Vec<(Status, Code)> {
    findings.verdicts.iter().map(|verdict| (verdict.status, verdict.code)).collect()
}

fn remarks(findings: &Findings) -> String {
    findings.verdicts.iter().flat_map(|verdict| verdict.remarks.clone()).collect::<Vec<_>>().join("\n")
}

#[test]
fn all_is_right_everywhere_and_nothing_is_remarked() {
    let found = findings("");
    assert_eq!(statuses(&found), [(Status::Pass, Code::Ok); 6]);
    assert_eq!(remarks(&found), "");
    assert!(found.verdicts.iter().all(|verdict| verdict.late.is_none()));
}

#[test]
fn two_validators_prove_dnssec_broken_however_perfect_the_zone() {
    let found = findings("bogus example.com");
    assert_eq!(statuses(&found), [(Status::Fail, Code::DnssecBogus); 6]);
    assert!(found.verdicts.iter().all(|verdict| verdict.witnesses.corroborate()));
    assert!(found.verdicts[0].fix.contains("DS record of example.com"), "{}", found.verdicts[0].fix);
}

#[test]
fn one_validator_is_no_proof_in_either_direction() {
    let found = findings("bogus-at-one example.com");
    assert_eq!(statuses(&found), [(Status::NetworkError, Code::DnssecSuspect); 6]);
}

#[test]
fn resolvers_that_fail_for_another_reason_change_nothing() {
    for failure in ["servfail", "timeout", "refused"] {
        let found = findings(&format!("resolver-fault example.com {failure}"));
        assert_eq!(statuses(&found), [(Status::Pass, Code::Ok); 6], "{failure}");
    }
}

#[test]
fn a_failure_that_passes_is_no_broken_dnssec() {
    // The question without DNSSEC, a moment later, is answered.
    assert_eq!(statuses(&findings("passing example.com")), [(Status::Pass, Code::Ok); 6]);
    // No Reachable Authority, Network Error, Not Ready: it says itself what it was.
    for extended in [22, 23, 14] {
        let found = findings(&format!("bogus example.com {extended}"));
        assert_eq!(statuses(&found), [(Status::Pass, Code::Ok); 6], "{extended}");
    }
    // Bogus, DNSKEY Missing; and Cached Error and Indeterminate, which do not pass.
    for extended in [6, 9, 13, 5] {
        let found = findings(&format!("bogus example.com {extended}"));
        assert_eq!(statuses(&found), [(Status::Fail, Code::DnssecBogus); 6], "{extended}");
    }
}

#[test]
fn what_resolvers_do_not_see_yet_is_told_with_its_end() {
    let found = findings("stale _dmarc.example.com TXT");
    assert_eq!(statuses(&found), [(Status::Pass, Code::Ok); 6]);
    assert_eq!(found.verdicts[4].late, Some(3600), "as long as the negative answer may be kept");
    assert!(
        remarks(&found).starts_with("Published; 2 of 2 resolvers asked still have"),
        "{}",
        remarks(&found)
    );
}

#[test]
fn a_list_at_the_registry_that_differs_is_remarked() {
    let found = findings("parent example.com NS ns1.old-host.test");
    assert_eq!(statuses(&found), [(Status::Pass, Code::Ok); 6]);
    assert!(remarks(&found).contains("ns1.old-host.test") && remarks(&found).contains("48 hours"));
}

#[test]
fn a_signed_zone_nobody_checks_is_told() {
    let found = findings("parent example.com DS 12345 13 2 00");
    assert!(remarks(&found).contains("not checked"), "{}", remarks(&found));
    let found = findings("parent example.com DS 12345 13 2 00\nsigned example.com");
    assert_eq!(remarks(&found), "");
}
