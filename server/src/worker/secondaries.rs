//! Telling our zone's other name servers that it has changed.

use super::pause;
use crate::{config::Secondaries, ops::Ops};
use signet_core::names::Name;
use signet_dns::zone::{OwnZone, Transfers, notify};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// How often it is looked whether there is something to tell.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a secondary that does not answer is left alone. It comes by itself
/// after the SOA's refresh time, too.
const LEFT_ALONE: Duration = Duration::from_secs(60);

/// Between two times that a secondary is told, at least as many times as long as
/// its last transfer took: each takes the whole zone.
const REST: u32 = 2;

/// Tells every secondary of every change, at once and until it has heard. Of
/// changes that come while the last ones are still being taken, the last is told.
pub async fn tell(
    ops: Ops,
    zone: Arc<OwnZone>,
    transfers: Arc<Transfers>,
    secondaries: Secondaries,
    stop: watch::Receiver<bool>,
) {
    let mut told = JoinSet::new();
    for secondary in &secondaries.told {
        for apex in zone.apexes() {
            let turn = Turn {
                ops: ops.clone(),
                zone: zone.clone(),
                transfers: transfers.clone(),
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
    transfers: Arc<Transfers>,
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
                    Ok(()) => {
                        told = Some(serial);
                        wait = LOOK_EVERY.max(self.transfers.took() * REST);
                    }
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
        let source = self.ops.config.dns.listen.map(|listen| listen.ip());
        notify(&self.zone, &self.apex, self.secondary, source, &self.secondaries.key, &seconds, id).await
    }
}
