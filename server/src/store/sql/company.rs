//! Company information, and what follows from it for an account's domains.

use super::{
    Conn, dialect,
    events::{self, Entry},
    lock, query, review,
    rows::get,
    standing,
};
use crate::store::{
    AccountId, Cause, EventKind, NewEvent, Result,
    stored::{self, company_json},
};
use signet_core::{
    company::{CompanyInfo, Field},
    lifecycle::{Facts, compliance},
};
use sqlx::Executor as _;

statements! {
    COMPANY = "SELECT company, company_complete FROM account WHERE id = $1";
    SET_COMPANY = "UPDATE account SET company = $2, company_complete = $3 WHERE id = $1";
}

/// See [`crate::store::Store::company`].
pub(super) async fn one(conn: &mut Conn, account: AccountId) -> Result<Option<CompanyInfo>> {
    let Some(row) = conn.fetch_optional(query(COMPANY).bind(account.0)).await? else {
        return Ok(None);
    };
    get::<Option<&str>>(&row, "company")?.map(stored::company).transpose()
}

/// See [`crate::store::Store::create_company`].
pub(super) async fn create(
    conn: &mut Conn,
    account: AccountId,
    info: &CompanyInfo,
    cause: &Cause,
) -> Result<bool> {
    swap(conn, account, None, info, cause).await
}

/// See [`crate::store::Store::replace_company`].
pub(super) async fn replace(
    conn: &mut Conn,
    account: AccountId,
    before: &CompanyInfo,
    after: &CompanyInfo,
    cause: &Cause,
) -> Result<bool> {
    swap(conn, account, Some(before), after, cause).await
}

async fn swap(
    conn: &mut Conn,
    account: AccountId,
    before: Option<&CompanyInfo>,
    after: &CompanyInfo,
    cause: &Cause,
) -> Result<bool> {
    lock(conn, dialect::LOCK_ACCOUNT, account.0).await?;
    let Some(row) = conn.fetch_optional(query(COMPANY).bind(account.0)).await? else {
        return Ok(false);
    };
    let before_json = before.map(company_json);
    if get::<Option<&str>>(&row, "company")? != before_json.as_deref() {
        return Ok(false);
    }
    let was_complete: bool = get(&row, "company_complete")?;
    let complete = after.is_complete();
    if before == Some(after) {
        return Ok(true);
    }
    conn.execute(query(SET_COMPANY).bind(account.0).bind(company_json(after)).bind(complete)).await?;
    let mut entries = vec![Entry::account(account, event(before, after))];
    let decides = before.is_some_and(|before| after.needs_new_review(before));
    if decides || complete != was_complete {
        lock(conn, dialect::LOCK_DOMAINS_OF_ACCOUNT, account.0).await?;
    }
    if complete != was_complete {
        for domain in standing::of_account(conn, account).await? {
            let was = Facts { company_complete: was_complete, ..domain.facts };
            let changed = events::compliance(compliance::status(&was), domain.compliance());
            entries.extend(changed.map(|event| Entry::domain(account, domain.id, event)));
        }
    }
    if decides {
        review::company_changed(conn, account, cause).await?;
    }
    events::add(conn, cause, &entries).await?;
    Ok(true)
}

/// The history has the fields that changed, as they were and as they are.
fn event(before: Option<&CompanyInfo>, after: &CompanyInfo) -> NewEvent {
    let Some(before) = before else {
        return NewEvent::of(EventKind::CompanyCreated);
    };
    let changed: Vec<Field> =
        Field::ALL.into_iter().filter(|&field| before.get(field) != after.get(field)).collect();
    let shown = |info: &CompanyInfo| {
        let fields =
            changed.iter().map(|&field| format!("{}: {}", field.as_str(), info.get(field).unwrap_or("")));
        Some(fields.collect::<Vec<_>>().join("; "))
    };
    NewEvent { from: shown(before), to: shown(after), ..NewEvent::of(EventKind::CompanyUpdated) }
}
