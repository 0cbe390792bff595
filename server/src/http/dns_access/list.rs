//! `GET /api/dns_access`

use super::view::DnsAccessView;
use crate::http::{
    AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, view::Data,
};
use axum::extract::State;

/// The account's keys to zones.
pub(in crate::http) async fn list(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
) -> Result<Answer> {
    let accesses = app.ops().dns_accesses(&actor).await?;
    Ok(Answer::ok(&Data { data: accesses.iter().map(DnsAccessView::of).collect::<Vec<_>>() }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("", "listDnsAccess", "List keys to zones")
        .description(
            "The account's keys to its own zones, by ascending id, without what is secret of them. Needs admin access \
             to the account.",
        )
        .answers(200, "DnsAccessesResponse")
}
