//! `GET /api/domains/{domain_id}/domain_connect`

use crate::{
    http::{
        AppState, answer::Answer, auth::Authenticated, error::Result, openapi::Operation, path::OfDomain,
        view::Data,
    },
    ops::domain_connect::Offer,
};
use axum::extract::State;
use serde::Serialize;

#[derive(Default, Serialize)]
struct OfferView {
    supported: bool,
    url: Option<String>,
    dns_host: Option<String>,
    records: Vec<&'static str>,
    width: Option<u32>,
    height: Option<u32>,
    code: Option<&'static str>,
    reason: Option<String>,
}

impl From<Offer> for OfferView {
    fn from(offer: Offer) -> Self {
        match offer {
            Offer::Link { url, dns_host, records, window: (width, height) } => Self {
                supported: true,
                url: Some(url),
                dns_host: Some(dns_host),
                records: records.into_iter().map(signet_core::plan::RecordKey::as_str).collect(),
                width: Some(width),
                height: Some(height),
                ..Self::default()
            },
            Offer::Nothing { code, reason, dns_host } => {
                Self { dns_host, code: Some(code), reason: Some(reason), ..Self::default() }
            }
        }
    }
}

/// The link at which the DNS host publishes the records, if it does.
pub(in crate::http) async fn domain_connect(
    State(app): State<AppState>,
    Authenticated(actor): Authenticated,
    OfDomain(id): OfDomain,
) -> Result<Answer> {
    let offer = app.ops().domain_connect(&actor, id).await?;
    Ok(Answer::ok(&Data { data: OfferView::from(offer) }))
}

/// The operation in the OpenAPI document.
pub(in crate::http) fn operation() -> Operation {
    Operation::get("/{domain_id}/domain_connect", "getDomainConnect", "Get the link to a one-click set-up")
        .description(
            "Whether the domain's DNS host publishes the records itself once its customer agrees (Domain Connect), and \
             the link to send that customer to. The host is asked when it has not been within the last hour, which may \
             take up to five seconds. A DMARC record of the domain's own is never replaced; `records` lists what the \
             host publishes.",
        )
        .answers(200, "DomainConnectResponse")
        .answers(404, "NotFound")
}
