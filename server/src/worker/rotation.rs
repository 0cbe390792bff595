//! Turns DKIM keys: claims what is due, does one step of the machine in core, and
//! writes it as one transaction.
//!
//! Whatever goes wrong between a step and its transition, the step is done again:
//! a key made and not written is forgotten, and a proof that came to nothing is
//! made anew. A transition that finds the keys changed is dropped.

use super::{TICK, making, pause};
use crate::{
    keys::KeyFile,
    ops::{
        Ops,
        lost_keys::{Tried, lost_key},
        rotation::{Done, settled_at},
    },
    store::{Cause, DkimKey, DueRotation, Keyless, NewKey, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    rotation::{Algorithm, Proof, Ring, Selector, Step},
    verify::{
        Context,
        dkim::{Sight, prove},
    },
};
use signet_dns::ask::{Ask, Asker, Mode};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};
use tracing::Instrument as _;

/// How many domains have a step under way at once. Most wait for the network.
const AT_ONCE: usize = 32;
/// Longer than a step takes, with patience for slow servers and for making a key.
const LEASE: SignedDuration = SignedDuration::from_secs(120);
const GIVE_UP_AFTER: Duration = Duration::from_secs(90);
/// What a demo domain's key may be remembered for: it is in our own zone, and our
/// own secondaries follow within that.
const DEMO_KEPT: SignedDuration = SignedDuration::from_hours(1);

pub(super) async fn run(ops: Ops, asker: Asker, key: Arc<KeyFile>, mut stop: watch::Receiver<bool>) {
    let mut running = JoinSet::new();
    loop {
        while let Some(ended) = running.try_join_next() {
            if let Err(error) = ended {
                tracing::error!(%error, "a key rotation stopped; it is due again when its claim ends");
            }
        }
        let room = u32::try_from(AT_ONCE.saturating_sub(running.len())).unwrap_or(0);
        let claimed = claim(&ops, room).await.unwrap_or_else(|error| {
            tracing::error!(%error, "key rotations that are due cannot be read");
            Vec::new()
        });
        let more = !claimed.is_empty();
        for due in claimed {
            let span = tracing::info_span!("rotation", domain = due.domain.id.0);
            running.spawn(one(ops.clone(), asker.clone(), key.clone(), due).instrument(span));
        }
        // A step is often followed by the next at once.
        let wait = if more { Duration::from_millis(20) } else { TICK };
        if !pause(Some(&ops.turning), wait, &mut stop).await {
            break;
        }
    }
    running.shutdown().await;
}

async fn claim(ops: &Ops, room: u32) -> Result<Vec<DueRotation>, StoreError> {
    if room == 0 {
        return Ok(Vec::new());
    }
    let now = ops.clock.now();
    let lease_until = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    ops.store.claim_rotations(now, lease_until, room).await
}

async fn one(ops: Ops, asker: Asker, key: Arc<KeyFile>, due: DueRotation) {
    let outcome = match tokio::time::timeout(GIVE_UP_AFTER, step(&ops, &asker, &key, &due)).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            tracing::error!(%error, "a key rotation failed; it is due again when its claim ends");
            "failed"
        }
        Err(_) => {
            tracing::error!("a key rotation takes too long; it is due again when its claim ends");
            "failed"
        }
    };
    metrics::counter!("signet_rotations_total", "outcome" => outcome).increment(1);
}

/// Does what is to be done for one domain; what it came to.
///
/// # Errors
/// When the store fails, or no key can be made.
pub(super) async fn step(
    ops: &Ops,
    asker: &Asker,
    key: &Arc<KeyFile>,
    due: &DueRotation,
) -> Result<&'static str, StoreError> {
    let (ring, now) = (due.keys.ring(), ops.clock.now());
    let rules = ops.rules_to_turn(&due.domain, &ring).await?;
    let done = match ring.step(&rules, now) {
        Step::Wait(_) => Done::Waited,
        Step::Prove(selector) if now < settled_at(&ring, selector) => Done::Waited,
        Step::Prove(selector) => proved(ops, asker, key, due, selector).await?,
        Step::Publish { selector, algorithm } => {
            Done::Published(fresh(ops, key, due, selector, algorithm).await?, None)
        }
        Step::Retire(selector) => Done::Retired(selector),
        Step::Revoke(selector) => Done::Revoked(selector),
        Step::Remove(selector) => Done::Removed(selector),
    };
    let (turn, word) = ops.turn_of(due, done).await?;
    let cause = Cause::signet(ops.clock.now());
    if !ops.store.turn_keys(&turn, &cause).await? {
        return Ok("outdated");
    }
    if turn.notice.is_some() {
        ops.noticed.notify_one();
    }
    if !turn.events.is_empty() {
        ops.published.notify_one();
        tracing::info!(outcome = word, "DKIM keys were turned");
    }
    if turn.due_at.is_some_and(|at| at <= cause.at) {
        ops.turning.notify_one();
    }
    Ok(word)
}

/// Looks for the key on `selector`. The private key is tried before it signs, and before
/// anything is waited for where another key is to sign: one that nobody can use again is
/// replaced.
async fn proved(
    ops: &Ops,
    asker: &Asker,
    file: &KeyFile,
    due: &DueRotation,
    selector: Selector,
) -> Result<Done, StoreError> {
    let Some(key) = due.keys.keys[selector.index()].as_ref() else {
        return Ok(Done::Looked(selector, look(ops, asker, due, selector).await));
    };
    let rules = ops.key_rules(&due.domain);
    let at_once = due.keys.failures == 0 && due.keys.ring().wanted(&rules, ops.clock.now()).is_some();
    let mut tried = if at_once { Some(ops.try_key(file, &due.domain, key).await?) } else { None };
    if tried == Some(Tried::Lost) {
        return replaced(ops, file, due, key).await;
    }
    let sight = look(ops, asker, due, selector).await;
    if !would_sign(ops, due, selector, &sight) {
        return Ok(Done::Looked(selector, sight));
    }
    if tried.is_none() {
        tried = Some(ops.try_key(file, &due.domain, key).await?);
    }
    Ok(match tried {
        Some(Tried::Opens) => Done::Looked(selector, sight),
        Some(Tried::Lost) => replaced(ops, file, due, key).await?,
        // As if nothing had been seen: another node may be able to open it.
        _ => {
            let said = format!("The private key of {} does not open with the key file.", key.id);
            Done::Looked(selector, Sight { proof: Proof::Unknown, said, fix: String::new(), ours: true })
        }
    })
}

/// Whether what was seen has the key on `selector` sign that does not yet.
fn would_sign(ops: &Ops, due: &DueRotation, selector: Selector, sight: &Sight) -> bool {
    let (before, mut after) = (due.keys.ring(), due.keys.ring());
    after.prove(selector, sight.proof, &ops.key_rules(&due.domain), ops.clock.now());
    let signs = |ring: &Ring| ring.on(selector).is_some_and(|held| held.stage.signs());
    signs(&after) && !signs(&before)
}

/// A fresh key in place of one that nobody can sign with.
async fn replaced(ops: &Ops, file: &KeyFile, due: &DueRotation, lost: &DkimKey) -> Result<Done, StoreError> {
    let algorithm = match lost.held.algorithm {
        Algorithm::Ed25519 => Algorithm::Ed25519,
        Algorithm::Rsa2048 | Algorithm::Rsa4096 => ops.key_rules(&due.domain).rsa,
    };
    tracing::error!(key = lost.id, domain = %due.domain.name, "a DKIM key that was to sign is lost and is replaced");
    let fresh = fresh(ops, file, due, lost.selector, algorithm).await?;
    Ok(Done::Published(fresh, Some(lost_key(lost))))
}

async fn fresh(
    ops: &Ops,
    file: &KeyFile,
    due: &DueRotation,
    selector: Selector,
    algorithm: Algorithm,
) -> Result<NewKey, StoreError> {
    let domain = &due.domain;
    let owner = Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id.clone() };
    making::key(ops, file, &owner, selector, algorithm).await
}

/// Looks for the key on `selector`, as the whole world sees it.
async fn look(ops: &Ops, asker: &Asker, due: &DueRotation, selector: Selector) -> Sight {
    let domain = &due.domain;
    let ours = |proof, said: &str| Sight { proof, said: said.to_string(), fix: String::new(), ours: true };
    if domain.demo {
        return ours(
            Proof::Seen { kept_for: DEMO_KEPT, ours_for: DEMO_KEPT },
            "The domain is in our own zone.",
        );
    }
    let key = |selector: Selector| due.keys.keys[selector.index()].as_ref().map(|key| &key.public[..]);
    let Some((record, spki)) = ops.key_record(domain, selector).zip(key(selector)) else {
        return ours(Proof::Unknown, "There is no record for the key.");
    };
    // Nobody can publish under a name they cannot guess.
    let probe = ops.random.record_id();
    let context = Context {
        provider: &ops.config.provider,
        domain: domain.name.name(),
        probe: probe.as_str(),
        dkim_keys: Selector::BOTH.map(key),
        thorough: true,
        second_view: asker.mode() == Mode::Authoritative,
    };
    let ask = Ask::thorough().for_party(domain.account.0.unsigned_abs());
    let settled = asker.settle(ask, |seen| prove(&context, &record, spki, seen)).await;
    settled.value.unwrap_or_else(|error| ours(Proof::Unknown, &error.to_string()))
}
