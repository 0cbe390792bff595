//! The history: only ever added to.

use super::{
    Conn, dialect, query,
    rows::{get, get_time},
};
use crate::store::{
    AccountId, Cause, DomainId, Event, EventId, EventKind, NewEvent, Result,
    stored::{clean, json},
};
use serde::Serialize;
use signet_core::lifecycle::ComplianceStatus;
use sqlx::Executor as _;

statements! {
    EVENTS = "SELECT id, at, kind, actor, reason, from_value, to_value, record FROM event \
        WHERE domain_id = $1 AND account_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4";
}

/// How many rows are handed over in one statement.
const CHUNK: usize = 1000;

/// A row to be added, with whom it is about.
pub(super) struct Entry {
    pub(super) account: AccountId,
    pub(super) domain: Option<DomainId>,
    pub(super) event: NewEvent,
}

impl Entry {
    /// Something that happened to an account.
    pub(super) fn account(account: AccountId, event: NewEvent) -> Self {
        Self { account, domain: None, event }
    }

    /// Something that happened to a domain.
    pub(super) fn domain(account: AccountId, domain: DomainId, event: NewEvent) -> Self {
        Self { account, domain: Some(domain), event }
    }
}

/// What is said of a compliance status that changed; nothing where it did not.
pub(super) fn compliance(before: ComplianceStatus, after: ComplianceStatus) -> Option<NewEvent> {
    (before != after).then(|| NewEvent {
        from: Some(before.to_string()),
        to: Some(after.to_string()),
        ..NewEvent::of(EventKind::ComplianceChanged)
    })
}

#[derive(Serialize)]
struct Stored<'a> {
    at: i64,
    account: i64,
    domain: Option<i64>,
    kind: &'a str,
    actor: String,
    reason: String,
    from: Option<String>,
    to: Option<String>,
    record: Option<&'a str>,
}

/// Adds rows in this order.
pub(super) async fn add(conn: &mut Conn, cause: &Cause, entries: &[Entry]) -> Result<()> {
    for chunk in entries.chunks(CHUNK) {
        let stored: Vec<Stored<'_>> = chunk
            .iter()
            .map(|Entry { account, domain, event }| Stored {
                at: cause.at.as_microsecond(),
                account: account.0,
                domain: domain.map(|id| id.0),
                kind: event.kind.as_str(),
                actor: clean(&cause.actor),
                reason: clean(event.reason.as_deref().unwrap_or(&cause.reason)),
                from: event.from.as_deref().map(clean),
                to: event.to.as_deref().map(clean),
                record: event.record.map(|key| key.as_str()),
            })
            .collect();
        conn.execute(query(dialect::ADD_EVENTS).bind(json(&stored))).await?;
    }
    Ok(())
}

/// Adds one row.
pub(super) async fn add_one(conn: &mut Conn, cause: &Cause, entry: Entry) -> Result<()> {
    add(conn, cause, &[entry]).await
}

/// See [`crate::store::Store::events`].
pub(super) async fn page(
    conn: &mut Conn,
    account: AccountId,
    id: DomainId,
    before: Option<EventId>,
    limit: u32,
) -> Result<Vec<Event>> {
    let before = before.map_or(i64::MAX, |id| id.0);
    let rows =
        conn.fetch_all(query(EVENTS).bind(id.0).bind(account.0).bind(before).bind(i64::from(limit))).await?;
    rows.iter()
        .map(|row| {
            Ok(Event {
                id: EventId(get(row, "id")?),
                at: get_time(row, "at")?,
                kind: get(row, "kind")?,
                actor: get(row, "actor")?,
                reason: get(row, "reason")?,
                from: get(row, "from_value")?,
                to: get(row, "to_value")?,
                record: get(row, "record")?,
            })
        })
        .collect()
}
