//! Pages for people who were sent a link. The link is the credential, so that
//! no token and no cookie is needed; and there is no script.

use super::{
    AppState,
    error::{Failure, Result},
    path::parameter,
};
use askama::Template;
use axum::{
    extract::FromRequestParts,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY},
        request::Parts,
    },
    response::{IntoResponse, Response},
};

/// Of every page: nothing is loaded, nothing runs, and nobody learns the link.
const HEADERS: [(HeaderName, &str); 4] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'",
    ),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
];

/// The last part of the path.
pub(super) struct Token(pub(super) String);

impl FromRequestParts<AppState> for Token {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        // What is no text is no link of ours.
        Ok(Self(parameter(parts, "token").await.ok().flatten().unwrap_or_default()))
    }
}

#[derive(Template)]
#[template(path = "note.html")]
struct Note<'a> {
    title: &'a str,
    text: &'a str,
    service: &'a str,
}

/// A page that says something and asks nothing.
pub(super) fn note(app: &AppState, status: StatusCode, title: &str, text: &str) -> Response {
    rendered(status, &Note { title, text, service: service(app) })
}

/// What pages call us.
pub(super) fn service(app: &AppState) -> &str {
    app.ops().config.provider.zone.as_str()
}

/// A page.
pub(super) fn rendered(status: StatusCode, template: &impl Template) -> Response {
    let html = template.render().expect("templates of text and numbers render");
    with_headers((status, html).into_response())
}

/// An answer with the headers of a page.
pub(super) fn with_headers(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
