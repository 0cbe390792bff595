//! `signet domains check --all`: every domain looked at by whichever server runs.

use super::{Outcome, domains::progress, output, told};
use crate::{
    ops::Ops,
    store::{AccountId, Tally},
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::time::{Duration, Instant};

/// How often it is asked how far things are.
const POLL: Duration = Duration::from_millis(500);
/// Longer than any look takes: nobody looks any more.
const STALLED: Duration = Duration::from_secs(60);

/// Why nobody waits any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    /// The time given was over.
    TimeOver,
    /// Nothing moved.
    Stalled,
    /// Ctrl-C.
    Interrupted,
}

pub(super) async fn run(
    ops: &Ops,
    account: Option<AccountId>,
    wait: Option<Duration>,
    json: bool,
) -> anyhow::Result<Outcome> {
    let began = Instant::now();
    let spinner = (!json).then(|| progress("asking for every domain to be looked at"));
    let asked = ops.check_all(account).await.map_err(told)?;
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    let bar = if json { ProgressBar::hidden() } else { bar(asked)? };
    let (done, end) = follow(ops, account, asked, wait, &bar).await?;
    bar.finish_and_clear();
    let tally = ops.store.tally(account).await?;
    print(asked, done, end, began.elapsed(), &tally, json)?;
    Ok(outcome(end, &tally))
}

/// Drawn on standard error when that is a terminal, nowhere else.
fn bar(asked: u64) -> anyhow::Result<ProgressBar> {
    let style = "{bar:32} {human_pos} of {human_len} domains, {per_sec}, {eta} left";
    let bar = ProgressBar::new(asked).with_style(ProgressStyle::with_template(style)?);
    bar.enable_steady_tick(POLL);
    Ok(bar)
}

/// Waits until all are looked at; how many are, and why it ended.
async fn follow(
    ops: &Ops,
    account: Option<AccountId>,
    asked: u64,
    wait: Option<Duration>,
    bar: &ProgressBar,
) -> anyhow::Result<(u64, End)> {
    let began = Instant::now();
    let (mut done, mut moved) = (0, Instant::now());
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    loop {
        let outstanding = ops.store.checks_outstanding(account).await?;
        // Somebody may have asked for more since.
        let now_done = asked.saturating_sub(outstanding);
        if now_done != done {
            (done, moved) = (now_done, Instant::now());
            bar.set_position(done);
        }
        let end = if outstanding == 0 {
            Some(End::Done)
        } else if wait.is_some_and(|wait| began.elapsed() >= wait) {
            Some(End::TimeOver)
        } else {
            (moved.elapsed() >= STALLED).then_some(End::Stalled)
        };
        if let Some(end) = end {
            return Ok((done, end));
        }
        tokio::select! {
            () = tokio::time::sleep(POLL) => {}
            _ = &mut interrupted => return Ok((done, End::Interrupted)),
        }
    }
}

fn print(asked: u64, done: u64, end: End, took: Duration, tally: &Tally, json: bool) -> std::io::Result<()> {
    let seconds = took.as_secs_f64();
    if json {
        output::json(&json!({
            "asked": asked,
            "done": done,
            "finished": end == End::Done,
            "seconds": (seconds * 1000.0).round() / 1000.0,
            "verified": tally.verified,
            "suspect": tally.suspect,
            "at_risk": tally.at_risk,
            "lost": tally.lost,
            "pending": tally.pending,
            "unseen": tally.unseen,
        }))?;
    } else {
        let rate = if seconds > 0.0 { done as f64 / seconds } else { 0.0 };
        output::line(&format!("{done} of {asked} domains looked at in {seconds:.1} s ({rate:.0}/s)"))?;
        for (name, domains, meaning) in [
            ("verified", tally.verified, "all that counts is right"),
            ("suspect", tally.suspect, "verified; something wrong was seen once"),
            ("at risk", tally.at_risk, "verified; will be lost unless it is mended"),
            ("lost", tally.lost, "verified once, not any more"),
            ("pending", tally.pending, "never verified"),
            ("unseen", tally.unseen, "of all these: not everything could be seen at the last look"),
        ] {
            output::line(&format!("{name:<9} {domains:>9}  {}", output::painted(meaning, output::dim())))?;
        }
    }
    match end {
        End::Done => {}
        End::TimeOver => output::warning("not all have been looked at; the checks go on by themselves"),
        End::Stalled => output::warning(&format!(
            "nothing was looked at for {} s; is `signet serve` running? The checks stay asked for.",
            STALLED.as_secs()
        )),
        End::Interrupted => output::warning("the checks go on by themselves; only the waiting has ended"),
    }
    Ok(())
}

fn outcome(end: End, tally: &Tally) -> Outcome {
    if end != End::Done {
        Outcome::Unknown
    } else if tally.suspect + tally.at_risk + tally.lost + tally.pending > 0 {
        Outcome::Problems
    } else if tally.unseen > 0 {
        Outcome::Unknown
    } else {
        Outcome::Good
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unfinished_or_unseen_is_unknown_and_what_is_wrong_a_problem() {
        let good = Tally { verified: 3, ..Tally::default() };
        assert_eq!(outcome(End::Done, &good), Outcome::Good);
        for end in [End::TimeOver, End::Stalled, End::Interrupted] {
            assert_eq!(outcome(end, &good), Outcome::Unknown);
        }
        let unseen = Tally { unseen: 1, ..good };
        assert_eq!(outcome(End::Done, &unseen), Outcome::Unknown);
        for wrong in [
            Tally { suspect: 1, ..unseen },
            Tally { at_risk: 1, ..unseen },
            Tally { lost: 1, ..unseen },
            Tally { pending: 1, ..unseen },
        ] {
            assert_eq!(outcome(End::Done, &wrong), Outcome::Problems);
        }
    }
}
