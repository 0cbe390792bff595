//! `GET /api/webhooks`

use super::view::WebhookView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, view::Data,
};
use axum::extract::State;

/// The account's webhooks.
pub(in crate::http) async fn list(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
) -> Result<Answer> {
    let webhooks = app.ops().webhooks(&actor).await?;
    Ok(Answer::ok(&Data { data: webhooks.iter().map(WebhookView::of).collect::<Vec<_>>() }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("", "getWebhooks", "List webhooks")
        .description("The account's webhooks, by ascending id. Needs a token for the whole account.")
        .answers(200, "WebhooksResponse")
}
