//! The store's part of looking at domains again and again.

use crate::{
    Arguments,
    report::{Row, grouped},
    world::{Open, Time, World, looked},
};
use jiff::SignedDuration;
use signet::store::{Cause, Looked};
use sqlx::{Connection as _, Executor as _, Row as _};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// As the worker claims and applies.
const CLAIM: u32 = 128;
const APPLY: usize = 256;
const TURNS: u32 = 4;
/// Domains per second, and how much longer one may take among many.
const RATE: f64 = 5_000.0;
const GROWTH: f64 = 1.5;
/// A verified domain's turn comes round in about this.
const ROUND: SignedDuration = SignedDuration::from_hours(24);

/// Measures it.
///
/// # Errors
/// When the store fails, or a look changed something.
pub(crate) async fn measure(few: &World, many: &World, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let before = [fingerprint(few).await?, fingerprint(many).await?];
    let (few_open, many_open) = (few.open(Time::Due).await?, many.open(Time::Due).await?);
    let mut totals = [(0u64, Duration::ZERO); 2];
    for turn in 0..=TURNS {
        for (open, total) in [&few_open, &many_open].into_iter().zip(&mut totals) {
            let (domains, took) = look_over(open, arguments.slice(TURNS)).await?;
            if turn > 0 {
                total.0 += domains;
                total.1 += took;
            }
        }
    }
    few_open.ops.store.close().await;
    many_open.ops.store.close().await;
    let after = [fingerprint(few).await?, fingerprint(many).await?];
    anyhow::ensure!(before == after, "looks that found nothing new changed something: {before:?}, {after:?}");

    let [rate_few, rate_many] = totals.map(|(domains, took)| domains as f64 / took.as_secs_f64());
    let growth = rate_few / rate_many;
    let row = |world: &World, rate: f64, beside: String, ratio, budget| Row {
        what: format!("claim and apply, nothing changed, {} domains", grouped(f64::from(world.domains))),
        figure: format!("{} domains/s", grouped(rate)),
        beside,
        ratio,
        budget,
    };
    let beside = format!("{} domains/s among {}", grouped(rate_few), grouped(f64::from(few.domains)));
    Ok(vec![
        row(many, rate_many, "–".to_string(), None, Some(("≥ 5,000 domains/s", rate_many >= RATE))).say(),
        row(many, rate_many, beside, Some(growth), Some(("cost of one ≤ 1.5", growth <= GROWTH))).say(),
    ])
}

/// Claims and applies side by side for a while, as the worker does; how many.
async fn look_over(open: &Open<'_>, time: Duration) -> anyhow::Result<(u64, Duration)> {
    let (done, looks) = mpsc::channel(APPLY);
    let began = Instant::now();
    let applying = tokio::spawn(apply(open.ops.clone(), looks));
    // The clock moves as fast as domains come due.
    let step = ROUND * i32::try_from(CLAIM)? / i32::try_from(open.world.domains)?;
    'claiming: while began.elapsed() < time {
        let now = open.ops.clock.now();
        // The clock runs ahead of what is being applied; nobody's lease ends.
        let claimed = open.ops.store.claim_due(now, now + ROUND * 100, CLAIM).await?;
        if claimed.len() < CLAIM as usize {
            open.ops.clock.advance(step);
        }
        for due in &claimed {
            if done.send(looked(&open.ops, due, false)).await.is_err() {
                // It has ended, and says why.
                break 'claiming;
            }
        }
    }
    drop(done);
    let applied = applying.await??;
    Ok((applied, began.elapsed()))
}

async fn apply(ops: signet::ops::Ops, mut looks: mpsc::Receiver<Looked>) -> anyhow::Result<u64> {
    let mut batch = Vec::with_capacity(APPLY);
    let mut applied = 0;
    while looks.recv_many(&mut batch, APPLY).await > 0 {
        let cause = Cause::signet(ops.clock.now());
        let written = ops.store.apply_looks(&batch, &cause).await?;
        anyhow::ensure!(written.iter().all(|&written| written), "a look came too late");
        applied += batch.len() as u64;
        batch.clear();
    }
    Ok(applied)
}

/// What must be the same afterwards: history, reports, states.
pub(crate) async fn fingerprint(world: &World) -> anyhow::Result<(i64, i64, i64)> {
    let mut conn = world.raw().await?;
    let row = conn
        .fetch_one(
            "SELECT (SELECT COUNT(*) FROM event), (SELECT SUM(digest % 1000003) FROM look), \
             (SELECT COUNT(*) FROM domain WHERE dns_state = 'verified')",
        )
        .await?;
    conn.close().await?;
    Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
}
