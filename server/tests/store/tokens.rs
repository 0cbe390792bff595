//! Tokens that are replaced, told of and forgotten.

use super::*;

on_both! {
    a_reset_makes_another_once of_two_resets_one_is_too_late owners_are_told_of_the_end_once
    tokens_are_forgotten_long_after_their_end tokens_of_one_account_are_not_there_for_another
    no_more_than_the_limit
}

const DAY: i64 = 86_400;

fn new(account: AccountId, expires_at: Option<Timestamp>) -> NewToken {
    let mut hash = [9; 32];
    hash[..8].copy_from_slice(&fresh().to_be_bytes());
    NewToken {
        account,
        name: "ci".to_string(),
        hash: TokenHash(hash),
        last4: "x7k9".to_string(),
        access: Access::Viewer,
        scope: TokenScope::Account,
        expires_at,
    }
}

async fn made(store: &Arc<dyn Store>, account: AccountId, days: Option<i64>) -> Token {
    let new = new(account, days.map(|days| at(days * DAY)));
    store.create_token(&new, &cause(0)).await.unwrap().unwrap()
}

fn reset(until: i64) -> Reset {
    let NewToken { hash, .. } = new(AccountId(0), None);
    Reset { hash, last4: "new4".to_string(), old_until: at(until) }
}

async fn a_reset_makes_another_once(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let old = made(&store, account, Some(30)).await;
    assert_eq!((old.last4.as_str(), old.created_by.as_str(), old.replaced_by), ("x7k9", "operator", None));
    let by = Cause { actor: "token:7".to_string(), ..cause(DAY) };
    let with = reset(DAY + 600);
    let new = store.reset_token(old.id, &with, &by).await.unwrap().unwrap().unwrap();
    assert_eq!(new.expires_at, Some(at(31 * DAY)), "thirty days, as the first had");
    assert_eq!((new.last4.as_str(), new.created_by.as_str()), ("new4", "token:7"));
    assert_eq!((&new.name, new.access, &new.scope), (&old.name, old.access, &old.scope));
    assert_eq!(store.token(&with.hash).await.unwrap(), Some(new.clone()));
    let replaced = store.token_of(account, old.id).await.unwrap().unwrap();
    assert_eq!((replaced.replaced_by, replaced.expires_at), (Some(new.id), Some(at(DAY + 600))));

    let again = async |id| store.reset_token(id, &reset(2 * DAY), &by).await.unwrap();
    assert_eq!(again(old.id).await, Some(Err(NotReset::Before(new.id))));
    assert_eq!(again(TokenId(9999)).await, None);
    store.revoke_token(new.id, &by).await.unwrap();
    assert_eq!(again(new.id).await, Some(Err(NotReset::Revoked)));
    let short = made(&store, account, Some(1)).await;
    assert_eq!(again(short.id).await, Some(Err(NotReset::Expired)), "to the microsecond");

    let rows =
        store.audit(&AuditFilter { account: Some(account), ..Default::default() }, None, 9).await.unwrap();
    let kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
    let expected = ["token.revoked", "token.reset", "token.created", "token.created"];
    assert_eq!(kinds[..4], expected, "one row for each change and none for a refusal");
}

async fn of_two_resets_one_is_too_late(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let old = made(&store, account, None).await;
    let (one, two, now) = (reset(DAY), reset(DAY), cause(1));
    let (first, second) =
        tokio::join!(store.reset_token(old.id, &one, &now), store.reset_token(old.id, &two, &now));
    let made = [first.unwrap().unwrap(), second.unwrap().unwrap()];
    assert_eq!(made.iter().filter(|reset| reset.is_ok()).count(), 1, "{made:?}");
    assert_eq!(store.live_tokens(account, at(2)).await.unwrap().len(), 2);
}

async fn owners_are_told_of_the_end_once(place: Place) {
    let (store, other_node) = (place.open().await, place.open().await);
    let account = an_account(&store).await;
    made(&store, account, Some(60)).await;
    made(&store, account, None).await;
    made(&store, account, Some(10)).await;
    made(&store, account, Some(2)).await;
    let revoked = made(&store, account, Some(60)).await;
    store.revoke_token(revoked.id, &cause(1)).await.unwrap();
    let replaced = made(&store, account, Some(60)).await;
    store.reset_token(replaced.id, &reset(59 * DAY), &cause(0)).await.unwrap().unwrap().unwrap();
    made(&store, account, Some(200)).await;

    let told = async |day: i64| {
        let now = at(day * DAY);
        for days_ahead in [3, 30] {
            let (here, there) = tokio::join!(
                store.tell_of_expiry(days_ahead, 100, now),
                other_node.tell_of_expiry(days_ahead, 100, now)
            );
            here.unwrap();
            there.unwrap();
        }
        let mut told = Vec::new();
        for group in store.due_notices(now, 100).await.unwrap() {
            let waiting = store.notices(&group, 100).await.unwrap();
            assert_eq!((group.account, group.kind.as_str()), (account, "token_expiring"));
            for Waiting { domain, notice, .. } in waiting {
                let About::TokenExpiring { expires_at, last4: Some(_), .. } = notice.about else {
                    panic!("{notice:?}")
                };
                assert_eq!(domain, None);
                told.push((expires_at.as_second() - at(0).as_second()) / DAY);
            }
        }
        told.sort_unstable();
        told
    };
    let none: [i64; 0] = [];
    assert_eq!(told(6).await, none, "made for ten days, it needs no word thirty days ahead");
    assert_eq!(told(7).await, [10]);
    // What was told of stays in the list: nobody makes messages of it here.
    assert_eq!(told(30).await, [10, 60, 60], "the one made in a token's place too");
    assert_eq!(told(56).await, [10, 60, 60]);
    assert_eq!(told(57).await, [10, 60, 60, 60, 60], "three days ahead");
    assert_eq!(told(199).await, [10, 60, 60, 60, 60, 200], "found late, it is told of once and not twice");
}

async fn tokens_are_forgotten_long_after_their_end(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let expired = made(&store, account, Some(1)).await;
    let revoked = made(&store, account, None).await;
    store.revoke_token(revoked.id, &cause(2 * DAY)).await.unwrap();
    let kept = made(&store, account, None).await;
    let ids = async || store.tokens(Some(account)).await.unwrap().iter().map(|t| t.id).collect::<Vec<_>>();
    store.sweep(at(91 * DAY)).await.unwrap();
    assert_eq!(ids().await, [expired.id, revoked.id, kept.id]);
    store.sweep(at(91 * DAY + 1)).await.unwrap();
    assert_eq!(ids().await, [revoked.id, kept.id]);
    store.sweep(at(1000 * DAY)).await.unwrap();
    assert_eq!(ids().await, [kept.id]);
}

async fn tokens_of_one_account_are_not_there_for_another(place: Place) {
    let store = place.open().await;
    let (owner, stranger) = (an_account(&store).await, an_account(&store).await);
    let token = made(&store, owner, None).await;
    assert_eq!(store.token_of(owner, token.id).await.unwrap().as_ref(), Some(&token));
    assert_eq!(store.token_of(stranger, token.id).await.unwrap(), None);
    assert_eq!(store.live_tokens(stranger, at(1)).await.unwrap(), []);
    assert_eq!(store.token_for_operator(token.id).await.unwrap(), Some(token));
}

async fn no_more_than_the_limit(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    for _ in 0..Token::MOST {
        made(&store, account, Some(9)).await;
    }
    let refused = store.create_token(&new(account, None), &cause(1)).await.unwrap().unwrap_err();
    assert!(refused.contains("100 tokens"), "{refused}");
    let made_before = store.live_tokens(account, at(2)).await.unwrap();
    for token in &made_before {
        store.reset_token(token.id, &reset(DAY), &cause(2)).await.unwrap().unwrap().unwrap();
    }
    let in_all = store.live_tokens(account, at(3)).await.unwrap();
    assert_eq!(in_all.len(), 200);
    let one_more = store.reset_token(in_all[150].id, &reset(DAY), &cause(3)).await.unwrap().unwrap();
    assert_eq!(one_more, Err(NotReset::TooMany));
    // Once what was replaced has expired there is room for resets again.
    let later = store.reset_token(in_all[150].id, &reset(3 * DAY), &cause(2 * DAY)).await.unwrap().unwrap();
    assert!(later.is_ok());
    // And what has expired counts for nothing.
    assert!(store.create_token(&new(account, None), &cause(10 * DAY)).await.unwrap().is_ok());
}
