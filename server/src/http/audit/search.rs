//! `GET /api/audit`

use super::{filter, with_filter};
use crate::{
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        error::Result,
        openapi::Operation,
        query::Query,
        rights::{Needs, objection},
        view::Data,
    },
    ops::audit::AuditRow,
    store::EventId,
};
use axum::{
    extract::State,
    http::{HeaderValue, header::LINK},
};

/// The most rows on one page, and as many as come when none is asked for.
const MAX_LIMIT: i64 = 100;
const DEFAULT_LIMIT: i64 = 50;

/// A page of the history.
pub(in crate::http) async fn search(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    mut query: Query,
) -> Result<Answer> {
    let filter = filter(&mut query);
    let limit = query.number("limit", 1..=MAX_LIMIT).unwrap_or(DEFAULT_LIMIT);
    let before = query.number("before", 1..=i64::MAX).map(EventId);
    if let Err(errors) = query.errors() {
        return Err(objection(&app, &actor, None, Needs::AccountRead, errors).await);
    }
    // One more than is shown tells whether there is a next page.
    let fetched = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let mut events = app.ops().audit(&actor, filter, before, fetched).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = events.len() > shown;
    events.truncate(shown);
    let answer = Answer::ok(&Data { data: events.iter().map(AuditRow::from).collect::<Vec<_>>() });
    match events.last() {
        Some(last) if more => {
            let link = format!("</api/audit?{}>; rel=\"next\"", query.with("before", &last.id.to_string()));
            let link = HeaderValue::from_str(&link).expect("an encoded query makes a header value");
            Ok(answer.with(LINK, link))
        }
        _ => Ok(answer),
    }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    let operation = Operation::get("/api/audit", "searchAudit", "Search the history")
        .description(
            "Everything that happened in the account, newest first: what changed, when, by whom, from where, why, \
             and on what evidence. Rows are only ever added. Any access to the account will do, to single domains \
             will not; an operator's token reads all accounts. All that is given has to fit. The `Link` header names \
             the next page as long as there is one.",
        )
        .query("limit", "The most rows to answer with.", 1, Some(MAX_LIMIT), Some(DEFAULT_LIMIT), DEFAULT_LIMIT)
        .query("before", "Only rows that come after the one with this id, that is, older ones.", 1, None, None, 1042)
        .answers(200, "AuditResponse");
    with_filter(operation)
}
