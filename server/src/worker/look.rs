//! Looks at due domains: claim → plan → observe → verify → decide → one call
//! of the store. "Check now" makes a domain due; there is no second path.

use super::{TICK, pause};
use crate::{
    ops::{Ops, checks},
    store::{Cause, DomainId, Due, Looked, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    lifecycle::Gate,
    plan::PlannedRecord,
    verify::{self, Context, Findings, Status},
};
use signet_dns::ask::{Ask, Asker, Scope};
use std::{collections::HashMap, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinSet},
};

/// Domains looked at at the same time.
const AT_ONCE: usize = 256;
/// Claimed with one statement at most.
const CLAIM: usize = 128;
/// How long places are gathered for the next claim while there is a backlog: a
/// claim for every look that ends would cost as much as the look.
const GATHER: Duration = Duration::from_millis(10);
/// Applied together at most.
const APPLY: usize = 256;
/// Longer than a look can take, its patience with every server of two rounds
/// included; after a crash other nodes look again when it has run out.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
/// What was due while nobody looked is spread over this time at start.
const CATCH_UP: SignedDuration = SignedDuration::from_mins(5);

pub(super) async fn run(ops: Ops, asker: Asker, mut stop: watch::Receiver<bool>) {
    let spreading = tokio::spawn(spread_overdue(ops.clone()));
    let (done, applying) = mpsc::channel(APPLY);
    let applier = tokio::spawn(apply(ops.clone(), applying));
    let mut looks: JoinSet<DomainId> = JoinSet::new();
    let mut held: HashMap<DomainId, i64> = HashMap::new();
    loop {
        while let Some(finished) = looks.try_join_next() {
            ended(finished, &mut held);
        }
        let wanted = CLAIM.min(AT_ONCE - looks.len());
        let claimed = if wanted == 0 { Vec::new() } else { claim(&ops, wanted).await };
        let backlog = claimed.len() == wanted;
        metrics::counter!("signet_looks_claimed_total").increment(claimed.len() as u64);
        for due in claimed {
            held.insert(due.domain.id, due.version);
            looks.spawn(look(ops.clone(), asker.clone(), due, done.clone()));
        }
        metrics::gauge!("signet_looks_in_flight").set(looks.len() as f64);
        let go_on = if backlog {
            gather(&mut looks, &mut held, &mut stop).await
        } else {
            pause(Some(&ops.due), until_next(&ops).await, &mut stop).await
        };
        if !go_on {
            break;
        }
    }
    spreading.abort();
    looks.shutdown().await;
    drop(done);
    let _ = applier.await;
    // Those applied meanwhile have another version by now and stay as they are.
    let held: Vec<_> = held.into_iter().collect();
    if let Err(error) = ops.store.put_back(&held, ops.clock.now()).await {
        tracing::warn!(%error, "checks under way were not put back; they are due when their lease ends");
    }
}

/// Among a million it takes a while, in which those due longest are looked at.
async fn spread_overdue(ops: Ops) {
    let now = ops.clock.now();
    match ops.store.spread_overdue(now, now.saturating_add(CATCH_UP).unwrap_or(Timestamp::MAX)).await {
        Ok(0) => {}
        Ok(overdue) => tracing::info!(overdue, "domains became due while nobody looked; they are spread out"),
        Err(error) => tracing::error!(%error, "overdue domains cannot be spread out"),
    }
}

async fn claim(ops: &Ops, limit: usize) -> Vec<Due> {
    let now = ops.clock.now();
    let lease = now.saturating_add(LEASE).unwrap_or(Timestamp::MAX);
    let limit = u32::try_from(limit).unwrap_or(1);
    match ops.store.claim_due(now, lease, limit).await {
        Ok(due) => due,
        Err(error) => {
            tracing::error!(%error, "due domains cannot be claimed");
            Vec::new()
        }
    }
}

/// A look that panicked keeps its lease and is due again after it.
fn ended(finished: Result<DomainId, JoinError>, held: &mut HashMap<DomainId, i64>) {
    if let Ok(id) = finished {
        held.remove(&id);
    }
}

/// Waits until there is place for half a claim, or for as long as places are
/// gathered. Whether to go on.
async fn gather(
    looks: &mut JoinSet<DomainId>,
    held: &mut HashMap<DomainId, i64>,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    let enough = tokio::time::sleep(GATHER);
    tokio::pin!(enough);
    while AT_ONCE - looks.len() < CLAIM / 2 {
        tokio::select! {
            Some(finished) = looks.join_next() => ended(finished, held),
            () = &mut enough => break,
            _ = stop.wait_for(|stop| *stop) => return false,
        }
    }
    !*stop.borrow()
}

/// Until something is due here, or until another process may have made it so.
async fn until_next(ops: &Ops) -> Duration {
    match ops.store.next_due().await {
        Ok(Some(at)) => {
            let left = at.duration_since(ops.clock.now());
            Duration::try_from(left).unwrap_or(Duration::ZERO).clamp(Duration::from_millis(5), TICK)
        }
        _ => TICK,
    }
}

async fn look(ops: Ops, asker: Asker, due: Due, done: mpsc::Sender<Looked>) -> DomainId {
    let id = due.domain.id;
    let began = std::time::Instant::now();
    let plan = ops.plan(&due.domain);
    if let Some((findings, whole)) = observe(&ops, &asker, &due, &plan).await {
        metrics::histogram!("signet_look_seconds").record(began.elapsed().as_secs_f64());
        metrics::counter!("signet_look_results_total", "result" => result(&findings)).increment(1);
        let looked = ops.decide(&due, &plan, findings, whole);
        // The applier outlives all looks; only a stop closes it.
        let _ = done.send(looked).await;
    }
    id
}

/// What a look came to, in a word.
fn result(findings: &Findings) -> &'static str {
    let any = |wanted: fn(Status) -> bool| findings.verdicts.iter().any(|verdict| wanted(verdict.status));
    if any(Status::is_wrong) {
        "wrong"
    } else if any(|status| !status.is_right()) {
        "unknown"
    } else {
        "right"
    }
}

/// Looks at a domain. A routine pass asks one server; whatever it does not find
/// right, and every pending domain, is asked of all of them.
async fn observe(ops: &Ops, asker: &Asker, due: &Due, plan: &[PlannedRecord]) -> Option<(Findings, bool)> {
    let routine = due.domain.dns.is_verified() && !due.on_demand;
    if routine {
        // Without our keys, which only tell what stands in a CNAME's place.
        let findings = settle(ops, asker, due, plan, Ask::routine(), &[None, None]).await?;
        if checks::gate(due, plan, &findings) == Gate::Right && !changed(due, &findings) {
            return Some((findings, false));
        }
    }
    let keys = match ops.store.published_keys(&due.domain.record_id).await {
        Ok(keys) => keys.unwrap_or_default(),
        Err(error) => {
            tracing::error!(domain = %due.domain.name, %error, "a domain's keys cannot be read");
            return None;
        }
    };
    Some((settle(ops, asker, due, plan, Ask::thorough(), &keys).await?, Ask::thorough().scope == Scope::All))
}

/// Whether some record would be shown differently than before.
fn changed(due: &Due, findings: &Findings) -> bool {
    findings.verdicts.iter().any(|verdict| {
        let shown = due.domain.records.iter().find(|state| state.key == verdict.key);
        shown.is_none_or(|state| state.shown.status != verdict.status)
    })
}

/// The public keys (SPKI, DER) at a domain's two DKIM targets.
type Keys = [Option<Vec<u8>>; 2];

async fn settle(
    ops: &Ops,
    asker: &Asker,
    due: &Due,
    plan: &[PlannedRecord],
    ask: Ask,
    keys: &Keys,
) -> Option<Findings> {
    // Nobody can publish under a name they cannot guess.
    let probe = ops.random.record_id();
    let context = Context {
        provider: &ops.config.provider,
        domain: due.domain.name.name(),
        probe: probe.as_str(),
        dkim_keys: [keys[0].as_deref(), keys[1].as_deref()],
    };
    let settled = asker.settle(ask, |seen| verify::judge(&context, plan, seen)).await;
    metrics::histogram!("signet_look_questions")
        .record(u32::try_from(settled.seen.len()).unwrap_or(u32::MAX));
    match settled.value {
        Ok(findings) => Some(findings),
        Err(error) => {
            // Its lease runs out and it is looked at again.
            tracing::error!(domain = %due.domain.name, %error, "a look came to no end");
            None
        }
    }
}

/// Applies looks as they come, as many together as are there.
async fn apply(ops: Ops, mut looks: mpsc::Receiver<Looked>) {
    let mut batch = Vec::with_capacity(APPLY);
    while looks.recv_many(&mut batch, APPLY).await > 0 {
        match write(&ops, &batch).await {
            Ok(written) => {
                metrics::counter!("signet_looks_total", "outcome" => "applied").increment(written);
                metrics::counter!("signet_looks_total", "outcome" => "outdated")
                    .increment(batch.len() as u64 - written);
            }
            Err(error) => {
                tracing::error!(%error, looks = batch.len(), "looks cannot be written; they are made again");
            }
        }
        ops.looked.notify_waiters();
        ops.due.notify_one();
        batch.clear();
    }
}

async fn write(ops: &Ops, looks: &[Looked]) -> Result<u64, StoreError> {
    let cause = Cause { actor: "signet".to_string(), reason: String::new(), at: ops.clock.now() };
    let written = ops.store.apply_looks(looks, &cause).await?;
    Ok(written.into_iter().filter(|written| *written).count() as u64)
}
