//! `POST /api/webhooks/{webhook_id}/test`

use super::view::QueuedView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, body::RawBody, error::Result, once::Once,
    openapi::Operation, path::OfWebhook, view::Data,
};
use axum::{body::Bytes, extract::State};

/// Sends a test.
pub(in crate::http) async fn test(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfWebhook(id): OfWebhook,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, _: Bytes| {
        let delivery = app.ops().test_webhook(&actor, id).await?;
        Ok(Answer::ok(&Data { data: QueuedView { delivery_id: delivery.0 } }))
    };
    once.run(app, actor, body, work).await
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{webhook_id}/test", "testWebhook", "Send a test to a webhook")
        .description(
            "Sends an event of the type `test` now, in the same way as any other but only once, and answers with its \
             delivery's id; `deliveries` says what came of it. No body is needed. Needs admin access to the account.",
        )
        .answers(200, "WebhookTestResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
