//! `POST /api/domains/{domain_id}/dns/apply`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::{Fields, RawBody},
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    path::OfDomain,
    rights::{Needs, objection},
};
use axum::{body::Bytes, extract::State};
use serde_json::json;
use signet_core::company::FieldErrors;

/// The key that the body is wrapped in.
const WRAPPER: &str = "plan";

/// Does what was shown.
pub(in crate::http) async fn apply(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: Bytes| {
        let digest = match digest(&body) {
            Ok(digest) => digest,
            Err(errors) => return Err(objection(&app, &actor, Some(id), Needs::Write, errors).await),
        };
        let planned = app.ops().apply_dns(&actor, id, &digest).await?;
        Ok(Answer::ok(&super::view(&planned)))
    };
    once.run(app, actor, body, work).await
}

fn digest(body: &[u8]) -> std::result::Result<String, FieldErrors> {
    let mut fields = Fields::wrapped(body, &[WRAPPER])?;
    let digest = fields.required_text("digest");
    let errors = fields.errors();
    digest.filter(|_| errors.is_empty()).ok_or(errors)
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{domain_id}/dns/apply", "applyDomainDns", "Write the records into the zone")
        .description(
            "Plans once more, and if that comes to what `digest` stands for, writes exactly that into the zone, with \
             the account's key to it. What is `blocked` stays as it is. By DNS UPDATE everything is written or nothing (but \
             for the tracking host where its name is in use); \
             through a provider's API one record after the other, and where that breaks off, the answer says what was \
             written and what was not, and applying a new plan goes on from there. 409 under `digest` when the zone is \
             no longer as it was shown. Afterwards the domain is looked at by itself. Needs admin access.",
        )
        .tag("Zones")
        .body(Body::Wrapped(
            WRAPPER,
            json!({"type": "object", "required": ["digest"], "description": "What was shown.", "properties": {
                "digest": {"type": "string", "description": "The digest of the plan.", "minLength": 1},
            }}),
            json!({"digest": "0f343b0931126a20f133d67c2b018a3b"}),
        ))
        .answers(200, "DnsPlanResponse")
        .answers(404, "NotFound")
        .answers(409, "DnsOutdated")
        .answers(422, "UnprocessableEntity")
}
