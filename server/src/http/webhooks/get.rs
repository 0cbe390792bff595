//! `GET /api/webhooks/{webhook_id}`

use super::view::WebhookView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfWebhook,
    view::Data,
};
use axum::extract::State;

/// A webhook.
pub(in crate::http) async fn get(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfWebhook(id): OfWebhook,
) -> Result<Answer> {
    let webhook = app.ops().webhook(&actor, id).await?;
    Ok(Answer::ok(&Data { data: WebhookView::of(&webhook) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{webhook_id}", "getWebhook", "Get a webhook")
        .description("The webhook as it stands, without its secret. Needs a token for the whole account.")
        .answers(200, "WebhookResponse")
        .answers(404, "NotFound")
}
