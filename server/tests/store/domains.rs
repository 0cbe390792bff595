//! Registering, reading, changing, deleting; keys and our zone.

use super::*;
use signet_core::tracking::{Tracking, TrackingPatch};

on_both! {
    a_new_domain names_and_limits pages_and_scopes settings deleting history_in_pages keys_and_zone
}

async fn a_new_domain(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "mail.example.com").await;
    assert_eq!(domain.name, domain_name("mail.example.com"));
    assert_eq!((domain.demo, domain.dns), (false, DnsState::Pending));
    assert_eq!(domain.tracking, Tracking::default());
    assert_eq!(domain.created_at, at(0));
    assert_eq!(store.domain(account, domain.id).await.unwrap().as_ref(), Some(&domain));
    assert_eq!(store.domain_for_operator(domain.id).await.unwrap().as_ref(), Some(&domain));
    assert_eq!(store.report(account, domain.id).await.unwrap(), None);
    assert_eq!(store.next_due().await.unwrap(), Some(at(0)), "its first look is due");
    let events = store.events(account, domain.id, None, 10).await.unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(
        (events[0].actor.as_str(), events[0].reason.as_str(), events[0].at),
        ("operator", "because", at(0))
    );
}

async fn names_and_limits(place: Place) {
    let store = place.open().await;
    let (account, other) = (an_account(&store).await, an_account(&store).await);
    let first = register(&store, account, "one.example").await;
    let new = |account, name: &str| NewDomain {
        account,
        name: domain_name(name),
        record_id: record_id(),
        dkim: Default::default(),
    };
    let create = async |new, limit| store.create_domain(&new, limit, &cause(1)).await.unwrap();

    assert_eq!(create(new(account, "one.example"), None).await, Err(NotRegistered::Taken));
    assert!(
        create(new(other, "one.example"), Some(1)).await.is_ok(),
        "another account may have the name too"
    );
    assert_eq!(create(new(account, "one.example"), Some(1)).await, Err(NotRegistered::Taken), "said first");
    let refused = create(new(account, "two.example"), Some(1)).await;
    assert_eq!(refused, Err(NotRegistered::TooManyUnverified(1)));
    look_at(&store, &first, DnsState::Verified { at: at(5) }, 5).await;
    assert!(create(new(account, "two.example"), Some(1)).await.is_ok(), "verified ones do not count");
    assert_eq!(
        create(new(account, "three.example"), Some(0)).await,
        Err(NotRegistered::TooManyUnverified(0))
    );

    let used = NewDomain { record_id: first.record_id.clone(), ..new(account, "four.example") };
    let error = store.create_domain(&used, None, &cause(1)).await.unwrap_err();
    assert!(matches!(error, StoreError::RecordIdUsed), "{error}");
}

async fn pages_and_scopes(place: Place) {
    let store = place.open().await;
    let (account, other) = (an_account(&store).await, an_account(&store).await);
    let mut ids = vec![];
    for n in 0..5 {
        ids.push(register(&store, account, &format!("d{n}.example")).await.id);
    }
    let foreign = register(&store, other, "d0.example").await.id;
    let list = async |scope: TokenScope, after, limit| {
        let domains = store.domains(account, &scope, after, limit).await.unwrap();
        domains.iter().map(|domain| domain.id).collect::<Vec<_>>()
    };
    let all = list(TokenScope::Account, None, None).await;
    assert_eq!(all[1..], ids, "the demo domain, then by number");
    assert_eq!(list(TokenScope::Account, Some(ids[1]), Some(2)).await, ids[2..4]);
    let some = TokenScope::Domains([ids[0], ids[3], foreign, DomainId(999)].into());
    assert_eq!(list(some.clone(), None, None).await, [ids[0], ids[3]]);
    assert_eq!(list(some, Some(ids[0]), Some(9)).await, [ids[3]]);
    assert_eq!(list(TokenScope::Domains([].into()), None, None).await, []);
}

async fn settings(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let patch = TrackingPatch {
        click: Some(true),
        alert_recipient: Some(Some(email("ops@example.com"))),
        ..TrackingPatch::default()
    };
    let changed = store.update_tracking(account, domain.id, &patch, &cause(1)).await.unwrap().unwrap();
    assert_eq!(changed.tracking, domain.tracking.with(&patch));
    assert_eq!(store.domain(account, domain.id).await.unwrap(), Some(changed));
    store.update_tracking(account, domain.id, &patch, &cause(2)).await.unwrap().unwrap();
    assert_eq!(
        history(&store, &domain).await[1..],
        ["domain.updated click_tracking=false custom_domain=false alert_recipient=owner\
          >click_tracking=true custom_domain=true alert_recipient=ops@example.com"],
        "what changed, once"
    );
}

async fn deleting(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    look_at(&store, &domain, DnsState::Verified { at: at(5) }, 5).await;
    let keyless = store.keyless(10).await.unwrap().into_iter().find(|k| k.domain == domain.id).unwrap();
    let key = new_key(Selector::First);
    assert!(store.add_keys(&keyless, &[key], &cause(6)).await.unwrap());
    store.request_check(account, domain.id, at(7)).await.unwrap();
    let claimed = claim(&store, 8).await;

    assert!(store.delete_domain(account, domain.id, &cause(9)).await.unwrap());
    assert!(!store.delete_domain(account, domain.id, &cause(9)).await.unwrap());
    assert_eq!(store.domain(account, domain.id).await.unwrap(), None);
    assert_eq!(store.report(account, domain.id).await.unwrap(), None);
    assert_eq!(store.published_keys(&domain.record_id).await.unwrap(), None, "its keys are destroyed");
    assert_eq!(
        history(&store, &domain).await.last().unwrap(),
        "domain.deleted example.com>",
        "its history stays"
    );
    let late = look(&claimed[0], DnsState::Pending, 10);
    assert_eq!(store.apply_looks(&[late], &cause(10)).await.unwrap(), [false], "a look comes too late");
    assert!(!store.add_keys(&keyless, &[], &cause(10)).await.unwrap(), "keys come too late");

    let again = NewDomain {
        account,
        name: domain.name.clone(),
        record_id: domain.record_id.clone(),
        dkim: Default::default(),
    };
    let error = store.create_domain(&again, None, &cause(11)).await.unwrap_err();
    assert!(matches!(error, StoreError::RecordIdUsed), "a retired id is never used again");
    let again = register(&store, account, "example.com").await;
    assert!(again.id > domain.id, "nor is a number");
}

async fn history_in_pages(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    register(&store, account, "other.example").await;
    for n in 0..4 {
        let ruling = if n % 2 == 0 { Ruling::Approve } else { Ruling::Reject };
        store.rule(domain.id, ruling, None, &cause(n)).await.unwrap();
    }
    let all = store.events(account, domain.id, None, 100).await.unwrap();
    assert_eq!(all.len(), 5);
    assert!(all.is_sorted_by(|newer, older| newer.id > older.id));
    let mut paged = store.events(account, domain.id, None, 2).await.unwrap();
    let next = paged.last().map(|event| event.id);
    paged.extend(store.events(account, domain.id, next, 100).await.unwrap());
    assert_eq!(paged, all);
    let hostile = Cause { reason: "nul \0 and '\"; DROP".to_string(), ..cause(9) };
    store.rule(domain.id, Ruling::Approve, None, &hostile).await.unwrap();
    let newest = store.events(account, domain.id, None, 1).await.unwrap();
    assert_eq!(newest[0].reason, "nul \u{fffd} and '\"; DROP");
}

async fn keys_and_zone(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let demo = store.domains(account, &TokenScope::Account, None, Some(1)).await.unwrap().remove(0);
    let pending = register(&store, account, "pending.example").await;
    let verified = register(&store, account, "verified.example").await;
    look_at(&store, &verified, DnsState::Verified { at: at(5) }, 5).await;
    let keyless = store.keyless(10).await.unwrap();
    assert_eq!(keyless.iter().map(|k| k.domain).collect::<Vec<_>>(), [demo.id, verified.id]);
    assert_eq!(store.keyless(1).await.unwrap().len(), 1);

    let keys = Selector::BOTH.map(new_key);
    assert!(store.add_keys(&keyless[1], &keys, &cause(6)).await.unwrap());
    assert!(!store.add_keys(&keyless[1], &keys, &cause(6)).await.unwrap(), "it has some");
    let foreign = Keyless { account: AccountId(99), ..keyless[0].clone() };
    assert!(!store.add_keys(&foreign, &keys, &cause(6)).await.unwrap());
    assert_eq!(store.keyless(10).await.unwrap(), keyless[..1]);
    assert_eq!(history(&store, &verified).await.last().unwrap(), "dkim.keys_created >");

    let text = |octet| PublicKey::from_spki(&ed25519_spki(octet)).unwrap().record_text();
    let published = [Some(text(1)), Some(text(2))];
    assert_eq!(store.published_keys(&verified.record_id).await.unwrap(), Some(published.clone()));
    assert_eq!(store.published_keys(&pending.record_id).await.unwrap(), Some([None, None]));
    assert_eq!(store.published_keys(&record_id()).await.unwrap(), None);
    assert_eq!(store.demo_record_id(demo.name.as_str()).await.unwrap(), Some(demo.record_id.clone()));
    assert_eq!(store.demo_record_id("verified.example").await.unwrap(), None, "that is not a demo domain");

    let mut zone = store.zone_page(None, 2).await.unwrap();
    assert_eq!(zone.len(), 2);
    zone.extend(store.zone_page(Some(&zone[1].record_id.clone()), 2).await.unwrap());
    let mut expected = [
        ZoneDomain { record_id: demo.record_id, keys: [None, None], demo_name: Some(demo.name) },
        ZoneDomain { record_id: pending.record_id, keys: [None, None], demo_name: None },
        ZoneDomain { record_id: verified.record_id, keys: published, demo_name: None },
    ];
    expected.sort_by(|a, b| a.record_id.cmp(&b.record_id));
    assert_eq!(zone, expected);
}
