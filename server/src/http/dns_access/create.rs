//! `POST /api/dns_access`

use super::{NAME, view::DnsAccessView, wish};
use crate::http::{
    AppState,
    answer::Answer,
    auth::Authenticated,
    body::RawBody,
    error::Result,
    once::Once,
    openapi::{Body, Operation},
    rights::{Needs, objection},
    view::Data,
};
use axum::{body::Bytes, extract::State};
use serde_json::json;

/// Keeps a key to a zone.
pub(in crate::http) async fn create(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    once: Once,
    body: RawBody,
) -> Result<Answer> {
    let work = async move |app: AppState, actor, body: Bytes| {
        let wish = match wish(&app, &body) {
            Ok(wish) => wish,
            Err(errors) => return Err(objection(&app, &actor, None, Needs::AccountAdmin, errors).await),
        };
        let access = app.ops().give_dns_access(&actor, &wish).await?;
        Ok(Answer::ok(&Data { data: DnsAccessView::of(&access) }))
    };
    once.run(app, actor, body, work).await
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::post("", "createDnsAccess", "Give a key to a zone")
        .description(
            "With it the records of the account's domains can be written into the zone. Of each zone one key is kept: \
             another given later takes its place. What is secret is sealed and never shown again. It is tried out \
             first by reading something, unless `test` is false; whether it may write is seen when writing. Needs \
             admin access to the account.",
        )
        .body(Body::Wrapped(
            NAME,
            json!({"$ref": "#/components/schemas/DnsAccessRequest"}),
            json!({"zone": "example.com", "provider": "rfc2136", "credentials": {
                "server": "ns1.example.com", "key_name": "signet.example.com", "algorithm": "hmac-sha256",
                "key_secret": "c2VjcmV0IG9mIHRoZSBrZXksIGluIGJhc2U2NA==",
            }}),
        ))
        .answers(200, "DnsAccessResponse")
        .answers(422, "UnprocessableEntity")
}
