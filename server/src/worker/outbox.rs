//! Sends what is queued. A message is tried for three days, then given up.

use super::{TICK, pause};
use crate::{
    mailer::{Mailer, Undelivered},
    ops::Ops,
    store::{OutboxItem, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

const BATCH: u32 = 16;
/// Longer than one conversation takes at most, so that no other node sends the
/// same message while this one still tries.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
const GIVE_UP_AFTER: SignedDuration = SignedDuration::from_hours(72);

pub(super) async fn run(ops: Ops, mailer: Mailer, mut stop: watch::Receiver<bool>) {
    loop {
        match send_due(&ops, &mailer).await {
            Ok(sent) if sent > 0 => {
                if *stop.borrow() {
                    return;
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the outbox cannot be read"),
        }
        if !pause(Some(&ops.queued), TICK, &mut stop).await {
            return;
        }
    }
}

/// Tries everything that is due once; how many there were.
async fn send_due(ops: &Ops, mailer: &Mailer) -> Result<usize, StoreError> {
    let now = ops.clock.now();
    let lease = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    let items = ops.store.claim_outbox(now, lease, BATCH).await?;
    for item in &items {
        send_one(ops, mailer, item).await?;
    }
    Ok(items.len())
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
    use crate::store::{Message, OutboxId};

    #[test]
    fn retries_slow_down_and_end() {
        let queued_at = Timestamp::UNIX_EPOCH;
        let message = Message {
            to: String::new(),
            subject: String::new(),
            text: String::new(),
            html: String::new(),
            attachments: vec![],
            unsubscribe: None,
            message_id: String::new(),
        };
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
