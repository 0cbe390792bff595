//! A [`dump`](crate::store::dump) into an empty database.

use super::{
    Conn, Query, accounts,
    backup::{Kind, TABLES, Table},
    dialect, query,
    rows::get,
    schema, zone,
};
use crate::store::{
    Result, StoreError,
    dump::{Contents, Line, Reader},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use sqlx::Executor as _;
use std::path::Path;

statements! {
    CLEAR_META = "DELETE FROM meta";
    // What was proven is proven no more. The key that signed waits to, and stands there
    // for longest: it is the first to be proven. What was seen before it began to is over.
    UNPROVE = "UPDATE dkim_key SET clear_at = NULL, seen_at = NULL, \
        old_for = CASE WHEN stage = 'active' THEN 0 ELSE old_for END, \
        since = CASE WHEN stage = 'active' THEN since ELSE $1 END, \
        stage = CASE WHEN stage = 'active' THEN 'next' ELSE stage END \
        WHERE stage IN ('active', 'next', 'companion')";
    // Also where nothing signed, or was to sign, when the backup was made.
    RESTORED = "UPDATE domain SET restored = TRUE";
    TURN_ALL = "UPDATE rotation SET version = version + 1, lease_until = 0, failures = 0, due_at = $1";
    LOOK_AT_ALL = "UPDATE look SET digest = NULL, due_at = $1 WHERE due_at IS NOT NULL";
}

fn refused(why: impl Into<String>) -> StoreError {
    StoreError::Backup(why.into())
}

/// See [`crate::store::Store::restore`]; `contents` is what the file was found
/// to hold.
pub(super) async fn fill(conn: &mut Conn, file: &Path, contents: &Contents) -> Result<()> {
    if contents.schema != schema() {
        return Err(refused(format!(
            "the backup has schema {}, this program {}: restore it with the version that made it, then upgrade",
            contents.schema,
            schema()
        )));
    }
    if let Some(statement) = dialect::LOCK_INSTALLATION {
        conn.execute(query(statement)).await?;
    }
    if !accounts::is_empty(conn).await? {
        return Err(refused("the database is not empty: a backup is restored into a new one only"));
    }
    conn.execute(query(CLEAR_META)).await?;
    let mut reader = Reader::open(file).await?;
    let mut last = None;
    while let Some(line) = reader.next().await? {
        match &line {
            Line::Header { .. } | Line::Trailer { .. } => {}
            Line::Row { table, row } => {
                let table = known(table)?;
                conn.execute(bound(table, row)?).await?;
            }
            Line::Sequence { sequence, last } => {
                let table = known(sequence)?;
                conn.execute(query(dialect::FORGET_SEQUENCE).bind(table.name)).await?;
                if *last > 0 {
                    conn.execute(query(dialect::SET_SEQUENCE).bind(table.name).bind(*last)).await?;
                }
            }
        }
        last = Some(line);
    }
    if !last.is_some_and(|line| contents.ends_with(&line)) {
        return Err(refused("the backup was changed while it was read"));
    }
    look_anew(conn).await?;
    zone::restored(conn).await
}

/// The world may have moved on since the backup: records, and keys, which have been
/// replaced perhaps. Everything is looked at before it is believed, and nothing is
/// signed until then, nor before older answers are forgotten.
async fn look_anew(conn: &mut Conn) -> Result<()> {
    let now: i64 = get(&conn.fetch_one(query(dialect::NOW)).await?, "now")?;
    conn.execute(query(RESTORED)).await?;
    for statement in [UNPROVE, TURN_ALL, LOOK_AT_ALL] {
        conn.execute(query(statement).bind(now)).await?;
    }
    Ok(())
}

fn known(name: &str) -> Result<&'static Table> {
    let table = TABLES.iter().find(|table| table.name == name);
    table.ok_or_else(|| refused(format!("the backup has a table {name:?}, which is not known here")))
}

fn bound(table: &Table, row: &Map<String, Value>) -> Result<Query> {
    let unreadable = |column| refused(format!("the backup's table {} has no readable {column}", table.name));
    if row.len() != table.columns.len() {
        return Err(refused(format!("a row of the backup's table {} has other columns", table.name)));
    }
    let mut query: Query = sqlx::query(table.insert());
    for &(column, kind) in table.columns {
        let value = row.get(column).ok_or_else(|| unreadable(column))?;
        query = match (kind, value) {
            (Kind::Int, Value::Null) => query.bind(None::<i64>),
            (Kind::Bool, Value::Null) => query.bind(None::<bool>),
            (Kind::Text, Value::Null) => query.bind(None::<String>),
            (Kind::Bytes, Value::Null) => query.bind(None::<Vec<u8>>),
            (Kind::Int, value) => query.bind(value.as_i64().ok_or_else(|| unreadable(column))?),
            (Kind::Bool, value) => query.bind(value.as_bool().ok_or_else(|| unreadable(column))?),
            (Kind::Text, value) => query.bind(value.as_str().ok_or_else(|| unreadable(column))?.to_string()),
            (Kind::Bytes, value) => {
                let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
                query.bind(bytes.ok_or_else(|| unreadable(column))?)
            }
        };
    }
    Ok(query)
}
