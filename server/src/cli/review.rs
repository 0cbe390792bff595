//! `signet review`.

pub(super) mod dry_run;
pub(super) mod policy;
mod show;

use super::{Outcome, account, domains, output, told};
use crate::{
    ops::{Actor, Ops, links::Link},
    store::{self, AccountId, DomainId, Queued, Ruling},
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use signet_core::lifecycle::{Asked, Suspension};

#[derive(Debug, Subcommand)]
pub(super) enum ReviewCommand {
    /// List the domains whose review is under way
    List {
        /// Only those in this state
        #[arg(long, value_enum, default_value_t = State::Referred)]
        state: State,
    },
    /// Show all there is to decide on a domain by
    Show {
        /// The domain's number
        id: DomainId,
    },
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
    /// Take a decision back: the review begins anew
    Reopen(OnDomain),
    /// Say how a card check went
    Card(CardArgs),
    /// Print the link at which a domain's owner answers the questionnaire
    Link {
        /// The domain's number
        id: DomainId,
    },
}

/// Which reviews are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum State {
    /// They wait for the operator
    Referred,
    /// The rules are about to run
    Due,
    /// They wait for the owner
    Open,
    /// All of these
    All,
}

#[derive(Debug, Args)]
pub(super) struct CardArgs {
    /// The domain's number
    id: DomainId,
    #[command(flatten)]
    result: CardResult,
    /// How you know, on one line; never card data
    #[arg(long)]
    reason: String,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct CardResult {
    /// It is passed
    #[arg(long)]
    passed: bool,
    /// It is not
    #[arg(long)]
    failed: bool,
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
        ReviewCommand::List { state } => list(ops, state, json).await,
        ReviewCommand::Show { id } => show::run(ops, id, json).await,
        ReviewCommand::Approve(on) => rule(ops, on.id, Ruling::Approve, &on.because, json).await,
        ReviewCommand::Reject(on) => rule(ops, on.id, Ruling::Reject, &on.because, json).await,
        ReviewCommand::Suspend { on, hold } => {
            let suspension = if hold { Suspension::Hold } else { Suspension::Abuse };
            suspend(ops, on, Some(suspension), json).await
        }
        ReviewCommand::Lift(on) => suspend(ops, on, None, json).await,
        ReviewCommand::Reopen(on) => rule(ops, on.id, Ruling::Reopen, &on.because, json).await,
        ReviewCommand::Card(args) => card(ops, &args, json).await,
        ReviewCommand::Link { id } => link(ops, id, json).await,
    }
}

/// The operator, whose rulings are about all accounts.
pub(super) fn operator() -> Actor {
    Actor::operator(AccountId(0))
}

async fn list(ops: &Ops, state: State, json: bool) -> anyhow::Result<Outcome> {
    use store::Review;
    let states: &[Review] = match state {
        State::Referred => &[Review::Referred],
        State::Due => &[Review::Due],
        State::Open => &[Review::Open],
        State::All => &[Review::Referred, Review::Due, Review::Open],
    };
    let waiting = ops.reviews(&operator(), states, None, QUEUE).await.map_err(told)?;
    if json {
        output::json(&Value::Array(waiting.iter().map(waiting_document).collect()))?;
        return Ok(Outcome::Good);
    }
    let rows = waiting.iter().map(|waiting| {
        let case = &waiting.case;
        vec![
            case.domain.id.to_string(),
            case.domain.account.to_string(),
            case.domain.name.to_unicode(),
            case.domain.compliance().to_string(),
            case.review.as_str().to_string(),
            output::cut(waiting.reason.as_deref().unwrap_or("–"), 200),
        ]
    });
    let none = match state {
        State::Referred => "Nothing waits for a decision.",
        State::Due => "No review is due.",
        State::Open => "No review waits for an owner.",
        State::All => "No review is under way.",
    };
    output::table(&["id", "account", "name", "compliance", "review", "because"], rows.collect(), none)?;
    Ok(Outcome::Good)
}

fn waiting_document(waiting: &Queued) -> Value {
    let case = &waiting.case;
    let mut document = domains::document(&case.domain);
    document["review"] = case.review.as_str().into();
    document["reason"] = json!(waiting.reason);
    document["version"] = case.version.into();
    document
}

async fn card(ops: &Ops, args: &CardArgs, json: bool) -> anyhow::Result<Outcome> {
    let check =
        ops.resolve_card_check(&operator(), args.id, args.result.passed, &args.reason).await.map_err(told)?;
    let state = check.state.as_str();
    if json {
        output::json(&json!({"domain_id": check.domain.0, "reference": check.reference, "status": state}))?;
    } else {
        output::line(&format!("The card check of domain {} is {state}.", check.domain))?;
    }
    Ok(Outcome::Good)
}

/// Links are signed with the key file, which other commands do without.
async fn link(ops: &Ops, id: DomainId, json: bool) -> anyhow::Result<Outcome> {
    let domain = ops.store.domain_for_operator(id).await?;
    let domain = domain.ok_or_else(|| anyhow::anyhow!("there is no domain with the number {id}"))?;
    let signer = Ops { key: Some(ops.key_file().await?.into()), ..ops.clone() };
    let url = signer.link_url(Link::Questionnaire(id)).expect("the key file is there");
    let asked = domain.questionnaire.as_str();
    if json {
        output::json(&json!({"domain_id": id.0, "url": url, "questionnaire": asked}))?;
    } else {
        output::line(&url)?;
        if domain.questionnaire != Asked::Open {
            output::warning("nobody asks for the questionnaire now, and the page says so");
        }
    }
    Ok(Outcome::Good)
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
            let Because { reason, version } = &on.because;
            let account =
                ops.suspend_account(&operator(), id, suspension, *version, reason).await.map_err(told)?;
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
    let Because { reason, version } = because;
    let domain = ops.rule(&operator(), id, ruling, *version, reason).await.map_err(told)?.domain;
    if json {
        output::json(&domains::document(&domain))?;
    } else {
        let (status, meaning) = (domain.compliance(), domain.compliance().meaning());
        output::line(&format!("{} (domain {}) is now {status}: {meaning}", domain.name, domain.id))?;
    }
    Ok(Outcome::Good)
}
