use super::*;
use alloc::{format, string::ToString};

fn evaluated(ip: &str, zone: &ZoneText) -> Evaluation {
    let query = Query::new(ip.parse().unwrap(), "jo@example.com", "mail.example.com");
    asking(&mut Seen::new(), zone, |seen| check_host(seen, &query))
}

#[test]
fn the_trace_shows_every_step() {
    let zone = "example.com TXT v=spf1 mx include:a.test -all
        example.com MX mail.example.com\nmail.example.com A 192.0.2.9
        a.test TXT v=spf1 a:host.a.test ip4:192.0.2.0/24 ?all\nhost.a.test A 192.0.2.8";
    let evaluation = evaluated("192.0.2.77", zone);
    assert_eq!(evaluation.result, SpfResult::Pass);
    assert_eq!((evaluation.lookups, evaluation.voids), (3, 0));
    let steps = |trace: &Trace| -> Vec<String> {
        trace
            .steps
            .iter()
            .map(|s| format!("{} {:?} {}", s.term, s.result.map(SpfResult::as_str), s.lookups))
            .collect()
    };
    assert_eq!(steps(&evaluation.trace), ["mx None 1", "include:a.test Some(\"pass\") 2"]);
    let inner = evaluation.trace.steps[1].inner.as_ref().unwrap();
    assert_eq!(steps(inner), ["a:host.a.test None 1", "ip4:192.0.2.0/24 Some(\"pass\") 0"]);
    assert_eq!(evaluation.trace.reached(&name("a.test")), Some(inner));
    assert_eq!(evaluation.cause.to_string(), "include:a.test in the record of example.com matched");
}

#[test]
fn aliases_are_followed_for_eight_hops() {
    let chain = |hops: usize| {
        let mut zone = "example.com TXT v=spf1 include:h0.test -all".to_string();
        for hop in 0..hops {
            zone.push_str(&format!("\nh{hop}.test CNAME h{}.test", hop + 1));
        }
        zone + &format!("\nh{hops}.test TXT v=spf1 +all")
    };
    assert_eq!(evaluated("192.0.2.1", &chain(1)).result, SpfResult::Pass);
    assert_eq!(evaluated("192.0.2.1", &chain(8)).result, SpfResult::Pass);
    assert_eq!(evaluated("192.0.2.1", &chain(9)).result, SpfResult::Permerror);
    let circle = "example.com TXT v=spf1 include:a.test -all\na.test CNAME b.test\nb.test CNAME a.test";
    let evaluation = evaluated("192.0.2.1", circle);
    assert!(matches!(evaluation.cause, Cause::NothingThere { .. }), "{:?}", evaluation.cause);
}

#[test]
fn what_cannot_be_known_is_a_temporary_error() {
    for event in ["timeout", "servfail", "refused", "split"] {
        let zone = format!("example.com TXT v=spf1 a:x.test -all\nx.test A 192.0.2.1\nx.test ! {event}");
        let evaluation = evaluated("192.0.2.7", &zone);
        assert_eq!(evaluation.result, SpfResult::Temperror, "{event}");
        assert!(matches!(evaluation.cause, Cause::Unreachable { .. }));
    }
    let undelegated = "example.com TXT v=spf1 a:x.test -all\nx.test ! undelegated";
    let evaluation = evaluated("192.0.2.7", undelegated);
    assert_eq!((evaluation.result, evaluation.voids), (SpfResult::Fail, 1));
}

#[test]
fn a_circle_is_found_before_the_lookups_run_out() {
    let evaluation = evaluated(
        "192.0.2.7",
        "example.com TXT v=spf1 include:a.test -all\na.test TXT v=spf1 redirect=example.com",
    );
    assert_eq!(evaluation.cause, Cause::Loop("example.com".to_string()));
    assert_eq!(evaluation.lookups, 2);
}

#[test]
fn the_name_of_the_address_costs_a_lookup() {
    let zone = "example.com TXT v=spf1 exists:%{p}.ok.test exists:%{p}.no.test -all
        1.2.0.192.in-addr.arpa PTR mail.example.com\nmail.example.com A 192.0.2.1
        mail.example.com.no.test A 127.0.0.2\nx.ok.test A 127.0.0.2";
    let evaluation = evaluated("192.0.2.1", zone);
    assert_eq!((evaluation.result, evaluation.lookups), (SpfResult::Pass, 3));
}

#[test]
fn a_sender_beyond_ascii_matches_no_macro() {
    // RFC 8616 §4
    let zone = "example.com TXT v=spf1 exists:%{l}.u.test -all";
    let query = Query::new("192.0.2.1".parse().unwrap(), "jö@example.com", "mail.example.com");
    let evaluation = asking(&mut Seen::new(), zone, |seen| check_host(seen, &query));
    assert_eq!((evaluation.result, evaluation.voids), (SpfResult::Fail, 0));
}

#[test]
fn an_empty_sender_is_postmaster_at_the_helo_name() {
    let query = Query::new("192.0.2.1".parse().unwrap(), "", "mail.example.com");
    assert_eq!((query.local_part.as_str(), query.domain.as_str()), ("postmaster", "mail.example.com"));
    let query = Query::new("192.0.2.1".parse().unwrap(), "@example.net", "mail.example.com");
    assert_eq!((query.local_part.as_str(), query.domain.as_str()), ("postmaster", "example.net"));
}
