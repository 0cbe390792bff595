//! Looks at our own hosts as the world sees them, and tells the operator once
//! per change. It changes no customer's verdict.

use super::pause;
use crate::ops::Ops;
use signet_core::verify::own::{self, OwnSide};
use signet_dns::ask::{Ask, Asker};
use std::time::Duration;
use tokio::sync::watch;

const EVERY: Duration = Duration::from_secs(3600);
/// While something is wrong, so that its end is noticed soon.
const WHILE_WRONG: Duration = Duration::from_secs(300);

pub(super) async fn run(ops: Ops, asker: Asker, mut stop: watch::Receiver<bool>) {
    let mut told = OwnSide::default();
    loop {
        let provider = &ops.config.provider;
        let settled = asker.settle(Ask::thorough(), |seen| own::judge(provider, seen)).await;
        if let Ok(own) = settled.value {
            metrics::gauge!("signet_own_side_problems").set(own.problems.len() as f64);
            if own != told {
                tell(&own);
                told = own;
            }
        }
        let wait = if told.problems.is_empty() { EVERY } else { WHILE_WRONG };
        if !pause(None, wait, &mut stop).await {
            return;
        }
    }
}

fn tell(own: &OwnSide) {
    for problem in &own.problems {
        tracing::warn!(%problem, "our own DNS is not right; customers' records are judged apart from it");
    }
    for missing in &own.unanswered {
        tracing::info!(%missing, "our own DNS could not be looked at in full");
    }
    if own.problems.is_empty() && own.unanswered.is_empty() {
        tracing::info!("our own DNS is right again");
    }
}
