//! `GET /api/domains/{domain_id}/report`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    error::Result,
    openapi::Operation,
    path::OfDomain,
    view::{Data, VerdictView},
};
use axum::extract::State;

/// The last look at a domain, record by record.
pub(in crate::http) async fn report(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
) -> Result<Answer> {
    let (domain, verdicts, checked_at) = app.ops().report(&actor, id).await?;
    let entry = |verdict| VerdictView::of(verdict, checked_at, domain.late_until(verdict.key));
    let entries: Vec<_> = verdicts.iter().map(entry).collect();
    Ok(Answer::ok(&Data { data: entries }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{domain_id}/report", "getDomainReport", "Get the last look at a sending domain")
        .description(
            "What the last look at live DNS found, one entry per issued record in the order of `dns_records`: what \
             is wrong, which server said so, and the exact text that fixes it. `status` here is the last look's own; \
             the domain's `dns_records` keep the last trustworthy one through up to an hour of network errors.",
        )
        .answers(200, "ReportResponse")
        .answers(404, "NotFound")
}
