//! `GET /api/api_tokens`

use super::TokenView;
use crate::http::{AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation};
use axum::extract::State;

/// The account's tokens.
pub(in crate::http) async fn list(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
) -> Result<Answer> {
    let tokens = app.ops().account_tokens(&actor).await?;
    Ok(Answer::ok(&tokens.iter().map(|token| TokenView::of(token, None)).collect::<Vec<_>>()))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("", "listApiTokens", "List API tokens")
        .tag("API tokens")
        .description(
            "The account's tokens that are good now, by ascending id, without their secrets; those that were reset \
             are among them until they expire. Needs admin access to the account. Operators' tokens are shown to \
             operators only.",
        )
        .answers(200, "ApiTokensResponse")
}
