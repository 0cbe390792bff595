//! What runs by itself: looking at due domains and at our own side, reviewing
//! senders, telling owners and webhooks, sending queued messages, making keys,
//! sweeping.
//!
//! Each worker takes no input, finds its work in the store, and does the same
//! whether a timer or a bell wakes it. Any number of nodes may run them.

mod chores;
mod lanes;
mod look;
mod making;
mod notices;
mod outbox;
mod own_side;
mod review;
mod rotation;
pub mod secondaries;
pub mod webhooks;

use crate::{
    fetch::Fetcher,
    keys::KeyFile,
    mailer::Mailer,
    ops::{Ops, review::Examiner},
};
use signet_dns::ask::Asker;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// Workers look for work at least this often, since what another process wrote
/// rings no bell here. DESIGN: what the command line does is seen within 1 s.
const TICK: Duration = Duration::from_millis(500);

/// What the workers need beside the use cases.
#[derive(Clone, Debug)]
pub struct Equipment {
    /// Asks DNS.
    pub asker: Asker,
    /// Hands messages over.
    pub mailer: Mailer,
    /// Seals DKIM keys.
    pub key: Arc<KeyFile>,
}

/// Starts all workers. They stop when `stop` turns true: looks and reviews
/// under way are put back, a message being handed over is finished.
pub fn start(ops: &Ops, equipment: &Equipment, stop: &watch::Receiver<bool>) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    workers.spawn(look::run(ops.clone(), equipment.asker.clone(), stop.clone()));
    workers.spawn(own_side::run(ops.clone(), equipment.asker.clone(), stop.clone()));
    workers.spawn(notices::tell(ops.clone(), stop.clone()));
    workers.spawn(notices::remind(ops.clone(), stop.clone()));
    let examiner = Examiner::new(equipment.asker.clone(), &ops.config);
    workers.spawn(review::run(ops.clone(), examiner, stop.clone()));
    workers.spawn(outbox::run(ops.clone(), equipment.mailer.clone(), stop.clone()));
    let fetcher = Fetcher::new(equipment.asker.clone(), ops.config.webhook_allow_private);
    workers.spawn(webhooks::run(ops.clone(), fetcher, webhooks::ANSWER_WITHIN, stop.clone()));
    workers.spawn(chores::make_keys(ops.clone(), equipment.key.clone(), stop.clone()));
    workers.spawn(chores::fill_pool(ops.clone(), stop.clone()));
    workers.spawn(chores::follow_key_file(ops.clone(), equipment.key.clone(), stop.clone()));
    workers.spawn(chores::note_key_rules(ops.clone(), stop.clone()));
    let (asker, key) = (equipment.asker.clone(), equipment.key.clone());
    workers.spawn(rotation::run(ops.clone(), asker, key, stop.clone()));
    workers.spawn(chores::publish_zone(ops.clone(), stop.clone()));
    workers.spawn(chores::watch(ops.clone(), stop.clone()));
    workers.spawn(chores::tell_of_expiring_tokens(ops.clone(), stop.clone()));
    workers.spawn(chores::sweep(ops.clone(), stop.clone()));
    workers.spawn(chores::close_keys(ops.clone(), stop.clone()));
    workers.spawn(chores::note_use(ops.clone(), stop.clone()));
    workers
}

/// Sleeps until the bell, the time, or the stop. Whether to go on.
async fn pause(
    bell: Option<&tokio::sync::Notify>,
    at_most: Duration,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    let rung = async {
        match bell {
            Some(bell) => bell.notified().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = rung => {}
        () = tokio::time::sleep(at_most) => {}
        _ = stop.wait_for(|stop| *stop) => return false,
    }
    !*stop.borrow()
}
