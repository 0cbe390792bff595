//! DKIM keys over the API.

use crate::api::{Api, SERVED};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::SignedDuration;
use serde_json::{Value, json};
use signet::store::{Cause, DomainId, KeyOrigin, KeyRing, Keyless, NewKey, Report, SealedKey, Slot, Turn};
use signet_core::{
    plan::RecordKey,
    rotation::{Algorithm, Proof, Selector},
    verify::{Code, Status, Verdict},
};

/// What must never be in any answer.
const PRIVATE: &[u8] = b"the private half";

fn key(id: i64, selector: Selector) -> NewKey {
    let keys = include_str!("../../../core/tests/dkim_keys.txt");
    let name = if selector == Selector::First { "rsa2048 " } else { "rsa2048-other " };
    let public = keys.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    NewKey {
        id: format!("key-{id}-{}", selector.number()),
        selector,
        algorithm: Algorithm::Rsa2048,
        origin: KeyOrigin::Made,
        public: STANDARD.decode(public).unwrap(),
        private: SealedKey { kek: 1, wrapped: PRIVATE.to_vec(), sealed: PRIVATE.to_vec() },
        under: String::new(),
    }
}

async fn turn(api: &Api, id: i64, change: impl FnOnce(&mut KeyRing)) {
    let (store, id) = (&api.ops.store, DomainId(id));
    let before = store.key_ring(api.account, id).await.unwrap().unwrap();
    let mut after = before.clone();
    change(&mut after);
    let slots = after.keys.map(|key| key.map_or(Slot::Clear, |key| Slot::Keep(key.held)));
    let turn = Turn {
        account: api.account,
        domain: id,
        version: before.version,
        slots,
        wanted: after.wanted,
        due_at: after.due_at,
        failures: 0,
        stuck: after.stuck,
        told_at: None,
        notice: None,
        events: vec![],
    };
    assert!(store.turn_keys(&turn, &Cause::signet(api.ops.clock.now())).await.unwrap());
}

/// Gives a domain a key that signs and the next one. Their private halves open nowhere.
pub(crate) async fn signing(api: &Api, id: i64) {
    let under = api.ops.key.as_ref().unwrap().fingerprint();
    let keys = Selector::BOTH.map(|selector| NewKey { under: under.clone(), ..key(id, selector) });
    signing_with(api, id, &keys).await;
}

async fn owner(api: &Api, id: i64) -> Keyless {
    let domain = api.ops.store.domain_for_operator(DomainId(id)).await.unwrap().unwrap();
    Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id }
}

async fn signing_with(api: &Api, id: i64, keys: &[NewKey]) {
    let store = &api.ops.store;
    let domain = store.domain_for_operator(DomainId(id)).await.unwrap().unwrap();
    let now = api.ops.clock.now();
    assert!(store.add_keys(&owner(api, id).await, keys, &Cause::signet(now)).await.unwrap());
    let seen = Proof::Seen { kept_for: SignedDuration::from_mins(5), ours_for: SignedDuration::from_mins(5) };
    let rules = api.ops.key_rules(&domain);
    turn(api, id, |keys| {
        let mut ring = keys.ring();
        for selector in Selector::BOTH {
            let _ = ring.prove(selector, seen, &rules, now);
        }
        for (key, held) in keys.keys.iter_mut().zip(ring.keys) {
            key.as_mut().unwrap().held = held.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn keys_are_shown_by_their_public_halves() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}/keys");
    api.get(&path).send().await.is(200, &json!({"data": {"keys": [], "rotation": null}}));
    signing(&api, id).await;
    let shown = api.get(&path).send().await.json();
    let [first, second] = &shown["data"]["keys"].as_array().unwrap()[..] else { panic!("{shown}") };
    let domain = api.ops.store.domain_for_operator(DomainId(id)).await.unwrap().unwrap();
    assert_eq!(first["selector"], format!("sg1-{}", domain.record_id));
    assert_eq!(
        [&first["record"], &first["stage"], &first["signs"], &first["bits"], &first["algorithm"]],
        [&json!("dkim1"), &json!("active"), &json!(true), &json!(2048), &json!("rsa2048")]
    );
    assert_eq!([&second["stage"], &second["signs"]], [&json!("next"), &json!(false)]);
    assert_eq!(second["clear_at"], "2026-04-28T08:24:31.769Z");
    assert!(first["public_key"].as_str().unwrap().starts_with("v=DKIM1; k=rsa; p=MII"), "{first}");
    let rotation = &shown["data"]["rotation"];
    assert_eq!([&rotation["wanted"], &rotation["stuck"]], [&Value::Null, &Value::Null]);
    assert!(rotation["due_at"].as_str().unwrap() > "2026-10-01", "{rotation}");
}

#[tokio::test]
async fn another_key_is_asked_for() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let path = format!("/api/domains/{id}/keys/rotate");
    let ask = |body: Value| api.post(&path).json(&body).send();
    let refused = ask(json!({"reason": "because"})).await;
    assert_eq!(refused.status, 422);
    assert!(
        refused.json()["errors"]["base"][0].as_str().unwrap().starts_with("There is no key that signs yet")
    );
    signing(&api, id).await;
    for (body, field) in [
        (json!({"reason": " "}), "reason"),
        (json!({"reason": 7}), "reason"),
        (json!({"reason": "a\nb"}), "reason"),
        (json!({"reason": "because", "compromised": "yes"}), "compromised"),
    ] {
        let reply = ask(body).await;
        assert_eq!(reply.status, 422, "{}", reply.text);
        assert!(reply.json()["errors"][field].is_array(), "{}", reply.text);
    }
    let asked = ask(json!({"reason": "Somebody left"})).await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    assert_eq!(asked.json()["data"]["rotation"]["wanted"], "asked");
    let worse = ask(json!({"reason": "The disk was stolen", "compromised": true})).await.json();
    assert_eq!(worse["data"]["rotation"]["wanted"], "compromised");
    let events = api.get(&format!("/api/domains/{id}/events")).send().await.json();
    let last = &events["data"][0];
    assert_eq!(
        [&last["type"], &last["to"], &last["reason"]],
        [&json!("dkim.rotation_asked"), &json!("compromised"), &json!("The disk was stolen")]
    );
}

/// In the middle of the night nobody looks up what is wanted beside the number.
#[tokio::test]
async fn a_reason_need_not_be_given() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    signing(&api, id).await;
    let path = format!("/api/domains/{id}/keys/rotate");
    let events = format!("/api/domains/{id}/events");
    let reason = async || api.get(&events).send().await.json()["data"][0]["reason"].clone();
    let asked = api.post(&path).send().await;
    assert_eq!(asked.status, 200, "{}", asked.text);
    assert_eq!(asked.json()["data"]["rotation"]["wanted"], "asked");
    assert_eq!(reason().await, "asked for over the API");
    for body in [json!({"reason": "Somebody left"}), json!({}), json!({"reason": null, "compromised": true})]
    {
        let asked = api.post(&path).json(&body).send().await;
        assert_eq!(asked.status, 200, "{}", asked.text);
        assert_eq!(
            reason().await,
            *body.get("reason").filter(|r| r.is_string()).unwrap_or(&json!("asked for over the API"))
        );
    }
    let wanted = api.get(&format!("/api/domains/{id}/keys")).send().await.json();
    assert_eq!(wanted["data"]["rotation"]["wanted"], "compromised");
}

#[tokio::test]
async fn it_is_refused_while_the_next_one_could_not_take_over() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let (owner, random) = (owner(&api, id).await, &api.ops.random);
    let file = api.ops.key.as_ref().unwrap();
    let make = |selector: Selector| {
        let name = format!("key {}", selector.number());
        file.make(&owner, selector, Algorithm::Rsa2048, name, random).unwrap()
    };
    signing_with(&api, id, &Selector::BOTH.map(make)).await;
    // The standby's record is wrong.
    let wrong = Verdict::about(RecordKey::Dkim2, Status::Missing, Code::NoRecord, "Nothing is published.");
    looked(&api, id, wrong.fix("Publish `sg2`.")).await;
    let path = format!("/api/domains/{id}/keys/rotate");
    let refused = api.post(&path).json(&json!({"reason": "because"})).send().await;
    assert_eq!(refused.status, 422);
    assert_eq!(
        refused.json()["errors"]["base"][0],
        "The next key could not take over: dkim2 is not right. Nothing is published. Publish `sg2`."
    );
    let body = json!({"reason": "stolen", "compromised": true});
    assert_eq!(api.post(&path).json(&body).send().await.status, 200);
}

/// Has a look come to this one verdict.
async fn looked(api: &Api, id: i64, verdict: Verdict) {
    use signet::store::{Looked, RecordState};
    use signet_core::lifecycle::{DnsState, Past, dns::Shown};
    let (store, now) = (&api.ops.store, api.ops.clock.now());
    let until = now + SignedDuration::from_secs(60);
    let claimed = store.claim_due(now, until, 1000).await.unwrap();
    let due = claimed.into_iter().find(|due| due.domain.id == DomainId(id)).unwrap();
    let plan = api.ops.plan(&due.domain);
    let record = plan.iter().find(|record| record.key == verdict.key).unwrap();
    let state = RecordState {
        key: verdict.key,
        shown: Shown { status: verdict.status, trusted_at: Some(now) },
        past: Past::default(),
        expected: record.value.clone(),
    };
    let looked = Looked {
        domain: due.domain.id,
        account: due.domain.account,
        version: due.version,
        ticket: due.ticket,
        report: Report { checked_at: now, verdicts: vec![verdict] },
        records: vec![state],
        present: signet_core::plan::Present::default(),
        zone: None,
        dns: DnsState::Verified { at: now },
        held: None,
        alert: None,
        failures: 0,
        suspicions: 0,
        due_at: until,
        events: vec![],
    };
    assert_eq!(store.apply_looks(&[looked], &Cause::signet(now)).await.unwrap(), [true]);
}

/// No answer has a private key in it, and none is documented to.
#[tokio::test]
async fn private_keys_stay_here() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    signing(&api, id).await;
    let secret = String::from_utf8_lossy(PRIVATE).to_string();
    let in_base64 = STANDARD.encode(PRIVATE);
    let paths = SERVED["paths"].as_object().unwrap();
    let mut asked = 0;
    for path in paths.keys().filter(|path| paths[*path]["get"].is_object()) {
        let path =
            path.replace("{domain_id}", &id.to_string()).replace("{account_id}", &api.account.to_string());
        let reply = api.get(&path).send().await;
        assert!(!reply.text.contains(&secret) && !reply.text.contains(&in_base64), "{path}");
        asked += 1;
    }
    assert!(asked > 20, "{asked}");
    let operations = paths.values().filter_map(Value::as_object).flat_map(|path| path.values());
    let answers: Vec<String> = operations
        .filter_map(|operation| Some(operation.get("responses")?.to_string().to_lowercase()))
        .collect();
    assert!(answers.len() > asked);
    // Where one is brought it is in the request, and nowhere else.
    for word in ["\"private_key\"", "\"sealed\"", "\"wrapped\"", "begin private key", "begin rsa private"] {
        assert!(!answers.iter().any(|answer| answer.contains(word)), "the API answers with {word}");
    }
}
