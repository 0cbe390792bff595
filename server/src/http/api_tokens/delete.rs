//! `DELETE /api/api_tokens/{token_id}`

use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfToken,
};
use axum::extract::State;

/// Revokes a token.
pub(in crate::http) async fn delete(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfToken(id): OfToken,
) -> Result<Answer> {
    app.ops().delete_account_token(&actor, id).await?;
    Ok(Answer::no_content())
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::delete("/{token_id}", "deleteApiToken", "Delete an API token")
        .tag("API tokens")
        .description(
            "Refuses the token from now on, on every node. Needs admin access to the account, but for the very token \
             the request is made with: every token may delete itself.",
        )
        .no_content("It is refused from now on.")
        .answers(404, "NotFound")
}
