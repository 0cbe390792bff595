//! `GET /api/domains/{domain_id}/keys`

use super::KeysView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfDomain,
    view::Data,
};
use axum::extract::State;

/// A domain's DKIM keys.
pub(in crate::http) async fn list(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
) -> Result<Answer> {
    let (domain, keys) = app.ops().keys(&actor, id).await?;
    Ok(Answer::ok(&Data { data: KeysView::of(app.ops(), &domain, keys.as_ref()) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{domain_id}/keys", "getDomainKeys", "Get a sending domain's DKIM keys")
        .description(
            "The DKIM keys on the domain's two selectors: which one signs, which is next, and what remains of the one \
             before; and how their rotation stands. A domain has keys from its first verification on. Only public \
             keys are ever shown.",
        )
        .tag("DKIM keys")
        .answers(200, "DkimKeysResponse")
        .answers(404, "NotFound")
}
