//! `POST /api/domains`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::{Fields, RawBody},
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    path::Family,
    rights::{Needs, objection},
    view::DomainView,
};
use axum::extract::State;
use serde_json::json;
use signet_core::company::FieldErrors;

/// Registers a domain.
pub(in crate::http) async fn create(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    family: Family,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: axum::body::Bytes| {
        let name = match domain_name(&body, family) {
            Ok(name) => name,
            Err(errors) => return Err(objection(&app, &actor, None, Needs::AccountAdmin, errors).await),
        };
        let domain = app.ops().create_domain(&actor, &name).await?;
        Ok(Answer::ok(&DomainView::of(app.ops(), &actor, &domain)))
    };
    once.run(app, actor, body, work).await
}

fn domain_name(body: &[u8], family: Family) -> std::result::Result<String, FieldErrors> {
    let mut fields = Fields::wrapped(body, &family.wrappers())?;
    fields.required_text("domain_name").ok_or_else(|| fields.errors())
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("", "createDomain", "Register a sending domain")
        .description(
            "Registers a domain and answers with the DNS records to publish. Their status is `unchecked` until the \
             first look, which begins at once; the answer does not wait for it. Needs admin access to the account. \
             A name that is registered in the account already is refused; two accounts may register one name, and \
             the one that publishes its records proves it.",
        )
        .body(Body::Domain(json!({
            "type": "object",
            "required": ["domain_name"],
            "properties": {
                "domain_name": {
                    "type": "string",
                    "format": "hostname",
                    "description": "The domain alone, without `http://`. Any case; Unicode names become A-labels \
                                    (`xn--…`). Public suffixes such as `co.uk`, addresses and single labels are refused.",
                    "examples": ["example.com"],
                },
            },
        }), json!({"domain_name": "example.com"})))
        .answers(200, "DomainResponse")
        .answers(422, "UnprocessableEntity")
}
