//! `GET /api/domains`

use crate::{
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        error::Result,
        openapi::Operation,
        path::Family,
        query::Query,
        rights::{Needs, objection},
        view::{Data, DomainView},
    },
    store::DomainId,
};
use axum::{
    extract::State,
    http::{HeaderValue, header::LINK},
};

/// The most domains on one page.
const MAX_LIMIT: i64 = 1000;

/// All domains the caller sees, or a page of them.
pub(in crate::http) async fn list(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    family: Family,
    mut query: Query,
) -> Result<Answer> {
    let limit = query.number("limit", 1..=MAX_LIMIT).and_then(|limit| usize::try_from(limit).ok());
    let after = query.number("after", 0..=i64::MAX).map(DomainId);
    if let Err(errors) = query.errors() {
        return Err(objection(&app, &actor, None, Needs::Read, errors).await);
    }
    // One more than is shown tells whether there is a next page.
    let fetched = limit.and_then(|limit| u32::try_from(limit + 1).ok());
    let mut domains = app.ops().list_domains(&actor, after, fetched).await?;
    let more = limit.is_some_and(|limit| domains.len() > limit);
    domains.truncate(limit.unwrap_or(usize::MAX));
    let views = domains.iter().map(|domain| DomainView::of(app.ops(), &actor, domain));
    let answer = Answer::ok(&Data { data: views.collect::<Vec<_>>() });
    match (limit, domains.last()) {
        (Some(limit), Some(last)) if more => {
            let base = family.base_for(actor.account);
            let link = format!("<{base}?limit={limit}&after={}>; rel=\"next\"", last.id);
            let link = HeaderValue::from_str(&link).expect("numbers and a constant path make a header value");
            Ok(answer.with(LINK, link))
        }
        _ => Ok(answer),
    }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("", "getDomains", "List sending domains")
        .description(
            "Every sending domain the token sees, by ascending id, each with the DNS records to publish and their \
             status. All of them at once, unless `limit` asks for pages: then the `Link` header names the next page \
             as long as there is one.",
        )
        .query("limit", "The most domains to answer with.", 1, Some(MAX_LIMIT), None, 100)
        .query("after", "Only domains with a higher id than this, the last one of the page before.", 0, None, None, 3938)
        .answers(200, "DomainsResponse")
        .answers(422, "UnprocessableEntity")
}
