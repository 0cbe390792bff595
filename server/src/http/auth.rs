//! Who is asking.

use super::{
    AppState,
    edge::Notes,
    error::{Failure, Result},
    path::{self, OfDomain},
};
use crate::{ops::Actor, store::Domain};
use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use std::sync::Arc;

/// The longest credential looked at. Opaque tokens have some 50 characters,
/// JWTs a few thousand.
const MAX_CREDENTIAL: usize = 8192;

/// The authenticated caller, on a path that is theirs.
///
/// This, [`AuthenticatedFor`] and [`Uncounted`] are the only ways to an [`Actor`], and no use
/// case does anything without one, so that a handler cannot forget to
/// authenticate. Taking it also counts the request against the caller's rate
/// limit, and refuses a path under an account that is not theirs as one that
/// does not exist.
#[derive(Debug)]
pub(super) struct Authenticated(pub(super) Actor);

impl FromRequestParts<AppState> for Authenticated {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self> {
        let mut actor = caller(parts, app).await?;
        admit(parts, app, &mut actor).await?;
        Ok(Self(actor))
    }
}

/// The authenticated caller of an endpoint that machines call as often as they
/// have to: not counted against the rate limit.
#[derive(Debug)]
pub(super) struct Uncounted(pub(super) Actor);

impl FromRequestParts<AppState> for Uncounted {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self> {
        let mut actor = caller(parts, app).await?;
        note(parts, &mut actor);
        Ok(Self(actor))
    }
}

/// The authenticated caller together with the domain the path names, which
/// they may see: what [`Authenticated`] and then [`Ops::domain`] come to, for
/// the handler that wants nothing else. The store is asked once for both.
///
/// [`Ops::domain`]: crate::ops::Ops::domain
#[derive(Debug)]
pub(super) struct AuthenticatedFor {
    pub(super) actor: Actor,
    pub(super) domain: Domain,
}

impl FromRequestParts<AppState> for AuthenticatedFor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self> {
        let Ok(OfDomain(id)) = OfDomain::from_request_parts(parts, app).await else {
            // That there is no such domain is for callers who are known.
            Authenticated::from_request_parts(parts, app).await?;
            return Err(Failure::NotFound);
        };
        let credential = credential(&parts.headers).ok_or(Failure::Unauthenticated)?;
        let found = app.ops().authenticate_for(credential, id).await?;
        let (mut actor, domain) = found.ok_or(Failure::Unauthenticated)?;
        admit(parts, app, &mut actor).await?;
        Ok(Self { actor, domain: domain? })
    }
}

async fn caller(parts: &Parts, app: &AppState) -> Result<Actor> {
    let credential = credential(&parts.headers).ok_or(Failure::Unauthenticated)?;
    app.ops().authenticate(credential).await?.ok_or(Failure::Unauthenticated)
}

/// Notes whose request it is, and on whom it is from where.
fn note<'a>(parts: &'a Parts, actor: &mut Actor) -> Option<&'a Arc<Notes>> {
    let notes = parts.extensions.get::<Arc<Notes>>()?;
    actor.origin = notes.origin().to_string();
    notes.account(actor.account);
    Some(notes)
}

/// Counts the request against its caller's limit, and sees that the path is theirs.
async fn admit(parts: &mut Parts, app: &AppState, actor: &mut Actor) -> Result<()> {
    let notes = note(parts, actor);
    if let Some(limiter) = app.limiter() {
        let outcome = limiter.check(actor);
        if let Some(notes) = notes {
            notes.rate_limit_remaining(outcome.unwrap_or(0));
        }
        outcome.map_err(Failure::RateLimited)?;
    }
    match path::account(parts).await? {
        Some(account) if !path::is_number(&account, actor.account.0) => Err(Failure::NotFound),
        _ => Ok(()),
    }
}

/// `Api-Token`, or else `Authorization: Bearer`. Bytes no token has make it as
/// good as absent.
fn credential(headers: &HeaderMap) -> Option<&str> {
    // An `Api-Token` that cannot be read does not fall back to the other.
    let own = headers.get("api-token").map(|value| value.to_str().map(str::trim)).transpose().ok()?;
    let found = match own {
        Some(token) if !token.is_empty() => token,
        _ => bearer(headers.get(AUTHORIZATION)?.to_str().ok()?)?,
    };
    (!found.is_empty() && found.len() <= MAX_CREDENTIAL).then_some(found)
}

/// The scheme's name is case-insensitive (RFC 9110 §11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn found(headers: &[(&'static str, &[u8])]) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value).unwrap());
        }
        credential(&map).map(ToString::to_string)
    }

    #[test]
    fn either_header_carries_the_token() {
        assert_eq!(found(&[("api-token", b"a")]).as_deref(), Some("a"));
        assert_eq!(found(&[("authorization", b"Bearer a")]).as_deref(), Some("a"));
        assert_eq!(found(&[("authorization", b"bEARER   a ")]).as_deref(), Some("a"));
        assert_eq!(found(&[("authorization", b"Bearer b"), ("api-token", b"a")]).as_deref(), Some("a"));
        assert_eq!(found(&[("authorization", b"Bearer b"), ("api-token", b"")]).as_deref(), Some("b"));
    }

    #[test]
    fn anything_else_is_no_token() {
        let long = vec![b'a'; MAX_CREDENTIAL + 1];
        let refused: [&[(&'static str, &[u8])]; 7] = [
            &[],
            &[("authorization", b"Basic a")],
            &[("authorization", b"Bearer")],
            &[("authorization", b"Bearer ")],
            &[("api-token", b"\xff\xfe")],
            &[("api-token", b"\xff"), ("authorization", b"Bearer b")],
            &[("api-token", &long)],
        ];
        for headers in refused {
            assert_eq!(found(headers), None, "{headers:?}");
        }
    }
}
