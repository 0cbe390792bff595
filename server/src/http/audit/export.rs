//! `GET /api/audit/export`

use super::{filter, with_filter};
use crate::{
    http::{
        AppState,
        auth::Authenticated,
        error::{Failure, Result},
        openapi::Operation,
        query::Query,
        rights::{Needs, objection},
    },
    ops::audit::{AuditExport, AuditRow},
    store::Event,
};
use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header::CONTENT_TYPE},
    response::Response,
};
use futures_util::{StreamExt as _, stream};

/// One JSON document per line (<https://github.com/ndjson/ndjson-spec>).
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// The history as JSON lines, read while it is sent: no more than a page of it
/// is ever held.
pub(in crate::http) async fn export(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    mut query: Query,
) -> Result<Response> {
    let filter = filter(&mut query);
    if let Err(errors) = query.errors() {
        return Err(objection(&app, &actor, None, Needs::AccountRead, errors).await);
    }
    let mut export = app.ops().audit_export(&actor, filter)?;
    // Before anything is answered: what fails at once is told as such.
    let first = lines(&export.next().await?);
    let rest = stream::try_unfold(export, more);
    let body = stream::once(async move { Ok(first) }).chain(rest);
    let mut response = Response::new(Body::from_stream(body));
    response.headers_mut().insert(CONTENT_TYPE, NDJSON);
    Ok(response)
}

/// The next page. When the store fails the answer breaks off, which the caller
/// sees: it is not ended as it should be.
async fn more(mut export: AuditExport) -> std::result::Result<Option<(Bytes, AuditExport)>, std::io::Error> {
    let page = export.next().await.map_err(|refused| {
        if let Failure::Store(error) = Failure::from(refused) {
            tracing::error!(%error, "an export broke off");
        }
        std::io::Error::other("the store failed")
    })?;
    Ok((!page.is_empty()).then(|| (lines(&page), export)))
}

fn lines(page: &[Event]) -> Bytes {
    page.iter().map(|event| AuditRow::from(event).line()).collect::<String>().into()
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    let operation = Operation::get("/api/audit/export", "exportAudit", "Export the history")
        .description(
            "All rows that a search with the same parameters finds, oldest first, as JSON lines: one row per line, \
             each an object as a search shows it. Sent as it is read, however long it is; an answer that breaks off \
             is not complete.",
        )
        .streamed()
        .answers(200, "AuditExportResponse");
    with_filter(operation)
}
