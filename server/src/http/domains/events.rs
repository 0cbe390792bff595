//! `GET /api/domains/{domain_id}/events`

use crate::{
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        error::Result,
        openapi::Operation,
        path::OfDomain,
        query::Query,
        rights::{Needs, objection},
        view::{Data, EventView},
    },
    store::EventId,
};
use axum::extract::State;

/// The most rows on one page, and as many as come when none is asked for.
const MAX_LIMIT: i64 = 100;
const DEFAULT_LIMIT: u32 = 50;

/// A domain's history.
pub(in crate::http) async fn events(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    mut query: Query,
) -> Result<Answer> {
    let limit = query.number("limit", 1..=MAX_LIMIT).and_then(|limit| u32::try_from(limit).ok());
    let before = query.number("before", 1..=i64::MAX).map(EventId);
    if let Err(errors) = query.errors() {
        return Err(objection(&app, &actor, Some(id), Needs::Read, errors).await);
    }
    let events = app.ops().events(&actor, id, before, limit.unwrap_or(DEFAULT_LIMIT)).await?;
    Ok(Answer::ok(&Data { data: events.iter().map(EventView::from).collect::<Vec<_>>() }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{domain_id}/events", "getDomainEvents", "List what happened to a sending domain")
        .description(
            "The domain's history, newest first: what changed, when, by whom and why. For the next page give the \
             last row's id as `before`.",
        )
        .query("limit", "The most rows to answer with.", 1, Some(MAX_LIMIT), Some(i64::from(DEFAULT_LIMIT)), 50)
        .query("before", "Only rows with a lower id than this, that is, older ones.", 1, None, None, 1042)
        .answers(200, "EventsResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
