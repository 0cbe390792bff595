//! `signet review`.

pub(super) mod dry_run;
pub(super) mod policy;

use super::{Outcome, account, domains, output, told};
use crate::{
    ops::Ops,
    store::{AccountId, Cause, Domain, DomainId, Ruling},
};
use clap::{Args, Subcommand};
use serde_json::Value;
use signet_core::lifecycle::Suspension;

#[derive(Debug, Subcommand)]
pub(super) enum ReviewCommand {
    /// List the domains that wait for a decision, oldest first
    List,
    /// Let a domain send
    Approve(OnDomain),
    /// Refuse a domain
    Reject(OnDomain),
    /// Stop a domain, or an account with all its domains, from sending
    Suspend {
        #[command(flatten)]
        on: OnEither,
        /// Let mail wait instead of refusing it, while you look into something
        #[arg(long)]
        hold: bool,
    },
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
    because: Because,
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
    because: Because,
}

#[derive(Debug, Args)]
struct Because {
    /// Why, on one line; it goes into the history and to the owner
    #[arg(long)]
    reason: String,
    /// Only if nobody has decided since: the version you have read
    #[arg(long = "if-version", value_name = "N")]
    version: Option<i64>,
}

/// More are not of use on one screen; decide on some and list again.
const QUEUE: u32 = 500;

pub(super) async fn run(command: ReviewCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    match command {
        ReviewCommand::List => {
            let queue = ops.review_queue(QUEUE).await.map_err(told)?;
            let queue: Vec<Domain> = queue.into_iter().map(|case| case.domain).collect();
            if json {
                output::json(&Value::Array(queue.iter().map(domains::document).collect()))?;
            } else {
                domains::print_list(&queue, "Nothing waits for a decision.")?;
            }
            Ok(Outcome::Good)
        }
        ReviewCommand::Approve(on) => rule(ops, on.id, Ruling::Approve, &on.because, json).await,
        ReviewCommand::Reject(on) => rule(ops, on.id, Ruling::Reject, &on.because, json).await,
        ReviewCommand::Suspend { on, hold } => {
            let suspension = if hold { Suspension::Hold } else { Suspension::Abuse };
            suspend(ops, on, Some(suspension), json).await
        }
        ReviewCommand::Lift(on) => suspend(ops, on, None, json).await,
    }
}

async fn suspend(
    ops: &Ops,
    on: OnEither,
    suspension: Option<Suspension>,
    json: bool,
) -> anyhow::Result<Outcome> {
    match (on.id, on.account) {
        (Some(id), _) => {
            let ruling = suspension.map_or(Ruling::Lift, Ruling::Suspend);
            rule(ops, id, ruling, &on.because, json).await
        }
        (None, Some(id)) => {
            let cause = Cause::command_line(&on.because.reason, ops.clock.now());
            let account =
                ops.suspend_account(id, suspension, on.because.version, &cause).await.map_err(told)?;
            if json {
                output::json(&account::document(&account))?;
            } else {
                let state = account.suspension.map_or("active", |_| "suspended");
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
    because: &Because,
    json: bool,
) -> anyhow::Result<Outcome> {
    let cause = Cause::command_line(&because.reason, ops.clock.now());
    let domain = ops.rule(id, ruling, because.version, &cause).await.map_err(told)?.domain;
    if json {
        output::json(&domains::document(&domain))?;
    } else {
        let (status, meaning) = (domain.compliance(), domain.compliance().meaning());
        output::line(&format!("{} (domain {}) is now {status}: {meaning}", domain.name, domain.id))?;
    }
    Ok(Outcome::Good)
}
