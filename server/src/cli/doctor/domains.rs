//! What our zone holds for domains, compared with what the world sees of it.

use crate::{clock::Randomness, ops::Ops, store::ZoneDomain};
use indicatif::ProgressBar;
use signet_core::{
    doctor::{self, Batch, DemoDomain, Finding, Tally, Target},
    names::RecordId,
};
use signet_dns::{
    ask::{Ask, Asker},
    zone::OwnZone,
};
use std::time::Duration;

/// Domains looked at without `--all`, where there are more.
const SAMPLE: u64 = 5_000;
/// Domains looked at together.
const PAGE: u32 = 200;
/// What answers may be out of date by, and name servers then take.
const TO_CATCH_UP: Duration = Duration::from_secs(10);

/// Looks at every domain, or where that is not asked for and there are many, at a sample.
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
    let mut round =
        if all { Round::of_all() } else { Round::of_sample(Randomness::default().record_id(), SAMPLE) };
    while let Some((after, limit)) = round.next() {
        let page = ops.store.zone_page(after, limit).await?;
        let page = round.take(page, limit);
        if page.is_empty() {
            continue;
        }
        tally = judged(ops, zone, asker, page, tally, &mut waited).await?;
        if let Some(spinner) = spinner {
            spinner.set_message(format!("asking about DKIM keys: {} domains", tally.domains));
        }
    }
    Ok(tally.findings(&ops.config.provider, round.is_of_every()))
}

/// Which domains are looked at, page by page in the order of their record ids.
#[derive(Debug)]
struct Round {
    /// A sample's beginning: record ids are random, so that those after a random one are
    /// a sample. Past the end it goes on at the first, and up to here.
    start: Option<RecordId>,
    after: Option<RecordId>,
    /// How many more are wanted, where not all are.
    left: Option<u64>,
    /// What follows ends with the round, not at the first again.
    last_part: bool,
    over: bool,
    /// There was one more than wanted.
    partial: bool,
}

impl Round {
    fn of_all() -> Self {
        Self { start: None, after: None, left: None, last_part: true, over: false, partial: false }
    }

    fn of_sample(start: RecordId, most: u64) -> Self {
        let after = Some(start.clone());
        Self { start: Some(start), after, left: Some(most), last_part: false, over: false, partial: false }
    }

    /// Whether there was no domain that it left out.
    fn is_of_every(&self) -> bool {
        !self.partial
    }

    /// What to read next: so many after this one.
    fn next(&self) -> Option<(Option<&RecordId>, u32)> {
        // One more than is wanted says whether there are more.
        let limit =
            self.left.map_or(PAGE, |left| u32::try_from(left + 1).map_or(PAGE, |left| left.min(PAGE)));
        (!self.over).then_some((self.after.as_ref(), limit))
    }

    /// What of a page read so belongs to the round.
    fn take(&mut self, mut page: Vec<ZoneDomain>, limit: u32) -> Vec<ZoneDomain> {
        let complete = page.len() < limit as usize;
        if let Some(last) = page.last() {
            self.after = Some(last.record_id.clone());
        }
        if let Some(start) = self.start.as_ref().filter(|_| self.last_part) {
            // Those behind it have been looked at.
            let read = page.len();
            page.retain(|domain| domain.record_id <= *start);
            self.over = page.len() < read;
        }
        if let Some(left) = &mut self.left {
            let wanted = usize::try_from(*left).unwrap_or(usize::MAX);
            if page.len() > wanted {
                page.truncate(wanted);
                (self.partial, self.over) = (true, true);
            }
            *left -= page.len() as u64;
        }
        match (complete, self.last_part) {
            (true, true) => self.over = true,
            (true, false) => (self.last_part, self.after) = (true, None),
            (false, _) => {}
        }
        page
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// More than two pages.
    const MOST: u64 = 450;

    fn domain(record_id: &RecordId) -> ZoneDomain {
        ZoneDomain { record_id: record_id.clone(), keys: [None, None], demo_name: None }
    }

    /// All that a round looks at, each once.
    fn looked_at(mut round: Round, there: &BTreeSet<RecordId>) -> (BTreeSet<RecordId>, bool) {
        let mut seen = BTreeSet::new();
        let mut pages = 0;
        while let Some((after, limit)) = round.next() {
            let page = there.iter().filter(|id| after.is_none_or(|after| *id > after));
            let page = page.take(limit as usize).map(domain).collect();
            for domain in round.take(page, limit) {
                assert!(seen.insert(domain.record_id), "twice");
            }
            pages += 1;
            assert!(pages < 100, "no end");
        }
        (seen, round.is_of_every())
    }

    #[test]
    fn every_domain_is_looked_at_up_to_a_number_and_a_sample_of_so_many_beyond() {
        let random = Randomness::default();
        for domains in [0, 1, 199, 200, 201, 449, 450, 451, 1000] {
            let mut there = BTreeSet::new();
            while there.len() < domains {
                there.insert(random.record_id());
            }
            assert_eq!(looked_at(Round::of_all(), &there), (there.clone(), true));
            let mut starts: Vec<RecordId> = (0..20).map(|_| random.record_id()).collect();
            starts.extend(there.first().cloned());
            starts.extend(there.last().cloned());
            starts.extend(there.iter().nth(domains / 2).cloned());
            for start in starts {
                let (seen, every) = looked_at(Round::of_sample(start.clone(), MOST), &there);
                assert_eq!(seen.len(), domains.min(450), "of {domains} from {start:?}");
                assert_eq!(every, domains <= 450, "of {domains} from {start:?}");
            }
        }
    }
}
