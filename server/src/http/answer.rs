//! What handlers answer: a status and a JSON body, still in one piece.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// The media type of a body that does not say otherwise.
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// An answer before [`super::edge`] has added what every answer has.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Bytes,
    pub(super) headers: HeaderMap,
    /// Whether it has a secret in it, which nobody may read where it is kept.
    pub(super) secret: bool,
}

/// The body of an answer, left with the response for its `ETag`.
#[derive(Clone, Debug)]
pub(super) struct Payload(pub(super) Bytes);

impl Answer {
    /// 200 with `view` as JSON.
    pub(super) fn ok(view: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, view)
    }

    /// `status` with `view` as JSON.
    pub(super) fn json(status: StatusCode, view: &impl Serialize) -> Self {
        let body =
            serde_json::to_vec(view).expect("views have text keys and nothing that fails to serialize");
        Self { status, body: body.into(), headers: HeaderMap::new(), secret: false }
    }

    /// `status` with `text`, which a header says the type of.
    pub(super) fn text(status: StatusCode, text: String) -> Self {
        Self { status, body: text.into(), headers: HeaderMap::new(), secret: false }
    }

    /// 204.
    pub(super) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Bytes::new(), headers: HeaderMap::new(), secret: false }
    }

    /// With a secret in it.
    pub(super) fn secret(self) -> Self {
        Self { secret: true, ..self }
    }

    /// With another header.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if self.status != StatusCode::NO_CONTENT {
            response.headers_mut().entry(CONTENT_TYPE).or_insert(JSON);
        }
        response.extensions_mut().insert(Payload(self.body));
        response
    }
}
