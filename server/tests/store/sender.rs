//! What the review reads of an account.

use super::*;

on_both! { an_accounts_record_is_its_own }

async fn an_accounts_record_is_its_own(place: Place) {
    let store = place.open().await;
    let (one, two) = (an_account(&store).await, an_account(&store).await);
    let first = register(&store, one, "a.example.com").await;
    let second = register(&store, one, "b.example.com").await;
    let other = register(&store, two, "c.example.com").await;
    let record =
        async |account, but: &Domain, since| store.account_record(account, but.id, at(since)).await.unwrap();
    // The demo domain does not count.
    assert_eq!(record(one, &first, 0).await, AccountRecord { created: 2, rejected: None });
    assert_eq!(record(two, &other, 0).await.created, 1);
    assert_eq!(record(one, &first, 1).await.created, 0, "made before that");
    store.rule(second.id, Ruling::Reject, None, &cause(5)).await.unwrap();
    let rejected = |record: AccountRecord| record.rejected.map(|name| name.to_string());
    assert_eq!(rejected(record(one, &first, 0).await).as_deref(), Some("b.example.com"));
    assert_eq!(rejected(record(one, &second, 0).await), None, "a domain is not its own sibling");
    assert_eq!(rejected(record(two, &other, 0).await), None);
    store.rule(second.id, Ruling::Approve, None, &cause(6)).await.unwrap();
    assert_eq!(rejected(record(one, &first, 0).await), None);
}
