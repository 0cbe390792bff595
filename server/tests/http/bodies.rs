//! Bodies that are wrong in every way.

use crate::api::Api;
use serde_json::{Value, json};

/// Every operation that takes a body, with its wrapper.
fn takers(api: &Api, id: i64) -> Vec<(&'static str, String, Option<&'static str>)> {
    let older = format!("/api/accounts/{}/sending_domains", api.account);
    let mut takers = vec![];
    for (base, wrapper) in [("/api/domains", "domain"), (&older, "sending_domain")] {
        takers.push(("POST", base.to_string(), Some(wrapper)));
        takers.push(("PATCH", format!("{base}/{id}"), Some(wrapper)));
        takers.push(("POST", format!("{base}/{id}/company_info"), Some("company_info")));
        takers.push(("PATCH", format!("{base}/{id}/company_info"), Some("company_info")));
        takers.push(("POST", format!("{base}/{id}/send_setup_instructions"), None));
    }
    takers
}

#[tokio::test]
async fn what_is_no_json_object_is_422_under_base() {
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
    let id = api.domain("example.com").await;
    let mut bodies: Vec<Vec<u8>> = vec![
        vec![],
        b" \n".to_vec(),
        b"{".to_vec(),
        b"{}}".to_vec(),
        b"nonsense".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{\"domain\": \"\xc3\x28\"}".to_vec(),
        b"{\"domain\": {\"domain_name\": \"\\ud800\"}}".to_vec(),
        b"{\"domain\": {\"domain_name\": \"a\nb\"}}".to_vec(),
        b"\xef\xbb\xbf{}".to_vec(),
        b"[]".to_vec(),
        b"null".to_vec(),
        b"true".to_vec(),
        b"\"{}\"".to_vec(),
        b"1e999999".to_vec(),
        b"domain[domain_name]=example.com".to_vec(),
        vec![0; 1000],
        vec![b'['; 100_000],
    ];
    bodies.push("{\"domain\":".repeat(100_000).into_bytes());
    for (method, path, _) in takers(&api, id) {
        for body in &bodies {
            let reply = api.call(method, &path).body(body.clone()).send().await;
            assert_eq!(
                reply.wrong(),
                ["base"],
                "{method} {path} {:?}",
                String::from_utf8_lossy(&body[..body.len().min(50)])
            );
        }
    }
}

#[tokio::test]
async fn the_wrapper_is_needed_and_named() {
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
    let id = api.domain("example.com").await;
    for (method, path, wrapper) in takers(&api, id) {
        let Some(wrapper) = wrapper else { continue };
        for body in [json!({}), json!({"domain_name": "a.example.com"}), json!({"Domain": {}})] {
            let reply = api.call(method, &path).json(&body).send().await;
            assert_eq!(reply.wrong(), [wrapper], "{method} {path} {body}");
        }
        for inner in [Value::Null, json!([]), json!("x"), json!(1), json!(true), json!([{}])] {
            let reply = api.call(method, &path).json(&json!({wrapper: inner})).send().await;
            assert_eq!(reply.errors(wrapper), ["must be an object"]);
        }
    }
}

#[tokio::test]
async fn either_wrapper_is_taken_and_the_familys_own_goes_first() {
    let api = Api::start().await;
    let older = format!("/api/accounts/{}/sending_domains", api.account);
    let name = |name: &str| json!({"domain_name": name});
    for (base, own, other) in
        [("/api/domains", "domain", "sending_domain"), (&older, "sending_domain", "domain")]
    {
        let create = |body: Value| api.post(base).json(&body).send();
        assert_eq!(create(json!({own: name(&format!("own-{}.example.com", base.len()))})).await.status, 200);
        assert_eq!(
            create(json!({other: name(&format!("other-{}.example.com", base.len()))})).await.status,
            200
        );
        let both = json!({own: name(&format!("both-{}.example.com", base.len())), other: name("not a name")});
        assert_eq!(create(both).await.status, 200);
        let wrong = json!({own: name("not a name"), other: name("good.example.com")});
        assert_eq!(create(wrong).await.wrong(), ["domain_name"]);
    }
}

/// Everything but text.
fn no_text() -> Vec<Value> {
    vec![json!(1), json!(1.5), json!(true), json!([]), json!({}), json!(["a"]), json!({"a": 1})]
}

const CONTROL: [&str; 6] = ["a\u{0}b", "a\nb", "a\r\nb: c", "\u{7f}", "a\u{85}", "example.com\n"];

#[tokio::test]
async fn domain_names_of_any_wrong_kind() {
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
    let create = |fields: Value| api.post("/api/domains").json(&json!({"domain": fields})).send();
    let name = |value: Value| create(json!({"domain_name": value}));
    for blank in
        [create(json!({})).await, name(Value::Null).await, name(json!("")).await, name(json!(" ")).await]
    {
        assert_eq!(blank.errors("domain_name"), ["can't be blank"]);
    }
    for value in no_text() {
        assert_eq!(name(value).await.errors("domain_name"), ["is invalid: must be text"]);
    }
    for text in CONTROL.into_iter().chain([
        "x",
        "co.uk",
        "192.0.2.1",
        "http://example.com",
        "a@example.com",
        "*.example.com",
        "a..example.com",
    ]) {
        assert_eq!(name(json!(text)).await.wrong(), ["domain_name"], "{text:?}");
    }
    assert_eq!(name(json!("a".repeat(100_000))).await.wrong(), ["domain_name"]);
}

#[tokio::test]
async fn settings_of_any_wrong_kind_are_told_all_at_once() {
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}");
    let before = api.get(&path).send().await.json();
    let patch = |fields: Value| api.patch(&path).json(&json!({"domain": fields})).send();
    let flags = [
        "open_tracking_enabled",
        "click_tracking_enabled",
        "auto_unsubscribe_link_enabled",
        "custom_domain_tracking_enabled",
        "health_alerts_enabled",
        "critical_alerts_enabled",
    ];
    for value in
        [Value::Null, json!("true"), json!(""), json!(1), json!(0), json!([]), json!({}), json!([true])]
    {
        let mut all = serde_json::Map::new();
        for flag in flags {
            all.insert(flag.to_string(), value.clone());
            let reply = patch(json!({flag: value})).await;
            assert_eq!(reply.wrong(), [flag], "{value}");
            assert_eq!(reply.errors(flag)[0].contains("null"), value.is_null());
        }
        let mut wanted = flags.to_vec();
        wanted.sort_unstable();
        assert_eq!(patch(all.into()).await.wrong(), wanted);
    }
    for value in no_text().into_iter().chain(CONTROL.map(Value::from)) {
        assert_eq!(patch(json!({"alert_recipient_email": value})).await.wrong(), ["alert_recipient_email"]);
    }
    for address in ["a", "a@localhost", "a@b@c.example", "a b@example.com", " "] {
        assert_eq!(patch(json!({"alert_recipient_email": address})).await.wrong(), ["alert_recipient_email"]);
    }
    // One wrong field spoils the whole request.
    assert_eq!(patch(json!({"open_tracking_enabled": false, "click_tracking_enabled": 1})).await.status, 422);
    assert_eq!(api.get(&path).send().await.json(), before);
}

#[tokio::test]
async fn recipients_of_any_wrong_kind() {
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "0")]).await;
    let id = api.domain("example.com").await;
    let send =
        |body: Value| api.post(&format!("/api/domains/{id}/send_setup_instructions")).json(&body).send();
    for body in [json!({}), json!({"email": null}), json!({"email": ""})] {
        assert_eq!(send(body).await.errors("email"), ["can't be blank"]);
    }
    let addresses = [
        "a",
        "@",
        "a@",
        "@b.example",
        "a@localhost",
        "a@b.example, c@d.example",
        "A <a@b.example>",
        "a@[192.0.2.1]",
    ];
    for value in no_text().into_iter().chain(CONTROL.map(Value::from)).chain(addresses.map(Value::from)) {
        assert_eq!(send(json!({"email": value})).await.wrong(), ["email"], "{value}");
    }
    let injected = "a@example.com\r\nBcc: everybody@example.net";
    assert_eq!(send(json!({"email": injected})).await.wrong(), ["email"]);
    assert_eq!(send(json!({"email": "a@example.com", "unknown": 1})).await.status, 204);
}

#[tokio::test]
async fn a_body_needs_no_content_type() {
    let api = Api::start().await;
    for (n, kind) in
        ["application/json", "text/plain", "application/x-www-form-urlencoded", "\u{e9}"].iter().enumerate()
    {
        let body = json!({"domain": {"domain_name": format!("n{n}.example.com")}});
        let reply = api.post("/api/domains").header("content-type", kind).json(&body).send().await;
        assert_eq!(reply.status, 200, "{kind}");
    }
}
