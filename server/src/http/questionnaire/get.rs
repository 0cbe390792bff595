//! `GET /api/domains/{domain_id}/questionnaire`

use super::QuestionnaireView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfDomain,
    view::Data,
};
use axum::extract::State;

/// The questions, and the answers where there are.
pub(in crate::http) async fn get(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
) -> Result<Answer> {
    let questionnaire = app.ops().questionnaire(&actor, id).await?;
    Ok(Answer::ok(&Data { data: QuestionnaireView::of(&questionnaire) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{domain_id}/questionnaire", "getDomainQuestionnaire", "Get the questionnaire")
        .description(
            "What the review asks the domain's owner, with the answers once they are given. Not found while the \
             review does not ask.",
        )
        .answers(200, "QuestionnaireResponse")
        .answers(404, "NotFound")
}
