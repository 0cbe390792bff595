//! The card check: what owners see, and what whoever checks cards says.

use crate::{
    api::{Api, Reply},
    under_review::{self, concluded},
};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use signet::store::Conclusion;

const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn start() -> (Api, i64, String) {
    let secret = format!("whsec_{SECRET}");
    let url = "https://pay.example/check?ref={reference}";
    let api =
        Api::with(&[("SIGNET_CARD_CALLBACK_SECRET", secret.as_str()), ("SIGNET_CARD_CHECK_URL", url)]).await;
    let id = under_review::domain(&api, "example.com").await;
    let reference = api.ops.card_reference();
    let ask = Conclusion::Ask { questionnaire: false, card: Some(reference.clone()) };
    concluded(&api, id, ask, "It is new.").await;
    (api, id, reference)
}

fn signature(id: &str, timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(SECRET).unwrap());
    let tag = hmac::sign(&key, format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag.as_ref()))
}

async fn call(api: &Api, reference: &str, body: &str) -> Reply {
    let now = api.ops.clock.now().as_second();
    api.post(&format!("/api/card_checks/{reference}"))
        .without_token()
        .header("webhook-id", "msg_1")
        .header("webhook-timestamp", now.to_string())
        .header("webhook-signature", signature("msg_1", now, body))
        .body(body)
        .send()
        .await
}

async fn status(api: &Api, id: i64) -> Value {
    api.get(&format!("/api/domains/{id}")).send().await.json()["compliance_status"].clone()
}

#[tokio::test]
async fn passed_once_and_for_all() {
    let (api, id, reference) = start().await;
    assert_eq!(status(&api, id).await, "awaiting_card_verification");
    let path = format!("/api/domains/{id}/card_check");
    let check = api.get(&path).send().await.json()["data"].clone();
    assert_eq!((&check["status"], &check["resolved_at"]), (&json!("open"), &Value::Null));
    assert_eq!(check["url"], format!("https://pay.example/check?ref={reference}"));

    let said = json!({"data": {"reference": reference, "result": "passed"}});
    call(&api, &reference, r#"{"result":"passed","detail":"3-D Secure"}"#).await.is(200, &said);
    assert_eq!(status(&api, id).await, "under_review");
    call(&api, &reference, r#"{"result":"passed"}"#).await.is(200, &said);
    let opposite = call(&api, &reference, r#"{"result":"failed"}"#).await;
    opposite.is(409, &json!({"errors": {"result": ["can't be changed: it is passed already"]}}));
    assert_eq!(api.get(&path).send().await.json()["data"]["status"], "passed");
    let rows = api.get(&format!("/api/domains/{id}/events")).send().await.json();
    let passed: Vec<_> =
        rows["data"].as_array().unwrap().iter().filter(|row| row["type"] == "card.passed").collect();
    assert_eq!(passed.len(), 1);
    assert_eq!((&passed[0]["actor"], &passed[0]["reason"]), (&json!("card_callback"), &json!("3-D Secure")));
}

#[tokio::test]
async fn failed_it_is_the_operators() {
    let (api, id, reference) = start().await;
    assert_eq!(call(&api, &reference, r#"{"result":"failed","detail":"declined"}"#).await.status, 200);
    let case = api.ops.store.case(signet::store::DomainId(id)).await.unwrap().unwrap();
    assert_eq!(case.review, signet::store::Review::Referred);
    let check = api.get(&format!("/api/domains/{id}/card_check")).send().await.json();
    assert_eq!(check["data"]["status"], "failed");
    assert_eq!(check["data"].get("detail"), None, "what was said about it is for operators");
}

#[tokio::test]
async fn only_what_is_signed_counts() {
    let (api, id, reference) = start().await;
    let body = r#"{"result":"passed"}"#;
    let now = api.ops.clock.now().as_second();
    let good = signature("msg_1", now, body);
    let attempt = async |id: &str, timestamp: &str, signature: &str, body: &str| {
        let call = api.post(&format!("/api/card_checks/{reference}")).without_token().body(body);
        let call = call.header("webhook-id", id).header("webhook-timestamp", timestamp);
        call.header("webhook-signature", signature).send().await
    };
    let at = now.to_string();
    let stale = now - 301;
    for reply in [
        attempt("", &at, &good, body).await,
        attempt("msg_2", &at, &good, body).await,
        attempt("msg_1", &(now + 1).to_string(), &good, body).await,
        attempt("msg_1", &at, "v1,AAAA", body).await,
        attempt("msg_1", &at, "", body).await,
        attempt("msg_1", &at, &good, r#"{"result":"failed"}"#).await,
        attempt("msg_1", &stale.to_string(), &signature("msg_1", stale, body), body).await,
        attempt("msg_1", "soon", &good, body).await,
    ] {
        assert_eq!(reply.status, 401, "{}", reply.text);
        assert!(reply.json()["error"].is_string());
    }
    assert_eq!(status(&api, id).await, "awaiting_card_verification");
    // A token is no signature, and needs none either.
    let with_token = api.post(&format!("/api/card_checks/{reference}")).body(body).send().await;
    assert_eq!(with_token.status, 401);
    api.ops.clock.advance(SignedDuration::from_secs(299));
    assert_eq!(attempt("msg_1", &at, &good, body).await.status, 200, "within five minutes");
}

#[tokio::test]
async fn card_data_is_not_taken() {
    let (api, id, reference) = start().await;
    for (body, field) in [
        (r#"{"result":"passed","number":"4111111111111111"}"#, "base"),
        (r#"{"result":"passed","detail":"4111 1111 1111 1111"}"#, "detail"),
        (r#"{"result":"yes"}"#, "result"),
        ("[]", "base"),
        ("", "base"),
    ] {
        let reply = call(&api, &reference, body).await;
        assert_eq!(reply.wrong(), [field], "{body}");
        assert!(!reply.text.contains("4111"));
    }
    assert_eq!(status(&api, id).await, "awaiting_card_verification");
    assert_eq!(call(&api, "card_unknown", r#"{"result":"passed"}"#).await.status, 404);
}

#[tokio::test]
async fn without_a_secret_there_are_no_callbacks() {
    let api = Api::start().await;
    let id = under_review::domain(&api, "example.com").await;
    assert_eq!(
        api.get(&format!("/api/domains/{id}/card_check")).send().await.status,
        404,
        "none is asked for"
    );
    let ask = Conclusion::Ask { questionnaire: false, card: Some("card_1".to_string()) };
    concluded(&api, id, ask, "It is new.").await;
    let check = api.get(&format!("/api/domains/{id}/card_check")).send().await.json();
    assert_eq!(check["data"]["url"], Value::Null);
    assert_eq!(call(&api, "card_1", r#"{"result":"passed"}"#).await.status, 404);
}
