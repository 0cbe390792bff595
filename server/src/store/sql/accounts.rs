//! The installation, accounts and tokens.

use super::{
    Conn, deliveries, dialect, domains,
    events::{self, Entry},
    lock, query,
    rows::{self, get},
};
use crate::store::{
    Access, Account, AccountId, Cause, Counts, DomainId, EventKind, NewAccount, NewEvent, NewToken, Result,
    Review, Token, TokenHash, TokenId, TokenScope,
    stored::{self, clean, json, scope_json},
};
use jiff::Timestamp;
use serde::Serialize;
use signet_core::health;
use sqlx::Executor as _;
use std::collections::HashMap;

macro_rules! token_columns {
    () => {
        "id, account_id, name, access, domains, created_at, expires_at, revoked_at, last_used_at"
    };
}

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
    ACCOUNTS = "SELECT id, name, owner_email, suspension, version, created_at FROM account ORDER BY id";
    ACCOUNT = "SELECT id, name, owner_email, suspension, version, created_at FROM account WHERE id = $1";
    ADD_TOKEN = concat!(
        "INSERT INTO token (account_id, name, hash, access, domains, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ",
        token_columns!()
    );
    DOMAINS_PRESENT = concat!("SELECT id FROM domain WHERE account_id = $2 AND id IN ", ids!("1"));
    TOKENS = concat!("SELECT ", token_columns!(), " FROM token ORDER BY id");
    TOKENS_OF_ACCOUNT = concat!("SELECT ", token_columns!(), " FROM token WHERE account_id = $1 ORDER BY id");
    TOKEN = concat!("SELECT ", token_columns!(), " FROM token WHERE id = $1");
    TOKEN_BY_HASH = concat!("SELECT ", token_columns!(), " FROM token WHERE hash = $1");
    REVOKE_TOKEN = concat!(
        "UPDATE token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING ",
        token_columns!()
    );
}

const FINGERPRINT: &str = "key_fingerprint";

/// See [`crate::store::Store::initialise`].
pub(super) async fn initialise(
    conn: &mut Conn,
    new: &NewAccount,
    hash: Option<TokenHash>,
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
    if let Some(hash) = hash {
        let token = NewToken {
            account: account.id,
            name: "first".to_string(),
            hash,
            access: Access::Admin,
            scope: TokenScope::Account,
            expires_at: None,
        };
        add_token(conn, &token, cause).await?;
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
    conn.fetch_all(query(ACCOUNTS)).await?.iter().map(rows::account).collect()
}

/// See [`crate::store::Store::account`].
pub(super) async fn one(conn: &mut Conn, id: AccountId) -> Result<Option<Account>> {
    conn.fetch_optional(query(ACCOUNT).bind(id.0)).await?.as_ref().map(rows::account).transpose()
}

/// See [`crate::store::Store::create_token`].
pub(super) async fn create_token(
    conn: &mut Conn,
    new: &NewToken,
    cause: &Cause,
) -> Result<std::result::Result<Token, String>> {
    lock(conn, dialect::LOCK_ACCOUNT, new.account.0).await?;
    if one(conn, new.account).await?.is_none() {
        return Ok(Err(format!("there is no account {}", new.account)));
    }
    if let TokenScope::Domains(ids) = &new.scope {
        let wanted = json(&ids.iter().map(|id| id.0).collect::<Vec<_>>());
        let present = conn.fetch_all(query(DOMAINS_PRESENT).bind(wanted).bind(new.account.0)).await?;
        let present = present
            .iter()
            .map(|row| Ok(DomainId(get(row, "id")?)))
            .collect::<Result<std::collections::BTreeSet<_>>>()?;
        if let Some(missing) = ids.difference(&present).next() {
            return Ok(Err(format!("account {} has no domain {missing}", new.account)));
        }
    }
    add_token(conn, new, cause).await.map(Ok)
}

async fn add_token(conn: &mut Conn, new: &NewToken, cause: &Cause) -> Result<Token> {
    let row = conn
        .fetch_one(
            query(ADD_TOKEN)
                .bind(new.account.0)
                .bind(clean(&new.name))
                .bind(&new.hash.0[..])
                .bind(new.access.as_str())
                .bind(scope_json(&new.scope))
                .bind(cause.at.as_microsecond())
                .bind(new.expires_at.map(Timestamp::as_microsecond)),
        )
        .await?;
    let token = rows::token(&row)?;
    let event = NewEvent { to: Some(token.name.clone()), ..NewEvent::of(EventKind::TokenCreated) };
    events::add_one(conn, cause, Entry::account(token.account, event)).await?;
    Ok(token)
}

/// See [`crate::store::Store::tokens`].
pub(super) async fn tokens(conn: &mut Conn, account: Option<AccountId>) -> Result<Vec<Token>> {
    let query = match account {
        Some(account) => query(TOKENS_OF_ACCOUNT).bind(account.0),
        None => query(TOKENS),
    };
    conn.fetch_all(query).await?.iter().map(rows::token).collect()
}

/// See [`crate::store::Store::revoke_token`].
pub(super) async fn revoke_token(conn: &mut Conn, id: TokenId, cause: &Cause) -> Result<Option<Token>> {
    let revoked = conn.fetch_optional(query(REVOKE_TOKEN).bind(id.0).bind(cause.at.as_microsecond())).await?;
    if let Some(row) = revoked {
        let token = rows::token(&row)?;
        let event = NewEvent { from: Some(token.name.clone()), ..NewEvent::of(EventKind::TokenRevoked) };
        events::add_one(conn, cause, Entry::account(token.account, event)).await?;
        return Ok(Some(token));
    }
    conn.fetch_optional(query(TOKEN).bind(id.0)).await?.as_ref().map(rows::token).transpose()
}

/// See [`crate::store::Store::token`].
pub(super) async fn token(conn: &mut Conn, hash: &TokenHash) -> Result<Option<Token>> {
    conn.fetch_optional(query(TOKEN_BY_HASH).bind(&hash.0[..])).await?.as_ref().map(rows::token).transpose()
}

#[derive(Serialize)]
struct Use {
    id: i64,
    at: i64,
}

/// See [`crate::store::Store::touch_tokens`].
pub(super) async fn touch_tokens(conn: &mut Conn, used: &[(TokenId, Timestamp)]) -> Result<()> {
    // One use per token: with several, which of them is kept is undefined.
    let latest: std::collections::BTreeMap<i64, i64> =
        used.iter().fold(std::collections::BTreeMap::new(), |mut latest, (id, at)| {
            let entry = latest.entry(id.0).or_insert(i64::MIN);
            *entry = at.as_microsecond().max(*entry);
            latest
        });
    let used: Vec<Use> = latest.into_iter().map(|(id, at)| Use { id, at }).collect();
    conn.execute(query(dialect::TOUCH_TOKENS).bind(json(&used))).await?;
    Ok(())
}
