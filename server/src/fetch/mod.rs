//! Fetching over HTTP what customers name: a website to look at, an address to
//! send webhooks to, what their DNS host offers. Every address a customer writes down is an attempt to have
//! us ask our own network, until shown otherwise.
//!
//! # What holds
//! * `http` and `https` only, no user name in the URL, no port of another
//!   well-known service.
//! * The host is looked up through the configured resolvers and by nobody else;
//!   if *any* of its addresses is not public, none is asked (`guard`).
//! * A connection goes to an address that has just been checked: the client has
//!   no other way to find one, so there is no second look-up to answer
//!   differently. No connection is used twice.
//! * A redirect is a new URL, checked like the first; three at most, and none but
//!   for [`Fetcher::get`].
//! * A body is read to a bound, never decompressed; everything together has a
//!   deadline. No proxy of the environment, no cookies, no referrer.

mod error;
mod guard;
#[cfg(test)]
mod tests;

pub use error::FetchError;
pub use guard::check_url;

use guard::Guard;
use reqwest::{
    Method, Response,
    header::{
        ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION,
        RETRY_AFTER,
    },
};
use signet_dns::ask::Asker;
use std::time::Duration;
use url::Url;

/// How long a [`Fetcher::get`] may take, redirects included.
const GET_TIMEOUT: Duration = Duration::from_secs(10);
/// How long making one connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Redirects followed.
const REDIRECTS: usize = 3;
/// How much of a page is read, in bytes.
const PAGE_BYTES: usize = 1 << 20;
/// What is asked for; other types are taken too, as pages without text.
const ACCEPTED: &str = "text/html, application/json;q=0.9, */*;q=0.5";

/// Fetches what customers name. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Fetcher {
    client: reqwest::Client,
    guard: Guard,
    timeout: Duration,
}

/// What was found at a URL, after redirects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Where it was found.
    pub url: Url,
    /// The HTTP status, of whatever kind.
    pub status: u16,
    /// The `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// Whether the body is compressed though nobody asked for that: then it is
    /// not read, and empty here.
    pub encoded: bool,
    /// The body, up to 1 MiB of it.
    pub body: Vec<u8>,
    /// Whether there was more.
    pub truncated: bool,
}

/// What a server answered to [`Fetcher::post`] or [`Fetcher::get_json`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status, of whatever kind; a redirect is not followed.
    pub status: u16,
    /// `Retry-After` in seconds, where it is a number (RFC 9110 §10.2.3).
    pub retry_after: Option<u64>,
    /// How the body begins.
    pub body: Vec<u8>,
}

/// How long an exchange may take and what is read of the answer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For everything, from the look-up to the last byte read.
    pub timeout: Duration,
    /// Bytes of the answer's body that are read.
    pub body_bytes: usize,
}

impl Fetcher {
    /// A fetcher that looks names up through the resolvers of `asker`.
    ///
    /// `allow_private` is for tests and closed networks: every address and port
    /// is then good enough.
    ///
    /// # Panics
    /// When the TLS library cannot be set up, at start.
    #[must_use]
    pub fn new(asker: Asker, allow_private: bool) -> Self {
        Self::guarded(Guard::new(asker, allow_private), GET_TIMEOUT)
    }

    fn guarded(guard: Guard, timeout: Duration) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one client for what customers name; it connects only where the guard lets it"
        )]
        let client = reqwest::Client::builder()
            .user_agent(concat!("Signet/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(guard.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_TIMEOUT)
            .build()
            .expect("a client with a constant configuration can be built");
        Self { client, guard, timeout }
    }

    /// Gets a page, following redirects, from `https` to `http` too, as a
    /// browser would. A page with an error status is a page.
    ///
    /// # Errors
    /// [`FetchError`], which says whether that is the site's doing.
    pub async fn get(&self, url: &Url) -> Result<Page, FetchError> {
        let get = async {
            let mut url = url.clone();
            for _ in 0..=REDIRECTS {
                self.guard.check(&url)?;
                let mut headers = HeaderMap::new();
                headers.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
                headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
                let answer = self.send(Method::GET, &url, headers, Vec::new()).await?;
                match next(&answer, &url)? {
                    Some(there) => url = there,
                    None => return page(answer, url).await,
                }
            }
            Err(FetchError::TooManyRedirects)
        };
        tokio::time::timeout(self.timeout, get).await.unwrap_or(Err(FetchError::Timeout))
    }

    /// Posts `body` and reads how the answer begins. Redirects are answers.
    ///
    /// # Errors
    /// [`FetchError`] when there is no answer with a status.
    pub async fn post(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Vec<u8>,
        limits: Limits,
    ) -> Result<Answer, FetchError> {
        self.exchange(Method::POST, url, headers, body, limits).await
    }

    /// Gets the JSON at a URL. Redirects are answers: whoever publishes an address
    /// for programs knows where it is.
    ///
    /// # Errors
    /// [`FetchError`] when there is no answer with a status.
    pub async fn get_json(&self, url: &Url, limits: Limits) -> Result<Answer, FetchError> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        self.exchange(Method::GET, url, headers, Vec::new(), limits).await
    }

    async fn exchange(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Vec<u8>,
        limits: Limits,
    ) -> Result<Answer, FetchError> {
        let deadline = tokio::time::Instant::now() + limits.timeout;
        let send = async {
            self.guard.check(url)?;
            self.send(method, url, headers, body).await
        };
        let answer = tokio::time::timeout_at(deadline, send).await.unwrap_or(Err(FetchError::Timeout))?;
        let retry_after = header(&answer, RETRY_AFTER).and_then(|text| text.trim().parse().ok());
        let status = answer.status().as_u16();
        // The status is the answer; a body that breaks off takes nothing from it.
        let mut body = Vec::new();
        let _ = tokio::time::timeout_at(deadline, read(answer, limits.body_bytes, &mut body)).await;
        Ok(Answer { status, retry_after, body })
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Vec<u8>,
    ) -> Result<Response, FetchError> {
        let request = self.client.request(method, url.clone()).headers(headers).body(body);
        request.send().await.map_err(|error| FetchError::of(&error))
    }
}

/// Where a redirect leads; `None` for what is none (RFC 9110 §15.4).
fn next(answer: &Response, here: &Url) -> Result<Option<Url>, FetchError> {
    if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = header(answer, LOCATION) else {
        return Ok(None);
    };
    let mut there = here.join(&location).map_err(|_| FetchError::BadRedirect)?;
    there.set_fragment(None);
    Ok(Some(there))
}

async fn page(answer: Response, url: Url) -> Result<Page, FetchError> {
    let status = answer.status().as_u16();
    let content_type = header(&answer, CONTENT_TYPE);
    let encoded = header(&answer, CONTENT_ENCODING).is_some_and(|coding| coding.trim() != "identity");
    let mut body = Vec::new();
    let truncated = encoded || read(answer, PAGE_BYTES, &mut body).await?;
    Ok(Page { url, status, content_type, encoded, body, truncated })
}

/// Reads up to `most` bytes; whether there was more.
async fn read(mut answer: Response, most: usize, body: &mut Vec<u8>) -> Result<bool, FetchError> {
    while let Some(chunk) = answer.chunk().await.map_err(|error| FetchError::of(&error))? {
        let room = most - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            return Ok(true);
        }
    }
    Ok(false)
}

fn header(answer: &Response, name: reqwest::header::HeaderName) -> Option<String> {
    answer.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
