//! The small workers.

use super::{TICK, making, pause};
use crate::{
    keys::KeyFile,
    ops::Ops,
    store::{Cause, Keyless, StoreError},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use signet_core::rotation::Selector;
use std::{sync::Arc, time::Duration};
use tokio::sync::watch;

const KEY_BATCH: u32 = 8;
/// Until then what is sealed under an old version is refused, and sealed anew.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);
const NOTE_RULES_AGAIN: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_secs(600);
const CLOSE_KEYS_EVERY: Duration = Duration::from_secs(15);
const EXPIRY_EVERY: Duration = Duration::from_secs(600);
const WATCH_EVERY: Duration = Duration::from_secs(30);
const NOTE_USE_EVERY: Duration = Duration::from_secs(5);

/// Gives verified domains their DKIM keys. Until then our targets answer
/// NODATA, which is our state and nobody's error.
pub(super) async fn make_keys(ops: Ops, file: Arc<KeyFile>, mut stop: watch::Receiver<bool>) {
    loop {
        let made = make_some(&ops, &file).await.unwrap_or_else(|error| {
            tracing::error!(%error, "DKIM keys cannot be made");
            0
        });
        let wait = if made > 0 { Duration::ZERO } else { TICK * 2 };
        if !pause(None, wait, &mut stop).await {
            return;
        }
    }
}

async fn make_some(ops: &Ops, file: &KeyFile) -> Result<usize, StoreError> {
    let keyless = ops.store.keyless(KEY_BATCH).await?;
    let found = keyless.len();
    let kept = stream::iter(keyless).map(|domain| first_keys(ops, file, domain));
    kept.buffer_unordered(KEY_BATCH as usize).try_collect::<()>().await?;
    Ok(found)
}

async fn first_keys(ops: &Ops, file: &KeyFile, domain: Keyless) -> Result<(), StoreError> {
    let mut keys = Vec::with_capacity(Selector::BOTH.len());
    for (selector, algorithm) in ops.config.rotation.first_keys() {
        keys.push(making::key(ops, file, &domain, selector, algorithm).await?);
    }
    let cause = Cause::signet(ops.clock.now());
    if ops.store.add_keys(&domain, &keys, &cause).await? {
        ops.turning.notify_one();
    }
    Ok(())
}

/// Has rotations look again that were told to wait by other settings.
pub(super) async fn note_key_rules(ops: Ops, mut stop: watch::Receiver<bool>) {
    while let Err(error) = ops.note_key_rules().await {
        tracing::warn!(%error, "the settings for DKIM keys cannot be noted");
        if !pause(None, NOTE_RULES_AGAIN, &mut stop).await {
            return;
        }
    }
}

/// Makes keys ahead.
pub(super) async fn fill_pool(ops: Ops, mut stop: watch::Receiver<bool>) {
    let filling = ops.maker.fill(ops.config.rotation.rsa);
    // Whoever held the other end is gone: stopped as well.
    let _ = stop.wait_for(|stop| *stop).await;
    drop(filling);
}

/// Notices when another version of the key-encryption key is to seal.
pub(super) async fn follow_key_file(ops: Ops, file: Arc<KeyFile>, mut stop: watch::Receiver<bool>) {
    let mut failing = false;
    loop {
        let followed = ops.follow_key_file(&file).await;
        metrics::gauge!("signet_key_file_outdated").set(if followed.is_err() { 1.0 } else { 0.0 });
        // Said once, not every second.
        if let Err(error) = &followed
            && !failing
        {
            tracing::error!(%error, "the key file cannot be followed");
        }
        failing = followed.is_err();
        if !pause(None, FOLLOW_EVERY, &mut stop).await {
            return;
        }
    }
}

/// Gives what changed in our zone a serial, by which name servers see it.
pub(super) async fn publish_zone(ops: Ops, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = ops.store.publish_zone(None, ops.clock.now()).await {
            tracing::warn!(%error, "what changed in our zone is not published");
        }
        if !pause(None, TICK, &mut stop).await {
            return;
        }
    }
}

/// Tells the operator what concerns all domains together.
pub(super) async fn watch(ops: Ops, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = ops.watch().await {
            tracing::warn!(%error, "what the operator should know could not be found out");
        }
        if !pause(None, WATCH_EVERY, &mut stop).await {
            return;
        }
    }
}

/// Has owners told of tokens that expire soon.
pub(super) async fn tell_of_expiring_tokens(ops: Ops, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = ops.tell_of_expiring_tokens().await {
            tracing::warn!(%error, "owners could not be told of tokens that expire");
        }
        if !pause(None, EXPIRY_EVERY, &mut stop).await {
            return;
        }
    }
}

/// Deletes what is past keeping.
pub(super) async fn sweep(ops: Ops, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(error) = ops.store.sweep(ops.clock.now()).await {
            tracing::warn!(%error, "sweeping failed");
        }
        if !pause(None, SWEEP_EVERY, &mut stop).await {
            return;
        }
    }
}

/// Overwrites DKIM keys that have not signed for a while.
pub(super) async fn close_keys(ops: Ops, mut stop: watch::Receiver<bool>) {
    while pause(None, CLOSE_KEYS_EVERY, &mut stop).await {
        ops.opened.sweep(ops.clock.now());
    }
}

/// Writes down when tokens were last used, and which domains have sent.
pub(super) async fn note_use(ops: Ops, mut stop: watch::Receiver<bool>) {
    loop {
        let go_on = pause(None, NOTE_USE_EVERY, &mut stop).await;
        if let Err(error) = ops.flush_used_tokens().await {
            tracing::warn!(%error, "the times tokens were used are lost");
        }
        if let Err(error) = ops.flush_sending().await {
            tracing::warn!(%error, "which domains have sent is lost");
        }
        if !go_on {
            return;
        }
    }
}
