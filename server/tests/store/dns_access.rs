//! Keys to accounts' own zones.

use super::*;
use signet_core::publish::{Beside, Others};
use std::collections::BTreeMap;

on_both! { keys_belong_to_their_account_and_one_opens_a_zone what_was_written_is_in_the_history
names_registered_again_are_known }

fn key(account: AccountId, zone: &str, secret: u8) -> NewDnsAccess {
    NewDnsAccess {
        account,
        zone: Name::parse(zone).unwrap(),
        provider: "rfc2136".to_string(),
        settings: BTreeMap::from([("server".to_string(), "192.0.2.53".to_string())]),
        secret: sealed_by_nobody(&[secret, 0, 255]),
    }
}

async fn keys_belong_to_their_account_and_one_opens_a_zone(place: Place) {
    let store = place.open().await;
    let (owner, stranger) = (an_account(&store).await, an_account(&store).await);
    let zone = Name::parse("example.com").unwrap();
    let given = store.give_dns_access(&key(owner, "example.com", 1), 2, &cause(0)).await.unwrap().unwrap();
    assert_eq!((given.created_at, given.updated_at), (at(0), at(0)));
    assert_eq!(store.dns_access(owner, given.id).await.unwrap().as_ref(), Some(&given));
    assert_eq!(store.dns_access_to(owner, &zone).await.unwrap(), Some((given.clone(), vec![1, 0, 255])));
    assert_eq!(store.dns_access(stranger, given.id).await.unwrap(), None);
    assert_eq!(store.dns_access_to(stranger, &zone).await.unwrap(), None);
    assert_eq!(store.delete_dns_access(stranger, given.id, &cause(1)).await.unwrap(), None);
    assert_eq!(store.dns_accesses(stranger).await.unwrap(), []);

    // Another to the same zone takes its place, whatever the limit.
    let theirs =
        store.give_dns_access(&key(stranger, "example.com", 2), 2, &cause(1)).await.unwrap().unwrap();
    assert_ne!(theirs.id, given.id);
    store.give_dns_access(&key(owner, "example.org", 3), 2, &cause(1)).await.unwrap().unwrap();
    let again = NewDnsAccess { provider: "cloudflare".to_string(), ..key(owner, "example.com", 4) };
    let again = store.give_dns_access(&again, 2, &cause(2)).await.unwrap().unwrap();
    assert_eq!((again.id, again.created_at, again.updated_at), (given.id, at(0), at(2)));
    assert_eq!(store.dns_access_to(owner, &zone).await.unwrap().unwrap().1, [4, 0, 255]);
    assert_eq!(store.give_dns_access(&key(owner, "example.net", 5), 2, &cause(3)).await.unwrap(), None);

    assert_eq!(store.delete_dns_access(owner, given.id, &cause(4)).await.unwrap(), Some(again));
    assert_eq!(store.delete_dns_access(owner, given.id, &cause(4)).await.unwrap(), None);
    let zones: Vec<_> = store.dns_accesses(owner).await.unwrap().into_iter().map(|key| key.zone).collect();
    assert_eq!(zones, [Name::parse("example.org").unwrap()]);
    assert!(store.dns_access_to(stranger, &zone).await.unwrap().is_some());
}

async fn what_was_written_is_in_the_history(place: Place) {
    let store = place.open().await;
    let owner = an_account(&store).await;
    let domain = register(&store, owner, "example.com").await;
    let event = NewEvent {
        reason: Some("verification, spf".to_string()),
        to: Some("example.com".to_string()),
        evidence: Some("{}".to_string()),
        ..NewEvent::of(EventKind::DnsApplied)
    };
    store.note_written(owner, domain.id, &event, &cause(1)).await.unwrap();
    let first = store.events(owner, domain.id, None, 1).await.unwrap().remove(0);
    assert_eq!((first.kind.as_str(), first.to.as_deref()), ("dns.applied", Some("example.com")));
    assert_eq!(first.evidence.as_deref(), Some("{}"));
    let later = NewEvent { evidence: Some("[]".to_string()), ..event.clone() };
    store.note_written(owner, domain.id, &later, &cause(2)).await.unwrap();
    let begun = NewEvent { evidence: Some("0".to_string()), ..NewEvent::of(EventKind::DnsWriting) };
    store.note_written(owner, domain.id, &begun, &cause(3)).await.unwrap();
    let vain = NewEvent { evidence: Some("1".to_string()), ..NewEvent::of(EventKind::DnsNotWritten) };
    store.note_written(owner, domain.id, &vain, &cause(4)).await.unwrap();
    let removed = NewEvent { evidence: Some("2".to_string()), ..NewEvent::of(EventKind::DnsRemoved) };
    store.note_written(owner, domain.id, &removed, &cause(5)).await.unwrap();
    let written = store.what_was_written(owner, domain.id).await.unwrap();
    let written: Vec<(EventKind, &str)> = written.iter().map(|(kind, text)| (*kind, text.as_str())).collect();
    assert_eq!(
        written,
        [
            (EventKind::DnsNotWritten, "1"),
            (EventKind::DnsWriting, "0"),
            (EventKind::DnsApplied, "[]"),
            (EventKind::DnsApplied, "{}")
        ]
    );
    let stranger = an_account(&store).await;
    assert!(store.what_was_written(stranger, domain.id).await.unwrap().is_empty());
}

async fn names_registered_again_are_known(place: Place) {
    let store = place.open().await;
    let (owner, stranger) = (an_account(&store).await, an_account(&store).await);
    let domain = register(&store, owner, "example.com").await;
    register(&store, owner, "example.org").await;
    register(&store, owner, "notexample.com").await;
    let beside = async |account, id| {
        let Beside { own, elsewhere } = store.registered_beside(account, id).await.unwrap();
        (own, elsewhere)
    };
    use Others::{Below, None, Same};
    assert_eq!(beside(owner, domain.id).await, (None, None));

    // Whoever has not shown that a name is theirs keeps nobody's records.
    let second = register(&store, stranger, "example.com").await;
    let below = register(&store, stranger, "mail.example.com").await;
    assert_eq!(beside(owner, domain.id).await, (None, None));
    look_at(&store, &below, DnsState::Verified { at: at(5) }, 5).await;
    assert_eq!(beside(owner, domain.id).await, (None, Below));
    assert_eq!(beside(stranger, below.id).await, (None, None), "nothing rests on what is below");
    look_at(&store, &second, DnsState::Verified { at: at(100) }, 100).await;
    assert_eq!(beside(owner, domain.id).await, (None, Same));
    assert_eq!(beside(stranger, domain.id).await, (None, None), "of another account's");
    // One's own count from the beginning.
    register(&store, owner, "a.b.example.com").await;
    assert_eq!(beside(owner, domain.id).await, (Below, Same));
    assert_eq!(beside(stranger, second.id).await, (Below, None), "the other account's are not verified");
    for id in [second.id, below.id] {
        store.delete_domain(stranger, id, &cause(1)).await.unwrap();
    }
    assert_eq!(beside(owner, domain.id).await, (Below, None));
}
