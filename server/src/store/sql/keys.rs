//! DKIM keys and how their rotation stands.

use super::{
    Conn, Row,
    events::{self, Entry},
    query, raw,
    rows::{get, get_time, get_time_opt, get_u32},
    zone,
};
use crate::store::{
    AccountId, Cause, DkimKey, DomainId, EventKind, KeyOrigin, KeyRing, Keyless, NewEvent, NewKey, Result,
    stored,
};
use jiff::Timestamp;
use signet_core::rotation::{Algorithm, Held, Published, Stage, Why};
use sqlx::Executor as _;

statements! {
    KEYLESS = "SELECT id, account_id, record_id FROM domain \
        WHERE NOT keyed AND (dns_verified OR dkim_raw) ORDER BY id LIMIT $1";
    // Also the lock: of two that bring keys one finds the domain without.
    SET_KEYED = "UPDATE domain SET keyed = TRUE \
        WHERE id = $1 AND account_id = $2 AND record_id = $3 AND NOT keyed";
    ADD_ROTATION = "INSERT INTO rotation (domain_id, account_id, due_at) VALUES ($1, $2, $3)";
    PUT_KEY = "INSERT INTO dkim_key (domain_id, selector, account_id, key_id, algorithm, origin, public, kek, \
        wrapped, sealed, stage, since, clear_at, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, NULL, $12)";
    ROTATION = "SELECT version, due_at, wanted, failures, stuck_since, stuck, told_at FROM rotation \
        WHERE domain_id = $1 AND account_id = $2";
    KEYS = "SELECT selector, key_id, algorithm, origin, public, stage, since, clear_at, created_at \
        FROM dkim_key WHERE domain_id = $1 AND account_id = $2";
}

/// See [`crate::store::KeyStore::keyless`].
pub(super) async fn keyless(conn: &mut Conn, limit: u32) -> Result<Vec<Keyless>> {
    let rows = conn.fetch_all(query(KEYLESS).bind(i64::from(limit))).await?;
    rows.iter()
        .map(|row| {
            Ok(Keyless {
                account: AccountId(get(row, "account_id")?),
                domain: DomainId(get(row, "id")?),
                record_id: stored::record_id(get(row, "record_id")?)?,
            })
        })
        .collect()
}

/// See [`crate::store::KeyStore::add_keys`].
pub(super) async fn add(conn: &mut Conn, domain: &Keyless, keys: &[NewKey], cause: &Cause) -> Result<bool> {
    let keyed = conn
        .execute(
            query(SET_KEYED).bind(domain.domain.0).bind(domain.account.0).bind(domain.record_id.as_str()),
        )
        .await?;
    if keyed.rows_affected() == 0 {
        return Ok(false);
    }
    for key in keys {
        put(conn, domain.account, domain.domain, key, cause.at).await?;
    }
    let due_at = cause.at.as_microsecond();
    conn.execute(query(ADD_ROTATION).bind(domain.domain.0).bind(domain.account.0).bind(due_at)).await?;
    zone::changed(conn, &domain.record_id, cause.at).await?;
    raw::texts(conn, domain.domain, &domain.record_id, cause.at).await?;
    let event = NewEvent::of(EventKind::KeysCreated);
    events::add_one(conn, cause, Entry::domain(domain.account, domain.domain, event)).await?;
    Ok(true)
}

/// Puts a key just published where nothing stands.
async fn put(
    conn: &mut Conn,
    account: AccountId,
    domain: DomainId,
    key: &NewKey,
    now: Timestamp,
) -> Result<()> {
    let published = Published { at: now, clear_at: None };
    let stage = match key.algorithm {
        Algorithm::Ed25519 => Stage::Companion(published),
        Algorithm::Rsa2048 | Algorithm::Rsa4096 => Stage::Next(published),
    };
    conn.execute(
        query(PUT_KEY)
            .bind(domain.0)
            .bind(i64::from(key.selector.number()))
            .bind(account.0)
            .bind(&key.id[..])
            .bind(key.algorithm.as_str())
            .bind(key.origin.as_str())
            .bind(&key.public[..])
            .bind(i64::from(key.private.kek))
            .bind(&key.private.wrapped[..])
            .bind(&key.private.sealed[..])
            .bind(stage.as_str())
            .bind(now.as_microsecond()),
    )
    .await?;
    Ok(())
}

/// See [`crate::store::KeyStore::key_ring`].
pub(super) async fn ring(conn: &mut Conn, account: AccountId, domain: DomainId) -> Result<Option<KeyRing>> {
    let Some(row) = conn.fetch_optional(query(ROTATION).bind(domain.0).bind(account.0)).await? else {
        return Ok(None);
    };
    let stuck = get_time_opt(&row, "stuck_since")?.zip(get::<Option<String>>(&row, "stuck")?);
    let mut ring = KeyRing {
        version: get(&row, "version")?,
        keys: [None, None],
        wanted: get::<Option<&str>>(&row, "wanted")?.map(why).transpose()?,
        due_at: get_time_opt(&row, "due_at")?,
        failures: get_u32(&row, "failures")?,
        stuck,
        told_at: get_time_opt(&row, "told_at")?,
    };
    for row in conn.fetch_all(query(KEYS).bind(domain.0).bind(account.0)).await? {
        let key = key(&row)?;
        let index = key.selector.index();
        ring.keys[index] = Some(key);
    }
    Ok(Some(ring))
}

fn why(word: &str) -> Result<Why> {
    match word {
        "asked" => Ok(Why::Asked),
        "compromised" => Ok(Why::Compromised),
        _ => Err(stored::corrupt("why a key is replaced", word)),
    }
}

fn key(row: &Row) -> Result<DkimKey> {
    let (algorithm, stage, origin): (&str, &str, &str) =
        (get(row, "algorithm")?, get(row, "stage")?, get(row, "origin")?);
    let held = Held {
        algorithm: Algorithm::parse(algorithm)
            .ok_or_else(|| stored::corrupt("a key's algorithm", algorithm))?,
        stage: Stage::parse(stage, get_time(row, "since")?, get_time_opt(row, "clear_at")?)
            .ok_or_else(|| stored::corrupt("a key's stage", stage))?,
    };
    Ok(DkimKey {
        id: get(row, "key_id")?,
        selector: stored::selector(get(row, "selector")?)?,
        held,
        origin: KeyOrigin::parse(origin).ok_or_else(|| stored::corrupt("a key's origin", origin))?,
        public: get(row, "public")?,
        created_at: get_time(row, "created_at")?,
    })
}
