//! Searching the history.
//!
//! Whatever is asked for, a statement is led by the one thing given that finds
//! the fewest rows through an index; the rest is looked at row by row. Rows come
//! in the order of their indexes, so that a page costs no more than what it has
//! and what it passes over.

use super::{
    Conn, Query,
    events::{self, Entry, event_columns},
    query,
    rows::{get, get_time},
};
use crate::store::{
    AccountId, AuditFilter, AuditPlace, Cause, Event, EventId, EventKind, NewEvent, Result,
    stored::{clean, json},
};
use jiff::Timestamp;
use sqlx::Executor as _;
use std::cmp::Reverse;

/// What leads, and how kinds are given: $1 account, $2 domain, $3 its name, $4
/// kinds, $5 actor, $6 text in the reason.
macro_rules! search {
    ($lead:expr, $kinds:expr, $rest:expr) => {
        concat!(
            "SELECT ",
            event_columns!(),
            " FROM event WHERE ",
            $lead,
            " AND (CAST($1 AS BIGINT) IS NULL OR account_id = $1) \
             AND (CAST($2 AS BIGINT) IS NULL OR domain_id = $2) \
             AND (CAST($3 AS TEXT) IS NULL OR domain_name = $3) \
             AND (CAST($4 AS TEXT) IS NULL OR ",
            $kinds,
            ") \
             AND (CAST($5 AS TEXT) IS NULL OR actor = $5) \
             AND (CAST($6 AS TEXT) IS NULL OR ",
            contains!("reason", "6"),
            ") ",
            $rest
        )
    };
}

/// From $7 on, before the place $8, $9.
macro_rules! newest_first {
    ($lead:expr, $kinds:expr) => {
        search!(
            $lead,
            $kinds,
            "AND at >= $7 AND at <= $8 AND (at < $8 OR id < $9) ORDER BY at DESC, id DESC LIMIT $10"
        )
    };
}

/// Until before $7, after the place $8, $9.
macro_rules! oldest_first {
    ($lead:expr, $kinds:expr) => {
        search!($lead, $kinds, "AND at < $7 AND at >= $8 AND (at > $8 OR id > $9) ORDER BY at, id LIMIT $10")
    };
}

macro_rules! leads {
    (domain) => {
        "domain_id = $2"
    };
    (name) => {
        "domain_id IN (SELECT id FROM domain WHERE name = $3 \
         UNION ALL SELECT domain_id FROM retired_record_id WHERE name = $3)"
    };
    (actor) => {
        "actor = $5 AND actor <> 'signet'"
    };
    (kind_of_account) => {
        "account_id = $1 AND kind = $4 AND kind <> 'domain.record_changed'"
    };
    (kind) => {
        "kind = $4 AND kind <> 'domain.record_changed'"
    };
    (account) => {
        "account_id = $1"
    };
    (nothing) => {
        "TRUE"
    };
}

/// One of a list of kinds.
macro_rules! listed {
    () => {
        concat!("kind IN ", words!("4"))
    };
}

statements! {
    NEWEST_OF_DOMAIN = newest_first!(leads!(domain), listed!());
    NEWEST_OF_NAME = newest_first!(leads!(name), listed!());
    NEWEST_BY_ACTOR = newest_first!(leads!(actor), listed!());
    NEWEST_OF_KIND_OF_ACCOUNT = newest_first!(leads!(kind_of_account), "TRUE");
    NEWEST_OF_KIND = newest_first!(leads!(kind), "TRUE");
    NEWEST_OF_ACCOUNT = newest_first!(leads!(account), listed!());
    NEWEST = newest_first!(leads!(nothing), listed!());
    OLDEST_OF_DOMAIN = oldest_first!(leads!(domain), listed!());
    OLDEST_OF_NAME = oldest_first!(leads!(name), listed!());
    OLDEST_BY_ACTOR = oldest_first!(leads!(actor), listed!());
    OLDEST_OF_KIND_OF_ACCOUNT = oldest_first!(leads!(kind_of_account), "TRUE");
    OLDEST_OF_KIND = oldest_first!(leads!(kind), "TRUE");
    OLDEST_OF_ACCOUNT = oldest_first!(leads!(account), listed!());
    OLDEST = oldest_first!(leads!(nothing), listed!());
    PLACE = "SELECT at, id FROM event WHERE id = $1 AND (CAST($2 AS BIGINT) IS NULL OR account_id = $2)";
}

/// The statements of one direction.
struct Direction {
    of_domain: &'static str,
    of_name: &'static str,
    by_actor: &'static str,
    of_kind_of_account: &'static str,
    of_kind: &'static str,
    of_account: &'static str,
    of_all: &'static str,
}

const TO_THE_PAST: Direction = Direction {
    of_domain: NEWEST_OF_DOMAIN,
    of_name: NEWEST_OF_NAME,
    by_actor: NEWEST_BY_ACTOR,
    of_kind_of_account: NEWEST_OF_KIND_OF_ACCOUNT,
    of_kind: NEWEST_OF_KIND,
    of_account: NEWEST_OF_ACCOUNT,
    of_all: NEWEST,
};

const TO_THE_PRESENT: Direction = Direction {
    of_domain: OLDEST_OF_DOMAIN,
    of_name: OLDEST_OF_NAME,
    by_actor: OLDEST_BY_ACTOR,
    of_kind_of_account: OLDEST_OF_KIND_OF_ACCOUNT,
    of_kind: OLDEST_OF_KIND,
    of_account: OLDEST_OF_ACCOUNT,
    of_all: OLDEST,
};

/// What finds the fewest rows.
enum Lead {
    /// This statement, with the kinds as a list.
    Listed(&'static str),
    /// This statement, for each kind apart.
    PerKind(&'static str),
}

impl Direction {
    fn lead(&self, filter: &AuditFilter) -> Lead {
        // Neither what happens by itself nor records that change are indexed as
        // such: most rows are of them.
        let rare = !filter.kinds.is_empty() && !filter.kinds.contains(&EventKind::RecordChanged);
        if filter.domain.is_some() {
            Lead::Listed(self.of_domain)
        } else if filter.domain_name.is_some() {
            Lead::Listed(self.of_name)
        } else if filter.actor.as_ref().is_some_and(|actor| actor != "signet") {
            Lead::Listed(self.by_actor)
        } else if rare {
            Lead::PerKind(if filter.account.is_some() { self.of_kind_of_account } else { self.of_kind })
        } else if filter.account.is_some() {
            Lead::Listed(self.of_account)
        } else {
            Lead::Listed(self.of_all)
        }
    }
}

/// The far end, the place begun from, and how many.
#[derive(Clone, Copy)]
struct Bounds {
    end: i64,
    place: (i64, i64),
    limit: u32,
}

fn bound(statement: &'static str, filter: &AuditFilter, kinds: Option<String>, bounds: Bounds) -> Query {
    query(statement)
        .bind(filter.account.map(|id| id.0))
        .bind(filter.domain.map(|id| id.0))
        .bind(filter.domain_name.as_deref().map(clean))
        .bind(kinds)
        .bind(filter.actor.as_deref().map(clean))
        .bind(filter.text.as_deref().map(clean))
        .bind(bounds.end)
        .bind(bounds.place.0)
        .bind(bounds.place.1)
        .bind(i64::from(bounds.limit))
}

async fn page(
    conn: &mut Conn,
    direction: &Direction,
    filter: &AuditFilter,
    bounds: Bounds,
) -> Result<Vec<Event>> {
    let mut found = Vec::new();
    match direction.lead(filter) {
        Lead::Listed(statement) => {
            let kinds: Vec<&str> = filter.kinds.iter().map(|kind| kind.as_str()).collect();
            let kinds = (!kinds.is_empty()).then(|| json(&kinds));
            found = conn.fetch_all(bound(statement, filter, kinds, bounds)).await?;
        }
        Lead::PerKind(statement) => {
            for kind in EventKind::ALL.iter().filter(|kind| filter.kinds.contains(kind)) {
                let kind = Some(kind.as_str().to_string());
                found.extend(conn.fetch_all(bound(statement, filter, kind, bounds)).await?);
            }
        }
    }
    found.iter().map(events::event).collect()
}

/// See [`crate::store::AuditStore::audit`].
pub(super) async fn newest(
    conn: &mut Conn,
    filter: &AuditFilter,
    before: Option<AuditPlace>,
    limit: u32,
) -> Result<Vec<Event>> {
    let until = filter.until.map_or((i64::MAX, i64::MAX), |at| (at.as_microsecond(), i64::MIN));
    let before = before.map_or(until, |place| until.min((place.at.as_microsecond(), place.id.0)));
    let end = filter.since.map_or(i64::MIN, Timestamp::as_microsecond);
    let mut events = page(conn, &TO_THE_PAST, filter, Bounds { end, place: before, limit }).await?;
    events.sort_by_key(|event| Reverse(event.place()));
    events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(events)
}

/// See [`crate::store::AuditStore::audit_onwards`].
pub(super) async fn oldest(
    conn: &mut Conn,
    filter: &AuditFilter,
    after: Option<AuditPlace>,
    limit: u32,
) -> Result<Vec<Event>> {
    let since = filter.since.map_or((i64::MIN, i64::MIN), |at| (at.as_microsecond(), i64::MIN));
    let after = after.map_or(since, |place| since.max((place.at.as_microsecond(), place.id.0)));
    let end = filter.until.map_or(i64::MAX, Timestamp::as_microsecond);
    let mut events = page(conn, &TO_THE_PRESENT, filter, Bounds { end, place: after, limit }).await?;
    events.sort_by_key(Event::place);
    events.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(events)
}

/// See [`crate::store::AuditStore::audit_place`].
pub(super) async fn place(
    conn: &mut Conn,
    account: Option<AccountId>,
    id: EventId,
) -> Result<Option<AuditPlace>> {
    let row = conn.fetch_optional(query(PLACE).bind(id.0).bind(account.map(|id| id.0))).await?;
    row.map(|row| Ok(AuditPlace { at: get_time(&row, "at")?, id: EventId(get(&row, "id")?) })).transpose()
}

/// See [`crate::store::AuditStore::note`].
pub(super) async fn note(conn: &mut Conn, event: &NewEvent, cause: &Cause) -> Result<()> {
    events::add_one(conn, cause, Entry::account(AccountId::INSTALLATION, event.clone())).await
}
