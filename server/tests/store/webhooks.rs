//! Webhooks and the lines their deliveries stand in.

use super::*;

on_both! {
    webhooks_belong_to_their_account what_happens_is_queued_for_those_who_want_it
    a_line_moves_one_by_one no_line_waits_for_another a_lease_is_held_and_ends late_words_change_nothing
    giving_up_moves_the_line_on nothing_accepted_for_three_days_disables gone_disables_at_once
    tests_are_tried_once_and_before_everything a_receiver_that_is_down_is_left_alone
    replays_come_in_order_and_once old_deliveries_are_swept claims_cost_the_same_however_much_waits
    nodes_share_the_lines nothing_is_left_behind_when_lines_close
}

const DAY: i64 = 86_400;

fn new(account: AccountId) -> NewWebhook {
    NewWebhook {
        account,
        url: "https://example.com/hooks".to_string(),
        description: String::new(),
        events: EventKind::PUBLISHED.to_vec(),
        active: true,
        secret: sealed_by_nobody(&[0, 1, 255]),
    }
}

async fn a_webhook(store: &Arc<dyn Store>, account: AccountId) -> Webhook {
    store.create_webhook(&new(account), 20, &cause(0)).await.unwrap().unwrap()
}

/// Takes up to `limit` lines at `seconds`, for a minute.
async fn take(store: &Arc<dyn Store>, webhook: &Webhook, seconds: i64, limit: u32) -> Vec<DueDelivery> {
    store.claim_deliveries(webhook.id, at(seconds), at(seconds + 60), limit).await.unwrap()
}

/// The one that is due.
async fn take_one(store: &Arc<dyn Store>, webhook: &Webhook, seconds: i64) -> DueDelivery {
    let mut due = take(store, webhook, seconds, 10).await;
    assert_eq!(due.len(), 1, "{due:?}");
    due.remove(0)
}

async fn settle(store: &Arc<dyn Store>, due: &DueDelivery, outcome: TryOutcome, seconds: i64) -> Settled {
    let accepted = outcome == TryOutcome::Accepted;
    let error = (!accepted).then(|| "The receiver answered 500.".to_string());
    let tried = Tried { status: Some(if accepted { 204 } else { 500 }), error, outcome };
    store.settle_delivery(due, &tried, &cause(seconds)).await.unwrap()
}

fn event_id(due: &DueDelivery) -> i64 {
    due.event.as_ref().unwrap().id.0
}

/// Kinds with what they are about, of what is queued, in the order it is queued.
async fn queued(store: &Arc<dyn Store>, webhook: &Webhook) -> Vec<String> {
    let mut all = store.deliveries(webhook.account, webhook.id, None, None, 1000).await.unwrap();
    all.reverse();
    let shown = |delivery: &Delivery| {
        let event = delivery.event.clone().unwrap();
        format!("{} {}", event.kind, event.domain_name.unwrap_or_default())
    };
    all.iter().map(shown).collect()
}

/// Has something happen to a domain.
async fn happen(store: &Arc<dyn Store>, domain: &Domain, ruling: Ruling, seconds: i64) {
    store.rule(domain.id, ruling, None, &cause(seconds)).await.unwrap().unwrap();
}

/// Has its compliance change `times` times.
async fn happen_often(store: &Arc<dyn Store>, domain: &Domain, times: i64, seconds: i64) {
    for n in 0..times {
        let suspension = Suspension::Hold;
        let ruling = if n % 2 == 0 { Ruling::Suspend(suspension) } else { Ruling::Lift };
        happen(store, domain, ruling, seconds).await;
    }
}

async fn due(store: &Arc<dyn Store>, seconds: i64) -> Vec<DueWebhook> {
    store.due_webhooks(at(seconds), WebhookId(0)).await.unwrap()
}

async fn webhooks_belong_to_their_account(place: Place) {
    let store = place.open().await;
    let (owner, stranger) = (an_account(&store).await, an_account(&store).await);
    let made = a_webhook(&store, owner).await;
    let domain = register(&store, owner, "example.com").await;
    let delivery = store.deliveries(owner, made.id, None, None, 9).await.unwrap().remove(0).id;
    assert_eq!(store.webhook(owner, made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!(store.webhook(stranger, made.id).await.unwrap(), None);
    assert_eq!(store.webhooks(stranger).await.unwrap(), []);
    let patch = WebhookPatch { active: Some(false), ..WebhookPatch::default() };
    assert_eq!(store.update_webhook(stranger, made.id, &patch, &cause(1)).await.unwrap(), None);
    assert_eq!(
        store
            .rotate_webhook_secret(stranger, made.id, &sealed_by_nobody(&[1]), at(9), &cause(1))
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.delete_webhook(stranger, made.id, &cause(1)).await.unwrap(), None);
    assert_eq!(store.test_webhook(stranger, made.id, at(1)).await.unwrap(), None);
    assert_eq!(store.deliveries(stranger, made.id, None, None, 9).await.unwrap(), []);
    let replay = Replay::Deliveries(vec![delivery]);
    assert_eq!(store.replay(stranger, made.id, &replay, 9, at(1)).await.unwrap(), None);
    assert_eq!(store.webhooks(owner).await.unwrap(), std::slice::from_ref(&made), "nothing was changed");

    // Another webhook's delivery is none of this one's.
    let second = a_webhook(&store, owner).await;
    let refused = store.replay(owner, second.id, &replay, 9, at(1)).await.unwrap();
    assert_eq!(refused, Some(Err(NotQueued::UnknownDeliveries)));

    let limited = store.create_webhook(&new(owner), 2, &cause(2)).await.unwrap();
    assert_eq!(limited, None, "the limit");
    assert!(store.create_webhook(&new(stranger), 2, &cause(2)).await.unwrap().is_some());

    let patch = WebhookPatch {
        url: Some("https://example.org/".to_string()),
        description: Some("CRM".to_string()),
        events: Some(vec![EventKind::DomainDeleted]),
        active: None,
    };
    let after = store.update_webhook(owner, made.id, &patch, &cause(3)).await.unwrap().unwrap();
    assert_eq!((after.url.as_str(), after.description.as_str()), ("https://example.org/", "CRM"));
    assert_eq!((&after.events[..], after.updated_at), (&[EventKind::DomainDeleted][..], at(3)));
    let same = store.update_webhook(owner, made.id, &patch, &cause(4)).await.unwrap().unwrap();
    assert_eq!(same.updated_at, at(3), "nothing changed, nothing is written");

    let rotated = store
        .rotate_webhook_secret(owner, made.id, &sealed_by_nobody(&[7]), at(100), &cause(5))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(rotated.old_secret_until, Some(at(100)));
    let first = take_one(&store, &made, 6).await;
    assert_eq!((&first.secret[..], first.old_secret.as_deref()), (&[7][..], Some(&[0, 1, 255][..])));
    let later = take_one(&store, &made, 101).await;
    assert_eq!(later.old_secret, None, "its time is over");

    assert_eq!(
        store.delete_webhook(owner, made.id, &cause(6)).await.unwrap().map(|gone| gone.id),
        Some(made.id)
    );
    assert_eq!(store.webhook(owner, made.id).await.unwrap(), None);
    assert_eq!(settle(&store, &later, TryOutcome::Accepted, 102).await, Settled::Outdated);
    happen(&store, &domain, Ruling::Approve, 7).await;
    assert_eq!(queued(&store, &second).await.len(), 0, "nothing was published");
}

async fn what_happens_is_queued_for_those_who_want_it(place: Place) {
    let store = place.open().await;
    let (account, other) = (an_account(&store).await, an_account(&store).await);
    let everything = a_webhook(&store, account).await;
    let deletions = NewWebhook { events: vec![EventKind::DomainDeleted], ..new(account) };
    let deletions = store.create_webhook(&deletions, 20, &cause(0)).await.unwrap().unwrap();
    let off = NewWebhook { active: false, ..new(account) };
    let off = store.create_webhook(&off, 20, &cause(0)).await.unwrap().unwrap();
    let theirs = a_webhook(&store, other).await;

    let domain = register(&store, account, "example.com").await;
    look_at(&store, &domain, DnsState::Verified { at: at(1) }, 1).await;
    store.delete_domain(account, domain.id, &cause(2)).await.unwrap();
    let all = queued(&store, &everything).await;
    assert_eq!(
        (all.first().unwrap().as_str(), all.last().unwrap().as_str()),
        ("domain.created example.com", "domain.deleted example.com")
    );
    assert_eq!(queued(&store, &deletions).await, ["domain.deleted example.com"]);
    assert_eq!(queued(&store, &off).await, Vec::<String>::new());
    assert_eq!(queued(&store, &theirs).await, Vec::<String>::new());

    // A domain that is gone is still told of, name and all.
    let due = take_one(&store, &deletions, 3).await;
    let event = due.event.unwrap();
    assert_eq!((event.domain, event.domain_name.as_deref()), (Some(domain.id), Some("example.com")));
    assert_eq!(
        (due.url.as_str(), &due.secret[..], due.attempts),
        ("https://example.com/hooks", &[0, 1, 255][..], 1)
    );
    assert_eq!((due.account, due.since), (account, at(2)));
}

async fn a_line_moves_one_by_one(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let domain = register(&store, account, "example.com").await;
    happen_often(&store, &domain, 3, 1).await;
    let mut seen = Vec::new();
    for n in (0..400).step_by(100) {
        let due = take_one(&store, &webhook, 10 + n).await;
        assert_eq!(take(&store, &webhook, 10 + n, 10).await.len(), 0, "the next waits for this one");
        // A failure or two first.
        assert_eq!(settle(&store, &due, TryOutcome::Again(at(20 + n)), 10 + n).await, Settled::Done);
        assert_eq!(take(&store, &webhook, 19 + n, 10).await.len(), 0, "not yet");
        let again = take_one(&store, &webhook, 20 + n).await;
        assert_eq!((again.id, again.attempts), (due.id, 2));
        assert_eq!(settle(&store, &again, TryOutcome::Accepted, 20 + n).await, Settled::Done);
        seen.push(event_id(&due));
    }
    assert!(seen.is_sorted(), "{seen:?}");
    assert_eq!(due_after(&store).await, 0, "the line is closed");
    let done = store.deliveries(account, webhook.id, Some(DeliveryState::Delivered), None, 9).await.unwrap();
    assert_eq!(done.len(), 4);
    assert_eq!((done[0].last_status, done[0].last_error.as_deref(), done[0].attempts), (Some(204), None, 2));
    assert_eq!(done[0].finished_at, Some(at(320)));
}

async fn due_after(store: &Arc<dyn Store>) -> i64 {
    assert_eq!(due(store, 30 * DAY).await.len(), 0);
    store.counts(at(0)).await.unwrap().webhook_lines
}

async fn no_line_waits_for_another(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let mut domains = Vec::new();
    for name in ["a.example", "b.example", "c.example"] {
        domains.push(register(&store, account, name).await);
    }
    let firsts = take(&store, &webhook, 1, 10).await;
    let lanes: Vec<i64> = firsts.iter().map(|due| due.lane).collect();
    assert_eq!(lanes.len(), 3, "the first of each");
    for due in &firsts {
        let outcome =
            if due.lane == domains[0].id.0 { TryOutcome::Again(at(500)) } else { TryOutcome::Accepted };
        settle(&store, due, outcome, 2).await;
    }
    for domain in &domains {
        happen_often(&store, domain, 1, 3).await;
    }
    let next = take(&store, &webhook, 4, 10).await;
    let mut lanes: Vec<i64> = next.iter().map(|due| due.lane).collect();
    lanes.sort_unstable();
    assert_eq!(lanes, [domains[1].id.0, domains[2].id.0]);
    let waiting = store.deliveries(account, webhook.id, Some(DeliveryState::Waiting), None, 9).await.unwrap();
    let blocked: Vec<_> =
        waiting.iter().filter(|d| d.event.as_ref().unwrap().domain == Some(domains[0].id)).collect();
    assert_eq!(blocked.iter().map(|d| d.next_try_at).collect::<Vec<_>>(), [None, Some(at(500))]);
    assert_eq!(take(&store, &webhook, 4, 10).await.len(), 0);
}

async fn a_lease_is_held_and_ends(place: Place) {
    let store = place.open().await;
    let beside = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    register(&store, account, "example.com").await;
    let first = take_one(&store, &webhook, 1).await;
    assert_eq!(due(&beside, 60).await.len(), 0);
    assert_eq!(take(&beside, &webhook, 60, 10).await.len(), 0, "held");
    assert_eq!(due(&beside, 61).await, [DueWebhook { id: webhook.id, failing: false }]);
    let second = take_one(&beside, &webhook, 61).await;
    assert_eq!((second.id, second.attempts), (first.id, 2), "whoever had it has died");
    assert_eq!(settle(&beside, &second, TryOutcome::Accepted, 62).await, Settled::Done);
}

async fn late_words_change_nothing(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let domain = register(&store, account, "example.com").await;
    happen_often(&store, &domain, 1, 1).await;
    let late = take_one(&store, &webhook, 1).await;
    let taken_over = take_one(&store, &webhook, 100).await;
    assert_eq!(settle(&store, &late, TryOutcome::GivenUp, 101).await, Settled::Outdated);
    assert_eq!(take(&store, &webhook, 102, 10).await.len(), 0, "the other's lease holds");
    assert_eq!(settle(&store, &taken_over, TryOutcome::Accepted, 103).await, Settled::Done);
    assert_eq!(settle(&store, &late, TryOutcome::Accepted, 104).await, Settled::Outdated);
    let next = take_one(&store, &webhook, 105).await;
    assert_ne!(next.id, late.id);
    assert_eq!(store.webhook(account, webhook.id).await.unwrap().unwrap().failing_since, None);
}

async fn giving_up_moves_the_line_on(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let domain = register(&store, account, "example.com").await;
    happen_often(&store, &domain, 1, 1).await;
    let first = take_one(&store, &webhook, 1).await;
    assert_eq!(settle(&store, &first, TryOutcome::GivenUp, 2).await, Settled::Done);
    let failed = store.deliveries(account, webhook.id, Some(DeliveryState::Failed), None, 9).await.unwrap();
    assert_eq!(failed.iter().map(|d| (d.id, d.finished_at)).collect::<Vec<_>>(), [(first.id, Some(at(2)))]);
    assert_ne!(take_one(&store, &webhook, 2).await.id, first.id);
}

async fn nothing_accepted_for_three_days_disables(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let (a, b) = (register(&store, account, "a.example").await, register(&store, account, "b.example").await);
    let failing = take(&store, &webhook, 10, 10).await;
    for due in &failing {
        assert_eq!(settle(&store, due, TryOutcome::Again(at(2 * DAY)), 20).await, Settled::Done);
    }
    assert_eq!(store.webhook(account, webhook.id).await.unwrap().unwrap().failing_since, Some(at(20)));
    // One that is accepted says that the receiver is there.
    let accepted = take(&store, &webhook, 2 * DAY, 1).await.remove(0);
    settle(&store, &accepted, TryOutcome::Accepted, 2 * DAY).await;
    assert_eq!(store.webhook(account, webhook.id).await.unwrap().unwrap().failing_since, None);
    let other = take_one(&store, &webhook, 2 * DAY + 1).await;
    settle(&store, &other, TryOutcome::Again(at(3 * DAY)), 2 * DAY + 1).await;
    let other = take_one(&store, &webhook, 4 * DAY).await;
    assert_eq!(settle(&store, &other, TryOutcome::Again(at(5 * DAY + 1)), 4 * DAY).await, Settled::Done);

    let last = take_one(&store, &webhook, 5 * DAY + 1).await;
    assert_eq!(settle(&store, &last, TryOutcome::GivenUp, 5 * DAY + 1).await, Settled::Disabled);
    let disabled = store.webhook(account, webhook.id).await.unwrap().unwrap();
    let reason =
        "It accepted nothing for three days. What was wrong the last time: The receiver answered 500.";
    assert_eq!((disabled.active, disabled.disabled_reason.as_deref()), (false, Some(reason)));
    assert_eq!((due(&store, 9 * DAY).await.len(), take(&store, &webhook, 9 * DAY, 9).await.len()), (0, 0));
    happen_often(&store, &a, 1, 6 * DAY).await;
    happen_often(&store, &b, 1, 6 * DAY).await;
    assert_eq!(queued(&store, &webhook).await.len(), 2, "nothing is queued for it");

    // Active again, it goes on with what waits, for three days from now on.
    let patch = WebhookPatch { active: Some(true), ..WebhookPatch::default() };
    let active = store.update_webhook(account, webhook.id, &patch, &cause(10 * DAY)).await.unwrap().unwrap();
    assert_eq!((active.active, active.disabled_reason, active.failing_since), (true, None, None));
    let again = take_one(&store, &webhook, 10 * DAY).await;
    assert_eq!((again.id, again.since), (last.id, at(10 * DAY)));
}

async fn gone_disables_at_once(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let domain = register(&store, account, "example.com").await;
    let due = take_one(&store, &webhook, 1).await;
    assert_eq!(settle(&store, &due, TryOutcome::Gone, 2).await, Settled::Disabled);
    let after = store.webhook(account, webhook.id).await.unwrap().unwrap();
    assert!(!after.active && after.disabled_reason.unwrap().contains("410 Gone"));
    let waiting = store.deliveries(account, webhook.id, Some(DeliveryState::Waiting), None, 9).await.unwrap();
    assert_eq!(waiting.len(), 1, "it goes on waiting");
    assert_eq!(domain.account, account);
}

async fn tests_are_tried_once_and_before_everything(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    for n in 0..5 {
        register(&store, account, &format!("d{n}.example")).await;
    }
    let test = store.test_webhook(account, webhook.id, at(5)).await.unwrap().unwrap().unwrap();
    let due = take(&store, &webhook, 6, 1).await.remove(0);
    assert_eq!((due.id, due.event.is_none(), due.created_at), (test, true, at(5)));
    assert_eq!(settle(&store, &due, TryOutcome::GivenUp, 7).await, Settled::Done);
    let listed = store.deliveries(account, webhook.id, Some(DeliveryState::Failed), None, 9).await.unwrap();
    assert_eq!(listed.iter().map(|d| d.id).collect::<Vec<_>>(), [test]);
    assert_eq!(store.webhook(account, webhook.id).await.unwrap().unwrap().failing_since, None, "only a test");
    let replay = store.replay(account, webhook.id, &Replay::Deliveries(vec![test]), 9, at(8)).await.unwrap();
    assert_eq!(replay, Some(Err(NotQueued::UnknownDeliveries)));

    let patch = WebhookPatch { active: Some(false), ..WebhookPatch::default() };
    store.update_webhook(account, webhook.id, &patch, &cause(9)).await.unwrap();
    let refused = store.test_webhook(account, webhook.id, at(10)).await.unwrap();
    assert_eq!(refused, Some(Err(NotQueued::Inactive)));
}

async fn a_receiver_that_is_down_is_left_alone(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    for n in 0..5 {
        register(&store, account, &format!("d{n}.example")).await;
    }
    let fail = async |seconds| {
        let due = take(&store, &webhook, seconds, 1).await.remove(0);
        settle(&store, &due, TryOutcome::Again(at(9 * DAY)), seconds).await;
    };
    fail(0).await;
    assert_eq!(due(&store, 0).await, [DueWebhook { id: webhook.id, failing: true }], "another domain may do");
    fail(80).await;
    assert_eq!(due(&store, 89).await.len(), 0, "an eighth of the time it has been failing");
    assert_eq!(due(&store, 90).await.len(), 1);
    fail(DAY).await;
    assert_eq!(
        (due(&store, DAY + 299).await.len(), due(&store, DAY + 300).await.len()),
        (0, 1),
        "five minutes"
    );
    store.test_webhook(account, webhook.id, at(DAY + 1)).await.unwrap();
    assert_eq!(due(&store, DAY + 1).await.len(), 1, "somebody wants to know");
    let test = take(&store, &webhook, DAY + 2, 1).await.remove(0);
    assert!(test.event.is_none());
    settle(&store, &test, TryOutcome::Accepted, DAY + 3).await;
    assert_eq!(
        due(&store, DAY + 3).await,
        [DueWebhook { id: webhook.id, failing: false }],
        "it is there again"
    );
}

async fn replays_come_in_order_and_once(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let domain = register(&store, account, "example.com").await;
    let first = take_one(&store, &webhook, 1).await;
    settle(&store, &first, TryOutcome::Accepted, 2).await;
    let switch = async |active, seconds| {
        let patch = WebhookPatch { active: Some(active), ..WebhookPatch::default() };
        store.update_webhook(account, webhook.id, &patch, &cause(seconds)).await.unwrap();
    };
    switch(false, 3).await;
    happen_often(&store, &domain, 2, 4).await;
    switch(true, 5).await;
    happen_often(&store, &domain, 1, 6).await;

    // Meanwhile the last of them is being tried.
    let trying = take_one(&store, &webhook, 7).await;
    assert_eq!(store.first_event_since(account, at(5000)).await.unwrap(), None);
    let missed = store.first_event_since(account, at(4)).await.unwrap().unwrap();
    let replay = async |what: Replay, limit, seconds| {
        store.replay(account, webhook.id, &what, limit, at(seconds)).await.unwrap().unwrap().unwrap()
    };
    let replayed = replay(Replay::From(missed), 9, 8).await;
    assert_eq!(replayed, Replayed { queued: 2, next: None }, "not what waits already");
    settle(&store, &trying, TryOutcome::Again(at(400)), 9).await;
    assert_eq!(replay(Replay::From(missed), 9, 10).await.queued, 0, "which is tried at once now");
    let mut order = Vec::new();
    for n in 0..3 {
        let due = take_one(&store, &webhook, 11 + n).await;
        order.push(event_id(&due));
        settle(&store, &due, TryOutcome::Accepted, 11 + n).await;
    }
    assert_eq!(order[2], event_id(&trying));
    assert!(order.is_sorted(), "{order:?}");

    // All again, in two goes.
    let created = EventId(event_id(&first));
    let some = replay(Replay::From(created), 3, 20).await;
    assert_eq!(some, Replayed { queued: 3, next: Some(trying.event.as_ref().unwrap().id) });
    assert_eq!(replay(Replay::From(some.next.unwrap()), 3, 20).await, Replayed { queued: 1, next: None });
    let again = take_one(&store, &webhook, 21).await;
    assert_eq!(
        (again.id, again.attempts, again.since),
        (first.id, 1, at(20)),
        "the same delivery, from the start"
    );
    settle(&store, &again, TryOutcome::Accepted, 22).await;
    let these = Replay::Deliveries(vec![trying.id, first.id, first.id]);
    assert_eq!(replay(these, 9, 23).await.queued, 1);
    assert_eq!(take_one(&store, &webhook, 24).await.id, first.id);
}

async fn old_deliveries_are_swept(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let domain = register(&store, account, "example.com").await;
    happen_often(&store, &domain, 2, 1).await;
    let done = take_one(&store, &webhook, 1).await;
    settle(&store, &done, TryOutcome::Accepted, 2).await;
    let count = async || queued(&store, &webhook).await.len();
    store.sweep(at(30 * DAY)).await.unwrap();
    assert_eq!(count().await, 3);
    store.sweep(at(30 * DAY + 3)).await.unwrap();
    assert_eq!(count().await, 2, "what waits is kept");
    let patch = WebhookPatch { active: Some(false), ..WebhookPatch::default() };
    store.update_webhook(account, webhook.id, &patch, &cause(31 * DAY)).await.unwrap();
    store.sweep(at(60 * DAY)).await.unwrap();
    assert_eq!(count().await, 2);
    store.sweep(at(61 * DAY + 1)).await.unwrap();
    assert_eq!(count().await, 0, "unless nobody wants it for as long");
    let patch = WebhookPatch { active: Some(true), ..WebhookPatch::default() };
    store.update_webhook(account, webhook.id, &patch, &cause(62 * DAY)).await.unwrap();
    assert_eq!(take(&store, &webhook, 62 * DAY, 9).await.len(), 0);
    assert_eq!(due_after(&store).await, 0, "and its line is closed");
}

/// Behind one line's first wait thousands; nobody looks at them.
async fn claims_cost_the_same_however_much_waits(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let domain = register(&store, account, "example.com").await;
    // Of twenty the fastest: a busy machine makes some of them slow, not all.
    let mut few = Vec::new();
    for n in 10..30 {
        let began = std::time::Instant::now();
        let due = take_one(&store, &webhook, n).await;
        settle(&store, &due, TryOutcome::Again(at(n + 1)), n).await;
        assert_eq!(store.due_webhooks(at(n), WebhookId(0)).await.unwrap().len(), 0);
        few.push(began.elapsed());
    }
    store.delete_webhook(account, webhook.id, &cause(100)).await.unwrap();
    // The history is what is quickly made long: replayed it is a queue.
    let webhook = a_webhook(&store, account).await;
    happen_often(&store, &domain, 2000, 200).await;
    let first = take_one(&store, &webhook, 300).await;
    settle(&store, &first, TryOutcome::Again(at(301)), 300).await;
    let mut many = Vec::new();
    for n in 0..20 {
        let seconds = 1000 + 400 * n;
        let began = std::time::Instant::now();
        let due = store.claim_deliveries(webhook.id, at(seconds), at(seconds + 60), 10).await.unwrap();
        assert_eq!(due.len(), 1);
        settle(&store, &due[0], TryOutcome::Again(at(seconds + 1)), seconds).await;
        many.push(began.elapsed());
    }
    let (few, many) = (few.into_iter().min().unwrap(), many.into_iter().min().unwrap());
    assert!(many < few * 5 + std::time::Duration::from_millis(15), "{few:?} with one, {many:?} with 2000");
}

/// Many take from many lines at once: each delivery goes to one of them, and in
/// each line in order.
async fn nodes_share_the_lines(place: Place) {
    let store = place.open().await;
    let beside = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    for n in 0..6 {
        let domain = register(&store, account, &format!("d{n}.example")).await;
        happen_often(&store, &domain, 9, 1).await;
    }
    let node = async |store: Arc<dyn Store>| {
        let mut got = Vec::new();
        for _ in 0..200 {
            for due in take(&store, &webhook, 10, 2).await {
                tokio::task::yield_now().await;
                assert_eq!(settle(&store, &due, TryOutcome::Accepted, 10).await, Settled::Done);
                got.push((due.lane, event_id(&due)));
            }
        }
        got
    };
    let (one, other) = tokio::join!(node(Arc::clone(&store)), node(beside));
    let mut all = [one, other].concat();
    assert_eq!(all.len(), 60);
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), 60, "none twice");
    assert_eq!(due_after(&store).await, 0);
}

/// A line is closed while another is adding to it: it must not be lost.
async fn nothing_is_left_behind_when_lines_close(place: Place) {
    let store = place.open().await;
    let beside = place.open().await;
    let account = an_account(&store).await;
    let webhook = a_webhook(&store, account).await;
    let domain = register(&store, account, "example.com").await;
    let adding = happen_often(&store, &domain, 60, 1);
    let taking = async {
        let mut taken = 0;
        let began = std::time::Instant::now();
        while began.elapsed() < std::time::Duration::from_secs(120) {
            for due in take(&beside, &webhook, 10, 1).await {
                settle(&beside, &due, TryOutcome::Accepted, 10).await;
                taken += 1;
            }
            if taken == 61 {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        taken
    };
    let ((), taken) = tokio::join!(adding, taking);
    assert_eq!(taken, 61);
    assert_eq!(due_after(&store).await, 0);
}
