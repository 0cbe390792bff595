//! Domains whose review is under way.

use crate::api::{Api, company};
use jiff::SignedDuration;
use serde_json::{Value, json};
use signet::store::{Case, Cause, Conclusion, DomainId, Looked, Report, Ruled};
use signet_core::{lifecycle::DnsState, plan::Present};

/// Has a look verify a domain.
pub(crate) async fn verified(api: &Api, id: i64) {
    let (store, now) = (&api.ops.store, api.ops.clock.now());
    store.request_check(api.account, DomainId(id), now).await.unwrap().unwrap();
    let until = now + SignedDuration::from_secs(60);
    let claimed = store.claim_due(now, until, 1000).await.unwrap();
    let due = claimed.iter().find(|due| due.domain.id == DomainId(id)).unwrap();
    let looked = Looked {
        domain: due.domain.id,
        account: due.domain.account,
        version: due.version,
        ticket: due.ticket,
        report: Report { checked_at: now, verdicts: vec![] },
        records: vec![],
        present: Present::default(),
        zone: None,
        dns: DnsState::Verified { at: now },
        held: None,
        alert: None,
        failures: 0,
        suspicions: 0,
        due_at: until,
        events: vec![],
    };
    assert_eq!(store.apply_looks(&[looked], &Cause::signet(now)).await.unwrap(), [true]);
    let others: Vec<_> = claimed
        .iter()
        .filter(|due| due.domain.id != DomainId(id))
        .map(|d| (d.domain.id, d.version))
        .collect();
    store.put_back(&others, now).await.unwrap();
}

/// A domain that is under review.
pub(crate) async fn domain(api: &Api, name: &str) -> i64 {
    let id = api.domain(name).await;
    begin(api, id).await;
    id
}

async fn begin(api: &Api, id: i64) {
    verified(api, id).await;
    let body = json!({"company_info": company()});
    // There is some already for the account's second domain.
    api.post(&format!("/api/domains/{id}/company_info")).json(&body).send().await;
}

/// Runs the review on a domain.
pub(crate) async fn concluded(api: &Api, id: i64, conclusion: Conclusion, reason: &str) -> Case {
    let (store, now) = (&api.ops.store, api.ops.clock.now());
    let claimed = store.claim_reviews(now, now, 1000).await.unwrap();
    let case = claimed.iter().find(|case| case.domain.id == DomainId(id)).expect("its review is due");
    let cause = Cause { reason: reason.to_string(), ..Cause::signet(now) };
    let evidence = json!({"findings": [
        {"rule": "website", "outcome": "refer", "evidence": "There is nothing there.", "source": "https://example.com"},
        {"rule": "list", "outcome": null, "evidence": "No answer.", "source": "dbl.example"},
    ]});
    let evidence = evidence.to_string();
    match store.conclude_review(case.domain.id, case.version, &conclusion, &evidence, &cause).await.unwrap() {
        Some(Ruled::Done(case)) => case,
        other => panic!("{other:?}"),
    }
}

/// Has the review of a domain ask for everything.
pub(crate) async fn asked(api: &Api, id: i64) {
    begin(api, id).await;
    let conclusion = Conclusion::Ask { questionnaire: true, card: Some(api.ops.card_reference()) };
    concluded(api, id, conclusion, "It is new.").await;
}

/// An answer to every question that must be answered.
pub(crate) fn answers() -> Value {
    json!({
        "content": "Receipts\nand news",
        "recipients": "Customers",
        "address_source": "customers",
        "address_source_details": "At the checkout",
        "monthly_volume": 5000,
        "marketing": true,
        "unsubscribe": "By the link in each",
        "ever_suspended": false,
    })
}
