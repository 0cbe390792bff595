//! `PATCH /api/domains/{domain_id}/company_info`

use super::{all_errors, read};
use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::RawBody,
    error::Result,
    openapi::{Body, Operation},
    path::OfDomain,
    rights::{Needs, objection},
    view::{CompanyView, Data},
};
use axum::extract::State;
use serde_json::json;
use signet_core::company::{CompanyPatch, FieldErrors};

/// Changes the account's company information.
pub(in crate::http) async fn update(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    RawBody(body): RawBody,
) -> Result<Answer> {
    let patch = match patch(&body) {
        Ok(patch) => patch,
        Err(errors) => return Err(objection(&app, &actor, Some(id), Needs::AccountAdmin, errors).await),
    };
    let info = app.ops().update_company(&actor, id, &patch).await?;
    Ok(Answer::ok(&Data { data: CompanyView::of(&info) }))
}

fn patch(body: &[u8]) -> std::result::Result<CompanyPatch, FieldErrors> {
    let (patch, errors) = read(body)?;
    if errors.is_empty() { Ok(patch) } else { Err(all_errors(&patch, errors, true)) }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::patch("/{domain_id}/company_info", "updateDomainCompanyInfo", "Change the company information")
        .description(
            "Changes the fields named and leaves the others as they are; `\"\"` clears an optional field. Another \
             name, country or website opens a new review; an approval stands until that has decided. Needs admin \
             access to the account.",
        )
        .body(Body::Company(
            json!({"$ref": "#/components/schemas/CompanyInfoUpdateRequest"}),
            json!({"phone": "+43 1 234567"}),
        ))
        .answers(200, "CompanyInfoResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
