//! `POST /api/card_checks/{reference}`

use crate::{
    card_check::Callback,
    http::{
        AppState,
        answer::Answer,
        body::RawBody,
        edge::Origin,
        error::{Failure, Result},
        openapi::{Body, Operation},
        path::OfCardCheck,
        view::Data,
    },
    ops::card_check::CallbackFailed,
};
use axum::{extract::State, http::HeaderMap};
use serde::Serialize;
use serde_json::json;

#[derive(Serialize)]
struct ResultView<'a> {
    reference: &'a str,
    result: &'static str,
}

/// Whoever checks cards says how a check went. The signature is the credential.
pub(in crate::http) async fn callback(
    State(app): State<AppState>,
    OfCardCheck(reference): OfCardCheck,
    Origin(origin): Origin,
    headers: HeaderMap,
    RawBody(body): RawBody,
) -> Result<Answer> {
    let callback = Callback {
        id: one(&headers, "webhook-id"),
        timestamp: one(&headers, "webhook-timestamp"),
        signature: one(&headers, "webhook-signature"),
        body: &body,
    };
    let check =
        app.ops().card_callback(&reference, &callback, &origin).await.map_err(|failed| match failed {
            CallbackFailed::Unsigned(why) => Failure::Unsigned(why),
            CallbackFailed::Refused(refused) => refused.into(),
        })?;
    let view = ResultView { reference: &check.reference, result: check.state.as_str() };
    Ok(Answer::ok(&Data { data: view }))
}

/// A header that is there once and can be read; else nothing.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(value), None) => value.to_str().unwrap_or_default(),
        _ => "",
    }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/api/card_checks/{reference}", "cardCheckCallback", "Say how a card check went, signed")
        .signed()
        .description(
            "For whoever checks cards, where the server is given the secret to sign with; without one there is \
             nothing here. Signed as Standard Webhooks has it: `webhook-id`, `webhook-timestamp` within 5 minutes of \
             now, and `webhook-signature`, `v1,` with the base64 of the HMAC-SHA256 of id, timestamp and body, \
             joined by dots. Saying the same again gets the same answer; the opposite of what was said is refused. \
             Card data is refused: the body has no other members than these.",
        )
        .in_path("reference", "What the check is called.", json!({"type": "string"}), json!("card_2kH8b1Vw0sQ5ZJqgB6mS4A"))
        .in_header("webhook-id", "Names the callback, the same on every try.", json!("msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"))
        .in_header("webhook-timestamp", "When it was sent, in seconds since 1970.", json!("1777364371"))
        .in_header("webhook-signature", "The signatures, one at least, with blanks between.", json!("v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="))
        .body(Body::Plain(
            json!({
                "type": "object", "required": ["result"], "additionalProperties": false,
                "properties": {
                    "result": {
                        "type": "string", "enum": ["passed", "failed"],
                        "description": "Whether the check is passed.", "examples": ["passed"],
                    },
                    "detail": {
                        "type": "string", "maxLength": 500,
                        "description": "One line about it for the operator. Never card data.",
                        "examples": ["3-D Secure completed"],
                    },
                },
            }),
            json!({"result": "passed", "detail": "3-D Secure completed"}),
        ))
        .answers(200, "CardResultResponse")
        .answers(401, "BadSignature")
        .answers(404, "NotFound")
        .answers(409, "Contradiction")
        .answers(422, "UnprocessableEntity")
}
