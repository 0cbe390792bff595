//! `GET /api/reviews/{domain_id}`

use super::ReviewFileView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfDomain,
    view::Data,
};
use axum::extract::State;

/// Everything to decide on a domain by.
pub(in crate::http) async fn get(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
) -> Result<Answer> {
    let file = app.ops().case_file(&actor, id).await?;
    let url = file.card_check.as_ref().and_then(|check| app.ops().card_check_url(check));
    Ok(Answer::ok(&Data { data: ReviewFileView::of(&file, url) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/api/reviews/{domain_id}", "getReview", "Read all there is to decide on a domain by")
        .description(
            "A domain of any account, with what its account says of itself, what the rules found when they last ran, \
             the answers to the questionnaire, the card check, and the last 50 things reviews, owners and operators \
             did. Needs an operator's token.",
        )
        .answers(200, "ReviewFileResponse")
        .answers(404, "NotFound")
}
