//! `GET /api/dns_access/{dns_access_id}`

use super::view::DnsAccessView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfDnsAccess,
    view::Data,
};
use axum::extract::State;

/// A key to a zone.
pub(in crate::http) async fn get(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDnsAccess(id): OfDnsAccess,
) -> Result<Answer> {
    let access = app.ops().dns_access(&actor, id).await?;
    Ok(Answer::ok(&Data { data: DnsAccessView::of(&access) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{dns_access_id}", "getDnsAccess", "Get a key to a zone")
        .description("The key without what is secret of it. Needs admin access to the account.")
        .answers(200, "DnsAccessResponse")
        .answers(404, "NotFound")
}
