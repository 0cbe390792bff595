use super::{super::testing::spki, *};
use crate::{
    names::Name,
    plan::{RecordKey, tests::provider},
    verify::{
        Status,
        literal::{Literal, settle},
    },
};

const OWNER: &str = "sg1-abcdefghijklmnop._domainkey.example.com";
const TARGET: &str = "sg1.abcdefghijklmnop.dkim.signet.test";

/// The customer's record for the key.
fn record(raw: bool) -> PlannedRecord {
    let text = PublicKey::from_spki(&spki("rsa2048")).unwrap().record_text();
    PlannedRecord {
        key: RecordKey::Dkim1,
        owner: Name::parse(OWNER).unwrap(),
        rtype: if raw { RecordType::Txt } else { RecordType::Cname },
        value: if raw { text } else { TARGET.to_string() },
        gates: true,
    }
}

/// Looks for a key in a world where `example.com` is the customer's.
fn look(lines: &str, raw: bool, second_view: bool) -> Sight {
    let key = spki("rsa2048");
    let text = PublicKey::from_spki(&key).unwrap().record_text();
    let other = PublicKey::from_spki(&spki("rsa2048-other")).unwrap().record_text();
    let world = format!("zone example.com\nzone signet.test\n{lines}")
        .replace("OWNER", OWNER)
        .replace("TARGET", TARGET)
        .replace("OTHERKEY", &other)
        .replace("KEY", &text);
    let record = record(raw);
    let (provider, domain) = (provider(), Name::parse("example.com").unwrap());
    let context = Context {
        provider: &provider,
        domain: &domain,
        probe: "zzprobe",
        dkim_keys: [Some(&key), None],
        thorough: true,
        second_view,
    };
    settle(&Literal::parse(&world), |seen| prove(&context, &record, &key, seen)).0
}

/// Worlds, what looking in them comes to, and what is said to begin with.
const DELEGATED: &[(&str, &str, &str)] = &[
    ("OWNER CNAME TARGET\nTARGET TXT KEY", "seen", "Every name server gives this key"),
    // A look takes that for no record, and so does the proof.
    (
        "*._domainkey.example.com CNAME TARGET\nTARGET TXT KEY",
        "not_seen",
        "There is no record of its own at OWNER",
    ),
    (
        "OWNER CNAME alias.example.net\nzone example.net\nalias.example.net CNAME TARGET\nTARGET TXT KEY",
        "seen",
        "",
    ),
    // A DNS host that answers with what is behind the CNAME.
    ("OWNER TXT KEY\nTARGET TXT KEY", "seen", ""),
    ("OWNER TXT OTHERKEY\nTARGET TXT KEY", "not_seen", ""),
    ("*._domainkey.example.com TXT OTHERKEY\nTARGET TXT KEY", "not_seen", ""),
    (
        "OWNER CNAME elsewhere.example.com\nTARGET TXT KEY",
        "not_seen",
        "OWNER points to elsewhere.example.com",
    ),
    ("TARGET TXT KEY", "not_seen", "Nothing is published under OWNER."),
    (
        "OWNER CNAME TARGET\nTARGET TXT KEY\nsecond OWNER TXT",
        "not_seen",
        "At OWNER the server ns2.example.com",
    ),
    ("OWNER CNAME OWNER\nTARGET TXT KEY", "not_seen", ""),
    ("OWNER CNAME TARGET\nTARGET TXT KEY\nundelegated example.com", "not_seen", ""),
    ("OWNER CNAME TARGET\nTARGET TXT KEY\nfault example.com timeout", "unknown", ""),
    (
        "OWNER CNAME TARGET\nTARGET TXT KEY\nfault OWNER TXT refused",
        "unknown",
        "Asked for OWNER, the server ns1",
    ),
];

/// The same where it is our own side.
const OURS: &[(&str, &str, &str)] = &[
    (
        "OWNER CNAME TARGET\nTARGET TXT KEY\nsecond TARGET TXT",
        "not_seen",
        "At TARGET the server ns2.signet.test",
    ),
    ("OWNER CNAME TARGET\nTARGET TXT OTHERKEY", "not_seen", "At TARGET the server ns1.signet.test"),
    ("OWNER CNAME TARGET\nTARGET TXT v=DKIM1; k=rsa; p=", "not_seen", "At TARGET the server"),
    ("OWNER CNAME TARGET", "not_seen", "At TARGET the server"),
    ("OWNER CNAME TARGET\nTARGET CNAME OWNER", "not_seen", "TARGET is a CNAME"),
    ("OWNER CNAME TARGET\nTARGET TXT KEY\nTARGET TXT OTHERKEY", "not_seen", "At TARGET the server"),
    (
        "OWNER CNAME TARGET\nTARGET TXT KEY\nfault signet.test timeout",
        "unknown",
        "Asked for TARGET, the server ns1",
    ),
];

const RAW: &[(&str, &str, &str)] = &[
    ("OWNER TXT KEY", "seen", ""),
    ("OWNER TXT OTHERKEY", "not_seen", "The key at OWNER is another one than the one that belongs there."),
    ("OWNER TXT v=DKIM1; k=rsa; p=", "not_seen", ""),
    ("", "not_seen", "Nothing is published under OWNER."),
    ("OWNER TXT KEY\nOWNER TXT OTHERKEY", "not_seen", ""),
    ("OWNER TXT KEY\nsecond OWNER TXT", "not_seen", "1 of 2 name servers has it"),
    ("OWNER TXT KEY\nfault example.com servfail", "unknown", ""),
];

fn word(proof: Proof) -> &'static str {
    match proof {
        Proof::Seen { .. } => "seen",
        Proof::NotSeen { .. } => "not_seen",
        Proof::Unknown => "unknown",
    }
}

fn is(sight: &Sight, expected: &str, said: &str, lines: &str) {
    assert_eq!(word(sight.proof), expected, "{lines}: {sight:?}");
    let said = said.replace("OWNER", OWNER).replace("TARGET", TARGET);
    assert!(sight.said.starts_with(&said) && sight.said.ends_with('.'), "{lines}: {sight:?}");
}

#[test]
fn what_the_world_sees() {
    for (lines, proof, said) in DELEGATED {
        let sight = look(lines, false, false);
        is(&sight, proof, said, lines);
        assert!(!sight.ours, "{lines}: {sight:?}");
        assert_eq!(sight.fix.is_empty(), *proof == "seen", "{lines}: {sight:?}");
    }
    for (lines, proof, said) in OURS {
        let sight = look(lines, false, false);
        is(&sight, proof, said, lines);
        assert!(sight.ours && sight.fix.is_empty(), "{lines}: {sight:?}");
    }
    for (lines, proof, said) in RAW {
        is(&look(lines, true, false), proof, said, lines);
    }
}

#[test]
fn resolvers_must_not_give_something_else() {
    let right = "OWNER CNAME TARGET\nTARGET TXT KEY\n";
    for (fault, proof, said) in [
        ("", "seen", ""),
        ("stale OWNER TXT", "not_seen", "At OWNER the resolver 192.0.2.151 still has nothing."),
        ("stale TARGET TXT", "not_seen", "At TARGET the resolver 192.0.2.151 still has nothing."),
        ("bogus example.com", "unknown", "Asked for OWNER, the resolver 192.0.2.151 answered SERVFAIL."),
        ("resolver-fault example.com timeout", "seen", ""),
    ] {
        let lines = format!("{right}{fault}");
        is(&look(&lines, false, true), proof, said, &lines);
        assert_eq!(word(look(&lines, false, false).proof), "seen", "{fault}: nobody asked them");
    }
}

#[test]
fn the_longest_of_all_that_may_be_remembered_is_told() {
    let kept = |sight: Sight| match sight.proof {
        Proof::Seen { kept_for, .. } | Proof::NotSeen { kept_for } => kept_for.as_secs(),
        Proof::Unknown => 0,
    };
    // The records live for 300 s, and their absence for an hour.
    assert_eq!(kept(look("OWNER CNAME TARGET\nTARGET TXT KEY", false, true)), 3600);
    assert_eq!(kept(look("*._domainkey.example.com CNAME TARGET\nTARGET TXT KEY", false, true)), 300);
    assert_eq!(kept(look("OWNER TXT OTHERKEY\nTARGET TXT KEY", false, true)), 300);
    let ours = |sight: Sight| match sight.proof {
        Proof::Seen { ours_for, .. } => ours_for.as_secs(),
        _ => 0,
    };
    assert_eq!(ours(look("OWNER CNAME TARGET\nTARGET TXT KEY", false, true)), 300);
    assert_eq!(ours(look("OWNER TXT KEY", true, true)), 3600, "all of it is the owner's");
    // Resolvers keep an answer for a week at most (RFC 8767 §4), whatever it says.
    for (ttl, seconds) in [(604_800, 604_800), (1_000_000, 604_800)] {
        let world = format!("OWNER CNAME TARGET\nTARGET TXT KEY\nttl {ttl}");
        assert_eq!(kept(look(&world, false, true)), seconds);
    }
    // What a resolver tells is what is left.
    assert_eq!(kept(look("OWNER TXT OTHERKEY\nTARGET TXT KEY", false, false)), 3600);
}

#[test]
fn what_a_look_saw_may_be_remembered_for_its_ttl() {
    let verdict = |status, code, ttl| Verdict {
        ttl,
        ..Verdict::new(&record(true), status, code, "Something.".to_string())
    };
    let kept = |status, code, ttl| seen_wrong(&verdict(status, code, ttl)).map(|kept| kept.as_secs());
    assert_eq!(kept(Status::Pass, Code::Ok, Some(7200)), None);
    assert_eq!(kept(Status::NetworkError, Code::Timeout, None), None, "no evidence");
    assert_eq!(kept(Status::Missing, Code::NameNotFound, Some(7200)), Some(7200));
    assert_eq!(kept(Status::Fail, Code::OtherKey, Some(60)), Some(3600), "a resolver's rest of a TTL");
    assert_eq!(kept(Status::Fail, Code::OtherKey, Some(u32::MAX)), Some(7 * 86_400));
    assert_eq!(kept(Status::NetworkError, Code::ServersDisagree, None), Some(3600));
}
