//! Credentials, and how often they may be used.

use crate::{
    api::{Api, Reply},
    waiting,
};
use serde_json::json;
use signet::store::Access;

fn is_refused(reply: &Reply) {
    reply.is(401, &json!({"error": "Incorrect API token"}));
    assert_eq!(reply.header("www-authenticate"), Some("Token realm=\"Application\""));
}

#[tokio::test]
async fn either_header_works_and_the_own_one_goes_first() {
    let api = Api::start().await;
    let bearer = format!("Bearer {}", api.token);
    let call = || api.get("/api/domains").without_token();
    assert_eq!(call().token(&api.token).send().await.status, 200);
    assert_eq!(call().header("authorization", &bearer).send().await.status, 200);
    assert_eq!(call().token(&api.token).header("authorization", "Bearer x").send().await.status, 200);
    is_refused(&call().token("x").header("authorization", &bearer).send().await);
}

#[tokio::test]
async fn anything_else_is_401() {
    let api = Api::start().await;
    let call = || api.get("/api/domains").without_token();
    is_refused(&call().send().await);
    let long = "a".repeat(100_000);
    let hostile: [&[u8]; 8] =
        [b"", b" ", b"\xff\xfe\x80", b"' OR 1=1 --", b"a.b.c", b"..", b"sgt_", long.as_bytes()];
    for token in hostile {
        is_refused(&call().header("api-token", token).send().await);
        let bearer = [b"Bearer ", token].concat();
        is_refused(&call().header("authorization", &bearer).send().await);
        is_refused(&call().header("authorization", token).send().await);
    }
    // A token is compared to the letter.
    is_refused(&call().token(&api.token.to_uppercase()).send().await);
    is_refused(&call().token(&format!("{}x", api.token)).send().await);
}

#[tokio::test]
async fn revoked_and_expired_tokens_are_401() {
    let api = Api::start().await;
    let listed = api.ops.store.tokens(Some(api.account)).await.unwrap();
    api.ops.revoke_token(listed[0].id).await.unwrap();
    is_refused(&api.get("/api/domains").send().await);
    let request = signet::ops::accounts::TokenRequest {
        account: api.account,
        name: "short".to_string(),
        access: Access::Admin,
        domains: [].into(),
        lifetime: Some(jiff::SignedDuration::from_secs(60)),
    };
    let (_, token) = api.ops.create_token(request).await.unwrap();
    assert_eq!(api.get("/api/domains").token(&token).send().await.status, 200);
    api.ops.clock.advance(jiff::SignedDuration::from_secs(61));
    is_refused(&api.get("/api/domains").token(&token).send().await);
}

#[tokio::test]
async fn the_limit_is_per_token_and_comes_back() {
    // Two at once, and one more every five seconds.
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "2")]).await;
    let other = api.token(api.account, Access::Admin, &[]).await;
    for _ in 0..2 {
        let reply = api.get("/api/domains").send().await;
        assert_eq!((reply.status, reply.header("x-ratelimit-limit")), (200, Some("2")));
        let remaining: u32 = reply.header("x-ratelimit-remaining").unwrap().parse().unwrap();
        assert!(remaining < 2, "{remaining}");
    }
    let mut refused = None;
    for _ in 0..20 {
        let reply = api.post("/api/domains").json(&json!({})).send().await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let reply = refused.expect("the limit is reached at some time");
    assert!(reply.json()["errors"].as_str().unwrap().contains("Too many requests"));
    let wait: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=5).contains(&wait), "{wait}");
    assert_eq!(reply.header("x-ratelimit-remaining"), Some("0"));
    assert_eq!(api.get("/api/domains").token(&other).send().await.status, 200, "another token has its own");
    let look = async || {
        let reply = api.get("/api/domains").send().await;
        if reply.status == 200 { Ok(()) } else { Err(reply.status) }
    };
    waiting::until("let in again", look).await;
}

#[tokio::test]
async fn the_limit_is_said_to_strangers_too_unless_there_is_none() {
    let api = Api::start().await;
    for call in [api.get("/api/domains").token("x"), api.get("/nowhere"), api.call("PUT", "/api/domains")] {
        let reply = call.send().await;
        let said = (reply.header("x-ratelimit-limit"), reply.header("x-ratelimit-remaining"));
        assert_eq!(said, (Some("150"), Some("150")));
    }
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
    let reply = api.get("/api/domains").send().await;
    assert_eq!((reply.status, reply.header("x-ratelimit-limit")), (200, None));
}
