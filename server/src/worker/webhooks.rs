//! Tells webhooks what happened.
//!
//! The deliveries to a webhook stand in lines, one per domain; of each line the
//! first is sent, and the next only when that is accepted or given up. A webhook
//! has a few lines tried at a time, one that accepts nothing only one, in places
//! of its own: a receiver that is down or slow keeps nobody else waiting.
//!
//! A delivery is tried at least once and may be tried twice: when this process
//! dies between the answer and writing it down, another sends it again when the
//! lease has run out. Its `webhook-id` stays the same.

use super::{TICK, pause};
use crate::{
    fetch::{Answer, Fetcher, Limits},
    notify::webhook,
    ops::Ops,
    store::{
        Cause, DueDelivery, DueWebhook, Settled, StoreError, Tried, TryOutcome, WEBHOOK_PATIENCE, WebhookId,
    },
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};
use tokio::{
    sync::watch,
    task::{Id, JoinSet},
};
use url::Url;

/// How long a receiver may take to answer.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(15);

/// Webhooks served at the same time, and how many of those that accept nothing
/// beside them.
const SERVED: usize = 32;
const FAILING_SERVED: usize = 16;
/// Lines of one webhook tried at the same time.
const LINES: usize = 8;
/// Deliveries after which a webhook makes room for the next.
const TURN: usize = 128;
/// Longer than a try can take, so that no other node sends the same meanwhile.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// The wait after the first failure; doubled with each until [`LONGEST_WAIT`].
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(5);
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(2);
/// Of the answer no more is read, so that the connection can end well.
const BODY_BYTES: usize = 4096;

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Delivers until `stop` turns true; what is under way is finished.
pub async fn run(ops: Ops, fetcher: Fetcher, answer_within: Duration, mut stop: watch::Receiver<bool>) {
    let mut turns: JoinSet<()> = JoinSet::new();
    let mut served: HashMap<Id, DueWebhook> = HashMap::new();
    let mut last = WebhookId(0);
    loop {
        while let Some(finished) = turns.try_join_next_with_id() {
            // One that panicked is served again when its leases end.
            served.remove(&finished.map_or_else(|error| error.id(), |(id, ())| id));
        }
        let due = match ops.store.due_webhooks(ops.clock.now(), last).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, "webhooks cannot be read");
                Vec::new()
            }
        };
        for webhook in due {
            let places = if webhook.failing { FAILING_SERVED } else { SERVED };
            let taken = served.values().filter(|other| other.failing == webhook.failing).count();
            if taken >= places || served.values().any(|other| other.id == webhook.id) {
                continue;
            }
            last = webhook.id;
            let turn = Turn { ops: ops.clone(), fetcher: fetcher.clone(), answer_within, stop: stop.clone() };
            served.insert(turns.spawn(turn.serve(webhook)).id(), webhook);
        }
        if !wait(&ops, &mut turns, &mut served, &mut stop).await {
            break;
        }
    }
    while turns.join_next().await.is_some() {}
}

/// Until there may be something to begin. Whether to go on.
async fn wait(
    ops: &Ops,
    turns: &mut JoinSet<()>,
    served: &mut HashMap<Id, DueWebhook>,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    if turns.is_empty() {
        return pause(Some(&ops.published), TICK, stop).await;
    }
    tokio::select! {
        Some(finished) = turns.join_next_with_id() => {
            served.remove(&finished.map_or_else(|error| error.id(), |(id, ())| id));
            !*stop.borrow()
        }
        go_on = pause(Some(&ops.published), TICK, stop) => go_on,
    }
}

/// One webhook's turn.
struct Turn {
    ops: Ops,
    fetcher: Fetcher,
    answer_within: Duration,
    stop: watch::Receiver<bool>,
}

impl Turn {
    /// Delivers what is due to a webhook, for so many deliveries or until one
    /// fails.
    async fn serve(self, webhook: DueWebhook) {
        let width = if webhook.failing { 1 } else { LINES };
        let mut under_way = FuturesUnordered::new();
        let (mut begun, mut go_on) = (0, true);
        loop {
            if go_on && begun < TURN && !*self.stop.borrow() {
                for due in self.claim(webhook.id, width - under_way.len()).await {
                    begun += 1;
                    under_way.push(self.deliver(due));
                }
            }
            match under_way.next().await {
                Some(accepted) => go_on &= accepted,
                None => return,
            }
        }
    }

    async fn claim(&self, webhook: WebhookId, lines: usize) -> Vec<DueDelivery> {
        let now = self.ops.clock.now();
        let (lease, lines) = (later(now, LEASE), u32::try_from(lines).unwrap_or(1));
        match self.ops.store.claim_deliveries(webhook, now, lease, lines).await {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(%error, %webhook, "deliveries cannot be claimed");
                Vec::new()
            }
        }
    }

    /// Tries a delivery once and writes down what came of it. Whether it was
    /// accepted.
    async fn deliver(&self, due: DueDelivery) -> bool {
        match self.try_once(&due).await {
            Ok(accepted) => accepted,
            Err(error) => {
                // It is tried again when its lease ends.
                tracing::error!(%error, webhook = %due.webhook, delivery = %due.id, "a delivery is left as it is");
                false
            }
        }
    }

    async fn try_once(&self, due: &DueDelivery) -> Result<bool, StoreError> {
        let began = Instant::now();
        let answer = self.post(due).await?;
        let cause = Cause::signet(self.ops.clock.now());
        let tried = judge(due, answer, cause.at, self.ops.random.spread());
        metrics::histogram!("signet_webhook_seconds").record(began.elapsed().as_secs_f64());
        metrics::counter!("signet_webhook_deliveries_total", "outcome" => outcome(&tried)).increment(1);
        let settled = self.ops.store.settle_delivery(due, &tried, &cause).await?;
        if settled == Settled::Disabled {
            self.ops.noticed.notify_one();
            tracing::warn!(webhook = %due.webhook, account = %due.account, "a webhook is disabled");
        }
        Ok(tried.outcome == TryOutcome::Accepted)
    }

    /// The answer, or a sentence that says why there is none.
    async fn post(&self, due: &DueDelivery) -> Result<Result<Answer, String>, StoreError> {
        let secrets = self.ops.signing_secrets(due)?;
        let corrupt = |what: &str| StoreError::Corrupt(format!("{what} of webhook {}", due.webhook));
        let url = Url::parse(&due.url).map_err(|_| corrupt("the address"))?;
        let (id, body, now) = (webhook::id(due), webhook::body(due), self.ops.clock.now());
        let signature = webhook::signature(secrets.iter().map(|secret| secret.as_slice()), &id, now, &body);
        let value = |text: &str| HeaderValue::from_str(text).map_err(|_| corrupt("a header"));
        let headers = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ID, value(&id)?),
            (TIMESTAMP, HeaderValue::from(now.as_second())),
            (SIGNATURE, value(&signature)?),
        ]);
        let limits = Limits { timeout: self.answer_within, body_bytes: BODY_BYTES };
        let answer = self.fetcher.post(&url, headers, body, limits).await;
        Ok(answer.map_err(|error| format!("The receiver {error}.")))
    }
}

/// What follows from an answer. Every status but 2xx and 410 is a reason to try
/// again: receivers answer 4xx by mistake, too.
fn judge(due: &DueDelivery, answer: Result<Answer, String>, now: Timestamp, spread: u16) -> Tried {
    let (status, retry_after, error) = match answer {
        Err(error) => (None, None, error),
        Ok(Answer { status, retry_after, .. }) => {
            let error = match status {
                200..=299 => {
                    return Tried { status: Some(status), error: None, outcome: TryOutcome::Accepted };
                }
                300..=399 => {
                    format!("The receiver answered {status}, a redirect; redirects are not followed.")
                }
                _ => format!("The receiver answered {status}."),
            };
            (Some(status), retry_after, error)
        }
    };
    let outcome = if status == Some(410) { TryOutcome::Gone } else { again(due, retry_after, now, spread) };
    Tried { status, error: Some(error), outcome }
}

/// After 5 s, 10 s, 20 s … up to two hours, or what the receiver asks for within
/// that, each up to a fifth more or less; the last time when all is over.
fn again(due: &DueDelivery, retry_after: Option<u64>, now: Timestamp, spread: u16) -> TryOutcome {
    let end = later(due.since, WEBHOOK_PATIENCE);
    if now >= end || due.event.is_none() {
        return TryOutcome::GivenUp;
    }
    let doubled = FIRST_WAIT * (1_i32 << due.attempts.saturating_sub(1).min(11));
    let spread = doubled.min(LONGEST_WAIT) * (800 + i32::from(spread) * 2 / 5) / 1000;
    let asked = retry_after.and_then(|seconds| i64::try_from(seconds).ok());
    let asked = asked.map_or(SignedDuration::ZERO, SignedDuration::from_secs).min(LONGEST_WAIT);
    TryOutcome::Again(later(now, spread.max(asked)).min(end))
}

fn later(from: Timestamp, wait: SignedDuration) -> Timestamp {
    from.saturating_add(wait).unwrap_or(Timestamp::MAX)
}

fn outcome(tried: &Tried) -> &'static str {
    match tried.outcome {
        TryOutcome::Accepted => "accepted",
        TryOutcome::Again(_) => "retry",
        TryOutcome::GivenUp => "given_up",
        TryOutcome::Gone => "gone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AccountId, DeliveryId, Event, EventId};

    fn due(attempts: u32) -> DueDelivery {
        let event = Event {
            id: EventId(1),
            at: Timestamp::UNIX_EPOCH,
            kind: "domain.created".to_string(),
            account: AccountId(1),
            domain: None,
            domain_name: None,
            actor: String::new(),
            origin: String::new(),
            reason: String::new(),
            from: None,
            to: None,
            record: None,
            evidence: None,
        };
        DueDelivery {
            id: DeliveryId(1),
            webhook: WebhookId(1),
            account: AccountId(1),
            lane: 0,
            event: Some(event),
            created_at: Timestamp::UNIX_EPOCH,
            since: Timestamp::UNIX_EPOCH,
            attempts,
            url: String::new(),
            secret: vec![],
            old_secret: None,
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn answer(status: u16, retry_after: Option<u64>) -> Result<Answer, String> {
        Ok(Answer { status, retry_after, body: vec![] })
    }

    #[test]
    fn waits_double_are_spread_and_end_after_three_days() {
        let wait = |attempts, spread| match again(&due(attempts), None, at(100), spread) {
            TryOutcome::Again(then) => then.duration_since(at(100)).as_millis(),
            other => panic!("{other:?}"),
        };
        assert_eq!(
            [1, 2, 3, 11, 12, 1000].map(|n| wait(n, 500)),
            [5000, 10_000, 20_000, 5_120_000, 7_200_000, 7_200_000]
        );
        assert_eq!([0, 1000].map(|spread| wait(1, spread)), [4000, 6000]);
        let end = 72 * 3600;
        assert_eq!(
            again(&due(99), None, at(end - 60), 500),
            TryOutcome::Again(at(end)),
            "the last time at the end"
        );
        assert_eq!(again(&due(99), None, at(end), 500), TryOutcome::GivenUp);
        let test = DueDelivery { event: None, ..due(1) };
        assert_eq!(again(&test, None, at(0), 500), TryOutcome::GivenUp, "a test is tried once");
    }

    #[test]
    fn what_an_answer_means() {
        let judged = |status, retry_after| judge(&due(1), answer(status, retry_after), at(100), 500).outcome;
        for status in [200, 201, 202, 204, 299] {
            assert_eq!(judged(status, None), TryOutcome::Accepted);
        }
        for status in [100, 199, 300, 301, 304, 307, 400, 401, 404, 422, 429, 500, 503, 999] {
            assert_eq!(judged(status, None), TryOutcome::Again(at(105)), "{status}");
        }
        assert_eq!(judged(410, Some(60)), TryOutcome::Gone);
        assert_eq!(judged(429, Some(60)), TryOutcome::Again(at(160)));
        assert_eq!(judged(503, Some(1)), TryOutcome::Again(at(105)), "not sooner than by itself");
        assert_eq!(judged(503, Some(u64::MAX)), TryOutcome::Again(at(105)));
        assert_eq!(judged(503, Some(1_000_000)), TryOutcome::Again(at(100 + 7200)), "to a bound");
        let unanswered = judge(&due(1), Err("The receiver did not answer in time.".to_string()), at(0), 500);
        assert_eq!(unanswered.outcome, TryOutcome::Again(at(5)));
        assert_eq!(unanswered.error.unwrap(), "The receiver did not answer in time.");
    }
}
