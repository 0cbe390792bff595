//! `signet keys rotate`.

use super::list::document;
use crate::{
    cli::{Outcome, domains::progress, output, told, with_key},
    ops::{Actor, Ops},
    store::{Domain, DomainId, KeyRing},
};
use clap::Args;
use std::time::Duration;

/// How often a waiting command looks whether it is done.
const POLL: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(in crate::cli) struct RotateArgs {
    /// The domain's number
    domain: DomainId,
    /// The key that signs is in wrong hands: revoke it as soon as another signs, keep nothing of it
    #[arg(long)]
    compromised: bool,
    /// Why, for the history
    #[arg(long, value_name = "TEXT", default_value = "asked for on the command line")]
    reason: String,
    /// Wait until the other key signs, or until so many seconds are over
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "86400")]
    wait: Option<u64>,
}

pub(super) async fn run(args: &RotateArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let domain = ops.store.domain_for_operator(args.domain).await?;
    let domain =
        domain.ok_or_else(|| anyhow::anyhow!("there is no domain with the number {}", args.domain))?;
    let actor = Actor::operator(domain.account);
    // With the key file it is seen whether the next key could sign at all.
    let with_key = with_key(ops).await.ok();
    let ops = with_key.as_ref().unwrap_or(ops);
    let before = signing(ops.store.key_ring(domain.account, domain.id).await?.as_ref());
    let (domain, keys) = ops.rotate(&actor, domain.id, args.compromised, &args.reason).await.map_err(told)?;
    let Some(wait) = args.wait else {
        show(ops, &domain, &keys, json)?;
        return Ok(Outcome::Good);
    };
    let bar = (!json).then(|| progress("waiting for a server to turn the keys"));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(wait);
    let asked = keys.version;
    let mut keys = keys;
    while signing(Some(&keys)) == before && tokio::time::Instant::now() < deadline {
        tokio::time::sleep(POLL).await;
        let Some(now) = ops.store.key_ring(domain.account, domain.id).await? else { break };
        keys = now;
        if let Some(bar) = &bar {
            bar.set_message(ops.standing(&domain, &keys).next());
        }
    }
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    show(ops, &domain, &keys, json)?;
    if signing(Some(&keys)) == before {
        output::warning(&unfinished(wait, keys.version != asked, &ops.standing(&domain, &keys).next()));
        return Ok(Outcome::Unknown);
    }
    Ok(Outcome::Good)
}

/// What is said when the wait is over: what is waited for, unless nobody has done a step.
fn unfinished(wait: u64, turned: bool, next: &str) -> String {
    if turned {
        format!("no other key signs after {wait} s: {next}")
    } else {
        format!("no other key signs after {wait} s, and no server has begun; is `signet serve` running?")
    }
}

/// The id of the key that signs.
fn signing(keys: Option<&KeyRing>) -> Option<String> {
    let keys = keys?;
    let active = keys.ring().active()?;
    keys.keys[active.index()].as_ref().map(|key| key.id.clone())
}

fn show(ops: &Ops, domain: &Domain, keys: &KeyRing, json: bool) -> anyhow::Result<()> {
    if json {
        output::json(&document(ops, domain, keys))?;
    } else {
        output::line(&format!("{}: {}", domain.name.to_unicode(), ops.standing(domain, keys).next()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waited_in_vain_learns_what_for() {
        let next = "mail under way is verified with the key before until 2026-05-05 08:00 UTC";
        assert_eq!(unfinished(60, true, next), format!("no other key signs after 60 s: {next}"));
        assert!(unfinished(60, false, next).ends_with("is `signet serve` running?"));
    }
}
