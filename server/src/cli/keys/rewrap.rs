//! `signet keys rewrap`.

use crate::{
    cli::{Outcome, output, told},
    ops::{
        Ops,
        rewrap::{Done, Goal, Rewrap},
    },
};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct RewrapArgs {
    /// Only add the new key to the key file, so that the file can be brought to all nodes first
    #[arg(long, conflicts_with = "retire_old")]
    prepare: bool,
    /// Take the old key out of the key file at the end; backups made before then need it to be kept elsewhere
    #[arg(long)]
    retire_old: bool,
}

/// What came of it.
#[derive(Debug, Default)]
struct Sum {
    added: bool,
    keys: u64,
    secrets: u64,
    retired: Vec<u32>,
}

pub(in crate::cli) async fn run(args: &RewrapArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let goal = match (args.prepare, args.retire_old) {
        (true, _) => Goal::Prepare,
        (false, true) => Goal::RetireOld,
        (false, false) => Goal::Rewrap,
    };
    let file = ops.key_file().await?;
    let mut rewrap = ops.rewrap(&file, goal).await.map_err(told)?;
    let (all, _) = ops.store.count_wrapped(rewrap.target()).await?;
    let bar =
        if json { ProgressBar::hidden() } else { ProgressBar::new(all).with_message("rewrapping keys") };
    let mut sum = Sum::default();
    while let Some(done) = rewrap.step().await.map_err(told)? {
        match done {
            Done::Added(_) => sum.added = true,
            Done::Seals(_) => {}
            Done::Keys { moved, left } => {
                sum.keys += moved;
                bar.set_position(all.saturating_sub(left));
            }
            Done::Secrets(moved) => sum.secrets += moved,
            Done::Retired(version) => sum.retired.push(version),
        }
    }
    bar.finish_and_clear();
    let present = file.present();
    if json {
        output::json(&json!({
            "version": rewrap.target(),
            "added": sum.added,
            "dkim_keys": sum.keys,
            "secrets": sum.secrets,
            "unreadable": rewrap.unreadable().rows,
            "unreadable_rows": rewrap.unreadable().named,
            "retired": sum.retired,
            "in_file": present,
        }))?;
    } else {
        report(goal, &rewrap, &sum, &present, &ops.config.key_file.display().to_string())?;
    }
    Ok(if rewrap.unreadable().rows == 0 { Outcome::Good } else { Outcome::Problems })
}

fn report(goal: Goal, rewrap: &Rewrap<'_>, sum: &Sum, present: &[u32], file: &str) -> std::io::Result<()> {
    let target = rewrap.target();
    if goal == Goal::Prepare {
        let what = if sum.added { "has a new key" } else { "had a new key already" };
        return output::line(&format!(
            "{file} {what}, version {target}, which nothing uses yet. Bring the file to every node, then run \
             signet keys rewrap here."
        ));
    }
    let unreadable = rewrap.unreadable();
    let everything = if unreadable.rows == 0 { "Everything" } else { "All that opens" };
    output::line(&format!(
        "{everything} lies under version {target} of the key-encryption key: {} DKIM keys and {} other secrets \
         were moved.",
        sum.keys, sum.secrets
    ))?;
    output::line(&format!("Keep a copy of {file} as it is now, apart from the backups."))?;
    let old: Vec<String> = present.iter().filter(|v| **v != target).map(ToString::to_string).collect();
    if !old.is_empty() {
        output::line(&format!(
            "Version {} is still in it, for backups made before now. Once you need none of those: signet keys \
             rewrap --retire-old",
            old.join(", ")
        ))?;
    }
    if !sum.retired.is_empty() {
        let retired: Vec<String> = sum.retired.iter().map(ToString::to_string).collect();
        output::line(&format!(
            "Version {} is retired: a backup made before now needs an older copy of the file.",
            retired.join(", ")
        ))?;
    }
    if unreadable.rows > 0 {
        output::warning(&format!(
            "{} rows open under no version of this key file and were left as they are: {}",
            unreadable.rows,
            unreadable.named.join("; ")
        ));
    }
    Ok(())
}
