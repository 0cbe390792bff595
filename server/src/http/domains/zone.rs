//! `GET /api/domains/{domain_id}/zone`

use crate::{
    export::{Format, Provider},
    http::{
        AppState,
        answer::Answer,
        auth::Authenticated,
        error::Result,
        openapi::Operation,
        path::OfDomain,
        query::Query,
        rights::{Needs, objection},
        view::Data,
    },
};
use axum::{
    extract::State,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
};

/// The records to publish, as a file.
pub(in crate::http) async fn zone(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
    mut query: Query,
) -> Result<Answer> {
    let format = query.word("format", &Format::ALL.map(Format::as_str)).and_then(Format::parse);
    let provider = query.word("provider", &Provider::ALL.map(Provider::as_str)).and_then(Provider::parse);
    if let Err(errors) = query.errors() {
        return Err(objection(&app, &actor, Some(id), Needs::Read, errors).await);
    }
    let format = format.unwrap_or(Format::ALL[0]);
    let export = app.ops().export(&actor, id).await?;
    if format == Format::Json {
        return Ok(Answer::ok(&Data { data: export.view() }));
    }
    let disposition = format!("attachment; filename=\"{}\"", export.file_name(format));
    let disposition = HeaderValue::from_str(&disposition).expect("names of domains are plain ASCII");
    Ok(Answer::text(StatusCode::OK, export.render(format, provider))
        .with(CONTENT_TYPE, HeaderValue::from_static(format.media_type()))
        .with(CONTENT_DISPOSITION, disposition))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{domain_id}/zone", "exportDomainRecords", "Export the records to publish")
        .description(
            "The same records as `dns_records`, in a form that DNS is kept in. `bind` is lines of a zone file, with \
             `$ORIGIN` and names relative to it once the zone is known. `csv` is a table; a cell that a spreadsheet \
             would take for a formula gets an apostrophe in front. `terraform` is HCL. Where the last look has found an \
             SPF or DMARC record of the owner's own, it is what a plan would publish: an SPF record with ours merged in \
             that is known to work, a DMARC policy as it stands. What nothing can safely be given of is left out, with a \
             comment that says why (`left_out` in `json`; `csv` has no place for one).",
        )
        .word("format", "The form.", &Format::ALL.map(Format::as_str))
        .query_word(
            "provider",
            "With `terraform`: whose resources to write. Where it is left out the domain's DNS host decides; \
             `generic` is a map of records.",
            &Provider::ALL.map(Provider::as_str),
        )
        .answers(200, "DomainZoneResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
}
