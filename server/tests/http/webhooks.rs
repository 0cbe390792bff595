//! `/api/webhooks`: shapes, and what is refused. What is sent is tested in
//! `tests/webhooks.rs`.

use crate::api::{Api, Reply};
use serde_json::{Value, json};
use signet::store::EventKind;

const URL: &str = "https://example.com/hooks?a=b";

async fn create(api: &Api, webhook: Value) -> Reply {
    api.post("/api/webhooks").json(&json!({"webhook": webhook})).send().await
}

async fn made(api: &Api) -> (String, Value) {
    let reply = create(api, json!({"url": URL})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let data = reply.json()["data"].clone();
    (format!("/api/webhooks/{}", data["id"]), data)
}

#[tokio::test]
async fn a_webhook_in_the_hosted_services_shape() {
    let api = Api::start().await;
    let (path, data) = made(&api).await;
    let all: Vec<_> = EventKind::PUBLISHED.iter().map(|kind| kind.as_str()).collect();
    let mut expected = json!({
        "signing_secret": data["signing_secret"], "id": data["id"], "url": URL, "active": true,
        "webhook_type": "domains", "payload_format": "json", "event_types": all, "description": null,
        "disabled_reason": null, "failing_since": null, "old_secret_valid_until": null,
        "created_at": "2026-04-28T08:19:31.769Z", "updated_at": "2026-04-28T08:19:31.769Z",
    });
    assert_eq!(data, expected);
    let secret = data["signing_secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");

    // The secret is shown once, and is not in the file.
    expected.as_object_mut().unwrap().remove("signing_secret");
    api.get(&path).send().await.is(200, &json!({"data": expected}));
    api.get("/api/webhooks").send().await.is(200, &json!({"data": [expected]}));
    let own = format!("/api/accounts/{}/webhooks", api.account);
    api.get(&own).send().await.is(200, &json!({"data": [expected]}));
    api.get(&format!("{own}/{}", expected["id"])).send().await.is(200, &json!({"data": expected}));

    let patch = json!({"webhook": {
        "url": "http://Other.example.com", "active": false, "event_types": ["domain.deleted"], "description": " CRM ",
    }});
    let reply = api.patch(&path).json(&patch).send().await;
    expected["url"] = "http://other.example.com/".into();
    expected["active"] = false.into();
    expected["event_types"] = json!(["domain.deleted"]);
    expected["description"] = "CRM".into();
    reply.is(200, &json!({"data": expected}));
    let cleared = api.patch(&path).json(&json!({"webhook": {"description": ""}})).send().await;
    expected["description"] = Value::Null;
    cleared.is(200, &json!({"data": expected}));

    api.call("DELETE", &path).send().await.is(200, &json!({"data": expected}));
    for method in ["GET", "DELETE"] {
        api.call(method, &path).send().await.is(404, &json!({"error": "Not Found"}));
    }
    api.get("/api/webhooks").send().await.is(200, &json!({"data": []}));
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = Api::start().await;
    let (path, _) = made(&api).await;
    let wrong: [(Value, &[&str]); 20] = [
        (json!({}), &["url"]),
        (json!({"url": null}), &["url"]),
        (json!({"url": ""}), &["url"]),
        (json!({"url": 7}), &["url"]),
        (json!({"url": "https://example.com/\n"}), &["url"]),
        (json!({"url": "ftp://example.com/"}), &["url"]),
        (json!({"url": "https://a:b@example.com/"}), &["url"]),
        (json!({"url": "https://example.com/#x"}), &["url"]),
        (json!({"url": "http://127.0.0.1:8080/"}), &["url"]),
        (json!({"url": "http://[fd00::1]/"}), &["url"]),
        (json!({"url": "http://2130706433/"}), &["url"]),
        (json!({"url": format!("https://example.com/{}", "a".repeat(2048))}), &["url"]),
        (json!({"url": URL, "event_types": []}), &["event_types"]),
        (json!({"url": URL, "event_types": ["domain.created", "delivery"]}), &["event_types"]),
        (json!({"url": URL, "event_types": "domain.created"}), &["event_types"]),
        (json!({"url": URL, "active": null}), &["active"]),
        (json!({"url": URL, "webhook_type": "email_sending"}), &["webhook_type"]),
        (json!({"url": URL, "payload_format": "jsonlines"}), &["payload_format"]),
        (json!({"url": URL, "description": "é".repeat(256)}), &["description"]),
        (
            json!({"url": "x", "event_types": [1], "active": "yes", "description": null}),
            &["active", "description", "event_types", "url"],
        ),
    ];
    for (webhook, fields) in wrong {
        let reply = create(&api, webhook.clone()).await;
        assert_eq!(reply.wrong(), fields, "{webhook}");
        if webhook.get("url").is_some() {
            let patched = api.patch(&path).json(&json!({"webhook": webhook})).send().await;
            assert_eq!(patched.wrong(), fields, "{webhook}");
        }
    }
    let unknown = create(&api, json!({"url": URL, "event_types": ["delivery"]})).await;
    assert!(
        unknown.errors("event_types")[0].starts_with("has \"delivery\", which is none of domain.created, ")
    );
    for body in ["", "[]", "{", "{\"url\": \"https://example.com/\"}", "{\"webhook\": 7}"] {
        for call in [api.post("/api/webhooks"), api.patch(&path)] {
            assert_eq!(call.body(body).send().await.status, 422, "{body}");
        }
    }
    let same = json!({"url": URL, "webhook_type": "domains", "payload_format": "json", "active": false});
    assert_eq!(create(&api, same).await.status, 200);
}

#[tokio::test]
async fn no_more_than_twenty() {
    let api = Api::start().await;
    let other = api.account("other").await;
    let other = api.token(other, signet::store::Access::Admin, &[]).await;
    for _ in 0..20 {
        made(&api).await;
    }
    let refused = create(&api, json!({"url": URL})).await;
    assert_eq!(refused.errors("base"), ["The account has 20 webhooks, which is the limit"]);
    let body = json!({"webhook": {"url": URL}});
    assert_eq!(api.post("/api/webhooks").token(&other).json(&body).send().await.status, 200);
}

#[tokio::test]
async fn deliveries_come_in_pages_and_by_state() {
    let api = Api::start().await;
    let (path, _) = made(&api).await;
    for n in 0..3 {
        api.domain(&format!("d{n}.example.com")).await;
    }
    let deliveries = format!("{path}/deliveries");
    let reply = api.get(&deliveries).send().await.json();
    let names: Vec<_> =
        reply["data"].as_array().unwrap().iter().map(|d| d["domain"]["name"].clone()).collect();
    assert_eq!(names, ["d2.example.com", "d1.example.com", "d0.example.com"]);
    let first = reply["data"][0].clone();
    let expected = json!({
        "id": first["id"], "type": "domain.created", "event_id": first["event_id"], "domain": first["domain"],
        "state": "waiting", "created_at": "2026-04-28T08:19:31.769Z", "attempts": 0, "tried_at": null,
        "next_try_at": null, "last_status": null, "last_error": null, "finished_at": null,
    });
    assert_eq!(first, expected);
    let page = api.get(&format!("{deliveries}?limit=1&before={}", first["id"])).send().await.json();
    assert_eq!(page["data"], json!([reply["data"][1]]));
    assert_eq!(api.get(&format!("{deliveries}?state=waiting")).send().await.json(), reply);
    assert_eq!(api.get(&format!("{deliveries}?state=failed")).send().await.json(), json!({"data": []}));
    for (query, field) in
        [("limit=0", "limit"), ("limit=101", "limit"), ("before=x", "before"), ("state=done", "state")]
    {
        assert_eq!(api.get(&format!("{deliveries}?{query}")).send().await.wrong(), [field], "{query}");
    }
    api.get("/api/webhooks/999/deliveries?limit=0").send().await.is(404, &json!({"error": "Not Found"}));
}

#[tokio::test]
async fn replays_name_one_thing() {
    let api = Api::start().await;
    let (path, _) = made(&api).await;
    let replay = async |replay: Value| {
        api.post(&format!("{path}/replay")).json(&json!({"replay": replay})).send().await
    };
    let wrong: [(Value, &str); 11] = [
        (json!({}), "base"),
        (json!({"since": "2026-04-28T08:00:00Z", "from_event": 1}), "base"),
        (json!({"since": "yesterday"}), "since"),
        (json!({"since": null}), "since"),
        (json!({"since": 7}), "since"),
        (json!({"since": "2026-03-01T00:00:00Z"}), "since"),
        (json!({"from_event": "1"}), "from_event"),
        (json!({"deliveries": []}), "deliveries"),
        (json!({"deliveries": ["1"]}), "deliveries"),
        (json!({"deliveries": [999]}), "deliveries"),
        (json!({"deliveries": vec![1; 1001]}), "deliveries"),
    ];
    for (body, field) in wrong {
        assert_eq!(replay(body.clone()).await.wrong(), [field], "{body}");
    }
    replay(json!({"since": "2027-01-01T00:00:00Z"}))
        .await
        .is(200, &json!({"data": {"queued": 0, "next_event": null}}));
    let missing = api.post("/api/webhooks/999/replay").json(&json!({"replay": {}})).send().await;
    missing.is(404, &json!({"error": "Not Found"}));
}

#[tokio::test]
async fn an_answer_with_a_secret_is_given_again_but_not_kept_in_the_clear() {
    let api = Api::start().await;
    let call =
        || api.post("/api/webhooks").header("idempotency-key", "k").json(&json!({"webhook": {"url": URL}}));
    let (first, again) = (call().send().await, call().send().await);
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &first.text));
    let secret = first.json()["data"]["signing_secret"].as_str().unwrap().to_string();
    let (path, _) = made(&api).await;
    let rotate = || api.post(&format!("{path}/rotate_secret")).header("idempotency-key", "k");
    let (rotated, again) = (rotate().send().await, rotate().send().await);
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &rotated.text));
    let other = rotated.json()["data"]["signing_secret"].as_str().unwrap().to_string();
    let file = tempfile::tempdir().unwrap();
    let file = file.path().join("backup.json");
    api.ops.store.backup(&file).await.unwrap();
    let everything = std::fs::read_to_string(&file).unwrap();
    assert!(everything.contains("sealed:"));
    for secret in [&secret, &other] {
        assert!(!everything.contains(secret.strip_prefix("whsec_").unwrap()), "{secret}");
    }
    let test = || api.post(&format!("{path}/test")).header("idempotency-key", "t");
    let (first, again) = (test().send().await, test().send().await);
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &first.text));
}
