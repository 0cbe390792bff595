//! `signet review`.

pub(super) mod dry_run;
pub(super) mod policy;

use super::{Outcome, Reason, account, domains, output, told};
use crate::{
    ops::Ops,
    store::{AccountId, DomainId, Ruling},
};
use clap::{Args, Subcommand};
use serde_json::Value;

#[derive(Debug, Subcommand)]
pub(super) enum ReviewCommand {
    /// List the domains that wait for a decision, oldest first
    List,
    /// Let a domain send
    Approve(OnDomain),
    /// Refuse a domain
    Reject(OnDomain),
    /// Stop a domain, or an account with all its domains, from sending
    Suspend(OnEither),
    /// End a suspension
    Lift(OnEither),
}

/// All of it, with what needs no database.
#[derive(Debug, Subcommand)]
pub(super) enum Review {
    #[command(flatten)]
    Operator(ReviewCommand),
    /// Print the policy of the automatic review that is in force
    Policy,
    /// Say what a policy would decide about a domain; exit 0 approve, 2 could not tell, 1 otherwise
    DryRun(dry_run::DryRunArgs),
}

#[derive(Debug, Args)]
pub(super) struct OnDomain {
    /// The domain's number
    id: DomainId,
    #[command(flatten)]
    reason: Reason,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false, id = "subject", args = ["id", "account"])]
pub(super) struct OnEither {
    /// The domain's number
    id: Option<DomainId>,
    /// The account's number
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    #[command(flatten)]
    reason: Reason,
}

/// More are not of use on one screen; decide on some and list again.
const QUEUE: u32 = 500;

pub(super) async fn run(command: ReviewCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    match command {
        ReviewCommand::List => {
            let queue = ops.review_queue(QUEUE).await.map_err(told)?;
            if json {
                output::json(&Value::Array(queue.iter().map(domains::document).collect()))?;
            } else {
                domains::print_list(&queue, "Nothing waits for a decision.")?;
            }
            Ok(Outcome::Good)
        }
        ReviewCommand::Approve(on) => rule(ops, on.id, Ruling::Approve, &on.reason, json).await,
        ReviewCommand::Reject(on) => rule(ops, on.id, Ruling::Reject, &on.reason, json).await,
        ReviewCommand::Suspend(on) => suspend(ops, on, true, json).await,
        ReviewCommand::Lift(on) => suspend(ops, on, false, json).await,
    }
}

async fn suspend(ops: &Ops, on: OnEither, suspended: bool, json: bool) -> anyhow::Result<Outcome> {
    match (on.id, on.account) {
        (Some(id), _) => {
            let ruling = if suspended { Ruling::Suspend } else { Ruling::Lift };
            rule(ops, id, ruling, &on.reason, json).await
        }
        (None, Some(id)) => {
            let account = ops.suspend_account(id, suspended, &on.reason.reason).await.map_err(told)?;
            if json {
                output::json(&account::document(&account))?;
            } else {
                let state = if account.suspended { "suspended" } else { "active" };
                output::line(&format!("Account {} ({}) is {state}.", account.id, account.name))?;
            }
            Ok(Outcome::Good)
        }
        (None, None) => anyhow::bail!("name a domain or an account"),
    }
}

async fn rule(
    ops: &Ops,
    id: DomainId,
    ruling: Ruling,
    reason: &Reason,
    json: bool,
) -> anyhow::Result<Outcome> {
    let domain = ops.rule(id, ruling, &reason.reason).await.map_err(told)?;
    if json {
        output::json(&domains::document(&domain))?;
    } else {
        let (status, meaning) = (domain.compliance(), domain.compliance().meaning());
        output::line(&format!("{} (domain {}) is now {status}: {meaning}", domain.name, domain.id))?;
    }
    Ok(Outcome::Good)
}
