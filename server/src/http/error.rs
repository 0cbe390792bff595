//! The one error type of the HTTP edge. Clients never see internals; the log
//! has them once, here.

use super::answer::Answer;
use crate::{ops::Refused, store::StoreError};
use axum::{
    http::{
        HeaderValue, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use signet_core::company::FieldErrors;
use std::{any::Any, collections::BTreeMap};

/// Every answer that is no success.
#[derive(Debug)]
pub(super) enum Failure {
    /// 401: no token, or none that counts.
    Unauthenticated,
    /// 403.
    Forbidden,
    /// 404.
    NotFound,
    /// 405; the router adds `Allow`.
    MethodNotAllowed,
    /// 408: the body did not arrive in time.
    TooSlow,
    /// 409: a request with the same `Idempotency-Key` is being answered.
    InProgress,
    /// 409, by attribute what is so now.
    Outdated(FieldErrors),
    /// 401: a callback that is not signed as it should be; why.
    Unsigned(&'static str),
    /// 413.
    TooLarge,
    /// 422, by attribute.
    Invalid(FieldErrors),
    /// 429, with the seconds to wait.
    RateLimited(u64),
    /// 500 or 503, by what happened to the store.
    Store(StoreError),
    /// 500.
    Panicked,
}

/// The result of a handler or a part of one.
pub(super) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// 422 with one message about one attribute.
    pub(super) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(BTreeMap::from([(field, vec![message.into()])]))
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::Unauthenticated | Self::Unsigned(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::InProgress | Self::Outdated(_) => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::RateLimited(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(error) if is_out_of_reach(error) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) | Self::Panicked => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn body(&self, status: StatusCode) -> Value {
        let base = |message: &str| json!({"errors": {"base": [message]}});
        match self {
            Self::Unauthenticated => json!({"error": "Incorrect API token"}),
            Self::Forbidden => json!({"errors": "Access forbidden"}),
            Self::Invalid(errors) | Self::Outdated(errors) => json!({"errors": errors}),
            Self::Unsigned(why) => json!({"error": why}),
            Self::RateLimited(seconds) => {
                json!({"errors": format!("Too many requests with this token: try again in {seconds} s")})
            }
            Self::InProgress => {
                base("A request with this Idempotency-Key is still being answered; try again")
            }
            Self::TooLarge => base("The body is over 1 MiB, the most that is taken"),
            Self::TooSlow => base("The body did not arrive in time; try again"),
            Self::NotFound | Self::MethodNotAllowed | Self::Store(_) | Self::Panicked => {
                json!({"error": status.canonical_reason()})
            }
        }
    }
}

/// Whether the same request may well succeed in a moment.
fn is_out_of_reach(error: &StoreError) -> bool {
    use sqlx::Error as E;
    matches!(
        error,
        StoreError::Database(E::Io(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed)
            | StoreError::SealedBefore
    )
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::NotFound => Self::NotFound,
            Refused::Forbidden => Self::Forbidden,
            Refused::Invalid(errors) => Self::Invalid(errors),
            Refused::Outdated(errors) => Self::Outdated(errors),
            Refused::Store(error) => Self::Store(error),
        }
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        if let Failure::Store(error) = &failure {
            tracing::error!(error = %error, "the store failed");
        }
        let status = failure.status();
        let answer = Self::json(status, &failure.body(status));
        match failure {
            Failure::Unauthenticated => {
                answer.with(WWW_AUTHENTICATE, HeaderValue::from_static("Token realm=\"Application\""))
            }
            // RFC 9110 §11.6.1 wants a challenge; no scheme of that registry fits.
            Failure::Unsigned(_) => {
                answer.with(WWW_AUTHENTICATE, HeaderValue::from_static("Standard-Webhooks"))
            }
            Failure::RateLimited(seconds) => answer.with(RETRY_AFTER, HeaderValue::from(seconds)),
            Failure::InProgress => answer.with(RETRY_AFTER, HeaderValue::from(1)),
            _ if status == StatusCode::SERVICE_UNAVAILABLE => answer.with(RETRY_AFTER, HeaderValue::from(1)),
            _ => answer,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        Answer::from(self).into_response()
    }
}

/// The answer of a request whose handler panicked.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no text");
    tracing::error!(panic = text, "a request panicked");
    Failure::Panicked.into_response()
}
