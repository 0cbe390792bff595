//! The history of everything: kept, searched, and read from end to end.

use super::*;
use crate::raw::Raw;

on_both! {
    what_happened_is_never_changed every_filter_fits_alone_and_together pages_lead_to_the_end_both_ways
    nothing_of_another_account what_concerns_everybody
}

fn everything() -> AuditFilter {
    AuditFilter::default()
}

fn of(account: AccountId) -> AuditFilter {
    AuditFilter { account: Some(account), ..everything() }
}

/// `kind by actor`, newest first; the other way around it is the same.
async fn found(store: &Arc<dyn Store>, filter: &AuditFilter) -> Vec<String> {
    let newest = store.audit(filter, None, 1000).await.unwrap();
    let mut oldest = store.audit_onwards(filter, None, 1000).await.unwrap();
    oldest.reverse();
    assert_eq!(newest, oldest, "{filter:?}");
    assert!(newest.windows(2).all(|pair| pair[0].place() > pair[1].place()));
    newest.iter().map(|event| format!("{} by {}", event.kind, event.actor)).collect()
}

async fn what_happened_is_never_changed(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let before = store.audit(&of(account), None, 100).await.unwrap();
    assert!(!before.is_empty());
    let mut raw = Raw::connect(&place.url).await;
    for sql in [
        "UPDATE event SET reason = 'another'",
        "UPDATE event SET at = at",
        "DELETE FROM event",
        "DELETE FROM event WHERE id = (SELECT MAX(id) FROM event)",
    ] {
        let refused = raw.execute(sql).await.expect_err(sql).to_string();
        assert!(refused.contains("only ever added to"), "{sql}: {refused}");
    }
    assert_eq!(store.audit(&of(account), None, 100).await.unwrap(), before);
}

async fn every_filter_fits_alone_and_together(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let gone = register(&store, account, "example.com").await;
    store.delete_domain(account, gone.id, &Cause::signet(at(10))).await.unwrap();
    let domain = register(&store, account, "example.com").await;
    let by = |actor: &str, reason: &str, seconds| Cause {
        actor: actor.to_string(),
        reason: reason.to_string(),
        ..cause(seconds)
    };
    let rule =
        async |ruling, cause: Cause| store.rule(domain.id, ruling, None, &cause).await.unwrap().unwrap();
    use signet_core::lifecycle::Suspension;
    rule(Ruling::Suspend(Suspension::Abuse), by("jwt:alice", "Sends 100% Spam_", 20)).await;
    rule(Ruling::Lift, by("token:7", "A mistake", 30)).await;

    let all = found(&store, &of(account)).await;
    assert_eq!(
        all,
        [
            "domain.compliance_changed by token:7",
            "review.lifted by token:7",
            "domain.compliance_changed by jwt:alice",
            "review.suspended by jwt:alice",
            "domain.deleted by signet",
            "domain.created by operator",
            "domain.created by operator",
            "domain.created by operator",
            "account.created by operator",
        ]
        .map(str::to_string)
    );
    let search = async |filter: AuditFilter| found(&store, &filter).await;
    let name = Some("example.com".to_string());
    assert_eq!(search(AuditFilter { domain: Some(domain.id), ..of(account) }).await.len(), 5);
    assert_eq!(search(AuditFilter { domain: Some(gone.id), ..everything() }).await.len(), 2);
    let named = search(AuditFilter { domain_name: name.clone(), ..of(account) }).await;
    assert_eq!(named.len(), 7, "of both domains that had the name");
    assert_eq!(
        search(AuditFilter { domain: Some(gone.id), domain_name: name, ..everything() }).await.len(),
        2
    );
    let no_name = Some("example.co".to_string());
    assert_eq!(search(AuditFilter { domain_name: no_name, ..everything() }).await.len(), 0, "exactly");
    let kinds = vec![EventKind::Suspended, EventKind::DomainDeleted];
    let two = ["review.suspended by jwt:alice", "domain.deleted by signet"];
    assert_eq!(search(AuditFilter { kinds: kinds.clone(), ..of(account) }).await, two);
    assert_eq!(search(AuditFilter { kinds: kinds.clone(), ..everything() }).await[..2], two);
    let with_records = [kinds.clone(), vec![EventKind::RecordChanged]].concat();
    assert_eq!(
        search(AuditFilter { kinds: with_records, ..of(account) }).await,
        two,
        "however they are found"
    );
    let actor = |actor: &str| AuditFilter { actor: Some(actor.to_string()), ..of(account) };
    assert_eq!(search(actor("token:7")).await.len(), 2);
    assert_eq!(search(actor("token:77")).await.len(), 0);
    assert_eq!(search(actor("operator")).await.len(), 4);
    assert_eq!(search(actor("signet")).await, two[1..]);
    assert_eq!(search(AuditFilter { kinds, ..actor("jwt:alice") }).await, two[..1]);
    let text = |text: &str| AuditFilter { text: Some(text.to_string()), ..of(account) };
    assert_eq!(search(text("100% spam_")).await.len(), 2);
    assert_eq!(search(text("100 spam")).await.len(), 0, "nothing stands for something else");
    let between =
        |since, until| AuditFilter { since: Some(at(since)), until: Some(at(until)), ..of(account) };
    assert_eq!(
        search(between(10, 20)).await,
        ["domain.deleted by signet"],
        "from the first, before the last"
    );
    assert_eq!(search(between(20, 31)).await.len(), 4);
    assert_eq!(search(between(31, 20)).await.len(), 0);
}

async fn pages_lead_to_the_end_both_ways(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    // In another order than that of their numbers, and several at one moment.
    for (n, seconds) in [5, 3, 3, 9, 3, 1, 9].into_iter().enumerate() {
        let new = NewDomain {
            account,
            name: domain_name(&format!("d{n}.example")),
            record_id: record_id(),
            dkim: Default::default(),
        };
        store.create_domain(&new, None, &cause(seconds)).await.unwrap().unwrap();
    }
    let created = vec![EventKind::DomainCreated, EventKind::AccountCreated];
    for filter in [of(account), AuditFilter { kinds: created, ..of(account) }] {
        let all = store.audit(&filter, None, 100).await.unwrap();
        assert_eq!(all.len(), 9);
        for limit in [1, 2, 3, 9] {
            let (mut back, mut before) = (Vec::new(), None);
            let (mut forth, mut after) = (Vec::new(), None);
            for _ in 0..10 {
                back.extend(store.audit(&filter, before, limit).await.unwrap());
                forth.extend(store.audit_onwards(&filter, after, limit).await.unwrap());
                (before, after) = (back.last().map(Event::place), forth.last().map(Event::place));
            }
            forth.reverse();
            assert_eq!((&back, &forth), (&all, &all), "limit {limit}");
        }
        let third = all[2].place();
        assert_eq!(store.audit_place(Some(account), third.id).await.unwrap(), Some(third));
    }
}

async fn nothing_of_another_account(place: Place) {
    let store = place.open().await;
    let (owner, stranger) = (an_account(&store).await, an_account(&store).await);
    let domain = register(&store, owner, "example.com").await;
    let row = store.audit(&of(owner), None, 1).await.unwrap().remove(0);
    let own = store.audit(&of(stranger), None, 100).await.unwrap();
    assert!(own.iter().all(|event| event.account == stranger));
    let filters = [
        AuditFilter { domain: Some(domain.id), ..of(stranger) },
        AuditFilter { domain_name: Some("example.com".to_string()), ..of(stranger) },
        AuditFilter { text: Some("no such".to_string()), ..of(stranger) },
        AuditFilter { actor: Some("token:1".to_string()), ..of(stranger) },
    ];
    for filter in filters {
        assert_eq!(found(&store, &filter).await, [""; 0], "{filter:?}");
    }
    for filter in [
        AuditFilter { kinds: vec![EventKind::DomainCreated], ..of(stranger) },
        AuditFilter { kinds: vec![EventKind::RecordChanged, EventKind::DomainCreated], ..of(stranger) },
        AuditFilter { actor: Some("operator".to_string()), ..of(stranger) },
    ] {
        let rows = store.audit(&filter, None, 100).await.unwrap();
        assert!(!rows.is_empty() && rows.iter().all(|event| event.account == stranger), "{filter:?}");
    }
    assert_eq!(store.audit_place(Some(stranger), row.id).await.unwrap(), None);
    assert_eq!(store.audit_place(None, row.id).await.unwrap(), Some(row.place()));
}

async fn what_concerns_everybody(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    store.release_demotions(at(500), &Cause::command_line("we are sure", at(7))).await.unwrap();
    let event = NewEvent { from: Some("a.backup".to_string()), ..NewEvent::of(EventKind::Restored) };
    store.note(&event, &Cause::command_line("", at(8))).await.unwrap();
    let rows = store.audit(&of(AccountId::INSTALLATION), None, 10).await.unwrap();
    let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    assert_eq!(kinds, ["installation.restored", "demotions.released"]);
    let released = &rows[1];
    assert_eq!((released.actor.as_str(), released.origin.as_str()), ("operator", "command line"));
    assert_eq!((released.reason.as_str(), released.to.clone()), ("we are sure", Some(at(500).to_string())));
    assert!(store.audit(&of(account), None, 10).await.unwrap().iter().all(|row| row.account == account));
}
