//! `DELETE /api/webhooks/{webhook_id}`

use super::view::WebhookView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfWebhook,
    view::Data,
};
use axum::extract::State;

/// Deletes a webhook.
pub(in crate::http) async fn delete(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfWebhook(id): OfWebhook,
) -> Result<Answer> {
    let webhook = app.ops().delete_webhook(&actor, id).await?;
    Ok(Answer::ok(&Data { data: WebhookView::of(&webhook) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::delete("/{webhook_id}", "deleteWebhook", "Delete a webhook")
        .description(
            "Deletes the webhook with all that is on its way to it, and answers with what it was. Needs admin access \
             to the account.",
        )
        .answers(200, "WebhookResponse")
        .answers(404, "NotFound")
}
