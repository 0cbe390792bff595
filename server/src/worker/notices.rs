//! Makes messages of what owners are to be told. How they leave is the outbox's.

use super::{TICK, pause};
use crate::ops::Ops;
use std::time::Duration;
use tokio::sync::watch;

const REMIND_EVERY: Duration = Duration::from_secs(5);

/// Tells of what has happened.
pub(super) async fn tell(ops: Ops, mut stop: watch::Receiver<bool>) {
    loop {
        let told = ops.tell_owners().await.unwrap_or_else(|error| {
            tracing::error!(%error, "owners cannot be told what happened; it is tried again");
            0
        });
        // Where there was something there may be more.
        let wait = if told > 0 { Duration::from_millis(10) } else { TICK };
        if !pause(Some(&ops.noticed), wait, &mut stop).await {
            return;
        }
    }
}

/// Finds what nobody's change brings about: deadlines that come near, and weeks
/// that are over.
pub(super) async fn remind(ops: Ops, mut stop: watch::Receiver<bool>) {
    loop {
        match ops.remind_owners().await {
            Ok(0) => {}
            Ok(_) => ops.noticed.notify_one(),
            Err(error) => tracing::error!(%error, "owners cannot be reminded; it is tried again"),
        }
        if let Err(error) = ops.report_health().await {
            tracing::error!(%error, "health reports cannot be made; it is tried again");
        }
        if !pause(None, REMIND_EVERY, &mut stop).await {
            return;
        }
    }
}
