//! What an account has done before, for the review.

use super::{Conn, query, rows::get};
use crate::store::{AccountId, AccountRecord, DomainId, Result, stored};
use jiff::Timestamp;
use sqlx::Executor as _;

statements! {
    RECORD = "SELECT \
        (SELECT COUNT(*) FROM domain WHERE account_id = $1 AND NOT demo AND created_at >= $2) AS created, \
        (SELECT name FROM domain WHERE account_id = $1 AND id <> $3 AND decision = 'rejected' \
         ORDER BY id LIMIT 1) AS rejected";
}

/// See [`crate::store::ReviewStore::account_record`].
pub(super) async fn record(
    conn: &mut Conn,
    account: AccountId,
    but: DomainId,
    since: Timestamp,
) -> Result<AccountRecord> {
    let row = conn.fetch_one(query(RECORD).bind(account.0).bind(since.as_microsecond()).bind(but.0)).await?;
    Ok(AccountRecord {
        created: get::<i64>(&row, "created")?.unsigned_abs(),
        rejected: get::<Option<&str>>(&row, "rejected")?.map(stored::name).transpose()?,
    })
}
