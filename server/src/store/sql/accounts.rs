//! The installation and its accounts.

use super::{
    Conn, deliveries, dialect, domains,
    events::{self, Entry},
    query,
    rows::{self, get},
    tokens,
};
use crate::store::{
    Access, Account, AccountId, Cause, Counts, EventKind, NewAccount, NewEvent, NewToken, Result, Review,
    TokenHash, TokenScope,
    stored::{self, clean},
};
use jiff::Timestamp;
use signet_core::health;
use sqlx::Executor as _;
use std::collections::HashMap;

statements! {
    ANY_ACCOUNT = "SELECT EXISTS (SELECT 1 FROM account) AS any_account";
    META = "SELECT value FROM meta WHERE name = $1";
    SET_META = "INSERT INTO meta (name, value) VALUES ($1, $2) \
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    PING = "SELECT 1 AS one";
    COUNT_STATES = "SELECT dns_state, COUNT(*) AS domains FROM domain GROUP BY dns_state ORDER BY dns_state";
    COUNT_REVIEWS = "SELECT review, COUNT(*) AS domains FROM domain WHERE review <> 'none' GROUP BY review";
    COUNT_DUE = concat!(
        "SELECT COUNT(*) AS due, MIN(", due!(), ") AS oldest FROM look WHERE ", due!(), " <= $1"
    );
    COUNT_OUTBOX = "SELECT COUNT(*) AS waiting FROM outbox WHERE claim_at IS NOT NULL";
    ADD_ACCOUNT = "INSERT INTO account (name, owner_email, created_at, health_due_at) VALUES ($1, $2, $3, $4) \
        RETURNING id, name, owner_email, suspension, version, created_at";
    ACCOUNTS = "SELECT id, name, owner_email, suspension, version, created_at FROM account \
        WHERE id > $1 ORDER BY id LIMIT $2";
    ACCOUNT = "SELECT id, name, owner_email, suspension, version, created_at FROM account WHERE id = $1";
}

/// Under what the key file's fingerprint is noted.
pub(super) const FINGERPRINT: &str = "key_fingerprint";

/// See [`crate::store::Store::initialise`].
pub(super) async fn initialise(
    conn: &mut Conn,
    new: &NewAccount,
    token: Option<(TokenHash, &str)>,
    fingerprint: &str,
    cause: &Cause,
) -> Result<Option<Account>> {
    if let Some(statement) = dialect::LOCK_INSTALLATION {
        conn.execute(query(statement)).await?;
    }
    if !is_empty(conn).await? {
        return Ok(None);
    }
    conn.execute(query(SET_META).bind(FINGERPRINT).bind(fingerprint)).await?;
    let account = create(conn, new, cause).await?;
    if let Some((hash, last4)) = token {
        let token = NewToken {
            account: account.id,
            name: "first".to_string(),
            hash,
            last4: last4.to_string(),
            access: Access::Admin,
            scope: TokenScope::Account,
            expires_at: None,
        };
        tokens::add(conn, &token, EventKind::TokenCreated, cause).await?;
    }
    Ok(Some(account))
}

/// Whether there is no account.
pub(super) async fn is_empty(conn: &mut Conn) -> Result<bool> {
    let row = conn.fetch_one(query(ANY_ACCOUNT)).await?;
    Ok(!get::<bool>(&row, "any_account")?)
}

/// See [`crate::store::Store::key_fingerprint`].
pub(super) async fn fingerprint(conn: &mut Conn) -> Result<Option<String>> {
    let row = conn.fetch_optional(query(META).bind(FINGERPRINT)).await?;
    row.map(|row| get(&row, "value")).transpose()
}

/// See [`crate::store::Store::ping`].
pub(super) async fn ping(conn: &mut Conn) -> Result<()> {
    conn.fetch_one(query(PING)).await?;
    Ok(())
}

/// See [`crate::store::Store::counts`].
pub(super) async fn counts(conn: &mut Conn, now: Timestamp) -> Result<Counts> {
    let states = conn.fetch_all(query(COUNT_STATES)).await?;
    let counted = conn.fetch_all(query(COUNT_REVIEWS)).await?;
    let reviews = counted
        .iter()
        .map(|row| Ok((stored::review(get(row, "review")?)?, get(row, "domains")?)))
        .collect::<Result<HashMap<Review, i64>>>()?;
    let due = conn.fetch_one(query(COUNT_DUE).bind(now.as_microsecond())).await?;
    let outbox = conn.fetch_one(query(COUNT_OUTBOX)).await?;
    let (webhook_lines, oldest_webhook_line) = deliveries::count_lines(conn).await?;
    Ok(Counts {
        domains: states
            .iter()
            .map(|row| Ok((get(row, "dns_state")?, get(row, "domains")?)))
            .collect::<Result<_>>()?,
        // Those there are none of, too: a gauge must fall to nothing.
        reviews: Review::ALL
            .into_iter()
            .filter(|review| *review != Review::None)
            .map(|review| (review, reviews.get(&review).copied().unwrap_or(0)))
            .collect(),
        due: get(&due, "due")?,
        oldest_due: rows::get_time_opt(&due, "oldest")?,
        outbox: get(&outbox, "waiting")?,
        webhook_lines,
        oldest_webhook_line,
    })
}

/// See [`crate::store::Store::create_account`].
pub(super) async fn create(conn: &mut Conn, new: &NewAccount, cause: &Cause) -> Result<Account> {
    let row = conn
        .fetch_one(
            query(ADD_ACCOUNT)
                .bind(clean(&new.name))
                .bind(new.owner_email.as_str())
                .bind(cause.at.as_microsecond())
                .bind(cause.at.saturating_add(health::EVERY).unwrap_or(Timestamp::MAX).as_microsecond()),
        )
        .await?;
    let account = rows::account(&row)?;
    let event = NewEvent { to: Some(account.name.clone()), ..NewEvent::of(EventKind::AccountCreated) };
    events::add_one(conn, cause, Entry::account(account.id, event)).await?;
    domains::create_demo(conn, account.id, new, cause).await?;
    Ok(account)
}

/// See [`crate::store::Store::accounts`].
pub(super) async fn all(conn: &mut Conn) -> Result<Vec<Account>> {
    page(conn, None, None).await
}

/// See [`crate::store::TokenStore::accounts_page`].
pub(super) async fn page(
    conn: &mut Conn,
    after: Option<AccountId>,
    limit: Option<u32>,
) -> Result<Vec<Account>> {
    let (after, limit) = (after.map_or(i64::MIN, |id| id.0), limit.map_or(i64::MAX, i64::from));
    conn.fetch_all(query(ACCOUNTS).bind(after).bind(limit)).await?.iter().map(rows::account).collect()
}

/// See [`crate::store::Store::account`].
pub(super) async fn one(conn: &mut Conn, id: AccountId) -> Result<Option<Account>> {
    conn.fetch_optional(query(ACCOUNT).bind(id.0)).await?.as_ref().map(rows::account).transpose()
}
