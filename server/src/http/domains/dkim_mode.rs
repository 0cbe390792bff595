//! `PUT /api/domains/{domain_id}/keys/mode`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::{Fields, RawBody},
    error::Result,
    openapi::{Body, Operation},
    path::OfDomain,
    rights::{Needs, objection},
    view::DomainView,
};
use axum::extract::State;
use serde_json::json;
use signet_core::{company::FieldErrors, plan::DkimMode};

/// Changes who publishes the domain's DKIM keys.
pub(in crate::http) async fn set(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    RawBody(body): RawBody,
) -> Result<Answer> {
    let mode = match mode(&body) {
        Ok(mode) => mode,
        Err(errors) => return Err(objection(&app, &actor, Some(id), Needs::Write, errors).await),
    };
    let domain = app.ops().set_dkim_mode(&actor, id, mode).await?;
    Ok(Answer::ok(&DomainView::of(app.ops(), &actor, &domain)))
}

fn mode(body: &[u8]) -> std::result::Result<DkimMode, FieldErrors> {
    let mut fields = Fields::plain(body)?;
    let word = fields.required_text("mode");
    let mode = word.as_deref().and_then(DkimMode::parse);
    if word.is_some() && mode.is_none() {
        fields.object_to("mode", "is invalid: must be delegated or raw");
    }
    mode.ok_or_else(|| fields.errors())
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::put("/{domain_id}/keys/mode", "setDomainDkimMode", "Choose who publishes the DKIM keys")
        .description(
            "`delegated`: the domain's two DKIM records are CNAMEs to ours, and keys are replaced without anybody's \
             help. `raw`: they are TXT records with the keys themselves, for operators without a zone of their own; \
             whenever a key is to be replaced, the domain's owner is asked to publish the next one, and it never \
             signs before it is seen. Answers with the domain and the records it needs now. Records that are \
             published already go on to work: change them one by one. Needs admin access.",
        )
        .tag("DKIM keys")
        .body(Body::Plain(
            json!({
                "type": "object",
                "required": ["mode"],
                "properties": {
                    "mode": {
                        "type": "string",
                        "enum": DkimMode::ALL.map(DkimMode::as_str),
                        "description": "Who publishes the keys: `delegated`: we; `raw`: the domain's owner.",
                    },
                },
            }),
            json!({"mode": "raw"}),
        ))
        .answers(200, "DomainResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
