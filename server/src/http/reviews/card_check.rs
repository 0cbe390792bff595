//! `POST /api/reviews/{domain_id}/card_check`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::{Fields, Given, RawBody},
    card_check::CardView,
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    path::OfDomain,
    rights::{Needs, objection},
    view::Data,
};
use axum::extract::State;
use serde_json::json;
use signet_core::company::FieldErrors;

/// Says how a card check went.
pub(in crate::http) async fn resolve(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: axum::body::Bytes| {
        let (passed, reason) = match result(&body) {
            Ok(result) => result,
            Err(errors) => return Err(objection(&app, &actor, None, Needs::Operator, errors).await),
        };
        let check = app.ops().resolve_card_check(&actor, id, passed, &reason).await?;
        let url = app.ops().card_check_url(&check);
        Ok(Answer::ok(&Data { data: CardView::of(&check, url) }))
    };
    once.run(app, actor, body, work).await
}

fn result(body: &[u8]) -> std::result::Result<(bool, String), FieldErrors> {
    let mut fields = Fields::wrapped(body, &["card_check"])?;
    let reason = fields.required_text("reason");
    let passed = match fields.text("result") {
        Given::Text(text) if text == "passed" => Some(true),
        Given::Text(text) if text == "failed" => Some(false),
        Given::Wrong => None,
        _ => {
            fields.object_to("result", "is invalid: must be passed or failed");
            None
        }
    };
    passed.zip(reason).ok_or_else(|| fields.errors())
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/api/reviews/{domain_id}/card_check", "resolveCardCheck", "Say how a card check went")
        .description(
            "For card checks that are made by hand, and to put right what a callback said. Passed, the review goes \
             on; failed, it waits for the operator. Needs an operator's token. Send no card data.",
        )
        .body(Body::Plain(
            json!({
                "type": "object", "required": ["card_check"],
                "properties": {"card_check": {
                    "type": "object", "description": "How it went.", "required": ["result", "reason"],
                    "properties": {
                        "result": {
                            "type": "string", "enum": ["passed", "failed"],
                            "description": "Whether it is passed.", "examples": ["passed"],
                        },
                        "reason": {
                            "type": "string", "minLength": 1, "maxLength": 1000,
                            "description": "How that is known, on one line.", "examples": ["Paid by card today"],
                        },
                    },
                }},
            }),
            json!({"card_check": {"result": "passed", "reason": "Paid by card today"}}),
        ))
        .answers(200, "CardCheckFileResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
