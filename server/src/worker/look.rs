//! Looks at due domains: claim → plan → observe → verify → decide → one call
//! of the store. "Check now" makes a domain due; there is no second path.

use super::{
    TICK,
    lanes::{Lanes, Place},
    pause,
};
use crate::{
    ops::{
        Ops,
        checks::{self, Observed},
    },
    store::{Cause, DomainId, Due, Looked, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    lifecycle::Gate,
    observe::{Question, RecordType, View},
    plan::PlannedRecord,
    verify::{self, Code, Context, Findings, Status, dkim::PublicKey},
};
use signet_dns::ask::{Ask, Asker, Mode, Scope};
use std::{collections::HashMap, sync::atomic::Ordering, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
};

/// Claimed with one statement at most.
const CLAIM: usize = 128;
/// How long places are gathered for the next claim while there is a backlog: a
/// claim for every look that ends would cost as much as the look.
const GATHER: Duration = Duration::from_millis(10);
/// Places that are gathered at least, unless that takes longer.
const REFILL: u32 = 64;
/// Applied together at most.
const APPLY: usize = 256;
/// Longer than a look can take, its patience with every server of two rounds
/// included; after a crash other nodes look again when it has run out.
const LEASE: SignedDuration = SignedDuration::from_mins(2);
/// What was due while nobody looked is spread over this time at start.
const CATCH_UP: SignedDuration = SignedDuration::from_mins(5);
/// When a look that was broken off is made again, at the earliest and at the
/// latest; where somebody waits for it, a tenth of that.
const LATER: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_mins(3)];

/// Domains claimed, with the version each was claimed with.
type Held = HashMap<DomainId, i64>;

pub(super) async fn run(ops: Ops, asker: Asker, mut stop: watch::Receiver<bool>) {
    let spreading = tokio::spawn(spread_overdue(ops.clone()));
    let (done, applying) = mpsc::channel(APPLY);
    let applier = tokio::spawn(apply(ops.clone(), applying));
    let mut looks: JoinSet<DomainId> = JoinSet::new();
    let mut held = Held::new();
    let lanes = Lanes::default();
    loop {
        while let Some(finished) = looks.try_join_next() {
            // A look that panicked keeps its lease and is due again after it.
            if let Ok(id) = finished {
                held.remove(&id);
            }
        }
        let wanted = lanes.free().min(CLAIM);
        // The claim itself is under way: nobody sees domains that are neither due
        // nor looked at.
        ops.under_way.fetch_add(1, Ordering::Relaxed);
        let claimed = if wanted == 0 { Vec::new() } else { claim(&ops, wanted).await };
        let backlog = claimed.len() == wanted;
        metrics::counter!("signet_looks_claimed_total").increment(claimed.len() as u64);
        for due in claimed {
            // Nobody else takes places; what was claimed too much would be due
            // again when its lease ends.
            let Some(place) = lanes.enter() else { break };
            ops.under_way.fetch_add(1, Ordering::Relaxed);
            held.insert(due.domain.id, due.version);
            let lane = (lanes.clone(), place);
            looks.spawn(look(ops.clone(), asker.clone(), due, lane, done.clone()));
        }
        ops.under_way.fetch_sub(1, Ordering::Relaxed);
        let go_on = if backlog {
            gather(&lanes, &mut stop).await
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

/// Waits until there is place for half a claim, or for as long as places are
/// gathered. Whether to go on.
async fn gather(lanes: &Lanes, stop: &mut watch::Receiver<bool>) -> bool {
    tokio::select! {
        () = lanes.some_free(REFILL) => {}
        () = tokio::time::sleep(GATHER) => {}
        _ = stop.wait_for(|stop| *stop) => return false,
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

async fn look(
    ops: Ops,
    asker: Asker,
    due: Due,
    (lanes, place): (Lanes, Place),
    done: mpsc::Sender<Looked>,
) -> DomainId {
    let id = due.domain.id;
    let began = std::time::Instant::now();
    let plan = ops.plan(&due.domain);
    match lanes.run(place, observe(&ops, &asker, &due, &plan)).await {
        Some((Some(observed), _place)) => {
            metrics::histogram!("signet_look_seconds").record(began.elapsed().as_secs_f64());
            metrics::counter!("signet_look_results_total", "result" => result(&observed.findings))
                .increment(1);
            let looked = ops.decide(&due, &plan, observed);
            // The applier outlives all looks; only a stop closes it. Until it is
            // ready nobody else begins.
            let _ = done.send(looked).await;
            return id;
        }
        // Its lease runs out and it is looked at again.
        Some((None, _)) => {}
        None => later(&ops, &due).await,
    }
    ops.under_way.fetch_sub(1, Ordering::Relaxed);
    id
}

/// Puts back a domain whose servers are slow, beside too many others.
async fn later(ops: &Ops, due: &Due) {
    metrics::counter!("signet_looks_total", "outcome" => "put_off").increment(1);
    let [earliest, latest] = LATER.map(|wait| if due.on_demand { wait / 10 } else { wait });
    let wait = earliest + (latest - earliest) * i32::from(ops.random.spread()) / 1000;
    let at = ops.clock.now().saturating_add(wait).unwrap_or(Timestamp::MAX);
    if let Err(error) = ops.store.put_back(&[(due.domain.id, due.version)], at).await {
        tracing::warn!(%error, "a check broken off was not put back; it is due when its lease ends");
    }
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
async fn observe(ops: &Ops, asker: &Asker, due: &Due, plan: &[PlannedRecord]) -> Option<Observed> {
    let party = due.domain.account.0.unsigned_abs();
    let routine = due.domain.dns.is_verified() && !due.on_demand;
    if routine {
        // Without the keys in our zone, which only tell what stands in a CNAME's place.
        let ask = Ask::routine().for_party(party);
        let keys = raw_keys(due).unwrap_or_default();
        let mut findings = settle(ops, asker, due, plan, ask, &keys).await?;
        if checks::gate(due, plan, &findings) == Gate::Right && !changed(due, plan, &findings) {
            // It has not asked where exactly the zone begins.
            findings.zone = None;
            return Some(Observed { findings, whole: false, others_answer: true });
        }
    }
    let keys = match raw_keys(due) {
        Some(keys) => keys,
        None => zone_keys(ops, due).await?,
    };
    let ask = if due.on_demand { Ask::on_demand() } else { Ask::thorough() };
    let findings = settle(ops, asker, due, plan, ask.for_party(party), &keys).await?;
    let others_answer = !turned_away(&findings) || others_answer(ops, asker, due).await;
    Some(Observed { findings, whole: true, others_answer })
}

/// The keys that the owner is to publish, as the plan has them; `None` where we
/// publish them.
fn raw_keys(due: &Due) -> Option<Keys> {
    let of_text = |text: &Option<String>| Some(PublicKey::from_record(text.as_deref()?)?.to_spki());
    due.domain.raw_dkim.as_ref().map(|texts| texts.each_ref().map(of_text))
}

/// The keys that we publish.
async fn zone_keys(ops: &Ops, due: &Due) -> Option<Keys> {
    match ops.store.key_ring(due.domain.account, due.domain.id).await {
        Ok(ring) => Some(ring.map(|ring| ring.keys.map(|key| key.map(|key| key.public))).unwrap_or_default()),
        Err(error) => {
            tracing::error!(domain = %due.domain.name, %error, "a domain's keys cannot be read");
            None
        }
    }
}

/// Whether all servers of some zone turned us away.
fn turned_away(findings: &Findings) -> bool {
    findings.verdicts.iter().any(|verdict| matches!(verdict.code, Code::Refused | Code::Lame))
}

/// Whether somebody else's servers do answer us at this moment: our own zone's,
/// or those above the domain. If they turn us away as well, it is about us.
async fn others_answer(ops: &Ops, asker: &Asker, due: &Due) -> bool {
    let organizational = due.domain.name.name().organizational();
    let own = Question::new(&ops.config.provider.zone, RecordType::Soa);
    let above = organizational.map(|name| Question { name, rtype: RecordType::Ns, view: View::Parent });
    for control in [Some(own), above].into_iter().flatten() {
        if asker.look(&control, Ask::thorough()).await.answers().next().is_some() {
            return true;
        }
    }
    false
}

/// Whether some record would be shown differently than before.
fn changed(due: &Due, plan: &[PlannedRecord], findings: &Findings) -> bool {
    plan.iter().zip(&findings.verdicts).any(|(record, verdict)| {
        due.domain.state_of(record).is_none_or(|state| state.shown.status != verdict.status)
    })
}

/// The public keys (SPKI, DER) of a domain's two selectors.
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
        thorough: ask.scope == Scope::All,
        second_view: ask.scope == Scope::All && asker.mode() == Mode::Authoritative,
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
        match write(&ops, &mut batch).await {
            Ok(written) => {
                metrics::counter!("signet_looks_total", "outcome" => "applied").increment(written);
                metrics::counter!("signet_looks_total", "outcome" => "outdated")
                    .increment(batch.len() as u64 - written);
            }
            Err(error) => {
                tracing::error!(%error, looks = batch.len(), "looks cannot be written; they are made again");
            }
        }
        ops.under_way.fetch_sub(batch.len(), Ordering::Relaxed);
        ops.looked.notify_waiters();
        ops.due.notify_one();
        batch.clear();
    }
}

async fn write(ops: &Ops, looks: &mut [Looked]) -> Result<u64, StoreError> {
    ops.hold_back(looks).await?;
    let cause = Cause::signet(ops.clock.now());
    let written = ops.store.apply_looks(looks, &cause).await?;
    if looks.iter().any(|look| look.alert.is_some()) {
        ops.noticed.notify_one();
    }
    if looks.iter().any(|look| !look.events.is_empty()) {
        ops.published.notify_one();
    }
    Ok(written.into_iter().filter(|written| *written).count() as u64)
}
