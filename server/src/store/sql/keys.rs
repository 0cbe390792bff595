//! DKIM keys, and what our zone publishes.

use super::{
    Conn,
    events::{self, Entry},
    query,
    rows::get,
};
use crate::store::{
    AccountId, Cause, DomainId, EventKind, Keyless, NewEvent, NewKey, Result, ZoneDomain, stored,
};
use signet_core::names::RecordId;
use sqlx::Executor as _;

/// Domains with their public keys.
macro_rules! select_published {
    ($rest:literal) => {
        concat!(
            "SELECT d.record_id, d.name, d.demo, k1.public AS key1, k2.public AS key2 FROM domain d \
             LEFT JOIN dkim_key k1 ON k1.domain_id = d.id AND k1.selector = 1 \
             LEFT JOIN dkim_key k2 ON k2.domain_id = d.id AND k2.selector = 2 ",
            $rest
        )
    };
}

statements! {
    KEYLESS = "SELECT id, account_id, record_id FROM domain \
        WHERE NOT keyed AND dns_verified ORDER BY id LIMIT $1";
    // Also the lock: of two that bring keys one finds the domain without.
    SET_KEYED = "UPDATE domain SET keyed = TRUE \
        WHERE id = $1 AND account_id = $2 AND record_id = $3 AND NOT keyed";
    ADD_KEY = "INSERT INTO dkim_key (domain_id, selector, public, sealed, created_at) \
        VALUES ($1, $2, $3, $4, $5)";
    PUBLISHED = select_published!("WHERE d.record_id = $1");
    DEMO_RECORD_ID = "SELECT record_id FROM domain WHERE name = $1 AND demo";
    ZONE_PAGE = select_published!("WHERE d.record_id > $1 ORDER BY d.record_id LIMIT $2");
}

/// See [`crate::store::Store::keyless`].
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

/// See [`crate::store::Store::add_keys`].
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
        conn.execute(
            query(ADD_KEY)
                .bind(domain.domain.0)
                .bind(i64::from(key.selector))
                .bind(&key.public[..])
                .bind(&key.sealed[..])
                .bind(cause.at.as_microsecond()),
        )
        .await?;
    }
    let event = NewEvent::of(EventKind::KeysCreated);
    events::add_one(conn, cause, Entry::domain(domain.account, domain.domain, event)).await?;
    Ok(true)
}

/// See [`crate::store::Store::published_keys`].
pub(super) async fn published(conn: &mut Conn, id: &RecordId) -> Result<Option<[Option<Vec<u8>>; 2]>> {
    let row = conn.fetch_optional(query(PUBLISHED).bind(id.as_str())).await?;
    row.map(|row| Ok([get(&row, "key1")?, get(&row, "key2")?])).transpose()
}

/// See [`crate::store::Store::demo_record_id`].
pub(super) async fn demo_record_id(conn: &mut Conn, name: &str) -> Result<Option<RecordId>> {
    let row = conn.fetch_optional(query(DEMO_RECORD_ID).bind(name)).await?;
    row.map(|row| stored::record_id(get(&row, "record_id")?)).transpose()
}

/// See [`crate::store::Store::zone_page`].
pub(super) async fn zone_page(
    conn: &mut Conn,
    after: Option<&RecordId>,
    limit: u32,
) -> Result<Vec<ZoneDomain>> {
    let after = after.map_or("", |id| id.as_str());
    let rows = conn.fetch_all(query(ZONE_PAGE).bind(after).bind(i64::from(limit))).await?;
    rows.iter()
        .map(|row| {
            let demo: bool = get(row, "demo")?;
            Ok(ZoneDomain {
                record_id: stored::record_id(get(row, "record_id")?)?,
                keys: [get(row, "key1")?, get(row, "key2")?],
                demo_name: if demo { Some(stored::domain_name(get(row, "name")?)?) } else { None },
            })
        })
        .collect()
}
