//! Where a name lives, and how long that is believed.

use crate::{ALL, ONE, agreed, asker, data, failures, look_with, name, of, question, zones};
use signet_core::observe::{Failure, Question, RecordType, Seen, Zone as Where};
use signet_dns::ask::{Ask, Asker, Mode, Scope, Settings};
use signet_dns::testing::{Fake, Fault, RESOLVER, Rule, Zone};

#[tokio::test]
async fn a_name_nobody_was_given() {
    let (look, _) = look_with(vec![], ALL, "_dmarc.unregistered.test", RecordType::Txt).await;
    assert_eq!(look.zone, Where::NotDelegated { name: name("unregistered.test") });
    assert!(look.replies.is_empty());
}

#[tokio::test]
async fn cuts_below_the_organizational_domain() {
    let zones = vec![
        Zone::new(
            "org.test",
            &[2],
            &[
                "vendor NS ns.vendor",
                "ns.vendor A 127.0.0.4",
                "www A 192.0.2.1",
                "sub NS ns2",
                "alias CNAME www",
            ],
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
                let look = asker.look(&question(owner, rtype), Ask { scope, ..ALL }).await;
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
    let owners =
        ["example.test", "_dmarc.example.test", "sg.example.test", "none.example.test", "mail.example.test"];
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
    let fake =
        Fake::start(vec![Zone::new("move.test", &[2], &["@ TXT old"])], vec![Rule::at(4, Fault::Silent)])
            .await;
    let asker = asker(&fake).await;
    let txt = question("move.test", RecordType::Txt);
    assert_eq!(data(agreed(&asker.look(&txt, ALL).await)), ["old"]);
    fake.set_rules(vec![Rule::at(2, Fault::Rcode(5))]);
    fake.set_zones(vec![Zone::new("move.test", &[4], &["@ TXT moved"])]);
    assert_eq!(failures(&asker.look(&txt, ALL).await), [Failure::Refused]);
    assert_eq!(data(agreed(&asker.look(&txt, Ask::thorough()).await)), ["moved"]);
    assert_eq!(data(agreed(&asker.look(&txt, ALL).await)), ["moved"], "and it is remembered");
}
