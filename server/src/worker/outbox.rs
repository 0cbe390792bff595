//! Sends what is queued. A message is tried for three days, then given up.

use super::{TICK, pause};
use crate::{
    mailer::{Mailer, Undelivered},
    ops::Ops,
    store::{OutboxItem, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Longer than a conversation may take, so that no other node sends the same
/// message while this one still tries.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// Sends until `stop` turns true; the message being handed over is finished.
pub(super) async fn run(ops: Ops, mailer: Mailer, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        match send_next(&ops, &mailer).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the outbox cannot be read"),
        }
        if !pause(Some(&ops.queued), TICK, &mut stop).await {
            return;
        }
    }
}

/// Tries a message that is due once; whether there was one. Taken one by one: of
/// several, the last would wait beyond its lease behind slow conversations, and
/// leave twice.
async fn send_next(ops: &Ops, mailer: &Mailer) -> Result<bool, StoreError> {
    let now = ops.clock.now();
    let lease = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    let items = ops.store.claim_outbox(now, lease, 1).await?;
    for item in &items {
        send_one(ops, mailer, item).await?;
    }
    Ok(!items.is_empty())
}

async fn send_one(ops: &Ops, mailer: &Mailer, item: &OutboxItem) -> Result<(), StoreError> {
    let sent = mailer.send(&item.message, item.queued_at.into()).await;
    let now = ops.clock.now();
    match sent {
        Ok(()) => {
            metrics::counter!("signet_messages_total", "outcome" => "sent").increment(1);
            tracing::info!(message_id = %item.message.message_id, "a message was handed over");
            ops.store.outbox_sent(item.id, now).await
        }
        Err(error) => {
            let retry_at = retry(item, &error, now);
            let outcome = if retry_at.is_some() { "retry" } else { "given_up" };
            metrics::counter!("signet_messages_total", "outcome" => outcome).increment(1);
            tracing::warn!(message_id = %item.message.message_id, %error, outcome, "a message was not handed over");
            ops.store.outbox_failed(item.id, &error.to_string(), retry_at).await
        }
    }
}

/// After 10 s, 20 s, 40 s … up to an hour, until three days are over.
fn retry(item: &OutboxItem, error: &Undelivered, now: Timestamp) -> Option<Timestamp> {
    if matches!(error, Undelivered::ForGood(_)) || now.duration_since(item.queued_at) > GIVE_UP_AFTER {
        return None;
    }
    let wait = SignedDuration::from_secs(10 << item.attempts.min(9)).min(SignedDuration::from_hours(1));
    Some(now.saturating_add(wait).unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        config::{Config, Mail, MailRoute, Sources},
        mailer::literal::SmtpServer,
        store::{self, AccountId, Cause, InstructionCaps, Message, OutboxId, TokenScope},
    };
    use signet_core::email::EmailAddress;
    use std::{
        collections::BTreeSet,
        sync::{Arc, Mutex},
    };
    use tokio::sync::{Notify, Semaphore};

    fn message(to: &str) -> Message {
        Message {
            to: to.to_string(),
            subject: to.to_string(),
            text: String::new(),
            html: String::new(),
            attachments: vec![],
            unsubscribe: None,
            message_id: to.to_string(),
        }
    }

    /// A node, and so many messages that wait.
    async fn node(directory: &tempfile::TempDir, waiting: usize) -> Ops {
        let path = |name: &str| directory.path().join(name).display().to_string();
        let url = format!("sqlite:{}", path("signet.db"));
        let flags = [("database_url", url.clone()), ("key_file", path("signet.key"))];
        let config = Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap();
        let clock = Clock::manual("2026-04-28T08:00:00Z".parse().unwrap());
        let ops = Ops::new(store::open(&url).await.unwrap(), Arc::new(config), clock);
        ops.install().await.unwrap();
        let demo = ops.store.domains(AccountId(1), &TokenScope::Account, None, None).await.unwrap().remove(0);
        let caps = InstructionCaps { per_account: 1000, per_recipient: 1000 };
        for n in 0..waiting {
            let (to, cause) = (format!("owner{n}@example.org"), Cause::signet(ops.clock.now()));
            let queued =
                ops.store.queue_instructions(AccountId(1), demo.id, &to, &message(&to), caps, &cause).await;
            queued.unwrap().unwrap().unwrap();
        }
        ops
    }

    fn mailer(server: &SmtpServer) -> Mailer {
        let route = MailRoute::Smtp(server.url.clone());
        Mailer::new(&Mail { route, from: EmailAddress::parse("signet@signet.test").unwrap() }).unwrap()
    }

    fn recipient(raw: &str) -> String {
        raw.lines().find_map(|line| line.strip_prefix("To: ")).unwrap().to_string()
    }

    /// Each conversation takes most of a minute, and another node takes whatever
    /// nobody holds.
    #[tokio::test]
    async fn slow_conversations_send_nothing_twice() {
        let directory = tempfile::tempdir().unwrap();
        let ops = node(&directory, 12).await;
        let elsewhere = Arc::new(Mutex::new(Vec::new()));
        let (clock, store, taken) = (ops.clock.clone(), ops.store.clone(), Arc::clone(&elsewhere));
        let server = SmtpServer::start(move |_| {
            let (clock, store, taken) = (clock.clone(), store.clone(), Arc::clone(&taken));
            async move {
                clock.advance(SignedDuration::from_secs(50));
                let now = clock.now();
                for item in store.claim_outbox(now, now + SignedDuration::from_hours(1), 1).await.unwrap() {
                    taken.lock().unwrap().push(item.message.to);
                }
                "250 taken"
            }
        })
        .await;
        let mailer = mailer(&server);
        while send_next(&ops, &mailer).await.unwrap() {}
        let mut sent: Vec<String> = server.taken().iter().map(|raw| recipient(raw)).collect();
        sent.extend(elsewhere.lock().unwrap().iter().cloned());
        let once: BTreeSet<&String> = sent.iter().collect();
        assert_eq!((once.len(), sent.len()), (12, 12), "each leaves once: {sent:?}");
    }

    #[tokio::test]
    async fn a_stop_finishes_one_message_and_leaves_the_others() {
        let directory = tempfile::tempdir().unwrap();
        let ops = node(&directory, 5).await;
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let (at, gate) = (Arc::clone(&reached), Arc::clone(&go_on));
        let server = SmtpServer::start(move |_| {
            let (at, gate) = (Arc::clone(&at), Arc::clone(&gate));
            async move {
                at.notify_one();
                let _ = gate.acquire().await;
                "250 taken"
            }
        })
        .await;
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(run(ops.clone(), mailer(&server), stopped));
        reached.notified().await;
        stop.send(true).unwrap();
        go_on.add_permits(100);
        running.await.unwrap();
        assert_eq!(server.taken().len(), 1);
        let now = ops.clock.now();
        let left = ops.store.claim_outbox(now, now, 100).await.unwrap();
        assert_eq!(left.iter().map(|item| item.attempts).collect::<Vec<_>>(), [0; 4], "at once, by whoever");
    }

    #[test]
    fn retries_slow_down_and_end() {
        let queued_at = Timestamp::UNIX_EPOCH;
        let message = message("");
        let item = |attempts| OutboxItem { id: OutboxId(1), message: message.clone(), attempts, queued_at };
        let for_now = Undelivered::ForNow("busy".into());
        let wait = |attempts| {
            retry(&item(attempts), &for_now, queued_at).unwrap().duration_since(queued_at).as_secs()
        };
        assert_eq!([0, 1, 2, 8, 9, 1000].map(wait), [10, 20, 40, 2560, 3600, 3600]);
        let late = queued_at.saturating_add(SignedDuration::from_hours(73)).unwrap();
        assert_eq!(retry(&item(1), &for_now, late), None);
        assert_eq!(retry(&item(0), &Undelivered::ForGood("no".into()), queued_at), None);
    }
}
