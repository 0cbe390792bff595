//! Tokens and accounts over the API, in the hosted service's shapes.

use crate::api::{Api, Reply};
use jiff::SignedDuration;
use serde_json::{Value, json};
use signet::store::Access;

const PATH: &str = "/api/api_tokens";

fn wish(kind: &str, id: i64, level: u32) -> Value {
    json!({"name": "ci", "resources": [{"resource_type": kind, "resource_id": id, "access_level": level}]})
}

fn ids(reply: &Reply) -> Vec<i64> {
    reply.json().as_array().unwrap().iter().map(|token| token["id"].as_i64().unwrap()).collect()
}

async fn status_of(api: &Api, token: &str) -> u16 {
    api.get("/api/domains").token(token).send().await.status
}

#[tokio::test]
async fn a_token_from_its_making_to_its_end() {
    let api = Api::start().await;
    let account = api.account.0;
    for base in [PATH.to_string(), format!("/api/accounts/{account}/api_tokens")] {
        let made = api.post(&base).json(&wish("account", account, 100)).send().await;
        assert_eq!(made.status, 200, "{}", made.text);
        let made = made.json();
        let secret = made["token"].as_str().unwrap();
        let id = made["id"].as_i64().unwrap();
        let mut shown = json!({
            "id": id, "name": "ci", "last_4_digits": secret[secret.len() - 4..], "created_by": "token:1",
            "expires_at": null,
            "resources": [{"resource_type": "account", "resource_id": account, "access_level": 100}],
        });
        let one = format!("{base}/{id}");
        api.get(&one).send().await.is(200, &shown);
        let list = api.get(&base).send().await;
        assert!(list.json().as_array().unwrap().contains(&shown));
        assert!(!list.text.contains(secret));
        shown["token"] = secret.into();
        assert_eq!(made, shown);
        assert_eq!(status_of(&api, secret).await, 200);

        assert_eq!(api.delete(&one).send().await.status, 204);
        assert_eq!(status_of(&api, secret).await, 401, "from now on");
        for method in ["GET", "DELETE"] {
            api.call(method, &one).send().await.is(404, &json!({"error": "Not Found"}));
        }
        assert!(!ids(&api.get(&base).send().await).contains(&id));
        let reset = api.post(&format!("{one}/reset")).send().await;
        assert_eq!(reset.errors("base"), ["This token was deleted: make a new one"]);
    }
}

#[tokio::test]
async fn what_it_is_for_is_what_was_asked() {
    let api = Api::start().await;
    let (one, two) = (api.domain("one.example.com").await, api.domain("two.example.com").await);
    let other = api.account("other").await;
    let viewer = json!({"name": "v", "resources": [
        {"resource_type": "domain", "resource_id": one.to_string(), "access_level": 10},
        {"resource_type": "domain", "resource_id": two, "access_level": 10},
    ]});
    let made = api.post(PATH).json(&viewer).send().await.json();
    let secret = made["token"].as_str().unwrap();
    assert_eq!(api.get(&format!("/api/domains/{one}")).token(secret).send().await.status, 200);
    let patch = json!({"domain": {"open_tracking_enabled": false}});
    assert_eq!(api.patch(&format!("/api/domains/{one}")).token(secret).json(&patch).send().await.status, 403);
    let account = api.account.0;
    let resource = |kind: &str, id: Value, level: u32| json!({"resource_type": kind, "resource_id": id, "access_level": level});
    for (resources, field) in [
        (Value::Null, "base"),
        (json!([]), "base"),
        (json!({}), "resources"),
        (json!([1]), "resources"),
        (json!([resource("project", json!(1), 100)]), "resources"),
        (json!([resource("account", json!(other.0), 100)]), "resources"),
        (json!([resource("account", json!("x"), 100)]), "resources"),
        (json!([resource("account", json!(account), 50)]), "resources"),
        (json!([resource("domain", json!(999_999), 100)]), "base"),
        (json!([resource("account", json!(account), 10), resource("domain", json!(one), 100)]), "resources"),
        (json!([resource("account", json!(account), 10), resource("domain", json!(one), 10)]), "resources"),
        (json!(vec![resource("domain", json!(one), 10); 1001]), "resources"),
    ] {
        let reply = api.post(PATH).json(&json!({"name": "x", "resources": resources})).send().await;
        assert_eq!(reply.wrong(), [field], "{resources}");
    }
    let reply = api.post(PATH).json(&json!({"name": " ", "expires_at": 7, "resources": "x"})).send().await;
    assert_eq!(reply.wrong(), ["expires_at", "resources"], "{}", reply.text);
    for name in [json!(null), json!("\n"), json!(7)] {
        let mut body = wish("account", account, 10);
        body["name"] = name;
        assert_eq!(api.post(PATH).json(&body).send().await.wrong(), ["name"]);
    }
    for blank in ["", " ", &"x".repeat(256)] {
        let mut body = wish("account", account, 10);
        body["name"] = blank.into();
        assert_eq!(api.post(PATH).json(&body).send().await.wrong(), ["name"]);
    }
}

#[tokio::test]
async fn tokens_end_when_they_were_to() {
    let api = Api::start().await;
    let mut body = wish("account", api.account.0, 100);
    for wrong in ["2026-04-28T08:19:31Z", "2031-05-28T08:19:31Z", "tomorrow", "2027-01-01"] {
        body["expires_at"] = wrong.into();
        assert_eq!(api.post(PATH).json(&body).send().await.wrong(), ["expires_at"], "{wrong}");
    }
    body["expires_at"] = "2026-04-28T20:19:32+10:00".into();
    let reply = api.post(PATH).json(&body).send().await;
    assert_eq!(reply.json()["expires_at"], "2026-04-28T10:19:32.000Z");
    let secret = reply.json()["token"].as_str().unwrap().to_string();
    assert_eq!(status_of(&api, &secret).await, 200);
    api.ops.clock.advance(SignedDuration::from_mins(121));
    assert_eq!(status_of(&api, &secret).await, 401);
    let reset = api.post(&format!("{PATH}/{}/reset", reply.json()["id"])).send().await;
    assert_eq!(reset.errors("base"), ["This token has expired: make a new one"]);
}

#[tokio::test]
async fn a_reset_leaves_the_old_one_twelve_hours() {
    let api = Api::start().await;
    let mut body = wish("account", api.account.0, 100);
    body["expires_at"] = "2026-05-28T08:19:31.769123Z".into();
    let old = api.post(PATH).json(&body).send().await.json();
    api.ops.clock.advance(SignedDuration::from_hours(24));
    let reset = format!("{PATH}/{}/reset", old["id"]);
    let new = api.post(&reset).send().await;
    assert_eq!(new.status, 200, "{}", new.text);
    let new = new.json();
    assert_ne!((&new["id"], &new["token"]), (&old["id"], &old["token"]));
    assert_eq!((&new["name"], &new["resources"]), (&old["name"], &old["resources"]));
    assert_eq!(new["expires_at"], "2026-05-29T08:19:31.769Z", "as long to live as the first had");
    let shown = api.get(&format!("{PATH}/{}", old["id"])).send().await.json();
    assert_eq!(shown["expires_at"], "2026-04-29T20:19:31.769Z");
    let again = api.post(&reset).send().await;
    assert_eq!(
        again.errors("base"),
        [format!("This token was reset before: token {} is in its place", new["id"])]
    );
    let (old, new) = (old["token"].as_str().unwrap(), new["token"].as_str().unwrap());
    for (minutes, expected) in [(719, 200), (2, 401)] {
        api.ops.clock.advance(SignedDuration::from_mins(minutes));
        assert_eq!((status_of(&api, old).await, status_of(&api, new).await), (expected, 200));
    }
}

#[tokio::test]
async fn a_reset_makes_no_token_live_longer() {
    let api = Api::start().await;
    let mut body = wish("account", api.account.0, 100);
    body["expires_at"] = "2026-04-28T09:00:00Z".into();
    let id = api.post(PATH).json(&body).send().await.json()["id"].clone();
    assert_eq!(api.post(&format!("{PATH}/{id}/reset")).send().await.status, 200);
    let shown = api.get(&format!("{PATH}/{id}")).send().await.json();
    assert_eq!(shown["expires_at"], "2026-04-28T09:00:00.000Z");
}

#[tokio::test]
async fn nobody_gives_more_than_they_have() {
    let api = Api::start().await;
    let account = api.account;
    let operator = api.token(account, Access::Operator, &[]).await;
    let operators_id = api.token_id(account, Access::Operator).await;
    let domain = api.domain("example.com").await;
    // An admin makes no operator, and does not even see one.
    let body = wish("account", account.0, 1000);
    api.post(PATH).json(&body).send().await.is(403, &json!({"errors": "Access forbidden"}));
    assert!(!ids(&api.get(PATH).send().await).contains(&operators_id.0));
    let path = format!("{PATH}/{operators_id}");
    for (method, path) in [("GET", &path), ("DELETE", &path), ("POST", &format!("{path}/reset"))] {
        assert_eq!(api.call(method, path).send().await.status, 404, "{method} {path}");
    }
    // An operator does.
    let made = api.post(PATH).token(&operator).json(&body).send().await;
    assert_eq!(made.json()["resources"][0]["access_level"], 1000);
    let secret = made.json()["token"].as_str().unwrap().to_string();
    assert!(api.ops.authenticate(&secret).await.unwrap().unwrap().is_operator());
    assert!(ids(&api.get(PATH).token(&operator).send().await).contains(&operators_id.0));
    let scoped = api.post(PATH).token(&operator).json(&wish("domain", domain, 1000)).send().await;
    assert_eq!(scoped.wrong(), ["resources"]);
    assert_eq!(api.post(&format!("{path}/reset")).token(&operator).send().await.status, 200);
    assert_eq!(api.delete(&path).token(&operator).send().await.status, 204);
    // Nor does anybody reach into another account.
    let stranger = api.token(api.account("other").await, Access::Admin, &[]).await;
    let own = api.token_id(account, Access::Viewer).await;
    assert_eq!(api.delete(&format!("{PATH}/{own}")).token(&stranger).send().await.status, 404);
    assert_eq!(
        api.post(PATH).token(&stranger).json(&wish("domain", domain, 10)).send().await.wrong(),
        ["base"]
    );
}

#[tokio::test]
async fn every_token_may_delete_itself() {
    let api = Api::start().await;
    let domain = api.domain("example.com").await;
    for (access, domains) in
        [(Access::Viewer, vec![]), (Access::Admin, vec![domain]), (Access::Admin, vec![])]
    {
        let other = api.token_id(api.account, Access::Viewer).await;
        let token = api.token(api.account, access, &domains).await;
        let id = api.ops.authenticate(&token).await.unwrap().unwrap().token().unwrap();
        let admin = access == Access::Admin && domains.is_empty();
        let foreign = api.delete(&format!("{PATH}/{other}")).token(&token).send().await.status;
        assert_eq!(foreign, if admin { 204 } else { 403 });
        assert_eq!(api.delete(&format!("{PATH}/{id}")).token(&token).send().await.status, 204);
        assert_eq!(status_of(&api, &token).await, 401);
    }
}

#[tokio::test]
async fn a_secret_is_kept_sealed_for_a_repeated_key() {
    let api = Api::start().await;
    let body = wish("account", api.account.0, 100);
    let call = |path: &str| api.post(path).header("idempotency-key", "k").json(&body);
    let first = call(PATH).send().await.json();
    let reset = format!("{PATH}/{}/reset", first["id"]);
    let second = call(&reset).send().await.json();
    for (path, made) in [(PATH, &first), (reset.as_str(), &second)] {
        let reply = call(path).send().await;
        assert_eq!((reply.status, reply.header("idempotency-replayed")), (200, Some("true")));
        assert_eq!(&reply.json(), made);
    }
    assert_eq!(ids(&api.get(PATH).send().await).len(), 3, "made once each, beside the first one");
    let other = api.post(PATH).header("idempotency-key", "k").json(&wish("account", 1, 10)).send().await;
    assert!(other.errors("base")[0].contains("another body"));
    // Nowhere in the database is either secret.
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("backup");
    api.ops.store.backup(&file).await.unwrap();
    let kept = std::fs::read_to_string(&file).unwrap();
    assert!(kept.contains("api_tokens"));
    for secret in [&first["token"], &second["token"]] {
        assert!(!kept.contains(secret.as_str().unwrap()));
    }
}

#[tokio::test]
async fn a_hundred_are_enough() {
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
    let body = wish("account", api.account.0, 10);
    let mut last = 0;
    for _ in 1..100 {
        last = api.post(PATH).json(&body).send().await.json()["id"].as_i64().unwrap();
    }
    let full = api.post(PATH).json(&body).send().await;
    assert!(full.errors("base")[0].contains("has 100 tokens, which is the limit"), "{}", full.text);
    // One can be replaced all the same, and makes room when it is deleted.
    let new = api.post(&format!("{PATH}/{last}/reset")).send().await;
    assert_eq!(new.status, 200, "{}", new.text);
    assert_eq!(api.post(PATH).json(&body).send().await.status, 422);
    assert_eq!(api.delete(&format!("{PATH}/{}", new.json()["id"])).send().await.status, 204);
    assert_eq!(api.post(PATH).json(&body).send().await.status, 200);
}

#[tokio::test]
async fn accounts_are_those_a_token_sees() {
    let api = Api::start().await;
    let (id, domain) = (api.account, api.domain("example.com").await);
    let other = api.account("other").await;
    let own = |level: u32| json!([{"id": id.0, "name": "first", "access_levels": [level]}]);
    api.get("/api/accounts").send().await.is(200, &own(100));
    for (access, domains, level) in [(Access::Viewer, vec![], 10), (Access::Admin, vec![domain], 1)] {
        let token = api.token(id, access, &domains).await;
        api.get("/api/accounts").token(&token).send().await.is(200, &own(level));
    }
    let operator = api.token(id, Access::Operator, &[]).await;
    let all = api.get("/api/accounts").token(&operator).send().await;
    assert_eq!(ids(&all), [id.0, other.0]);
    assert_eq!(all.json()[1]["access_levels"], json!([1000]));
    let page = api.get("/api/accounts?limit=1").token(&operator).send().await;
    assert_eq!(ids(&page), [id.0]);
    assert_eq!(page.header("link"), Some(&*format!("</api/accounts?limit=1&after={id}>; rel=\"next\"")));
    let rest = api.get(&format!("/api/accounts?limit=1&after={id}")).token(&operator).send().await;
    assert_eq!((ids(&rest), rest.header("link")), (vec![other.0], None));
    assert_eq!(api.get("/api/accounts?limit=0").send().await.wrong(), ["limit"]);
}
