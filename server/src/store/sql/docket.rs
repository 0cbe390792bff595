//! What operators read: the domains that wait, and everything on one of them.

use super::{
    Conn, accounts, asked, company,
    domains::{domain_columns, domain_source},
    events::{self, event_columns},
    query,
    review::{self, case_columns},
    rows::{self, get},
};
use crate::store::{AccountId, CaseFile, DomainId, Event, Queued, Result, Review};
use sqlx::Executor as _;

statements! {
    WAITING = concat!(
        "SELECT ", case_columns!(), ", (SELECT e.reason FROM event e WHERE e.domain_id = d.id \
         AND e.kind = 'review.ran' ORDER BY e.id DESC LIMIT 1) AS run_reason ", domain_source!(),
        "WHERE d.review <> 'none' AND d.review IN ($1, $2, $3) AND d.id > $4 ORDER BY d.id LIMIT $5"
    );
    LAST_RUN = concat!(
        "SELECT ", event_columns!(), " FROM event WHERE domain_id = $1 AND kind = 'review.ran' \
         ORDER BY id DESC LIMIT 1"
    );
    LAST_DECISION = concat!(
        "SELECT ", event_columns!(), " FROM event WHERE account_id = $1 \
         AND (COALESCE(domain_id, 0) = $2 OR kind = 'company_info.updated') \
         AND (kind LIKE 'review.%' OR kind IN ('questionnaire.answered', 'card.passed', 'card.failed', \
         'company_info.updated')) ORDER BY id DESC LIMIT 1"
    );
    // With what happened to the account as a whole.
    CASE_HISTORY = concat!(
        "SELECT ", event_columns!(), " FROM event WHERE account_id = $2 \
         AND (domain_id = $1 OR domain_id IS NULL) AND (kind LIKE 'review.%' OR kind LIKE 'questionnaire.%' \
         OR kind LIKE 'card.%' OR kind LIKE 'company_info.%' OR kind = 'domain.compliance_changed') \
         ORDER BY id DESC LIMIT $3"
    );
}

/// More of a history is read elsewhere.
const HISTORY: i64 = 50;

/// See [`crate::store::ReviewStore::reviews`].
pub(super) async fn waiting(
    conn: &mut Conn,
    states: &[Review],
    after: Option<DomainId>,
    limit: u32,
) -> Result<Vec<Queued>> {
    // Three, as there are, beside none.
    let state = |n: usize| states.get(n).or(states.first()).map_or("", |state| state.as_str());
    let waiting = query(WAITING).bind(state(0)).bind(state(1)).bind(state(2));
    let waiting = waiting.bind(after.map_or(0, |id| id.0)).bind(i64::from(limit));
    let rows = conn.fetch_all(waiting).await?;
    rows.iter().map(|row| Ok(Queued { case: rows::case(row)?, reason: get(row, "run_reason")? })).collect()
}

/// See [`crate::store::ReviewStore::last_decision`].
pub(super) async fn last_decision(
    conn: &mut Conn,
    account: AccountId,
    domain: Option<DomainId>,
) -> Result<Option<Event>> {
    let last = query(LAST_DECISION).bind(account.0).bind(domain.map_or(0, |id| id.0));
    conn.fetch_optional(last).await?.as_ref().map(events::event).transpose()
}

/// See [`crate::store::ReviewStore::case_file`].
pub(super) async fn case_file(conn: &mut Conn, id: DomainId) -> Result<Option<CaseFile>> {
    let Some(case) = review::case(conn, id).await? else {
        return Ok(None);
    };
    let account = case.domain.account;
    let Some(of) = accounts::one(conn, account).await? else {
        return Ok(None);
    };
    let last_run = conn.fetch_optional(query(LAST_RUN).bind(id.0)).await?;
    let history = conn.fetch_all(query(CASE_HISTORY).bind(id.0).bind(account.0).bind(HISTORY)).await?;
    Ok(Some(CaseFile {
        account: of,
        company: company::one(conn, account).await?,
        last_run: last_run.as_ref().map(events::event).transpose()?,
        questionnaire: asked::questionnaire(conn, account, id).await?,
        card_check: asked::card_check(conn, account, id).await?,
        history: history.iter().map(events::event).collect::<Result<_>>()?,
        case,
    }))
}
