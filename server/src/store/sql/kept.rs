//! Single values of the whole installation.

use super::{Conn, query, rows::get, sealed};
use crate::store::Result;
use sqlx::Executor as _;

statements! {
    GET = "SELECT value FROM meta WHERE name = $1";
    ADD = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    REPLACE = "UPDATE meta SET value = $3 WHERE name = $1 AND value = $2";
}

/// See [`crate::store::KeptStore::kept`].
pub(super) async fn kept(conn: &mut Conn, name: &str) -> Result<Option<String>> {
    let row = conn.fetch_optional(query(GET).bind(name)).await?;
    row.map(|row| get(&row, "value")).transpose()
}

/// See [`crate::store::KeptStore::keep_first`].
pub(super) async fn keep_first(conn: &mut Conn, name: &str, value: &str, under: &str) -> Result<String> {
    sealed::must_seal(conn, under).await?;
    conn.execute(query(ADD).bind(name).bind(value)).await?;
    get(&conn.fetch_one(query(GET).bind(name)).await?, "value")
}

/// See [`crate::store::KeptStore::replace_kept`].
pub(super) async fn replace(conn: &mut Conn, name: &str, before: Option<&str>, value: &str) -> Result<bool> {
    let written = match before {
        Some(before) => query(REPLACE).bind(name).bind(before).bind(value),
        None => query(ADD).bind(name).bind(value),
    };
    Ok(conn.execute(written).await?.rows_affected() > 0)
}
