//! `POST /api/domains/{domain_id}/check`

use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::RawBody,
    error::Result,
    once::Once,
    openapi::Operation,
    path::OfDomain,
    query::Query,
    rights::{Needs, objection},
    view::DomainView,
};
use axum::{
    extract::State,
    http::{HeaderName, HeaderValue},
};
use std::time::Duration;

/// Says that the look asked for had not ended when the answer was given.
pub(in crate::http) const PENDING: HeaderName = HeaderName::from_static("signet-check");

/// The longest wait, in seconds, and the one when none is asked for.
const MAX_WAIT: i64 = 60;
const DEFAULT_WAIT: u64 = 10;

/// Has live DNS looked at now.
pub(in crate::http) async fn check(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    mut query: Query,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let wait = query.number("wait", 0..=MAX_WAIT).and_then(|wait| u64::try_from(wait).ok());
    let wait = Duration::from_secs(wait.unwrap_or(DEFAULT_WAIT));
    if let Err(errors) = query.errors() {
        return Err(objection(&app, &actor, Some(id), Needs::Write, errors).await);
    }
    let work = async move |app: AppState, actor, _body| {
        let (domain, covered) = app.ops().check_domain(&actor, id, wait).await?;
        let answer = Answer::ok(&DomainView::of(app.ops(), &actor, &domain));
        Ok(if covered { answer } else { answer.with(PENDING, HeaderValue::from_static("pending")) })
    };
    once.run(app, actor, body, work).await
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("/{domain_id}/check", "checkDomain", "Check a sending domain's DNS now")
        .description(
            "Looks at live DNS now, past all caches, and answers with the domain once a look that began after this \
             call has ended. If none has within `wait` seconds, the answer is the domain as it stands, with the \
             header `Signet-Check: pending`; the look goes on. No body is needed.",
        )
        .query("wait", "How long to wait for the look, in seconds.", 0, Some(MAX_WAIT), Some(10), 10)
        .answers(200, "DomainCheckResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
