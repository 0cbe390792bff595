//! Whose turn it is to be looked at, and who asked for it. What a look changes
//! is in [`super::apply`].

use super::{
    Conn, Query, Row, dialect,
    domains::{domain_columns, domain_source},
    query,
    rows::{self, Fields, get, get_time_opt},
};
use crate::store::{
    AccountId, DomainId, Due, Result, Tally,
    stored::{corrupt, json},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use signet_core::{lifecycle::DnsState, schedule};
use sqlx::Executor as _;

statements! {
    // A demo domain is never due: whoever asks has the answer already.
    REQUEST_CHECK = "UPDATE look SET check_wanted = check_wanted + 1, \
        check_done = CASE WHEN due_at IS NULL THEN check_wanted + 1 ELSE check_done END, \
        due_at = CASE WHEN due_at > CAST($3 AS BIGINT) THEN CAST($3 AS BIGINT) ELSE due_at END \
        WHERE domain_id = $1 AND account_id = $2 RETURNING check_wanted AS ticket";
    COVERED = "SELECT check_done FROM look WHERE domain_id = $1 AND account_id = $2";
    NEXT_OF_ALL = "SELECT MAX(domain_id) AS last, COUNT(*) AS domains FROM (SELECT domain_id FROM look \
        WHERE domain_id > $1 AND due_at IS NOT NULL AND (CAST($2 AS BIGINT) IS NULL OR account_id = $2) \
        ORDER BY domain_id LIMIT $3) AS batch";
    REQUEST_ALL = "UPDATE look SET check_wanted = check_wanted + 1, \
        due_at = CASE WHEN due_at > CAST($4 AS BIGINT) THEN CAST($4 AS BIGINT) ELSE due_at END \
        WHERE domain_id > $1 AND domain_id <= $3 AND due_at IS NOT NULL \
        AND (CAST($2 AS BIGINT) IS NULL OR account_id = $2)";
    OUTSTANDING = "SELECT COUNT(*) AS outstanding FROM look WHERE check_wanted > check_done \
        AND (CAST($1 AS BIGINT) IS NULL OR account_id = $1)";
    TALLY = "SELECT d.dns_state, COUNT(*) AS domains, \
        CAST(SUM(CASE WHEN l.failures > 0 THEN 1 ELSE 0 END) AS BIGINT) AS unseen \
        FROM domain d JOIN look l ON l.domain_id = d.id \
        WHERE NOT d.demo AND (CAST($1 AS BIGINT) IS NULL OR d.account_id = $1) GROUP BY d.dns_state";
    CLAIMED = concat!(
        "SELECT ", domain_columns!(), ", l.version, l.check_wanted, l.check_done, l.failures, l.suspicions, \
         l.due_at, EXISTS (SELECT 1 FROM domain r WHERE r.name = d.name AND r.dns_verified = TRUE \
            AND r.account_id <> d.account_id) AS rival, l.sent_at",
        domain_source!(),
        "WHERE l.domain_id IN ", taken!()
    );
    // As if asked for: one that is being looked at now is looked at once more
    // afterwards.
    WAKE_RIVALS = "UPDATE look SET due_at = $3, check_wanted = check_wanted + 1 \
        WHERE domain_id IN (SELECT id FROM domain WHERE name = $1 AND account_id <> $2) \
        AND due_at IS NOT NULL";
    // Those that have their turn together stay together.
    SPREAD_OVERDUE = concat!(
        "UPDATE look SET due_at = CAST($1 AS BIGINT) + (domain_id / CAST($6 AS BIGINT) * 7919 % 1000) \
            * (CAST($2 AS BIGINT) / 1000) \
         WHERE domain_id IN (SELECT l.domain_id FROM look l JOIN domain d ON d.id = l.domain_id \
            WHERE l.", due!(), " <= $3 AND l.check_wanted = l.check_done \
            AND NOT (d.dns_state = 'pending' AND d.created_at > $4) ORDER BY l.", due!(), " LIMIT $5)"
    );
}

/// Somebody waits for a check that was asked for, so it goes before whatever has
/// been merely due for less than this.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);
/// Domains that one transaction makes due, or spreads: it holds other writers up
/// for some hundredths of a second.
const BATCH: i64 = 5_000;

/// See [`crate::store::Store::request_check`].
pub(super) async fn request(
    conn: &mut Conn,
    account: AccountId,
    id: DomainId,
    now: Timestamp,
) -> Result<Option<i64>> {
    let ahead = now.saturating_sub(AHEAD).unwrap_or(Timestamp::MIN).as_microsecond();
    let row = conn.fetch_optional(query(REQUEST_CHECK).bind(id.0).bind(account.0).bind(ahead)).await?;
    row.map(|row| get(&row, "ticket")).transpose()
}

/// See [`crate::store::Store::covered`].
pub(super) async fn covered(conn: &mut Conn, account: AccountId, id: DomainId) -> Result<Option<i64>> {
    let row = conn.fetch_optional(query(COVERED).bind(id.0).bind(account.0)).await?;
    row.map(|row| get(&row, "check_done")).transpose()
}

/// Makes the next of all domains due; how many, and up to which number.
pub(super) async fn request_some(
    conn: &mut Conn,
    account: Option<AccountId>,
    after: i64,
    now: Timestamp,
) -> Result<Option<(u64, i64)>> {
    let account = account.map(|account| account.0);
    let row = conn.fetch_one(query(NEXT_OF_ALL).bind(after).bind(account).bind(BATCH)).await?;
    let Some(last) = get::<Option<i64>>(&row, "last")? else {
        return Ok(None);
    };
    let now = now.as_microsecond();
    let made = conn.execute(query(REQUEST_ALL).bind(after).bind(account).bind(last).bind(now)).await?;
    Ok(Some((made.rows_affected(), last)))
}

/// See [`crate::store::Store::checks_outstanding`].
pub(super) async fn outstanding(conn: &mut Conn, account: Option<AccountId>) -> Result<u64> {
    let row = conn.fetch_one(query(OUTSTANDING).bind(account.map(|account| account.0))).await?;
    Ok(get::<i64>(&row, "outstanding")?.unsigned_abs())
}

/// See [`crate::store::Store::tally`].
pub(super) async fn tally(conn: &mut Conn, account: Option<AccountId>) -> Result<Tally> {
    let mut tally = Tally::default();
    for row in &conn.fetch_all(query(TALLY).bind(account.map(|account| account.0))).await? {
        let domains = get::<i64>(row, "domains")?.unsigned_abs();
        *match get::<&str>(row, "dns_state")? {
            "verified" => &mut tally.verified,
            "suspect" => &mut tally.suspect,
            "at_risk" => &mut tally.at_risk,
            "lost" => &mut tally.lost,
            "pending" => &mut tally.pending,
            other => return Err(corrupt("a DNS state", other)),
        } += domains;
        tally.unseen += get::<i64>(row, "unseen")?.unsigned_abs();
    }
    Ok(tally)
}

/// How many of a claim are taken from where they wait longest, and how many from
/// where they came due last: a domain that has just been registered does not
/// wait until a million others are done.
pub(in crate::store) fn shares(limit: u32) -> (i64, i64) {
    let newest = limit / 4;
    (i64::from(limit - newest), i64::from(newest))
}

/// Reads the domains of a claim; its arguments are the dialect's.
pub(in crate::store) fn claim() -> Query {
    query(CLAIMED)
}

/// What [`claim`] finds, those that have waited longest first.
pub(in crate::store) async fn claimed(conn: &mut Conn, query: Query) -> Result<Vec<Due>> {
    let mut claimed = conn.fetch_all(query).await?.iter().map(due).collect::<Result<Vec<_>>>()?;
    claimed.sort_unstable_by_key(|due| (due.due_at, due.domain.id));
    Ok(claimed)
}

fn due(row: &Row) -> Result<Due> {
    let mut fields = Fields::from(row, 0);
    let domain = rows::domain(&mut fields)?;
    let version = fields.get()?;
    let ticket: i64 = fields.get()?;
    let done: i64 = fields.get()?;
    Ok(Due {
        version,
        ticket,
        on_demand: ticket > done,
        waiting_since: match domain.dns {
            DnsState::Lost { at } => at,
            _ => domain.created_at,
        },
        failures: fields.count("failures")?,
        suspicions: fields.count("suspicions")?,
        due_at: fields.time_opt("due_at")?.unwrap_or(domain.created_at),
        rival: fields.get()?,
        sent_at: fields.time_opt("sent_at")?,
        domain,
    })
}

#[derive(Serialize)]
struct Claim {
    id: i64,
    version: i64,
}

/// See [`crate::store::Store::put_back`].
pub(super) async fn put_back(conn: &mut Conn, claims: &[(DomainId, i64)], due_at: Timestamp) -> Result<()> {
    let claims: Vec<Claim> = claims.iter().map(|&(id, version)| Claim { id: id.0, version }).collect();
    conn.execute(query(dialect::PUT_BACK).bind(json(&claims)).bind(due_at.as_microsecond())).await?;
    Ok(())
}

/// When the next is due of those that nobody holds.
pub(in crate::store) async fn next_due(conn: &mut Conn, query: Query) -> Result<Option<Timestamp>> {
    match conn.fetch_optional(query).await? {
        Some(row) => get_time_opt(&row, "next"),
        None => Ok(None),
    }
}

/// What has waited less is not worth spreading.
const OVERDUE: SignedDuration = SignedDuration::from_mins(5);
/// Somebody is sitting in front of a domain this young: it stays due at once.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);

/// Some of [`crate::store::Store::spread_overdue`]; how many, and whether there
/// may be more.
pub(super) async fn spread_some(conn: &mut Conn, now: Timestamp, until: Timestamp) -> Result<(u64, bool)> {
    let before = |span| now.saturating_sub(span).unwrap_or(Timestamp::MIN).as_microsecond();
    let window = until.as_microsecond().saturating_sub(now.as_microsecond()).max(0);
    let done = conn
        .execute(
            query(SPREAD_OVERDUE)
                .bind(now.as_microsecond())
                .bind(window)
                .bind(before(OVERDUE))
                .bind(before(YOUNG))
                .bind(BATCH)
                .bind(schedule::BLOCK),
        )
        .await?;
    Ok((done.rows_affected(), done.rows_affected() >= BATCH.unsigned_abs()))
}
