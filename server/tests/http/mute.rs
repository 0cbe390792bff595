//! One click turns messages off (RFC 8058), and nothing less does.

use crate::api::Api;
use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, Method, Request, StatusCode},
};
use signet::{
    ops::links::Link,
    store::{AccountId, DomainId},
};
use tower::ServiceExt as _;

async fn send(api: &Api, method: Method, path: &str) -> (StatusCode, HeaderMap, String) {
    let body = if method == Method::POST { "List-Unsubscribe=One-Click" } else { "" };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap();
    let response = api.router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn link(api: &Api, link: Link) -> String {
    let url = api.ops.link_url(link).unwrap();
    url.strip_prefix(api.ops.config.http.public_url.trim_end_matches('/')).unwrap().to_string()
}

async fn alerts(api: &Api, id: DomainId) -> (bool, bool) {
    let tracking = api.ops.store.domain(api.account, id).await.unwrap().unwrap().tracking;
    (tracking.critical_alerts, tracking.health_alerts)
}

#[tokio::test]
async fn a_post_turns_it_off_at_once() {
    let api = Api::start().await;
    let id = DomainId(api.domain("example.com").await);
    let path = link(&api, Link::Mute(id)).await;
    // Scanners of mail fetch every link.
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let (status, headers, page) = send(&api, method.clone(), &path).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(headers["content-type"], "text/html; charset=utf-8");
        assert!(method == Method::HEAD || page.contains("<form method=\"post\">"), "{page}");
        assert_eq!(alerts(&api, id).await, (true, true));
    }
    for _ in 0..2 {
        let (status, headers, page) = send(&api, Method::POST, &path).await;
        assert_eq!(status, StatusCode::OK, "no redirect");
        assert!(!headers.contains_key("set-cookie") && !headers.contains_key("location"));
        assert!(page.contains("Turned off: alerts about example.com"), "{page}");
        assert!(page.contains("critical_alerts_enabled"), "how to turn it on again");
        assert_eq!(alerts(&api, id).await, (false, true));
    }
    let rows = api.ops.store.events(api.account, id, None, 100).await.unwrap();
    assert_eq!(rows.iter().filter(|row| row.actor == "link").count(), 1, "once in the history");
}

#[tokio::test]
async fn the_page_keeps_its_address_to_itself() {
    let api = Api::start().await;
    let id = DomainId(api.domain("example.com").await);
    for path in [link(&api, Link::Mute(id)).await, "/mute/nothing".to_string()] {
        let (_, headers, _) = send(&api, Method::GET, &path).await;
        assert_eq!(headers["referrer-policy"], "no-referrer");
        let policy = headers["content-security-policy"].to_str().unwrap();
        for part in ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
    }
}

#[tokio::test]
async fn reports_are_turned_off_by_domain_or_all_together() {
    let api = Api::start().await;
    let (a, b) = (DomainId(api.domain("a.example.com").await), DomainId(api.domain("b.example.com").await));
    let (status, _, page) = send(&api, Method::POST, &link(&api, Link::MuteReports(a)).await).await;
    assert!(status == StatusCode::OK && page.contains("health_alerts_enabled"), "{page}");
    assert_eq!((alerts(&api, a).await, alerts(&api, b).await), ((true, false), (true, true)));
    send(&api, Method::POST, &link(&api, Link::MuteHealth(api.account)).await).await;
    assert_eq!(alerts(&api, b).await, (true, false));
}

#[tokio::test]
async fn links_that_are_none_lead_nowhere() {
    let api = Api::start().await;
    let id = DomainId(api.domain("example.com").await);
    let good = link(&api, Link::Mute(id)).await;
    let gone = link(&api, Link::Mute(DomainId(999))).await;
    let nobody = link(&api, Link::MuteHealth(AccountId(999))).await;
    let other = link(&api, Link::Questionnaire(id)).await.replace("/questionnaire/", "/mute/");
    let cut = good[..good.len() - 1].to_string();
    for path in [gone, nobody, other, cut, format!("{good}A"), "/mute/x".into(), "/mute/%ff".into()] {
        for method in [Method::GET, Method::POST] {
            let (status, _, page) = send(&api, method, &path).await;
            assert_eq!(status, StatusCode::NOT_FOUND, "{path}: {page}");
            assert!(page.contains("This link leads nowhere"), "{path}: {page}");
        }
    }
    assert_eq!(alerts(&api, id).await, (true, true));
}
