//! `POST /api/webhooks`

use super::{view::WebhookView, wish};
use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::RawBody,
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    rights::{Needs, objection},
    view::Data,
};
use axum::{body::Bytes, extract::State};
use serde_json::json;

/// Makes a webhook.
pub(in crate::http) async fn create(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: Bytes| {
        let wish = match wish(&app, &body, true) {
            Ok(wish) => wish,
            Err(errors) => return Err(objection(&app, &actor, None, Needs::AccountAdmin, errors).await),
        };
        let made = app.ops().create_webhook(&actor, &wish).await?;
        Ok(Answer::ok(&Data { data: WebhookView::with_secret(&made) }).secret())
    };
    once.run(app, actor, body, work).await
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("", "createWebhook", "Make a webhook")
        .description(
            "From now on what happens to the account's domains is posted to `url`, signed as Standard Webhooks say: \
             `webhook-signature` is an HMAC-SHA256 with the `signing_secret`, which is shown in this answer and never \
             again, over `webhook-id`, `webhook-timestamp` and the body. Any 2xx within 15 seconds accepts a delivery. \
             Anything else, a redirect too, is tried again after 5 seconds, 10, 20 and so on to every two hours, for \
             three days; `Retry-After` is respected within that. The events of one domain come one after the other, in \
             order; each comes at least once, with the same `webhook-id` whenever it comes twice. `410 Gone`, or \
             three days in which nothing is accepted, disable the webhook. Needs admin access to the account, which \
             may have 20 webhooks.",
        )
        .body(Body::Wrapped(
            "webhook",
            json!({"$ref": "#/components/schemas/WebhookRequest"}),
            json!({"url": "https://example.com/hooks/signet", "event_types": ["domain.verified", "domain.at_risk"]}),
        ))
        .answers(200, "WebhookWithSecretResponse")
        .answers(422, "UnprocessableEntity")
}
