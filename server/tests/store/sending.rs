//! What the sending gate reads and counts.

use super::*;
use futures_util::future::join_all;
use signet_core::authz::Candidate;

on_both! {
    the_gate_reads_what_there_is the_verified_come_before_the_limit a_message_is_counted_once
    the_allowance_holds_under_pressure what_sends_is_looked_at_sooner counted_messages_are_swept_and_go_with_their_domain
}

async fn found(store: &Arc<dyn Store>, name: &str, account: Option<AccountId>) -> Vec<Candidate> {
    store.sending_domains(&Name::parse(name).unwrap(), None, account, None).await.unwrap()
}

async fn demo_of(store: &Arc<dyn Store>, account: AccountId) -> Domain {
    store.domains(account, &TokenScope::Account, None, None).await.unwrap().remove(0)
}

async fn the_gate_reads_what_there_is(place: Place) {
    let store = place.open().await;
    let (one, two) = (an_account(&store).await, an_account(&store).await);
    let first = register(&store, one, "example.com").await;
    let second = register(&store, two, "example.com").await;
    look_at(&store, &second, DnsState::Verified { at: at(5) }, 5).await;
    let domains = |found: Vec<Candidate>| found.iter().map(|c| DomainId(c.domain)).collect::<Vec<_>>();
    assert_eq!(domains(found(&store, "example.com", None).await), [second.id, first.id], "verified first");
    assert_eq!(domains(found(&store, "example.com", Some(one)).await), [first.id]);
    assert!(found(&store, "sub.example.com", None).await.is_empty());
    let name = Name::parse("example.com").unwrap();
    let by_record =
        async |record: &RecordId| store.sending_domains(&name, Some(record), None, None).await.unwrap();
    assert_eq!(domains(by_record(&first.record_id).await), [first.id]);
    assert!(by_record(&record_id()).await.is_empty());
    let other = Name::parse("example.net").unwrap();
    assert!(store.sending_domains(&other, Some(&first.record_id), None, None).await.unwrap().is_empty());

    store.create_company(two, &company(), &cause(6)).await.unwrap();
    store.rule(second.id, Ruling::Approve, None, &cause(7)).await.unwrap();
    store.suspend_account(two, Some(Suspension::Hold), None, &cause(8)).await.unwrap();
    let candidate = found(&store, "example.com", Some(two)).await.remove(0);
    let domain = store.domain(two, second.id).await.unwrap().unwrap();
    assert_eq!(candidate.facts, domain.facts());
    assert!(
        candidate.facts.suspension == Some(Suspension::Hold)
            && candidate.facts.dns_verified
            && candidate.facts.company_complete
    );
    assert_eq!((candidate.account, candidate.owner), (two.0, email("owner@example.org")));
}

async fn the_verified_come_before_the_limit(place: Place) {
    let store = place.open().await;
    let mut last = None;
    for _ in 0..101 {
        let account = an_account(&store).await;
        last = Some(register(&store, account, "example.com").await);
    }
    let last = last.unwrap();
    look_at(&store, &last, DnsState::Verified { at: at(5) }, 5).await;
    let found = found(&store, "example.com", None).await;
    assert_eq!((found.len(), found[0].domain), (100, last.id.0));
}

async fn a_message_is_counted_once(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let demo = demo_of(&store, account).await;
    let counted = async |message: &str| {
        store.sending_domains(demo.name.name(), None, None, Some(message)).await.unwrap()[0].counted
    };
    assert!(!counted("a\0b").await);
    assert_eq!(store.spend_demo(demo.id, "a\0b", &cause(1)).await.unwrap(), Spent::Now);
    assert!(counted("a\0b").await && !counted("c").await);
    assert_eq!(store.spend_demo(demo.id, "a\0b", &cause(2)).await.unwrap(), Spent::Before);
    assert_eq!(demo_of(&store, account).await.demo_messages_left, 49);
    let another = demo_of(&store, an_account(&store).await).await;
    assert_eq!(store.spend_demo(another.id, "a\0b", &cause(3)).await.unwrap(), Spent::Now, "per domain");

    store.rule(demo.id, Ruling::Suspend(Suspension::Abuse), None, &cause(4)).await.unwrap();
    assert_eq!(store.spend_demo(demo.id, "c", &cause(5)).await.unwrap(), Spent::Not);
    assert_eq!(demo_of(&store, account).await.demo_messages_left, 49);
    let own = register(&store, account, "example.com").await;
    assert_eq!(store.spend_demo(own.id, "c", &cause(6)).await.unwrap(), Spent::Not, "it is no demo");
    assert_eq!(store.spend_demo(DomainId(999), "c", &cause(6)).await.unwrap(), Spent::Not);
}

async fn the_allowance_holds_under_pressure(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let account = an_account(&store).await;
    let demo = demo_of(&store, account).await;
    let (names, now): (Vec<String>, _) = ((0..120).map(|n| format!("m{}", n / 2)).collect(), cause(1));
    let nodes = [&store, &other].into_iter().cycle();
    let spent =
        join_all(names.iter().zip(nodes).map(|(name, node)| node.spend_demo(demo.id, name, &now))).await;
    let spent: Vec<Spent> = spent.into_iter().map(Result::unwrap).collect();
    let times = |kind| spent.iter().filter(|spent| **spent == kind).count();
    assert_eq!((times(Spent::Now), times(Spent::Before), times(Spent::Not)), (50, 50, 20));
    assert_eq!(demo_of(&store, account).await.demo_messages_left, 0);
    let history = history(&store, &demo).await;
    assert_eq!(history.iter().filter(|row| row.ends_with("demo>demo_exhausted")).count(), 1, "{history:?}");
}

async fn counted_messages_are_swept_and_go_with_their_domain(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let demo = demo_of(&store, account).await;
    store.spend_demo(demo.id, "a", &cause(0)).await.unwrap();
    let week = 7 * 86_400;
    store.sweep(at(week)).await.unwrap();
    assert_eq!(store.spend_demo(demo.id, "a", &cause(week)).await.unwrap(), Spent::Before);
    store.sweep(at(week + 1)).await.unwrap();
    assert_eq!(store.spend_demo(demo.id, "a", &cause(week + 1)).await.unwrap(), Spent::Now);
    assert!(store.delete_domain(account, demo.id, &cause(week + 2)).await.unwrap());
    assert_eq!(store.spend_demo(demo.id, "a", &cause(week + 3)).await.unwrap(), Spent::Not);
}

async fn what_sends_is_looked_at_sooner(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let sends = register(&store, account, "sends.example").await;
    look_at(&store, &sends, DnsState::Verified { at: at(5) }, 5).await;
    let rests = register(&store, account, "rests.example").await;
    look_at(&store, &rests, DnsState::Verified { at: at(5) }, 5).await;
    let hour = 3600;
    store.note_sending(&[sends.id, DomainId(999_999)], at(10)).await.unwrap();
    assert_eq!(claim(&store, 6 * hour).await.len(), 0);
    let due = claim(&store, 6 * hour + 10).await;
    assert_eq!(due.iter().map(|due| due.domain.id).collect::<Vec<_>>(), [sends.id]);
    assert_eq!(due[0].sent_at, Some(at(10)));
    // The look decides on the next; what is known to send changes nothing there.
    let looked = look(&due[0], DnsState::Verified { at: at(5) }, 6 * hour + 10);
    assert_eq!(store.apply_looks(&[looked], &cause(6 * hour + 10)).await.unwrap(), [true]);
    store.note_sending(&[sends.id], at(9 * hour)).await.unwrap();
    store.note_sending(&[sends.id], at(26 * hour)).await.unwrap();
    let due = claim(&store, 31 * hour).await;
    let due = due.iter().find(|due| due.domain.id == sends.id).unwrap();
    assert_eq!((due.due_at, due.sent_at), (at(30 * hour + 10), Some(at(26 * hour))));
}
