//! `GET /api/domains/{domain_id}/card_check`

use super::OwnersView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfDomain,
    view::Data,
};
use axum::extract::State;

/// How the card check stands, and where to pass it.
pub(in crate::http) async fn get(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
) -> Result<Answer> {
    let (check, url) = app.ops().card_check(&actor, id).await?;
    Ok(Answer::ok(&Data { data: OwnersView::of(&check, url) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{domain_id}/card_check", "getDomainCardCheck", "Get the card check")
        .description(
            "How the card check stands that the review asks the domain's owner for, and where to pass it. Not found \
             while the review does not ask for one.",
        )
        .answers(200, "CardCheckResponse")
        .answers(404, "NotFound")
}
