//! `GET /api/domains/{domain_id}`

use crate::http::{
    AppState, answer::Answer, auth::AuthenticatedFor, error::Result, openapi::Operation, view::DomainView,
};
use axum::extract::State;

/// One domain.
pub(in crate::http) async fn get(
    State(app): State<AppState>,
    AuthenticatedFor { actor, domain }: AuthenticatedFor,
) -> Result<Answer> {
    Ok(Answer::ok(&DomainView::of(app.ops(), &actor, &domain)))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{domain_id}", "getDomain", "Get a sending domain")
        .description("One sending domain with the DNS records to publish and their status as last seen.")
        .answers(200, "DomainResponse")
        .answers(404, "NotFound")
}
