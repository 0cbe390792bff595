//! `DELETE /api/dns_access/{dns_access_id}`

use super::view::DnsAccessView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfDnsAccess,
    view::Data,
};
use axum::extract::State;

/// Deletes a key to a zone.
pub(in crate::http) async fn delete(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDnsAccess(id): OfDnsAccess,
) -> Result<Answer> {
    let access = app.ops().delete_dns_access(&actor, id).await?;
    Ok(Answer::ok(&Data { data: DnsAccessView::of(&access) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::delete("/{dns_access_id}", "deleteDnsAccess", "Delete a key to a zone")
        .description(
            "Deletes the key, and answers with what it was. Records written with it stay where they are. Needs admin \
             access to the account.",
        )
        .answers(200, "DnsAccessResponse")
        .answers(404, "NotFound")
}
