use super::*;
use crate::verify::spf::merge::{repaired, was_meant};
use alloc::{format, string::ToString};
use proptest::prelude::*;

#[test]
fn mistakes_are_named() {
    let cases: &[(&str, &str, &str)] = &[
        ("v=spf1 ip4:2001:db8::1 -all", "ip4:2001:db8::1", "IPv6 address; write ip6:"),
        ("v=spf1 ip6:192.0.2.1 -all", "ip6:192.0.2.1", "IPv4 address; write ip4:"),
        ("v=spf1 a:192.0.2.1 -all", "a:192.0.2.1", "write ip4:192.0.2.1"),
        ("v=spf1 include: -all", "include:", "needs something after the colon"),
        ("v=spf1 +include=_spf.test -all", "+include=_spf.test", "colon, not an equals sign"),
        ("v=spf1 redirect:x.test", "redirect:x.test", "equals sign, not a colon"),
        ("v=spf1 redirect=a.test redirect=b.test", "redirect=b.test", "only once"),
        ("v=spf1 ip4:192.0.2.1, -all", "ip4:192.0.2.1,", "not by commas"),
        ("v=spf1 mx; -all", "mx;", "not by commas"),
        ("v=spf1 include:x.test, -all", "include:x.test,", "not by commas"),
        ("v=spf1 ip4:192.0.2.1/33 -all", "ip4:192.0.2.1/33", "from 0 to 32"),
        ("v=spf1 include:x.test/24 -all", "include:x.test/24", "no prefix length"),
        ("v=spf1 -all.", "-all.", "no such mechanism"),
        ("v=spf1 \"mx\" -all", "\"mx\"", "quotation marks"),
        ("v=spf1 “mx” -all", "\\226\\128\\156mx\\226\\128\\157", "plain ASCII"),
        ("v=spf1 mx\t-all", "mx\\009-all", "tab"),
        ("v=spf1 mx v=spf1 -all", "v=spf1", "joined into one"),
        ("v=spf1 192.0.2.1 -all", "192.0.2.1", "ip4:"),
        ("v=spf1 ipv6:2001:db8::1 -all", "ipv6:2001:db8::1", "ip6:"),
        ("v=spf1 include:localhost -all", "include:localhost", "not a full domain name"),
        ("v=spf1 exists:%{q}.test -all", "exists:%{q}.test", "%{q}"),
        ("v=spf1 exists:%{i.test -all", "exists:%{i.test", "not closed"),
        ("v=spf1 exists:100%.test -all", "exists:100%.test", "percent"),
        ("v=spf1 exists:%{d0}.test -all", "exists:%{d0}.test", "%{d0}"),
        ("v=spf2 -all", "v=spf2", "begins with v=spf1"),
    ];
    for (text, term, problem) in cases {
        let error = Record::parse(text).expect_err(text);
        assert_eq!(error.term, *term, "{text}");
        assert!(error.to_string().contains(problem), "{text}: {error}");
    }
    let misspelt = Record::parse("v=spf1 include=_spf.test -all").unwrap().misspelt().unwrap();
    assert_eq!(misspelt.problem, Problem::EqualsSign("include"));
    assert_eq!(Record::parse("v=spf1 includes=yes -all").unwrap().misspelt(), None);
}

#[test]
fn ours_is_merged_and_theirs_kept() {
    let include = name("_spf.signet.test");
    let cases = [
        (None, "v=spf1 include:_spf.signet.test ~all"),
        (Some("nonsense"), "v=spf1 include:_spf.signet.test ~all"),
        (Some("v=spf1 ip4:nonsense -all"), "v=spf1 include:_spf.signet.test ~all"),
        (Some("v=spf1 mx -all"), "v=spf1 mx include:_spf.signet.test -all"),
        (Some("v=spf1 mx +all"), "v=spf1 mx include:_spf.signet.test +all"),
        (Some("v=spf1 mx"), "v=spf1 mx include:_spf.signet.test"),
        (Some("v=spf1"), "v=spf1 include:_spf.signet.test"),
        (Some("v=spf1 mx exp=x.test"), "v=spf1 mx include:_spf.signet.test exp=x.test"),
        (Some("v=spf1 mx redirect=x.test"), "v=spf1 mx include:_spf.signet.test redirect=x.test"),
        (Some("v=spf1 redirect=x.test mx"), "v=spf1 include:_spf.signet.test redirect=x.test mx"),
        (Some("v=spf1 redirect=x.test -all"), "v=spf1 redirect=x.test include:_spf.signet.test -all"),
        (Some("v=spf1 include:_spf.signet.test  -all"), "v=spf1 include:_spf.signet.test  -all"),
        (Some("v=spf1 -all include:_spf.signet.test"), "v=spf1 include:_spf.signet.test -all"),
        (Some("v=spf1 ?include:_SPF.signet.test. -all"), "v=spf1 include:_spf.signet.test -all"),
        (
            Some("v=spf1 include:x_spf.signet.test -all"),
            "v=spf1 include:x_spf.signet.test include:_spf.signet.test -all",
        ),
    ];
    for (present, merged) in cases {
        assert_eq!(with_include(present, &include), merged, "{present:?}");
    }
}

#[test]
fn what_was_meant_is_recovered() {
    let cases = [
        ("v=spf1 include=x.test -all", Some("v=spf1 include:x.test -all")),
        ("v=spf1 include: x.test - all", Some("v=spf1 include:x.test -all")),
        ("v = spf1 mx ~all", Some("v=spf1 mx ~all")),
        ("v =spf1 mx ~all", Some("v=spf1 mx ~all")),
        ("\u{feff}v=spf1\u{a0}mx\u{a0}—all", Some("v=spf1 mx -all")),
        ("'v=spf1' 'mx' '-all'", Some("v=spf1 mx -all")),
        ("v=spf1 mx v=spf1 a -all", Some("v=spf1 mx a -all")),
        (
            "v=spf1 192.0.2.1 ip:2001:db8::1 a:192.0.2.2 -all.",
            Some("v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ip4:192.0.2.2 -all"),
        ),
        ("v=spf1 exists:%{l,}.x.test,-all", Some("v=spf1 exists:%{l,}.x.test -all")),
        ("v=spf1 ip4:192.0.2.300 -all", None),
    ];
    for (text, meant) in cases {
        assert_eq!(repaired(text.as_bytes()).as_deref(), meant, "{text}");
    }
    for text in [
        "\"v=spf1 -all\"",
        " v=spf1 -all",
        "v=spf1;-all",
        "mx v=spf1 -all",
        "spf1 include:x -all",
        "v=spf2 mx",
    ] {
        assert!(was_meant(text.as_bytes()), "{text}");
    }
    for text in ["spf2.0/pra mx -all", "site-verification=v", "v=DMARC1; p=none", "", "see v=spf1"] {
        assert!(!was_meant(text.as_bytes()), "{text}");
    }
}

/// Texts that come near to records more often than chance would.
fn record_text() -> impl Strategy<Value = String> {
    let term = prop_oneof![
        "[-+~?]?(all|mx|a|ptr|include:[a-z]{1,3}\\.test|ip4:1\\.2\\.3\\.[0-9]{1,3}(/[0-9]{1,2})?)",
        "(redirect|exp|foo)=[a-z%{}dilp]{1,6}\\.test",
        "[-+~?]?(include|exists|a):%\\{[slodipvhcrt][0-9]?r?[-.+,/_=]?\\}\\.x\\.test(/[0-9]{1,2})?(//[0-9]{1,3})?",
        "[?-]?include:_spf\\.signet\\.test\\.?",
        "[ -~]{0,12}",
    ];
    prop::collection::vec(term, 0..8).prop_map(|terms| format!("v=spf1 {}", terms.join(" ")))
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Record::parse(&bytes);
        let _ = repaired(&bytes);
        let _ = was_meant(&bytes);
        let mut record = b"v=spf1 ".to_vec();
        record.extend(&bytes);
        let _ = Record::parse(&record);
        let _ = repaired(&record);
    }

    #[test]
    fn merged_is_readable_has_ours_and_stays(text in record_text()) {
        let include = name("_spf.signet.test");
        let merged = with_include(Some(&text), &include);
        let record = Record::parse(&merged).expect("readable");
        prop_assert!(merge::includes_before_all(&record, &include), "{}", merged);
        prop_assert_eq!(with_include(Some(&merged), &include), merged.clone());
        if let Ok(theirs) = Record::parse(&text) {
            // Nothing of theirs is lost.
            for term in theirs.terms.iter().filter(|t| !t.text.contains("_spf.signet.test")) {
                prop_assert!(record.terms.contains(term), "{} lost {}", merged, term.text);
            }
        }
    }

    #[test]
    fn repaired_is_readable(text in record_text()) {
        if let Some(text) = repaired(text.as_bytes()) {
            prop_assert!(Record::parse(&text).is_ok());
        }
    }

    #[test]
    fn whatever_is_published_the_judge_comes_to_an_end(text in record_text(), sub in record_text()) {
        let (verdict, ..) = judged("example.com", &format!("example.com TXT {text}\na.test TXT {sub}\n*.test TXT {sub}"));
        prop_assert!(verdict.code.statuses().contains(&verdict.status), "{:?}", verdict);
        prop_assert!(Record::parse(&verdict.expected).is_ok());
    }
}
