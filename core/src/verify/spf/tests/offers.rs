//! What may be written in place of a record that is not right.

use super::*;
use crate::{
    plan::PlannedRecord,
    verify::{
        Code,
        literal::{Literal, settle},
    },
};

const OURS: &str = "zone signet.test
    _spf.signet.test TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all
    zone example.com
    zone dead.test
    fault dead.test timeout
    zone wide.test
    wide.test TXT v=spf1 a:a1.wide.test a:a2.wide.test a:a3.wide.test a:a4.wide.test a:a5.wide.test a:a6.wide.test a:a7.wide.test a:a8.wide.test a:a9.wide.test ?all
    *.wide.test A 192.0.2.99
    *.wide.test AAAA 2001:db8::99";

fn with<T>(
    domain: &str,
    zone: &str,
    judge: impl Fn(&Context<'_>, &PlannedRecord, &Seen) -> Result<T, Need>,
) -> T {
    let provider = provider();
    let domain = name(domain);
    let plan = planned(&provider, domain.as_str(), &Present::default());
    let record = plan.iter().find(|record| record.key == RecordKey::Spf).unwrap();
    let context = Context {
        provider: &provider,
        domain: &domain,
        probe: PROBE,
        dkim_keys: [None, None],
        thorough: true,
        second_view: false,
    };
    let literal = Literal::parse(&alloc::format!("{OURS}\n{zone}"));
    settle(&literal, |seen| judge(&context, record, seen)).0
}

fn verdict(domain: &str, zone: &str) -> Verdict {
    with(domain, zone, |context, record, seen| judge(context, record, seen).map(|(verdict, _)| verdict))
}

#[test]
fn what_works_with_every_term_of_theirs_is_offered() {
    for (zone, offer) in [
        ("example.com MX 10 mx.example.com", Some("v=spf1 include:_spf.signet.test ~all")),
        (
            "example.com TXT v=spf1 ip4:192.0.2.7 -all",
            Some("v=spf1 ip4:192.0.2.7 include:_spf.signet.test -all"),
        ),
        (
            "example.com TXT v=spf1 ip4:192.0.2.7 -all\nexample.com TXT v=spf1 ip4:192.0.2.8 -all",
            Some("v=spf1 ip4:192.0.2.7 ip4:192.0.2.8 include:_spf.signet.test -all"),
        ),
        // Right as it is.
        ("example.com TXT v=spf1 include:_spf.signet.test -all", None),
        // Over the limit, open to anybody, broken, meant but none, at the wrong name, not read.
        ("example.com TXT v=spf1 include:wide.test -all", None),
        ("example.com TXT v=spf1 include:wide.test -all\nexample.com TXT v=spf1 ip4:192.0.2.8 -all", None),
        ("example.com TXT v=spf1 include:_spf.signet.test +all", None),
        ("example.com TXT v=spf1 ip4:192.0.2.300 -all", None),
        ("example.com TXT v=spf1include:_spf.signet.test ~all", None),
        ("_spf.example.com TXT v=spf1 ip4:192.0.2.7 -all", None),
        ("example.com CNAME www.example.com\nwww.example.com TXT v=spf1 ip4:192.0.2.7 -all", None),
        ("fault example.com TXT timeout", None),
    ] {
        let verdict = verdict("example.com", zone);
        assert_eq!(verdict.offer.as_deref(), offer, "{zone}\n{verdict:#?}");
    }
}

/// Two records are broken whoever answers, so that the look at them waits for nobody:
/// what they would come to as one is another question.
#[test]
fn nothing_is_offered_whose_limits_nobody_could_count() {
    let zone = "example.com TXT v=spf1 include:a.dead.test -all
        example.com TXT v=spf1 ip4:192.0.2.7 -all";
    let found = verdict("example.com", zone);
    assert_eq!((found.code, &found.offer), (Code::SpfMultiple, &None));
    let Publishable::Not(verdict) = with("example.com", zone, publishable) else {
        panic!("it may be anything")
    };
    let said = verdict.remarks.join(" ");
    assert!(said.contains("could not be found out now") && said.contains("a.dead.test"), "{said}");
    // With that server up it is what was always meant.
    let zone = "a.example.com TXT v=spf1 ip4:192.0.2.9 -all
        example.com TXT v=spf1 include:a.example.com -all
        example.com TXT v=spf1 ip4:192.0.2.7 -all";
    assert!(matches!(with("example.com", zone, publishable), Publishable::Text(..)));
}

/// A wildcard at the apex answers at the doubled name as at any other below it.
#[test]
fn a_wildcard_is_no_record_at_the_doubled_name() {
    let wildcard = "*.example.com TXT v=spf1 -all\nmail.example.com A 192.0.2.80";
    let judged = |zone: &str| verdict("mail.example.com", zone);
    let found = judged(wildcard);
    assert_eq!(found.code, Code::NoRecord, "{}", found.reason);
    // One that does stand there is found beside such a wildcard.
    let doubled = "mail.example.com.example.com TXT v=spf1 include:_spf.signet.test ~all";
    for zone in [String::from(doubled), alloc::format!("{wildcard}\n{doubled}")] {
        let found = judged(&zone);
        assert_eq!(found.code, Code::NameDoubled, "{zone}: {}", found.reason);
    }
}
