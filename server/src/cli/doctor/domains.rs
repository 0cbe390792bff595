//! What our zone holds for domains, compared with what the world sees of it.

use crate::{clock::Randomness, ops::Ops, store::ZoneDomain};
use indicatif::ProgressBar;
use signet_core::doctor::{self, Batch, DemoDomain, Finding, Tally, Target};
use signet_dns::{
    ask::{Ask, Asker},
    zone::OwnZone,
};
use std::time::Duration;

/// Domains looked at without `--all`.
const SAMPLE: u32 = 50;
/// Domains looked at together.
const PAGE: u32 = 200;
/// What answers may be out of date by, and name servers then take.
const TO_CATCH_UP: Duration = Duration::from_secs(10);

/// Looks at a sample of the domains, or at every one.
///
/// # Errors
/// When the database fails.
pub(super) async fn look(
    ops: &Ops,
    zone: &OwnZone,
    asker: &Asker,
    all: bool,
    spinner: Option<&ProgressBar>,
) -> anyhow::Result<Vec<Finding>> {
    let mut tally = Tally::default();
    let mut waited = false;
    // Record ids are random: those after a random one are a sample.
    let start = (!all).then(|| Randomness::default().record_id());
    let mut after = start.clone();
    let mut at_the_beginning = all;
    loop {
        let looked_at = u32::try_from(tally.domains).unwrap_or(u32::MAX);
        let limit = if all { PAGE } else { SAMPLE.saturating_sub(looked_at) };
        let mut page = ops.store.zone_page(after.as_ref(), limit).await?;
        let complete = page.len() < limit as usize;
        after = page.last().map(|domain| domain.record_id.clone());
        if let Some(start) = start.as_ref().filter(|_| at_the_beginning) {
            // Those have been looked at.
            page.retain(|domain| domain.record_id <= *start);
        }
        tally = judged(ops, zone, asker, page, tally, &mut waited).await?;
        if let Some(spinner) = spinner.filter(|_| all) {
            spinner.set_message(format!("asking about DKIM keys: {} domains", tally.domains));
        }
        match (complete, at_the_beginning) {
            (false, _) if all => {}
            // A sample that began near the end goes on at the beginning.
            (true, false) => (at_the_beginning, after) = (true, None),
            _ => break,
        }
    }
    let every = all || tally.domains < u64::from(SAMPLE);
    Ok(tally.findings(&ops.config.provider, every))
}

/// `tally` with a page of domains. What is wrong at first is looked at once
/// more after some seconds: the database may have changed this moment.
async fn judged(
    ops: &Ops,
    zone: &OwnZone,
    asker: &Asker,
    page: Vec<ZoneDomain>,
    before: Tally,
    waited: &mut bool,
) -> anyhow::Result<Tally> {
    let tally = asked(ops, zone, asker, &page, &before).await?;
    if tally.faults() == before.faults() || *waited {
        return Ok(tally);
    }
    tokio::time::sleep(TO_CATCH_UP).await;
    let again = asked(ops, zone, asker, &page, &before).await?;
    // What stays wrong is wrong, and the next is not waited for.
    *waited = again.faults() > before.faults();
    Ok(again)
}

async fn asked(
    ops: &Ops,
    zone: &OwnZone,
    asker: &Asker,
    page: &[ZoneDomain],
    before: &Tally,
) -> anyhow::Result<Tally> {
    let provider = &ops.config.provider;
    let batch = batch(ops, zone, page).await?;
    // The names of demo domains are below our own zone's or another's apex; what
    // stands there needs no search for a zone cut of its own.
    let ask = Ask { exact_zone: false, ..Ask::thorough() };
    let settled = asker.settle(ask, |seen| {
        let mut tally = before.clone();
        doctor::domains(provider, &batch, seen, &mut tally).map(|()| tally)
    });
    Ok(settled.await.value?)
}

/// What must be seen of these domains. What our zone holds for one is what its
/// own zone server answers; how keys are kept is no matter here.
async fn batch(ops: &Ops, zone: &OwnZone, page: &[ZoneDomain]) -> anyhow::Result<Batch> {
    let provider = &ops.config.provider;
    let mut batch = Batch { domains: page.len() as u64, ..Batch::default() };
    for domain in page {
        for number in [1, 2] {
            let name = provider.dkim_target(number, &domain.record_id);
            let text = zone.texts(&name).await?.into_iter().next();
            batch.targets.push(Target { name, text });
        }
        let demo = domain.demo_name.clone().map(|name| DemoDomain { name, id: domain.record_id.clone() });
        batch.demos.extend(demo);
    }
    Ok(batch)
}
