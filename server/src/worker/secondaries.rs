//! Telling our zone's other name servers that it has changed.

use super::pause;
use crate::{config::Secondaries, ops::Ops};
use signet_core::names::Name;
use signet_dns::zone::{OwnZone, notify};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// How often it is looked whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a secondary that does not answer is left alone. It comes by itself
/// after the SOA's refresh time, too.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// Tells every secondary of every change, at once and until it has heard.
pub async fn tell(ops: Ops, zone: Arc<OwnZone>, secondaries: Secondaries, stop: watch::Receiver<bool>) {
    let mut told = JoinSet::new();
    for secondary in &secondaries.told {
        for apex in zone.apexes() {
            let turn = Turn {
                ops: ops.clone(),
                zone: zone.clone(),
                secondaries: secondaries.clone(),
                secondary: *secondary,
                apex: apex.clone(),
            };
            told.spawn(turn.run(stop.clone()));
        }
    }
    while told.join_next().await.is_some() {}
}

/// One secondary and one zone.
struct Turn {
    ops: Ops,
    zone: Arc<OwnZone>,
    secondaries: Secondaries,
    secondary: SocketAddr,
    apex: Name,
}

impl Turn {
    async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut told = None;
        loop {
            let serial = self.zone.serial();
            let mut wait = LOOK_EVERY;
            if told != Some(serial) {
                let heard = tokio::select! {
                    heard = self.tell() => heard,
                    _ = stop.wait_for(|stop| *stop) => return,
                };
                match heard {
                    Ok(()) => told = Some(serial),
                    Err(error) => {
                        tracing::warn!(secondary = %self.secondary, zone = %self.apex, %error, "a secondary does not hear of our zone's changes");
                        wait = LEFT_ALONE;
                    }
                }
            }
            if !pause(None, wait, &mut stop).await {
                return;
            }
        }
    }

    async fn tell(&self) -> Result<(), signet_dns::zone::NotifyFailed> {
        let clock = self.ops.clock.clone();
        let seconds = move || u64::try_from(clock.now().as_second()).unwrap_or(0);
        let id = u16::from_le_bytes(self.ops.random.bytes());
        notify(&self.zone, &self.apex, self.secondary, &self.secondaries.key, &seconds, id).await
    }
}
