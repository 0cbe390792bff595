//! `POST /api/domains/{domain_id}/keys/rotate`

use super::KeysView;
use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::{Fields, Given, RawBody},
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    path::OfDomain,
    rights::{Needs, objection},
    view::Data,
};
use axum::{body::Bytes, extract::State};
use serde_json::json;
use signet_core::company::FieldErrors;

/// The reason in the history where none is given.
const UNSAID: &str = "asked for over the API";

/// Asks for another key to sign.
pub(in crate::http) async fn rotate(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: Bytes| {
        let (reason, compromised) = match given(&body) {
            Ok(given) => given,
            Err(errors) => return Err(objection(&app, &actor, Some(id), Needs::Write, errors).await),
        };
        let (domain, keys) = app.ops().rotate(&actor, id, compromised, &reason).await?;
        Ok(Answer::ok(&Data { data: KeysView::of(app.ops(), &domain, Some(&keys)) }))
    };
    once.run(app, actor, body, work).await
}

fn given(body: &[u8]) -> std::result::Result<(String, bool), FieldErrors> {
    let mut fields = Fields::optional(body)?;
    let reason = match fields.text("reason") {
        Given::Nothing | Given::Null => UNSAID.to_string(),
        given => given.into_text().unwrap_or_default(),
    };
    let compromised = fields.flag("compromised");
    fields.none_wrong()?;
    Ok((reason, compromised.unwrap_or(false)))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{domain_id}/keys/rotate", "rotateDomainKeys", "Have another DKIM key sign")
        .description(
            "Has the next key take over as soon as every name server gives it and nobody can remember what was there \
             before. Refused, with the reason, while the record of the next key is not right or mail under way is \
             still verified with the key before. A compromised key is replaced whatever is in the way now, then \
             revoked at once, and never taken again; where none signs yet, it is the keys that were to sign. Needs admin access to the domain.",
        )
        .tag("DKIM keys")
        .body(Body::Optional(
            json!({
                "type": "object",
                "properties": {
                    "reason": {
                        "type": ["string", "null"], "minLength": 1, "maxLength": 1000, "default": UNSAID,
                        "description": "Why, on one line, for the history.",
                    },
                    "compromised": {
                        "type": "boolean", "default": false,
                        "description": "The key that signs now is in wrong hands.",
                    },
                },
            }),
            json!({"reason": "Somebody left the team", "compromised": false}),
        ))
        .answers(200, "DkimKeysResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
