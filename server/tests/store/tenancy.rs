//! What belongs to one account is not there for another.

use super::*;
use signet_core::tracking::TrackingPatch;

on_both! { another_accounts_domain_is_not_there a_token_brings_only_its_own_accounts_domain }

async fn another_accounts_domain_is_not_there(place: Place) {
    let store = place.open().await;
    let (owner, stranger) = (an_account(&store).await, an_account(&store).await);
    let domain = register(&store, owner, "example.com").await;
    look_at(&store, &domain, DnsState::Verified { at: at(1) }, 1).await;
    let kept = store.domain(owner, domain.id).await.unwrap();
    let events = store.events(owner, domain.id, None, 100).await.unwrap();
    let id = domain.id;

    assert_eq!(store.domain(stranger, id).await.unwrap(), None);
    assert_eq!(store.report(stranger, id).await.unwrap(), None);
    assert!(store.report(owner, id).await.unwrap().is_some());
    assert_eq!(store.events(stranger, id, None, 100).await.unwrap(), []);
    let patch = TrackingPatch { open: Some(false), ..TrackingPatch::default() };
    assert_eq!(store.update_tracking(stranger, id, &patch, &cause(2)).await.unwrap(), None);
    assert!(!store.delete_domain(stranger, id, &cause(2)).await.unwrap());
    assert_eq!(store.request_check(stranger, id, at(2)).await.unwrap(), None);
    assert_eq!(store.covered(stranger, id).await.unwrap(), None);
    let caps = InstructionCaps { per_account: 9, per_recipient: 9 };
    let queued =
        store.queue_instructions(stranger, id, "a@b.example", &message("a@b.example"), caps, &cause(2)).await;
    assert_eq!(queued.unwrap(), None);
    let scope = TokenScope::Domains([id].into());
    assert_eq!(store.domains(stranger, &scope, None, None).await.unwrap(), []);
    assert!(
        store.domains(stranger, &TokenScope::Account, None, None).await.unwrap().iter().all(|d| d.id != id)
    );
    let keyless = Keyless { account: stranger, domain: id, record_id: domain.record_id.clone() };
    assert!(!store.add_keys(&keyless, &[], &cause(2)).await.unwrap());
    assert_eq!(store.key_ring(stranger, id).await.unwrap(), None);
    store.request_check(owner, id, at(3)).await.unwrap();
    let due = claim(&store, 3).await.into_iter().find(|due| due.domain.id == id).unwrap();
    let foreign = Looked { account: stranger, ..look(&due, DnsState::Lost { at: at(3) }, 3) };
    assert_eq!(store.apply_looks(&[foreign], &cause(3)).await.unwrap(), [false]);

    store.create_company(owner, &company(), &cause(4)).await.unwrap();
    assert_eq!(store.company(stranger).await.unwrap(), None);
    assert!(!store.replace_company(stranger, &company(), &company(), &cause(4)).await.unwrap());

    let after = store.domain(owner, id).await.unwrap();
    assert_eq!(
        after.clone().map(|d| Domain { company_complete: false, ..d }),
        kept,
        "and nothing was changed"
    );
    let grown = store.events(owner, id, None, 100).await.unwrap();
    assert_eq!(grown[1..], events, "but for what its company information brought");
}

async fn a_token_brings_only_its_own_accounts_domain(place: Place) {
    let store = place.open().await;
    let (owner, stranger) = (an_account(&store).await, an_account(&store).await);
    let domain = register(&store, owner, "example.com").await;
    let other = register(&store, stranger, "example.org").await;
    let hash = TokenHash([7; 32]);
    let new = NewToken {
        account: owner,
        name: "ci".to_string(),
        hash,
        last4: "x7k9".to_string(),
        access: Access::Viewer,
        scope: TokenScope::Domains([other.id].into()),
        expires_at: Some(at(9)),
    };
    // Nobody can make such a token; whatever its scope says, the account decides.
    assert!(store.create_token(&new, &cause(1)).await.unwrap().is_err());
    let new = NewToken { scope: TokenScope::Domains([domain.id].into()), ..new };
    let token = store.create_token(&new, &cause(1)).await.unwrap().unwrap();

    let found = |id| store.grant_and_domain(&hash, id);
    let grant = Grant::from(token.clone());
    assert_eq!(found(domain.id).await.unwrap(), Some((grant.clone(), Some(domain.clone()))));
    assert_eq!(found(other.id).await.unwrap(), Some((grant.clone(), None)));
    assert_eq!(found(DomainId(i64::MAX)).await.unwrap(), Some((grant, None)));
    assert_eq!(store.grant_and_domain(&TokenHash([8; 32]), domain.id).await.unwrap(), None);

    store.revoke_token(token.id, &cause(2)).await.unwrap();
    let (grant, _) = found(domain.id).await.unwrap().unwrap();
    assert_eq!(grant.revoked_at, Some(at(2)), "at once");
}
