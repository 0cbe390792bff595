//! `POST /api/domains/{domain_id}/company_info`

use super::{all_errors, read};
use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::RawBody,
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    path::OfDomain,
    rights::{Needs, objection},
    view::{CompanyView, Data},
};
use axum::extract::State;
use serde_json::json;
use signet_core::company::{CompanyPatch, FieldErrors};

/// Gives the account its company information.
pub(in crate::http) async fn create(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: axum::body::Bytes| {
        let patch = match patch(&body) {
            Ok(patch) => patch,
            Err(errors) => return Err(objection(&app, &actor, Some(id), Needs::AccountAdmin, errors).await),
        };
        let info = app.ops().create_company(&actor, id, &patch).await?;
        Ok(Answer::ok(&Data { data: CompanyView::of(&info) }))
    };
    once.run(app, actor, body, work).await
}

fn patch(body: &[u8]) -> std::result::Result<CompanyPatch, FieldErrors> {
    let (patch, errors) = read(body)?;
    if errors.is_empty() { Ok(patch) } else { Err(all_errors(&patch, errors, false)) }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{domain_id}/company_info", "createDomainCompanyInfo", "Give the company information")
        .description(
            "Gives the account its company information, once, through any of its domains; after that it is updated. \
             Needs admin access to the account.",
        )
        .body(Body::Company(
            json!({"$ref": "#/components/schemas/CompanyInfoRequest"}),
            json!({
                "name": "Example GmbH",
                "address": "Ring 1",
                "city": "Wien",
                "country": "Austria",
                "zip_code": "1010",
                "website_url": "https://example.com",
                "info_level": "business",
            }),
        ))
        .answers(200, "CompanyInfoResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
