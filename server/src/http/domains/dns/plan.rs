//! `POST /api/domains/{domain_id}/dns/plan`

use crate::http::{
    AppState, answer::Answer, auth::Authenticated, body::RawBody, error::Result, once::Once,
    openapi::Operation, path::OfDomain,
};
use axum::extract::State;

/// Shows what has to change in the zone.
pub(in crate::http) async fn plan(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, _body| {
        let planned = app.ops().plan_dns(&actor, id).await?;
        Ok(Answer::ok(&super::view(&planned)))
    };
    once.run(app, actor, body, work).await
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{domain_id}/dns/plan", "planDomainDns", "Show what has to change in the zone")
        .description(
            "Reads what stands at the names of the domain's records, on all servers of its zone and past all caches, \
             and shows what has to change so that every record is there. Nothing is written. SPF is merged into the \
             record that is there, a DMARC policy of your own stays, and what could not be read is `blocked`. The \
             `digest` is what applying the plan takes. No body is needed. Needs admin access.",
        )
        .tag("Zones")
        .answers(200, "DnsPlanResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
