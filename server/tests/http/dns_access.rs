//! `/api/dns_access`, and what planning says where nothing can be read. Writing is
//! tested in `tests/publish`.

use crate::api::{Api, Reply};
use serde_json::{Value, json};

async fn give(api: &Api, access: Value) -> Reply {
    api.post("/api/dns_access").json(&json!({"dns_access": access})).send().await
}

fn update(server: &str) -> Value {
    json!({"zone": "Example.com.", "provider": "rfc2136", "test": false, "credentials": {
        "server": server, "key_name": "signet.example.com", "key_secret": "c2VjcmV0",
    }})
}

#[tokio::test]
async fn what_is_secret_is_never_shown_and_not_in_the_file() {
    let api = Api::start().await;
    let given = give(&api, update("192.0.2.53")).await;
    let id = given.json()["data"]["id"].clone();
    let mut expected = json!({
        "id": id, "zone": "example.com", "provider": "rfc2136",
        "settings": {"server": "192.0.2.53", "key_name": "signet.example.com"},
        "created_at": "2026-04-28T08:19:31.769Z", "updated_at": "2026-04-28T08:19:31.769Z",
    });
    given.is(200, &json!({"data": expected}));
    let path = format!("/api/dns_access/{id}");
    api.get(&path).send().await.is(200, &json!({"data": expected}));
    let own = format!("/api/accounts/{}/dns_access", api.account);
    api.get(&own).send().await.is(200, &json!({"data": [expected]}));
    let (_, sealed) =
        api.ops.store.dns_access_to(api.account, &"example.com".parse().unwrap()).await.unwrap().unwrap();
    assert!(!sealed.windows(8).any(|window| window == b"c2VjcmV0"));

    // Another takes its place.
    let token = json!({"zone": "example.com", "provider": "cloudflare", "test": false, "credentials": {"api_token": "x"}});
    let given = give(&api, token).await;
    expected["provider"] = "cloudflare".into();
    expected["settings"] = json!({});
    given.is(200, &json!({"data": expected}));
    api.delete(&path).send().await.is(200, &json!({"data": expected}));
    for method in ["GET", "DELETE"] {
        api.call(method, &path).send().await.is(404, &json!({"error": "Not Found"}));
    }
}

#[tokio::test]
async fn what_is_wrong_is_named() {
    let api = Api::start().await;
    let with = |name: &str, value: Value| {
        let mut access = update("192.0.2.53");
        access[name] = value;
        access
    };
    for (access, wrong) in [
        (json!({}), vec!["credentials", "provider", "zone"]),
        (with("zone", json!("a b")), vec!["zone"]),
        (with("provider", json!("nobody")), vec!["provider"]),
        // It would connect to an address of the account's choice.
        (with("provider", json!("powerdns")), vec!["provider"]),
        (with("credentials", json!("x")), vec!["credentials"]),
        (with("credentials", json!({"server": 7})), vec!["credentials"]),
        (with("credentials", json!({"server": "192.0.2.53"})), vec!["credentials"]),
        (with("test", json!("yes")), vec!["test"]),
        (update("localhost"), vec!["credentials"]),
    ] {
        assert_eq!(give(&api, access.clone()).await.wrong(), wrong, "{access}");
    }
    // Tried out, unless told otherwise; and never at a private address.
    let mut access = update("127.0.0.1");
    access["test"] = true.into();
    let said = give(&api, access).await.errors("base");
    assert!(said[0].contains("127.0.0.1, which is not a public one"), "{said:?}");
}

#[tokio::test]
async fn what_cannot_be_read_is_blocked_and_nothing_is_written() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let plan = api.post(&format!("/api/domains/{id}/dns/plan")).send().await.json();
    for change in plan["data"]["changes"].as_array().unwrap() {
        assert_eq!(change["action"], "blocked", "{change}");
    }
    assert_eq!(plan["data"]["zones"], json!([]));
    let apply = format!("/api/domains/{id}/dns/apply");
    let same = json!({"plan": {"digest": plan["data"]["digest"]}});
    api.post(&apply).json(&same).send().await.is(200, &plan);
    let other = api.post(&apply).json(&json!({"plan": {"digest": "0123"}})).send().await;
    assert_eq!(other.status, 409, "{}", other.text);
    assert!(other.json()["errors"]["digest"][0].as_str().unwrap().contains("Nothing was written"));

    let path = format!("/api/domains/{id}");
    assert_eq!(
        api.delete(&format!("{path}?remove_dns_records=yes")).send().await.wrong(),
        ["remove_dns_records"]
    );
    // What cannot be taken back is not done on a guess.
    for twice in ["true&remove_dns_records=false", "false&remove_dns_records=true"] {
        let refused = api.delete(&format!("{path}?remove_dns_records={twice}")).send().await;
        assert_eq!(refused.wrong(), ["remove_dns_records"], "{twice}");
    }
    let refused = api.delete(&format!("{path}?remove_dns_records=true")).send().await.errors("base");
    assert!(refused[0].starts_with("The domain was not deleted"), "{refused:?}");
    assert_eq!(api.get(&path).send().await.status, 200);
    assert_eq!(api.delete(&format!("{path}?remove_dns_records=false")).send().await.status, 204);
}

#[tokio::test]
async fn a_demo_domain_is_nothing_to_plan() {
    let api = Api::start().await;
    let list = api.get("/api/domains").send().await.json();
    let demo = list["data"].as_array().unwrap().iter().find(|domain| domain["demo"] == true).unwrap();
    let refused = api.post(&format!("/api/domains/{}/dns/plan", demo["id"])).send().await.errors("base");
    assert!(refused[0].contains("demo"), "{refused:?}");
}
