//! What our zone publishes, and what has changed in it.

use super::{Conn, Row, dialect, query, rows::get};
use crate::store::{
    KeyTexts, Result, StoreError, ZoneChanges, ZoneDomain,
    stored::{self, json, time},
};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    names::{Name, RecordId},
    rotation::{Algorithm, Published, Stage},
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

/// How long it is known what has changed. Whoever has not asked for longer
/// reads everything.
const KEPT: SignedDuration = SignedDuration::from_hours(24);
/// More changes than this are everything.
const TOLD: i64 = 10_000;

const SERIAL: &str = "zone_serial";
/// The digest of what in the zone the settings decide.
const FIXED: &str = "zone_fixed";

statements! {
    PUBLISHED = concat!(select_published!("WHERE d.record_id IN "), words!("1"));
    DEMO_RECORD_ID = "SELECT record_id FROM domain WHERE name = $1 AND demo";
    ZONE_PAGE = select_published!("WHERE d.record_id > $1 ORDER BY d.record_id LIMIT $2");
    RECORD_IDS = "SELECT record_id FROM domain WHERE record_id > $1 ORDER BY record_id LIMIT $2";
    DEMOS = "SELECT name, record_id FROM domain WHERE demo AND name > $1 ORDER BY name LIMIT $2";
    CHANGED = "INSERT INTO zone_change (record_id, at) VALUES ($1, $2)";
    META = "SELECT name, value FROM meta WHERE name IN ('zone_serial', 'zone_fixed')";
    SET_META = "INSERT INTO meta (name, value) VALUES ($1, $2) \
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    ANY_NEW = "SELECT EXISTS (SELECT 1 FROM zone_change WHERE serial IS NULL) AS any_new";
    PUBLISH = "UPDATE zone_change SET serial = $1 WHERE serial IS NULL";
    CHANGES = "SELECT record_id FROM zone_change WHERE serial > $1 AND serial <= $2 ORDER BY serial LIMIT $3";
    SWEEP = "DELETE FROM zone_change WHERE serial IS NOT NULL AND at < $1";
    FORGET_FIXED = "DELETE FROM meta WHERE name = 'zone_fixed'";
}

/// Notes that what our zone holds of the domain with this record id is another
/// from this transaction on.
pub(super) async fn changed(conn: &mut Conn, id: &RecordId, at: Timestamp) -> Result<()> {
    conn.execute(query(CHANGED).bind(id.as_str()).bind(at.as_microsecond())).await?;
    Ok(())
}

/// See [`crate::store::ZoneStore::published_keys`].
pub(super) async fn published(conn: &mut Conn, id: &RecordId) -> Result<Option<KeyTexts>> {
    Ok(domains(conn, std::slice::from_ref(id)).await?.pop().map(|domain| domain.keys))
}

/// See [`crate::store::ZoneStore::zone_domains`].
pub(super) async fn domains(conn: &mut Conn, ids: &[RecordId]) -> Result<Vec<ZoneDomain>> {
    let ids: Vec<&str> = ids.iter().map(RecordId::as_str).collect();
    conn.fetch_all(query(PUBLISHED).bind(json(&ids))).await?.iter().map(zone_domain).collect()
}

/// See [`crate::store::ZoneStore::record_ids`].
pub(super) async fn record_ids(
    conn: &mut Conn,
    after: Option<&RecordId>,
    limit: u32,
) -> Result<Vec<RecordId>> {
    let after = after.map_or("", |id| id.as_str());
    let rows = conn.fetch_all(query(RECORD_IDS).bind(after).bind(i64::from(limit))).await?;
    rows.iter().map(|row| stored::record_id(get(row, "record_id")?)).collect()
}

/// See [`crate::store::ZoneStore::demos`].
pub(super) async fn demos(
    conn: &mut Conn,
    after: Option<&Name>,
    limit: u32,
) -> Result<Vec<(Name, RecordId)>> {
    let after = after.map_or("", |name| name.as_str());
    let rows = conn.fetch_all(query(DEMOS).bind(after).bind(i64::from(limit))).await?;
    let demo = |row| {
        let name = stored::domain_name(get(row, "name")?)?;
        Ok((name.name().clone(), stored::record_id(get(row, "record_id")?)?))
    };
    rows.iter().map(demo).collect()
}

/// The serial and the digest of the fixed part that it was given for.
async fn meta(conn: &mut Conn) -> Result<(Option<i64>, Option<String>)> {
    let (mut serial, mut fixed) = (None, None);
    for row in conn.fetch_all(query(META)).await? {
        let value: String = get(&row, "value")?;
        match get(&row, "name")? {
            SERIAL => serial = Some(value.parse().map_err(|_| stored::corrupt("the zone's serial", value))?),
            _ => fixed = Some(value),
        }
    }
    Ok((serial, fixed))
}

/// The serial that is to be given now, or the one there is where none is.
async fn next_serial(
    conn: &mut Conn,
    fixed: Option<&str>,
    now: Timestamp,
) -> Result<std::result::Result<i64, i64>> {
    // Asked first: where there is nothing any more, the serial read after that is
    // the one it was given.
    let any_new: bool = get(&conn.fetch_one(query(ANY_NEW)).await?, "any_new")?;
    let (serial, before) = meta(conn).await?;
    let now = now.as_second();
    let Some(serial) = serial else { return Ok(Ok(now)) };
    // The time, so that a backup restored goes on above what it had come to
    // since; and above the last in any case.
    let next = now.max(serial + 1);
    if fixed.is_some_and(|fixed| before.as_deref() != Some(fixed)) {
        return Ok(Ok(next));
    }
    // One in a second, by clocks that differ by no more than one.
    let is_due = any_new && !(now..=now + 1).contains(&serial);
    Ok(if is_due { Ok(next) } else { Err(serial) })
}

/// The serial, where nothing is to be published.
pub(super) async fn settled(conn: &mut Conn, fixed: Option<&str>, now: Timestamp) -> Result<Option<i64>> {
    Ok(next_serial(conn, fixed, now).await?.err())
}

/// See [`crate::store::ZoneStore::publish_zone`].
pub(super) async fn publish(conn: &mut Conn, fixed: Option<&str>, now: Timestamp) -> Result<i64> {
    if let Some(statement) = dialect::LOCK_ZONE {
        conn.execute(query(statement)).await?;
    }
    let serial = match next_serial(conn, fixed, now).await? {
        Ok(next) => next,
        // Another was faster.
        Err(serial) => return Ok(serial),
    };
    conn.execute(query(PUBLISH).bind(serial)).await?;
    conn.execute(query(SET_META).bind(SERIAL).bind(serial.to_string())).await?;
    if let Some(fixed) = fixed {
        conn.execute(query(SET_META).bind(FIXED).bind(fixed)).await?;
    }
    Ok(serial)
}

/// See [`crate::store::ZoneStore::zone_changes`].
pub(super) async fn changes(conn: &mut Conn, since: Option<i64>) -> Result<ZoneChanges> {
    // First, since what has this serial or a lower one is there to be seen.
    let (serial, _) = meta(conn).await?;
    let serial = serial.ok_or_else(|| StoreError::Corrupt("the zone has no serial".to_string()))?;
    let Some(since) = since.filter(|since| *since <= serial) else {
        return Ok(ZoneChanges { serial, ids: None });
    };
    if since == serial {
        return Ok(ZoneChanges { serial, ids: Some(Vec::new()) });
    }
    let rows = conn.fetch_all(query(CHANGES).bind(since).bind(serial).bind(TOLD + 1)).await?;
    if i64::try_from(rows.len()).is_ok_and(|rows| rows > TOLD) {
        return Ok(ZoneChanges { serial, ids: None });
    }
    let ids = rows.iter().map(|row| stored::record_id(get(row, "record_id")?)).collect::<Result<_>>()?;
    Ok(ZoneChanges { serial, ids: Some(ids) })
}

/// See [`crate::store::Store::sweep`]. What has no serial is still to be told.
pub(super) async fn sweep(conn: &mut Conn, now: Timestamp) -> Result<()> {
    let before = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
    conn.execute(query(SWEEP).bind(before.as_microsecond())).await?;
    Ok(())
}

/// The zone is not what was published last: whoever publishes next gives it a
/// serial of its own, above all that ever were.
pub(super) async fn restored(conn: &mut Conn) -> Result<()> {
    conn.execute(query(FORGET_FIXED)).await?;
    Ok(())
}

fn key_texts(row: &Row) -> Result<KeyTexts> {
    let text = |algorithm: &str, stage: &str, since: &str, public: &str| -> Result<Option<String>> {
        let Some(word) = get::<Option<&str>>(row, stage)? else {
            return Ok(None);
        };
        let stage = Stage::parse(word, Published::new(time(since, get(row, since)?)?));
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
    rows.iter().map(zone_domain).collect()
}

fn zone_domain(row: &Row) -> Result<ZoneDomain> {
    let demo: bool = get(row, "demo")?;
    Ok(ZoneDomain {
        record_id: stored::record_id(get(row, "record_id")?)?,
        keys: key_texts(row)?,
        demo_name: if demo { Some(stored::domain_name(get(row, "name")?)?) } else { None },
    })
}
