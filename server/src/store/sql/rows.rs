//! Rows to the model's values.

use super::Row;
use crate::store::{
    Account, AccountId, Domain, DomainId, Grant, Result, Token, TokenId,
    stored::{self, corrupt, time},
};
use jiff::Timestamp;
use signet_core::{email::EmailAddress, plan::Present, tracking::Tracking};
use sqlx::Row as _;

/// A column's value, as the type asked for.
pub(super) fn get<'r, T>(row: &'r Row, column: &str) -> Result<T>
where
    T: sqlx::Decode<'r, super::Db> + sqlx::Type<super::Db>,
{
    Ok(row.try_get(column)?)
}

/// A column that holds a time.
pub(super) fn get_time(row: &Row, column: &str) -> Result<Timestamp> {
    time(column, get(row, column)?)
}

/// A column that may hold a time.
pub(super) fn get_time_opt(row: &Row, column: &str) -> Result<Option<Timestamp>> {
    get::<Option<i64>>(row, column)?.map(|value| time(column, value)).transpose()
}

/// A column that holds a small count.
pub(super) fn get_u32(row: &Row, column: &str) -> Result<u32> {
    let value: i64 = get(row, column)?;
    u32::try_from(value).map_err(|_| corrupt(column, value))
}

/// A column that holds an address.
pub(super) fn email(text: &str) -> Result<EmailAddress> {
    EmailAddress::parse(text).map_err(|error| corrupt("an e-mail address", error))
}

/// A row of `account`.
pub(super) fn account(row: &Row) -> Result<Account> {
    Ok(Account {
        id: AccountId(get(row, "id")?),
        name: get(row, "name")?,
        owner_email: email(get(row, "owner_email")?)?,
        suspended: get(row, "suspended")?,
        created_at: get_time(row, "created_at")?,
    })
}

/// A row of `token`.
pub(super) fn token(row: &Row) -> Result<Token> {
    let access: &str = get(row, "access")?;
    Ok(Token {
        id: TokenId(get(row, "id")?),
        account: AccountId(get(row, "account_id")?),
        name: get(row, "name")?,
        access: access.parse().map_err(|error: String| corrupt("a token's access", error))?,
        scope: stored::scope(get(row, "domains")?)?,
        created_at: get_time(row, "created_at")?,
        expires_at: get_time_opt(row, "expires_at")?,
        revoked_at: get_time_opt(row, "revoked_at")?,
        last_used_at: get_time_opt(row, "last_used_at")?,
    })
}

/// What a token grants, from a row that has more than the token.
pub(super) fn grant(row: &Row) -> Result<Grant> {
    let access: &str = get(row, "token_access")?;
    Ok(Grant {
        token: TokenId(get(row, "token_id")?),
        account: AccountId(get(row, "token_account")?),
        access: access.parse().map_err(|error: String| corrupt("a token's access", error))?,
        scope: stored::scope(get(row, "token_domains")?)?,
        expires_at: get_time_opt(row, "token_expires_at")?,
        revoked_at: get_time_opt(row, "token_revoked_at")?,
    })
}

/// The state's columns.
pub(super) fn dns_state(row: &Row) -> Result<signet_core::lifecycle::DnsState> {
    stored::dns_state(
        get(row, "dns_state")?,
        get(row, "dns_at")?,
        get(row, "dns_since")?,
        get(row, "dns_deadline")?,
        get(row, "dns_unaligned_since")?,
    )
}

/// A row as `domains::select!` makes them.
pub(super) fn domain(row: &Row) -> Result<Domain> {
    Ok(Domain {
        id: DomainId(get(row, "id")?),
        account: AccountId(get(row, "account_id")?),
        name: stored::domain_name(get(row, "name")?)?,
        record_id: stored::record_id(get(row, "record_id")?)?,
        demo: get(row, "demo")?,
        demo_messages_left: get_u32(row, "demo_messages_left")?,
        tracking: Tracking {
            open: get(row, "track_open")?,
            click: get(row, "track_click")?,
            unsubscribe_link: get(row, "unsubscribe_link")?,
            custom_domain: get(row, "custom_domain")?,
            health_alerts: get(row, "health_alerts")?,
            critical_alerts: get(row, "critical_alerts")?,
            alert_recipient: get::<Option<&str>>(row, "alert_recipient")?.map(email).transpose()?,
        },
        created_at: get_time(row, "created_at")?,
        dns: dns_state(row)?,
        records: stored::records(get(row, "records")?)?,
        present: Present { spf: get(row, "present_spf")?, dmarc: get(row, "present_dmarc")? },
        zone: get::<Option<&str>>(row, "zone")?.map(stored::name).transpose()?,
        checked_at: get_time_opt(row, "checked_at")?,
        suspended: get(row, "suspended")?,
        account_suspended: get(row, "account_suspended")?,
        company_complete: get(row, "company_complete")?,
        decision: get::<Option<&str>>(row, "decision")?.map(stored::decision).transpose()?,
    })
}
