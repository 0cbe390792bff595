//! What the operator decides.

use super::{
    Conn, dialect,
    domains::{self, domain_columns, domain_source},
    events::{self, Entry},
    lock, query, rows, standing,
};
use crate::store::{Account, AccountId, Cause, Domain, DomainId, EventKind, NewEvent, Result, Ruling};
use signet_core::lifecycle::{ComplianceStatus, Decision, Facts, compliance};
use sqlx::Executor as _;

statements! {
    // The conditions of `under_review`; core has the last word on each row.
    REVIEW_QUEUE = concat!(
        "SELECT ", domain_columns!(), domain_source!(),
        "WHERE d.decision IS NULL AND NOT d.demo AND NOT d.suspended AND d.dns_verified \
         AND NOT a.suspended AND a.company_complete ORDER BY d.dns_at, d.id LIMIT $1"
    );
    SET_RULING = "UPDATE domain SET suspended = $2, decision = $3 WHERE id = $1";
    SUSPEND_ACCOUNT = "UPDATE account SET suspended = $2 WHERE id = $1 AND suspended <> $2 \
        RETURNING id, name, owner_email, suspended, created_at";
}

/// See [`crate::store::Store::review_queue`].
pub(super) async fn queue(conn: &mut Conn, limit: u32) -> Result<Vec<Domain>> {
    let rows = conn.fetch_all(query(REVIEW_QUEUE).bind(i64::from(limit))).await?;
    let mut domains = rows.iter().map(rows::whole_domain).collect::<Result<Vec<_>>>()?;
    domains.retain(|domain| domain.compliance() == ComplianceStatus::UnderReview);
    Ok(domains)
}

/// See [`crate::store::Store::rule`].
pub(super) async fn rule(
    conn: &mut Conn,
    id: DomainId,
    ruling: Ruling,
    cause: &Cause,
) -> Result<Option<Domain>> {
    lock(conn, dialect::LOCK_DOMAIN, id.0).await?;
    let Some(before) = domains::for_operator(conn, id).await? else {
        return Ok(None);
    };
    let mut after = before.clone();
    let kind = match ruling {
        Ruling::Approve => {
            after.decision = Some(Decision::Approved);
            EventKind::ReviewApproved
        }
        Ruling::Reject => {
            after.decision = Some(Decision::Rejected);
            EventKind::ReviewRejected
        }
        Ruling::Suspend => {
            after.suspended = true;
            EventKind::Suspended
        }
        Ruling::Lift => {
            after.suspended = false;
            EventKind::SuspensionLifted
        }
    };
    // Deciding the same again is a decision, with its own reason; suspending
    // what is suspended is nothing.
    if after == before && matches!(ruling, Ruling::Suspend | Ruling::Lift) {
        return Ok(Some(before));
    }
    conn.execute(
        query(SET_RULING).bind(id.0).bind(after.suspended).bind(after.decision.map(Decision::as_str)),
    )
    .await?;
    let mut entries = vec![Entry::domain(before.account, id, NewEvent::of(kind))];
    let changed = events::compliance(before.compliance(), after.compliance());
    entries.extend(changed.map(|event| Entry::domain(before.account, id, event)));
    events::add(conn, cause, &entries).await?;
    Ok(Some(after))
}

/// See [`crate::store::Store::suspend_account`].
pub(super) async fn suspend_account(
    conn: &mut Conn,
    id: AccountId,
    suspended: bool,
    cause: &Cause,
) -> Result<Option<Account>> {
    let Some(row) = conn.fetch_optional(query(SUSPEND_ACCOUNT).bind(id.0).bind(suspended)).await? else {
        return super::accounts::one(conn, id).await;
    };
    let account = rows::account(&row)?;
    let kind = if suspended { EventKind::Suspended } else { EventKind::SuspensionLifted };
    let mut entries = vec![Entry::account(id, NewEvent::of(kind))];
    lock(conn, dialect::LOCK_DOMAINS_OF_ACCOUNT, id.0).await?;
    for domain in standing::of_account(conn, id).await? {
        let was = Facts { suspended: domain.suspended || !suspended, ..domain.facts };
        let changed = events::compliance(compliance::status(&was), domain.compliance());
        entries.extend(changed.map(|event| Entry::domain(id, domain.id, event)));
    }
    events::add(conn, cause, &entries).await?;
    Ok(Some(account))
}
