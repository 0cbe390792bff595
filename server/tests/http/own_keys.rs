//! Who publishes a domain's DKIM keys, and keys that customers bring.

use crate::api::{Api, Reply};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use signet::{
    clock::Randomness,
    keys,
    store::{Cause, DomainId, KeyOrigin, KeyRing, Slot, Turn},
};
use signet_core::rotation::{Algorithm, Held, Published, Selector, Stage, Why};

const RSA: &str = include_str!("../../src/keys/import/pem/rsa2048.pem");

/// A key nobody has yet.
fn fresh() -> String {
    let pair = keys::make(Algorithm::Rsa2048, &Randomness::default()).unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(&*pair.private))
}

async fn mode(api: &Api, id: i64, body: &Value) -> Reply {
    api.call("PUT", &format!("/api/domains/{id}/keys/mode")).json(body).send().await
}

async fn bring(api: &Api, id: i64, pem: &str) -> Reply {
    api.post(&format!("/api/domains/{id}/keys")).json(&json!({ "private_key": pem })).send().await
}

async fn ring(api: &Api, id: i64) -> KeyRing {
    api.ops.store.key_ring(api.account, DomainId(id)).await.unwrap().unwrap()
}

fn dkim(domain: &Value) -> [&Value; 2] {
    [&domain["dns_records"][2], &domain["dns_records"][3]]
}

async fn history(api: &Api, id: i64) -> Vec<String> {
    let events = api.get(&format!("/api/domains/{id}/events")).send().await.json();
    events["data"].as_array().unwrap().iter().map(|e| e["type"].as_str().unwrap().to_string()).collect()
}

/// Has the key on a selector sign and what is on the other be in `stage`.
async fn turned(api: &Api, id: i64, active: Selector, other: Option<Stage>) {
    let keys = ring(api, id).await;
    let now = api.ops.clock.now();
    let keep = |stage| Slot::Keep(Held::new(Algorithm::Rsa2048, stage));
    let slot = |selector| match (selector == active, other) {
        (true, _) => keep(Stage::Active { since: now }),
        (_, Some(stage)) => keep(stage),
        (_, None) => Slot::Clear,
    };
    let turn = Turn {
        account: api.account,
        domain: DomainId(id),
        version: keys.version,
        slots: Selector::BOTH.map(slot),
        wanted: None,
        due_at: None,
        failures: 0,
        stuck: None,
        told_at: None,
        notice: None,
        events: vec![],
    };
    assert!(api.ops.store.turn_keys(&turn, &Cause::signet(now)).await.unwrap());
}

#[tokio::test]
async fn an_owner_can_publish_the_keys() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let before = api.get(&format!("/api/domains/{id}")).send().await.json();
    let reply = mode(&api, id, &json!({"mode": "raw"})).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let domain = reply.json();
    for (record, cname) in dkim(&domain).into_iter().zip(dkim(&before)) {
        assert_eq!((&record["type"], &record["status"]), (&json!("TXT"), &json!("unchecked")));
        assert_eq!(record["domain"], cname["domain"], "the names stay");
        assert!(record["value"].as_str().unwrap().starts_with("v=DKIM1; k=rsa; p=MII"), "{record}");
    }
    assert_ne!(dkim(&domain)[0]["value"], dkim(&domain)[1]["value"]);
    assert_eq!(api.get(&format!("/api/domains/{id}")).send().await.json(), domain);
    assert_eq!(mode(&api, id, &json!({"mode": "raw"})).await.json(), domain, "the same again");
    let older = format!("/api/accounts/{}/sending_domains/{id}/keys/mode", api.account);
    let reply = api.call("PUT", &older).json(&json!({"mode": "delegated"})).send().await;
    assert_eq!(dkim(&reply.json()), dkim(&before));
    let kinds = history(&api, id).await;
    assert_eq!(kinds, ["dkim.mode_changed", "dkim.mode_changed", "dkim.keys_created", "domain.created"]);
}

#[tokio::test]
async fn what_is_no_mode_is_refused() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    for (body, said) in [
        (json!({}), "can't be blank"),
        (json!({"mode": null}), "can't be blank"),
        (json!({"mode": "RAW"}), "is invalid: must be delegated or raw"),
        (json!({"mode": 1}), "is invalid: must be text"),
    ] {
        mode(&api, id, &body).await.is(422, &json!({"errors": {"mode": [said]}}));
    }
    let all = api.get("/api/domains").send().await.json();
    let demo = all["data"].as_array().unwrap().iter().find(|domain| domain["demo"] == json!(true)).unwrap();
    let demo = demo["id"].as_i64().unwrap();
    assert!(mode(&api, demo, &json!({"mode": "raw"})).await.text.contains("own zone"));
    assert_eq!(bring(&api, demo, RSA).await.status, 422);
    assert_eq!(api.get(&format!("/api/domains/{id}/keys/mode")).send().await.status, 405);
}

#[tokio::test]
async fn a_key_that_is_being_made_is_nothing_to_publish() {
    let api = Api::with(&[("SIGNET_DKIM_MODE", "raw")]).await;
    let id = api.domain("example.com").await;
    let domain = api.get(&format!("/api/domains/{id}")).send().await.json();
    for record in dkim(&domain) {
        let shown = (&record["type"], &record["value"], &record["status"]);
        assert_eq!(shown, (&json!("TXT"), &json!(""), &json!("unchecked")));
    }
    let report = api.get(&format!("/api/domains/{id}/report")).send().await.json();
    let reason = report["data"][2]["reason"].as_str().unwrap();
    assert!(reason.contains("is being made"), "{reason}");
    // Once they are made they are there without anybody's doing.
    let keyless = api.ops.store.keyless(10).await.unwrap();
    assert!(keyless.iter().any(|keyless| keyless.domain == DomainId(id)), "{keyless:?}");
}

#[tokio::test]
async fn a_key_that_is_brought_is_the_next_to_sign() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let reply = bring(&api, id, RSA).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let first = ring(&api, id).await;
    let origins = first.keys.each_ref().map(|key| key.as_ref().unwrap().held.origin);
    assert_eq!(origins, [KeyOrigin::Imported, KeyOrigin::Made], "the first to sign, beside one of ours");
    assert_eq!(bring(&api, id, RSA).await.status, 200);
    assert_eq!(ring(&api, id).await, first, "the same again changes nothing");

    // Another goes onto the standby, in place of what has never signed.
    let next = first.keys[1].as_ref().unwrap().held.stage;
    turned(&api, id, Selector::First, Some(next)).await;
    let other = fresh();
    let reply = bring(&api, id, &other).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let second = ring(&api, id).await;
    assert_eq!(second.ring().active(), Some(Selector::First), "nothing signs before it is proven");
    assert_eq!(second.wanted, Some(Why::Asked), "and then it does");
    let brought = second.keys[1].as_ref().unwrap();
    assert!(matches!(brought.held.stage, Stage::Next(published) if published.clear_at.is_none()));
    assert_eq!((second.due_at, brought.held.origin), (Some(api.ops.clock.now()), KeyOrigin::Imported));
    assert_eq!(bring(&api, id, &other).await.status, 200);
    assert_eq!(ring(&api, id).await, second);
    assert_eq!(history(&api, id).await[0], "dkim.imported");

    // While mail under way needs the key before, nothing takes its place.
    let before = Stage::Retired { since: api.ops.clock.now() };
    turned(&api, id, Selector::Second, Some(before)).await;
    let reply = bring(&api, id, &fresh()).await;
    assert_eq!(reply.status, 422);
    assert!(reply.json()["errors"]["base"][0].as_str().unwrap().contains("under way"), "{}", reply.text);
    assert_eq!(bring(&api, id, RSA).await.status, 422, "it is on its way out");
}

/// A rotation is asked for.
async fn asked(api: &Api, id: i64, compromised: bool) -> Reply {
    let body = json!({"reason": "because", "compromised": compromised});
    api.post(&format!("/api/domains/{id}/keys/rotate")).json(&body).send().await
}

#[tokio::test]
async fn a_key_in_wrong_hands_is_never_taken_again() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    assert_eq!(asked(&api, id, true).await.status, 422, "there is none");
    assert_eq!(bring(&api, id, RSA).await.status, 200);
    assert_eq!(asked(&api, id, false).await.status, 422, "nothing signs");
    // Whether or not it has ever signed.
    let reply = asked(&api, id, true).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    let stages = ring(&api, id).await.keys.map(|key| key.unwrap().held.stage.as_str());
    assert_eq!(stages, ["revoked", "revoked"]);
    let elsewhere = api.domain("example.net").await;
    for id in [id, elsewhere] {
        let reply = bring(&api, id, RSA).await;
        assert_eq!(reply.status, 422, "{}", reply.text);
        let said = reply.json()["errors"]["private_key"][0].as_str().unwrap().to_string();
        assert!(said.starts_with("was in wrong hands"), "{said}");
    }
    assert_eq!(bring(&api, id, &fresh()).await.status, 200);
}

#[tokio::test]
async fn what_is_brought_keeps_no_rotation_up() {
    let api = Api::with(&[("SIGNET_DKIM_ED25519", "true")]).await;
    let id = api.domain("example.com").await;
    bring(&api, id, RSA).await;
    let now = api.ops.clock.now();
    let proven = Published { clear_at: Some(now), seen_at: Some(now), ..Published::new(now) };
    turned(&api, id, Selector::First, Some(Stage::Next(proven))).await;
    let ed25519 = include_str!("../../src/keys/import/pem/ed25519.pem");
    for compromised in [false, true] {
        assert_eq!(asked(&api, id, compromised).await.status, 200);
        let reply = bring(&api, id, ed25519).await;
        assert!(reply.status == 422 && reply.text.contains("is about to sign"), "{}", reply.text);
    }
    let reply = bring(&api, id, &fresh()).await;
    assert!(reply.status == 422 && reply.text.contains("the next one is proven"), "{}", reply.text);
    let keys = ring(&api, id).await;
    assert_eq!(keys.wanted, Some(Why::Compromised));
    assert_eq!(keys.ring().on(Selector::Second).unwrap().stage, Stage::Next(proven));
    // What is not proven can be another as well.
    turned(&api, id, Selector::First, Some(Stage::Next(Published::new(now)))).await;
    assert_eq!(asked(&api, id, true).await.status, 200);
    assert_eq!(bring(&api, id, &fresh()).await.status, 200);
}

#[tokio::test]
async fn both_keys_of_raw_mode_are_the_ones_that_stay() {
    let api = Api::with(&[("SIGNET_DKIM_ED25519", "true")]).await;
    let id = api.domain("example.com").await;
    mode(&api, id, &json!({"mode": "raw"})).await;
    let algorithms = ring(&api, id).await.keys.map(|key| key.unwrap().held.algorithm);
    assert_eq!(algorithms, [Algorithm::Rsa2048, Algorithm::Ed25519]);
}

#[tokio::test]
async fn it_is_published_by_its_owner_in_raw_mode() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    mode(&api, id, &json!({"mode": "raw"})).await;
    let made = api.get(&format!("/api/domains/{id}")).send().await.json();
    let brought = bring(&api, id, RSA).await.json();
    assert_ne!(dkim(&brought)[0]["value"], dkim(&made)[0]["value"]);
    assert_eq!(dkim(&brought)[1], dkim(&made)[1]);
}

#[tokio::test]
async fn what_is_no_good_key_is_refused_and_never_repeated() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let secret = RSA.lines().nth(3).unwrap();
    let twice = format!("{RSA}{RSA}");
    let around = format!("{secret}\n{RSA}");
    let cut = RSA.split_once("-----END").unwrap().0;
    let pems = [
        "",
        " \n",
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A",
        secret,
        cut,
        &twice,
        &around,
        &RSA.replace('M', "\u{0}"),
        &RSA.replace('\n', ""),
        include_str!("../../src/keys/import/pem/certificate.pem"),
        include_str!("../../src/keys/import/pem/encrypted.pem"),
        include_str!("../../src/keys/import/pem/public.pem"),
        include_str!("../../src/keys/import/pem/rsa1024.pem"),
        include_str!("../../src/keys/import/pem/roca.pem"),
        include_str!("../../src/keys/import/pem/ec.pem"),
        include_str!("../../src/keys/import/pem/ed25519.pem"),
    ];
    for pem in pems {
        let reply = bring(&api, id, pem).await;
        // In one line it can be read as well.
        if pem == RSA.replace('\n', "") && reply.status == 200 {
            continue;
        }
        assert_eq!(reply.status, 422, "{pem:?}: {}", reply.text);
        let errors = reply.json()["errors"].clone();
        assert!(errors["private_key"][0].as_str().is_some_and(|said| said.len() > 10), "{errors}");
        assert_eq!(errors.as_object().unwrap().len(), 1);
        assert!(!reply.text.contains(secret), "{}", reply.text);
    }
    let path = format!("/api/domains/{id}/keys");
    for body in [format!("{{\"private_key\": \"{secret}"), format!("\"{secret}\""), format!("[\"{secret}\"]")]
    {
        let reply = api.post(&path).body(body).send().await;
        assert_eq!(reply.status, 422);
        assert!(!reply.text.contains(secret), "{}", reply.text);
    }
    for body in
        [json!({"private_key": 7}), json!({"private_key": [RSA]}), json!({"private_key": null}), json!({})]
    {
        let reply = api.post(&path).json(&body).send().await;
        assert_eq!(reply.status, 422);
        assert!(reply.json()["errors"]["private_key"].is_array(), "{}", reply.text);
    }
    assert_eq!(bring(&api, id, &"x".repeat(16 << 10)).await.status, 413);
    assert_eq!(bring(&api, id, &"x".repeat(15 << 10)).await.status, 422);
    let elsewhere = api.call("PATCH", &format!("/api/domains/{id}")).body("x".repeat(17 << 10)).send().await;
    assert_eq!(elsewhere.status, 422, "the limit is this operation's alone");
}

#[tokio::test]
async fn it_is_kept_sealed_and_is_in_no_answer() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}/keys");
    let body = json!({"private_key": RSA});
    let call = || api.post(&path).header("idempotency-key", "one").json(&body);
    let (first, second) = (call().send().await, call().send().await);
    assert_eq!((first.status, second.status, &first.text), (200, 200, &second.text));
    let lines: Vec<&str> = RSA.lines().filter(|line| !line.starts_with('-')).collect();
    let der = STANDARD.decode(lines.concat()).unwrap();
    let middle = &der[der.len() / 2..][..48];
    assert!(lines.iter().all(|line| !first.text.contains(line)));
    let file = api.ops.config.database_url.trim_start_matches("sqlite:").to_string();
    let public = &ring(&api, id).await.keys[0].as_ref().unwrap().public[40..88].to_vec();
    let (mut holds_public, mut read) = (false, 0);
    for file in [file.clone(), format!("{file}-wal")] {
        let bytes = std::fs::read(file).unwrap_or_default();
        let holds = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
        assert!(!holds(middle) && lines.iter().all(|line| !holds(line.as_bytes())));
        holds_public |= holds(public);
        read += bytes.len();
    }
    assert!(holds_public, "it was looked for in the right place: {read} bytes");
}
