//! `/mute/{token}`: one click turns messages off (RFC 8058). A mail client
//! posts at once; a person who follows the link sees a page with a button, and
//! whoever only fetches it, as scanners of mail do, changes nothing.

use super::{AppState, edge::Notes};
use crate::ops::{Refused, mute::Mute};
use askama::Template;
use axum::{
    Extension,
    extract::{Path, State, rejection::PathRejection},
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY},
    },
    response::{IntoResponse as _, Response},
};
use std::sync::Arc;

/// Nothing is loaded, nobody may frame it, and the form leads back here.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

#[derive(Template)]
#[template(path = "mute.html")]
struct Page {
    title: String,
    text: &'static str,
    button: Option<&'static str>,
    /// The setting that turns it on again.
    field: Option<&'static str>,
}

/// Asks.
pub(super) async fn ask(State(app): State<AppState>, token: Result<Path<String>, PathRejection>) -> Response {
    match app.ops().muted_by(&said(token)).await {
        Ok(mute) => page(
            StatusCode::OK,
            &Page {
                title: format!("Turn off {}?", named(&mute)),
                text: "Nothing has been changed yet.",
                button: Some("Turn off"),
                field: None,
            },
        ),
        Err(refused) => failed(&refused),
    }
}

/// Does it, without asking and without a cookie (RFC 8058 §3.2).
pub(super) async fn mute(
    State(app): State<AppState>,
    Extension(notes): Extension<Arc<Notes>>,
    token: Result<Path<String>, PathRejection>,
) -> Response {
    match app.ops().mute(&said(token), notes.origin()).await {
        Ok(mute) => page(
            StatusCode::OK,
            &Page {
                title: format!("Turned off: {}", named(&mute)),
                text: "No more of these messages will be sent, for whoever got them. Changes of who may send are still \
                   told to the account’s owner.",
                button: None,
                field: Some(match mute {
                    Mute::Alerts(_) => "critical_alerts_enabled",
                    Mute::Reports(_) | Mute::AllReports => "health_alerts_enabled",
                }),
            },
        ),
        Err(refused) => failed(&refused),
    }
}

/// A path that is no text is a link that is none.
fn said(token: Result<Path<String>, PathRejection>) -> String {
    token.map(|Path(token)| token).unwrap_or_default()
}

fn named(mute: &Mute) -> String {
    match mute {
        Mute::Alerts(domain) => format!("alerts about {domain}"),
        Mute::Reports(domain) => format!("health reports about {domain}"),
        Mute::AllReports => "health reports about all domains of the account".to_string(),
    }
}

fn failed(refused: &Refused) -> Response {
    let (status, title, text) = match refused {
        Refused::Store(error) => {
            tracing::error!(%error, "a link in a message could not be followed");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "Not now",
                "Something went wrong on our side. Please try again later.",
            )
        }
        _ => (
            StatusCode::NOT_FOUND,
            "This link leads nowhere",
            "It is not complete, or the domain it is about has been deleted.",
        ),
    };
    page(status, &Page { title: title.to_string(), text, button: None, field: None })
}

fn page(status: StatusCode, page: &Page) -> Response {
    let html = page.render().expect("rendering into memory from compiled templates cannot fail");
    let mut response = (status, html).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
