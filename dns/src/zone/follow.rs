//! Following what changes in the zone.

use super::{
    domains::Domains,
    index::{Demos, Id, Ids},
    own::OwnZone,
    source::{BATCH, SourceFailed},
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::time::Instant;

/// How often the source is asked what has changed.
const EVERY: Duration = Duration::from_millis(250);
/// How long it may take to say.
const PATIENCE: Duration = Duration::from_secs(30);
/// The source forgets after a day what has changed. Who has not heard of it for
/// this long begins anew.
const REMEMBERED: Duration = Duration::from_secs(12 * 3600);
/// How many ids are read into the index at one time.
const PAGE: u32 = 10_000;

/// Where somebody is who follows.
#[derive(Default)]
pub(super) struct Follower {
    /// Up to which serial everything is known, and since when.
    known: Option<(i64, Instant)>,
    failing: bool,
}

/// Follows `zone` until `stop`: keeps an index of all its domains, so that names
/// that do not exist ask the source nothing, and forgets what changes, so that
/// everything else can be remembered for long.
pub(super) async fn run(zone: Arc<OwnZone>, stop: impl Future<Output = ()>) {
    let mut follower = Follower::default();
    let follow = async {
        loop {
            follower.step_and_say(&zone).await;
            tokio::time::sleep(EVERY).await;
        }
    };
    tokio::select! {
        () = follow => {}
        () = stop => {}
    }
}

impl Follower {
    async fn step_and_say(&mut self, zone: &OwnZone) {
        let failed = self.step(zone).await.is_err();
        if failed && !self.failing {
            tracing::error!("what changes in the zone cannot be followed");
        } else if !failed && self.failing {
            tracing::info!("what changes in the zone is followed again");
        }
        self.failing = failed;
    }

    /// Catches up with the source.
    async fn step(&mut self, zone: &OwnZone) -> Result<(), SourceFailed> {
        let domains = zone.domains();
        let asked_at = Instant::now();
        let known = self.known.filter(|(_, at)| at.elapsed() < REMEMBERED).map(|(serial, _)| serial);
        let changes = tokio::time::timeout(PATIENCE, domains.source.changes(known));
        let changes = changes.await.map_err(|_| SourceFailed)??;
        match (known, changes.ids) {
            (Some(known), Some(changed)) if known <= changes.serial => {
                apply(domains, changed.iter().map(|id| id.to_bytes()).collect()).await?;
                // Everything that had changed when we asked is known; the serial
                // says so from here on, never before.
                zone.set_serial(changes.serial);
                domains.watched_until(asked_at);
            }
            _ => {
                // What changes while we read, the next step hears of.
                domains.forget_all();
                load(domains).await?;
                tracing::info!(domains = domains.index.len(), "all domains of our zone are known");
            }
        }
        self.known = Some((changes.serial, asked_at));
        Ok(())
    }
}

async fn apply(domains: &Domains, changed: BTreeSet<Id>) -> Result<(), SourceFailed> {
    let changed: Vec<Id> = changed.into_iter().collect();
    for batch in changed.chunks(BATCH) {
        domains.forget(batch);
        let ids: Vec<_> = batch.iter().map(|id| signet_core::names::RecordId::from_random(*id)).collect();
        let read = tokio::time::timeout(PATIENCE, domains.source.domains(&ids));
        let mut gone: BTreeSet<&Id> = batch.iter().collect();
        for view in read.await.map_err(|_| SourceFailed)?? {
            let id = view.id.to_bytes();
            gone.remove(&id);
            domains.index.add(id, view.demo);
        }
        gone.into_iter().for_each(|id| domains.index.remove(id));
    }
    Ok(())
}

/// Reads page by page which domains there are. Meanwhile the source is asked.
async fn load(domains: &Domains) -> Result<(), SourceFailed> {
    let source = &domains.source;
    let mut ids = Ids::default();
    let mut after = None;
    loop {
        let page = source.ids(after.as_ref(), PAGE).await?;
        page.iter().for_each(|id| ids.insert(id.to_bytes()));
        let full = page.len() >= PAGE as usize;
        after = page.into_iter().next_back();
        if !full {
            break;
        }
    }
    let mut demos = Demos::default();
    let mut after = None;
    loop {
        let page = source.demos(after.as_ref(), PAGE).await?;
        let full = page.len() >= PAGE as usize;
        after = page.last().map(|(name, _)| name.clone());
        page.into_iter().for_each(|(name, id)| demos.insert(name, id.to_bytes()));
        if !full {
            break;
        }
    }
    domains.index.replace(ids, demos);
    Ok(())
}
