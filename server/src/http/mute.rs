//! `/mute/{token}`: one click turns messages off (RFC 8058). A mail client
//! posts at once; a person who follows the link sees a page with a button, and
//! whoever only fetches it, as scanners of mail do, changes nothing.

use super::{
    AppState,
    edge::Origin,
    page::{Token, note, rendered, service},
};
use crate::ops::{Refused, mute::Mute};
use askama::Template;
use axum::{extract::State, http::StatusCode, response::Response};

#[derive(Template)]
#[template(path = "mute.html")]
struct Page<'a> {
    title: &'a str,
    text: &'a str,
    button: Option<&'static str>,
    /// The setting that turns it on again.
    field: Option<&'static str>,
    service: &'a str,
}

/// Asks.
pub(super) async fn ask(State(app): State<AppState>, Token(token): Token) -> Response {
    let mute = match app.ops().muted_by(&token).await {
        Ok(mute) => mute,
        Err(refused) => return failed(&app, &refused),
    };
    let title = format!("Turn off {}?", named(&mute));
    let (text, button) = ("Nothing has been changed yet.", Some("Turn off"));
    rendered(StatusCode::OK, &Page { title: &title, text, button, field: None, service: service(&app) })
}

/// Does it, without asking and without a cookie (RFC 8058 §3.2).
pub(super) async fn mute(
    State(app): State<AppState>,
    Token(token): Token,
    Origin(origin): Origin,
) -> Response {
    let mute = match app.ops().mute(&token, &origin).await {
        Ok(mute) => mute,
        Err(refused) => return failed(&app, &refused),
    };
    let title = format!("Turned off: {}", named(&mute));
    let (text, field) = match mute {
        Mute::Alerts(_) => (
            "No more alerts about this domain will be sent, to whomever they went. Changes of who may send are still \
             told to the account’s owner.",
            "critical_alerts_enabled",
        ),
        Mute::Reports(_) | Mute::AllReports => {
            ("No more of these reports will be sent, to whomever they went.", "health_alerts_enabled")
        }
    };
    let page = Page { title: &title, text, button: None, field: Some(field), service: service(&app) };
    rendered(StatusCode::OK, &page)
}

fn named(mute: &Mute) -> String {
    match mute {
        Mute::Alerts(domain) => format!("alerts about {domain}"),
        Mute::Reports(domain) => format!("health reports about {domain}"),
        Mute::AllReports => "health reports about all domains of the account".to_string(),
    }
}

fn failed(app: &AppState, refused: &Refused) -> Response {
    if matches!(refused, Refused::NotFound) {
        let text = "It is not complete, or the domain it is about has been deleted.";
        return note(app, StatusCode::NOT_FOUND, "This link leads nowhere", text);
    }
    tracing::error!(error = %refused, "a link that turns messages off failed");
    let text = "We could not do that just now. Please try again in a minute.";
    note(app, StatusCode::SERVICE_UNAVAILABLE, "Please try again", text)
}
