//! `Idempotency-Key`.

use crate::{api::Api, waiting};
use serde_json::{Value, json};
use signet::store::{Access, IdempotencyScope};

fn name(name: &str) -> Value {
    json!({"domain": {"domain_name": name}})
}

#[tokio::test]
async fn the_first_answer_is_given_again() {
    let api = Api::start().await;
    let create = |body: Value| api.post("/api/domains").header("idempotency-key", "k 1").json(&body).send();
    let first = create(name("example.com")).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None));
    let again = create(name("example.com")).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
    assert_eq!(again.text, first.text);
    let other = create(name("other.example.com")).await;
    assert_eq!(other.wrong(), ["base"]);
    // Without the key it is a request like any other.
    let without = api.post("/api/domains").json(&name("example.com")).send().await;
    assert_eq!(without.errors("domain_name"), ["has already been taken"]);
}

#[tokio::test]
async fn refusals_are_kept_too() {
    let api = Api::start().await;
    let create = || api.post("/api/domains").header("idempotency-key", "k").json(&name("no name")).send();
    let (first, again) = (create().await, create().await);
    assert_eq!((first.status, again.status), (422, 422));
    assert_eq!((again.header("idempotency-replayed"), &again.text), (Some("true"), &first.text));
}

#[tokio::test]
async fn keys_belong_to_a_token_and_a_path() {
    let api = Api::start().await;
    let second = api.token(api.account, Access::Admin, &[]).await;
    let older = format!("/api/accounts/{}/sending_domains", api.account);
    let calls = [
        api.post("/api/domains").json(&name("a.example.com")),
        api.post("/api/domains").token(&second).json(&name("b.example.com")),
        api.post(&older).json(&name("c.example.com")),
    ];
    for call in calls {
        let reply = call.header("idempotency-key", "same").send().await;
        assert_eq!((reply.status, reply.header("idempotency-replayed")), (200, None), "{}", reply.text);
    }
}

#[tokio::test]
async fn every_post_takes_one() {
    let api = Api::start().await;
    let id = api.domain("example.com").await;
    let calls = [
        (format!("/api/domains/{id}/send_setup_instructions"), json!({"email": "dns@example.com"}), 204),
        (format!("/api/domains/{id}/company_info"), json!({"company_info": crate::api::company()}), 200),
    ];
    for (path, body, status) in calls {
        let call = || api.post(&path).header("idempotency-key", "k").json(&body).send();
        let (first, again) = (call().await, call().await);
        assert_eq!(
            (first.status, first.header("idempotency-replayed")),
            (status, None),
            "{path}: {}",
            first.text
        );
        assert_eq!((again.status, again.header("idempotency-replayed")), (status, Some("true")), "{path}");
    }
    // A check that is not done yet is no answer to keep.
    let check = || api.post(&format!("/api/domains/{id}/check?wait=0")).header("idempotency-key", "k").send();
    assert_eq!(check().await.header("signet-check"), Some("pending"));
    let again = check().await;
    assert_eq!((again.header("signet-check"), again.header("idempotency-replayed")), (Some("pending"), None));
}

#[tokio::test]
async fn while_the_first_is_answered_the_second_waits() {
    let api = Api::start().await;
    let create = || api.post("/api/domains").header("idempotency-key", "k").json(&name("example.com")).send();
    create().await;
    // As it stands while the first is being answered: reserved, no answer yet.
    let owner = {
        use sha2::Digest;
        let token = api.ops.store.tokens(Some(api.account)).await.unwrap()[0].id;
        let digest = sha2::Sha256::digest(format!("{}/token:{token}", api.account));
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let body_hash = {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(name("two.example.com").to_string());
        digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let scope =
        IdempotencyScope { owner, method: "POST".into(), path: "/api/domains".into(), key: "k2".into() };
    api.ops.store.idempotency_begin(&scope, &body_hash, api.ops.clock.now()).await.unwrap();
    let second =
        || api.post("/api/domains").header("idempotency-key", "k2").json(&name("two.example.com")).send();
    let reply = second().await;
    assert_eq!((reply.status, reply.header("retry-after")), (409, Some("1")));
    assert!(reply.json()["errors"]["base"].is_array());
    // Who reserved it and never came back holds it for a minute.
    api.ops.clock.advance(jiff::SignedDuration::from_secs(61));
    assert_eq!(second().await.status, 200);
}

#[tokio::test]
async fn after_a_day_the_key_is_new() {
    let api = Api::start().await;
    let create = || api.post("/api/domains").header("idempotency-key", "k").json(&name("example.com")).send();
    create().await;
    api.ops.clock.advance(jiff::SignedDuration::from_hours(25));
    assert_eq!(create().await.errors("domain_name"), ["has already been taken"]);
}

#[tokio::test]
async fn odd_keys_are_422() {
    let api = Api::start().await;
    let call = |key: &[u8]| {
        api.post("/api/domains").header("idempotency-key", key).json(&name("example.com")).send()
    };
    for key in [b"".as_slice(), b"\xff", b"a\tb", "é".as_bytes(), &[b'a'; 256]] {
        assert_eq!(call(key).await.wrong(), ["base"], "{key:?}");
    }
    assert_eq!(call(&[b'a'; 255]).await.status, 200);
}

/// Whoever hangs up at whatever moment gets the answer on asking again, and
/// what they asked for was done once.
#[tokio::test]
async fn hanging_up_loses_nothing() {
    use std::time::Duration;
    let api = Api::start().await;
    let mut replayed = 0;
    for polls in 0..30 {
        let key = format!("k{polls}");
        let body = name(&format!("n{polls}.example.com"));
        let create = || api.post("/api/domains").header("idempotency-key", &key).json(&body).send();
        let mut hung_up = Box::pin(create());
        for _ in 0..polls {
            if futures_util::poll!(&mut hung_up).is_ready() {
                break;
            }
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
        drop(hung_up);
        let look = async || {
            let reply = create().await;
            if reply.status == 409 { Err(reply) } else { Ok(reply) }
        };
        let reply = waiting::until("answered", look).await;
        assert_eq!(reply.status, 200, "after {polls} polls: {}", reply.text);
        replayed += usize::from(reply.header("idempotency-replayed").is_some());
    }
    assert!(replayed > 0, "some of them had been carried out when they hung up");
}
