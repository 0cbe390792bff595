//! `DELETE /api/domains/{domain_id}`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    error::Result,
    openapi::Operation,
    path::OfDomain,
    query::Query,
    rights::{Needs, objection},
};
use axum::extract::State;

/// Whether our records are to be taken out of the zone first.
const REMOVE: &str = "remove_dns_records";
const WORDS: [&str; 2] = ["false", "true"];

/// Deletes a domain.
pub(in crate::http) async fn delete(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    mut query: Query,
) -> Result<Answer> {
    let remove = query.word(REMOVE, &WORDS) == Some("true");
    if let Err(errors) = query.errors() {
        return Err(objection(&app, &actor, Some(id), Needs::Write, errors).await);
    }
    let removed = if remove {
        app.ops().delete_domain_and_records(&actor, id).await?
    } else {
        app.ops().delete_domain(&actor, id).await?;
        None
    };
    Ok(removed.map_or_else(Answer::no_content, |removed| Answer::ok(&super::dns::view(&removed))))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::delete("/{domain_id}", "deleteDomain", "Delete a sending domain")
        .description(
            "Deletes a domain and destroys its DKIM keys, at once and for good. Registered again, it gets other \
             records. With `remove_dns_records=true` what is ours is taken out of the account's own zone first, with \
             the account's key to it: the names made for the domain, our include in SPF, and of the rest what was \
             added by applying a plan and is still the same. What another registration may need stays. The answer is \
             then 200 and says of each record whether it was taken out or kept, and why. Where taking out fails the \
             domain is not deleted. Needs admin access.",
        )
        .word(REMOVE, "Whether to take our records out of the zone first.", &WORDS)
        .no_content("The domain is deleted.")
        .answers(200, "DnsPlanResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
