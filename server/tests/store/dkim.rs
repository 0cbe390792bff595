//! Who publishes a domain's DKIM keys.

use super::{keys::keep, *};
use signet::store::Turn;
use signet_core::{plan::DkimMode, rotation::Stage};

on_both! { raw_keys_follow_what_happens_to_them modes }

/// The texts of the keys that `new_key` makes.
fn texts() -> [Option<String>; 2] {
    [1, 2].map(|octet| PublicKey::from_spki(&ed25519_spki(octet)).map(|key| key.record_text()))
}

async fn again(store: &Arc<dyn Store>, domain: &Domain) -> Domain {
    store.domain(domain.account, domain.id).await.unwrap().unwrap()
}

/// Whether it is to be looked at, past all caches.
async fn is_due(store: &Arc<dyn Store>, domain: &Domain, seconds: i64) -> bool {
    claim(store, seconds).await.iter().any(|due| due.domain.id == domain.id && due.on_demand)
}

async fn raw_keys_follow_what_happens_to_them(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let new =
        NewDomain { account, name: domain_name("raw.example"), record_id: record_id(), dkim: DkimMode::Raw };
    let domain = store.create_domain(&new, None, &cause(0)).await.unwrap().unwrap();
    assert_eq!(domain.raw_dkim, Some([None, None]), "nothing to publish yet");
    let keyless = store.keyless(10).await.unwrap();
    let keyless = keyless.iter().find(|keyless| keyless.domain == domain.id).expect("it needs keys at once");

    let due = claim(&store, 5).await;
    let due = due.iter().find(|due| due.domain.id == domain.id).unwrap();
    assert_eq!(store.apply_looks(&[look(due, DnsState::Pending, 5)], &cause(5)).await.unwrap(), [true]);
    assert!(store.add_keys(keyless, &Selector::BOTH.map(new_key), &cause(6)).await.unwrap());
    assert_eq!(again(&store, &domain).await.raw_dkim, Some(texts()));
    assert!(is_due(&store, &domain, 6).await, "its records are others now");

    // Somebody may have a key: the next one takes its place, and until it is made
    // there is nothing to publish.
    let ring = store.key_ring(account, domain.id).await.unwrap().unwrap();
    let turn = Turn {
        account,
        domain: domain.id,
        version: ring.version,
        slots: [keep(Stage::Revoked { since: at(100) }), keep(Stage::Active { since: at(100) })],
        wanted: None,
        due_at: Some(at(100)),
        failures: 0,
        stuck: None,
        told_at: None,
        notice: None,
        events: vec![],
    };
    assert!(store.turn_keys(&turn, &cause(100)).await.unwrap());
    let [_, second] = texts();
    assert_eq!(again(&store, &domain).await.raw_dkim, Some([None, second]));
}

async fn modes(place: Place) {
    let store = place.open().await;
    let (account, other) = (an_account(&store).await, an_account(&store).await);
    let demo = store.domains(account, &TokenScope::Account, None, Some(1)).await.unwrap().remove(0);
    let domain = register(&store, account, "mail.example").await;
    look_at(&store, &domain, DnsState::Verified { at: at(5) }, 5).await;
    let keyless = Keyless { account, domain: domain.id, record_id: domain.record_id.clone() };
    assert!(store.add_keys(&keyless, &Selector::BOTH.map(new_key), &cause(6)).await.unwrap());
    assert_eq!(again(&store, &domain).await.raw_dkim, None, "we publish them");
    let set = async |account, id, mode, seconds| {
        store.set_dkim_mode(account, id, mode, &cause(seconds)).await.unwrap()
    };

    assert_eq!(set(other, domain.id, DkimMode::Raw, 7).await, None);
    assert_eq!(again(&store, &domain).await.raw_dkim, None, "it is another's");
    assert_eq!(set(account, demo.id, DkimMode::Raw, 7).await.unwrap().raw_dkim, None, "its records are ours");

    let version = store.key_ring(account, domain.id).await.unwrap().unwrap().version;
    let raw = set(account, domain.id, DkimMode::Raw, 100).await.unwrap();
    assert_eq!(raw.raw_dkim, Some(texts()));
    assert!(raw.dns.is_verified(), "nothing is lost by it");
    assert!(is_due(&store, &domain, 100).await);
    let ring = store.key_ring(account, domain.id).await.unwrap().unwrap();
    assert_eq!((ring.version, ring.due_at), (version + 1, Some(at(100))), "a step under way comes too late");
    assert_eq!(set(account, domain.id, DkimMode::Raw, 200).await, Some(raw), "nothing to change");
    let back = set(account, domain.id, DkimMode::Delegated, 300).await.unwrap();
    assert_eq!(back.raw_dkim, None);
    let story = history(&store, &domain).await;
    let changes: Vec<_> = story.iter().filter(|row| row.starts_with("dkim.mode_changed")).collect();
    assert_eq!(changes, ["dkim.mode_changed delegated>raw", "dkim.mode_changed raw>delegated"]);
}
