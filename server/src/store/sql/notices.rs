//! What owners are to be told: written with what it is about, taken by the
//! worker that makes messages of it.

use super::{Conn, dialect, events::Entry, query, rows::get};
use crate::store::{
    About, Cause, DomainId, EventKind, NewNotice, Notice, Result, StatusChange,
    stored::{clean, json},
};
use jiff::Timestamp;
use serde::Serialize;
use sqlx::Executor as _;
use std::collections::HashMap;

statements! {
    NAMES = concat!("SELECT id, name FROM domain WHERE id IN ", ids!("1"));
}

#[derive(Serialize)]
struct Stored {
    account: i64,
    domain: Option<i64>,
    kind: &'static str,
    cause: String,
    body: String,
}

/// Keeps notices, to be told from `at` on.
pub(super) async fn add(conn: &mut Conn, notices: &[NewNotice], at: Timestamp) -> Result<()> {
    let stored = notices.iter().map(|new| Stored {
        account: new.account.0,
        domain: new.domain.map(|id| id.0),
        kind: new.notice.about.kind(),
        cause: clean(&new.cause),
        body: clean(&json(&new.notice)),
    });
    let stored: Vec<_> = stored.collect();
    if !stored.is_empty() {
        let add = query(dialect::ADD_NOTICES).bind(json(&stored)).bind(at.as_microsecond());
        conn.execute(add).await?;
    }
    Ok(())
}

/// Has owners told of compliance statuses that changed and nothing else with them.
pub(super) async fn of_compliance(conn: &mut Conn, cause: &Cause, entries: &[Entry]) -> Result<()> {
    let changed =
        entries.iter().filter(|entry| entry.event.kind == EventKind::ComplianceChanged && !entry.told);
    let changed: Vec<(&Entry, DomainId)> = changed.filter_map(|entry| Some((entry, entry.domain?))).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = changed.iter().map(|(_, id)| id.0).collect();
    let rows = conn.fetch_all(query(NAMES).bind(json(&ids))).await?;
    let names = rows.iter().map(|row| Ok((get::<i64>(row, "id")?, get::<String>(row, "name")?)));
    let names = names.collect::<Result<HashMap<_, _>>>()?;
    let notice = |(entry, domain): &(&Entry, DomainId)| {
        let event = &entry.event;
        let (from, to) = (event.from.clone()?, event.to.clone()?);
        let reason = event.reason.clone().unwrap_or_else(|| cause.reason.clone());
        let notice = Notice {
            domain: Some(names.get(&domain.0)?.clone()),
            about: About::Compliance { reason },
            compliance: Some(StatusChange { from, to: to.clone() }),
        };
        Some(NewNotice { account: entry.account, domain: Some(*domain), cause: to, notice })
    };
    let notices: Vec<_> = changed.iter().filter_map(notice).collect();
    add(conn, &notices, cause.at).await
}
