//! API tokens.

use super::{
    Conn, accounts, dialect,
    events::{self, Entry},
    lock, notices, query,
    rows::{self, get},
};
use crate::store::{
    About, AccountId, Cause, DomainId, EventKind, NewEvent, NewNotice, NewToken, NotReset, Notice, Reset,
    Result, Token, TokenHash, TokenId, TokenScope,
    stored::{clean, json, scope_json},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqlx::Executor as _;
use std::collections::{BTreeMap, BTreeSet};

macro_rules! token_columns {
    () => {
        "id, account_id, name, last4, access, domains, created_by, created_at, expires_at, revoked_at, \
         last_used_at, replaced_by"
    };
}

/// That a token is good at $2, of the account $1.
macro_rules! live {
    () => {
        " FROM token WHERE account_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"
    };
}

statements! {
    ADD_TOKEN = concat!(
        "INSERT INTO token (account_id, name, hash, last4, access, domains, created_by, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING ",
        token_columns!()
    );
    DOMAINS_PRESENT = concat!("SELECT id FROM domain WHERE account_id = $2 AND id IN ", ids!("1"));
    TOKENS = concat!("SELECT ", token_columns!(), " FROM token ORDER BY id");
    TOKENS_OF_ACCOUNT = concat!("SELECT ", token_columns!(), " FROM token WHERE account_id = $1 ORDER BY id");
    LIVE_TOKENS = concat!("SELECT ", token_columns!(), live!(), " ORDER BY id");
    COUNT_LIVE = concat!("SELECT COUNT(*) AS live, COUNT(replaced_by) AS replaced", live!());
    TOKEN = concat!("SELECT ", token_columns!(), " FROM token WHERE id = $1");
    TOKEN_OF_ACCOUNT = concat!("SELECT ", token_columns!(), " FROM token WHERE id = $1 AND account_id = $2");
    TOKEN_BY_HASH = concat!("SELECT ", token_columns!(), " FROM token WHERE hash = $1");
    REPLACE_TOKEN = "UPDATE token SET replaced_by = $2, expires_at = $3 WHERE id = $1";
    REVOKE_TOKEN = concat!(
        "UPDATE token SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING ",
        token_columns!()
    );
    EXPIRING = concat!(
        "SELECT ", token_columns!(), " FROM token WHERE expires_at > $1 AND expires_at <= $2 \
         AND expires_at - created_at > $3 AND revoked_at IS NULL AND replaced_by IS NULL \
         AND (told_days_ahead IS NULL OR told_days_ahead > $4) ORDER BY expires_at, id LIMIT $5"
    );
    // Of two that find a token one tells.
    TOLD_OF_EXPIRY = "UPDATE token SET told_days_ahead = $2 \
        WHERE id = $1 AND (told_days_ahead IS NULL OR told_days_ahead > $2)";
    SWEEP_TOKENS = "DELETE FROM token WHERE revoked_at < $1 OR expires_at < $1";
}

/// How long a token that is good for nothing any more is kept, for whoever
/// wonders why; the history has it for ever.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// See [`crate::store::TokenStore::create_token`].
pub(super) async fn create(
    conn: &mut Conn,
    new: &NewToken,
    cause: &Cause,
) -> Result<std::result::Result<Token, String>> {
    lock(conn, dialect::LOCK_ACCOUNT, new.account.0).await?;
    if accounts::one(conn, new.account).await?.is_none() {
        return Ok(Err(format!("there is no account {}", new.account)));
    }
    if let TokenScope::Domains(ids) = &new.scope {
        let wanted = json(&ids.iter().map(|id| id.0).collect::<Vec<_>>());
        let present = conn.fetch_all(query(DOMAINS_PRESENT).bind(wanted).bind(new.account.0)).await?;
        let present =
            present.iter().map(|row| Ok(DomainId(get(row, "id")?))).collect::<Result<BTreeSet<_>>>()?;
        if let Some(missing) = ids.difference(&present).next() {
            return Ok(Err(format!("account {} has no domain {missing}", new.account)));
        }
    }
    let (live, replaced) = count(conn, new.account, cause.at).await?;
    if live - replaced >= Token::MOST {
        let most = Token::MOST;
        return Ok(Err(format!(
            "account {} has {most} tokens, which is the limit; delete some before making another",
            new.account
        )));
    }
    add(conn, new, EventKind::TokenCreated, cause).await.map(Ok)
}

/// How many tokens of an account are good, and of how many of those others were
/// made in the place.
async fn count(conn: &mut Conn, account: AccountId, now: Timestamp) -> Result<(i64, i64)> {
    let row = conn.fetch_one(query(COUNT_LIVE).bind(account.0).bind(now.as_microsecond())).await?;
    Ok((get(&row, "live")?, get(&row, "replaced")?))
}

/// What the history says of a token beside its name.
#[derive(Serialize)]
struct Evidence<'a> {
    token: i64,
    last4: &'a str,
    access: &'a str,
    domains: Option<Vec<i64>>,
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<i64>,
}

fn evidence(token: &Token, replaces: Option<TokenId>) -> Option<String> {
    let domains = match &token.scope {
        TokenScope::Account => None,
        TokenScope::Domains(ids) => Some(ids.iter().map(|id| id.0).collect()),
    };
    Some(json(&Evidence {
        token: token.id.0,
        last4: &token.last4,
        access: token.access.as_str(),
        domains,
        expires_at: token.expires_at.map(|at| at.to_string()),
        replaces: replaces.map(|id| id.0),
    }))
}

/// Adds a token, with a history row of this kind.
pub(super) async fn add(conn: &mut Conn, new: &NewToken, kind: EventKind, cause: &Cause) -> Result<Token> {
    let token = insert(conn, new, cause).await?;
    let event =
        NewEvent { to: Some(token.name.clone()), evidence: evidence(&token, None), ..NewEvent::of(kind) };
    events::add_one(conn, cause, Entry::account(token.account, event)).await?;
    Ok(token)
}

async fn insert(conn: &mut Conn, new: &NewToken, cause: &Cause) -> Result<Token> {
    let add = query(ADD_TOKEN)
        .bind(new.account.0)
        .bind(clean(&new.name))
        .bind(&new.hash.0[..])
        .bind(clean(&new.last4))
        .bind(new.access.as_str())
        .bind(scope_json(&new.scope))
        .bind(clean(&cause.actor))
        .bind(cause.at.as_microsecond())
        .bind(new.expires_at.map(Timestamp::as_microsecond));
    rows::token(&conn.fetch_one(add).await?)
}

/// See [`crate::store::TokenStore::tokens`].
pub(super) async fn all(conn: &mut Conn, account: Option<AccountId>) -> Result<Vec<Token>> {
    let query = match account {
        Some(account) => query(TOKENS_OF_ACCOUNT).bind(account.0),
        None => query(TOKENS),
    };
    conn.fetch_all(query).await?.iter().map(rows::token).collect()
}

/// See [`crate::store::TokenStore::live_tokens`].
pub(super) async fn live(conn: &mut Conn, account: AccountId, now: Timestamp) -> Result<Vec<Token>> {
    let rows = conn.fetch_all(query(LIVE_TOKENS).bind(account.0).bind(now.as_microsecond())).await?;
    rows.iter().map(rows::token).collect()
}

/// See [`crate::store::TokenStore::token_of`].
pub(super) async fn of_account(conn: &mut Conn, account: AccountId, id: TokenId) -> Result<Option<Token>> {
    let row = conn.fetch_optional(query(TOKEN_OF_ACCOUNT).bind(id.0).bind(account.0)).await?;
    row.as_ref().map(rows::token).transpose()
}

/// See [`crate::store::TokenStore::token_for_operator`].
pub(super) async fn one(conn: &mut Conn, id: TokenId) -> Result<Option<Token>> {
    conn.fetch_optional(query(TOKEN).bind(id.0)).await?.as_ref().map(rows::token).transpose()
}

/// See [`crate::store::TokenStore::reset_token`].
pub(super) async fn reset(
    conn: &mut Conn,
    id: TokenId,
    reset: &Reset,
    cause: &Cause,
) -> Result<Option<std::result::Result<Token, NotReset>>> {
    let Some(Token { account, .. }) = one(conn, id).await? else {
        return Ok(None);
    };
    // Read again under the lock: of two resets one finds what the other did.
    lock(conn, dialect::LOCK_ACCOUNT, account.0).await?;
    let Some(old) = one(conn, id).await? else {
        return Ok(None);
    };
    if old.revoked_at.is_some() {
        return Ok(Some(Err(NotReset::Revoked)));
    }
    if let Some(by) = old.replaced_by {
        return Ok(Some(Err(NotReset::Before(by))));
    }
    if !old.counts(cause.at) {
        return Ok(Some(Err(NotReset::Expired)));
    }
    let (live, _) = count(conn, account, cause.at).await?;
    if live >= Token::MOST_IN_ALL {
        return Ok(Some(Err(NotReset::TooMany)));
    }
    let lifetime = old.lifetime();
    let new = NewToken {
        account,
        name: old.name.clone(),
        hash: reset.hash,
        last4: reset.last4.clone(),
        access: old.access,
        scope: old.scope.clone(),
        expires_at: lifetime.map(|span| cause.at.saturating_add(span).unwrap_or(Timestamp::MAX)),
    };
    let made = insert(conn, &new, cause).await?;
    let until = old.expires_at.map_or(reset.old_until, |at| at.min(reset.old_until));
    conn.execute(query(REPLACE_TOKEN).bind(id.0).bind(made.id.0).bind(until.as_microsecond())).await?;
    let event = NewEvent {
        from: Some(old.name),
        to: Some(made.name.clone()),
        evidence: evidence(&made, Some(id)),
        ..NewEvent::of(EventKind::TokenReset)
    };
    events::add_one(conn, cause, Entry::account(account, event)).await?;
    Ok(Some(Ok(made)))
}

/// See [`crate::store::TokenStore::revoke_token`].
pub(super) async fn revoke(conn: &mut Conn, id: TokenId, cause: &Cause) -> Result<Option<Token>> {
    let revoked = conn.fetch_optional(query(REVOKE_TOKEN).bind(id.0).bind(cause.at.as_microsecond())).await?;
    if let Some(row) = revoked {
        let token = rows::token(&row)?;
        let event = NewEvent {
            from: Some(token.name.clone()),
            evidence: evidence(&token, None),
            ..NewEvent::of(EventKind::TokenRevoked)
        };
        events::add_one(conn, cause, Entry::account(token.account, event)).await?;
        return Ok(Some(token));
    }
    one(conn, id).await
}

/// See [`crate::store::TokenStore::token`].
pub(super) async fn by_hash(conn: &mut Conn, hash: &TokenHash) -> Result<Option<Token>> {
    conn.fetch_optional(query(TOKEN_BY_HASH).bind(&hash.0[..])).await?.as_ref().map(rows::token).transpose()
}

/// See [`crate::store::TokenStore::tell_of_expiry`].
pub(super) async fn tell_of_expiry(
    conn: &mut Conn,
    days_ahead: i64,
    limit: u32,
    now: Timestamp,
) -> Result<usize> {
    let lead = SignedDuration::from_hours(24 * days_ahead);
    let until = now.saturating_add(lead).unwrap_or(Timestamp::MAX);
    let expiring = query(EXPIRING)
        .bind(now.as_microsecond())
        .bind(until.as_microsecond())
        .bind(i64::try_from(lead.as_micros()).unwrap_or(i64::MAX))
        .bind(days_ahead)
        .bind(i64::from(limit));
    let expiring = conn.fetch_all(expiring).await?;
    let mut told = Vec::new();
    for token in expiring.iter().map(rows::token) {
        let token = token?;
        let mark = query(TOLD_OF_EXPIRY).bind(token.id.0).bind(days_ahead);
        let Some(expires_at) = token.expires_at else { continue };
        if conn.execute(mark).await?.rows_affected() > 0 {
            told.push(NewNotice {
                account: token.account,
                domain: None,
                cause: format!("token {}", token.id),
                notice: Notice {
                    domain: None,
                    about: About::TokenExpiring { name: token.name, expires_at, last4: Some(token.last4) },
                    compliance: None,
                },
            });
        }
    }
    notices::add(conn, &told, now).await?;
    Ok(expiring.len())
}

#[derive(Serialize)]
struct Use {
    id: i64,
    at: i64,
}

/// See [`crate::store::TokenStore::touch_tokens`].
pub(super) async fn touch(conn: &mut Conn, used: &[(TokenId, Timestamp)]) -> Result<()> {
    // One use per token: with several, which of them is kept is undefined.
    let latest: BTreeMap<i64, i64> = used.iter().fold(BTreeMap::new(), |mut latest, (id, at)| {
        let entry = latest.entry(id.0).or_insert(i64::MIN);
        *entry = at.as_microsecond().max(*entry);
        latest
    });
    let used: Vec<Use> = latest.into_iter().map(|(id, at)| Use { id, at }).collect();
    conn.execute(query(dialect::TOUCH_TOKENS).bind(json(&used))).await?;
    Ok(())
}

/// See [`crate::store::Store::sweep`].
pub(super) async fn sweep(conn: &mut Conn, now: Timestamp) -> Result<()> {
    let before = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN).as_microsecond();
    conn.execute(query(SWEEP_TOKENS).bind(before)).await?;
    Ok(())
}
