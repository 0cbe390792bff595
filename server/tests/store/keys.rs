//! The rotation of DKIM keys: who has it, transitions whole or not at all, what is
//! destroyed, and what follows from each.

use super::*;
use jiff::SignedDuration;
use signet_core::rotation::{Held, Published, Stage, Why};

on_both! {
    rotations_are_claimed_once
    a_transition_is_whole_or_not_at_all
    looks_and_proofs_tell_each_other
    compromised_keys_are_known_for_ever
    what_is_destroyed_is_gone
    owners_who_publish_keys_see_them_change
    the_age_of_a_key_is_how_long_it_signs
    all_rotations_become_due_over_a_while
    all_keys_are_read_in_pages
    a_kept_value_is_replaced_by_one_of_two
}

/// It stays, in this stage; what it was made with is kept anyway.
pub(super) fn keep(stage: Stage) -> Slot {
    Slot::Keep(Held::new(Algorithm::Ed25519, stage))
}

/// A domain with keys just made.
async fn with_keys(store: &Arc<dyn Store>, account: AccountId, name: &str) -> Domain {
    let domain = register(store, account, name).await;
    let keyless = Keyless { account, domain: domain.id, record_id: domain.record_id.clone() };
    assert!(store.add_keys(&keyless, &Selector::BOTH.map(new_key), &cause(5)).await.unwrap());
    domain
}

async fn ring(store: &Arc<dyn Store>, domain: &Domain) -> KeyRing {
    store.key_ring(domain.account, domain.id).await.unwrap().unwrap()
}

/// The transition that changes nothing.
async fn same(store: &Arc<dyn Store>, domain: &Domain) -> Turn {
    let keys = ring(store, domain).await;
    Turn {
        account: domain.account,
        domain: domain.id,
        version: keys.version,
        slots: keys.keys.map(|key| key.map_or(Slot::Clear, |key| Slot::Keep(key.held))),
        wanted: keys.wanted,
        due_at: keys.due_at,
        failures: keys.failures,
        stuck: keys.stuck,
        told_at: keys.told_at,
        notice: None,
        events: vec![],
    }
}

async fn claimed(store: &Arc<dyn Store>, now: i64) -> Vec<DomainId> {
    let due = store.claim_rotations(at(now), at(now + 60), 100).await.unwrap();
    due.into_iter().map(|due| due.domain.id).collect()
}

async fn rotations_are_claimed_once(place: Place) {
    let store = place.open().await;
    let beside = place.beside(&store).await;
    let account = an_account(&store).await;
    let first = with_keys(&store, account, "first.example").await;
    let second = with_keys(&store, account, "second.example").await;
    register(&store, account, "keyless.example").await;
    assert_eq!(claimed(&store, 4).await, [], "nothing is due yet");
    let one = store.claim_rotations(at(5), at(65), 1).await.unwrap();
    assert_eq!(one.len(), 1);
    assert_eq!(one[0].keys, ring(&store, &one[0].domain).await);
    let other = claimed(&beside, 5).await;
    assert_eq!(other.len(), 1);
    assert_ne!(other[0], one[0].domain.id);
    assert_eq!(claimed(&store, 64).await, []);
    // Whoever had them is no more.
    let mut again = claimed(&beside, 65).await;
    again.sort();
    assert_eq!(again, [first.id, second.id]);
    // Written, it is free at its time.
    let turn = Turn { due_at: Some(at(70)), ..same(&store, &first).await };
    assert!(store.turn_keys(&turn, &cause(66)).await.unwrap());
    assert_eq!(claimed(&store, 69).await, []);
    assert_eq!(claimed(&store, 70).await, [first.id]);
    let turn = Turn { due_at: None, ..same(&store, &second).await };
    assert!(store.turn_keys(&turn, &cause(66)).await.unwrap());
    assert_eq!(claimed(&store, 10_000).await, [first.id]);
}

async fn a_transition_is_whole_or_not_at_all(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = with_keys(&store, account, "example.com").await;
    let before = ring(&store, &domain).await;
    let since = at(7);
    let clear = Published { clear_at: Some(at(9)), seen_at: Some(at(6)), at: at(5) };
    let rotated = NewEvent { to: Some("sg1".to_string()), ..NewEvent::of(EventKind::KeysRotated) };
    let about = About::RotationStuck { wrong: vec![] };
    let notice = Notice { domain: Some("example.com".to_string()), about, compliance: None };
    let turn = Turn {
        slots: [keep(Stage::Active { since }), keep(Stage::Companion(clear))],
        wanted: Some(Why::Compromised),
        due_at: Some(at(8)),
        failures: 3,
        stuck: Some((at(6), "ns2 is silent".to_string())),
        told_at: Some(at(7)),
        notice: Some(NewNotice { account, domain: Some(domain.id), cause: "host".to_string(), notice }),
        events: vec![rotated],
        ..same(&store, &domain).await
    };
    let stale = Turn { version: before.version - 1, ..turn.clone() };
    let stranger = Turn { account: an_account(&store).await, ..turn.clone() };
    for foreign in [stale, stranger] {
        assert!(!store.turn_keys(&foreign, &cause(7)).await.unwrap());
        assert_eq!(ring(&store, &domain).await, before);
    }
    assert_eq!(history(&store, &domain).await.last().unwrap(), "dkim.keys_created >");
    assert!(store.turn_keys(&turn, &cause(7)).await.unwrap());
    let after = ring(&store, &domain).await;
    let stage = |key: &Option<DkimKey>| key.as_ref().map(|key| key.held.stage);
    assert_eq!(
        (after.version, stage(&after.keys[0]), stage(&after.keys[1]), after.wanted, after.failures),
        (before.version + 1, Some(Stage::Active { since }), Some(Stage::Companion(clear)), turn.wanted, 3)
    );
    assert_eq!((after.due_at, &after.stuck, after.told_at), (turn.due_at, &turn.stuck, turn.told_at));
    assert_eq!(history(&store, &domain).await.last().unwrap(), "dkim.rotated >sg1");
    assert_eq!(store.rotations_stuck().await.unwrap(), 1);
    assert!(
        store.due_notices(at(10_000), 10).await.unwrap().iter().any(|group| group.kind == "rotation_stuck")
    );
    assert!(!store.turn_keys(&turn, &cause(8)).await.unwrap(), "once");
    let domain = store.domain(account, domain.id).await.unwrap().unwrap();
    assert_eq!(domain.active_selector, Selector::First);
    let slots = [keep(Stage::Retired { since: at(9) }), keep(Stage::Active { since: at(9) })];
    let turn = Turn { slots, ..same(&store, &domain).await };
    assert!(store.turn_keys(&turn, &cause(9)).await.unwrap());
    let domain = store.domain(account, domain.id).await.unwrap().unwrap();
    assert_eq!(domain.active_selector, Selector::Second);
    assert_eq!(private(&place, account).await, [(3, 2)], "what signs no more is destroyed");
}

/// A look at `seconds` that finds the record of the second selector like this.
async fn second_seen(store: &Arc<dyn Store>, domain: &Domain, status: Status, seconds: i64) {
    store.request_check(domain.account, domain.id, at(seconds)).await.unwrap().unwrap();
    let due = claim(store, seconds).await;
    let due = due.iter().find(|due| due.domain.id == domain.id).expect("it was asked for");
    let code = if status == Status::Pass { Code::Ok } else { Code::NameNotFound };
    let mut looked = look(due, DnsState::Verified { at: at(10) }, seconds);
    looked.records[0].key = RecordKey::Dkim2;
    looked.records[0].shown.status = status;
    let seen = &mut looked.report.verdicts[0];
    (seen.key, seen.status, seen.code, seen.ttl) = (RecordKey::Dkim2, status, code, Some(7200));
    assert_eq!(store.apply_looks(&[looked], &cause(seconds)).await.unwrap(), [true]);
}

async fn looks_and_proofs_tell_each_other(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = with_keys(&store, account, "example.com").await;
    let proven = Published { clear_at: Some(at(9)), seen_at: Some(at(9)), ..Published::new(at(5)) };
    let active = Stage::Active { since: at(8) };
    let turn = Turn {
        slots: [keep(active), keep(Stage::Next(proven))],
        due_at: Some(at(10_000)),
        ..same(&store, &domain).await
    };
    assert!(store.turn_keys(&turn, &cause(9)).await.unwrap());
    assert_eq!(claimed(&store, 9).await, []);
    let second = async || ring(&store, &domain).await.keys[1].as_ref().unwrap().held.stage;

    second_seen(&store, &domain, Status::Pass, 10).await;
    assert_eq!((second().await, claimed(&store, 10).await), (Stage::Next(proven), vec![]));
    // Whoever turns the keys just now finds them changed.
    let stale = same(&store, &domain).await;
    second_seen(&store, &domain, Status::Missing, 11).await;
    let unseen = Published { clear_at: None, ..proven };
    assert_eq!(second().await, Stage::Next(unseen), "what was proven is no more");
    let old_for = ring(&store, &domain).await.keys[1].as_ref().unwrap().held.old_for;
    assert_eq!(old_for, SignedDuration::from_secs(7200), "and what was seen is remembered");
    assert!(history(&store, &domain).await.iter().any(|event| event.starts_with("dkim.unseen")));
    assert!(!store.turn_keys(&stale, &cause(11)).await.unwrap());
    assert_eq!(claimed(&store, 11).await, [domain.id], "it is proven anew at once");
    // Seen by everybody, and broken again: that is news for a look though it finds the same.
    let clear = Turn {
        slots: [keep(active), keep(Stage::Next(proven))],
        due_at: Some(at(10_000)),
        ..same(&store, &domain).await
    };
    assert!(store.turn_keys(&clear, &cause(11)).await.unwrap());
    second_seen(&store, &domain, Status::Missing, 11).await;
    assert_eq!(second().await, Stage::Next(unseen));

    // It signs from now on, seen later than by the look that found it missing.
    let domain = store.domain(account, domain.id).await.unwrap().unwrap();
    assert!(domain.is_wrong(RecordKey::Dkim2));
    let slots = [keep(Stage::Retired { since: at(20) }), keep(Stage::Active { since: at(20) })];
    let turn = Turn { slots, ..same(&store, &domain).await };
    assert!(store.turn_keys(&turn, &cause(20)).await.unwrap());
    let domain = store.domain(account, domain.id).await.unwrap().unwrap();
    assert!(!domain.is_wrong(RecordKey::Dkim2), "nothing is known of it");
    let due = claim(&store, 20).await;
    assert!(due.iter().any(|due| due.domain.id == domain.id && due.on_demand), "and it is looked at at once");
}

async fn compromised_keys_are_known_for_ever(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = with_keys(&store, account, "example.com").await;
    let keys = ring(&store, &domain).await.keys;
    let publics = keys.map(|key| key.unwrap().public);
    let turned = async |stages: [Stage; 2], seconds| {
        let turn = Turn { slots: stages.map(keep), ..same(&store, &domain).await };
        assert!(store.turn_keys(&turn, &cause(seconds)).await.unwrap());
        [store.is_compromised(&publics[0]).await.unwrap(), store.is_compromised(&publics[1]).await.unwrap()]
    };
    let (retired, revoked) = (Stage::Retired { since: at(7) }, Stage::Revoked { since: at(8) });
    let active = Stage::Active { since: at(7) };
    assert_eq!(turned([retired, active], 7).await, [false, false]);
    assert_eq!(turned([revoked, active], 8).await, [false, false], "it had its time");
    assert_eq!(turned([revoked, revoked], 9).await, [false, true]);
    assert_eq!(turned([revoked, revoked], 10).await, [false, true]);
}

/// Keys with a private half, and keys in all.
async fn private(place: &Place, account: AccountId) -> Vec<(i64, i64)> {
    let mut raw = raw::Raw::connect(&place.url).await;
    raw.run(
        "SELECT COUNT(wrapped) + COUNT(sealed) + COUNT(kek), COUNT(*) FROM dkim_key WHERE account_id = $1",
        account,
    )
    .await
}

async fn what_is_destroyed_is_gone(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = with_keys(&store, account, "example.com").await;
    assert_eq!(private(&place, account).await, [(6, 2)]);
    let text = |octet| PublicKey::from_spki(&ed25519_spki(octet)).unwrap().record_text();
    let published = |texts: [Option<&str>; 2]| Some(texts.map(|text| text.map(ToString::to_string)));
    let revoked = Stage::Revoked { since: at(7) };
    let next = Stage::Next(Published::new(at(5)));
    let turn = Turn { slots: [keep(revoked), keep(next)], ..same(&store, &domain).await };
    assert!(store.turn_keys(&turn, &cause(7)).await.unwrap());
    assert_eq!(private(&place, account).await, [(3, 2)], "a revoked key signs nothing ever again");
    let said = published([Some("v=DKIM1; k=ed25519; p="), Some(&text(2))]);
    assert_eq!(store.published_keys(&domain.record_id).await.unwrap(), said);

    let turn = Turn { slots: [Slot::Clear, keep(next)], ..same(&store, &domain).await };
    assert!(store.turn_keys(&turn, &cause(8)).await.unwrap());
    assert_eq!(store.published_keys(&domain.record_id).await.unwrap(), published([None, Some(&text(2))]));

    let companion = Held::new(Algorithm::Ed25519, Stage::Companion(Published::new(at(9))));
    let put = |selector| Slot::Put(new_key(selector), companion);
    let turn = Turn { slots: [put(Selector::First), put(Selector::Second)], ..same(&store, &domain).await };
    assert!(store.turn_keys(&turn, &cause(9)).await.unwrap());
    assert_eq!(private(&place, account).await, [(6, 2)], "one key in place of the other");
    let held = ring(&store, &domain).await.keys.map(|key| key.map(|key| key.held));
    assert_eq!(held, [Some(companion), Some(companion)]);
    // Each text that changed is a change of our zone, and nothing else is.
    let mut raw = raw::Raw::connect(&place.url).await;
    let changes = "SELECT COUNT(*), MAX(d.account_id) FROM zone_change c JOIN domain d ON d.record_id = c.record_id \
        WHERE d.account_id = $1 AND NOT d.demo";
    let before = raw.run(changes, account).await;
    let turn = Turn { failures: 1, ..same(&store, &domain).await };
    assert!(store.turn_keys(&turn, &cause(10)).await.unwrap());
    assert_eq!(raw.run(changes, account).await, before);
    // Registered, keys, and three transitions.
    assert_eq!(before[0].0, 5);
}

async fn owners_who_publish_keys_see_them_change(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = with_keys(&store, account, "example.com").await;
    assert_eq!(domain.raw_dkim, None);
    let mut raw = raw::Raw::connect(&place.url).await;
    raw.run("UPDATE domain SET dkim_raw = TRUE WHERE account_id = $1 AND NOT demo RETURNING id, id", account)
        .await;
    let next = Stage::Next(Published::new(at(7)));
    let second = Slot::Put(new_key(Selector::Second), Held::new(Algorithm::Ed25519, next));
    let turn = Turn { slots: [keep(next), second], ..same(&store, &domain).await };
    assert!(store.turn_keys(&turn, &cause(7)).await.unwrap());
    let shown = store.domain(account, domain.id).await.unwrap().unwrap().raw_dkim;
    let published = store.published_keys(&domain.record_id).await.unwrap();
    assert!(shown.is_some() && shown == published, "{shown:?}");
}

async fn the_age_of_a_key_is_how_long_it_signs(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = with_keys(&store, account, "example.com").await;
    assert!(store.key_ages(account).await.unwrap().is_empty());
    let next = Stage::Next(Published::new(at(5)));
    let turn =
        Turn { slots: [keep(Stage::Active { since: at(30) }), keep(next)], ..same(&store, &domain).await };
    assert!(store.turn_keys(&turn, &cause(30)).await.unwrap());
    assert_eq!(store.key_ages(account).await.unwrap(), [(domain.id, at(30))].into());
}

async fn all_rotations_become_due_over_a_while(place: Place) {
    let store = place.open().await;
    let mut domains = Vec::new();
    for name in ["a.example", "b.example", "c.example", "d.example", "e.example"] {
        let account = an_account(&store).await;
        domains.push(with_keys(&store, account, name).await);
    }
    assert_eq!(store.count_rotations().await.unwrap(), 5);
    for (domain, due) in domains.iter().zip([Some(10), Some(90_000), Some(90_000), Some(90_000), None]) {
        let turn = Turn { due_at: due.map(at), ..same(&store, domain).await };
        assert!(store.turn_keys(&turn, &cause(5)).await.unwrap());
    }
    let mut after = None;
    let mut pages = 0;
    while let Some(last) =
        store.make_rotations_due(after, 2, at(100), SignedDuration::from_secs(3)).await.unwrap()
    {
        after = Some(last);
        pages += 1;
    }
    assert_eq!((pages, after), (3, Some(domains[4].id)));
    let mut due = Vec::new();
    for domain in &domains {
        due.push(ring(&store, domain).await.due_at.unwrap());
    }
    assert_eq!(due[0], at(10), "it was due before");
    let mut seconds: Vec<i64> = due[1..].iter().map(|due| due.as_second() - at(100).as_second()).collect();
    seconds.sort_unstable();
    seconds.dedup();
    assert_eq!(seconds, [0, 1, 2]);
    // Once more changes nothing for what is due.
    store.make_rotations_due(None, 10, at(200), SignedDuration::ZERO).await.unwrap();
    assert!(ring(&store, &domains[4]).await.due_at.unwrap() < at(103));
}

async fn all_keys_are_read_in_pages(place: Place) {
    let store = place.open().await;
    let (one, other) = (an_account(&store).await, an_account(&store).await);
    let mut all = Vec::new();
    for (account, name) in [(one, "a.example"), (other, "b.example"), (one, "c.example")] {
        register(&store, account, &format!("keyless.{name}")).await;
        let domain = with_keys(&store, account, name).await;
        let keys = ring(&store, &domain).await;
        all.push((domain, keys));
    }
    let first = store.key_rings(None, 2).await.unwrap();
    assert_eq!(first, all[..2]);
    let after = first.last().map(|(domain, _)| domain.id);
    assert_eq!(store.key_rings(after, 2).await.unwrap(), all[2..]);
    assert_eq!(store.key_rings(Some(all[2].0.id), 2).await.unwrap(), []);
}

async fn a_kept_value_is_replaced_by_one_of_two(place: Place) {
    let store = place.open().await;
    let replace =
        async |before: Option<&str>, value: &str| store.replace_kept("test", before, value).await.unwrap();
    assert!(!replace(Some("a"), "b").await, "there is nothing yet");
    assert!(replace(None, "a").await);
    assert!(!replace(None, "b").await);
    assert!(replace(Some("a"), "b").await);
    assert!(!replace(Some("a"), "c").await);
    assert_eq!(store.kept("test").await.unwrap().as_deref(), Some("b"));
}
