//! `POST /api/domains/{domain_id}/send_setup_instructions`

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
use axum::extract::State;
use serde_json::json;
use signet_core::company::FieldErrors;

/// Mails the records to whoever looks after the DNS.
pub(in crate::http) async fn send_setup_instructions(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: axum::body::Bytes| {
        let email = match email(&body) {
            Ok(email) => email,
            Err(errors) => return Err(objection(&app, &actor, Some(id), Needs::Write, errors).await),
        };
        app.ops().send_instructions(&actor, id, &email).await?;
        Ok(Answer::no_content())
    };
    once.run(app, actor, body, work).await
}

fn email(body: &[u8]) -> std::result::Result<String, FieldErrors> {
    let mut fields = Fields::plain(body)?;
    fields.required_text("email").ok_or_else(|| fields.errors())
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post(
        "/{domain_id}/send_setup_instructions",
        "sendDomainSetupInstructions",
        "Mail the DNS records to somebody",
    )
    .description(
        "Queues an e-mail with the records to publish, for whoever looks after the domain's DNS. Needs admin access. \
         There is a cap per account and day, and one per recipient and day over all accounts.",
    )
    .body(Body::Plain(
        json!({
            "type": "object",
            "required": ["email"],
            "properties": {
                "email": {
                    "type": "string",
                    "format": "email",
                    "description": "Who gets them. The part after the @ must be a full domain.",
                    "examples": ["hostmaster@example.com"],
                },
            },
        }),
        json!({"email": "hostmaster@example.com"}),
    ))
    .no_content("The message is queued.")
    .answers(404, "NotFound")
    .answers(422, "UnprocessableEntity")
}
