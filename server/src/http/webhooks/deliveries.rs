//! `GET /api/webhooks/{webhook_id}/deliveries`

use super::view::DeliveryView;
use crate::{
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        error::{Failure, Result},
        openapi::Operation,
        path::OfWebhook,
        query::Query,
        view::Data,
    },
    store::{DeliveryId, DeliveryState},
};
use axum::extract::State;

/// The most rows on one page, and as many as come when none is asked for.
const MAX_LIMIT: i64 = 100;
const DEFAULT_LIMIT: u32 = 50;

fn states() -> [&'static str; 3] {
    DeliveryState::ALL.map(DeliveryState::as_str)
}

/// What went or goes to a webhook.
pub(in crate::http) async fn deliveries(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfWebhook(id): OfWebhook,
    mut query: Query,
) -> Result<Answer> {
    let limit = query.number("limit", 1..=MAX_LIMIT).and_then(|limit| u32::try_from(limit).ok());
    let before = query.number("before", 1..=i64::MAX).map(DeliveryId);
    let state = query.word("state", &states()).and_then(DeliveryState::parse);
    if let Err(errors) = query.errors() {
        app.ops().webhook(&actor, id).await?;
        return Err(Failure::Invalid(errors));
    }
    let deliveries = app.ops().deliveries(&actor, id, state, before, limit.unwrap_or(DEFAULT_LIMIT)).await?;
    Ok(Answer::ok(&Data { data: deliveries.iter().map(DeliveryView::of).collect::<Vec<_>>() }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{webhook_id}/deliveries", "getWebhookDeliveries", "List what went to a webhook")
        .description(
            "What was sent to the webhook or is still to be, the last queued first, and what came of it. Those that \
             are done are kept for 30 days; so are those that wait for a webhook that is not active. For the next page \
             give the last row's id as `before`. Needs a token for the whole account.",
        )
        .query("limit", "The most rows to answer with.", 1, Some(MAX_LIMIT), Some(i64::from(DEFAULT_LIMIT)), 50)
        .query("before", "Only rows with a lower id than this.", 1, None, None, 1042)
        .query_word("state", "Only rows in this state.", &states())
        .answers(200, "WebhookDeliveriesResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
