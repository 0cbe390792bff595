//! Our zone on several nodes: what one process writes, every node answers soon,
//! under a serial that never falls; on both databases.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/postgres.rs"]
mod postgres;
#[path = "support/waiting.rs"]
mod waiting;

use hickory_proto::{
    op::ResponseCode,
    rr::{Name as WireName, RecordType},
};
use jiff::Timestamp;
use signet::{
    clock::{Clock, Randomness},
    config::{Config, Sources},
    ops::Ops,
    store::*,
    zone::published_zone,
};
use signet_core::{
    email::EmailAddress,
    names::{DomainName, Name, RecordId},
    rotation::{Algorithm, Selector},
};
use signet_dns::zone::{Answers as _, Ask, OwnZone, Response, Walk, line};
use std::{sync::Arc, time::Duration};

/// Where a database is.
struct Place {
    url: String,
    directory: tempfile::TempDir,
}

impl Place {
    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite:{}/signet.db", directory.path().display()), directory }
    }

    async fn postgres() -> Option<Self> {
        Some(Self { url: postgres::database().await?, directory: tempfile::tempdir().unwrap() })
    }

    async fn open(&self) -> Arc<dyn Store> {
        open(&self.url).await.unwrap()
    }
}

/// Runs each test on both databases.
macro_rules! on_both {
    ($($test:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Place::sqlite()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(place) = super::Place::postgres().await {
                    super::$test(place).await;
                }
            })+
        }
    };
}

on_both! {
    every_node_answers_what_another_process_wrote serials_never_fall changes_are_told_for_a_day
    a_restored_zone_goes_on_above_what_was_served the_walk_is_the_whole_zone
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

fn cause() -> Cause {
    Cause::command_line("because", at(0))
}

fn record_id() -> RecordId {
    Randomness::default().record_id()
}

fn domain_name(name: &str) -> DomainName {
    DomainName::trusted(Name::parse(name).unwrap())
}

async fn initialise(store: &Arc<dyn Store>) -> AccountId {
    let new = NewAccount {
        name: "First".to_owned(),
        owner_email: EmailAddress::parse("owner@example.org").unwrap(),
        demo: (domain_name("shop.demo.signet.test"), record_id()),
        demo_allowance: 50,
    };
    store.initialise(&new, None, "print", &cause()).await.unwrap().unwrap().id
}

async fn register(store: &Arc<dyn Store>, account: AccountId, name: &str) -> Domain {
    let new =
        NewDomain { account, name: domain_name(name), record_id: record_id(), dkim: Default::default() };
    store.create_domain(&new, None, &cause()).await.unwrap().unwrap()
}

/// A key for the first selector (RFC 8410 §4), sealed by nobody.
fn new_key() -> NewKey {
    let mut public = vec![0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    public.extend([7; 32]);
    NewKey {
        id: record_id().to_string(),
        selector: Selector::BOTH[0],
        algorithm: Algorithm::Ed25519,
        origin: KeyOrigin::Made,
        public,
        private: SealedKey { kek: 1, wrapped: vec![1], sealed: vec![1] },
        under: "print".to_string(),
    }
}

fn ops(store: Arc<dyn Store>) -> Ops {
    let config = Config::from_sources(&Sources::default()).unwrap();
    Ops::new(store, Arc::new(config), Clock::system())
}

/// A node that publishes and follows.
async fn node(place: &Place) -> Arc<OwnZone> {
    let ops = ops(place.open().await);
    let zone = published_zone(&ops, None).await.unwrap();
    tokio::spawn(zone.clone().follow(std::future::pending()));
    tokio::spawn(async move {
        loop {
            ops.store.publish_zone(None, ops.clock.now()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    zone
}

async fn ask(zone: &OwnZone, name: &str) -> Response {
    let name = WireName::from_ascii(format!("{name}.")).unwrap();
    zone.answer(Ask { name: &name, rtype: RecordType::TXT, recursion_desired: false }).await
}

/// Waits until all nodes answer so.
async fn all(nodes: &[Arc<OwnZone>], name: &str, expected: impl Fn(&Response) -> bool) {
    for zone in nodes {
        let look = async || {
            let response = ask(zone, name).await;
            if expected(&response) { Ok(()) } else { Err(response) }
        };
        waiting::until(name, look).await;
    }
}

fn exists(response: &Response) -> bool {
    response.rcode == ResponseCode::NoError
}

fn absent(response: &Response) -> bool {
    response.rcode == ResponseCode::NXDomain
}

async fn every_node_answers_what_another_process_wrote(place: Place) {
    let writer = place.open().await;
    let account = initialise(&writer).await;
    let nodes = [node(&place).await, node(&place).await];
    all(&nodes, "_dmarc.shop.demo.signet.test", |answer| answer.answers.len() == 1).await;
    for round in 0..3 {
        let before = nodes[0].serial();
        let domain = register(&writer, account, &format!("bakery{round}.example")).await;
        let target = format!("sg1.{}.dkim.signet.test", domain.record_id);
        all(&nodes, &target, exists).await;
        let keyless = Keyless { account, domain: domain.id, record_id: domain.record_id.clone() };
        assert!(writer.add_keys(&keyless, &[new_key()], &cause()).await.unwrap());
        all(&nodes, &target, |answer| answer.answers.len() == 1).await;
        // Again, out of the cache, which must not outlive the domain.
        all(&nodes, &target, |answer| answer.answers.len() == 1).await;
        assert!(writer.delete_domain(account, domain.id, &cause()).await.unwrap());
        all(&nodes, &target, absent).await;
        assert!(nodes[0].serial() > before);
    }
    let misses = |nodes: &[Arc<OwnZone>]| nodes.iter().map(|zone| zone.cache_stats().misses).sum::<u64>();
    // A node that has heard nothing for some seconds asks all the same: what it
    // knows may be old.
    let look = async || {
        let before = misses(&nodes);
        for _ in 0..100 {
            assert!(absent(&ask(&nodes[0], &format!("sg1.{}.dkim.signet.test", record_id())).await));
            assert!(absent(&ask(&nodes[1], "none.demo.signet.test").await));
        }
        let asked = misses(&nodes) - before;
        if asked == 0 { Ok(()) } else { Err(asked) }
    };
    waiting::until("without asking for what does not exist", look).await;
    let look = async || {
        let serials = [nodes[0].serial(), nodes[1].serial()];
        let known = [nodes[0].cache_stats().known, nodes[1].cache_stats().known];
        if serials[0] == serials[1] && known == [1, 1] { Ok(()) } else { Err((serials, known)) }
    };
    waiting::until("of one mind", look).await;
}

async fn serials_never_fall(place: Place) {
    let store = place.open().await;
    let publish = |fixed: Option<&'static str>, seconds| {
        let store = store.clone();
        async move { store.publish_zone(fixed, at(seconds)).await.unwrap() - at(0).as_second() }
    };
    assert_eq!(publish(None, 0).await, 0);
    assert_eq!(publish(None, 9).await, 0, "nothing has changed");
    let account = initialise(&store).await;
    assert_eq!(publish(None, 0).await, 0, "one in a second");
    assert_eq!(publish(None, 10).await, 10);
    register(&store, account, "a.example").await;
    assert_eq!(publish(None, 9).await, 10, "a clock a second behind waits");
    assert_eq!(publish(None, -900).await, 11, "one that was set back does not");
    assert_eq!(publish(Some("first"), 11).await, 12, "settings are told at once");
    assert_eq!(publish(Some("first"), 99).await, 12);
    assert_eq!(publish(Some("other"), 99).await, 99);

    let other = place.open().await;
    register(&store, account, "b.example").await;
    let racing: Vec<_> = (0..16)
        .map(|n| if n % 2 == 0 { store.clone() } else { other.clone() })
        .map(|store| tokio::spawn(async move { store.publish_zone(None, at(200)).await.unwrap() }))
        .collect();
    for serial in racing {
        assert_eq!(serial.await.unwrap(), at(200).as_second(), "one wins");
    }
}

async fn changes_are_told_for_a_day(place: Place) {
    let store = place.open().await;
    let account = initialise(&store).await;
    let first = store.publish_zone(None, at(0)).await.unwrap();
    let kept = register(&store, account, "a.example").await.record_id;
    let gone = register(&store, account, "b.example").await;
    assert!(store.delete_domain(account, gone.id, &cause()).await.unwrap());
    let before = store.zone_changes(Some(first)).await.unwrap();
    assert_eq!(before, ZoneChanges { serial: first, ids: Some(vec![]) }, "not yet published");
    let second = store.publish_zone(None, at(5)).await.unwrap();
    let mut changes = store.zone_changes(Some(first)).await.unwrap();
    let mut expected = vec![kept, gone.record_id.clone(), gone.record_id];
    changes.ids.as_mut().unwrap().sort();
    expected.sort();
    assert_eq!(changes, ZoneChanges { serial: second, ids: Some(expected) });
    for since in [None, Some(second + 1)] {
        assert_eq!(store.zone_changes(since).await.unwrap(), ZoneChanges { serial: second, ids: None });
    }

    let late = register(&store, account, "c.example").await.record_id;
    store.sweep(at(2 * 86_400)).await.unwrap();
    assert_eq!(store.zone_changes(Some(first)).await.unwrap().ids, Some(vec![]), "swept");
    let third = store.publish_zone(None, at(2 * 86_400)).await.unwrap();
    let changes = store.zone_changes(Some(second)).await.unwrap();
    assert_eq!(changes, ZoneChanges { serial: third, ids: Some(vec![late]) }, "what was not told stays");
}

async fn a_restored_zone_goes_on_above_what_was_served(place: Place) {
    let store = place.open().await;
    let account = initialise(&store).await;
    store.publish_zone(Some("settings"), at(0)).await.unwrap();
    let file = place.directory.path().join("backup.json");
    store.backup(&file).await.unwrap();
    register(&store, account, "lost.example").await;
    let served = store.publish_zone(None, at(50)).await.unwrap();

    let other = Place::sqlite();
    let restored = other.open().await;
    restored.restore(&file).await.unwrap();
    let serial = restored.publish_zone(Some("settings"), at(60)).await.unwrap();
    assert!(serial > served, "the settings are the same, the zone is not");
    assert_eq!(restored.publish_zone(Some("settings"), at(70)).await.unwrap(), serial);
}

async fn the_walk_is_the_whole_zone(place: Place) {
    let store = place.open().await;
    let account = initialise(&store).await;
    let keyed = register(&store, account, "bakery.example").await;
    let keyless = Keyless { account, domain: keyed.id, record_id: keyed.record_id.clone() };
    assert!(store.add_keys(&keyless, &[new_key()], &cause()).await.unwrap());
    let zone = published_zone(&ops(store.clone()), None).await.unwrap();
    let mut walk = Walk::new(&zone, &Name::parse("signet.test").unwrap()).unwrap();
    let mut lines = Vec::new();
    while let Some(records) = walk.step().await.unwrap() {
        lines.extend(records.iter().map(line));
    }
    let serial = store.zone_changes(None).await.unwrap().serial;
    assert!(lines[0].contains(&format!(" {serial} 3600 900 1209600 60")), "{}", lines[0]);
    let key = format!("sg1.{}.dkim.signet.test. 300 IN TXT \"v=DKIM1; k=ed25519; p=", keyed.record_id);
    assert_eq!(lines.iter().filter(|line| line.starts_with(&key)).count(), 1, "{lines:#?}");
    assert!(lines.contains(&r#"track.signet.test. 3600 IN CAA 0 issue "letsencrypt.org""#.to_owned()));
    assert!(lines.iter().any(|line| line.starts_with("_dmarc.shop.demo.signet.test. 300 IN TXT ")));
}
