//! The schemas of webhooks.

use super::schemas::{described, flag, nullable_text, text, whole, words};
use crate::store::{DeliveryState, EventKind};
use serde_json::{Map, Value, json};

/// Those of the `schemas` object.
pub(super) fn schemas() -> Map<String, Value> {
    let schemas = [
        ("Webhook", webhook(false)),
        ("WebhookWithSecret", webhook(true)),
        ("WebhookRequest", request(true)),
        ("WebhookUpdateRequest", request(false)),
        ("WebhookDelivery", delivery()),
        ("WebhookTest", test()),
        ("WebhookReplay", replay()),
    ];
    schemas.map(|(name, schema)| (name.to_string(), schema)).into_iter().collect()
}

fn url() -> Value {
    let mut schema = text(
        "Where to post: `https` or `http`, without user name, password or fragment, on a public address, with port 80, \
         443 or one above 1023, and at most 2048 characters. Over `http` everybody on the way can read what is sent.",
        "https://example.com/hooks/signet",
    );
    schema["format"] = "uri".into();
    schema
}

fn event_types() -> Value {
    let listed = EventKind::PUBLISHED.iter().map(|kind| format!("- `{}`:{}", kind.as_str(), kind.meaning()));
    let listed = listed.collect::<Vec<_>>().join("\n");
    described(
        json!({"type": "array", "items": {
            "type": "string", "enum": EventKind::PUBLISHED.iter().map(|kind| kind.as_str()).collect::<Vec<_>>(),
            "description": "A type of event.",
        }}),
        &format!("What the webhook is told of.\n\n{listed}"),
        json!(["domain.verified", "domain.at_risk"]),
    )
}

fn only(word: &str, description: &str) -> Value {
    described(json!({"type": "string", "enum": [word]}), description, word.into())
}

fn webhook(with_secret: bool) -> Value {
    let time = |description: &str| nullable_text(description, json!("2026-04-28T08:19:31.769Z"));
    let mut properties = json!({
        "id": described(json!({"type": "integer"}), "Its id; never used twice.", json!(7)),
        "url": url(),
        "active": flag("Whether anything is sent.", true),
        "webhook_type": only("domains", "What it is about: always `domains`."),
        "payload_format": only("json", "How events are written: always `json`, one in each request."),
        "event_types": event_types(),
        "description": nullable_text("What you call it.", json!("Our CRM")),
        "disabled_reason": nullable_text(
            "Why it is not active, where nobody asked for that.", json!("It accepted nothing for three days."),
        ),
        "failing_since": time("Since when nothing is accepted; `null` where the last try was."),
        "old_secret_valid_until": time(
            "Until when deliveries are signed with the secret before the present one, too; `null` where it was never \
             replaced.",
        ),
        "created_at": text("When it was made.", "2026-04-28T08:19:31.769Z"),
        "updated_at": text("When it was last changed.", "2026-04-28T08:19:31.769Z"),
    });
    let title = if with_secret { "WebhookWithSecret" } else { "Webhook" };
    if with_secret {
        properties["signing_secret"] = text(
            "The secret that deliveries are signed with, as libraries for Standard Webhooks take it. Keep it; it is not \
             shown again.",
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        );
    }
    whole(title, "Where the account is told what happens to its domains.", properties)
}

fn request(new: bool) -> Value {
    let mut events = event_types();
    events["minItems"] = 1.into();
    let mut schema = json!({
        "type": "object",
        "description": if new { "The webhook." } else { "What to change; what is not named stays." },
        "properties": {
            "url": url(),
            "active": flag("Whether anything is to be sent; `true` unless told otherwise.", true),
            "webhook_type": only("domains", "May be left out."),
            "payload_format": only("json", "May be left out."),
            "event_types": events,
            "description": text("What to call it, at most 255 characters; `\"\"` clears it.", "Our CRM"),
        },
    });
    if new {
        schema["required"] = json!(["url"]);
    }
    schema
}

fn delivery() -> Value {
    let time = |description: &str| nullable_text(description, json!("2026-04-28T08:19:31.769Z"));
    let meaning = |state| match state {
        DeliveryState::Waiting => "it is to be tried, or to be tried again",
        DeliveryState::Delivered => "it was accepted",
        DeliveryState::Failed => "it was given up after three days; a test after its one try",
    };
    let states = DeliveryState::ALL.map(|state| (state.as_str(), meaning(state).to_string()));
    whole(
        "WebhookDelivery",
        "One event on its way to one webhook.",
        json!({
            "id": described(json!({"type": "integer"}), "Its id.", json!(51)),
            "type": text("What happened; `test` for a test.", "domain.verified"),
            "event_id": described(
                json!({"type": ["integer", "null"]}),
                "The event's id; the `webhook-id` is `evt_` with it. `null` for a test.",
                json!(1042),
            ),
            "domain": {
                "description": "The domain it is about, as it was called then; `null` where it is about none.",
                "anyOf": [
                    whole("WebhookDomain", "A domain.", json!({
                        "id": described(json!({"type": "integer"}), "Its id.", json!(3938)),
                        "name": text("Its name.", "example.com"),
                    })),
                    {"type": "null"},
                ],
            },
            "state": words("What became of it.", states),
            "created_at": text("When it was queued.", "2026-04-28T08:19:31.769Z"),
            "attempts": described(json!({"type": "integer"}), "How often it was tried.", json!(1)),
            "tried_at": time("When the last try began."),
            "next_try_at": time(
                "When the next begins, where one failed; `null` while the one before it in its domain is not done.",
            ),
            "last_status": described(
                json!({"type": ["integer", "null"]}), "The HTTP status of the last answer.", json!(200),
            ),
            "last_error": nullable_text("What was wrong with the last try.", json!("The receiver answered 503.")),
            "finished_at": time("When it was accepted or given up."),
        }),
    )
}

fn test() -> Value {
    let id = described(json!({"type": "integer"}), "The test's delivery.", json!(51));
    whole("WebhookTest", "A test on its way.", json!({"delivery_id": id}))
}

fn replay() -> Value {
    whole(
        "WebhookReplay",
        "What is sent again.",
        json!({
            "queued": described(
                json!({"type": "integer"}), "How many deliveries wait now that did not.", json!(12),
            ),
            "next_event": described(
                json!({"type": ["integer", "null"]}),
                "The `from_event` of the next call, where there was more than one call takes.",
                Value::Null,
            ),
        }),
    )
}
