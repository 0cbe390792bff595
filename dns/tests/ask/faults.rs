//! What servers out of order do to a look.

use crate::{ALL, ONE, agreed, asker, data, failures, hasty, look_with, name, of, question, zones};
use signet_core::observe::{Failure, RecordType, Zone as Where};
use signet_dns::ask::{Asker, Settings};
use signet_dns::testing::{Fake, Fault, RESOLVER, Rule, Zone};
use std::time::Duration;

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
        (Fault::Late(Duration::from_secs(3)), Failure::Timeout),
        (Fault::Rcode(5), Failure::Refused),
        (Fault::Rcode(2), Failure::ServFail(None)),
        (Fault::Extended(2, 9), Failure::ServFail(Some(9))),
        (Fault::Extended(5, 18), Failure::Refused),
        (Fault::Rcode(9), Failure::Rcode("NOTAUTH".to_string())),
        (Fault::Rcode(1), Failure::Rcode("FORMERR".to_string())),
        (Fault::LameReferral, Failure::Lame),
        (Fault::TruncatedWithoutTcp, Failure::Truncated),
    ] {
        let (look, asked) =
            look_with(vec![Rule::at(3, fault.clone())], ALL, "example.test", RecordType::Txt).await;
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
async fn servers_that_stumble_are_asked_plainly() {
    for fault in [Fault::NoEdns, Fault::LowerCase] {
        // So long that it is never in lower case by chance.
        let owner = format!("{0}.{0}.example.test", "n".repeat(60));
        let (look, asked) = look_with(vec![Rule::at(2, fault.clone())], ALL, &owner, RecordType::Txt).await;
        assert_eq!(look.answers().count(), 2, "{fault:?}");
        assert!(of(&asked, 2, "TXT").iter().any(|again| !again.edns && !again.mixed_case), "{fault:?}");
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
    let asker = hasty(&fake).await;
    for _ in 0..2 {
        let look = asker.look(&question("half.test", RecordType::Txt), ONE).await;
        assert_eq!(data(agreed(&look)), ["here"]);
    }
    let look = asker.look(&question("half.test", RecordType::Txt), ALL).await;
    assert_eq!(data(agreed(&look)), ["here"]);
    assert!(matches!(failures(&look)[..], [Failure::Unreachable(_)]), "{look:?}");
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
async fn servers_of_the_parent_or_of_anything_are_lame() {
    let mut zones = zones();
    // Listed for example.test, but has something else.
    zones.push(Zone::new("test", &[4], &["other NS ns.other", "ns.other A 127.0.0.8"]));
    zones.push(Zone::new(
        "lame.test",
        &[2],
        &["@ NS ns2", "@ NS ns4", "ns2 A 127.0.0.2", "ns4 A 127.0.0.4", "@ TXT x"],
    ));
    let fake = Fake::start(zones, vec![]).await;
    let look = asker(&fake).await.look(&question("lame.test", RecordType::Txt), ALL).await;
    assert_eq!(data(agreed(&look)), ["x"]);
    assert_eq!(failures(&look), [Failure::Lame]);
}

#[tokio::test]
async fn servers_that_the_resolver_gives_up_on_speak_for_themselves() {
    let broken = |extended| Rule::at(RESOLVER, Fault::Extended(2, extended)).about("example.test");
    // No reachable authority, it says; ask them what the matter is.
    let rules = vec![broken(22), Rule::at(2, Fault::Rcode(5))];
    let (look, _) = look_with(rules, ALL, "_dmarc.example.test", RecordType::Txt).await;
    assert_eq!(look.zone, Where::Found(name("example.test")));
    assert_eq!(look.failures().next().unwrap().0.to_string(), "ns2.example.test (127.0.0.2)");
    assert_eq!(failures(&look), [Failure::Refused]);
    // DNSSEC is bogus: that is what there is to say.
    let (look, _) = look_with(vec![broken(6)], ALL, "_dmarc.example.test", RecordType::Txt).await;
    assert_eq!(look.zone, Where::Unknown(Failure::ServFail(Some(6))));
}
