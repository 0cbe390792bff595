//! What our zone publishes, and what has changed in it.

use super::{Conn, Row, query, rows::get};
use crate::store::{
    KeyTexts, Result, ZoneDomain,
    stored::{self, time},
};
use jiff::Timestamp;
use signet_core::{
    names::RecordId,
    rotation::{Algorithm, Stage},
};
use sqlx::Executor as _;

/// Domains with what stands on their selectors.
macro_rules! select_published {
    ($rest:literal) => {
        concat!(
            "SELECT d.record_id, d.name, d.demo, \
             k1.algorithm AS algorithm1, k1.stage AS stage1, k1.since AS since1, k1.public AS public1, \
             k2.algorithm AS algorithm2, k2.stage AS stage2, k2.since AS since2, k2.public AS public2 \
             FROM domain d \
             LEFT JOIN dkim_key k1 ON k1.domain_id = d.id AND k1.selector = 1 \
             LEFT JOIN dkim_key k2 ON k2.domain_id = d.id AND k2.selector = 2 ",
            $rest
        )
    };
}

statements! {
    PUBLISHED = select_published!("WHERE d.record_id = $1");
    DEMO_RECORD_ID = "SELECT record_id FROM domain WHERE name = $1 AND demo";
    ZONE_PAGE = select_published!("WHERE d.record_id > $1 ORDER BY d.record_id LIMIT $2");
    CHANGED = "INSERT INTO zone_change (record_id, at) VALUES ($1, $2)";
}

/// Notes that what our zone holds of the domain with this record id is another
/// from this transaction on.
pub(super) async fn changed(conn: &mut Conn, id: &RecordId, at: Timestamp) -> Result<()> {
    conn.execute(query(CHANGED).bind(id.as_str()).bind(at.as_microsecond())).await?;
    Ok(())
}

/// See [`crate::store::ZoneStore::published_keys`].
pub(super) async fn published(conn: &mut Conn, id: &RecordId) -> Result<Option<KeyTexts>> {
    let row = conn.fetch_optional(query(PUBLISHED).bind(id.as_str())).await?;
    row.map(|row| key_texts(&row)).transpose()
}

fn key_texts(row: &Row) -> Result<KeyTexts> {
    let text = |algorithm: &str, stage: &str, since: &str, public: &str| -> Result<Option<String>> {
        let Some(word) = get::<Option<&str>>(row, stage)? else {
            return Ok(None);
        };
        let stage = Stage::parse(word, time(since, get(row, since)?)?, None, None);
        let stage = stage.ok_or_else(|| stored::corrupt("a key's stage", word))?;
        let word: &str = get(row, algorithm)?;
        let algorithm = Algorithm::parse(word).ok_or_else(|| stored::corrupt("a key's algorithm", word))?;
        Ok(stage.record_text(algorithm, get(row, public)?))
    };
    Ok([
        text("algorithm1", "stage1", "since1", "public1")?,
        text("algorithm2", "stage2", "since2", "public2")?,
    ])
}

/// See [`crate::store::ZoneStore::demo_record_id`].
pub(super) async fn demo_record_id(conn: &mut Conn, name: &str) -> Result<Option<RecordId>> {
    let row = conn.fetch_optional(query(DEMO_RECORD_ID).bind(name)).await?;
    row.map(|row| stored::record_id(get(&row, "record_id")?)).transpose()
}

/// See [`crate::store::ZoneStore::zone_page`].
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
                keys: key_texts(row)?,
                demo_name: if demo { Some(stored::domain_name(get(row, "name")?)?) } else { None },
            })
        })
        .collect()
}
