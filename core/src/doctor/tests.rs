//! Worlds as lists of lines, and what is found in them.

use super::*;
use crate::{
    names::{DomainName, RecordId},
    plan::tests::provider,
    verify::literal::{Literal, settle},
};
use alloc::{format, string::String, string::ToString, vec};
use std::collections::BTreeSet;

/// A world in which everything is right.
const GOOD: &str = "zone test
zone signet.test
zone 2.0.192.in-addr.arpa
zone 8.b.d.0.1.0.0.2.ip6.arpa
zone example.net
signet.test NS ns1.signet.test
signet.test NS ns2.signet.test
ns1.signet.test A 192.0.2.53
ns2.signet.test A 192.0.2.54
glue signet.test ns1.signet.test 192.0.2.53
glue signet.test ns2.signet.test 192.0.2.54
serial signet.test 7 7
bounce.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all
bounce.signet.test MX 10 bounce.signet.test
bounce.signet.test A 192.0.2.1
_spf.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all
track.signet.test AAAA 2001:db8::1
track.signet.test CAA 0 issue \"letsencrypt.org\"
signet.test MX 10 bounce.signet.test
*._report._dmarc.signet.test TXT v=DMARC1
1.2.0.192.in-addr.arpa PTR mail.example.net
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa PTR mail.example.net
mail.example.net A 192.0.2.1
mail.example.net AAAA 2001:db8::1
mail.example.net TXT v=spf1 a -all";

/// `GOOD` without the lines that begin with one of these, and with others.
fn world(without: &[&str], with: &[&str]) -> String {
    for prefix in without {
        assert!(GOOD.lines().any(|line| line.starts_with(prefix)), "{prefix:?} is not in the good world");
    }
    let kept = GOOD.lines().filter(|line| !without.iter().any(|prefix| line.starts_with(prefix)));
    kept.chain(with.iter().copied()).collect::<Vec<_>>().join("\n")
}

fn ours() -> Provider {
    Provider { dmarc_rua: Some("reports@signet.test".to_string()), ..provider() }
}

fn name_servers() -> Vec<(Name, Vec<IpAddr>)> {
    [("ns1.signet.test", "192.0.2.53"), ("ns2.signet.test", "192.0.2.54")]
        .map(|(name, ip)| (Name::parse(name).unwrap(), vec![ip.parse().unwrap()]))
        .to_vec()
}

fn report(provider: &Provider, zone: &str, adjust: impl Fn(Request<'_>) -> Request<'_>) -> Report {
    let servers = name_servers();
    let request = Request {
        provider,
        name_servers: &servers,
        serves: true,
        helo: None,
        probe: "qwertz",
        recursive: false,
        earlier: &[],
    };
    let request = adjust(request);
    settle(&Literal::parse(zone), |seen| judge(&request, seen)).0
}

fn found(zone: &str) -> Report {
    report(&ours(), zone, |request| request)
}

/// The codes other than `ok`; addresses for documentation are what tests have.
fn codes(findings: &[Finding]) -> Vec<&'static str> {
    let told = findings.iter().filter(|f| !matches!(f.code, Code::Ok | Code::AddressNotPublic));
    let codes: BTreeSet<&'static str> = told.map(|finding| finding.code.as_str()).collect();
    codes.into_iter().collect()
}

fn the(findings: &[Finding], code: Code) -> &Finding {
    findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("no {code}: {findings:#?}"))
}

/// What holds for every finding.
fn sound(finding: &Finding) {
    assert!(finding.reason.ends_with('.'), "{finding:?}");
    assert!(finding.code == Code::Ok || !finding.fix.is_empty(), "nothing to do about it: {finding:?}");
    assert_eq!(finding.reason.starts_with("Could not tell"), finding.code == Code::Unanswered, "{finding:?}");
    assert!(finding.observed.iter().all(|line| line.len() < 4000), "{finding:?}");
}

#[test]
fn all_is_well() {
    let report = found(GOOD);
    report.findings.iter().for_each(sound);
    assert!(codes(&report.findings).is_empty(), "{:#?}", report.findings);
    assert_eq!(outcome(&report.findings), Outcome::Good);
    assert_eq!(report.newest, [(Name::parse("signet.test").unwrap(), 7)]);
    let subjects: BTreeSet<Subject> =
        report.findings.iter().filter(|f| f.code == Code::Ok).map(|f| f.subject).collect();
    let all = [
        Subject::Delegation,
        Subject::NameServers,
        Subject::Bounce,
        Subject::Spf,
        Subject::Track,
        Subject::Reports,
        Subject::Ptr,
        Subject::Helo,
    ];
    assert_eq!(subjects, BTreeSet::from(all));
}

/// One row: what is taken out of the good world, what is put into it, and the
/// codes that must then be found.
type Row = (&'static [&'static str], &'static [&'static str], &'static [&'static str]);

const LONG: &str = "_spf.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 \
    ip4:192.0.2.2 ip4:192.0.2.4 ip4:192.0.2.6 ip4:192.0.2.8 ip4:192.0.2.10 ip4:192.0.2.12 ip4:192.0.2.14 \
    ip4:192.0.2.16 ip4:192.0.2.18 ip4:192.0.2.20 ip4:192.0.2.22 ip4:192.0.2.24 ip4:192.0.2.26 ip4:192.0.2.28 \
    ip4:192.0.2.30 ip4:192.0.2.32 ip4:192.0.2.34 ip4:192.0.2.36 ip4:192.0.2.38 ip4:192.0.2.40 ip4:192.0.2.42 \
    ip4:192.0.2.44 ip4:192.0.2.46 ip4:192.0.2.48 ip4:192.0.2.50 ip4:192.0.2.52 ip4:192.0.2.54 \
    ip4:192.0.2.56 ip4:192.0.2.58 ip4:192.0.2.60 ip4:192.0.2.62 ip4:192.0.2.64 ~all";

const MISTAKES: &[Row] = &[
    // The delegation.
    (
        &["signet.test NS ns2"],
        &["parent signet.test NS ns1.signet.test", "parent signet.test NS old.example.net"],
        &["delegation_differs"],
    ),
    (&["glue signet.test ns2"], &[], &["glue_missing"]),
    (&["glue signet.test ns2"], &["glue signet.test ns2.signet.test 192.0.2.99"], &["glue_differs"]),
    (&[], &["ns2.signet.test AAAA 2001:db8::54"], &["glue_incomplete"]),
    (&[], &["bogus signet.test", "signet.test DS x", "parent signet.test DS x"], &["dnssec_bogus"]),
    // The name servers.
    (&[], &["second-fault signet.test timeout"], &["server_silent"]),
    (&[], &["second-fault signet.test unreachable"], &["server_silent"]),
    (&[], &["second-fault signet.test refused"], &["server_lame"]),
    (&[], &["second-fault signet.test private"], &["server_address"]),
    (&[], &["stream-fault signet.test unreachable"], &["no_tcp"]),
    (&[], &["unauthoritative signet.test"], &["not_authoritative"]),
    (&[], &["recursive signet.test"], &["recursion_offered"]),
    (&["serial"], &["serial signet.test 7 5"], &["serials_differ"]),
    (&[], &["alone signet.test"], &["one_server"]),
    // What customers' records point to.
    (&["bounce.signet.test A"], &[], &["no_address", "no_mail_exchanger", "reports_lost"]),
    (&["bounce.signet.test MX"], &[], &["no_mail_exchanger"]),
    (&["bounce.signet.test MX"], &["bounce.signet.test MX 10 ."], &["no_mail_exchanger"]),
    (&["bounce.signet.test TXT"], &[], &["spf_not_passed"]),
    (&["bounce.signet.test TXT"], &["bounce.signet.test TXT v=spf1 ip4:192.0.2.1 -all"], &["spf_not_passed"]),
    (&["track.signet.test AAAA"], &[], &["no_address"]),
    (&["track.signet.test AAAA"], &["track.signet.test CNAME www.example.net"], &["no_address"]),
    (&["track.signet.test CAA"], &["track.signet.test CAA 0 issue \";\""], &["caa_forbids"]),
    (&["track.signet.test CAA"], &["signet.test CAA 0 issue \"\""], &["caa_forbids"]),
    (&[], &["track.signet.test CAA 128 odd \"x\""], &["caa_forbids"]),
    (&[], &["second track.signet.test AAAA"], &["servers_disagree"]),
    // The record that customers include.
    (&["_spf.signet.test"], &["_spf.signet.test TXT v=spf1 ip4:192.0.2.1 ~all"], &["spf_not_passed"]),
    (
        &["_spf.signet.test"],
        &["_spf.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 +all"],
        &["spf_open"],
    ),
    (&["_spf.signet.test"], &[LONG], &["spf_too_long"]),
    (
        &["_spf.signet.test"],
        &[
            "_spf.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 a:www.example.net ~all",
            "www.example.net A 192.0.2.80",
        ],
        &["spf_costly"],
    ),
    // DMARC reports.
    (&["*._report"], &[], &["consent_missing"]),
    (&["signet.test MX"], &[], &["reports_lost"]),
    // The sending addresses.
    (&["1.2.0.192"], &[], &["ptr_missing"]),
    (&["mail.example.net A 1"], &["mail.example.net A 192.0.2.9"], &["helo_spf_fails", "ptr_unconfirmed"]),
    (
        &["1.2.0.192"],
        &[
            "1.2.0.192.in-addr.arpa PTR host-192-0-2-1.example.net",
            "host-192-0-2-1.example.net A 192.0.2.1",
            "host-192-0-2-1.example.net TXT v=spf1 a -all",
        ],
        &["ptr_generic"],
    ),
    (&["mail.example.net TXT"], &[], &["helo_spf_not_passed"]),
    (&["mail.example.net TXT"], &["mail.example.net TXT v=spf1 -all"], &["helo_spf_fails"]),
    (&["mail.example.net TXT"], &["mail.example.net TXT v=spf1 ~all"], &["helo_spf_not_passed"]),
];

#[test]
fn each_mistake_is_called_by_its_name() {
    for (without, with, wanted) in MISTAKES {
        let report = found(&world(without, with));
        report.findings.iter().for_each(sound);
        assert_eq!(
            codes(&report.findings),
            *wanted,
            "without {without:?}, with {with:?}: {:#?}",
            report.findings
        );
    }
}

#[test]
fn a_mistake_has_its_evidence_and_the_text_to_paste() {
    let report = found(&world(&["glue signet.test ns2"], &["glue signet.test ns2.signet.test 192.0.2.99"]));
    let glue = the(&report.findings, Code::GlueDiffers);
    assert_eq!(glue.paste, ["ns2.signet.test. A 192.0.2.54"]);
    assert!(glue.reason.contains("192.0.2.99") && glue.server.is_some() && glue.rcode.is_some(), "{glue:?}");
    let report = found(&world(&["1.2.0.192"], &[]));
    let ptr = the(&report.findings, Code::PtrMissing);
    assert_eq!(ptr.paste, ["1.2.0.192.in-addr.arpa. PTR bounce.signet.test."]);
    let report = found(&world(&["serial"], &["serial signet.test 4294967295 2"]));
    let late = the(&report.findings, Code::SerialsDiffer);
    // RFC 1982: the version after the highest number is a low one.
    assert!(late.reason.contains("version 4294967295 of signet.test, 3 behind the newest, 2"), "{late:?}");
}

#[test]
fn a_server_that_had_time_and_is_still_behind_is_a_problem() {
    let zone = Name::parse("signet.test").unwrap();
    let behind = world(&["serial"], &["serial signet.test 9 7"]);
    for (earlier, wanted) in [(9, vec!["server_behind"]), (7, vec![])] {
        let earlier = [(zone.clone(), earlier)];
        let provider = ours();
        let servers = name_servers();
        let request = Request {
            provider: &provider,
            name_servers: &servers,
            serves: true,
            helo: None,
            probe: "qwertz",
            recursive: false,
            earlier: &earlier,
        };
        let report = settle(&Literal::parse(&behind), |seen| judge(&request, seen)).0;
        assert_eq!(codes(&report.findings), wanted, "{:#?}", report.findings);
    }
}

#[test]
fn a_zone_that_is_not_delegated_is_explained() {
    let report = found(&world(&[], &["undelegated signet.test"]));
    assert_eq!(codes(&report.findings), ["not_delegated"], "an example's name is no matter before that");
    let first_run = the(&report.findings, Code::NotDelegated);
    sound(first_run);
    assert!(first_run.reason.contains("RFC 6761"), "{first_run:?}");
    let lines = [
        "signet.test. NS ns1.signet.test.",
        "signet.test. NS ns2.signet.test.",
        "ns1.signet.test. A 192.0.2.53",
        "ns2.signet.test. A 192.0.2.54",
    ];
    assert_eq!(first_run.paste, lines);
    assert!(!report.reachable && report.findings.iter().all(|f| f.subject != Subject::Bounce));
    // In a zone of somebody's that knows nothing of it.
    let zone = Name::parse("signet.example.net").unwrap();
    let provider = Provider { demo_zone: zone.prepend("demo").unwrap(), zone, ..provider() };
    let unknown = report_of(&provider, GOOD);
    let finding = the(&unknown.findings, Code::NotDelegated);
    assert!(finding.fix.starts_with("In the zone example.net"), "{finding:?}");
    // And in one that has the records itself.
    let with = [
        "bounce.signet.example.net A 192.0.2.1",
        "bounce.signet.example.net MX 10 bounce.signet.example.net",
    ];
    let kept = report_of(&provider, &world(&[], &with));
    assert!(codes(&kept.findings).contains(&"no_zone_cut") && kept.reachable, "{:#?}", kept.findings);
}

fn report_of(provider: &Provider, zone: &str) -> Report {
    report(provider, zone, |request| request)
}

#[test]
fn an_outage_proves_nothing() {
    for fault in ["timeout", "unreachable"] {
        let report = found(&format!("{GOOD}\nfault signet.test {fault}"));
        report.findings.iter().for_each(sound);
        assert_eq!(codes(&report.findings), ["unanswered"], "{:#?}", report.findings);
        assert_eq!(outcome(&report.findings), Outcome::Unknown);
    }
    for (fault, name) in [
        ("timeout", "bounce.signet.test"),
        ("servfail", "_spf.signet.test"),
        ("refused", "track.signet.test"),
        ("timeout", "_report._dmarc.signet.test"),
        ("timeout", "2.0.192.in-addr.arpa"),
        ("servfail", "example.net"),
    ] {
        let report = found(&format!("{GOOD}\nfault {name} {fault}"));
        report.findings.iter().for_each(sound);
        assert_eq!(codes(&report.findings), ["unanswered"], "{name}: {:#?}", report.findings);
    }
    // Nobody answers over TCP: that may be our own line.
    let report = found(&format!("{GOOD}\nstream-fault signet.test timeout"));
    assert_eq!(codes(&report.findings), ["unanswered"]);
    // But servers that all refuse have spoken.
    let report = found(&format!("{GOOD}\nfault signet.test refused"));
    assert_eq!(codes(&report.findings), ["server_lame"]);
}

#[test]
fn the_configured_greeting_is_what_is_judged() {
    let helo = Name::parse("out.example.net").unwrap();
    let judged = |zone: &str| {
        let (provider, servers) = (ours(), name_servers());
        let request = Request {
            provider: &provider,
            name_servers: &servers,
            serves: true,
            helo: Some(&helo),
            probe: "qwertz",
            recursive: false,
            earlier: &[],
        };
        settle(&Literal::parse(zone), |seen| judge(&request, seen)).0
    };
    let spf = "out.example.net TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all";
    let addresses = ["out.example.net A 192.0.2.1", "out.example.net AAAA 2001:db8::1"];
    let right = judged(&world(&[], &[spf, addresses[0], addresses[1]]));
    assert_eq!(codes(&right.findings), [""; 0], "{:#?}", right.findings);
    let half = judged(&world(&[], &[spf, addresses[0]]));
    assert_eq!(codes(&half.findings), ["helo_unconfirmed"], "{:#?}", half.findings);
    assert_eq!(the(&half.findings, Code::HeloUnconfirmed).paste, ["out.example.net. AAAA 2001:db8::1"]);
}

#[test]
fn with_resolvers_alone_the_servers_are_not_judged() {
    let report = report(&ours(), GOOD, |request| Request { recursive: true, ..request });
    assert_eq!(codes(&report.findings), ["servers_unchecked"], "{:#?}", report.findings);
    assert_eq!(outcome(&report.findings), Outcome::Good);
}

#[test]
fn a_demo_zone_elsewhere_is_judged_as_well() {
    let provider = Provider { demo_zone: Name::parse("demo.example").unwrap(), ..ours() };
    let report = report(&provider, &world(&[], &["undelegated demo.example"]), |request| request);
    assert_eq!(the(&report.findings, Code::NotDelegated).about, "demo.example");
    assert!(report.reachable);
}

fn target(name: &str, text: Option<&str>) -> Target {
    Target { name: Name::parse(name).unwrap(), text: text.map(|text| text.as_bytes().to_vec()) }
}

fn tally(zone: &str, targets: &[Target], demos: &[DemoDomain]) -> Tally {
    let batch = Batch { domains: 1, targets: targets.to_vec(), demos: demos.to_vec() };
    settle(&Literal::parse(zone), |seen| {
        let mut tally = Tally::default();
        domains(&provider(), &batch, seen, &mut tally).map(|()| tally)
    })
    .0
}

#[test]
fn keys_are_compared_on_every_server() {
    const KEY: &str = "sg1.aaaa.dkim.signet.test";
    const BESIDE: [&str; 2] =
        ["sg1.aaaa.dkim.signet.test A 192.0.2.1", "sg2.aaaa.dkim.signet.test A 192.0.2.1"];
    let served = format!("{KEY} TXT \"v=DKIM1; k=rsa; \" \"p=AAAA\"");
    let right = target(KEY, Some("v=DKIM1; k=rsa; p=AAAA"));
    let waiting = target("sg2.aaaa.dkim.signet.test", None);
    let good = tally(
        &world(&[], &[&[served.as_str()], &BESIDE[..]].concat()),
        &[right.clone(), waiting.clone()],
        &[],
    );
    assert_eq!((good.keys, good.waiting, good.wrong, good.unanswered), (1, 1, 0, 0));
    let said = good.findings(&provider(), true);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].reason, "1 key of 1 domain is served as the database has it, and 1 still to be made.");
    for (with, wanted, keys) in [
        (vec![], "key_missing", vec![right.clone()]),
        (vec![served.clone(), format!("second {KEY} TXT")], "key_missing", vec![right.clone()]),
        (vec![format!("{KEY} TXT v=DKIM1; k=rsa; p=BBBB")], "key_differs", vec![right.clone()]),
        (
            vec![served.clone(), format!("{KEY} TXT v=DKIM1; k=rsa; p=BBBB")],
            "key_differs",
            vec![right.clone()],
        ),
        (vec!["sg2.aaaa.dkim.signet.test TXT v=DKIM1; p=OLD".to_string()], "key_unexpected", vec![waiting]),
        (vec![served, "fault dkim.signet.test timeout".to_string()], "unanswered", vec![right]),
    ] {
        let with: Vec<&str> = with.iter().map(String::as_str).chain(BESIDE).collect();
        let found = tally(&world(&[], &with), &keys, &[]).findings(&provider(), false);
        found.iter().for_each(sound);
        assert_eq!(codes(&found), [wanted], "{found:#?}");
    }
}

#[test]
fn an_address_stands_beside_each_key() {
    let names = ["sg1.aaaa.dkim.signet.test", "sg2.aaaa.dkim.signet.test"];
    let texts = names.map(|name| format!("{name} TXT v=DKIM1; p=A"));
    let targets = names.map(|name| target(name, Some("v=DKIM1; p=A")));
    for (addresses, bare) in [(vec![], 2), (vec!["sg1.aaaa.dkim.signet.test A 192.0.2.1"], 1)] {
        let with: Vec<&str> = texts.iter().map(String::as_str).chain(addresses).collect();
        let tally = tally(&world(&[], &with), &targets, &[]);
        assert_eq!((tally.bare, tally.wrong, tally.faults()), (bare, 0, bare));
        let found = tally.findings(&provider(), true);
        found.iter().for_each(sound);
        assert_eq!(codes(&found), ["key_bare"]);
    }
}

#[test]
fn many_wrong_keys_are_counted_and_some_shown() {
    let targets: Vec<Target> =
        (0..50).map(|n| target(&format!("sg1.x{n}.dkim.signet.test"), Some("v=DKIM1; p=A"))).collect();
    let found = tally(GOOD, &targets, &[]).findings(&provider(), true);
    assert_eq!(found.len(), 20);
    assert!(found[19].reason.ends_with("30 more keys are wrong."), "{:?}", found[19]);
}

#[test]
fn demo_domains_are_compared_with_the_plan() {
    let domain = DemoDomain {
        name: DomainName::trusted(Name::parse("abc.demo.signet.test").unwrap()),
        id: RecordId::parse("abcdefghijklmnop").unwrap(),
    };
    let provider = provider();
    let planned = crate::plan::plan(
        &provider,
        &crate::plan::Subject { domain: &domain.name, id: &domain.id, demo: true, dkim: Default::default() },
        &crate::plan::Present::default(),
    );
    let lines: Vec<String> =
        planned.iter().map(|record| format!("{} {} {}", record.owner, record.rtype, record.value)).collect();
    let all: Vec<&str> = lines.iter().map(String::as_str).collect();
    let judged = |with: &[&str]| {
        let found = tally(&world(&[], with), &[], core::slice::from_ref(&domain)).findings(&provider, true);
        found.into_iter().filter(|finding| finding.subject == Subject::Demo).collect::<Vec<_>>()
    };
    assert_eq!(judged(&all)[0].code, Code::Ok);
    for without in 0..all.len() {
        let some: Vec<&str> =
            all.iter().enumerate().filter(|(n, _)| *n != without).map(|(_, line)| *line).collect();
        let found = judged(&some);
        found.iter().for_each(sound);
        assert_eq!(codes(&found), ["demo_differs"], "{}", all[without]);
        assert!(found[0].paste[0].starts_with(planned[without].owner.as_str()), "{found:?}");
    }
    assert_eq!(codes(&judged(&["fault demo.signet.test timeout"])), ["unanswered"]);
}

#[test]
fn names_made_of_the_address_are_known() {
    let generic =
        |name: &str, ip: &str| address::is_generic(&Name::parse(name).unwrap(), ip.parse().unwrap());
    for (name, ip, wanted) in [
        ("host-203-0-113-9.example.net", "203.0.113.9", true),
        ("9.113.0.203.dyn.example.net", "203.0.113.9", true),
        ("static.203.0.113.9.clients.example.net", "203.0.113.9", true),
        ("ip203000113009.example.net", "203.0.113.9", true),
        ("cb007109.example.net", "203.0.113.9", true),
        ("mail.example.net", "203.0.113.9", false),
        ("mail9.example.net", "203.0.113.9", false),
        ("mx-113-9.example.net", "203.0.113.9", false),
        ("2001-db8--9.example.net", "2001:db8::9", true),
        ("20010db8000000000000000000000009.example.net", "2001:db8::9", true),
        ("mail.example.net", "2001:db8::9", false),
    ] {
        assert_eq!(generic(name, ip), wanted, "{name} {ip}");
    }
}

/// A word without a test is a word that may never be said.
#[test]
fn every_word_of_dns_is_tested() {
    let elsewhere: BTreeSet<&str> = BTreeSet::from([
        // Of this machine; `server/tests/doctor.rs`.
        "key_file_unusable",
        "key_file_other",
        "database_unusable",
        "database_empty",
        "clock_skewed",
        "resolver_silent",
        "resolver_not_validating",
        "public_url_plain",
        "public_url_unreachable",
        "mail_to_files",
        "smtp_unusable",
        "smtp_plain",
        "zone_server_silent",
        "zone_server_differs",
        // Above, in tests of their own.
        "ok",
        "unanswered",
        "not_delegated",
        "no_zone_cut",
        "server_behind",
        "servers_unchecked",
        "key_missing",
        "key_differs",
        "key_unexpected",
        "key_bare",
        "demo_differs",
        "address_not_public",
        "helo_unconfirmed",
    ]);
    let in_the_table: BTreeSet<&str> = MISTAKES.iter().flat_map(|row| row.2.iter().copied()).collect();
    for code in Code::ALL {
        let word = code.as_str();
        assert!(elsewhere.contains(word) != in_the_table.contains(word), "{word}");
    }
}
