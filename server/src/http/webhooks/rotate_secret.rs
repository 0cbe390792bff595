//! `POST /api/webhooks/{webhook_id}/rotate_secret`

use super::view::WebhookView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, body::RawBody, error::Result, once::Once,
    openapi::Operation, path::OfWebhook, view::Data,
};
use axum::{body::Bytes, extract::State};

/// Replaces the signing secret.
pub(in crate::http) async fn rotate_secret(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfWebhook(id): OfWebhook,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, _: Bytes| {
        let rotated = app.ops().rotate_webhook_secret(&actor, id).await?;
        Ok(Answer::ok(&Data { data: WebhookView::with_secret(&rotated) }).secret())
    };
    once.run(app, actor, body, work).await
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{webhook_id}/rotate_secret", "rotateWebhookSecret", "Replace a webhook's signing secret")
        .description(
            "Makes another secret, shown in this answer and never again. For 24 hours deliveries are signed with both, \
             as two signatures in one header, so that the receiver can change over when it likes. Rotated twice within \
             that time, the first of the three is out of use at once. No body is needed. Needs admin access to the \
             account.",
        )
        .answers(200, "WebhookWithSecretResponse")
        .answers(404, "NotFound")
}
