//! Many at once.

use super::*;
use futures_util::future::join_all;
use sqlx::Connection as _;
use std::collections::BTreeSet;

on_both! {
    one_of_a_hundred_gets_the_name the_limit_holds_under_pressure nodes_claim_apart
    caps_hold_under_pressure what_is_acknowledged_is_there a_caller_that_goes_away company_is_written_once
    many_open_a_new_database a_burst_behind_one_row_waits_its_turn
}

/// PostgreSQL only: SQLite's writes wait in a queue of its own.
async fn a_burst_behind_one_row_waits_its_turn(place: Place) {
    if place.is_sqlite() {
        return;
    }
    let store = place.open().await;
    let account = an_account(&store).await;
    let mut slow = sqlx::PgConnection::connect(&place.url).await.unwrap();
    let mut held = slow.begin().await.unwrap();
    let lock = sqlx::query("SELECT id FROM account WHERE id = $1 FOR UPDATE").bind(account.0);
    lock.execute(&mut *held).await.unwrap();
    let burst = (0..30).map(|n| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { register(&store, account, &format!("d{n}.example")).await })
    });
    let burst: Vec<_> = burst.collect();
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    held.rollback().await.unwrap();
    for made in join_all(burst).await {
        made.unwrap();
    }
}

async fn many_open_a_new_database(place: Place) {
    for _ in 0..5 {
        let new = place.another(true).await.unwrap();
        let opening = (0..8).map(|_| {
            let url = new.url.clone();
            tokio::spawn(async move { open(&url).await.map(drop) })
        });
        for opened in join_all(opening).await {
            opened.unwrap().unwrap();
        }
    }
}

async fn one_of_a_hundred_gets_the_name(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let account = an_account(&store).await;
    let news: Vec<NewDomain> = (0..100)
        .map(|_| NewDomain {
            account,
            name: domain_name("example.com"),
            record_id: record_id(),
            dkim: Default::default(),
        })
        .collect();
    let now = cause(1);
    let nodes = [&store, &other].into_iter().cycle();
    let made = join_all(news.iter().zip(nodes).map(|(new, node)| node.create_domain(new, None, &now))).await;
    let (made, refused): (Vec<_>, Vec<_>) =
        made.into_iter().map(Result::unwrap).partition(|made| made.is_ok());
    assert_eq!(made.len(), 1);
    assert!(refused.iter().all(|refused| *refused == Err(NotRegistered::Taken)));
    assert_eq!(store.domains(account, &TokenScope::Account, None, None).await.unwrap().len(), 2);
}

async fn the_limit_holds_under_pressure(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let account = an_account(&store).await;
    let news: Vec<NewDomain> = (0..40)
        .map(|n| NewDomain {
            account,
            name: domain_name(&format!("d{n}.example")),
            record_id: record_id(),
            dkim: Default::default(),
        })
        .collect();
    let now = cause(1);
    let nodes = [&store, &other].into_iter().cycle();
    let made =
        join_all(news.iter().zip(nodes).map(|(new, node)| node.create_domain(new, Some(7), &now))).await;
    assert_eq!(made.into_iter().filter(|made| made.as_ref().unwrap().is_ok()).count(), 7);
}

async fn nodes_claim_apart(place: Place) {
    let store = place.open().await;
    let other = place.beside(&store).await;
    let account = an_account(&store).await;
    for n in 0..60 {
        register(&store, account, &format!("d{n}.example")).await;
    }
    let nodes = [&store, &other].into_iter().cycle();
    let claims = join_all(nodes.take(12).map(|node| node.claim_due(at(10), at(70), 5))).await;
    let claimed: Vec<DomainId> =
        claims.into_iter().flat_map(Result::unwrap).map(|due| due.domain.id).collect();
    let distinct: BTreeSet<DomainId> = claimed.iter().copied().collect();
    assert_eq!(claimed.len(), distinct.len(), "none is claimed twice");
    let rest = claim(&store, 11).await.len();
    assert_eq!(claimed.len() + rest, 60, "and none is lost");
}

async fn caps_hold_under_pressure(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let mut whose = vec![];
    for n in 0..4 {
        let account = an_account(&store).await;
        whose.push((account, register(&store, account, &format!("d{n}.example")).await.id));
    }
    let caps = InstructionCaps { per_account: 100, per_recipient: 5 };
    let (text, now) = (message("a@b.example"), cause(1));
    let nodes = [&store, &other].into_iter().cycle();
    let sent = join_all((0..40).zip(nodes).map(|(n, node)| {
        let (account, domain) = whose[n % 4];
        node.queue_instructions(account, domain, "a@b.example", &text, caps, &now)
    }))
    .await;
    assert_eq!(sent.into_iter().filter(|sent| matches!(sent, Ok(Some(Ok(()))))).count(), 5);
}

async fn what_is_acknowledged_is_there(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    // Bad ones among them: each fails alone, whatever it is grouped with.
    let used = register(&store, account, "first.example").await.record_id;
    let writes = join_all((0..200).map(|n| {
        let (store, used) = (Arc::clone(&store), used.clone());
        tokio::spawn(async move {
            let record_id = if n % 10 == 0 { used } else { record_id() };
            let new = NewDomain {
                account,
                name: domain_name(&format!("d{n}.example")),
                record_id,
                dkim: Default::default(),
            };
            let made = store.create_domain(&new, None, &cause(1)).await;
            match made {
                Ok(made) => {
                    let id = made.unwrap().id;
                    assert!(
                        store.domain(account, id).await.unwrap().is_some(),
                        "acknowledged, so it is there"
                    );
                    true
                }
                Err(error) => {
                    assert!(n % 10 == 0 && matches!(error, StoreError::RecordIdUsed), "{error}");
                    false
                }
            }
        })
    }))
    .await;
    assert_eq!(writes.into_iter().filter(|made| *made.as_ref().unwrap()).count(), 180);
    store.close().await;
    assert!(store.ping().await.is_err());
    let new = NewDomain {
        account,
        name: domain_name("late.example"),
        record_id: record_id(),
        dkim: Default::default(),
    };
    assert!(store.create_domain(&new, None, &cause(1)).await.is_err(), "closed is closed");
    let reopened = place.open().await;
    assert_eq!(reopened.domains(account, &TokenScope::Account, None, None).await.unwrap().len(), 182);
}

async fn a_caller_that_goes_away(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    for n in 0..50 {
        let node = Arc::clone(&store);
        let new = NewDomain {
            account,
            name: domain_name(&format!("d{n}.example")),
            record_id: record_id(),
            dkim: Default::default(),
        };
        let task = tokio::spawn(async move { node.create_domain(&new, None, &cause(1)).await });
        tokio::time::sleep(std::time::Duration::from_micros(n * 40)).await;
        task.abort();
    }
    // Each is there with its history row, or not at all; and writing goes on.
    let domains = store.domains(account, &TokenScope::Account, None, None).await.unwrap();
    for domain in &domains[1..] {
        assert_eq!(history(&store, domain).await.len(), 1);
    }
    register(&store, account, "after.example").await;
}

async fn company_is_written_once(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let account = an_account(&store).await;
    let (info, now) = (company(), cause(1));
    let nodes = [&store, &other].into_iter().cycle();
    let made = join_all(nodes.take(10).map(|node| node.create_company(account, &info, &now))).await;
    assert_eq!(made.into_iter().filter(|made| *made.as_ref().unwrap()).count(), 1);
}
