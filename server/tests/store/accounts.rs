//! The installation, accounts, tokens, company information, review.

use super::*;

on_both! {
    every_statement_fits the_first_start tokens_live_and_die company_information_opens_the_review
    rulings_and_suspensions counts_for_the_metrics
}

async fn every_statement_fits(place: Place) {
    let prepared = if place.is_sqlite() {
        sqlite::SqliteStore::open(&place.url).await.unwrap().prepare_statements().await.unwrap()
    } else {
        pg::PgStore::open(&place.url).await.unwrap().prepare_statements().await.unwrap()
    };
    assert!(prepared > 60, "{prepared} statements");
}

async fn the_first_start(place: Place) {
    let store = place.open().await;
    let other_node = place.open().await;
    assert!(store.is_empty().await.unwrap());
    assert_eq!(store.key_fingerprint().await.unwrap(), None);
    store.ping().await.unwrap();

    let new = |n: u8| NewAccount {
        name: format!("Node {n}"),
        owner_email: email("postmaster@signet.test"),
        demo: (domain_name(&format!("x{n}.demo.signet.test")), record_id()),
        demo_allowance: 50,
    };
    let (a, b) = (new(1), new(2));
    let (hash_a, hash_b, now) = (TokenHash([1; 32]), TokenHash([2; 32]), cause(0));
    let (first, second) = tokio::join!(
        store.initialise(&a, Some((hash_a, "aaaa")), "print", &now),
        other_node.initialise(&b, Some((hash_b, "bbbb")), "print", &now)
    );
    let made: Vec<Account> = [first.unwrap(), second.unwrap()].into_iter().flatten().collect();
    assert_eq!(made.len(), 1, "one of two nodes makes the first account");
    assert_eq!(made[0].id, AccountId(1));
    assert_eq!(store.accounts().await.unwrap(), made);
    assert_eq!(store.account(AccountId(1)).await.unwrap().as_ref(), made.first());
    assert_eq!(store.account(AccountId(2)).await.unwrap(), None);
    assert_eq!(store.key_fingerprint().await.unwrap().as_deref(), Some("print"));
    assert!(!other_node.is_empty().await.unwrap());
    assert_eq!(
        store.initialise(&new(3), Some((TokenHash([3; 32]), "cccc")), "other", &cause(1)).await.unwrap(),
        None
    );
    assert_eq!(store.key_fingerprint().await.unwrap().as_deref(), Some("print"));

    let tokens = store.tokens(None).await.unwrap();
    assert_eq!(tokens.len(), 1);
    assert_eq!((tokens[0].access, &tokens[0].scope), (Access::Admin, &TokenScope::Account));

    let domains = store.domains(AccountId(1), &TokenScope::Account, None, None).await.unwrap();
    assert_eq!(domains.len(), 1, "the demo domain alone");
    assert!(domains[0].demo);
    assert_eq!(domains[0].demo_messages_left, 50);
    assert_eq!(domains[0].dns, DnsState::Verified { at: at(0) });
    assert!(claim(&store, 1_000_000).await.is_empty(), "a demo domain is never due");
    assert_eq!(store.next_due().await.unwrap(), None);
    let demo = store.demo_record_id(domains[0].name.as_str()).await.unwrap();
    assert_eq!(demo.as_ref(), Some(&domains[0].record_id));
}

async fn tokens_live_and_die(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    let new = |account, hash: u8, scope| NewToken {
        account,
        name: "ci".to_string(),
        hash: TokenHash([hash; 32]),
        last4: "x7k9".to_string(),
        access: Access::Viewer,
        scope,
        expires_at: Some(at(500)),
    };
    let scope = TokenScope::Domains([domain.id].into());
    let token = store.create_token(&new(account, 1, scope.clone()), &cause(1)).await.unwrap().unwrap();
    assert_eq!(store.token(&TokenHash([1; 32])).await.unwrap().as_ref(), Some(&token));
    assert_eq!(store.token(&TokenHash([9; 32])).await.unwrap(), None);
    assert_eq!((token.access, &token.scope, token.expires_at), (Access::Viewer, &scope, Some(at(500))));
    let nothing = TokenScope::Domains([].into());
    let empty = store.create_token(&new(account, 2, nothing.clone()), &cause(1)).await.unwrap().unwrap();
    assert_eq!(empty.scope, nothing, "no domain is not every domain");

    let no_account =
        store.create_token(&new(AccountId(99), 3, TokenScope::Account), &cause(1)).await.unwrap();
    assert!(no_account.unwrap_err().contains("99"));
    let other = an_account(&store).await;
    let foreign = store.create_token(&new(other, 4, scope), &cause(1)).await.unwrap();
    assert!(foreign.unwrap_err().contains(&domain.id.to_string()), "another account's domain is not there");

    store.touch_tokens(&[(token.id, at(9)), (token.id, at(7)), (TokenId(999), at(9))]).await.unwrap();
    store.touch_tokens(&[(token.id, at(8))]).await.unwrap();
    store.touch_tokens(&[]).await.unwrap();
    let seen = store.token(&TokenHash([1; 32])).await.unwrap().unwrap();
    assert_eq!(seen.last_used_at, Some(at(9)), "the latest use counts");

    let revoked = store.revoke_token(token.id, &cause(10)).await.unwrap().unwrap();
    assert_eq!(revoked.revoked_at, Some(at(10)));
    let again = store.revoke_token(token.id, &cause(20)).await.unwrap().unwrap();
    assert_eq!(again, revoked, "revoking twice changes nothing");
    assert_eq!(store.revoke_token(TokenId(999), &cause(20)).await.unwrap(), None);
    assert_eq!(store.tokens(Some(account)).await.unwrap().len(), 2);
    assert_eq!(store.tokens(Some(other)).await.unwrap(), []);
    assert_eq!(store.tokens(None).await.unwrap().len(), 2);
}

async fn company_information_opens_the_review(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let verified = register(&store, account, "verified.example").await;
    let pending = register(&store, account, "pending.example").await;
    look_at(&store, &verified, DnsState::Verified { at: at(5) }, 5).await;
    assert_eq!(store.company(account).await.unwrap(), None);
    assert_eq!(store.reviews(&[Review::Due], None, 10).await.unwrap(), []);

    let info = company();
    assert!(store.create_company(account, &info, &cause(6)).await.unwrap());
    assert!(!store.create_company(account, &info, &cause(6)).await.unwrap(), "there is some already");
    assert!(!store.create_company(AccountId(99), &info, &cause(6)).await.unwrap());
    assert_eq!(store.company(account).await.unwrap(), Some(info.clone()));
    let queue = store.reviews(&[Review::Due], None, 10).await.unwrap();
    assert_eq!(queue.iter().map(|waiting| waiting.case.domain.id).collect::<Vec<_>>(), [verified.id]);
    assert_eq!(
        history(&store, &verified).await,
        [
            "domain.created >verified.example",
            "domain.compliance_changed unverified_dns>missing_company_info",
            "domain.compliance_changed missing_company_info>under_review",
        ]
    );
    assert_eq!(history(&store, &pending).await.len(), 1, "nothing changed for it");

    let patch = CompanyPatch { fields: [(Field::City, "Graz".to_string())].into(), info_level: None };
    let moved = info.update(&patch).unwrap();
    assert!(
        !store.replace_company(account, &moved, &info, &cause(7)).await.unwrap(),
        "that is not what is there"
    );
    assert!(store.replace_company(account, &info, &moved, &cause(7)).await.unwrap());
    assert_eq!(store.company(account).await.unwrap(), Some(moved));
    let incomplete = CompanyInfo::default();
    let current = store.company(account).await.unwrap().unwrap();
    assert!(store.replace_company(account, &current, &incomplete, &cause(8)).await.unwrap());
    assert_eq!(
        history(&store, &verified).await.last().unwrap(),
        "domain.compliance_changed under_review>missing_company_info"
    );
}

async fn rulings_and_suspensions(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let domain = register(&store, account, "example.com").await;
    look_at(&store, &domain, DnsState::Verified { at: at(5) }, 5).await;
    store.create_company(account, &company(), &cause(6)).await.unwrap();

    use signet_core::lifecycle::ComplianceStatus as Status;
    for (ruling, status) in [
        (Ruling::Approve, Status::Compliant),
        (Ruling::Suspend(Suspension::Abuse), Status::Suspended),
        (Ruling::Suspend(Suspension::Abuse), Status::Suspended),
        (Ruling::Lift, Status::Compliant),
        (Ruling::Lift, Status::Compliant),
        (Ruling::Reject, Status::NonCompliant),
    ] {
        let ruled = store.rule(domain.id, ruling, None, &cause(7)).await.unwrap().unwrap();
        let Ruled::Done(ruled) = ruled else { panic!("nobody else rules") };
        assert_eq!(ruled.domain.compliance(), status);
        assert_eq!(store.domain(account, domain.id).await.unwrap().unwrap(), ruled.domain, "as it is kept");
    }
    assert_eq!(store.rule(DomainId(999), Ruling::Approve, None, &cause(7)).await.unwrap(), None);
    let ruled = history(&store, &domain).await.split_off(3);
    assert_eq!(
        ruled,
        [
            "review.approved >",
            "domain.compliance_changed under_review>compliant",
            "review.suspended >",
            "domain.compliance_changed compliant>suspended",
            "review.lifted >",
            "domain.compliance_changed suspended>compliant",
            "review.rejected >",
            "domain.compliance_changed compliant>non_compliant",
        ]
    );
    let hold = Some(Suspension::Hold);
    let suspended = store.suspend_account(account, hold, None, &cause(8)).await.unwrap().unwrap();
    let Ruled::Done(suspended) = suspended else { panic!("nobody else rules") };
    assert_eq!(suspended.suspension, hold);
    let stale = store.suspend_account(account, None, Some(suspended.version - 1), &cause(8)).await.unwrap();
    assert_eq!(stale, Some(Ruled::Stale(suspended.clone())));
    let again = store.suspend_account(account, hold, None, &cause(8)).await.unwrap();
    assert_eq!(again, Some(Ruled::Done(suspended.clone())));
    assert_eq!(store.domain(account, domain.id).await.unwrap().unwrap().account_suspension, hold);
    let lifted = store.suspend_account(account, None, Some(suspended.version), &cause(9)).await.unwrap();
    assert!(matches!(lifted, Some(Ruled::Done(lifted)) if lifted.suspension.is_none()));
    assert_eq!(store.suspend_account(AccountId(99), hold, None, &cause(9)).await.unwrap(), None);
    let changes = history(&store, &domain).await.split_off(11);
    assert_eq!(
        changes,
        [
            "domain.compliance_changed non_compliant>suspended",
            "domain.compliance_changed suspended>non_compliant",
        ]
    );
    // The decision outlives an outage: lost, then straight back.
    store.rule(domain.id, Ruling::Approve, None, &cause(10)).await.unwrap();
    look_at(&store, &domain, DnsState::Lost { at: at(11) }, 11).await;
    look_at(&store, &domain, DnsState::Verified { at: at(12) }, 12).await;
    assert_eq!(
        history(&store, &domain).await.split_off(15),
        [
            "domain.compliance_changed compliant>unverified_dns",
            "domain.compliance_changed unverified_dns>compliant",
        ]
    );
}

async fn counts_for_the_metrics(place: Place) {
    let store = place.open().await;
    let account = an_account(&store).await;
    let one = register(&store, account, "one.example").await;
    register(&store, account, "two.example").await;
    look_at(&store, &one, DnsState::Lost { at: at(5) }, 5).await;
    store
        .queue_instructions(account, one.id, "a@b.example", &message("a@b.example"), CAPS, &cause(5))
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    let counts = store.counts(at(1000)).await.unwrap();
    let expected = [("lost", 1), ("pending", 1), ("verified", 1)].map(|(name, n)| (name.to_string(), n));
    // PostgreSQL counts from the end of a lease that ran out.
    let oldest_due = counts.oldest_due.filter(|oldest| (at(0)..=at(65)).contains(oldest));
    assert!(oldest_due.is_some(), "{counts:?}");
    let reviews = [Review::Due, Review::Open, Review::Referred].map(|review| (review, 0)).to_vec();
    assert_eq!(
        counts,
        Counts { domains: expected.to_vec(), reviews, due: 1, oldest_due, outbox: 1, ..Counts::default() }
    );
    let none = store.counts(at(-1)).await.unwrap();
    assert_eq!((none.due, none.oldest_due), (0, None));
}

const CAPS: InstructionCaps = InstructionCaps { per_account: 50, per_recipient: 5 };
