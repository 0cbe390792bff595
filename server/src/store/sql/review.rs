//! What the operator decides, and what becomes of a review with any decision.

use super::{
    Conn, dialect,
    domains::{domain_columns, domain_source},
    events::{self, Entry},
    lock, query, rows, standing,
};
use crate::store::{
    Account, AccountId, Case, Cause, Domain, DomainId, EventKind, NewEvent, Result, Review, Ruled, Ruling,
    stored::json,
};
use signet_core::lifecycle::{Asked, ComplianceStatus, Decision, Facts, Suspension, compliance};
use sqlx::Executor as _;

/// Everything a [`Case`] is made of, as [`rows::case`] reads it.
macro_rules! case_columns {
    () => {
        concat!(
            "d.review, d.approved_before, d.review_version, d.review_due_at, EXISTS (SELECT 1 \
             FROM card_check c WHERE c.domain_id = d.id AND c.state = 'failed') AS card_failed, ",
            domain_columns!()
        )
    };
}

pub(super) use case_columns;

statements! {
    CASE = concat!("SELECT ", case_columns!(), domain_source!(), "WHERE d.id = $1");
    NOW_DUE = concat!(
        "UPDATE domain SET review = 'due', review_due_at = $2 WHERE review <> 'referred' AND id IN ", ids!("1")
    );
    // A new review asks anew; one that is under way goes on with what it has.
    COMPANY_CHANGED = "UPDATE domain SET \
        questionnaire = CASE WHEN review = 'none' THEN 'no' ELSE questionnaire END, \
        card = CASE WHEN review = 'none' THEN 'no' ELSE card END, \
        review = 'due', review_due_at = $2, review_version = review_version + 1 \
        WHERE account_id = $1 AND NOT demo AND (decision IS NOT NULL OR review <> 'none')";
    SET_RULING = "UPDATE domain SET suspension = $2, decision = $3, approved_before = $4, review = $5, \
        questionnaire = $6, card = $7, review_due_at = $8, review_version = review_version + 1 WHERE id = $1";
    SUSPEND_ACCOUNT = "UPDATE account SET suspension = $2, version = version + 1 WHERE id = $1 \
        RETURNING id, name, owner_email, suspension, version, created_at";
}

/// Makes the review due of domains whose compliance is `under_review` now.
pub(super) async fn now_due(conn: &mut Conn, cause: &Cause, entries: &[Entry]) -> Result<()> {
    let under_review = ComplianceStatus::UnderReview.as_str();
    let changed = entries.iter().filter(|entry| {
        entry.event.kind == EventKind::ComplianceChanged && entry.event.to.as_deref() == Some(under_review)
    });
    let ids: Vec<i64> = changed.filter_map(|entry| Some(entry.domain?.0)).collect();
    if !ids.is_empty() {
        conn.execute(query(NOW_DUE).bind(json(&ids)).bind(cause.at.as_microsecond())).await?;
    }
    Ok(())
}

/// Makes the review due of an account's domains that are decided on or about to
/// be, by what it has said of itself. Their rows are locked already.
pub(super) async fn company_changed(conn: &mut Conn, account: AccountId, cause: &Cause) -> Result<()> {
    conn.execute(query(COMPANY_CHANGED).bind(account.0).bind(cause.at.as_microsecond())).await?;
    Ok(())
}

/// See [`crate::store::ReviewStore::case`].
pub(super) async fn case(conn: &mut Conn, id: DomainId) -> Result<Option<Case>> {
    conn.fetch_optional(query(CASE).bind(id.0)).await?.as_ref().map(rows::case).transpose()
}

/// See [`crate::store::ReviewStore::rule`].
pub(super) async fn rule(
    conn: &mut Conn,
    id: DomainId,
    ruling: Ruling,
    version: Option<i64>,
    cause: &Cause,
) -> Result<Option<Ruled<Case>>> {
    lock(conn, dialect::LOCK_DOMAIN, id.0).await?;
    let Some(before) = case(conn, id).await? else {
        return Ok(None);
    };
    if version.is_some_and(|version| version != before.version) {
        return Ok(Some(Ruled::Stale(before)));
    }
    let mut after = before.clone();
    let kind = apply(ruling, &mut after);
    // Deciding the same again is a decision, with its own reason; suspending
    // what is suspended is nothing.
    if after == before && matches!(ruling, Ruling::Suspend(_) | Ruling::Lift) {
        return Ok(Some(Ruled::Done(before)));
    }
    change(conn, &before, &after, vec![NewEvent::of(kind)], cause).await?;
    Ok(case(conn, id).await?.map(Ruled::Done))
}

/// Writes what becomes of a case, with what happened and what follows for its
/// compliance. Its domain is locked.
pub(super) async fn change(
    conn: &mut Conn,
    before: &Case,
    after: &Case,
    happened: Vec<NewEvent>,
    cause: &Cause,
) -> Result<()> {
    put(conn, after, cause).await?;
    let (account, id) = (before.domain.account, before.domain.id);
    let changed = events::compliance(before.domain.compliance(), after.domain.compliance());
    let entries: Vec<Entry> =
        happened.into_iter().chain(changed).map(|event| Entry::domain(account, id, event)).collect();
    events::add(conn, cause, &entries).await
}

/// What a ruling changes.
pub(super) fn apply(ruling: Ruling, case: &mut Case) -> EventKind {
    let domain: &mut Domain = &mut case.domain;
    match ruling {
        Ruling::Approve => {
            domain.decision = Some(Decision::Approved);
            case.approved_before = true;
            close(case);
            EventKind::ReviewApproved
        }
        Ruling::Reject => {
            domain.decision = Some(Decision::Rejected);
            close(case);
            EventKind::ReviewRejected
        }
        Ruling::Reopen => {
            domain.decision = None;
            domain.questionnaire = Asked::No;
            domain.card = Asked::No;
            case.review = Review::Due;
            EventKind::ReviewReopened
        }
        Ruling::Suspend(suspension) => {
            domain.suspension = Some(suspension);
            EventKind::Suspended
        }
        Ruling::Lift => {
            domain.suspension = None;
            EventKind::SuspensionLifted
        }
    }
}

/// The review is over: nobody waits for an answer any more.
fn close(case: &mut Case) {
    case.review = Review::None;
    for asked in [&mut case.domain.questionnaire, &mut case.domain.card] {
        if *asked == Asked::Open {
            *asked = Asked::No;
        }
    }
}

/// Writes the facts that rulings and reviews change.
async fn put(conn: &mut Conn, case: &Case, cause: &Cause) -> Result<()> {
    let domain = &case.domain;
    conn.execute(
        query(SET_RULING)
            .bind(domain.id.0)
            .bind(domain.suspension.map(Suspension::as_str))
            .bind(domain.decision.map(Decision::as_str))
            .bind(case.approved_before)
            .bind(case.review.as_str())
            .bind(domain.questionnaire.as_str())
            .bind(domain.card.as_str())
            .bind((case.review == Review::Due).then(|| cause.at.as_microsecond())),
    )
    .await?;
    Ok(())
}

/// See [`crate::store::ReviewStore::suspend_account`].
pub(super) async fn suspend_account(
    conn: &mut Conn,
    id: AccountId,
    suspension: Option<Suspension>,
    version: Option<i64>,
    cause: &Cause,
) -> Result<Option<Ruled<Account>>> {
    lock(conn, dialect::LOCK_ACCOUNT, id.0).await?;
    let Some(before) = super::accounts::one(conn, id).await? else {
        return Ok(None);
    };
    if version.is_some_and(|version| version != before.version) {
        return Ok(Some(Ruled::Stale(before)));
    }
    if before.suspension == suspension {
        return Ok(Some(Ruled::Done(before)));
    }
    let row = query(SUSPEND_ACCOUNT).bind(id.0).bind(suspension.map(Suspension::as_str));
    let account = rows::account(&conn.fetch_one(row).await?)?;
    let kind = if suspension.is_some() { EventKind::Suspended } else { EventKind::SuspensionLifted };
    let mut entries = vec![Entry::account(id, NewEvent::of(kind))];
    lock(conn, dialect::LOCK_DOMAINS_OF_ACCOUNT, id.0).await?;
    for domain in standing::of_account(conn, id).await? {
        let was = Facts { suspension: domain.suspension.max(before.suspension), ..domain.facts };
        let changed = events::compliance(compliance::status(&was), domain.compliance());
        entries.extend(changed.map(|event| Entry::domain(id, domain.id, event)));
    }
    events::add(conn, cause, &entries).await?;
    Ok(Some(Ruled::Done(account)))
}
