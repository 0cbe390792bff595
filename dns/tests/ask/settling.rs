//! Judges, time and bounds.

use crate::{ALL, ONE, agreed, asker, data, hasty, name, of, question, zones};
use signet_core::names::Name;
use signet_core::observe::{Failure, Need, RecordType, Zone as Where};
use signet_dns::ask::{Asker, Settings};
use signet_dns::testing::{Fake, Fault, RESOLVER, Rule};
use std::time::{Duration, Instant};

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
        timeout: Duration::from_secs(120),
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
    assert!(start.elapsed() < Duration::from_secs(60));
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
    assert_eq!(of(&fake.asked(), 2, "TXT").len(), 16, "thirty-two rounds, taken in turn by two servers");
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
    let asker = hasty(&fake).await;
    let task = tokio::spawn({
        let asker = asker.clone();
        async move { asker.look(&question("example.test", RecordType::Txt), ALL).await }
    });
    while of(&fake.asked(), 2, "TXT").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    let before = asker.stats().queries();
    // Longer than a try takes.
    tokio::time::sleep(Duration::from_millis(700)).await;
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
