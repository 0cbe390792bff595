//! The automatic review, and what operators and owners do with it.

use super::*;
use futures_util::future::join_all;
use signet_core::lifecycle::{Asked, ComplianceStatus as Status};

on_both! {
    one_domain_is_claimed_by_one_node from_under_review_to_a_decision the_questionnaire_and_the_card
    a_failed_card_is_the_operators an_approval_stands_until_a_re_review_decides
    what_is_decided_on_may_change_meanwhile two_operators_and_one_wins an_outage_changes_no_decision
    what_is_asked_at_once_is_told_apart an_account_is_suspended_as_a_whole nobody_waits_for_answers_to_what_is_decided operators_read_everything
}

/// A domain under review, at second 10, and its account.
async fn under_review(store: &Arc<dyn Store>) -> (AccountId, Domain) {
    let account = an_account(store).await;
    let domain = register(store, account, "example.com").await;
    look_at(store, &domain, DnsState::Verified { at: at(5) }, 5).await;
    store.create_company(account, &company(), &cause(10)).await.unwrap();
    (account, domain)
}

async fn case(store: &Arc<dyn Store>, domain: &Domain) -> Case {
    store.case(domain.id).await.unwrap().unwrap()
}

/// Runs the rules on the one domain that is due.
async fn run(store: &Arc<dyn Store>, domain: &Domain, conclusion: Conclusion, seconds: i64) -> Case {
    let claimed = store.claim_reviews(at(seconds), at(seconds + 60), 10).await.unwrap();
    assert_eq!(claimed.iter().map(|case| case.domain.id).collect::<Vec<_>>(), [domain.id]);
    let (version, because) = (claimed[0].version, cause(seconds));
    let evidence = "{\"findings\":[]}";
    match store.conclude_review(domain.id, version, &conclusion, evidence, &because).await.unwrap() {
        Some(Ruled::Done(case)) => {
            assert_eq!(store.case(domain.id).await.unwrap().as_ref(), Some(&case), "as it is kept");
            case
        }
        other => panic!("{other:?}"),
    }
}

fn ask(questionnaire: bool, card: bool) -> Conclusion {
    Conclusion::Ask { questionnaire, card: card.then(|| format!("card-{}", fresh())) }
}

async fn is_due(store: &Arc<dyn Store>, seconds: i64) -> bool {
    let claimed = store.claim_reviews(at(seconds), at(seconds), 10).await.unwrap();
    !claimed.is_empty()
}

async fn one_domain_is_claimed_by_one_node(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    let account = an_account(&store).await;
    for n in 0..20 {
        let domain = register(&store, account, &format!("d{n}.example")).await;
        look_at(&store, &domain, DnsState::Verified { at: at(5) }, 5).await;
    }
    store.create_company(account, &company(), &cause(10)).await.unwrap();
    let nodes = [&store, &other].into_iter().cycle();
    let claims = join_all(nodes.take(8).map(|node| node.claim_reviews(at(11), at(71), 3))).await;
    let mut claimed: Vec<_> = claims.into_iter().flat_map(Result::unwrap).map(|c| c.domain.id).collect();
    claimed.extend(store.claim_reviews(at(11), at(71), 100).await.unwrap().iter().map(|c| c.domain.id));
    let all = claimed.len();
    claimed.sort_unstable();
    claimed.dedup();
    assert_eq!((all, claimed.len()), (20, 20), "each by one");
    assert!(!is_due(&store, 70).await);
    // A node that died has not lost any.
    assert_eq!(store.claim_reviews(at(71), at(100), 100).await.unwrap().len(), 20);
    // One that gave up gives back what nobody has changed since.
    let case = store.case(claimed[0]).await.unwrap().unwrap();
    store.put_back_review(claimed[0], case.version - 1, at(72)).await.unwrap();
    assert!(!is_due(&store, 72).await);
    store.put_back_review(claimed[0], case.version, at(72)).await.unwrap();
    assert_eq!(store.claim_reviews(at(72), at(100), 100).await.unwrap().len(), 1);
}

async fn from_under_review_to_a_decision(place: Place) {
    let store = place.open().await;
    for (conclusion, status, review, row) in [
        (Conclusion::Approve, Status::Compliant, Review::None, "review.approved >"),
        (Conclusion::Reject, Status::NonCompliant, Review::None, "review.rejected >"),
    ] {
        let (account, domain) = under_review(&store).await;
        assert!(!is_due(&store, 9).await, "not before it is");
        let decided = run(&store, &domain, conclusion.clone(), 11).await;
        assert_eq!((decided.domain.compliance(), decided.review), (status, review));
        assert_eq!(decided.approved_before, status == Status::Compliant);
        assert_eq!(
            history(&store, &domain).await.split_off(3),
            [
                format!("review.ran >{}", conclusion.as_str()),
                row.to_string(),
                format!("domain.compliance_changed under_review>{status}"),
            ]
        );
        let events = store.events(account, domain.id, None, 10).await.unwrap();
        assert_eq!(events[2].evidence.as_deref(), Some("{\"findings\":[]}"));
        assert!(!is_due(&store, 1000).await);
    }
    // Referred, and then the operator approves.
    let (_, domain) = under_review(&store).await;
    let referred = run(&store, &domain, Conclusion::Refer, 11).await;
    assert_eq!((referred.domain.compliance(), referred.review), (Status::UnderReview, Review::Referred));
    assert!(!is_due(&store, 1000).await);
    let Some(Ruled::Done(approved)) =
        store.rule(domain.id, Ruling::Approve, Some(referred.version), &cause(12)).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((approved.domain.compliance(), approved.review), (Status::Compliant, Review::None));
    assert_eq!(
        history(&store, &domain).await.split_off(3),
        ["review.ran >refer", "review.approved >", "domain.compliance_changed under_review>compliant"]
    );
    let none = store.conclude_review(DomainId(999), 1, &Conclusion::Approve, "{}", &cause(13)).await.unwrap();
    assert_eq!(none, None);
}

async fn the_questionnaire_and_the_card(place: Place) {
    let store = place.open().await;
    let (account, domain) = under_review(&store).await;
    assert_eq!(store.questionnaire(account, domain.id).await.unwrap(), None);
    assert_eq!(
        store.answer_questionnaire(account, domain.id, &answers(), &cause(11)).await.unwrap(),
        Answered::NotAsked
    );
    let asked = run(&store, &domain, ask(true, true), 12).await;
    assert_eq!((asked.domain.compliance(), asked.review), (Status::AwaitingQuestionnaire, Review::Open));
    let questionnaire = store.questionnaire(account, domain.id).await.unwrap().unwrap();
    assert_eq!((questionnaire.asked_at, &questionnaire.answers), (at(12), &None));

    // Another account's is not there.
    let other = an_account(&store).await;
    assert_eq!(store.questionnaire(other, domain.id).await.unwrap(), None);
    assert_eq!(store.card_check(other, domain.id).await.unwrap(), None);
    assert_eq!(
        store.answer_questionnaire(other, domain.id, &answers(), &cause(13)).await.unwrap(),
        Answered::NotAsked
    );

    let Answered::Now(kept) =
        store.answer_questionnaire(account, domain.id, &answers(), &cause(14)).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((kept.answered_at, kept.answered_by.as_deref()), (Some(at(14)), Some("operator")));
    assert_eq!(kept.answers, Some(answers()));
    assert_eq!(
        store.answer_questionnaire(account, domain.id, &answers(), &cause(15)).await.unwrap(),
        Answered::Before
    );
    let waiting = case(&store, &domain).await;
    assert_eq!(
        (waiting.domain.compliance(), waiting.review),
        (Status::AwaitingCardVerification, Review::Open)
    );

    let check = store.card_check(account, domain.id).await.unwrap().unwrap();
    assert_eq!((check.state, check.account, check.domain), (CardState::Open, account, domain.id));
    let of = CardOf::Reference(check.reference.clone());
    let Some(Resolved::Now(passed)) = store.resolve_card_check(&of, true, "ok", &cause(16)).await.unwrap()
    else {
        panic!()
    };
    assert_eq!((passed.state, passed.detail.as_deref()), (CardState::Passed, Some("ok")));
    let again = store.resolve_card_check(&of, true, "again", &cause(17)).await.unwrap();
    assert_eq!(again, Some(Resolved::Before(passed.clone())), "a repetition changes nothing");
    let other = store.resolve_card_check(&of, false, "no", &cause(17)).await.unwrap();
    assert_eq!(other, Some(Resolved::Otherwise(passed)));
    let unknown = CardOf::Reference("nonsense".to_string());
    assert_eq!(store.resolve_card_check(&unknown, true, "", &cause(17)).await.unwrap(), None);

    let met = run(&store, &domain, Conclusion::Refer, 18).await;
    assert_eq!((met.domain.questionnaire, met.domain.card), (Asked::Met, Asked::Met));
    assert_eq!(
        history(&store, &domain).await.split_off(3),
        [
            "review.ran >ask",
            "questionnaire.asked >",
            "card.asked >",
            "domain.compliance_changed under_review>awaiting_questionnaire",
            "questionnaire.answered >",
            "domain.compliance_changed awaiting_questionnaire>awaiting_card_verification",
            "card.passed >",
            "domain.compliance_changed awaiting_card_verification>under_review",
            "review.ran >refer",
        ]
    );
    let events = store.events(account, domain.id, None, 100).await.unwrap();
    let answered = events.iter().find(|event| event.kind == "questionnaire.answered").unwrap();
    assert!(answered.evidence.as_deref().unwrap().contains("On content"), "kept for ever");
}

async fn a_failed_card_is_the_operators(place: Place) {
    let store = place.open().await;
    let (account, domain) = under_review(&store).await;
    run(&store, &domain, ask(false, true), 11).await;
    let check = store.card_check(account, domain.id).await.unwrap().unwrap();
    let of = CardOf::Reference(check.reference);
    assert!(matches!(
        store.resolve_card_check(&of, false, "declined", &cause(12)).await.unwrap(),
        Some(Resolved::Now(_))
    ));
    let failed = case(&store, &domain).await;
    assert_eq!((failed.review, failed.card_failed), (Review::Referred, true));
    assert_eq!(failed.domain.compliance(), Status::AwaitingCardVerification);
    assert!(!is_due(&store, 1000).await, "the rules have nothing more to say");
    // The operator knows better, and the rules go on.
    let of = CardOf::Domain(domain.id);
    assert!(matches!(
        store.resolve_card_check(&of, true, "seen it", &cause(13)).await.unwrap(),
        Some(Resolved::Now(_))
    ));
    let passed = run(&store, &domain, Conclusion::Approve, 14).await;
    assert_eq!((passed.domain.compliance(), passed.card_failed), (Status::Compliant, false));
    // What comes later is kept, and changes nothing that is decided but for a failure.
    assert!(matches!(
        store.resolve_card_check(&of, false, "fraud", &cause(15)).await.unwrap(),
        Some(Resolved::Now(_))
    ));
    let failed = case(&store, &domain).await;
    assert_eq!((failed.domain.compliance(), failed.review), (Status::Compliant, Review::Referred));
}

/// The account is called something else.
async fn rename(store: &Arc<dyn Store>, account: AccountId, field: Field, value: &str, seconds: i64) {
    let before = store.company(account).await.unwrap().unwrap();
    let patch = CompanyPatch { fields: [(field, value.to_string())].into(), info_level: None };
    let after = before.update(&patch).unwrap();
    assert!(store.replace_company(account, &before, &after, &cause(seconds)).await.unwrap());
}

async fn an_approval_stands_until_a_re_review_decides(place: Place) {
    let store = place.open().await;
    let (account, domain) = under_review(&store).await;
    run(&store, &domain, ask(true, false), 11).await;
    store.answer_questionnaire(account, domain.id, &answers(), &cause(12)).await.unwrap();
    run(&store, &domain, Conclusion::Approve, 13).await;

    rename(&store, account, Field::City, "Graz", 20).await;
    assert!(!is_due(&store, 21).await, "where they live decides nothing");
    for (n, (field, value)) in
        [(Field::Name, "Apex GmbH"), (Field::Country, "Germany"), (Field::WebsiteUrl, "https://apex.example")]
            .into_iter()
            .enumerate()
    {
        let seconds = 100 * i64::try_from(n + 1).unwrap();
        rename(&store, account, field, value, seconds).await;
        let due = case(&store, &domain).await;
        assert_eq!((due.domain.compliance(), due.review), (Status::Compliant, Review::Due));
        assert_eq!(due.domain.questionnaire, Asked::No, "a new review asks anew");

        let asked = run(&store, &domain, ask(true, false), seconds + 1).await;
        assert_eq!((asked.domain.compliance(), asked.review), (Status::Compliant, Review::Open));
        assert_eq!(store.questionnaire(account, domain.id).await.unwrap().unwrap().answers, None);
        store.answer_questionnaire(account, domain.id, &answers(), &cause(seconds + 2)).await.unwrap();
        let answered = case(&store, &domain).await;
        assert_eq!((answered.domain.compliance(), answered.review), (Status::Compliant, Review::Due));
        let decided = run(&store, &domain, Conclusion::Approve, seconds + 3).await;
        assert_eq!((decided.domain.compliance(), decided.review), (Status::Compliant, Review::None));
    }
    rename(&store, account, Field::Name, "Apollo GmbH", 500).await;
    let rejected = run(&store, &domain, Conclusion::Reject, 501).await;
    assert_eq!(rejected.domain.compliance(), Status::NonCompliant);
    assert!(rejected.approved_before);
    // A rejection can be overcome in the same way.
    rename(&store, account, Field::Name, "Acme GmbH", 600).await;
    assert_eq!(case(&store, &domain).await.domain.compliance(), Status::NonCompliant);
    let approved = run(&store, &domain, Conclusion::Approve, 601).await;
    assert_eq!(approved.domain.compliance(), Status::Compliant);
}

/// Of one cause a domain's last notice counts, and the owner has to do both.
async fn what_is_asked_at_once_is_told_apart(place: Place) {
    let store = place.open().await;
    let (account, domain) = under_review(&store).await;
    run(&store, &domain, Conclusion::Approve, 11).await;
    rename(&store, account, Field::Name, "Apex GmbH", 20).await;
    let asked = run(&store, &domain, ask(true, true), 21).await;
    assert_eq!(asked.domain.compliance(), Status::Compliant);
    let due = store.due_notices(at(22), 100).await.unwrap();
    let mut causes: Vec<&str> =
        due.iter().filter(|group| group.kind == "asked").map(|group| group.cause.as_str()).collect();
    causes.sort_unstable();
    assert_eq!(causes, ["card_check", "questionnaire"]);
}

async fn what_is_decided_on_may_change_meanwhile(place: Place) {
    let store = place.open().await;
    let (account, domain) = under_review(&store).await;
    let claimed = store.claim_reviews(at(11), at(71), 10).await.unwrap().remove(0);
    rename(&store, account, Field::Name, "Apex GmbH", 12).await;
    let late = store
        .conclude_review(domain.id, claimed.version, &Conclusion::Approve, "{}", &cause(13))
        .await
        .unwrap();
    assert!(matches!(late, Some(Ruled::Stale(_))), "that was about another name");
    // It is due at once, not when the lease is over.
    let claimed = store.claim_reviews(at(13), at(73), 10).await.unwrap().remove(0);
    look_at(&store, &domain, DnsState::Lost { at: at(14) }, 14).await;
    let late = store
        .conclude_review(domain.id, claimed.version, &Conclusion::Approve, "{}", &cause(15))
        .await
        .unwrap();
    assert!(matches!(late, Some(Ruled::Stale(_))), "there is nothing to decide on");
    assert_eq!(store.claim_reviews(at(73), at(80), 10).await.unwrap(), []);
    assert_eq!(case(&store, &domain).await.review, Review::None);
    // Once it is back, so is the review.
    look_at(&store, &domain, DnsState::Verified { at: at(90) }, 90).await;
    run(&store, &domain, Conclusion::Refer, 91).await;
    // A referred one goes back to the rules with another name, and the operator
    // who has read the old one is told.
    let read = case(&store, &domain).await;
    rename(&store, account, Field::Name, "Acme GmbH", 92).await;
    let ruled = store.rule(domain.id, Ruling::Approve, Some(read.version), &cause(93)).await.unwrap();
    assert!(matches!(ruled, Some(Ruled::Stale(_))));
    run(&store, &domain, Conclusion::Approve, 94).await;
}

async fn two_operators_and_one_wins(place: Place) {
    let (store, other) = (place.open().await, place.open().await);
    for _ in 0..8 {
        let (_, domain) = under_review(&store).await;
        let version = run(&store, &domain, Conclusion::Refer, 11).await.version;
        let because = cause(12);
        let (approved, rejected) = tokio::join!(
            store.rule(domain.id, Ruling::Approve, Some(version), &because),
            other.rule(domain.id, Ruling::Reject, Some(version), &because)
        );
        let outcomes = [approved.unwrap().unwrap(), rejected.unwrap().unwrap()];
        let done: Vec<_> = outcomes.iter().filter(|ruled| matches!(ruled, Ruled::Done(_))).collect();
        assert_eq!(done.len(), 1, "{outcomes:?}");
        let decisions = history(&store, &domain).await;
        let decisions = decisions.iter().filter(|row| row.starts_with("review.") && !row.contains("ran"));
        assert_eq!(decisions.count(), 1);
    }
}

async fn an_outage_changes_no_decision(place: Place) {
    let store = place.open().await;
    let (_, domain) = under_review(&store).await;
    run(&store, &domain, Conclusion::Approve, 11).await;
    look_at(&store, &domain, DnsState::Lost { at: at(20) }, 20).await;
    assert_eq!(case(&store, &domain).await.domain.compliance(), Status::UnverifiedDns);
    look_at(&store, &domain, DnsState::Verified { at: at(30) }, 30).await;
    assert_eq!(case(&store, &domain).await.domain.compliance(), Status::Compliant);
    assert!(!is_due(&store, 1000).await);
    // One that waits for its owner goes on waiting, too.
    let (account, domain) = under_review(&store).await;
    run(&store, &domain, ask(true, false), 11).await;
    look_at(&store, &domain, DnsState::Lost { at: at(20) }, 20).await;
    store.answer_questionnaire(account, domain.id, &answers(), &cause(21)).await.unwrap();
    assert!(!is_due(&store, 22).await, "its records come first");
    look_at(&store, &domain, DnsState::Verified { at: at(30) }, 30).await;
    run(&store, &domain, Conclusion::Approve, 31).await;
}

async fn an_account_is_suspended_as_a_whole(place: Place) {
    let store = place.open().await;
    let (account, domain) = under_review(&store).await;
    run(&store, &domain, Conclusion::Approve, 11).await;
    let waiting = register(&store, account, "waiting.example").await;
    look_at(&store, &waiting, DnsState::Verified { at: at(12) }, 12).await;
    let statuses = async || {
        let domains = store.domains(account, &TokenScope::Account, None, None).await.unwrap();
        domains.iter().map(Domain::compliance).collect::<Vec<_>>()
    };
    let before = statuses().await;
    assert_eq!(before, [Status::Demo, Status::Compliant, Status::UnderReview]);
    let version = store.account(account).await.unwrap().unwrap().version;
    let suspend = |version, suspension| {
        let store = Arc::clone(&store);
        async move {
            store.suspend_account(account, suspension, Some(version), &cause(13)).await.unwrap().unwrap()
        }
    };
    let Ruled::Done(suspended) = suspend(version, Some(Suspension::Abuse)).await else { panic!() };
    assert_eq!(statuses().await, [Status::Suspended; 3]);
    assert!(matches!(suspend(version, None).await, Ruled::Stale(_)));
    assert_eq!(store.claim_reviews(at(14), at(74), 10).await.unwrap(), [], "nothing is decided meanwhile");
    assert!(matches!(suspend(suspended.version, None).await, Ruled::Done(_)));
    assert_eq!(statuses().await, before);
    run(&store, &waiting, Conclusion::Approve, 20).await;
}

async fn nobody_waits_for_answers_to_what_is_decided(place: Place) {
    let store = place.open().await;
    let (account, domain) = under_review(&store).await;
    run(&store, &domain, ask(true, true), 11).await;
    store.rule(domain.id, Ruling::Approve, None, &cause(12)).await.unwrap();
    assert_eq!(
        store.answer_questionnaire(account, domain.id, &answers(), &cause(13)).await.unwrap(),
        Answered::NotAsked
    );
    let check = store.card_check(account, domain.id).await.unwrap().unwrap();
    let of = CardOf::Reference(check.reference);
    store.resolve_card_check(&of, false, "late", &cause(14)).await.unwrap();
    let after = case(&store, &domain).await;
    assert_eq!((after.domain.compliance(), after.review), (Status::Compliant, Review::None));
    // Opened again, it asks for all of it anew.
    store.rule(domain.id, Ruling::Reopen, None, &cause(15)).await.unwrap();
    let asked = run(&store, &domain, ask(true, true), 16).await;
    assert_eq!((asked.domain.compliance(), asked.card_failed), (Status::AwaitingQuestionnaire, false));
    assert_eq!(store.card_check(account, domain.id).await.unwrap().unwrap().state, CardState::Open);
}

async fn operators_read_everything(place: Place) {
    let store = place.open().await;
    let (account, referred) = under_review(&store).await;
    run(&store, &referred, Conclusion::Refer, 11).await;
    let (_, open) = under_review(&store).await;
    run(&store, &open, ask(true, false), 11).await;
    let (_, due) = under_review(&store).await;
    let list = async |states: &[Review], after, limit| {
        let waiting = store.reviews(states, after, limit).await.unwrap();
        waiting.into_iter().map(|waiting| waiting.case.domain.id).collect::<Vec<_>>()
    };
    assert_eq!(list(&[Review::Referred], None, 10).await, [referred.id]);
    assert_eq!(list(&[Review::Open], None, 10).await, [open.id]);
    assert_eq!(list(&[Review::Due], None, 10).await, [due.id]);
    let all = [Review::Due, Review::Open, Review::Referred];
    assert_eq!(list(&all, None, 10).await, [referred.id, open.id, due.id]);
    assert_eq!(list(&all, Some(referred.id), 1).await, [open.id]);
    let waiting = store.reviews(&[Review::Referred], None, 1).await.unwrap().remove(0);
    assert_eq!(waiting.reason.as_deref(), Some("because"));

    store.suspend_account(account, Some(Suspension::Hold), None, &cause(20)).await.unwrap();
    let file = store.case_file(referred.id).await.unwrap().unwrap();
    assert_eq!(file.company, Some(company()));
    assert_eq!(file.last_run.unwrap().evidence.as_deref(), Some("{\"findings\":[]}"));
    assert_eq!((file.questionnaire, file.card_check), (None, None));
    let kinds: Vec<_> = file.history.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "domain.compliance_changed",
            "review.suspended",
            "review.ran",
            "domain.compliance_changed",
            "company_info.created",
            "domain.compliance_changed",
        ],
        "with what happened to its account"
    );
    assert!(store.case_file(open.id).await.unwrap().unwrap().questionnaire.is_some());
    assert_eq!(store.case_file(DomainId(999)).await.unwrap(), None);
}
