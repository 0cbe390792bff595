//! Looks at literal zones on loopback, through literal faults.

use signet_core::{
    names::Name,
    observe::{
        Answer, Consensus, Data, Failure, Look, Need, Question, Rcode, RecordType, Seen, Zone as Where,
    },
};
use signet_dns::{
    ask::{Ask, Asker, Mode, Scope, Settings},
    testing::{Asked, Fake, Fault, RESOLVER, Rule, Zone},
};
use std::time::{Duration, Instant};

const ALL: Ask = Ask { scope: Scope::All, fresh: false };
const ONE: Ask = Ask { scope: Scope::One, fresh: false };

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn question(owner: &str, rtype: RecordType) -> Question {
    Question { name: name(owner), rtype }
}

/// `example.test` on two servers, `.test` above it on a third.
fn zones() -> Vec<Zone> {
    vec![
        Zone::new("test", &[9], &["example NS ns2.example", "ns2.example A 127.0.0.2"]),
        Zone::new(
            "example.test",
            &[2, 3],
            &[
                "@ TXT v=spf1 -all",
                "@ MX 10 mail",
                "@ MX 0 .",
                "mail A 192.0.2.1",
                "mail AAAA 2001:db8::1",
                "_dmarc TXT \"v=DMARC1;\" \" p=none\"",
                "sg CNAME mail",
                "elsewhere CNAME bounce.signet.test.",
                "both CNAME mail",
                "both TXT beside",
                "*.wild TXT anything",
                "a.deep.empty A 192.0.2.9",
                "old DNAME example.test.",
                "loop1 CNAME loop2",
                "loop2 CNAME loop1",
                "odd CNAME \\032x",
            ],
        ),
    ]
}

async fn asker(fake: &Fake) -> Asker {
    Asker::new(fake.settings()).await.unwrap()
}

async fn look_with(rules: Vec<Rule>, ask: Ask, owner: &str, rtype: RecordType) -> (Look, Vec<Asked>) {
    let fake = Fake::start(zones(), rules).await;
    let look = asker(&fake).await.look(&question(owner, rtype), ask).await;
    (look, fake.asked())
}

fn data(answer: &Answer) -> Vec<String> {
    answer.records.iter().map(|r| r.data.to_string()).collect()
}

/// The one answer all servers agree on.
fn agreed(look: &Look) -> &Answer {
    match look.consensus() {
        Consensus::Agreed { answer, .. } => answer,
        other => panic!("{other:?}"),
    }
}

fn failures(look: &Look) -> Vec<Failure> {
    look.failures().map(|(_, failure)| failure.clone()).collect()
}

fn of<'a>(asked: &'a [Asked], host: u8, rtype: &str) -> Vec<&'a Asked> {
    asked.iter().filter(|a| a.host == host && a.rtype == rtype).collect()
}

#[tokio::test]
async fn every_server_of_the_zone_is_asked_and_named() {
    let (look, asked) = look_with(vec![], ALL, "_dmarc.example.test", RecordType::Txt).await;
    assert_eq!(look.zone, Where::Found(name("example.test")));
    let servers: Vec<String> = look.replies.iter().map(|r| r.server.to_string()).collect();
    assert_eq!(servers, ["ns2.example.test (127.0.0.2)", "ns3.example.test (127.0.0.3)"]);
    let answer = agreed(&look);
    assert!(answer.authoritative);
    assert_eq!(answer.records[0].data, Data::Txt(vec![b"v=DMARC1;".to_vec(), b" p=none".to_vec()]));
    assert_eq!(answer.ttl(), Some(3600));
    for host in [2, 3] {
        let txt = of(&asked, host, "TXT");
        assert_eq!(txt.len(), 1);
        assert!(txt[0].edns && !txt[0].recursion && !txt[0].tcp);
    }
    assert!(of(&asked, RESOLVER, "TXT").is_empty(), "the resolver is never asked for the record itself");
    assert!(of(&asked, RESOLVER, "SOA").iter().all(|a| a.recursion && a.name == "example.test"));
}

#[tokio::test]
async fn one_server_takes_its_turn() {
    let fake = Fake::start(zones(), vec![]).await;
    let asker = asker(&fake).await;
    for _ in 0..4 {
        let look = asker.look(&question("example.test", RecordType::Mx), ONE).await;
        assert_eq!(look.replies.len(), 1);
        assert_eq!(data(agreed(&look)), ["10 mail.example.test", "0 ."]);
    }
    let asked = fake.asked();
    assert_eq!((of(&asked, 2, "MX").len(), of(&asked, 3, "MX").len()), (2, 2));
}

#[tokio::test]
async fn only_what_stands_at_the_name() {
    let fake = Fake::start(zones(), vec![]).await;
    let asker = asker(&fake).await;
    let table: [(&str, RecordType, &[&str]); 9] = [
        ("sg.example.test", RecordType::A, &["mail.example.test"]),
        ("sg.example.test", RecordType::Cname, &["mail.example.test"]),
        ("elsewhere.example.test", RecordType::Txt, &["bounce.signet.test"]),
        ("both.example.test", RecordType::Txt, &["mail.example.test", "beside"]),
        ("both.example.test", RecordType::Cname, &["mail.example.test"]),
        ("random.wild.example.test", RecordType::Txt, &["anything"]),
        ("mail.old.example.test", RecordType::A, &["mail.example.test"]),
        ("loop1.example.test", RecordType::A, &["loop2.example.test"]),
        ("mail.example.test", RecordType::Aaaa, &["2001:db8::1"]),
    ];
    for (owner, rtype, expected) in table {
        let look = asker.look(&question(owner, rtype), ALL).await;
        assert_eq!(data(agreed(&look)), expected, "{owner} {rtype}");
        assert_eq!(look.zone, Where::Found(name("example.test")), "{owner}");
    }
    let odd = asker.look(&question("odd.example.test", RecordType::Cname), ALL).await;
    assert!(matches!(&agreed(&odd).records[0].data, Data::Other(text) if text.contains('x')), "{odd:?}");
}

#[tokio::test]
async fn nothing_there_has_two_codes_and_a_life() {
    let fake = Fake::start(zones(), vec![]).await;
    let asker = asker(&fake).await;
    for (owner, rcode) in [
        ("nothing.example.test", Rcode::NxDomain),
        ("mail.example.test", Rcode::NoError),
        ("deep.empty.example.test", Rcode::NoError),
    ] {
        let look = asker.look(&question(owner, RecordType::Txt), ALL).await;
        let answer = agreed(&look);
        assert!(answer.is_negative());
        assert_eq!(answer.rcode, rcode, "{owner}");
        assert_eq!(answer.soa, Some(name("example.test")));
        assert_eq!(answer.negative_ttl, Some(300));
    }
}

#[tokio::test]
async fn a_name_nobody_was_given() {
    let (look, _) = look_with(vec![], ALL, "_dmarc.unregistered.test", RecordType::Txt).await;
    assert_eq!(look.zone, Where::NotDelegated { name: name("unregistered.test") });
    assert!(look.replies.is_empty());
}

#[tokio::test]
async fn a_resolver_that_fails_is_no_evidence() {
    for (fault, failure) in [
        (Fault::Rcode(5), Failure::Refused),
        (Fault::Extended(2, 22), Failure::ServFail(Some(22))),
        (Fault::Extended(2, 6), Failure::ServFail(Some(6))),
        (Fault::Extended(3, 17), Failure::Filtered(17)),
        (Fault::Silent, Failure::Timeout),
        // NXDOMAIN, but not from the zone above.
        (Fault::Rcode(3), Failure::Malformed("a negative answer without its zone".to_string())),
    ] {
        let rules = vec![Rule::at(RESOLVER, fault.clone())];
        let (look, asked) = look_with(rules, ALL, "example.test", RecordType::Txt).await;
        assert_eq!(look.zone, Where::Unknown(failure), "{fault:?}");
        assert!(asked.iter().all(|a| a.host == RESOLVER));
    }
    let nobody = Asker::new(Settings::default()).await.unwrap();
    let look = nobody.look(&question("example.test", RecordType::Txt), ALL).await;
    assert!(matches!(look.zone, Where::Unknown(Failure::Unreachable(_))));
}

#[tokio::test]
async fn forgeries_are_passed_over() {
    for fault in [Fault::WrongId, Fault::WrongQuestion, Fault::WrongSource, Fault::Noise] {
        let rules = vec![Rule::at(2, fault.clone())];
        let fake = Fake::start(zones(), rules).await;
        let asker = asker(&fake).await;
        let look = asker.look(&question("example.test", RecordType::Txt), ALL).await;
        assert_eq!(data(agreed(&look)), ["v=spf1 -all"], "{fault:?}");
        assert!(failures(&look).is_empty());
        assert!(asker.stats().ignored > 0, "{fault:?}");
    }
}

#[tokio::test]
async fn each_failure_stands_beside_the_good_answer() {
    for (fault, failure) in [
        (Fault::Silent, Failure::Timeout),
        (Fault::Late(Duration::from_millis(600)), Failure::Timeout),
        (Fault::Rcode(5), Failure::Refused),
        (Fault::Rcode(2), Failure::ServFail(None)),
        (Fault::Extended(2, 9), Failure::ServFail(Some(9))),
        (Fault::Extended(5, 18), Failure::Refused),
        (Fault::Rcode(9), Failure::Rcode("NOTAUTH".to_string())),
        (Fault::Rcode(1), Failure::Rcode("FORMERR".to_string())),
        (Fault::LameReferral, Failure::Lame),
        (Fault::TruncatedWithoutTcp, Failure::Truncated),
    ] {
        let (look, asked) = look_with(vec![Rule::at(3, fault.clone())], ALL, "example.test", RecordType::Txt).await;
        assert_eq!(data(agreed(&look)), ["v=spf1 -all"], "{fault:?}");
        assert_eq!(failures(&look), [failure], "{fault:?}");
        assert_eq!(look.replies.len(), 2);
        if matches!(fault, Fault::Silent | Fault::Late(_)) {
            let tries = of(&asked, 3, "TXT");
            assert_eq!(tries.len(), 3);
            assert!(tries[1].edns && !tries[2].edns, "the last try is without EDNS");
        }
    }
    let (look, _) = look_with(vec![Rule::at(3, Fault::Garbage)], ALL, "example.test", RecordType::Txt).await;
    assert!(matches!(failures(&look)[..], [Failure::Malformed(_)]), "{look:?}");
}

#[tokio::test]
async fn answers_without_aa() {
    let rule = || vec![Rule::at(2, Fault::NotAuthoritative), Rule::at(3, Fault::NotAuthoritative)];
    let (look, _) = look_with(rule(), ALL, "example.test", RecordType::Txt).await;
    assert!(!agreed(&look).authoritative);
    let (look, _) = look_with(rule(), ALL, "nothing.example.test", RecordType::Txt).await;
    assert_eq!(failures(&look), [Failure::Lame, Failure::Lame]);
}

#[tokio::test]
async fn servers_of_the_parent_or_of_anything_are_lame() {
    let mut zones = zones();
    // Listed for example.test, but has something else.
    zones.push(Zone::new("test", &[4], &["other NS ns.other", "ns.other A 127.0.0.8"]));
    zones.push(Zone::new("lame.test", &[2], &["@ NS ns2", "@ NS ns4", "ns2 A 127.0.0.2", "ns4 A 127.0.0.4", "@ TXT x"]));
    let fake = Fake::start(zones, vec![]).await;
    let look = asker(&fake).await.look(&question("lame.test", RecordType::Txt), ALL).await;
    assert_eq!(data(agreed(&look)), ["x"]);
    assert_eq!(failures(&look), [Failure::Lame]);
}

#[tokio::test]
async fn truncation_goes_to_tcp() {
    let (look, asked) = look_with(vec![Rule::at(2, Fault::Truncated)], ALL, "example.test", RecordType::Txt).await;
    assert_eq!(data(agreed(&look)), ["v=spf1 -all"]);
    assert_eq!(look.answers().count(), 2);
    assert_eq!(of(&asked, 2, "TXT").iter().filter(|a| a.tcp).count(), 1);
}

#[tokio::test]
async fn large_texts_arrive_whole_and_absurd_ones_do_not_count() {
    let long = "x".repeat(9000);
    let many: Vec<String> = (0..101).map(|n| format!("many A 192.0.2.{n}")).collect();
    let mut records = vec![];
    let line = format!("@ TXT {long}");
    records.push(line.as_str());
    records.extend(many.iter().map(String::as_str));
    let fake = Fake::start(vec![Zone::new("big.test", &[2], &records)], vec![]).await;
    let asker = asker(&fake).await;
    let look = asker.look(&question("big.test", RecordType::Txt), ALL).await;
    assert_eq!(agreed(&look).records[0].data.txt().unwrap(), long.as_bytes());
    let look = asker.look(&question("many.big.test", RecordType::A), ALL).await;
    assert!(matches!(failures(&look)[..], [Failure::Malformed(_)]));
}

#[tokio::test]
async fn servers_that_stumble_are_asked_plainly() {
    for fault in [Fault::NoEdns, Fault::LowerCase] {
        let (look, asked) = look_with(vec![Rule::at(2, fault.clone())], ALL, "example.test", RecordType::Txt).await;
        assert_eq!(look.answers().count(), 2, "{fault:?}");
        let second = of(&asked, 2, "TXT")[1].clone();
        assert!(!second.edns && !second.mixed_case, "{fault:?}");
    }
}

#[tokio::test]
async fn a_dead_server_beside_a_good_one_delays_and_no_more() {
    // 127.0.0.4 is listed and nobody listens there.
    let zone = Zone::new(
        "half.test",
        &[2],
        &["@ NS dead", "@ NS good", "dead A 127.0.0.4", "good A 127.0.0.2", "@ TXT here"],
    );
    let fake = Fake::start(vec![zone], vec![]).await;
    let asker = asker(&fake).await;
    for _ in 0..2 {
        let look = asker.look(&question("half.test", RecordType::Txt), ONE).await;
        assert_eq!(data(agreed(&look)), ["here"]);
    }
    let look = asker.look(&question("half.test", RecordType::Txt), ALL).await;
    assert_eq!(data(agreed(&look)), ["here"]);
    assert!(matches!(failures(&look)[..], [Failure::Unreachable(_)]), "{look:?}");
}

#[tokio::test]
async fn servers_that_differ() {
    let zones = vec![
        Zone::new("split.test", &[2], &["@ NS ns2", "@ NS ns3", "ns2 A 127.0.0.2", "ns3 A 127.0.0.3", "x A 192.0.2.1"]),
        Zone::new("split.test", &[3], &["@ NS ns2", "@ NS ns3"]),
    ];
    let fake = Fake::start(zones, vec![]).await;
    let look = asker(&fake).await.look(&question("x.split.test", RecordType::A), ALL).await;
    match look.consensus() {
        Consensus::Split { with, without } => assert_eq!((with.len(), without.len()), (1, 1)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn no_packet_to_private_addresses() {
    let fake = Fake::start(zones(), vec![]).await;
    let settings = Settings { allow_private: false, ..fake.settings() };
    let asker = Asker::new(settings).await.unwrap();
    let look = asker.look(&question("example.test", RecordType::Txt), ALL).await;
    let refused = |host: [u8; 4]| Failure::PrivateAddress(host.into());
    assert_eq!(failures(&look), [refused([127, 0, 0, 2]), refused([127, 0, 0, 3])]);
    let look = asker.look(&question("example.test", RecordType::Txt), ONE).await;
    assert_eq!(look.answers().count(), 0);
    assert!(fake.asked().iter().all(|a| a.host == RESOLVER));
}

#[tokio::test]
async fn a_name_server_without_an_address() {
    let zone = Zone::new("bare.test", &[2], &["@ NS good", "@ NS gone", "good A 127.0.0.2", "@ TXT here"]);
    let fake = Fake::start(vec![zone], vec![]).await;
    let look = asker(&fake).await.look(&question("bare.test", RecordType::Txt), ALL).await;
    assert_eq!(data(agreed(&look)), ["here"]);
    assert_eq!(failures(&look), [Failure::NoAddress]);
    assert_eq!(look.failures().next().unwrap().0.to_string(), "gone.bare.test");
}

#[tokio::test]
async fn cuts_below_the_organizational_domain() {
    let zones = vec![
        Zone::new(
            "org.test",
            &[2],
            &["vendor NS ns.vendor", "ns.vendor A 127.0.0.4", "www A 192.0.2.1", "sub NS ns2", "alias CNAME www"],
        ),
        // Elsewhere: a referral shows it.
        Zone::new("vendor.org.test", &[4], &["@ NS ns", "ns A 127.0.0.4", "_dmarc TXT v=DMARC1"]),
        // On the parent's own server: only its SOA shows it.
        Zone::new("sub.org.test", &[2], &["@ NS ns2.org.test.", "@ TXT here", "x CNAME www.org.test."]),
    ];
    for (owner, rtype, apex) in [
        ("_dmarc.vendor.org.test", RecordType::Txt, "vendor.org.test"),
        ("none.vendor.org.test", RecordType::Txt, "vendor.org.test"),
        ("none.sub.org.test", RecordType::Txt, "sub.org.test"),
        ("sub.org.test", RecordType::Txt, "sub.org.test"),
        ("x.sub.org.test", RecordType::Cname, "sub.org.test"),
        ("www.org.test", RecordType::A, "org.test"),
        ("alias.org.test", RecordType::A, "org.test"),
    ] {
        for scope in [Scope::One, Scope::All] {
            for mode in [Mode::Authoritative, Mode::Recursive] {
                let fake = Fake::start(zones.clone(), vec![]).await;
                let asker = Asker::new(Settings { mode, ..fake.settings() }).await.unwrap();
                let look = asker.look(&question(owner, rtype), Ask { scope, fresh: false }).await;
                assert_eq!(look.zone, Where::Found(name(apex)), "{owner} {scope:?} {mode:?}");
                assert_eq!(look.answers().count(), 1, "{owner} {scope:?} {mode:?}: {look:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_resolver_that_only_refers() {
    // What is asked as a resolver is the server of `.test`.
    let fake = Fake::start(zones(), vec![]).await;
    let settings = Settings { resolvers: vec![fake.address(9)], ..fake.settings() };
    let asker = Asker::new(settings).await.unwrap();
    let look = asker.look(&question("_dmarc.example.test", RecordType::Txt), ALL).await;
    assert_eq!(look.zone, Where::Found(name("example.test")));
    assert_eq!(data(agreed(&look)), ["v=DMARC1; p=none"]);
    let look = asker.look(&question("x.unregistered.test", RecordType::Txt), ALL).await;
    assert_eq!(look.zone, Where::NotDelegated { name: name("unregistered.test") });
}

#[tokio::test]
async fn an_alias_at_the_apex() {
    let mut zones = zones();
    zones.push(Zone::new("test", &[9], &[]));
    zones[0] = Zone::new("test", &[9], &["cut NS ns.cut", "ns.cut A 127.0.0.2"]);
    zones.push(Zone::new("cut.test", &[2], &["@ CNAME mail.example.test.", "@ NS ns", "ns A 127.0.0.2"]));
    let fake = Fake::start(zones, vec![]).await;
    let asker = asker(&fake).await;
    let look = asker.look(&question("cut.test", RecordType::Txt), ALL).await;
    assert_eq!(look.zone, Where::Found(name("cut.test")));
    assert_eq!(data(agreed(&look)), ["mail.example.test"]);
}

#[tokio::test]
async fn resolvers_as_servers() {
    let fake = Fake::start(zones(), vec![Rule::at(8, Fault::Rcode(5))]).await;
    let resolvers = vec![fake.address(8), fake.address(RESOLVER)];
    let settings = Settings { mode: Mode::Recursive, resolvers, ..fake.settings() };
    let asker = Asker::new(settings).await.unwrap();
    let look = asker.look(&question("_dmarc.example.test", RecordType::Txt), ALL).await;
    assert_eq!(look.zone, Where::Found(name("example.test")));
    assert_eq!(data(agreed(&look)), ["v=DMARC1; p=none"]);
    assert_eq!(failures(&look), [Failure::Refused]);
    assert_eq!(look.replies[0].server.to_string(), "127.0.0.8");
    let look = asker.look(&question("sg.example.test", RecordType::A), ONE).await;
    assert_eq!(data(agreed(&look)), ["mail.example.test"], "and nothing of the chain behind it");
    let look = asker.look(&question("x.unregistered.test", RecordType::Txt), ALL).await;
    assert_eq!(look.zone, Where::NotDelegated { name: name("unregistered.test") });
    let _before = fake.asked();
    asker.look(&question("mail.example.test", RecordType::A), ONE).await;
    assert!(of(&fake.asked(), 8, "A").is_empty(), "begins with the resolver that works");
    fake.set_rules(vec![Rule::at(8, Fault::Rcode(5)), Rule::at(RESOLVER, Fault::Extended(0, 15))]);
    let look = asker.look(&question("mail.example.test", RecordType::A), ALL).await;
    assert!(matches!(look.zone, Where::Unknown(Failure::Refused)), "{look:?}");
}

#[tokio::test]
async fn one_walk_for_all_questions_and_none_while_it_is_remembered() {
    let fake = Fake::start(zones(), vec![]).await;
    let asker = asker(&fake).await;
    let owners = ["example.test", "_dmarc.example.test", "sg.example.test", "none.example.test", "mail.example.test"];
    let questions: Vec<Question> = owners.iter().map(|owner| question(owner, RecordType::Txt)).collect();
    let need = |seen: &Seen| {
        let pairs: Vec<_> = questions.iter().map(|q| (&q.name, q.rtype)).collect();
        seen.have_all(&pairs)
    };
    asker.settle(ONE, need).await.value.unwrap();
    assert_eq!(of(&fake.asked(), RESOLVER, "SOA").len(), 1);
    assert_eq!(asker.stats().walks, 1);
    let settled = asker.settle(ONE, need).await;
    assert_eq!(settled.seen.len(), owners.len());
    assert!(of(&fake.asked(), RESOLVER, "SOA").is_empty());
    // A fresh one walks again, once.
    let fresh = asker.settle(Ask { fresh: true, ..ONE }, need).await;
    assert!(!fresh.cut_short);
    assert_eq!(of(&fake.asked(), RESOLVER, "SOA").len(), 1);
}

#[tokio::test]
async fn fresh_sees_a_delegation_that_has_moved() {
    let fake = Fake::start(vec![Zone::new("move.test", &[2], &["@ TXT old"])], vec![Rule::at(4, Fault::Silent)]).await;
    let asker = asker(&fake).await;
    let txt = question("move.test", RecordType::Txt);
    assert_eq!(data(agreed(&asker.look(&txt, ALL).await)), ["old"]);
    fake.set_rules(vec![Rule::at(2, Fault::Rcode(5))]);
    fake.set_zones(vec![Zone::new("move.test", &[4], &["@ TXT moved"])]);
    assert_eq!(failures(&asker.look(&txt, ALL).await), [Failure::Refused]);
    assert_eq!(data(agreed(&asker.look(&txt, Ask::thorough()).await)), ["moved"]);
    assert_eq!(data(agreed(&asker.look(&txt, ALL).await)), ["moved"], "and it is remembered");
}

#[tokio::test]
async fn the_same_look_twice_at_once_is_one() {
    let fake = Fake::start(zones(), vec![]).await;
    let asker = asker(&fake).await;
    let txt = question("example.test", RecordType::Txt);
    let (a, b) = tokio::join!(asker.look(&txt, ALL), asker.look(&txt, ALL));
    assert_eq!(a, b);
    assert_eq!(of(&fake.asked(), 2, "TXT").len(), 1);
    assert_eq!(asker.stats().looks_shared, 1);
}

#[tokio::test]
async fn a_judge_is_given_what_it_comes_to_need() {
    let fake = Fake::start(zones(), vec![]).await;
    let asker = asker(&fake).await;
    let mut runs = 0;
    let settled = asker
        .settle(ALL, |seen| -> Result<String, Need> {
            runs += 1;
            let alias = seen.at(&name("sg.example.test"), RecordType::Cname)?;
            let target = agreed(alias).cname().expect("an alias").clone();
            Ok(data(agreed(seen.at(&target, RecordType::A)?)).join(" "))
        })
        .await;
    assert_eq!(settled.value.unwrap(), "192.0.2.1");
    assert_eq!((runs, settled.seen.len(), settled.cut_short), (3, 2, false));
}

#[tokio::test]
async fn settling_ends_at_the_deadline_with_a_value() {
    let fake = Fake::start(zones(), vec![Rule::at(RESOLVER, Fault::Silent)]).await;
    let settings = Settings {
        patience: Duration::from_millis(300),
        timeout: Duration::from_secs(5),
        ..fake.settings()
    };
    let asker = Asker::new(settings).await.unwrap();
    let start = Instant::now();
    let settled = asker
        .settle(ALL, |seen| {
            let look = seen.at(&name("example.test"), RecordType::Txt)?;
            Ok(look.zone.clone())
        })
        .await;
    assert_eq!(settled.value.unwrap(), Where::Unknown(Failure::Timeout));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn a_judge_that_never_has_enough() {
    let fake = Fake::start(zones(), vec![]).await;
    let asker = asker(&fake).await;
    let settled = asker
        .settle(ONE, |seen| -> Result<(), Need> {
            seen.at(&name(&format!("n{}.example.test", seen.len())), RecordType::Txt)?;
            Ok(())
        })
        .await;
    assert!(settled.cut_short);
    assert!(settled.value.is_err());
    assert_eq!(of(&fake.asked(), 2, "TXT").len() + 6, 12, "twelve rounds, taken in turn by two servers");
    // And one that needs more than may be asked at once.
    let settled = asker
        .settle(ONE, |seen| {
            let names: Vec<Name> = (0..300).map(|n| name(&format!("m{n}.example.test"))).collect();
            seen.have_all(&names.iter().map(|n| (n, RecordType::Txt)).collect::<Vec<_>>())?;
            Ok(seen.iter().filter(|(_, look)| look.zone == Where::Unknown(Failure::Timeout)).count())
        })
        .await;
    assert_eq!((settled.value, settled.cut_short), (Ok(100), true));
}

#[tokio::test]
async fn settling_can_be_spawned_and_dropped() {
    let fake = Fake::start(zones(), vec![Rule::at(2, Fault::Silent)]).await;
    let asker = asker(&fake).await;
    let task = tokio::spawn({
        let asker = asker.clone();
        async move { asker.look(&question("example.test", RecordType::Txt), ALL).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let before = asker.stats().queries();
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(asker.stats().queries(), before, "nobody goes on asking");
    let settled = tokio::spawn(async move { asker.settle(ONE, |_| Ok(1)).await }).await.unwrap();
    assert_eq!(settled.value, Ok(1));
}

#[tokio::test]
async fn a_budget_makes_wait_and_never_fail() {
    let fake = Fake::start(zones(), vec![]).await;
    let settings = Settings { rate_per_address: 50, burst_per_address: 5, ..fake.settings() };
    let asker = Asker::new(settings).await.unwrap();
    let start = Instant::now();
    for n in 0..10 {
        let look = asker.look(&question(&format!("n{n}.example.test"), RecordType::Txt), ALL).await;
        assert_eq!(look.answers().count(), 2);
    }
    assert!(start.elapsed() >= Duration::from_millis(90), "{:?}", start.elapsed());
}
