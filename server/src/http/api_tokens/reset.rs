//! `POST /api/api_tokens/{token_id}/reset`

use super::TokenView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, body::RawBody, error::Result, once::Once,
    openapi::Operation, path::OfToken,
};
use axum::extract::State;

/// Makes another token in the place of one.
pub(in crate::http) async fn reset(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfToken(id): OfToken,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, _body| {
        let (token, secret) = app.ops().reset_account_token(&actor, id).await?;
        Ok(Answer::ok(&TokenView::of(&token, Some(&secret))).secret())
    };
    once.run(app, actor, body, work).await
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{token_id}/reset", "resetApiToken", "Reset an API token")
        .tag("API tokens")
        .description(
            "Makes another token with the same name and rights, and as long to live as the first one had, and \
             answers with it and its secret, which is shown this once. The old token is good for 12 more hours, or \
             until it expires if that is sooner. One that was reset before, has expired or was deleted is refused. \
             Needs admin access to the account. No body is needed.",
        )
        .answers(200, "ApiTokenWithTokenResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
