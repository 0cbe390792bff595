//! `GET /api/api_tokens/{token_id}`

use super::TokenView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfToken,
};
use axum::extract::State;

/// One token.
pub(in crate::http) async fn get(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfToken(id): OfToken,
) -> Result<Answer> {
    let token = app.ops().account_token(&actor, id).await?;
    Ok(Answer::ok(&TokenView::of(&token, None)))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{token_id}", "getApiToken", "Get an API token")
        .tag("API tokens")
        .description("One of the account's tokens that are good now, without its secret.")
        .answers(200, "ApiTokenResponse")
        .answers(404, "NotFound")
}
