//! The sending gate over HTTP.

use crate::api::{Api, Reply};
use serde_json::{Value, json};
use signet::{
    ops::{Actor, authorize::MAX_AGE},
    store::{Access, AccountId, DomainId, Ruling, TokenScope},
};
use signet_core::lifecycle::Suspension;

/// A message from the owner's demo domain to its owner.
async fn demo(api: &Api, account: AccountId) -> (DomainId, String, Value) {
    let all = api.ops.store.domains(account, &TokenScope::Account, None, None).await.unwrap();
    let demo = all.into_iter().find(|domain| domain.demo).unwrap();
    let body = json!({
        "envelope_from": format!("jo@{}", demo.name), "recipients": ["owner@example.org"], "instance": "a",
    });
    (demo.id, demo.name.to_string(), body)
}

async fn left(api: &Api, account: AccountId, id: DomainId) -> u32 {
    api.ops.store.domain(account, id).await.unwrap().unwrap().demo_messages_left
}

async fn ask(api: &Api, body: &Value) -> Reply {
    api.post("/api/authorize").json(body).send().await
}

async fn asked(api: &Api, body: &Value) -> Value {
    let reply = ask(api, body).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()["data"].clone()
}

fn with(body: &Value, field: &str, value: impl Into<Value>) -> Value {
    let mut body = body.clone();
    body[field] = value.into();
    body
}

fn without(body: &Value, field: &str) -> Value {
    let mut body = body.clone();
    body.as_object_mut().unwrap().remove(field);
    body
}

#[tokio::test]
async fn a_message_is_looked_at_and_counted_once() {
    let api = Api::with(&[("SIGNET_DEMO_ALLOWANCE", "2")]).await;
    let (id, name, message) = demo(&api, api.account).await;
    let allowed = json!({
        "action": "allow", "code": 250, "enhanced_status": "2.0.0", "text": "The message may go out", "domain": null,
    });
    let look = with(&without(&message, "instance"), "stage", "rcpt");
    assert_eq!(asked(&api, &look).await, allowed);
    assert_eq!(asked(&api, &with(&look, "instance", "z")).await, allowed, "at RCPT it is only looked at");
    assert_eq!(left(&api, api.account, id).await, 2);
    for _ in 0..3 {
        assert_eq!(asked(&api, &message).await, allowed);
        assert_eq!(asked(&api, &with(&message, "stage", "end_of_data")).await, allowed);
    }
    assert_eq!(left(&api, api.account, id).await, 1);
    let stranger = with(&message, "recipients", json!(["owner@example.org", "ann@example.net"]));
    let refused = |why: &str| {
        json!({
            "action": "reject", "code": 550, "enhanced_status": "5.7.1",
            "text": format!("Sending from domain {name} is not allowed: {why}"), "domain": name,
        })
    };
    let to_owner_only = refused("a demo domain may write to its account's owner only");
    assert_eq!(asked(&api, &with(&stranger, "instance", "b")).await, to_owner_only);
    assert_eq!(left(&api, api.account, id).await, 1, "what is refused is not counted");
    assert_eq!(asked(&api, &with(&message, "instance", "b")).await, allowed);
    let used_up = refused("the demo domain has used up its messages");
    assert_eq!(asked(&api, &with(&message, "instance", "c")).await, used_up);
    assert_eq!(asked(&api, &look).await, used_up);
    assert_eq!(asked(&api, &message).await, allowed, "it was counted");

    let operator = Actor::operator(AccountId(0));
    let rule = async |ruling| api.ops.rule(&operator, id, ruling, None, "because").await.unwrap();
    rule(Ruling::Suspend(Suspension::Hold)).await;
    let held = json!({
        "action": "defer", "code": 450, "enhanced_status": "4.7.1", "domain": name,
        "text": format!("Sending from domain {name} is not allowed at the moment: it is held by the operator"),
    });
    assert_eq!(asked(&api, &message).await, held);
}

#[tokio::test]
async fn the_header_from_counts_too() {
    let api = Api::start().await;
    let (_, name, message) = demo(&api, api.account).await;
    for (header, action) in [
        (json!(format!("jo@{name}")), "allow"),
        (json!(format!("\"ann@example.net\" <jo@{name}>")), "allow"),
        (json!([format!("jo@{name}"), format!("Ann <ann@{name}>")]), "allow"),
        (json!("ann@example.net"), "reject"),
        (json!(format!("jo@{name}, ann@example.net")), "reject"),
        (json!([format!("jo@{name}"), "ann@example.net"]), "reject"),
        (json!(format!("ann@sub.{name}")), "reject"),
        (json!("who knows"), "reject"),
    ] {
        let answer = asked(&api, &with(&message, "header_from", header.clone())).await;
        assert_eq!(answer["action"], action, "{header}: {answer}");
    }
    for null in ["", "<>", " <> "] {
        let bounce = with(&message, "envelope_from", null);
        assert_eq!(asked(&api, &bounce).await["action"], "reject", "nothing tells whose it is");
        let own = with(&bounce, "authenticated", false);
        assert_eq!(asked(&api, &own).await["action"], "allow", "the MTA says that no customer sends it");
        let from = with(&bounce, "header_from", format!("jo@{name}"));
        assert_eq!(asked(&api, &from).await["action"], "allow");
        let from = with(&bounce, "header_from", "ann@example.net");
        assert_eq!(asked(&api, &from).await["domain"], "example.net");
    }
}

#[tokio::test]
async fn whose_message_it_is() {
    let api = Api::start().await;
    let other = api.account("other").await;
    let (id, name, message) = demo(&api, other).await;
    let own = asked(&api, &message).await;
    let why =
        format!("Sending from domain {name} is not allowed: it is not registered in account {}", api.account);
    assert_eq!((&own["code"], own["text"].as_str()), (&json!(550), Some(why.as_str())));
    for account in [json!(other.0), json!(999), json!(-1)] {
        ask(&api, &with(&message, "account_id", account)).await.is(404, &json!({"error": "Not Found"}));
    }
    let (_, _, ours) = demo(&api, api.account).await;
    assert_eq!(asked(&api, &with(&ours, "account_id", api.account.0)).await["action"], "allow");

    let operator = api.token(api.account, Access::Operator, &[]).await;
    let as_operator = async |body: &Value| {
        let reply = api.post("/api/authorize").token(&operator).json(body).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["data"]["action"].clone()
    };
    assert_eq!(as_operator(&message).await, "allow");
    assert_eq!(left(&api, other, id).await, 49);
    assert_eq!(as_operator(&with(&message, "account_id", other.0)).await, "allow");
    assert_eq!(as_operator(&with(&message, "account_id", api.account.0)).await, "reject");
    assert_eq!(as_operator(&with(&message, "account_id", 999)).await, "reject");
    let bounce = with(&message, "envelope_from", "");
    assert_eq!(as_operator(&bounce).await, "allow", "a bounce of the operator's own machines");
    assert_eq!(as_operator(&with(&bounce, "account_id", other.0)).await, "reject", "a customer's");
}

#[tokio::test]
async fn every_field_that_is_wrong_is_named() {
    let api = Api::start().await;
    let (_, _, message) = demo(&api, api.account).await;
    let long = "i".repeat(256);
    for (field, values) in [
        ("account_id", vec![json!("1"), json!(1.5), json!(null), json!(1e30)]),
        ("envelope_from", vec![json!(null), json!(7), json!("a\r\nb")]),
        ("header_from", vec![json!(null), json!(""), json!([]), json!([7]), json!(["a@b.example", " "])]),
        (
            "recipients",
            vec![json!(null), json!("a@b.example"), json!([]), json!([""]), json!(["a\n"]), json!([[]])],
        ),
        ("instance", vec![json!(null), json!(""), json!(" "), json!(7), json!(long), json!("a\0")]),
        ("stage", vec![json!(null), json!("data"), json!(""), json!(1)]),
        ("authenticated", vec![json!(null), json!("yes")]),
    ] {
        for value in values {
            let reply = ask(&api, &with(&message, field, value.clone())).await;
            assert_eq!(reply.wrong(), [field], "{field}: {value}");
        }
    }
    let many = vec!["a@b.example"; 1001];
    assert_eq!(ask(&api, &with(&message, "recipients", json!(many))).await.wrong(), ["recipients"]);
    assert_eq!(asked(&api, &with(&message, "recipients", json!(many[1..]))).await["action"], "reject");
    for given in [json!(null), json!("")] {
        let look = with(&with(&message, "stage", "rcpt"), "instance", given);
        assert_eq!(ask(&api, &look).await.wrong(), ["instance"], "also where it is not needed");
    }
    let all = ask(&api, &json!({"stage": "end_of_data"})).await;
    assert_eq!(all.wrong(), ["envelope_from", "instance", "recipients"]);
    for body in ["", "[]", "{", "null"] {
        assert_eq!(api.post("/api/authorize").body(body).send().await.wrong(), ["base"], "{body}");
    }
    let get = api.get("/api/authorize").send().await;
    assert_eq!((get.status, get.header("allow")), (405, Some("POST")));
}

#[tokio::test]
async fn an_mta_is_not_throttled() {
    let api = Api::with(&[("SIGNET_RATE_LIMIT", "3")]).await;
    let (_, _, message) = demo(&api, api.account).await;
    for _ in 0..20 {
        let reply = ask(&api, &with(&message, "stage", "rcpt")).await;
        assert_eq!((reply.status, reply.header("x-ratelimit-remaining")), (200, Some("3")));
    }
    for status in [200, 200, 200, 429] {
        assert_eq!(api.get("/api/domains").send().await.status, status, "what is counted is counted");
    }
    assert_eq!(ask(&api, &message).await.status, 200);
}

#[tokio::test]
async fn what_was_allowed_once_is_not_replayed() {
    let api = Api::start().await;
    let (id, _, message) = demo(&api, api.account).await;
    let again = async || {
        let call = api.post("/api/authorize").header("idempotency-key", "k").json(&message);
        call.send().await.json()["data"]["action"].clone()
    };
    assert_eq!(again().await, "allow");
    let operator = Actor::operator(AccountId(0));
    let abuse = Ruling::Suspend(Suspension::Abuse);
    api.ops.rule(&operator, id, abuse, None, "because").await.unwrap();
    assert_eq!(again().await, "reject");
}

#[tokio::test]
async fn without_a_database() {
    let api = Api::start().await;
    let (_, _, message) = demo(&api, api.account).await;
    api.ops.store.close().await;
    api.ops.clock.advance(MAX_AGE);
    // Found out while the token is looked up.
    let reply = ask(&api, &message).await;
    let trouble = json!({"data": {
        "action": "defer", "code": 451, "enhanced_status": "4.3.0", "domain": null,
        "text": "The sending gate cannot decide at the moment; try again later",
    }});
    reply.is(503, &trouble);
    assert_eq!(reply.header("retry-after"), Some("1"));
}
