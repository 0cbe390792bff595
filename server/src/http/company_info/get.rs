//! `GET /api/domains/{domain_id}/company_info`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    error::Result,
    openapi::Operation,
    path::OfDomain,
    view::{CompanyView, Data},
};
use axum::extract::State;

/// The account's company information.
pub(in crate::http) async fn get(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
) -> Result<Answer> {
    let info = app.ops().company(&actor, id).await?;
    Ok(Answer::ok(&Data { data: CompanyView::of(&info) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{domain_id}/company_info", "getDomainCompanyInfo", "Get the company information")
        .description(
            "Who is behind the account. It is the account's and the same through each of its domains. Not found \
             until it has been given.",
        )
        .answers(200, "CompanyInfoResponse")
        .answers(404, "NotFound")
}
