use super::*;
use crate::{
    clock::Clock,
    config::{Config, Sources},
    store,
};
use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
    response::Response,
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

async fn state(directory: &std::path::Path) -> AppState {
    let url = format!("sqlite:{}", directory.join("signet.db").display());
    let key = directory.join("signet.key").display().to_string();
    let sources = Sources::read(None, [], [("database_url", url.clone()), ("key_file", key)]).unwrap();
    let store = store::open(&url).await.unwrap();
    let config = Arc::new(Config::from_sources(&sources).unwrap());
    AppState::new(Ops::new(store, config, Clock::system()), None)
}

async fn json_of(response: Response) -> Value {
    serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap()
}

/// One panicking request is answered like any other failure, and the next one
/// is served.
#[tokio::test]
async fn a_panic_is_a_500_with_everything_an_answer_has() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(directory.path()).await;
    let routes = Router::new().route(
        "/panics",
        get(async || -> Failure {
            panic!("the secret reason");
        }),
    );
    let router = layered(routes, state);
    for _ in 0..2 {
        let request = Request::get("/panics").body(Body::empty()).unwrap();
        let response = router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers();
        assert_eq!(headers["content-type"], "application/json; charset=utf-8");
        assert_eq!(headers["cache-control"], "no-cache");
        assert!(headers.contains_key("x-request-id") && headers.contains_key("x-ratelimit-limit"));
        assert_eq!(json_of(response).await, json!({"error": "Internal Server Error"}));
    }
}

/// Work under an `Idempotency-Key` that panics frees the key.
#[tokio::test]
async fn a_panic_is_no_answer_to_keep() {
    let directory = tempfile::tempdir().unwrap();
    let state = state(directory.path()).await;
    let account = state.ops().create_account("a", "owner@example.org").await.unwrap().id;
    let request = crate::ops::accounts::TokenRequest {
        account,
        name: "t".to_string(),
        access: store::Access::Admin,
        domains: [].into(),
        lifetime: None,
    };
    let (_, token) = state.ops().create_token(request).await.unwrap();
    let handler = async |axum::extract::State(app): axum::extract::State<AppState>,
                         auth::Authenticated(actor): auth::Authenticated,
                         once: once::Once,
                         body: body::RawBody| {
        once.run(app, actor, body, async move |_, _, _| panic!("halfway")).await
    };
    let router = layered(Router::new().route("/panics", post(handler)), state);
    for _ in 0..2 {
        let request = Request::post("/panics").header("api-token", &token).header("idempotency-key", "k");
        let response = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
