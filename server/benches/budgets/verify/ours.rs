//! What the product does.

use super::{Costs, population};
use crate::world::Open;
use signet::{
    ops::{
        Ops,
        checks::{Observed, gate},
    },
    store::Due,
    worker::{Equipment, start},
};
use signet_core::{
    lifecycle::Gate,
    verify::{self, Context},
};
use signet_dns::ask::{Ask, Asker, Settings};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{sync::watch, task::JoinSet};

/// Settings that ask NSD and nobody else, as fast as it answers.
pub(super) fn settings(resolver: SocketAddr, authority_port: u16, ops: &Ops) -> Settings {
    Settings {
        resolvers: vec![resolver],
        authority_port,
        allow_private: true,
        rate_per_address: 0,
        rate_per_operator: 0,
        rate_per_resolver: 0,
        in_flight_per_address: 8192,
        own_zone: Some(ops.config.provider.zone.clone()),
        ..Settings::default()
    }
}

/// Domains that have been looked at.
#[derive(Debug, Default)]
pub(super) struct Looks {
    pub(super) right: AtomicU64,
    /// Those of which some server did not answer.
    pub(super) unknown: AtomicU64,
}

/// Asks, judges and decides on `domains` again and again, `at_once` of them at
/// the same time, as the worker does on a routine pass; nothing is written.
///
/// # Errors
/// When a record is found wrong.
pub(super) async fn verify(
    ops: &Ops,
    asker: &Asker,
    domains: &Arc<Vec<Due>>,
    at_once: usize,
    time: Duration,
) -> anyhow::Result<(Looks, Costs)> {
    let looks = Arc::new(Looks::default());
    let turn = Arc::new(AtomicUsize::new(0));
    let before = (Costs::now(), asker.stats());
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (ops, asker) = (ops.clone(), asker.clone());
        let (domains, looks, turn) = (domains.clone(), looks.clone(), turn.clone());
        tasks.spawn(async move {
            while began.elapsed() < time {
                let due = &domains[turn.fetch_add(1, Ordering::Relaxed) % domains.len()];
                match look(&ops, &asker, due).await? {
                    Gate::Right => looks.right.fetch_add(1, Ordering::Relaxed),
                    Gate::Unknown => looks.unknown.fetch_add(1, Ordering::Relaxed),
                    Gate::Wrong(_) => anyhow::bail!("{} is found wrong", due.domain.name),
                };
            }
            anyhow::Ok(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    let looks = Arc::into_inner(looks).unwrap_or_default();
    let domains = looks.right.load(Ordering::Relaxed) + looks.unknown.load(Ordering::Relaxed);
    let queries = asker.stats().queries() - before.1.queries();
    Ok((looks, before.0.until_now(domains, queries)))
}

async fn look(ops: &Ops, asker: &Asker, due: &Due) -> anyhow::Result<Gate> {
    let plan = ops.plan(&due.domain);
    let probe = ops.random.record_id();
    let context = Context {
        provider: &ops.config.provider,
        domain: due.domain.name.name(),
        probe: probe.as_str(),
        dkim_keys: [None, None],
        thorough: false,
        second_view: false,
    };
    let ask = Ask::routine().for_party(due.domain.account.0.unsigned_abs());
    let settled = asker.settle(ask, |seen| verify::judge(&context, &plan, seen)).await;
    let findings = settled.value?;
    let found = gate(due, &plan, &findings);
    let observed = Observed { findings, whole: false, others_answer: true };
    std::hint::black_box(ops.decide(due, &plan, observed));
    Ok(found)
}

/// The worker itself, over the database: claims, asks, judges, decides and
/// applies, until `time` is over or every domain has had `rounds` turns.
///
/// # Errors
/// When something cannot be started, or nothing comes of it.
pub(super) async fn verify_and_apply(
    open: &Open<'_>,
    equipment: Equipment,
    page: &metrics_exporter_prometheus::PrometheusHandle,
    time: Duration,
) -> anyhow::Result<Costs> {
    let (stop, stopped) = watch::channel(false);
    let mut workers = start(&open.ops, &equipment, &stopped);
    let applied = || super::counted(page, "signet_looks_total{outcome=\"applied\"}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (first, before, asked) = (applied(), Costs::now(), equipment.asker.stats());
    let began = Instant::now();
    let domains = u64::from(open.world.domains);
    let mut round_at = first;
    // A day passes as soon as everybody has had a turn.
    open.ops.clock.advance(jiff::SignedDuration::from_hours(30));
    open.ops.due.notify_one();
    while began.elapsed() < time {
        tokio::time::sleep(Duration::from_millis(5)).await;
        if applied() >= round_at + domains {
            round_at += domains;
            open.ops.clock.advance(jiff::SignedDuration::from_hours(30));
            open.ops.due.notify_one();
        }
    }
    let queries = equipment.asker.stats().queries() - asked.queries();
    let costs = before.until_now(applied() - first, queries);
    stop.send_replace(true);
    while workers.join_next().await.is_some() {}
    anyhow::ensure!(costs.domains > 0, "nothing was applied");
    Ok(costs)
}

/// Claims so many domains, to be looked at over and over.
///
/// # Errors
/// When the database cannot be read.
pub(super) async fn some(open: &Open<'_>, count: u32) -> anyhow::Result<Arc<Vec<Due>>> {
    let now = open.world.due + jiff::SignedDuration::from_hours(30);
    let mut domains = Vec::new();
    while domains.len() < usize::try_from(count.min(open.world.domains))? {
        let lease = now + jiff::SignedDuration::from_hours(1);
        let mut claimed = open.ops.store.claim_due(now, lease, 1000).await?;
        anyhow::ensure!(!claimed.is_empty(), "nothing is due");
        domains.append(&mut claimed);
    }
    let claims: Vec<_> = domains.iter().map(|due| (due.domain.id, due.version)).collect();
    for claims in claims.chunks(1000) {
        open.ops.store.put_back(claims, open.world.due).await?;
    }
    anyhow::ensure!(
        domains.iter().all(|due| due.domain.name.as_str().contains("host-")),
        "{}",
        population::OWN
    );
    Ok(Arc::new(domains))
}
