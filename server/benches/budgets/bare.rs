//! What the product is held against: handlers that do next to nothing, served
//! the same way.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
    response::Response,
    routing::get,
};
use futures_util::future::BoxFuture;
use std::{net::SocketAddr, sync::Arc};

/// An answer to be given again and again.
#[derive(Clone)]
pub(crate) struct Canned {
    headers: HeaderMap,
    body: Bytes,
}

impl Canned {
    /// The same bytes as `answer`, which is HTTP/1.1; the server writes the
    /// date and the length itself.
    ///
    /// # Errors
    /// When it is no such thing.
    pub(crate) fn of(answer: &[u8]) -> anyhow::Result<Self> {
        let text = std::str::from_utf8(answer)?;
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut headers = HeaderMap::new();
        for line in head.lines().skip(1) {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            if !["date", "content-length"].contains(&name) {
                headers.insert(HeaderName::try_from(name)?, HeaderValue::from_str(value.trim())?);
            }
        }
        Ok(Self { headers, body: Bytes::from(body.to_string()) })
    }

    fn response(&self) -> Response {
        let mut response = Response::new(Body::from(self.body.clone()));
        *response.headers_mut() = self.headers.clone();
        response
    }
}

/// Answers without asking anybody.
pub(crate) fn without_statement(path: &str, canned: Canned) -> Router {
    Router::new().route(path, get(async |State(canned): State<Canned>| canned.response())).with_state(canned)
}

/// Reads a domain by its number; whether it is there.
pub(crate) type Read = Arc<dyn Fn(i64) -> BoxFuture<'static, anyhow::Result<bool>> + Send + Sync>;

#[derive(Clone)]
struct One {
    read: Read,
    canned: Canned,
}

/// Answers after one statement.
pub(crate) fn with_statement(path: &str, read: Read, canned: Canned) -> Router {
    async fn handle(State(one): State<One>, Path(id): Path<i64>) -> Result<Response, StatusCode> {
        match (one.read)(id).await {
            Ok(true) => Ok(one.canned.response()),
            Ok(false) => Err(StatusCode::NOT_FOUND),
            Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
    Router::new().route(path, get(handle)).with_state(One { read, canned })
}

/// Serves a router the way the server does, until the program ends.
///
/// # Errors
/// When there is no port.
pub(crate) fn serve(router: Router) -> anyhow::Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let server = axum_server::from_tcp(listener)?;
    tokio::spawn(server.serve(router.into_make_service_with_connect_info::<SocketAddr>()));
    Ok(address)
}
