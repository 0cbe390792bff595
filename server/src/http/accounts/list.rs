//! `GET /api/accounts`

use crate::{
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        error::Result,
        openapi::Operation,
        query::Query,
        rights::{Needs, objection},
    },
    ops::Actor,
    store::{Access, Account, AccountId, TokenScope},
};
use axum::{
    extract::State,
    http::{HeaderValue, header::LINK},
};
use serde::Serialize;

/// The most accounts on one page, and as many as come when none is asked for.
const MAX_LIMIT: i64 = 1000;

/// An account as the hosted service shows it.
#[derive(Serialize)]
struct AccountView<'a> {
    id: i64,
    name: &'a str,
    access_levels: [u32; 1],
}

impl<'a> AccountView<'a> {
    fn of(actor: &Actor, account: &'a Account) -> Self {
        Self { id: account.id.0, name: &account.name, access_levels: [level(actor)] }
    }
}

/// What a token may do with an account, in the hosted service's numbers.
fn level(actor: &Actor) -> u32 {
    match (&actor.scope, actor.access) {
        (TokenScope::Domains(_), _) => 1,
        (TokenScope::Account, Access::Viewer) => 10,
        (TokenScope::Account, Access::Admin) => 100,
        (TokenScope::Account, Access::Operator) => 1000,
    }
}

/// The accounts the caller sees.
pub(in crate::http) async fn list(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    mut query: Query,
) -> Result<Answer> {
    let limit = query.number("limit", 1..=MAX_LIMIT).unwrap_or(MAX_LIMIT);
    let after = query.number("after", 0..=i64::MAX).map(AccountId);
    if let Err(errors) = query.errors() {
        return Err(objection(&app, &actor, None, Needs::Read, errors).await);
    }
    // One more than is shown tells whether there is a next page.
    let fetched = u32::try_from(limit + 1).unwrap_or(u32::MAX);
    let mut accounts = app.ops().visible_accounts(&actor, after, fetched).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = accounts.len() > shown;
    accounts.truncate(shown);
    let views: Vec<_> = accounts.iter().map(|account| AccountView::of(&actor, account)).collect();
    let answer = Answer::ok(&views);
    match accounts.last() {
        Some(last) if more => {
            let link = format!("</api/accounts?{}>; rel=\"next\"", query.with("after", &last.id.to_string()));
            let link = HeaderValue::from_str(&link).expect("an encoded query makes a header value");
            Ok(answer.with(LINK, link))
        }
        _ => Ok(answer),
    }
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/api/accounts", "getAccounts", "List the accounts a token belongs to")
        .tag("Account")
        .description(
            "The account the token belongs to; for an operator's token every account, by ascending id and in pages. \
             `access_levels` says what the token may do there: 1000 (operator), 100 (admin), 10 (viewer), or 1 when \
             it is for single domains only.",
        )
        .query("limit", "The most accounts to answer with.", 1, Some(MAX_LIMIT), Some(MAX_LIMIT), 100)
        .query("after", "Only accounts with a higher id than this, the last one of the page before.", 0, None, None, 7)
        .answers(200, "AccountsResponse")
        .answers(422, "UnprocessableEntity")
}
