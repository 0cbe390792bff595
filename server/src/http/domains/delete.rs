//! `DELETE /api/domains/{domain_id}`

use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfDomain,
};
use axum::extract::State;

/// Deletes a domain.
pub(in crate::http) async fn delete(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
) -> Result<Answer> {
    app.ops().delete_domain(&actor, id).await?;
    Ok(Answer::no_content())
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::delete("/{domain_id}", "deleteDomain", "Delete a sending domain")
        .description(
            "Deletes a domain and destroys its DKIM keys, at once and for good. Registered again, it gets other \
             records. Needs admin access.",
        )
        .no_content("The domain is deleted.")
        .answers(404, "NotFound")
}
