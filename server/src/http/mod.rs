//! The HTTP edge: the contract's nine operations on both path families, and
//! what stands beside them (WIRE).
//!
//! A request passes [`edge`], which gives every answer its headers, its span
//! and its metrics; then the extractors of one handler ([`auth`], [`path`],
//! [`query`], [`body`]); then one function of [`crate::ops`]; and leaves as an
//! [`answer::Answer`] made of a [`view`], or as an [`error::Failure`].

mod accounts;
mod answer;
mod api_tokens;
mod audit;
mod auth;
mod authorize;
mod body;
mod card_check;
mod company_info;
mod dns_access;
mod domains;
mod edge;
mod error;
mod health;
mod keys;
mod mute;
mod once;
mod openapi;
mod page;
mod path;
mod query;
mod questionnaire;
mod questionnaire_page;
mod rate;
mod reviews;
mod rights;
mod view;
mod webhooks;

pub use health::{MetricsPage, metrics_router};
pub use openapi::openapi;

use crate::ops::Ops;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post, put},
};
use error::Failure;
use rate::RateLimiter;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

struct Parts {
    ops: Ops,
    limiter: Option<RateLimiter>,
    metrics: Option<MetricsPage>,
}

impl AppState {
    /// The state over the use cases. The rate limit is the settings'. `metrics`
    /// writes the page at `/metrics`; `None` when it has an address of its own.
    #[must_use]
    pub fn new(ops: Ops, metrics: Option<MetricsPage>) -> Self {
        let limiter = ops.config.http.rate_limit.and_then(RateLimiter::new);
        Self(Arc::new(Parts { ops, limiter, metrics }))
    }

    fn ops(&self) -> &Ops {
        &self.0.ops
    }

    fn limiter(&self) -> Option<&RateLimiter> {
        self.0.limiter.as_ref()
    }

    fn metrics(&self) -> Option<&MetricsPage> {
        self.0.metrics.as_ref()
    }
}

/// The whole of the HTTP side, ready to be served.
pub fn router(state: AppState) -> Router {
    let mut router = Router::new()
        .route("/api/openapi.json", get(openapi::serve))
        .route("/api/accounts", get(accounts::list::list))
        .route("/api/audit", get(audit::search::search))
        .route("/api/audit/export", get(audit::export::export))
        .route("/api/authorize", post(authorize::authorize))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/mute/{token}", get(mute::ask).post(mute::mute));
    if state.metrics().is_some() {
        router = router.route("/metrics", get(health::metrics));
    }
    for family in path::Family::ALL {
        router = router
            .merge(family_routes(family.base()))
            .merge(token_routes(&family.collection("api_tokens")))
            .merge(dns_access::routes(family))
            .merge(webhooks::routes(family));
    }
    layered(router.merge(review_routes()), state)
}

/// What operators do, what whoever checks cards says, and the page for owners.
fn review_routes() -> Router<AppState> {
    let review = |verb: &str| format!("/api/reviews/{{domain_id}}/{verb}");
    Router::new()
        .route("/api/reviews", get(reviews::list::list))
        .route("/api/reviews/{domain_id}", get(reviews::get::get))
        .route(&review("approve"), post(reviews::rule::approve))
        .route(&review("reject"), post(reviews::rule::reject))
        .route(&review("reopen"), post(reviews::rule::reopen))
        .route(&review("suspend"), post(reviews::rule::suspend))
        .route(&review("lift"), post(reviews::rule::lift))
        .route(&review("card_check"), post(reviews::card_check::resolve))
        .route("/api/accounts/{id}/suspend", post(accounts::rule::suspend))
        .route("/api/accounts/{id}/lift", post(accounts::rule::lift))
        .route("/api/card_checks/{reference}", post(card_check::callback::callback))
        .route(
            "/questionnaire/{token}",
            get(questionnaire_page::show)
                .post(questionnaire_page::answer)
                .layer(DefaultBodyLimit::max(questionnaire_page::MAX_BYTES)),
        )
}

/// Routes with what every request goes through around them.
fn layered(routes: Router<AppState>, state: AppState) -> Router {
    routes
        .fallback(async || Failure::NotFound)
        .method_not_allowed_fallback(async || Failure::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(body::MAX_BYTES))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(state.clone(), edge::edge))
        .with_state(state)
}

/// The same handlers under either family's base path.
fn family_routes(base: &str) -> Router<AppState> {
    let domain = format!("{base}/{{domain_id}}");
    Router::new()
        .route(base, get(domains::list::list).post(domains::create::create))
        .route(&domain, get(domains::get::get).patch(domains::update::update).delete(domains::delete::delete))
        .route(&format!("{domain}/check"), post(domains::check::check))
        .route(
            &format!("{domain}/keys"),
            post(domains::import_key::import).layer(DefaultBodyLimit::max(domains::import_key::MAX_BYTES)),
        )
        .route(&format!("{domain}/keys/mode"), put(domains::dkim_mode::set))
        .route(&format!("{domain}/dns/plan"), post(domains::dns::plan::plan))
        .route(&format!("{domain}/dns/apply"), post(domains::dns::apply::apply))
        .route(&format!("{domain}/report"), get(domains::report::report))
        .route(&format!("{domain}/events"), get(domains::events::events))
        .route(&format!("{domain}/zone"), get(domains::zone::zone))
        .route(&format!("{domain}/domain_connect"), get(domains::domain_connect::domain_connect))
        .route(&format!("{domain}/keys"), get(keys::list::list))
        .route(&format!("{domain}/keys/rotate"), post(keys::rotate::rotate))
        .route(
            &format!("{domain}/send_setup_instructions"),
            post(domains::send_setup_instructions::send_setup_instructions),
        )
        .route(
            &format!("{domain}/company_info"),
            get(company_info::get::get)
                .post(company_info::create::create)
                .patch(company_info::update::update),
        )
        .route(
            &format!("{domain}/questionnaire"),
            get(questionnaire::get::get).post(questionnaire::answer::answer),
        )
        .route(&format!("{domain}/card_check"), get(card_check::get::get))
}

/// Tokens, on either family's form.
fn token_routes(base: &str) -> Router<AppState> {
    let token = format!("{base}/{{token_id}}");
    Router::new()
        .route(base, get(api_tokens::list::list).post(api_tokens::create::create))
        .route(&token, get(api_tokens::get::get).delete(api_tokens::delete::delete))
        .route(&format!("{token}/reset"), post(api_tokens::reset::reset))
}

#[cfg(test)]
mod tests;
