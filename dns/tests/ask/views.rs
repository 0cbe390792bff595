//! What others than the zone's own servers say.

use super::{ALL, asker, data, name, zones};
use signet_core::observe::{Failure, Look, Question, RecordType, View, Zone as Place};
use signet_dns::ask::{Asker, Settings};
use signet_dns::testing::{Fake, Fault, Rule, SECOND_RESOLVER, Zone};
use std::time::{Duration, Instant};

async fn look(fake: &Fake, view: View, owner: &str, rtype: RecordType) -> Look {
    let question = Question { name: name(owner), rtype, view };
    asker(fake).await.look(&question, ALL).await
}

fn shown(look: &Look) -> Vec<Vec<String>> {
    look.answers().map(|(_, answer)| data(answer)).collect()
}

#[tokio::test]
async fn the_parent_tells_whom_it_delegates_to() {
    let fake = Fake::start(zones(), Vec::new()).await;
    let above = look(&fake, View::Parent, "example.test", RecordType::Ns).await;
    assert_eq!(above.zone, Place::Found(name("test")));
    assert_eq!(shown(&above), [["ns2.example.test"]], "the zone itself has ns3 as well");
    let (_, delegation) = above.answers().next().unwrap();
    assert_eq!(delegation.glue, [(name("ns2.example.test"), "127.0.0.2".parse().unwrap())]);
    assert!(!delegation.authoritative);
    let own = look(&fake, View::Servers, "example.test", RecordType::Ns).await;
    assert_eq!(shown(&own)[0], ["ns2.example.test", "ns3.example.test"]);
    assert_eq!(shown(&look(&fake, View::Parent, "example.test", RecordType::Ds).await), [[""; 0]]);
}

#[tokio::test]
async fn every_resolver_is_asked_and_none_is_trusted_to_know() {
    let fake = Fake::start(zones(), vec![Rule::at(SECOND_RESOLVER, Fault::Rcode(5))]).await;
    let mut settings = fake.settings();
    settings.resolvers.push(fake.address(SECOND_RESOLVER));
    let asker = Asker::new(settings).await.unwrap();
    let question =
        Question { name: name("_dmarc.example.test"), rtype: RecordType::Txt, view: View::Resolvers };
    let look = asker.look(&question, ALL).await;
    assert_eq!(shown(&look), [["v=DMARC1; p=none"]]);
    assert_eq!(super::failures(&look), [Failure::Refused]);
    let asked = fake.asked();
    assert_eq!(asked.len(), 2, "no zone is looked for: {asked:?}");
    assert!(asked.iter().all(|question| question.recursion));
}

#[tokio::test]
async fn without_checking_a_bogus_zone_has_its_records() {
    let fake = Fake::start(zones(), vec![Rule::at(1, Fault::Bogus)]).await;
    let checked = look(&fake, View::Resolvers, "_dmarc.example.test", RecordType::Txt).await;
    assert_eq!(super::failures(&checked), [Failure::ServFail(Some(6))]);
    let unchecked = look(&fake, View::Unchecked, "_dmarc.example.test", RecordType::Txt).await;
    assert_eq!(shown(&unchecked), [["v=DMARC1; p=none"]]);
}

#[tokio::test]
async fn a_resolver_that_fails_now_may_be_asked_again() {
    let name = "_dmarc.example.test";
    let fake = Fake::start(zones(), vec![Rule::at(1, Fault::Rcode(2)).times(1)]).await;
    let settings = Settings { failures_kept: Duration::from_millis(200), ..fake.settings() };
    let asker = Asker::new(settings).await.unwrap();
    let ask = async |view| {
        let question = Question { name: super::name(name), rtype: RecordType::Txt, view };
        asker.look(&question, ALL).await
    };
    assert_eq!(super::failures(&ask(View::Resolvers).await), [Failure::ServFail(None)]);
    let began = Instant::now();
    let again = ask(View::ResolversAgain).await;
    assert_eq!(shown(&again), [["v=DMARC1; p=none"]]);
    assert!(began.elapsed() >= Duration::from_millis(200), "not what it remembers");
    assert!(fake.asked().iter().all(|asked| asked.recursion));
}

#[tokio::test]
async fn a_retired_type_is_read_as_text() {
    let zones = vec![Zone::new("example.test", &[2], &["@ SPF v=spf1 -all"])];
    let fake = Fake::start(zones, Vec::new()).await;
    let look = look(&fake, View::Servers, "example.test", RecordType::Spf).await;
    assert_eq!(shown(&look), [["v=spf1 -all"]]);
}

#[tokio::test]
async fn servers_are_asked_over_tcp_and_what_they_offer_is_told() {
    let rules = vec![Rule::at(2, Fault::WithoutTcp), Rule::at(3, Fault::OffersRecursion)];
    let fake = Fake::start(zones(), rules).await;
    let stream = look(&fake, View::Stream, "example.test", RecordType::Soa).await;
    assert!(matches!(super::failures(&stream)[..], [Failure::Unreachable(_)]), "{stream:?}");
    let [(server, answer)] = stream.answers().collect::<Vec<_>>()[..] else { panic!("{stream:?}") };
    assert_eq!((server.name.as_ref(), answer.recursion), (Some(&name("ns3.example.test")), true));
    assert!(
        fake.asked().iter().filter(|asked| asked.host == 3 && asked.rtype == "SOA").all(|asked| asked.tcp)
    );
    let datagram = look(&fake, View::Servers, "example.test", RecordType::Soa).await;
    let offers: Vec<bool> = datagram.answers().map(|(_, answer)| answer.recursion).collect();
    assert_eq!(offers, [false, true]);
}

#[tokio::test]
async fn properties_of_caa_are_read() {
    let zones = vec![Zone::new("example.test", &[2], &["@ CAA 128 Issue \"ca.test; account=7\""])];
    let fake = Fake::start(zones, Vec::new()).await;
    let look = look(&fake, View::Servers, "example.test", RecordType::Caa).await;
    assert_eq!(shown(&look), [["128 issue \"ca.test; account=7\""]]);
}
