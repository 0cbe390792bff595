//! Servers that stay silent are left alone, and nobody else is.

use crate::{ALL, ONE, agreed, asker, data, failures, hasty, of, question, zones};
use signet_core::observe::{Failure, RecordType};
use signet_dns::ask::Ask;
use signet_dns::testing::{Fake, Fault, Rule, Zone};

const DEMAND: Ask = Ask { on_demand: true, ..ALL };

#[tokio::test]
async fn a_silent_server_is_left_alone_but_for_those_who_wait() {
    let fake = Fake::start(zones(), vec![Rule::at(3, Fault::Silent)]).await;
    let asker = hasty(&fake).await;
    let txt = question("example.test", RecordType::Txt);
    let mx = question("example.test", RecordType::Mx);
    for expected in [Failure::Timeout, Failure::Timeout, Failure::NotAsked] {
        let look = asker.look(&txt, ALL).await;
        assert_eq!(failures(&look), [expected]);
        assert_eq!(data(agreed(&look)), ["v=spf1 -all"], "the other one answers");
    }
    assert!(asker.stats().not_asked > 0);
    let _before = fake.asked();
    for _ in 0..4 {
        assert_eq!(data(agreed(&asker.look(&txt, ONE).await)), ["v=spf1 -all"]);
    }
    assert!(of(&fake.asked(), 3, "TXT").is_empty(), "a routine pass goes straight to the other one");
    assert_eq!(failures(&asker.look(&txt, DEMAND).await), [Failure::Timeout], "asked all the same");

    fake.set_rules(vec![]);
    assert_eq!(failures(&asker.look(&mx, ALL).await), [Failure::NotAsked], "nobody knows yet");
    assert!(failures(&asker.look(&mx, DEMAND).await).is_empty());
    assert!(failures(&asker.look(&mx, ALL).await).is_empty(), "its first answer is enough");
}

#[tokio::test]
async fn refusing_is_not_being_silent() {
    let fake = Fake::start(zones(), vec![Rule::at(3, Fault::Rcode(5))]).await;
    let asker = asker(&fake).await;
    for _ in 0..10 {
        let look = asker.look(&question("example.test", RecordType::Txt), ALL).await;
        assert_eq!(failures(&look), [Failure::Refused]);
    }
    assert_eq!(asker.stats().not_asked, 0);
}

/// Zones of `count` accounts on a server that is silent about them, and one it
/// answers for, or does not.
async fn one_server_many_zones(rules: Vec<Rule>, parties: [u64; 3]) -> (u64, Vec<String>) {
    let apexes = ["a.test", "b.test", "c.test", "good.test"];
    let fake = Fake::start(apexes.map(|apex| Zone::new(apex, &[2], &["@ TXT here"])).to_vec(), rules).await;
    let asker = hasty(&fake).await;
    for (apex, party) in apexes.into_iter().zip(parties) {
        for _ in 0..2 {
            asker.look(&question(apex, RecordType::Txt), ALL.for_party(party)).await;
        }
    }
    let before = asker.stats().not_asked;
    let look = asker.look(&question("good.test", RecordType::Txt), ALL.for_party(9)).await;
    let seen = look.answers().flat_map(|(_, answer)| data(answer)).collect();
    (asker.stats().not_asked - before, seen)
}

#[tokio::test]
async fn an_address_is_given_up_only_when_several_accounts_meet_silence() {
    let bad = ["a.test", "b.test", "c.test"].map(|apex| Rule::at(2, Fault::Silent).about(apex)).to_vec();
    let dead = vec![Rule::at(2, Fault::Silent)];
    let (own_affair, given_up) =
        tokio::join!(one_server_many_zones(bad, [1, 1, 1]), one_server_many_zones(dead, [1, 2, 3]));
    assert_eq!(own_affair, (0, vec!["here".to_string()]), "one account's zones are its own affair");
    assert_eq!(given_up, (1, vec![]));
}
