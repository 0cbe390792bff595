//! What servers in order say.

use crate::{ALL, ONE, agreed, asker, data, failures, hasty, look_with, name, of, question, zones};
use signet_core::observe::{Consensus, Data, Failure, Rcode, RecordType, Zone as Where};
use signet_dns::ask::{Asker, Settings};
use signet_dns::testing::{Fake, Fault, RESOLVER, Rule, Zone};
use std::time::Duration;

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
    let table: [(&str, RecordType, &[&str]); 10] = [
        ("1.example.test", RecordType::Ptr, &["mail.example.test"]),
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
async fn answers_without_aa() {
    let rule = || vec![Rule::at(2, Fault::NotAuthoritative), Rule::at(3, Fault::NotAuthoritative)];
    let (look, _) = look_with(rule(), ALL, "example.test", RecordType::Txt).await;
    assert!(!agreed(&look).authoritative);
    let (look, _) = look_with(rule(), ALL, "nothing.example.test", RecordType::Txt).await;
    assert_eq!(failures(&look), [Failure::Lame, Failure::Lame]);
}

#[tokio::test]
async fn truncation_goes_to_tcp() {
    let (look, asked) =
        look_with(vec![Rule::at(2, Fault::Truncated)], ALL, "example.test", RecordType::Txt).await;
    assert_eq!(data(agreed(&look)), ["v=spf1 -all"]);
    assert_eq!(look.answers().count(), 2);
    assert_eq!(of(&asked, 2, "TXT").iter().filter(|a| a.tcp).count(), 1);
}

/// Each try strikes twice, over UDP and over TCP.
fn stalled(tries: u32) -> Vec<Rule> {
    vec![Rule::at(2, Fault::TruncatedAndStalled).times(2 * tries), Rule::at(2, Fault::Truncated)]
}

#[tokio::test]
async fn a_stall_over_tcp_is_tried_again_like_silence() {
    for ask in [ALL, ONE] {
        let zones = vec![Zone::new("long.test", &[2], &["@ TXT here"])];
        let fake = Fake::start(zones, stalled(1)).await;
        let look = hasty(&fake).await.look(&question("long.test", RecordType::Txt), ask).await;
        assert_eq!(data(agreed(&look)), ["here"], "{ask:?}");
    }
}

#[tokio::test]
async fn who_always_stalls_over_tcp_is_there_nevertheless() {
    let fake = Fake::start(zones(), vec![Rule::at(2, Fault::TruncatedAndStalled)]).await;
    // As short as a busy machine lets it be, as often as a silent server would be asked.
    let settings = Settings { timeout: Duration::from_secs(1), tries: 2, ..fake.settings() };
    let asker = Asker::new(settings).await.unwrap();
    for _ in 0..4 {
        let look = asker.look(&question("example.test", RecordType::Txt), ALL).await;
        assert_eq!(failures(&look), [Failure::Truncated]);
    }
    assert_eq!(asker.stats().not_asked, 0, "its answers over UDP are answers");
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
async fn servers_that_differ() {
    let zones = vec![
        Zone::new(
            "split.test",
            &[2],
            &["@ NS ns2", "@ NS ns3", "ns2 A 127.0.0.2", "ns3 A 127.0.0.3", "x A 192.0.2.1"],
        ),
        Zone::new("split.test", &[3], &["@ NS ns2", "@ NS ns3"]),
    ];
    let fake = Fake::start(zones, vec![]).await;
    let look = asker(&fake).await.look(&question("x.split.test", RecordType::A), ALL).await;
    match look.consensus() {
        Consensus::Split { with, without } => assert_eq!((with.len(), without.len()), (1, 1)),
        other => panic!("{other:?}"),
    }
}
