//! DKIM keys and how their rotation stands.

use super::{
    Conn, Row, dialect, domains,
    events::{self, Entry},
    lock, notices, proofs, query, raw,
    rows::{get, get_time, get_time_opt, get_u32},
    sealed, zone,
};
use crate::store::{
    AccountId, Cause, DkimKey, DomainId, DueRotation, EventKind, KeyOrigin, KeyRing, Keyless, NewEvent,
    NewKey, Result, Slot, Turn, stored,
};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use signet_core::rotation::{Algorithm, Held, Published, Selector, Stage, Why};
use sqlx::Executor as _;

statements! {
    KEYLESS = "SELECT id, account_id, record_id FROM domain \
        WHERE NOT keyed AND (dns_verified OR dkim_raw) ORDER BY id LIMIT $1";
    // Also the lock: of two that bring keys one finds the domain without.
    SET_KEYED = "UPDATE domain SET keyed = TRUE \
        WHERE id = $1 AND account_id = $2 AND record_id = $3 AND NOT keyed";
    ADD_ROTATION = "INSERT INTO rotation (domain_id, account_id, due_at) VALUES ($1, $2, $3)";
    PUT_KEY = "INSERT INTO dkim_key (domain_id, selector, account_id, key_id, algorithm, origin, public, kek, \
        wrapped, sealed, stage, since, clear_at, seen_at, old_for, created_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    ROTATION = "SELECT r.version, r.due_at, r.wanted, r.failures, r.stuck_since, r.stuck, r.told_at, d.restored \
        FROM rotation r JOIN domain d ON d.id = r.domain_id WHERE r.domain_id = $1 AND r.account_id = $2";
    KEYS = "SELECT selector, key_id, algorithm, origin, public, stage, since, clear_at, seen_at, old_for, \
        created_at FROM dkim_key WHERE domain_id = $1 AND account_id = $2";
    // Also the lock: of two that turn the same keys one finds another version.
    TURN = "UPDATE rotation SET version = version + 1, lease_until = 0, due_at = $4, wanted = $5, failures = $6, \
        stuck_since = $7, stuck = $8, told_at = $9 WHERE domain_id = $1 AND account_id = $2 AND version = $3";
    KEEP_KEY = "UPDATE dkim_key SET stage = $4, since = $5, clear_at = $6, seen_at = $7, old_for = $8 \
        WHERE domain_id = $1 AND account_id = $2 AND selector = $3";
    DESTROY = "UPDATE dkim_key SET kek = NULL, wrapped = NULL, sealed = NULL \
        WHERE domain_id = $1 AND account_id = $2 AND selector = $3";
    CLEAR_KEY = "DELETE FROM dkim_key WHERE domain_id = $1 AND account_id = $2 AND selector = $3";
    RECORD_ID = "SELECT record_id FROM domain WHERE id = $1 AND account_id = $2";
    SET_ACTIVE = "UPDATE domain SET active_selector = $3, restored = FALSE WHERE id = $1 AND account_id = $2 \
        AND (active_selector <> $3 OR restored)";
    ADD_COMPROMISED = "INSERT INTO compromised_key (spki_sha256, at) VALUES ($1, $2) \
        ON CONFLICT (spki_sha256) DO NOTHING";
    IS_COMPROMISED = "SELECT EXISTS (SELECT 1 FROM compromised_key WHERE spki_sha256 = $1) AS compromised";
    COUNT_STUCK = "SELECT COUNT(*) AS stuck FROM rotation WHERE stuck_since IS NOT NULL";
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
        let published = Published::new(cause.at);
        let stage = match key.algorithm {
            Algorithm::Ed25519 => Stage::Companion(published),
            Algorithm::Rsa2048 | Algorithm::Rsa4096 => Stage::Next(published),
        };
        put(conn, domain.account, domain.domain, key, &Held::new(key.algorithm, stage), cause.at).await?;
    }
    let due_at = cause.at.as_microsecond();
    conn.execute(query(ADD_ROTATION).bind(domain.domain.0).bind(domain.account.0).bind(due_at)).await?;
    published(conn, domain.account, domain.domain, cause.at).await?;
    let event = NewEvent::of(EventKind::KeysCreated);
    events::add_one(conn, cause, Entry::domain(domain.account, domain.domain, event)).await?;
    Ok(true)
}

/// What is published of a domain's keys is another: in our zone, or by its owner.
async fn published(conn: &mut Conn, account: AccountId, domain: DomainId, at: Timestamp) -> Result<()> {
    let Some(row) = conn.fetch_optional(query(RECORD_ID).bind(domain.0).bind(account.0)).await? else {
        return Ok(());
    };
    let record_id = stored::record_id(get(&row, "record_id")?)?;
    raw::texts(conn, domain, &record_id, at).await?;
    zone::changed(conn, &record_id, at).await
}

/// See [`crate::store::KeyStore::claim_rotations`].
pub(super) async fn claim(
    conn: &mut Conn,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<DueRotation>> {
    let claim = query(dialect::CLAIM_ROTATIONS).bind(now.as_microsecond()).bind(lease_until.as_microsecond());
    let mut due = Vec::new();
    for row in conn.fetch_all(claim.bind(i64::from(limit))).await? {
        let (account, id) = (AccountId(get(&row, "account_id")?), DomainId(get(&row, "id")?));
        let domain = domains::one(conn, account, id).await?;
        due.extend(
            domain.zip(ring(conn, account, id).await?).map(|(domain, keys)| DueRotation { domain, keys }),
        );
    }
    Ok(due)
}

/// See [`crate::store::KeyStore::rotations_stuck`].
pub(super) async fn stuck(conn: &mut Conn) -> Result<i64> {
    get(&conn.fetch_one(query(COUNT_STUCK)).await?, "stuck")
}

/// See [`crate::store::KeyStore::turn_keys`].
pub(super) async fn turn(conn: &mut Conn, turn: &Turn, cause: &Cause) -> Result<bool> {
    // Whoever changes a domain takes it first, so that two never wait for one another.
    lock(conn, dialect::LOCK_DOMAIN, turn.domain.0).await?;
    let micros = |time: Option<Timestamp>| time.map(Timestamp::as_microsecond);
    let written = conn
        .execute(
            query(TURN)
                .bind(turn.domain.0)
                .bind(turn.account.0)
                .bind(turn.version)
                .bind(micros(turn.due_at))
                .bind(turn.wanted.and_then(why_word))
                .bind(i64::from(turn.failures))
                .bind(turn.stuck.as_ref().map(|(since, _)| since.as_microsecond()))
                .bind(turn.stuck.as_ref().map(|(_, why)| stored::clean(why)))
                .bind(micros(turn.told_at)),
        )
        .await?;
    if written.rows_affected() == 0 {
        return Ok(false);
    }
    let before = ring(conn, turn.account, turn.domain).await?.map(|ring| ring.keys).unwrap_or_default();
    let mut changed = false;
    for ((selector, slot), before) in Selector::BOTH.into_iter().zip(&turn.slots).zip(&before) {
        changed |= set_slot(conn, turn, selector, slot, before.as_ref(), cause.at).await?;
    }
    if changed {
        published(conn, turn.account, turn.domain, cause.at).await?;
    }
    let entries = turn.events.iter().cloned().map(|event| Entry::domain(turn.account, turn.domain, event));
    events::add(conn, cause, &entries.collect::<Vec<_>>()).await?;
    notices::add(conn, turn.notice.as_slice(), cause.at).await?;
    Ok(true)
}

/// Makes a selector what it is to be; whether something else is published there
/// from now on.
async fn set_slot(
    conn: &mut Conn,
    turn: &Turn,
    selector: Selector,
    slot: &Slot,
    before: Option<&DkimKey>,
    now: Timestamp,
) -> Result<bool> {
    let at = |statement| {
        query(statement).bind(turn.domain.0).bind(turn.account.0).bind(i64::from(selector.number()))
    };
    match slot {
        Slot::Keep(held) => {
            let stage = &held.stage;
            keep(conn, turn.account, turn.domain, selector, held).await?;
            match stage {
                Stage::Active { .. } => {
                    conn.execute(at(SET_ACTIVE)).await?;
                }
                Stage::Retired { .. } | Stage::Revoked { .. } => {
                    conn.execute(at(DESTROY)).await?;
                }
                Stage::Next(_) | Stage::Companion(_) => {}
            }
            if let Some(before) = before {
                compromised(conn, before, stage, now).await?;
                proofs::proven(conn, turn, selector, [&before.held.stage, stage], now).await?;
            }
            let text = |stage: &Stage, key: &DkimKey| stage.record_text(key.held.algorithm, &key.public);
            Ok(before.is_some_and(|key| text(stage, key) != text(&key.held.stage, key)))
        }
        Slot::Clear => Ok(conn.execute(at(CLEAR_KEY)).await?.rows_affected() > 0),
        Slot::Put(key, held) => {
            conn.execute(at(CLEAR_KEY)).await?;
            put(conn, turn.account, turn.domain, key, held, now).await?;
            Ok(true)
        }
    }
}

/// What stands on a selector is this from now on.
pub(super) async fn keep(
    conn: &mut Conn,
    account: AccountId,
    domain: DomainId,
    selector: Selector,
    Held { stage, old_for, .. }: &Held,
) -> Result<()> {
    let keep = query(KEEP_KEY).bind(domain.0).bind(account.0).bind(i64::from(selector.number()));
    let published = stage.published().unwrap_or(Published::new(stage.since()));
    let keep = keep.bind(stage.as_str()).bind(published.at.as_microsecond());
    let keep = keep.bind(published.clear_at.map(Timestamp::as_microsecond));
    let keep = keep.bind(published.seen_at.map(Timestamp::as_microsecond));
    conn.execute(keep.bind(micros_of(*old_for))).await?;
    Ok(())
}

/// Notes a key that was in wrong hands: the one that is revoked without having been
/// retired before.
async fn compromised(conn: &mut Conn, key: &DkimKey, after: &Stage, now: Timestamp) -> Result<()> {
    let over = matches!(key.held.stage, Stage::Retired { .. } | Stage::Revoked { .. });
    if !over && matches!(after, Stage::Revoked { .. }) {
        let add = query(ADD_COMPROMISED).bind(hash(&key.public));
        conn.execute(add.bind(now.as_microsecond())).await?;
    }
    Ok(())
}

fn hash(public: &[u8]) -> Vec<u8> {
    Sha256::digest(public).to_vec()
}

/// See [`crate::store::KeyStore::is_compromised`].
pub(super) async fn is_compromised(conn: &mut Conn, public: &[u8]) -> Result<bool> {
    get(&conn.fetch_one(query(IS_COMPROMISED).bind(hash(public))).await?, "compromised")
}

fn micros_of(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// Puts a key where nothing stands.
async fn put(
    conn: &mut Conn,
    account: AccountId,
    domain: DomainId,
    key: &NewKey,
    Held { stage, old_for, .. }: &Held,
    now: Timestamp,
) -> Result<()> {
    sealed::must_seal(conn, &key.under).await?;
    let published = stage.published().unwrap_or(Published::new(stage.since()));
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
            .bind(published.at.as_microsecond())
            .bind(published.clear_at.map(Timestamp::as_microsecond))
            .bind(published.seen_at.map(Timestamp::as_microsecond))
            .bind(micros_of(*old_for))
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
    let mut ring = rotation(&row)?;
    for row in conn.fetch_all(query(KEYS).bind(domain.0).bind(account.0)).await? {
        let key = key(&row)?;
        let index = key.selector.index();
        ring.keys[index] = Some(key);
    }
    Ok(Some(ring))
}

/// A row of `rotation`, still without the keys.
pub(super) fn rotation(row: &Row) -> Result<KeyRing> {
    Ok(KeyRing {
        version: get(row, "version")?,
        keys: [None, None],
        wanted: get::<Option<&str>>(row, "wanted")?.map(why).transpose()?,
        due_at: get_time_opt(row, "due_at")?,
        failures: get_u32(row, "failures")?,
        stuck: get_time_opt(row, "stuck_since")?.zip(get::<Option<String>>(row, "stuck")?),
        told_at: get_time_opt(row, "told_at")?,
        restored: get(row, "restored")?,
    })
}

fn why_word(why: Why) -> Option<&'static str> {
    match why {
        Why::Asked => Some("asked"),
        Why::Compromised => Some("compromised"),
        // Time says so.
        Why::Period => None,
    }
}

fn why(word: &str) -> Result<Why> {
    match word {
        "asked" => Ok(Why::Asked),
        "compromised" => Ok(Why::Compromised),
        _ => Err(stored::corrupt("why a key is replaced", word)),
    }
}

/// A row of `dkim_key`.
pub(super) fn key(row: &Row) -> Result<DkimKey> {
    let (algorithm, stage, origin): (&str, &str, &str) =
        (get(row, "algorithm")?, get(row, "stage")?, get(row, "origin")?);
    let held = Held {
        algorithm: Algorithm::parse(algorithm)
            .ok_or_else(|| stored::corrupt("a key's algorithm", algorithm))?,
        origin: KeyOrigin::parse(origin).ok_or_else(|| stored::corrupt("a key's origin", origin))?,
        stage: Stage::parse(
            stage,
            Published {
                at: get_time(row, "since")?,
                clear_at: get_time_opt(row, "clear_at")?,
                seen_at: get_time_opt(row, "seen_at")?,
            },
        )
        .ok_or_else(|| stored::corrupt("a key's stage", stage))?,
        old_for: SignedDuration::from_micros(get(row, "old_for")?),
    };
    Ok(DkimKey {
        id: get(row, "key_id")?,
        selector: stored::selector(get(row, "selector")?)?,
        held,
        public: get(row, "public")?,
        created_at: get_time(row, "created_at")?,
    })
}
