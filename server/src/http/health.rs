//! For whoever runs the server: is it up, is it ready, what does it count.

use super::{
    AppState,
    answer::Answer,
    error::{Failure, Result},
};
use axum::{
    Router,
    extract::State,
    http::{HeaderValue, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::future::BoxFuture;
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// Writes the metrics page, in the Prometheus text format.
pub type MetricsPage = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// The Prometheus text format's media type.
const METRICS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

/// How long the database may take before the server is not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// The process answers.
pub(super) async fn healthz() -> Answer {
    Answer::ok(&json!({"status": "ok"}))
}

/// The database answers too.
pub(super) async fn readyz(State(app): State<AppState>) -> Answer {
    let ping = tokio::time::timeout(PATIENCE, app.ops().store.ping()).await;
    let problem = match ping {
        Ok(Ok(())) => return Answer::ok(&json!({"status": "ready"})),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} s", PATIENCE.as_secs()),
    };
    tracing::warn!(%problem, "the database is not ready");
    Answer::json(
        axum::http::StatusCode::SERVICE_UNAVAILABLE,
        &json!({"error": "The database does not answer"}),
    )
}

/// The metrics page, on the main address.
pub(super) async fn metrics(State(app): State<AppState>) -> Result<Response> {
    let page = app.metrics().ok_or(Failure::NotFound)?;
    Ok(shown(page().await))
}

fn shown(page: String) -> Response {
    let mut response = page.into_response();
    response.headers_mut().insert(CONTENT_TYPE, METRICS);
    response
}

/// `/metrics` alone, for an address of its own.
pub fn metrics_router(page: MetricsPage) -> Router {
    Router::new().route("/metrics", get(async move || shown(page().await)))
}
