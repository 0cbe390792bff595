use super::*;
use crate::verify::{Code, Status};
use alloc::{format, string::ToString};
use std::collections::BTreeSet;

struct Row {
    /// The zone, for the domain `example.com`.
    zone: &'static str,
    status: Status,
    code: Code,
    /// The record the fix offers, or `-` when it must offer none.
    offers: &'static str,
}

/// A domain whose record is `text`, with whatever else is in `zone`.
macro_rules! row {
    ($zone:expr => $status:ident $code:ident $offers:expr) => {
        Row { zone: $zone, status: Status::$status, code: Code::$code, offers: $offers }
    };
}

const PLAIN: &str = "v=spf1 include:_spf.signet.test ~all";

/// Eight look-ups behind one include.
const WIDE: &str = "wide.test TXT v=spf1 include:w1.test include:w2.test include:w3.test include:w4.test include:w5.test include:w6.test include:w7.test ?all
w1.test TXT v=spf1 ip4:192.0.2.101 ?all
w2.test TXT v=spf1 ip4:192.0.2.102 ?all
w3.test TXT v=spf1 ip4:192.0.2.103 ?all
w4.test TXT v=spf1 ip4:192.0.2.104 ?all
w5.test TXT v=spf1 ip4:192.0.2.105 ?all
w6.test TXT v=spf1 ip4:192.0.2.106 ?all
w7.test TXT v=spf1 ip4:192.0.2.107 ?all
";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // Nothing there.
    row!("" => Missing NameNotFound PLAIN),
    row!("example.com A 192.0.2.9" => Missing NoRecord PLAIN),
    row!("example.com TXT some-site-verification=abc" => Missing NoRecord PLAIN),
    row!("example.com TXT v=spf10 -all" => Fail Malformed "-"),
    row!("example.com TXT x\n*.example.com TXT v=spf1 -all" => Missing NoRecord PLAIN),
    row!("example.com.example.com TXT v=spf1 include:_spf.signet.test -all" => Missing NameDoubled "v=spf1 include:_spf.signet.test -all"),
    row!("_spf.example.com TXT v=spf1 ip4:192.0.2.200 -all" => Missing SpfWrongName "v=spf1 ip4:192.0.2.200 include:_spf.signet.test -all"),
    row!("spf.example.com TXT v=spf1 include:_spf.signet.test ~all" => Missing SpfWrongName PLAIN),
    // What is moved has to work where it is moved to.
    row!("example.com SPF v=spf1 ip4:192.0.2.200 +all" => Missing SpfType99 "v=spf1 ip4:192.0.2.200 include:_spf.signet.test ~all"),
    row!("_spf.example.com TXT v=spf1 include=_spf.signet.test -all" => Missing SpfWrongName "v=spf1 include:_spf.signet.test -all"),
    row!("example.com.example.com TXT v=spf1 include:example.com -all" => Missing NameDoubled "v=spf1 include:_spf.signet.test -all"),
    row!("spf.example.com TXT v=spf1 exists:1.test exists:2.test exists:3.test exists:4.test exists:5.test exists:6.test exists:7.test exists:8.test exists:9.test exists:10.test -all\n*.test A 127.0.0.2"
        => Missing SpfWrongName "-"),
    // Nobody knows.
    row!("example.com ! timeout" => NetworkError Timeout "-"),
    row!("example.com ! servfail" => NetworkError Servfail "-"),
    row!("example.com ! refused" => NetworkError Refused "-"),
    row!("example.com TXT v=spf1 include:_spf.signet.test ~all\nexample.com ! split" => NetworkError ServersDisagree "-"),
    row!("example.com ! undelegated" => Missing NotDelegated "-"),
    row!("example.com TXT v=spf1 include:_spf.signet.test ~all\nexample.com ! lame" => Pass Ok "-"),
    // Cannot have one.
    row!("example.com CNAME www.host.test" => Fail CnameAtApex PLAIN),
    row!("example.com SPF v=spf1 mx ~all" => Missing SpfType99 "v=spf1 mx include:_spf.signet.test ~all"),
    // Meant as one.
    row!("example.com TXT \"v=spf1 include:_spf.signet.test ~all\"" => Fail Malformed PLAIN),
    row!("example.com TXT  v=spf1 include:_spf.signet.test -all" => Fail Malformed "v=spf1 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1include:_spf.signet.test ~all" => Fail Malformed PLAIN),
    row!("example.com TXT include:_spf.signet.test v=spf1 ~all" => Fail Malformed "-"),
    row!("example.com TXT v=spf1; ip4:192.0.2.200; -all" => Fail Malformed "v=spf1 ip4:192.0.2.200 include:_spf.signet.test -all"),
    // Several.
    row!("example.com TXT v=spf1 a:mail.example.com -all\nexample.com TXT v=spf1 include:_spf.signet.test ~all\nmail.example.com A 192.0.2.200"
        => Fail SpfMultiple "v=spf1 a:mail.example.com include:_spf.signet.test ~all"),
    row!("example.com TXT v=spf1 ip4:192.0.2.200 -all\nexample.com TXT v=spf1 ip4:192.0.2.201 -all"
        => Fail SpfMultiple "v=spf1 ip4:192.0.2.200 ip4:192.0.2.201 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 include:_spf.signet.test ~all\nexample.com TXT v=spf1 ip4:192.0.2.201 -all\nexample.com TXT v=spf1 ip4:192.0.2.200 -all"
        => Fail SpfMultiple "v=spf1 ip4:192.0.2.200 ip4:192.0.2.201 include:_spf.signet.test ~all"),
    row!("example.com TXT v=spf1 ip4:192.0.2.300 -all\nexample.com TXT v=spf1 -all" => Fail SpfMultiple "-"),
    // Mistakes.
    row!("example.com TXT v=spf1 include=_spf.signet.test -all" => Fail SpfSyntax "v=spf1 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 ip4:2001:db8::200 -all" => Fail SpfSyntax "v=spf1 ip6:2001:db8::200 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 ip4:192.0.2.200, include:_spf.signet.test -all" => Fail SpfSyntax "v=spf1 ip4:192.0.2.200 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 ip4:192.0.2.200 “include:_spf.signet.test” –all" => Fail SpfSyntax "v=spf1 ip4:192.0.2.200 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 redirect=a.test redirect=b.test" => Fail SpfSyntax "-"),
    row!("example.com TXT v=spf1 ip4:192.0.2.300 -all" => Fail SpfSyntax "-"),
    // Works.
    row!("example.com TXT v=spf1 include:_spf.signet.test ~all" => Pass Ok "-"),
    row!("example.com TXT v=spf1 include:_spf.signet.test -all exp=why.example.com" => Pass Ok "-"),
    row!("example.com TXT v=SPF1 INCLUDE:_SPF.signet.test. -all" => Pass Ok "-"),
    row!("example.com TXT v=spf1 redirect=_spf.example.com\n_spf.example.com TXT v=spf1 include:_spf.signet.test -all" => Pass Ok "-"),
    row!("example.com TXT v=spf1 include:all.example.com -all\nall.example.com TXT v=spf1 include:_spf.signet.test -all" => Pass Ok "-"),
    row!("example.com TXT v=spf1 exists:%{i}.ok.example.com -all\n192.0.2.1.ok.example.com A 127.0.0.2\n2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.ok.example.com A 127.0.0.2" => Pass Ok "-"),
    row!("example.com TXT v=spf1 include:_spf.signet.test -all mx" => Pass Ok "-"),
    // Ours is down, which is not theirs.
    row!("example.com TXT v=spf1 include:_spf.signet.test -all\n_spf.signet.test ! timeout" => Pass Ok "-"),
    row!("example.com TXT v=spf1 include:_spf.signet.test -all\n_spf.signet.test A 192.0.2.1" => Pass Ok "-"),
    row!("example.com TXT v=spf1 include:_spf.signet.test -all\n_spf.signet.test TXT v=spf1 ip4:192.0.2.99 -all" => Pass Ok "-"),
    row!("example.com TXT v=spf1 ip4:192.0.2.200 -all\n_spf.signet.test ! timeout" => Fail SpfNotIncluded "v=spf1 ip4:192.0.2.200 include:_spf.signet.test -all"),
    // Does not let us send.
    row!("example.com TXT v=spf1 -all" => Fail SpfNotIncluded "v=spf1 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 redirect=r.test\nr.test TXT v=spf1 -all" => Fail SpfNotIncluded "v=spf1 include:_spf.signet.test redirect=r.test"),
    row!("example.com TXT v=spf1 ?include:_spf.signet.test -all" => Fail SpfNotIncluded "v=spf1 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 -ip4:192.0.2.0/24 -ip6:2001:db8::/48 include:_spf.signet.test -all"
        => Fail SpfNotIncluded "v=spf1 include:_spf.signet.test -ip4:192.0.2.0/24 -ip6:2001:db8::/48 -all"),
    row!("example.com TXT v=spf1 ip4:192.0.2.200 -all include:_spf.signet.test" => Fail SpfAfterAll "v=spf1 ip4:192.0.2.200 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 ip4:192.0.2.0/24 -all" => Softfail SpfPartial "v=spf1 ip4:192.0.2.0/24 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 exists:%{i}.%{l}.u.example.com -all\n192.0.2.1.postmaster.u.example.com A 127.0.0.2\n2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.postmaster.u.example.com A 127.0.0.2"
        => Softfail SpfPartial "v=spf1 exists:%{i}.%{l}.u.example.com include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 exists:%{l}.u.example.com -all\npostmaster.u.example.com A 127.0.0.2" => Fail SpfAllowsAnyone PLAIN_STRICT),
    // Cannot be evaluated.
    row!("example.com TXT v=spf1 a mx include:wide.test include:_spf.signet.test -all\nexample.com A 192.0.2.9\nexample.com MX example.com" => Fail SpfTooManyLookups "-"),
    row!("example.com TXT v=spf1 include:_spf.signet.test a mx include:wide.test -all\nexample.com A 192.0.2.9\nexample.com MX example.com" => Softfail SpfTooManyLookups "-"),
    row!("example.com TXT v=spf1 a mx include:wide.test -all\nexample.com A 192.0.2.9\nexample.com AAAA 2001:db8::99\nexample.com MX example.com" => Fail SpfNotIncluded "-"),
    row!("example.com TXT v=spf1 a:n1.test a:n2.test a:n3.test include:_spf.signet.test -all" => Fail SpfTooManyVoidLookups "v=spf1 a:n1.test a:n2.test include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 include:_spf.signet.test a:n1.test a:n2.test a:n3.test -all" => Softfail SpfTooManyVoidLookups "v=spf1 include:_spf.signet.test a:n1.test a:n2.test -all"),
    row!("example.com TXT v=spf1 a:h1.test a:h2.test a:h3.test include:_spf.signet.test -all\nh1.test A 192.0.2.7\nh2.test A 192.0.2.7\nh3.test A 192.0.2.7" => Softfail SpfTooManyVoidLookups "v=spf1 a:h1.test a:h2.test include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 include:example.com include:_spf.signet.test -all" => Fail SpfLoop PLAIN_STRICT),
    row!("example.com TXT v=spf1 include:_spf.signet.test include:x.test -all\nx.test TXT v=spf1 include:example.com -all" => Softfail SpfLoop PLAIN_STRICT),
    row!("example.com TXT v=spf1 include:gone.test include:_spf.signet.test -all" => Fail SpfBrokenInclude PLAIN_STRICT),
    row!("example.com TXT v=spf1 include:_spf.signet.test include:gone.test -all" => Softfail SpfBrokenInclude PLAIN_STRICT),
    row!("example.com TXT v=spf1 include:bad.test -all\nbad.test TXT v=spf1 ip4:nonsense -all" => Fail SpfBrokenInclude PLAIN_STRICT),
    row!("example.com TXT v=spf1 redirect=gone.test" => Fail SpfBrokenInclude PLAIN),
    row!("example.com TXT v=spf1 include:slow.test include:_spf.signet.test -all\nslow.test ! timeout" => NetworkError SpfIncludeUnreachable "-"),
    row!("example.com TXT v=spf1 include:_spf.signet.test include:slow.test -all\nslow.test ! timeout" => Softfail SpfIncludeUnreachable "-"),
    // Works, but.
    row!("example.com TXT v=spf1 a include:wide.test include:_spf.signet.test -all\nexample.com A 192.0.2.9\nexample.com AAAA 2001:db8::99" => Softfail SpfNearLimit "-"),
    row!("example.com TXT v=spf1 include:wide.test include:_spf.signet.test -all" => Softfail SpfNearLimit "-"),
    row!("example.com TXT v=spf1 redirect=wide.test include:_spf.signet.test -all" => Pass Ok "-"),
    row!("example.com TXT v=spf1 include:w1.test include:w2.test include:w3.test include:w4.test include:w5.test include:w6.test include:w7.test include:_spf.signet.test -all\n# wide.test" => Pass Ok "-"),
    row!("example.com TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all" => Softfail Pinned PLAIN_STRICT),
    row!("example.com TXT v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/48 -all" => Softfail Pinned "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/48 include:_spf.signet.test -all"),
    row!("example.com TXT v=spf1 include:_spf.signet.test ?all" => Softfail SpfNeutral PLAIN),
    row!("example.com TXT v=spf1 include:_spf.signet.test" => Softfail SpfNeutral PLAIN),
    row!("example.com TXT v=spf1 include:_spf.signet.test ptr -all" => Softfail SpfPtr PLAIN_STRICT),
    // Lets anybody send.
    row!("example.com TXT v=spf1 include:_spf.signet.test +all" => Fail SpfAllowsAnyone PLAIN),
    row!("example.com TXT v=spf1 all" => Fail SpfAllowsAnyone PLAIN),
    row!("example.com TXT v=spf1 ip4:0.0.0.0/0 -all" => Fail SpfAllowsAnyone PLAIN_STRICT),
    row!("example.com TXT v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 include:_spf.signet.test -all" => Fail SpfAllowsAnyone PLAIN_STRICT),
    row!("example.com TXT v=spf1 ip6:2000::/3 include:_spf.signet.test -all" => Fail SpfAllowsAnyone PLAIN_STRICT),
    row!("example.com TXT v=spf1 include:any.test include:_spf.signet.test -all\nany.test TXT v=spf1 include:deep.test -all\ndeep.test TXT v=spf1 +all" => Fail SpfAllowsAnyone PLAIN_STRICT),
];

const PLAIN_STRICT: &str = "v=spf1 include:_spf.signet.test -all";

fn with_wide(zone: &str) -> String {
    if zone.contains("wide.test") { format!("{zone}\n{WIDE}") } else { zone.to_string() }
}

/// The record a fix offers, if it offers one.
fn offered(fix: &str) -> Option<&str> {
    fix.split('`').find(|text| text.starts_with("v=spf1 "))
}

#[test]
fn every_zone_gets_its_verdict() {
    for Row { zone, status, code, offers } in ROWS {
        let (verdict, present, _) = judged("example.com", &with_wide(zone));
        assert_eq!((verdict.status, verdict.code), (*status, *code), "{zone}\n{verdict:#?}");
        assert!(code.statuses().contains(status), "{code} with {status}");
        assert!(!verdict.reason.is_empty());
        let ours_down = verdict.remarks.iter().any(|remark| remark.contains("ours to mend"));
        let reached = zone.contains("include:_spf.signet.test");
        assert_eq!(ours_down, zone.contains("\n_spf.signet.test ") && reached, "{zone}");
        if *offers == "-" {
            assert!(offered(&verdict.fix).is_none_or(|text| text == PLAIN), "{zone}\n{}", verdict.fix);
        } else {
            assert_eq!(offered(&verdict.fix), Some(*offers), "{zone}\n{verdict:#?}");
        }
        let expected = with_include(present.as_deref(), &name("_spf.signet.test"));
        if present.is_some() {
            assert_eq!(verdict.expected, expected, "{zone}");
        }
        assert!(Record::parse(&verdict.expected).is_ok(), "{zone}");
    }
}

#[test]
fn what_a_fix_offers_works_when_it_is_published() {
    for Row { zone, offers, .. } in ROWS.iter().filter(|row| row.offers != "-") {
        let zone = with_wide(zone);
        let rest: Vec<&str> = zone
            .lines()
            .filter(|line| !line.starts_with("example.com TXT ") && !line.starts_with("example.com CNAME "))
            .collect();
        let (verdict, present, _) =
            judged("example.com", &format!("{}\nexample.com TXT {offers}", rest.join("\n")));
        assert!(verdict.status.is_right(), "{offers} in\n{zone}\n{verdict:#?}");
        assert_eq!(present.as_deref(), Some(*offers));
    }
}

#[test]
fn a_text_too_long_to_be_served_is_not_offered() {
    let theirs = |count: usize| {
        let terms: String = (0..count).map(|n| format!(" ip4:198.51.{}.{}", n / 250, n % 250)).collect();
        judged("example.com", &format!("example.com TXT v=spf1{terms} -all")).0.fix
    };
    assert!(offered(&theirs(100)).is_some_and(|text| text.contains("include:_spf.signet.test")));
    let fix = theirs(300);
    assert!(!fix.contains("ip4:198.51.1.1"), "{fix}");
}

#[test]
fn every_code_of_spf_is_in_the_table() {
    let tested: BTreeSet<Code> = ROWS.iter().map(|row| row.code).collect();
    // Only an audit is given addresses that are nobody's.
    let of_audits = Code::SpfNotCovered;
    for code in Code::ALL.iter().filter(|code| code.as_str().starts_with("spf_") && **code != of_audits) {
        assert!(tested.contains(code), "{code}");
    }
}

#[test]
fn evidence_names_the_server_and_what_it_said() {
    let (verdict, present, _) = judged("example.com", "example.com TXT v=spf1 include:_spf.signet.test -all");
    assert_eq!(verdict.observed, ["v=spf1 include:_spf.signet.test -all"]);
    assert_eq!(verdict.rcode.as_deref(), Some("NOERROR"));
    assert_eq!(verdict.ttl, Some(3600));
    assert_eq!((verdict.witnesses.agreeing, verdict.witnesses.asked), (2, 2));
    assert_eq!(present.as_deref(), Some("v=spf1 include:_spf.signet.test -all"));
    let (verdict, ..) = judged("example.com", "");
    assert_eq!((verdict.rcode.as_deref(), verdict.ttl), (Some("NXDOMAIN"), Some(300)));
}

#[test]
fn subdomains_see_wildcards_and_the_organizational_domain() {
    let ours = "v=spf1 include:_spf.signet.test -all";
    let (verdict, present, _) = judged("mail.example.com", &format!("*.example.com TXT {ours}"));
    assert_eq!((verdict.status, verdict.code), (Status::Missing, Code::Wildcard));
    assert_eq!(present.as_deref(), Some(ours));
    let (verdict, ..) = judged("mail.example.com", &format!("example.com TXT {ours}"));
    assert_eq!((verdict.status, verdict.code), (Status::Missing, Code::NameAtApex));
    assert!(verdict.fix.contains("named `mail` (in full: mail.example.com)"), "{}", verdict.fix);
    let (verdict, ..) = judged("mail.example.com", &format!("mail.example.com.example.com TXT {ours}"));
    assert_eq!((verdict.status, verdict.code), (Status::Missing, Code::NameDoubled));
    assert!(verdict.fix.contains("enter `mail` (in full: mail.example.com) as"), "{}", verdict.fix);
    let (verdict, ..) =
        judged("mail.example.com", &format!("*.example.com TXT {ours}\nmail.example.com TXT v=spf1 -all"));
    assert_eq!((verdict.status, verdict.code), (Status::Fail, Code::SpfNotIncluded));
}

#[test]
fn permerror_over_ipv6_only_is_fragile() {
    let zone = "example.com TXT v=spf1 a:h1.test a:h2.test a:h3.test include:_spf.signet.test -all
        h1.test A 192.0.2.7\nh2.test A 192.0.2.7\nh3.test A 192.0.2.7";
    let (verdict, ..) = judged("example.com", zone);
    assert_eq!(verdict.status, Status::Softfail);
    assert!(verdict.reason.contains("over IPv6"), "{}", verdict.reason);
}

#[test]
fn a_mistake_that_is_ignored_is_not_called_one_that_breaks_everything() {
    let reason = |text: &str| judged("example.com", &format!("example.com TXT {text}")).0.reason;
    assert!(reason("v=spf1 include=_spf.signet.test -all").contains("ignore that term"));
    assert!(reason("v=spf1 ip4:192.0.2.300 -all").contains("broken for all your mail"));
}

#[test]
fn only_what_is_needed_is_asked() {
    let (_, _, seen) = judged("example.com", "example.com TXT v=spf1 include:_spf.signet.test -all mx a");
    let asked: Vec<String> = seen.iter().map(|(q, _)| format!("{} {}", q.name, q.rtype)).collect();
    assert_eq!(asked, ["_spf.signet.test TXT", "example.com TXT"]);
}

#[test]
fn without_sending_addresses_the_include_counts() {
    let mut provider = provider();
    provider.sending_ips.clear();
    let ours = "_spf.signet.test TXT v=spf1 a:out.signet.test -all\nout.signet.test A 192.0.2.1";
    let (verdict, ..) =
        judged_for(&provider, "example.com", &format!("example.com TXT {PLAIN_STRICT}\n{ours}"));
    assert_eq!((verdict.status, verdict.code), (Status::Pass, Code::Ok), "{verdict:?}");
    let (verdict, ..) = judged_for(&provider, "example.com", &format!("example.com TXT v=spf1 -all\n{ours}"));
    assert_eq!((verdict.status, verdict.code), (Status::Fail, Code::SpfNotIncluded));
}

#[test]
fn a_wide_network_of_theirs_does_not_hide_our_include() {
    let zone = "example.com TXT v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/48 include:_spf.signet.test -all";
    let (verdict, ..) = judged("example.com", zone);
    assert_eq!((verdict.status, verdict.code), (Status::Pass, Code::Ok));
}
