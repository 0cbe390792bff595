//! What is sealed, and moving it to another version of the key-encryption key.
//! Sealed secrets say in their first three octets which one they lie under
//! ([`sealed_under`]).

use super::{
    Conn, Row, accounts, dialect,
    events::{self, Entry},
    lock, query,
    rows::{get, get_u32},
};
use crate::{
    keys::sealed_under,
    store::{
        AccountId, Cause, DomainId, EventKind, Keyless, NewEvent, Result, Rewrapped, SEALED_ANSWER,
        SEALED_VALUE, Sealed, SealedKey, SecretPlace, StoreError, WrappedKey,
        stored::{self, corrupt, from_json, json},
    },
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signet_core::rotation::Selector;
use sqlx::Executor as _;

statements! {
    SEALED_KEY = "SELECT kek, wrapped, sealed FROM dkim_key \
        WHERE domain_id = $1 AND account_id = $2 AND selector = $3 AND key_id = $4 AND kek IS NOT NULL";
    REPLACE_META = "UPDATE meta SET value = $3 WHERE name = $1 AND value = $2";
    COUNT_WRAPPED = "SELECT COUNT(*) AS keys, \
        COALESCE(SUM(CASE WHEN kek <> $1 THEN 1 ELSE 0 END), 0) AS others \
        FROM dkim_key WHERE kek IS NOT NULL";
    WRAPPED_KEYS = "SELECT k.domain_id, k.account_id, d.record_id, k.selector, k.key_id, k.kek, k.wrapped \
        FROM dkim_key AS k JOIN domain AS d ON d.id = k.domain_id \
        WHERE k.kek <> $1 AND (k.domain_id, k.selector) > ($2, $3) \
        ORDER BY k.domain_id, k.selector LIMIT $4";
    REWRAP_KEY = "UPDATE dkim_key SET kek = $5, wrapped = $6 \
        WHERE domain_id = $1 AND account_id = $2 AND selector = $3 AND key_id = $4 AND kek = $7 AND wrapped = $8";
    WEBHOOK_SECRETS = "SELECT id, secret AS sealed FROM webhook \
        WHERE id > $1 AND substr(secret, 1, 3) <> $2 ORDER BY id LIMIT $3";
    REWRAP_WEBHOOK = "UPDATE webhook SET secret = $3 WHERE id = $1 AND secret = $2";
    OLD_WEBHOOK_SECRETS = "SELECT id, old_secret AS sealed FROM webhook \
        WHERE id > $1 AND substr(old_secret, 1, 3) <> $2 ORDER BY id LIMIT $3";
    REWRAP_OLD_WEBHOOK = "UPDATE webhook SET old_secret = $3 WHERE id = $1 AND old_secret = $2";
    ACCESS_SECRETS = "SELECT id, secret AS sealed FROM dns_access \
        WHERE id > $1 AND substr(secret, 1, 3) <> $2 ORDER BY id LIMIT $3";
    REWRAP_ACCESS = "UPDATE dns_access SET secret = $3 WHERE id = $1 AND secret = $2";
    KEPT = "SELECT name, value FROM meta \
        WHERE name > $1 AND value LIKE 'sealed:%' AND substr(value, 8, 4) <> $2 ORDER BY name LIMIT $3";
    // Three octets are four characters in base64.
    ANSWERS = "SELECT owner, method, path, idem_key, body FROM idempotency \
        WHERE (owner, method, path, idem_key) > ($1, $2, $3, $4) \
        AND body LIKE 'sealed:%' AND substr(body, 8, 4) <> $5 \
        ORDER BY owner, method, path, idem_key LIMIT $6";
    REWRAP_ANSWER = "UPDATE idempotency SET body = $6 \
        WHERE owner = $1 AND method = $2 AND path = $3 AND idem_key = $4 AND body = $5";
}

/// Refuses what lies under another version than the one that seals, which stays that
/// one for the rest of the transaction. Belongs into every one that keeps something
/// sealed. Where none is named, none can have been replaced.
pub(super) async fn must_seal(conn: &mut Conn, under: &str) -> Result<()> {
    lock(conn, dialect::LOCK_META, accounts::FINGERPRINT).await?;
    match accounts::fingerprint(conn).await? {
        Some(noted) if noted != under => Err(StoreError::SealedBefore),
        _ => Ok(()),
    }
}

/// See [`crate::store::SealedStore::sealed_key`].
pub(super) async fn key(
    conn: &mut Conn,
    account: AccountId,
    domain: DomainId,
    (selector, id): &(Selector, String),
    cause: &Cause,
) -> Result<Option<SealedKey>> {
    let key = query(SEALED_KEY).bind(domain.0).bind(account.0);
    let key = key.bind(i64::from(selector.number())).bind(&id[..]);
    let Some(row) = conn.fetch_optional(key).await? else {
        return Ok(None);
    };
    let record = Some(selector.record());
    let event = NewEvent { to: Some(id.clone()), record, ..NewEvent::of(EventKind::KeyOpened) };
    events::add_one(conn, cause, Entry::domain(account, domain, event)).await?;
    Ok(Some(SealedKey {
        kek: get_u32(&row, "kek")?,
        wrapped: get(&row, "wrapped")?,
        sealed: get(&row, "sealed")?,
    }))
}

/// See [`crate::store::SealedStore::replace_key_fingerprint`].
pub(super) async fn replace_fingerprint(
    conn: &mut Conn,
    (from, before): &(u32, String),
    (to, after): &(u32, String),
    cause: &Cause,
) -> Result<bool> {
    let replace = query(REPLACE_META).bind(accounts::FINGERPRINT).bind(&before[..]).bind(&after[..]);
    if conn.execute(replace).await?.rows_affected() == 0 {
        return Ok(false);
    }
    let event = NewEvent {
        from: Some(from.to_string()),
        to: Some(to.to_string()),
        ..NewEvent::of(EventKind::KeyReplaced)
    };
    events::add_one(conn, cause, Entry::account(AccountId::INSTALLATION, event)).await?;
    Ok(true)
}

/// See [`crate::store::SealedStore::count_wrapped`].
pub(super) async fn count(conn: &mut Conn, kek: u32) -> Result<(u64, u64)> {
    let row = conn.fetch_one(query(COUNT_WRAPPED).bind(i64::from(kek))).await?;
    let (keys, others): (i64, i64) = (get(&row, "keys")?, get(&row, "others")?);
    Ok((u64::try_from(keys).unwrap_or(0), u64::try_from(others).unwrap_or(0)))
}

/// See [`crate::store::SealedStore::lies_under`].
pub(super) async fn lies_under(conn: &mut Conn, kek: u32, under: &str) -> Result<bool> {
    must_seal(conn, under).await?;
    if count(conn, kek).await?.1 > 0 {
        return Ok(false);
    }
    for place in SecretPlace::ALL {
        if !secrets(conn, place, kek, None, 1).await?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// See [`crate::store::SealedStore::wrapped_keys`].
pub(super) async fn wrapped(
    conn: &mut Conn,
    kek: u32,
    after: Option<(DomainId, Selector)>,
    limit: u32,
) -> Result<Vec<WrappedKey>> {
    let (domain, selector) = after.map_or((i64::MIN, 0), |(id, selector)| (id.0, selector.number().into()));
    let page = query(WRAPPED_KEYS).bind(i64::from(kek)).bind(domain).bind::<i64>(selector);
    let rows = conn.fetch_all(page.bind(i64::from(limit))).await?;
    rows.iter().map(wrapped_key).collect()
}

fn wrapped_key(row: &Row) -> Result<WrappedKey> {
    Ok(WrappedKey {
        domain: Keyless {
            account: AccountId(get(row, "account_id")?),
            domain: DomainId(get(row, "domain_id")?),
            record_id: stored::record_id(get(row, "record_id")?)?,
        },
        selector: stored::selector(get(row, "selector")?)?,
        id: get(row, "key_id")?,
        kek: get_u32(row, "kek")?,
        wrapped: get(row, "wrapped")?,
    })
}

/// See [`crate::store::SealedStore::rewrap_keys`].
pub(super) async fn rewrap(conn: &mut Conn, keys: &[Rewrapped], under: &str) -> Result<u64> {
    must_seal(conn, under).await?;
    let mut replaced = 0;
    for Rewrapped { before, kek, wrapped } in keys {
        let replace = query(REWRAP_KEY)
            .bind(before.domain.domain.0)
            .bind(before.domain.account.0)
            .bind(i64::from(before.selector.number()))
            .bind(&before.id[..])
            .bind(i64::from(*kek))
            .bind(&wrapped[..])
            .bind(i64::from(before.kek))
            .bind(&before.wrapped[..]);
        replaced += conn.execute(replace).await?.rows_affected();
    }
    Ok(replaced)
}

/// See [`crate::store::SealedStore::secrets`].
pub(super) async fn secrets(
    conn: &mut Conn,
    place: SecretPlace,
    kek: u32,
    after: Option<String>,
    limit: u32,
) -> Result<Vec<Sealed>> {
    let page = match place {
        SecretPlace::Webhook => WEBHOOK_SECRETS,
        SecretPlace::WebhookBefore => OLD_WEBHOOK_SECRETS,
        SecretPlace::DnsAccess => ACCESS_SECRETS,
        SecretPlace::Kept => return kept(conn, kek, after, limit).await,
        SecretPlace::Answers => return answers(conn, kek, after, limit).await,
    };
    let after = after.and_then(|after| after.parse::<i64>().ok()).unwrap_or(i64::MIN);
    let page = query(page).bind(after).bind(sealed_under(kek).to_vec()).bind(i64::from(limit));
    let rows = conn.fetch_all(page).await?;
    rows.iter()
        .map(|row| Ok(Sealed { row: get::<i64>(row, "id")?.to_string(), sealed: get(row, "sealed")? }))
        .collect()
}

/// A kept value's row is called by its name and what stands behind the sealed part,
/// as JSON.
async fn kept(conn: &mut Conn, kek: u32, after: Option<String>, limit: u32) -> Result<Vec<Sealed>> {
    let [name, _] = after.map_or(Ok(Default::default()), |row| kept_row(&row))?;
    let page = query(KEPT).bind(name).bind(STANDARD.encode(sealed_under(kek))).bind(i64::from(limit));
    conn.fetch_all(page)
        .await?
        .iter()
        .map(|row| {
            let value = get::<String>(row, "value")?;
            let text = value.trim_start_matches(SEALED_VALUE);
            let (sealed, rest) = text.split_at(text.find(' ').unwrap_or(text.len()));
            let sealed = STANDARD.decode(sealed).map_err(|_| corrupt("a kept value", "no base64"))?;
            Ok(Sealed { row: json(&[get::<String>(row, "name")?, rest.to_string()]), sealed })
        })
        .collect()
}

fn kept_row(row: &str) -> Result<[String; 2]> {
    from_json("a kept value's row", row)
}

/// An answer's row is called by what it is found by, as JSON.
async fn answers(conn: &mut Conn, kek: u32, after: Option<String>, limit: u32) -> Result<Vec<Sealed>> {
    let [owner, method, path, key] = after.map_or(Ok(Default::default()), |row| answer_row(&row))?;
    let page = query(ANSWERS).bind(owner).bind(method).bind(path).bind(key);
    let page = page.bind(STANDARD.encode(sealed_under(kek))).bind(i64::from(limit));
    conn.fetch_all(page)
        .await?
        .iter()
        .map(|row| {
            let column = |name| get::<String>(row, name);
            let found_by = [column("owner")?, column("method")?, column("path")?, column("idem_key")?];
            let body = column("body")?;
            let sealed = STANDARD.decode(body.trim_start_matches(SEALED_ANSWER));
            let sealed = sealed.map_err(|_| corrupt("a sealed answer", "no base64"))?;
            Ok(Sealed { row: json(&found_by), sealed })
        })
        .collect()
}

fn answer_row(row: &str) -> Result<[String; 4]> {
    from_json("an answer's row", row)
}

/// See [`crate::store::SealedStore::rewrap_secrets`].
pub(super) async fn rewrap_secrets(
    conn: &mut Conn,
    place: SecretPlace,
    secrets: &[(Sealed, Vec<u8>)],
    under: &str,
) -> Result<u64> {
    must_seal(conn, under).await?;
    let mut replaced = 0;
    for (before, after) in secrets {
        let numbered = |statement| -> Result<_> {
            let id: i64 = before.row.parse().map_err(|_| corrupt("a sealed row's number", &before.row))?;
            Ok(query(statement).bind(id).bind(&before.sealed[..]).bind(&after[..]))
        };
        let replace = match place {
            SecretPlace::Webhook => numbered(REWRAP_WEBHOOK)?,
            SecretPlace::WebhookBefore => numbered(REWRAP_OLD_WEBHOOK)?,
            SecretPlace::DnsAccess => numbered(REWRAP_ACCESS)?,
            SecretPlace::Kept => {
                let [name, rest] = kept_row(&before.row)?;
                let value = |sealed: &[u8]| format!("{SEALED_VALUE}{}{rest}", STANDARD.encode(sealed));
                query(REPLACE_META).bind(name).bind(value(&before.sealed)).bind(value(after))
            }
            SecretPlace::Answers => {
                let [owner, method, path, key] = answer_row(&before.row)?;
                let body = |sealed: &[u8]| format!("{SEALED_ANSWER}{}", STANDARD.encode(sealed));
                let replace = query(REWRAP_ANSWER).bind(owner).bind(method).bind(path).bind(key);
                replace.bind(body(&before.sealed)).bind(body(after))
            }
        };
        replaced += conn.execute(replace).await?.rows_affected();
    }
    Ok(replaced)
}
