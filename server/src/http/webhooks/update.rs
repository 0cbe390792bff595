//! `PATCH /api/webhooks/{webhook_id}`

use super::{refusal, view::WebhookView, wish};
use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::RawBody,
    error::Result,
    openapi::{Body, Operation},
    path::OfWebhook,
    view::Data,
};
use axum::extract::State;
use serde_json::json;

/// Changes a webhook.
pub(in crate::http) async fn update(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfWebhook(id): OfWebhook,
    RawBody(body): RawBody,
) -> Result<Answer> {
    let wish = match wish(&app, &body, false) {
        Ok(wish) => wish,
        Err(errors) => return Err(refusal(&app, &actor, id, errors).await),
    };
    let webhook = app.ops().update_webhook(&actor, id, &wish).await?;
    Ok(Answer::ok(&Data { data: WebhookView::of(&webhook) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::patch("/{webhook_id}", "updateWebhook", "Change a webhook")
        .description(
            "Changes what is named and leaves the rest. While a webhook is not `active` nothing is sent and nothing \
             new is queued; made active again it goes on at once with what was waiting, for another three days. What \
             happened meanwhile comes with a replay. Needs admin access to the account.",
        )
        .body(Body::Wrapped(
            "webhook",
            json!({"$ref": "#/components/schemas/WebhookUpdateRequest"}),
            json!({"active": true}),
        ))
        .answers(200, "WebhookResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
