//! What concerns the operator: how many domains lose their verification at
//! about the same time, and what was told.

use super::{
    Conn,
    events::{self, Entry},
    query,
    rows::get,
};
use crate::store::{AccountId, Cause, Demotions, EventKind, Matter, Message, NewEvent, Result, stored::json};
use jiff::Timestamp;
use signet_core::lifecycle::freeze::{AtStake, WINDOW};
use sqlx::Executor as _;

statements! {
    LOST_SINCE = "SELECT COUNT(*) AS domains FROM domain WHERE dns_state = 'lost' AND dns_at > $1";
    // At risk with the deadline near or past, and those that have no grace left
    // once what is wrong is confirmed.
    LOSING_UNTIL = "SELECT COUNT(*) AS domains FROM domain \
        WHERE (dns_state = 'at_risk' AND dns_deadline <= $1) \
        OR (dns_state = 'suspect' AND dns_unaligned_since IS NOT NULL)";
    VERIFIED = "SELECT COUNT(*) AS domains FROM domain \
        WHERE dns_state IN ('verified', 'suspect', 'at_risk') AND NOT demo";
    GET_MARK = "SELECT value FROM meta WHERE name = $1";
    SET_MARK = "INSERT INTO meta (name, value) VALUES ($1, $2) \
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    ADD_MARK = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    REMOVE_MARK = "DELETE FROM meta WHERE name = $1";
    ADD_NOTICE = "INSERT INTO outbox (account_id, message, queued_at, due_at) VALUES ($1, $2, $3, $3)";
}

const RELEASED: &str = "demotions_released_until";

/// See [`crate::store::Store::demotions`].
pub(super) async fn demotions(conn: &mut Conn, now: Timestamp) -> Result<Demotions> {
    let lost = count(conn, LOST_SINCE, Some(now.saturating_sub(WINDOW).unwrap_or(Timestamp::MIN))).await?;
    let losing =
        count(conn, LOSING_UNTIL, Some(now.saturating_add(WINDOW).unwrap_or(Timestamp::MAX))).await?;
    let mut at_stake = AtStake { lost, losing, verified: 0 };
    // Counting them reads the index from end to end, so only where it matters.
    if at_stake.is_many() {
        at_stake.verified = count(conn, VERIFIED, None).await?;
    }
    Ok(Demotions { at_stake, released_until: mark(conn, RELEASED).await? })
}

async fn count(conn: &mut Conn, statement: &'static str, at: Option<Timestamp>) -> Result<u64> {
    let mut query = query(statement);
    if let Some(at) = at {
        query = query.bind(at.as_microsecond());
    }
    let domains: i64 = get(&conn.fetch_one(query).await?, "domains")?;
    Ok(domains.unsigned_abs())
}

async fn mark(conn: &mut Conn, name: &str) -> Result<Option<Timestamp>> {
    let Some(row) = conn.fetch_optional(query(GET_MARK).bind(name)).await? else { return Ok(None) };
    let text: String = get(&row, "value")?;
    text.parse().map(Some).map_err(|error| crate::store::stored::corrupt(name, error))
}

/// See [`crate::store::Store::raise`].
pub(super) async fn raise(
    conn: &mut Conn,
    matter: Matter,
    account: AccountId,
    notice: &Message,
    now: Timestamp,
) -> Result<bool> {
    let added =
        conn.execute(query(ADD_MARK).bind(matter.as_str()).bind(now.to_string())).await?.rows_affected();
    if added > 0 {
        let notice = query(ADD_NOTICE).bind(account.0).bind(json(notice)).bind(now.as_microsecond());
        conn.execute(notice).await?;
    }
    Ok(added > 0)
}

/// See [`crate::store::Store::settle`].
pub(super) async fn settle(conn: &mut Conn, matter: Matter) -> Result<bool> {
    Ok(conn.execute(query(REMOVE_MARK).bind(matter.as_str())).await?.rows_affected() > 0)
}

/// See [`crate::store::Store::release_demotions`].
pub(super) async fn release(conn: &mut Conn, until: Timestamp, cause: &Cause) -> Result<()> {
    conn.execute(query(SET_MARK).bind(RELEASED).bind(until.to_string())).await?;
    let event = NewEvent { to: Some(until.to_string()), ..NewEvent::of(EventKind::DemotionsReleased) };
    events::add_one(conn, cause, Entry::account(AccountId::INSTALLATION, event)).await
}
