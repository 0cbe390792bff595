//! Webhooks, whole: the API, the store, the worker, and a literal receiver on
//! loopback. Only the clock is the test's.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

#[path = "support/api.rs"]
#[expect(dead_code, reason = "the rest of it is for the tests of the HTTP edge")]
mod api;
#[path = "support/receiver.rs"]
mod receiver;
#[path = "support/waiting.rs"]
mod waiting;

use api::Api;
use jiff::{SignedDuration, Timestamp};
use receiver::{Receiver, Reply, Request, status};
use serde_json::{Value, json};
use signet::{
    fetch::Fetcher,
    ops::Actor,
    store::{About, Cause, DomainId, Ruling},
    worker::webhooks,
};
use signet_core::lifecycle::Suspension;
use signet_dns::{ask::Asker, testing::Fake};
use std::time::Duration;
use tokio::{sync::watch, task::JoinHandle};

/// The server with a receiver, and perhaps a worker.
struct World {
    api: Api,
    receiver: Receiver,
    asker: Asker,
    _dns: Fake,
    worker: Option<(watch::Sender<bool>, JoinHandle<()>)>,
    /// How long a receiver may take to answer.
    within: Duration,
}

/// For a receiver that answers.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

impl World {
    async fn start() -> Self {
        Self::with(true, ANSWERED_WITHIN).await
    }

    /// One that waits for a silent receiver no longer than a test may.
    async fn impatient() -> Self {
        Self::with(true, Duration::from_secs(3)).await
    }

    async fn with(allow_private: bool, within: Duration) -> Self {
        let allow = if allow_private { "true" } else { "false" };
        let api = Api::with(&[("SIGNET_WEBHOOK_ALLOW_PRIVATE", allow), ("SIGNET_RATE_LIMIT", "0")]).await;
        let dns = Fake::start(vec![], vec![]).await;
        let asker = Asker::new(dns.settings()).await.unwrap();
        let receiver = Receiver::start().await;
        let mut world = Self { api, receiver, asker, _dns: dns, worker: None, within };
        world.work();
        world
    }

    /// Starts the worker.
    fn work(&mut self) {
        let (stop, stopped) = watch::channel(false);
        let fetcher = Fetcher::new(self.asker.clone(), self.api.ops.config.webhook_allow_private);
        let running = tokio::spawn(webhooks::run(self.api.ops.clone(), fetcher, self.within, stopped));
        self.worker = Some((stop, running));
    }

    /// Makes a webhook for the receiver; its path and its secret.
    async fn webhook(&self) -> (String, String) {
        let body = json!({"webhook": {"url": self.receiver.url}});
        let reply = self.api.post("/api/webhooks").json(&body).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let data = reply.json()["data"].clone();
        (format!("/api/webhooks/{}", data["id"]), data["signing_secret"].as_str().unwrap().to_string())
    }

    /// Has the compliance of a domain change.
    async fn happen(&self, domain: i64, times: usize) {
        for n in 0..times {
            let ruling = if n % 2 == 0 { Ruling::Suspend(Suspension::Hold) } else { Ruling::Lift };
            let operator = Actor::operator(self.api.account);
            self.api.ops.rule(&operator, DomainId(domain), ruling, None, "because").await.unwrap();
        }
    }

    /// Moves the clock on.
    fn pass(&self, seconds: i64) {
        self.api.ops.clock.advance(SignedDuration::from_secs(seconds));
        self.api.ops.published.notify_one();
    }

    /// Waits until the receiver has got so many requests.
    async fn until(&self, requests: usize) -> Vec<Request> {
        let look = async || {
            let got = self.receiver.got();
            if got.len() >= requests { Ok(got) } else { Err(self.receiver.shown()) }
        };
        waiting::until(&format!("{requests} requests"), look).await
    }

    /// Waits until `path` shows what is wanted.
    async fn shows(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let look = async || {
            let data = self.api.get(path).send().await.json()["data"].clone();
            if wanted(&data) { Ok(data) } else { Err(data) }
        };
        waiting::until(&format!("what is wanted at {path}"), look).await
    }

    /// Waits until nothing is on its way any more.
    async fn settled(&self, webhook: &str) -> Value {
        let none = |data: &Value| data == &json!([]);
        self.shows(&format!("{webhook}/deliveries?state=waiting"), none).await
    }

    /// Waits until what is due has been tried; whether the webhook is still active.
    async fn tried(&self, webhook: &str) -> bool {
        let look = async || {
            if self.api.get(webhook).send().await.json()["data"]["active"] == false {
                return Ok(false);
            }
            let path = format!("{webhook}/deliveries?state=waiting");
            let data = self.api.get(&path).send().await.json()["data"].clone();
            // While a try is under way it stays as it was.
            let next = data[0]["next_try_at"].as_str().and_then(|at| at.parse::<Timestamp>().ok());
            if next.is_some_and(|next| next > self.api.ops.clock.now()) { Ok(true) } else { Err(data) }
        };
        waiting::until("tried", look).await
    }

    /// Gives the worker time to do what it should not.
    async fn a_moment(&self) {
        tokio::time::sleep(Duration::from_millis(1200)).await;
    }
}

#[tokio::test]
async fn what_happens_is_posted_and_signed() {
    let world = World::start().await;
    let (webhook, secret) = world.webhook().await;
    let domain = world.api.domain("example.com").await;
    let got = world.until(1).await.remove(0);
    let event =
        world.api.get(&format!("/api/domains/{domain}/events")).send().await.json()["data"][0].clone();
    assert_eq!(
        got.body,
        format!(
            "{{\"type\":\"domain.created\",\"timestamp\":\"2026-04-28T08:19:31.769Z\",\"data\":{{\"id\":{},\
             \"account_id\":{},\"domain\":{{\"id\":{domain},\"name\":\"example.com\"}},\"from\":null,\
             \"to\":\"example.com\",\"reason\":null,\"record\":null,\"actor\":{}}}}}",
            event["id"], world.api.account, event["actor"]
        )
    );
    assert_eq!(got.headers["webhook-id"], format!("evt_{}", event["id"]));
    assert_eq!(got.headers["webhook-timestamp"], world.api.ops.clock.now().as_second().to_string());
    assert_eq!(got.headers["content-type"], "application/json");
    assert!(got.headers["user-agent"].starts_with("Signet/"));
    assert!(got.is_signed_with(&[&secret]), "{got:?}");
    assert!(!got.is_signed_with(&["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]));
    world.settled(&webhook).await;
    let delivery = world.api.get(&format!("{webhook}/deliveries")).send().await.json()["data"][0].clone();
    assert_eq!(
        (&delivery["state"], &delivery["last_status"], &delivery["attempts"]),
        (&json!("delivered"), &json!(204), &json!(1))
    );
    assert_eq!((&delivery["event_id"], &delivery["type"]), (&event["id"], &json!("domain.created")));
    // A domain that is gone is told of, too.
    assert_eq!(world.api.call("DELETE", &format!("/api/domains/{domain}")).send().await.status, 204);
    assert_eq!(world.until(2).await[1].shown(), "domain.deleted example.com");
}

#[tokio::test]
async fn a_failing_domain_keeps_only_itself_waiting_and_its_order() {
    let world = World::start().await;
    let (webhook, secret) = world.webhook().await;
    world.receiver.answer(|request| match request.json()["data"]["domain"]["name"].as_str() {
        Some("bad.example.com") => status(500),
        _ => status(200),
    });
    let bad = world.api.domain("bad.example.com").await;
    let good = world.api.domain("good.example.com").await;
    world.happen(bad, 2).await;
    world.happen(good, 2).await;
    let good_ones = ["domain.created good.example.com", "domain.compliance_changed good.example.com"];
    let got = world.until(4).await;
    let shown: Vec<_> = got.iter().map(Request::shown).filter(|shown| shown.contains("good")).collect();
    assert_eq!(shown, [good_ones[0], good_ones[1], good_ones[1]]);
    world.a_moment().await;
    assert_eq!(world.receiver.got().len(), 4, "one try of the other's first: {:?}", world.receiver.shown());

    // It is tried again after 5 s, 10 s, 20 s, each up to a fifth more or less.
    for (n, (early, late)) in [(3, 3), (7, 5), (15, 9)].into_iter().enumerate() {
        world.pass(early);
        world.a_moment().await;
        assert_eq!(world.receiver.got().len(), 4 + n, "too early");
        world.pass(late);
        world.until(5 + n).await;
        world
            .shows(&format!("{webhook}/deliveries?state=waiting"), |data| {
                data.as_array().unwrap().iter().any(|d| d["attempts"] == n + 2 && d["last_status"] == 500)
            })
            .await;
    }
    world.receiver.always(status(200));
    world.pass(60);
    let got = world.until(10).await;
    let tries: Vec<&Request> = got.iter().filter(|request| request.shown().contains("bad")).collect();
    let first = tries[0];
    for again in &tries[1..5] {
        assert_eq!((&again.body, &again.headers["webhook-id"]), (&first.body, &first.headers["webhook-id"]));
        assert_ne!(again.headers["webhook-timestamp"], first.headers["webhook-timestamp"]);
        assert!(again.is_signed_with(&[&secret]));
    }
    let ids: Vec<i64> =
        tries[4..].iter().map(|request| request.json()["data"]["id"].as_i64().unwrap()).collect();
    assert!(ids.len() == 3 && ids.is_sorted(), "{ids:?}");
    world.settled(&webhook).await;
}

#[tokio::test]
async fn a_worker_that_dies_is_followed_by_another() {
    let mut world = World::start().await;
    let (webhook, _) = world.webhook().await;
    world.receiver.in_turn([Reply::Silence]);
    let domain = world.api.domain("example.com").await;
    world.happen(domain, 1).await;
    let first = world.until(1).await.remove(0);
    world.worker.take().unwrap().1.abort();
    world.work();
    world.pass(59);
    world.a_moment().await;
    assert_eq!(world.receiver.got().len(), 1, "the dead one's lease holds, also for what comes after");
    world.pass(2);
    let got = world.until(3).await;
    assert_eq!((&got[1].body, &got[1].headers["webhook-id"]), (&first.body, &first.headers["webhook-id"]));
    assert_eq!(got[2].shown(), "domain.compliance_changed example.com");
    world.settled(&webhook).await;
}

#[tokio::test]
async fn what_is_under_way_is_finished_before_the_end() {
    let mut world = World::impatient().await;
    let (webhook, _) = world.webhook().await;
    world.receiver.in_turn([Reply::Silence]);
    world.api.domain("example.com").await;
    world.until(1).await;
    let (stop, running) = world.worker.take().unwrap();
    stop.send(true).unwrap();
    running.await.unwrap();
    let delivery = world.api.get(&format!("{webhook}/deliveries")).send().await.json()["data"][0].clone();
    assert_eq!(delivery["last_error"], "The receiver did not answer in time.", "it is written down");
}

#[tokio::test]
async fn answers_that_accept_nothing() {
    let world = World::impatient().await;
    let (webhook, _) = world.webhook().await;
    let elsewhere = Receiver::start().await;
    let redirect = format!("HTTP/1.1 307 X\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", elsewhere.url);
    let busy = "HTTP/1.1 429 X\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n".to_string();
    world.receiver.in_turn([
        Reply::Silence,
        Reply::With(redirect),
        Reply::With("220 mail.test ESMTP\r\n".to_string()),
        Reply::With(busy),
        status(404),
        Reply::Flood,
    ]);
    world.api.domain("example.com").await;
    let wanted = [
        (Value::Null, "The receiver did not answer in time."),
        (json!(307), "The receiver answered 307, a redirect; redirects are not followed."),
        (Value::Null, "The receiver sent an answer that could not be read"),
        (json!(429), "The receiver answered 429."),
        (json!(404), "The receiver answered 404."),
    ];
    for (n, (status, error)) in wanted.into_iter().enumerate() {
        world.until(n + 1).await;
        let data = world
            .shows(&format!("{webhook}/deliveries"), |data| {
                data[0]["attempts"] == n + 1
                    && data[0]["last_error"].as_str().is_some_and(|e| e.starts_with(error))
            })
            .await;
        assert_eq!((&data[0]["last_status"], &data[0]["state"]), (&status, &json!("waiting")));
        if status == 429 {
            world.pass(3500);
            world.a_moment().await;
            assert_eq!(world.receiver.got().len(), n + 1, "not before it wants to be asked");
        }
        // Long enough also where it is left alone for a while, see the store.
        world.pass(400);
    }
    // 200 counts, however much comes after it.
    world.until(6).await;
    let data = world.shows(&format!("{webhook}/deliveries"), |data| data[0]["state"] == "delivered").await;
    assert_eq!((&data[0]["last_status"], &data[0]["last_error"]), (&json!(200), &Value::Null));
    assert_eq!(elsewhere.got().len(), 0, "no redirect is followed");
}

#[tokio::test]
async fn a_slow_receiver_keeps_nobody_else_waiting() {
    let world = World::start().await;
    let slow = Receiver::start().await;
    slow.always(Reply::Silence);
    for _ in 0..3 {
        let body = json!({"webhook": {"url": slow.url}});
        assert_eq!(world.api.post("/api/webhooks").json(&body).send().await.status, 200);
    }
    let (webhook, _) = world.webhook().await;
    for n in 0..40 {
        world.api.domain(&format!("d{n}.example.com")).await;
    }
    // One after the other with the silent one's tries it would take far longer
    // than is waited for.
    const { assert!(ANSWERED_WITHIN.as_secs() * 40 > 4 * waiting::PATIENCE.as_secs()) };
    world.settled(&webhook).await;
    assert_eq!(world.receiver.got().len(), 40);
}

#[tokio::test]
async fn private_addresses_are_refused_by_default() {
    let world = World::with(false, ANSWERED_WITHIN).await;
    let refused =
        world.api.post("/api/webhooks").json(&json!({"webhook": {"url": world.receiver.url}})).send().await;
    assert_eq!(refused.wrong(), ["url"]);
    // One that got in while it was allowed, say, is refused when it is sent to.
    let url = "https://hooks.example.com/".to_string();
    let made = world.api.post("/api/webhooks").json(&json!({"webhook": {"url": url}})).send().await.json();
    let id = made["data"]["id"].as_i64().unwrap();
    let patch = signet::store::WebhookPatch { url: Some(world.receiver.url.clone()), ..Default::default() };
    let cause = Cause::signet(world.api.ops.clock.now());
    world
        .api
        .ops
        .store
        .update_webhook(world.api.account, signet::store::WebhookId(id), &patch, &cause)
        .await
        .unwrap();
    world.api.domain("example.com").await;
    let data = world
        .shows(&format!("/api/webhooks/{id}/deliveries"), |data| data[0]["last_error"].is_string())
        .await;
    let error = data[0]["last_error"].as_str().unwrap();
    assert!(error.contains("127.0.0.1") && error.contains("not a public one"), "{error}");
    assert_eq!(world.receiver.got().len(), 0);
}

#[tokio::test]
async fn three_days_without_success_disable_and_activation_goes_on() {
    let world = World::start().await;
    let (webhook, _) = world.webhook().await;
    world.receiver.always(status(503));
    let domain = world.api.domain("example.com").await;
    world.until(1).await;
    world.shows(&webhook, |data| data["failing_since"] == "2026-04-28T08:19:31.769Z").await;
    let mut hours = 0;
    while world.tried(&webhook).await {
        assert!(hours < 80, "it is never disabled");
        world.pass(3600);
        hours += 1;
    }
    let tries = world.receiver.got().len();
    let data = world.shows(&webhook, |data| data["active"] == false).await;
    assert_eq!(
        data["disabled_reason"],
        "It accepted nothing for three days. What was wrong the last time: The receiver answered 503."
    );
    assert!((20..80).contains(&tries), "{tries}");
    assert_eq!(hours, 72);
    world.pass(86_400);
    world.a_moment().await;
    assert_eq!(world.receiver.got().len(), tries);

    world.receiver.always(status(200));
    world.happen(domain, 1).await;
    let activate = json!({"webhook": {"active": true}});
    let reply = world.api.patch(&webhook).json(&activate).send().await.json();
    assert_eq!((&reply["data"]["active"], &reply["data"]["disabled_reason"]), (&json!(true), &Value::Null));
    let got = world.until(tries + 1).await;
    assert_eq!(got.last().unwrap().shown(), "domain.created example.com");
    world.settled(&webhook).await;
    // What happened meanwhile was not queued; it is to be had.
    let replay = json!({"replay": {"since": "2026-04-29T00:00:00Z"}});
    let reply = world.api.post(&format!("{webhook}/replay")).json(&replay).send().await;
    reply.is(200, &json!({"data": {"queued": 1, "next_event": null}}));
    let got = world.until(tries + 2).await;
    assert_eq!(got.last().unwrap().shown(), "domain.compliance_changed example.com");
}

#[tokio::test]
async fn gone_disables_and_its_owner_is_told() {
    let world = World::start().await;
    let (webhook, _) = world.webhook().await;
    world.receiver.always(status(410));
    world.api.domain("example.com").await;
    let data = world.shows(&webhook, |data| data["active"] == false).await;
    assert!(data["disabled_reason"].as_str().unwrap().contains("410 Gone"));
    world.pass(86_400);
    world.a_moment().await;
    assert_eq!(world.receiver.got().len(), 1);
    let why = data["disabled_reason"].as_str().unwrap().to_string();
    let about = About::WebhookDisabled { url: world.receiver.url.clone(), why };
    let (store, now) = (&world.api.ops.store, world.api.ops.clock.now());
    let mut told = Vec::new();
    for group in store.due_notices(now, 10).await.unwrap() {
        told.extend(store.notices(&group, 10).await.unwrap().into_iter().map(|waiting| waiting.notice.about));
    }
    assert!(told.contains(&about), "{told:?}");
}

#[tokio::test]
async fn replays_are_the_same_again() {
    let world = World::start().await;
    let (webhook, _) = world.webhook().await;
    // What happened before it was made: its account's demo domain.
    world.pass(10);
    let domain = world.api.domain("example.com").await;
    world.happen(domain, 2).await;
    let first = world.until(3).await;
    world.settled(&webhook).await;
    world.pass(1000);
    let replay = json!({"replay": {"since": "2026-04-28T08:19:40Z"}});
    let reply = world.api.post(&format!("{webhook}/replay")).json(&replay).send().await;
    reply.is(200, &json!({"data": {"queued": 3, "next_event": null}}));
    let got = world.until(6).await;
    for (before, after) in first.iter().zip(&got[3..]) {
        assert_eq!(
            (&before.body, &before.headers["webhook-id"]),
            (&after.body, &after.headers["webhook-id"])
        );
        assert_ne!(before.headers["webhook-timestamp"], after.headers["webhook-timestamp"]);
    }
    world.settled(&webhook).await;
    let deliveries = world.api.get(&format!("{webhook}/deliveries")).send().await.json();
    let ids = json!([deliveries["data"][0]["id"], deliveries["data"][2]["id"]]);
    let replay = json!({"replay": {"deliveries": ids}});
    let reply = world.api.post(&format!("{webhook}/replay")).json(&replay).send().await;
    reply.is(200, &json!({"data": {"queued": 2, "next_event": null}}));
    let got = world.until(8).await;
    assert_eq!((&got[6].body, &got[7].body), (&first[0].body, &first[2].body));
}

#[tokio::test]
async fn secrets_change_over_within_a_day() {
    let world = World::start().await;
    let (webhook, old) = world.webhook().await;
    let reply = world.api.post(&format!("{webhook}/rotate_secret")).send().await.json();
    let new = reply["data"]["signing_secret"].as_str().unwrap().to_string();
    assert_ne!(new, old);
    assert_eq!(reply["data"]["old_secret_valid_until"], "2026-04-29T08:19:31.769Z");
    world.api.domain("a.example.com").await;
    assert!(world.until(1).await[0].is_signed_with(&[&new, &old]));
    world.pass(86_401);
    world.api.domain("b.example.com").await;
    assert!(world.until(2).await[1].is_signed_with(&[&new]));
}

#[tokio::test]
async fn a_test_says_whether_the_receiver_is_there() {
    let world = World::start().await;
    let (webhook, secret) = world.webhook().await;
    let test = async || {
        let reply = world.api.post(&format!("{webhook}/test")).send().await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["data"]["delivery_id"].as_i64().unwrap()
    };
    let id = test().await;
    let got = world.until(1).await.remove(0);
    assert_eq!((got.shown().as_str(), &got.headers["webhook-id"]), ("test -", &format!("test_{id}")));
    assert!(got.is_signed_with(&[&secret]));
    world.settled(&webhook).await;
    world.receiver.always(status(500));
    let id = test().await;
    let data = world.shows(&format!("{webhook}/deliveries?state=failed"), |data| data[0]["id"] == id).await;
    assert_eq!((&data[0]["type"], &data[0]["last_status"]), (&json!("test"), &json!(500)));
    world.pass(86_400);
    world.a_moment().await;
    assert_eq!(world.receiver.got().len(), 2, "once");
    let off = json!({"webhook": {"active": false}});
    world.api.patch(&webhook).json(&off).send().await;
    let refused = world.api.post(&format!("{webhook}/test")).send().await;
    assert_eq!(refused.errors("base"), ["The webhook is not active; activate it first"]);
}
