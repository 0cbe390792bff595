//! Headers, methods, paths, and a server in trouble.

use crate::api::Api;
use serde_json::json;

#[tokio::test]
async fn unknown_paths_are_404_for_everybody() {
    let api = Api::start().await;
    for path in [
        "/",
        "/api",
        "/api/domains/",
        "/api/domain",
        "/api/domains/1/nothing",
        "/api/accounts/1",
        "/%00",
        "/metrics",
    ] {
        for call in [api.get(path), api.get(path).without_token(), api.post(path)] {
            call.send().await.is(404, &json!({"error": "Not Found"}));
        }
    }
}

#[tokio::test]
async fn ids_that_are_none_are_404() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let odd = [
        "-1",
        "0",
        "abc",
        "1.0",
        "9223372036854775807",
        "9223372036854775808",
        "99999999999999999999999",
        "%00",
        "%ff",
        "1%20",
        "é",
    ];
    let odd = odd.map(ToString::to_string).into_iter().chain([format!("+{id}"), format!("0{id}")]);
    for odd in odd {
        let odd = odd.replace('é', "%C3%A9");
        for base in ["/api/domains".to_string(), format!("/api/accounts/{}/sending_domains", api.account)] {
            for rest in ["", "/report", "/events", "/company_info"] {
                api.get(&format!("{base}/{odd}{rest}")).send().await.is(404, &json!({"error": "Not Found"}));
            }
        }
        api.get(&format!("/api/accounts/{odd}/sending_domains"))
            .send()
            .await
            .is(404, &json!({"error": "Not Found"}));
    }
}

#[tokio::test]
async fn wrong_methods_are_405_and_say_which_are_right() {
    let api = Api::start().await;
    let base = format!("/api/accounts/{}/sending_domains", api.account);
    for (method, path, allowed) in [
        ("PUT", "/api/domains", "GET,HEAD,POST"),
        ("DELETE", base.as_str(), "GET,HEAD,POST"),
        ("POST", "/api/domains/1", "GET,HEAD,PATCH,DELETE"),
        ("PUT", "/api/domains/1/company_info", "GET,HEAD,POST,PATCH"),
        ("GET", "/api/domains/1/check", "POST"),
        ("GET", "/api/domains/1/send_setup_instructions", "POST"),
        ("OPTIONS", "/api/domains/1/report", "GET,HEAD"),
        ("BREW", "/api/domains/1/events", "GET,HEAD"),
        ("POST", "/healthz", "GET,HEAD"),
    ] {
        let reply = api.call(method, path).send().await;
        reply.is(405, &json!({"error": "Method Not Allowed"}));
        assert_eq!(reply.header("allow"), Some(allowed), "{method} {path}");
    }
}

#[tokio::test]
async fn request_ids_are_taken_over_when_sane() {
    let api = Api::start().await;
    let call = || api.get("/api/domains");
    let sane = "0Az_.-".repeat(21);
    let reply = call().header("x-request-id", &sane).send().await;
    assert_eq!(reply.header("x-request-id"), Some(sane.as_str()));
    let long = "a".repeat(129);
    for odd in [b"".as_slice(), b"a b", b"a\tb", b"\xff", b"<script>", long.as_bytes()] {
        let reply = call().header("x-request-id", odd).send().await;
        let id = reply.header("x-request-id").unwrap();
        assert_eq!((id.len(), &id[14..15]), (36, "7"), "a UUID of version 7");
    }
    let (one, two) = (call().send().await, call().send().await);
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}

#[tokio::test]
async fn what_is_known_already_is_304() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    for path in [
        "/api/domains".to_string(),
        format!("/api/domains/{id}"),
        format!("/api/domains/{id}/report"),
        "/api/openapi.json".to_string(),
    ] {
        let first = api.get(&path).send().await;
        let tag = first.header("etag").unwrap().to_string();
        assert_eq!(
            api.get(&path).send().await.header("etag"),
            Some(tag.as_str()),
            "the same while nothing changes"
        );
        for list in [tag.clone(), tag.replace("W/", ""), format!("\"x\", {tag}"), "*".to_string()] {
            for method in ["GET", "HEAD"] {
                let reply = api.call(method, &path).header("if-none-match", &list).send().await;
                assert_eq!((reply.status, reply.header("etag")), (304, Some(tag.as_str())));
            }
        }
        for list in ["", "\"x\"", "W/\"", "\u{e9}"] {
            assert_eq!(api.get(&path).header("if-none-match", list).send().await.status, 200);
        }
    }
    // Another content has another tag; what is no success and no GET has none.
    let path = format!("/api/domains/{id}");
    let tag = api.get(&path).send().await.header("etag").unwrap().to_string();
    let body = json!({"domain": {"open_tracking_enabled": false}});
    assert_eq!(api.patch(&path).header("if-none-match", "*").json(&body).send().await.status, 200);
    assert_eq!(api.get(&path).header("if-none-match", &tag).send().await.status, 200);
    assert_eq!(api.get("/api/domains/0").header("if-none-match", "*").send().await.status, 404);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}");
    let (get, head) = (api.get(&path).send().await, api.call("HEAD", &path).send().await);
    assert_eq!((head.status, head.header("etag")), (200, get.header("etag")));
    assert_eq!(head.header("content-length").unwrap_or_default(), get.text.len().to_string());
    assert_eq!(api.call("HEAD", "/api/domains/0").send().await.status, 404);
    assert_eq!(api.call("HEAD", &path).without_token().send().await.status, 401);
}

#[tokio::test]
async fn health_and_readiness() {
    let api = Api::start().await;
    let call = |path| api.get(path).without_token();
    call("/healthz").send().await.is(200, &json!({"status": "ok"}));
    call("/readyz").send().await.is(200, &json!({"status": "ready"}));
    api.ops.store.close().await;
    call("/healthz").send().await.is(200, &json!({"status": "ok"}));
    assert_eq!(call("/readyz").send().await.status, 503);
}

#[tokio::test]
async fn without_a_database_nobody_is_told_that_their_token_is_wrong() {
    let api = Api::start().await;
    api.ops.store.close().await;
    let reply = api.get("/api/domains").send().await;
    reply.is(503, &json!({"error": "Service Unavailable"}));
    assert_eq!(reply.header("retry-after"), Some("1"));
}

#[tokio::test]
async fn metrics_are_text() {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;
    let page: signet::http::MetricsPage = std::sync::Arc::new(|| Box::pin(async { "up 1\n".to_string() }));
    let api = Api::start().await;
    let state = signet::http::AppState::new(api.ops.clone(), Some(page.clone()));
    for router in [signet::http::router(state), signet::http::metrics_router(page)] {
        let request = Request::get("/metrics").body(Body::empty()).unwrap();
        let response = router.oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, "up 1\n");
    }
}

#[tokio::test]
async fn over_a_mebibyte_is_413() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let exact = |bytes: usize| {
        let frame = r#"{"domain":{"pad":""}}"#;
        frame.replace("\"\"", &format!("\"{}\"", "a".repeat(bytes - frame.len())))
    };
    let path = format!("/api/domains/{id}");
    assert_eq!(api.patch(&path).body(exact(1 << 20)).send().await.status, 200);
    let reply = api.patch(&path).body(exact((1 << 20) + 1)).send().await;
    reply.is(413, &json!({"errors": {"base": ["The body is over 1 MiB, the most that is taken"]}}));
    for path in [
        "/api/domains",
        &format!("{path}/company_info"),
        &format!("{path}/send_setup_instructions"),
        &format!("{path}/check"),
    ] {
        assert_eq!(api.post(path).body(vec![b'['; 20 << 20]).send().await.status, 413, "{path}");
    }
}
