//! Messages, caps, idempotency keys, sweeping.

use super::*;

on_both! { instructions_are_capped delivery idempotency_keys sweeping }

const CAPS: InstructionCaps = InstructionCaps { per_account: 4, per_recipient: 2 };

async fn instructions_are_capped(place: Place) {
    let store = place.open().await;
    let (account, other) = (an_account(&store).await, an_account(&store).await);
    let domain = register(&store, account, "example.com").await;
    let theirs = register(&store, other, "example.org").await;
    let send = async |account, domain, to: &str, seconds| {
        store.queue_instructions(account, domain, to, &message(to), CAPS, &cause(seconds)).await.unwrap()
    };
    assert_eq!(send(account, domain.id, "A@b.example", 0).await, Some(Ok(())));
    assert_eq!(send(other, theirs.id, "a@B.example", 1).await, Some(Ok(())));
    assert_eq!(
        send(account, domain.id, "a@b.example", 2).await,
        Some(Err(CapReached::Recipient)),
        "whatever the account, whatever the case"
    );
    for n in 0..3 {
        assert_eq!(send(account, domain.id, &format!("x{n}@b.example"), 3).await, Some(Ok(())));
    }
    assert_eq!(send(account, domain.id, "y@b.example", 4).await, Some(Err(CapReached::Account)));
    assert_eq!(send(account, theirs.id, "y@b.example", 4).await, None, "not its domain");
    assert_eq!(send(other, theirs.id, "y@b.example", 4).await, Some(Ok(())));
    assert_eq!(send(account, domain.id, "a@b.example", 86_401).await, Some(Ok(())), "a day later");
    let sent = history(&store, &domain).await;
    assert_eq!(sent.iter().filter(|row| row.starts_with("instructions.sent")).count(), 5);
    assert_eq!(store.claim_outbox(at(90_000), at(90_060), 100).await.unwrap().len(), 7, "none for a refusal");
}

async fn delivery(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let mut sent = message("a@b.example");
    sent.attachments =
        vec![Attachment { name: "z.txt".into(), media_type: "text/plain".into(), content: "é\n\0".into() }];
    store
        .queue_instructions(account, domain.id, "a@b.example", &sent, CAPS, &cause(0))
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let claim = async |seconds| store.claim_outbox(at(seconds), at(seconds + 60), 10).await.unwrap();

    let item = claim(1).await.remove(0);
    assert_eq!((&item.message, item.attempts, item.queued_at), (&sent, 0, at(0)));
    assert!(claim(2).await.is_empty(), "held");
    assert_eq!(claim(61).await[0].attempts, 1, "the sender died: tried again");
    store.outbox_failed(item.id, "450 later", Some(at(100))).await.unwrap();
    assert!(claim(99).await.is_empty());
    assert_eq!(claim(100).await[0].attempts, 2);
    store.outbox_sent(item.id, at(101)).await.unwrap();
    store.outbox_failed(item.id, "too late to fail", Some(at(102))).await.unwrap();
    assert!(claim(1000).await.is_empty(), "sent is sent");

    store
        .queue_instructions(account, domain.id, "a@b.example", &sent, CAPS, &cause(0))
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let item = claim(2000).await.remove(0);
    store.outbox_failed(item.id, "550 no", None).await.unwrap();
    assert!(claim(9000).await.is_empty(), "given up");
    assert_eq!(store.counts(at(0)).await.unwrap().outbox, 0);
}

async fn idempotency_keys(place: Place) {
    let store = place.open().await;
    let scope = |key: &str| IdempotencyScope {
        owner: "o".into(),
        method: "POST".into(),
        path: "/p".into(),
        key: key.into(),
    };
    let begin = async |key: &str, body: &str, seconds| {
        store.idempotency_begin(&scope(key), body, at(seconds)).await.unwrap()
    };
    assert_eq!(begin("k", "body", 0).await, Idempotency::New);
    assert_eq!(begin("k", "body", 1).await, Idempotency::InProgress);
    assert_eq!(begin("k", "other", 1).await, Idempotency::OtherBody);
    assert_eq!(begin("other", "body", 1).await, Idempotency::New);
    let elsewhere = IdempotencyScope { owner: "p".into(), ..scope("k") };
    assert_eq!(store.idempotency_begin(&elsewhere, "body", at(1)).await.unwrap(), Idempotency::New);

    let answer = StoredAnswer { status: 201, body: "{\"é\":1}".to_string() };
    store.idempotency_end(&scope("k"), Some(&answer), None).await.unwrap();
    store.idempotency_end(&scope("k"), None, None).await.unwrap();
    assert_eq!(begin("k", "body", 2).await, Idempotency::Replay(answer.clone()), "an answer stays");
    assert_eq!(begin("k", "body", 86_399).await, Idempotency::Replay(answer));
    assert_eq!(begin("k", "other", 86_399).await, Idempotency::OtherBody);
    assert_eq!(begin("k", "other", 86_400).await, Idempotency::New, "for a day");

    store.idempotency_end(&scope("other"), None, None).await.unwrap();
    assert_eq!(begin("other", "new body", 3).await, Idempotency::New, "freed");
    assert_eq!(begin("other", "newer body", 63).await, Idempotency::New, "its request died a minute ago");

    let scope = scope("race");
    let begun =
        futures_util::future::join_all((0..20).map(|_| store.idempotency_begin(&scope, "b", at(0)))).await;
    let new = begun.into_iter().filter(|seen| matches!(seen, Ok(Idempotency::New))).count();
    assert_eq!(new, 1, "of many at once one is new");
}

async fn sweeping(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let queue = async |seconds| {
        let to = format!("x{seconds}@b.example");
        store.queue_instructions(account, domain.id, &to, &message(&to), CAPS, &cause(seconds)).await.unwrap()
    };
    queue(0).await.unwrap().unwrap();
    let sent = store.claim_outbox(at(1), at(61), 1).await.unwrap().remove(0);
    store.outbox_sent(sent.id, at(2)).await.unwrap();
    queue(3).await.unwrap().unwrap();
    let scope = IdempotencyScope { owner: "o".into(), method: "m".into(), path: "p".into(), key: "k".into() };
    store.idempotency_begin(&scope, "b", at(0)).await.unwrap();
    store.sweep(at(10)).await.unwrap();
    assert_eq!(store.idempotency_begin(&scope, "b", at(10)).await.unwrap(), Idempotency::InProgress);
    queue(10).await.unwrap().unwrap();
    queue(11).await.unwrap().unwrap();
    assert_eq!(queue(12).await, Some(Err(CapReached::Account)), "what counts is not swept");
    store.sweep(at(30 * 86_400)).await.unwrap();
    assert_eq!(store.counts(at(0)).await.unwrap().outbox, 3, "what waits is not swept");
}
