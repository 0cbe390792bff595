//! `POST /api/webhooks/{webhook_id}/replay`

use super::{refusal, view::ReplayedView};
use crate::{
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        body::{Fields, Given, RawBody},
        error::Result,
        once::Once,
        openapi::{Body, Operation},
        path::OfWebhook,
        view::Data,
    },
    ops::webhooks::ReplayWish,
    store::{DeliveryId, EventId},
};
use axum::{body::Bytes, extract::State};
use serde_json::json;
use signet_core::company::FieldErrors;
use std::collections::BTreeMap;

/// The key that the body is wrapped in.
const WRAPPER: &str = "replay";
/// The most deliveries one request may name.
const MAX_DELIVERIES: usize = 1000;

/// Sends again.
pub(in crate::http) async fn replay(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfWebhook(id): OfWebhook,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: Bytes| {
        let wish = match wish(&body) {
            Ok(wish) => wish,
            Err(errors) => return Err(refusal(&app, &actor, id, errors).await),
        };
        let replayed = app.ops().replay_webhook(&actor, id, &wish).await?;
        let next_event = replayed.next.map(|event| event.0);
        Ok(Answer::ok(&Data { data: ReplayedView { queued: replayed.queued, next_event } }))
    };
    once.run(app, actor, body, work).await
}

fn wish(body: &[u8]) -> std::result::Result<ReplayWish, FieldErrors> {
    let mut fields = Fields::wrapped(body, &[WRAPPER])?;
    let mut wishes = Vec::new();
    match fields.text("since") {
        Given::Nothing | Given::Wrong => {}
        Given::Text(text) => match text.parse() {
            Ok(since) => wishes.push(ReplayWish::Since(since)),
            Err(_) => fields.object_to("since", "is invalid: must be a time, as in 2026-04-28T08:19:31Z"),
        },
        Given::Null => fields.object_to("since", "can't be null: leave it out"),
    }
    wishes.extend(fields.number("from_event").map(|id| ReplayWish::From(EventId(id))));
    match fields.numbers("deliveries", MAX_DELIVERIES) {
        Some(ids) if ids.is_empty() => fields.object_to("deliveries", "can't be blank"),
        Some(ids) => wishes.push(ReplayWish::Deliveries(ids.into_iter().map(DeliveryId).collect())),
        None => {}
    }
    let errors = fields.errors();
    match <[ReplayWish; 1]>::try_from(wishes) {
        _ if !errors.is_empty() => Err(errors),
        Ok([wish]) => Ok(wish),
        Err(_) => {
            let message = "Name one of since, from_event and deliveries, and no other".to_string();
            Err(BTreeMap::from([("base", vec![message])]))
        }
    }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{webhook_id}/replay", "replayWebhook", "Send events to a webhook again")
        .description(
            "Sends again, with the same `webhook-id` and the same body, in the order of what happened: everything \
             since a time up to 30 days ago, whether it was delivered, given up or never queued because the webhook \
             was not active; or everything from an event on; or single deliveries. What waits already is tried at \
             once. One call takes 5000 events; where there are more, `next_event` of the answer is the `from_event` of \
             the next call. Needs admin access to the account.",
        )
        .body(Body::Wrapped(
            WRAPPER,
            json!({
                "type": "object",
                "description": "Exactly one of these.",
                "properties": {
                    "since": {
                        "type": "string", "format": "date-time",
                        "description": "Everything that happened from then on, in RFC 3339.",
                        "examples": ["2026-04-28T08:19:31Z"],
                    },
                    "from_event": {
                        "type": "integer",
                        "description": "Everything from the event with this id on.",
                        "examples": [1042],
                    },
                    "deliveries": {
                        "type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": MAX_DELIVERIES,
                        "description": "The deliveries with these ids.",
                        "examples": [[51, 52]],
                    },
                },
            }),
            json!({"since": "2026-04-28T08:19:31Z"}),
        ))
        .answers(200, "WebhookReplayResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
