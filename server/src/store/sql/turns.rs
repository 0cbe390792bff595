//! The rotations of all domains together.

use super::{
    Conn,
    domains::{domain_columns, domain_source},
    keys, query,
    rows::{self, get},
};
use crate::store::{Domain, DomainId, KeyRing, Result};
use jiff::{SignedDuration, Timestamp};
use sqlx::Executor as _;
use std::collections::HashMap;

statements! {
    COUNT_ROTATIONS = "SELECT COUNT(*) AS rotations FROM rotation";
    ROTATION_IDS = "SELECT domain_id FROM rotation WHERE domain_id > $1 ORDER BY domain_id LIMIT $2";
    // Those of one second have neighbours in others: numbers are given one after the other.
    MAKE_DUE = "UPDATE rotation SET due_at = CAST($3 AS BIGINT) + domain_id % CAST($4 AS BIGINT) * 1000000 \
        WHERE domain_id > $1 AND domain_id <= $2 \
        AND (due_at IS NULL OR due_at > CAST($3 AS BIGINT) + domain_id % CAST($4 AS BIGINT) * 1000000)";
    TURNED_DOMAINS = concat!(
        "SELECT ", domain_columns!(), domain_source!(),
        "JOIN rotation r ON r.domain_id = d.id WHERE d.id > $1 ORDER BY d.id LIMIT $2"
    );
    ROTATIONS = "SELECT r.domain_id, r.version, r.due_at, r.wanted, r.failures, r.stuck_since, r.stuck, r.told_at, \
        d.restored FROM rotation r JOIN domain d ON d.id = r.domain_id WHERE r.domain_id > $1 AND r.domain_id <= $2";
    KEYS_OF_PAGE = "SELECT domain_id, selector, key_id, algorithm, origin, public, stage, since, clear_at, \
        seen_at, old_for, created_at FROM dkim_key WHERE domain_id > $1 AND domain_id <= $2";
}

/// See [`crate::store::KeyStore::count_rotations`].
pub(super) async fn count(conn: &mut Conn) -> Result<u64> {
    let rotations: i64 = get(&conn.fetch_one(query(COUNT_ROTATIONS)).await?, "rotations")?;
    Ok(rotations.unsigned_abs())
}

/// See [`crate::store::KeyStore::make_rotations_due`].
pub(super) async fn make_due(
    conn: &mut Conn,
    after: Option<DomainId>,
    limit: u32,
    at: Timestamp,
    over: SignedDuration,
) -> Result<Option<DomainId>> {
    let after = after.map_or(i64::MIN, |id| id.0);
    let page = conn.fetch_all(query(ROTATION_IDS).bind(after).bind(i64::from(limit))).await?;
    let Some(last) = page.last() else { return Ok(None) };
    let last: i64 = get(last, "domain_id")?;
    let make_due = query(MAKE_DUE).bind(after).bind(last).bind(at.as_microsecond());
    conn.execute(make_due.bind(over.as_secs().max(1))).await?;
    Ok(Some(DomainId(last)))
}

/// See [`crate::store::KeyStore::key_rings`].
pub(super) async fn rings(
    conn: &mut Conn,
    after: Option<DomainId>,
    limit: u32,
) -> Result<Vec<(Domain, KeyRing)>> {
    let after = after.map_or(i64::MIN, |id| id.0);
    let page = conn.fetch_all(query(TURNED_DOMAINS).bind(after).bind(i64::from(limit))).await?;
    let domains = page.iter().map(rows::whole_domain).collect::<Result<Vec<_>>>()?;
    let Some(last) = domains.last().map(|domain| domain.id.0) else { return Ok(Vec::new()) };
    let mut rings = HashMap::with_capacity(domains.len());
    for row in conn.fetch_all(query(ROTATIONS).bind(after).bind(last)).await? {
        rings.insert(get::<i64>(&row, "domain_id")?, keys::rotation(&row)?);
    }
    for row in conn.fetch_all(query(KEYS_OF_PAGE).bind(after).bind(last)).await? {
        if let Some(ring) = rings.get_mut(&get::<i64>(&row, "domain_id")?) {
            let key = keys::key(&row)?;
            let index = key.selector.index();
            ring.keys[index] = Some(key);
        }
    }
    let with_ring = |domain: Domain| rings.remove(&domain.id.0).map(|ring| (domain, ring));
    Ok(domains.into_iter().filter_map(with_ring).collect())
}
