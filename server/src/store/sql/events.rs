//! The history: only ever added to.

use super::{
    Conn, Row, deliveries, dialect, notices, query, review,
    rows::{get, get_time},
};
use crate::store::{
    AccountId, Cause, DomainId, Event, EventId, EventKind, NewEvent, Result,
    stored::{clean, json},
};
use serde::Serialize;
use signet_core::lifecycle::ComplianceStatus;
use sqlx::Executor as _;

/// What [`event`] reads.
macro_rules! event_columns {
    () => {
        "id, at, account_id, domain_id, domain_name, kind, actor, origin, reason, from_value, to_value, \
         record, evidence"
    };
}

pub(super) use event_columns;

statements! {
    EVENTS = concat!("SELECT ", event_columns!(), " FROM event \
        WHERE domain_id = $1 AND account_id = $2 AND id < $3 ORDER BY id DESC LIMIT $4");
    THESE = concat!("SELECT ", event_columns!(), " FROM event WHERE id IN ", ids!("1"));
}

/// How many rows are handed over in one statement.
const CHUNK: usize = 1000;

/// A row to be added, with whom it is about.
pub(super) struct Entry {
    pub(super) account: AccountId,
    pub(super) domain: Option<DomainId>,
    pub(super) event: NewEvent,
    /// Whether its owner hears of it in another way.
    pub(super) told: bool,
}

impl Entry {
    /// Something that happened to an account.
    pub(super) fn account(account: AccountId, event: NewEvent) -> Self {
        Self { account, domain: None, event, told: false }
    }

    /// Something that happened to a domain.
    pub(super) fn domain(account: AccountId, domain: DomainId, event: NewEvent) -> Self {
        Self { account, domain: Some(domain), event, told: false }
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
    origin: String,
    reason: String,
    from: Option<String>,
    to: Option<String>,
    record: Option<&'a str>,
    evidence: Option<String>,
}

impl<'a> Stored<'a> {
    fn of(Entry { account, domain, event, .. }: &'a Entry, cause: &Cause) -> Self {
        Self {
            at: cause.at.as_microsecond(),
            account: account.0,
            domain: domain.map(|id| id.0),
            kind: event.kind.as_str(),
            actor: clean(&cause.actor),
            origin: clean(&cause.origin),
            reason: clean(event.reason.as_deref().unwrap_or(&cause.reason)),
            from: event.from.as_deref().map(clean),
            to: event.to.as_deref().map(clean),
            record: event.record.map(|key| key.as_str()),
            evidence: event.evidence.as_deref().map(clean),
        }
    }
}

/// Adds rows in this order, and with them all that follows from a row: what is
/// to be told to owners and webhooks, and that a review is due.
pub(super) async fn add(conn: &mut Conn, cause: &Cause, entries: &[Entry]) -> Result<()> {
    for chunk in entries.chunks(CHUNK) {
        let stored: Vec<Stored<'_>> = chunk.iter().map(|entry| Stored::of(entry, cause)).collect();
        let rows = conn.fetch_all(query(dialect::ADD_EVENTS).bind(json(&stored))).await?;
        let added = rows.iter().map(Added::from_row).collect::<Result<Vec<_>>>()?;
        deliveries::hand_on(conn, cause.at, &added).await?;
    }
    notices::of_compliance(conn, cause, entries).await?;
    review::now_due(conn, cause, entries).await
}

/// A row that was added.
pub(super) struct Added {
    pub(super) id: i64,
    pub(super) account: i64,
    pub(super) domain: Option<i64>,
    pub(super) kind: String,
}

impl Added {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: get(row, "id")?,
            account: get(row, "account_id")?,
            domain: get(row, "domain_id")?,
            kind: get(row, "kind")?,
        })
    }
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
    rows.iter().map(event).collect()
}

/// The rows with these numbers, in no order.
pub(super) async fn these(conn: &mut Conn, ids: &[i64]) -> Result<Vec<Event>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    conn.fetch_all(query(THESE).bind(json(&ids))).await?.iter().map(event).collect()
}

/// A history row.
pub(super) fn event(row: &Row) -> Result<Event> {
    Ok(Event {
        id: EventId(get(row, "id")?),
        at: get_time(row, "at")?,
        account: AccountId(get(row, "account_id")?),
        domain: get::<Option<i64>>(row, "domain_id")?.map(DomainId),
        domain_name: get(row, "domain_name")?,
        kind: get(row, "kind")?,
        actor: get(row, "actor")?,
        origin: get(row, "origin")?,
        reason: get(row, "reason")?,
        from: get(row, "from_value")?,
        to: get(row, "to_value")?,
        record: get(row, "record")?,
        evidence: get(row, "evidence")?,
    })
}
