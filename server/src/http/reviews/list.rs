//! `GET /api/reviews`

use super::ReviewView;
use crate::{
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        error::Result,
        openapi::Operation,
        query::Query,
        rights::{Needs, objection},
        view::Data,
    },
    store::{DomainId, Review},
};
use axum::{
    extract::State,
    http::{HeaderValue, header::LINK},
};

/// The most domains on one page, and how many where nobody asks.
const MAX_LIMIT: i64 = 1000;
const DEFAULT_LIMIT: u32 = 100;

/// The states that can be asked for; the first where nobody asks.
const STATES: [&str; 4] = ["referred", "due", "open", "all"];

/// Domains whose review is under way, a page of them.
pub(in crate::http) async fn list(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    mut query: Query,
) -> Result<Answer> {
    let limit = query.number("limit", 1..=MAX_LIMIT).and_then(|limit| u32::try_from(limit).ok());
    let after = query.number("after", 0..=i64::MAX).map(DomainId);
    let state = query.word("state", &STATES);
    if let Err(errors) = query.errors() {
        return Err(objection(&app, &actor, None, Needs::Operator, errors).await);
    }
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let state = state.unwrap_or(STATES[0]);
    let all = [Review::Referred, Review::Due, Review::Open];
    let states = Review::parse(state).map_or(all.to_vec(), |state| vec![state]);
    // One more than is shown tells whether there is a next page.
    let mut waiting = app.ops().reviews(&actor, &states, after, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = waiting.len() > shown;
    waiting.truncate(shown);
    let views = waiting.iter().map(|waiting| ReviewView::of(&waiting.case, waiting.reason.as_deref()));
    let answer = Answer::ok(&Data { data: views.collect::<Vec<_>>() });
    match waiting.last() {
        Some(last) if more => {
            let last = last.case.domain.id;
            let link = format!("</api/reviews?state={state}&limit={limit}&after={last}>; rel=\"next\"");
            let link = HeaderValue::from_str(&link).expect("numbers and known words make a header value");
            Ok(answer.with(LINK, link))
        }
        _ => Ok(answer),
    }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/api/reviews", "getReviews", "List reviews under way")
        .description(
            "Domains whose review is under way, over all accounts, by ascending id, with the reason each waits for. \
             The `Link` header names the next page as long as there is one. Needs an operator's token.",
        )
        .word(
            "state",
            "Only those that wait for the operator (`referred`), for the rules to run (`due`), or for their owner \
             (`open`).",
            &STATES,
        )
        .query("limit", "The most domains to answer with.", 1, Some(MAX_LIMIT), Some(i64::from(DEFAULT_LIMIT)), 100)
        .query("after", "Only domains with a higher id than this, the last one of the page before.", 0, None, None, 3938)
        .answers(200, "ReviewsResponse")
        .answers(422, "UnprocessableEntity")
}
