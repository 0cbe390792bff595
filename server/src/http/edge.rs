//! What every request and every answer goes through: the request id, the span,
//! the metrics, and the headers of WIRE.

use super::{AppState, answer::Payload};
use crate::store::AccountId;
use axum::{
    body::Body,
    extract::{ConnectInfo, FromRequestParts, MatchedPath, Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
        header::{
            CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
            X_CONTENT_TYPE_OPTIONS,
        },
        request::Parts,
    },
    middleware::Next,
    response::Response,
};
use metrics::SharedString;
use sha2::{Digest, Sha256};
use std::{
    convert::Infallible,
    fmt::Write as _,
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tracing::Instrument as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");
const REVALIDATE: HeaderValue = HeaderValue::from_static("max-age=0, private, must-revalidate");

/// The longest request id taken over from outside.
const MAX_REQUEST_ID: usize = 128;

/// What is learnt within a request and said in its answer.
#[derive(Debug, Default)]
pub(super) struct Notes {
    origin: String,
    remaining: OnceLock<u32>,
    account: OnceLock<AccountId>,
}

impl Notes {
    /// The notes of a request from there.
    fn of(origin: String) -> Self {
        Self { origin, ..Self::default() }
    }

    /// From where the request is, for the history.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// Notes how many requests the caller has left.
    pub(super) fn rate_limit_remaining(&self, remaining: u32) {
        // A request is counted once; a second count would be the later one.
        let _ = self.remaining.set(remaining);
    }

    /// Notes whose request it is.
    pub(super) fn account(&self, account: AccountId) {
        let _ = self.account.set(account);
    }
}

/// From where a request is, for whoever needs no token.
#[derive(Clone, Debug)]
pub(super) struct Origin(pub(super) String);

impl FromRequestParts<AppState> for Origin {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        let notes = parts.extensions.get::<Arc<Notes>>();
        Ok(Self(notes.map_or_else(String::new, |notes| notes.origin().to_string())))
    }
}

/// The outermost layer.
pub(super) async fn edge(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers(), &app);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let route = route.as_ref().map_or("unmatched", MatchedPath::as_str);
    let if_none_match = matches!(method, Method::GET | Method::HEAD)
        .then(|| request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect::<Vec<_>>());
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let id_text = id.to_str().unwrap_or_default();
    let origin = match peer {
        Some(peer) => format!("{peer} request {id_text}"),
        None => format!("request {id_text}"),
    };
    let notes = Arc::new(Notes::of(origin));
    request.extensions_mut().insert(notes.clone());
    let span = tracing::info_span!("request", request_id = id_text, method = %method, route);

    let mut response = next.run(request).instrument(span).await;

    if let Some(candidates) = if_none_match {
        response = validated(response, &candidates);
    }
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, id.clone());
    if let Some(limiter) = app.limiter() {
        let limit = limiter.limit();
        headers.insert(LIMIT, limit.into());
        headers.insert(REMAINING, notes.remaining.get().copied().unwrap_or(limit).into());
    }
    finish(&mut response);
    let (status, took) = (response.status(), started.elapsed());
    // One line with everything, outside the span: what is inside repeats the
    // span's fields, which are text by then and read and written once more.
    tracing::info!(
        parent: None,
        request_id = id_text,
        method = %method,
        route,
        account = notes.account.get().map(|account| account.0),
        status = status.as_u16(),
        latency_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        "answered"
    );
    measure(&method, route, status, took);
    response
}

/// The headers that depend on nothing but the status.
fn finish(response: &mut Response) {
    let cache = match response.status() {
        StatusCode::OK | StatusCode::NOT_MODIFIED => REVALIDATE,
        _ => NO_CACHE,
    };
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Pages for people say more strictly themselves.
    headers.entry(CACHE_CONTROL).or_insert(cache);
    let referrer = HeaderValue::from_static("strict-origin-when-cross-origin");
    headers.entry(REFERRER_POLICY).or_insert(referrer);
}

fn measure(method: &Method, route: &str, status: StatusCode, took: Duration) {
    // Methods are whatever clients make up; labels must be few.
    let method = match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "OTHER",
    };
    let route: SharedString = route.to_string().into();
    let status = status.as_str().to_string();
    metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("http_request_duration_seconds", "method" => method, "route" => route)
        .record(took.as_secs_f64());
}

/// The request's own id where it has a sane one, so that a request can be
/// followed through several systems; else a fresh one.
fn request_id(headers: &HeaderMap, app: &AppState) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        let bytes = value.as_bytes();
        let plain = |b: &u8| b.is_ascii_alphanumeric() || b"._-".contains(b);
        !bytes.is_empty() && bytes.len() <= MAX_REQUEST_ID && bytes.iter().all(plain)
    };
    headers.get(REQUEST_ID).filter(sane).cloned().unwrap_or_else(|| {
        let fresh = app.ops().random.uuid(app.ops().clock.now());
        HeaderValue::from_str(&fresh.to_string()).expect("a UUID is hexadecimal digits and hyphens")
    })
}

/// Gives a 200 its `ETag`, and makes it 304 where the caller has it already
/// (RFC 9110 §13.1.2).
fn validated(mut response: Response, candidates: &[HeaderValue]) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let Some(Payload(body)) = response.extensions().get::<Payload>() else {
        return response;
    };
    let tag = tag(body);
    if candidates.iter().any(|list| holds(list.as_bytes(), &tag)) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(CONTENT_TYPE);
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    let value = HeaderValue::from_str(&tag).expect("a tag is hexadecimal digits in quotes");
    response.headers_mut().insert(ETAG, value);
    response
}

/// Weak, since a proxy may change the encoding of what it stands for.
fn tag(body: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(body).into();
    let mut tag = String::with_capacity(36);
    tag.push_str("W/\"");
    for byte in &digest[..16] {
        let _ = write!(tag, "{byte:02x}");
    }
    tag.push('"');
    tag
}

/// Whether an `If-None-Match` list names `tag`, by weak comparison (RFC 9110
/// §8.8.3.2). Our tags have no comma, so no list needs more than splitting.
fn holds(list: &[u8], tag: &str) -> bool {
    let opaque = tag.trim_start_matches("W/");
    list.split(|&b| b == b',').map(<[u8]>::trim_ascii).any(|candidate| {
        candidate == b"*" || candidate.strip_prefix(b"W/").unwrap_or(candidate) == opaque.as_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_compared_weakly() {
        let tag = tag(b"{}");
        let strong = tag.trim_start_matches("W/");
        for list in ["*", &tag, strong, &format!("\"a\", {tag}"), &format!("{strong} ,W/\"b\"")] {
            assert!(holds(list.as_bytes(), &tag), "{list}");
        }
        for list in ["", "\"\"", "W/", &tag[..10], &tag.replace('"', ""), "\"a\", W/\"b\""] {
            assert!(!holds(list.as_bytes(), &tag), "{list}");
        }
    }
}
