//! `Idempotency-Key`: a POST that is made twice is carried out once.

use super::{
    AppState,
    answer::Answer,
    body::RawBody,
    error::{Failure, Result},
};
use crate::{
    ops::Actor,
    store::{Idempotency, IdempotencyScope, StoredAnswer},
};
use axum::{
    body::Bytes,
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts},
};
use sha2::{Digest, Sha256};
use std::{fmt::Write as _, future::Future};
use tracing::Instrument as _;

/// The longest key taken.
const MAX_KEY: usize = 255;

/// Present on an answer that is the kept one of an earlier request.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What is needed to recognise a POST that was made before.
#[derive(Debug)]
pub(super) struct Once {
    key: Option<String>,
    method: String,
    path: String,
}

impl FromRequestParts<AppState> for Once {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        let mut given = parts.headers.get_all("idempotency-key").iter();
        let key = match (given.next(), given.next()) {
            (None, _) => None,
            (Some(value), None) => Some(readable(value).ok_or_else(unreadable)?),
            (Some(_), Some(_)) => return Err(unreadable()),
        };
        Ok(Self { key, method: parts.method.to_string(), path: parts.uri.path().to_string() })
    }
}

fn readable(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
    (printable && !text.is_empty() && text.len() <= MAX_KEY).then(|| text.to_string())
}

fn unreadable() -> Failure {
    Failure::invalid(
        "base",
        format!("Idempotency-Key must be 1 to {MAX_KEY} printable characters, given once"),
    )
}

impl Once {
    /// Carries out `work`, unless an earlier request with the same key has
    /// been answered; then with that answer.
    ///
    /// With a key everything goes on when the caller hangs up, so that the
    /// answer is there when they ask again.
    pub(super) async fn run<F>(
        self,
        app: AppState,
        actor: Actor,
        RawBody(body): RawBody,
        work: impl FnOnce(AppState, Actor, Bytes) -> F,
    ) -> Result<Answer>
    where
        F: Future<Output = Result<Answer>> + Send + 'static,
    {
        let Some(key) = self.key else {
            return work(app, actor, body).await;
        };
        let owner = hex(format!("{}/{}", actor.account, actor.label).as_bytes());
        let scope = IdempotencyScope { owner, method: self.method, path: self.path, key };
        let hash = hex(&body);
        let work = work(app.clone(), actor, body);
        let task = async move { first_or_kept(&app, &scope, &hash, work).await };
        match tokio::spawn(task.in_current_span()).await {
            Ok(answer) => answer,
            // On to the layer that answers for panics.
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            // The server is going down.
            Err(_) => Err(Failure::Panicked),
        }
    }
}

/// Carries out `work` under a reservation of the key, or finds the answer kept.
async fn first_or_kept<F>(app: &AppState, scope: &IdempotencyScope, hash: &str, work: F) -> Result<Answer>
where
    F: Future<Output = Result<Answer>> + Send + 'static,
{
    match app.ops().idempotency_begin(scope, hash).await? {
        Idempotency::New => {}
        Idempotency::Replay(kept) => return Ok(replayed(app.ops().opened_answer(kept)?)),
        Idempotency::InProgress => return Err(Failure::InProgress),
        Idempotency::OtherBody => {
            return Err(Failure::invalid("base", "This Idempotency-Key was used with another body before"));
        }
    }
    // In a task of its own, so that a panic does not keep the key.
    let outcome = tokio::spawn(work.in_current_span()).await;
    let outcome = outcome.map(|result| result.unwrap_or_else(Answer::from));
    let kept = outcome.as_ref().ok().and_then(worth_keeping);
    let secret = outcome.as_ref().is_ok_and(|answer| answer.secret);
    if let Err(error) = app.ops().idempotency_end(scope, kept.as_ref(), secret).await {
        // What was asked is done and can be said; a repetition within the
        // minute of the reservation is told to wait.
        tracing::error!(error = %error, "an answer could not be kept for its Idempotency-Key");
    }
    match outcome {
        Ok(answer) => Ok(answer),
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        Err(_) => Err(Failure::Panicked),
    }
}

/// The answer as it is to be kept. Trouble of our own is not kept, so that the next try is
/// a real one; nor is an answer that says it is not the last word.
fn worth_keeping(answer: &Answer) -> Option<StoredAnswer> {
    let provisional = answer.headers.contains_key(super::domains::check::PENDING);
    if answer.status.is_server_error() || provisional {
        return None;
    }
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    Some(StoredAnswer { status: answer.status.as_u16(), body })
}

fn replayed(kept: StoredAnswer) -> Answer {
    let status = StatusCode::from_u16(kept.status).unwrap_or(StatusCode::OK);
    let answer = Answer { status, body: Bytes::from(kept.body), headers: HeaderMap::new(), secret: false };
    answer.with(REPLAYED, HeaderValue::from_static("true"))
}

fn hex(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
