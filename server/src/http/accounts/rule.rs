//! `POST /api/accounts/{id}/suspend`, `lift`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::RawBody,
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    path::OfAccount,
    reviews::{AccountView, because, because_schema},
    rights::{Needs, objection},
    view::Data,
};
use crate::{ops::Actor, store::AccountId};
use axum::{body::Bytes, extract::State};
use serde_json::json;
use signet_core::lifecycle::Suspension;

/// Stops an account with all its domains from sending.
pub(in crate::http) async fn suspend(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfAccount(id): OfAccount,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    once.run(app, actor, body, async move |app, actor, body| rule(&app, &actor, id, &body, true).await).await
}

/// Ends that.
pub(in crate::http) async fn lift(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfAccount(id): OfAccount,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    once.run(app, actor, body, async move |app, actor, body| rule(&app, &actor, id, &body, false).await).await
}

async fn rule(app: &AppState, actor: &Actor, id: AccountId, body: &Bytes, suspends: bool) -> Result<Answer> {
    let because = match because(body, suspends) {
        Ok(because) => because,
        Err(errors) => return Err(objection(app, actor, None, Needs::Operator, errors).await),
    };
    let suspension = match (suspends, because.hold) {
        (false, _) => None,
        (true, true) => Some(Suspension::Hold),
        (true, false) => Some(Suspension::Abuse),
    };
    let version = Some(because.version);
    let account = app.ops().suspend_account(actor, id, suspension, version, &because.reason).await?;
    Ok(Answer::ok(&Data { data: AccountView::of(&account) }))
}

/// The operations in the OpenAPI document.
pub(in crate::http) fn operations() -> [Operation; 2] {
    let suspend = Operation::post(
        "/api/accounts/{id}/suspend",
        "suspendAccount",
        "Stop an account from sending",
    )
    .description(
        "Suspends the account with all its domains, until that is lifted: mail is refused, or with `hold` it \
             waits. Needs an operator's token.",
    );
    let lift = Operation::post("/api/accounts/{id}/lift", "liftAccountSuspension", "End an account's suspension")
        .description(
            "Its domains are again what they were, but for those that are suspended themselves. Needs an operator's \
             token.",
        );
    [(suspend, true), (lift, false)].map(|(operation, suspends)| {
        let (schema, example) = because_schema(suspends);
        operation
            .in_path("id", "The account's id.", json!({"type": "integer"}), json!(1))
            .body(Body::Plain(schema, example))
            .answers(200, "AccountResponse")
            .answers(404, "NotFound")
            .answers(409, "Outdated")
            .answers(422, "UnprocessableEntity")
    })
}
