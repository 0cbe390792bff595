//! `signet domains`.

use super::{Outcome, check_all, output, publish, records, told};
use crate::{
    ops::{Actor, Ops},
    store::{AccountId, Domain, DomainId, TokenScope},
};
use clap::Subcommand;
use serde_json::{Value, json};
use signet_core::verify::{Status, Verdict, dns_host::Hosting};
use std::time::Duration;

/// In place of a record's value that is not there yet.
pub(super) const BEING_MADE: &str = "(being made)";

#[derive(Debug, Subcommand)]
pub(super) enum DomainsCommand {
    /// List domains
    List {
        /// Only this account's
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
    },
    /// Show a domain with the evidence of the last look
    Show {
        /// Its number
        id: DomainId,
    },
    /// Print the records to publish, as a table or in a form that DNS is kept in
    Records(records::RecordsArgs),
    /// Print the link at which a domain's DNS host publishes them; exit 1 where it does not
    Connect(records::ConnectArgs),
    /// Show what has to change in its zone so that its records are there; exit 0 nothing, 1 something, 2 blocked or
    /// could not tell
    Plan {
        /// Its number
        id: DomainId,
    },
    /// Write its records into its zone, with the account's key to that; exit 0 all are there, 1 nothing was to be
    /// written after all, 2 something is blocked or was not written
    Apply {
        /// Its number
        id: DomainId,
        /// Do not ask; with --json nobody can be asked
        #[arg(long)]
        yes: bool,
    },
    /// Let domains lose their verification that are held back, many at once
    Release {
        /// For how many hours
        #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(i64).range(1..=720))]
        hours: i64,
    },
    /// Have a running server look at a domain now, and show what it finds; or at all of them
    Check {
        /// Its number
        #[arg(required_unless_present = "all")]
        id: Option<DomainId>,
        /// All domains
        #[arg(long, conflicts_with = "id")]
        all: bool,
        /// Of all domains only this account's
        #[arg(long, value_name = "ID", requires = "all", conflicts_with = "id")]
        account: Option<AccountId>,
        /// Seconds to wait [default: 30; with --all as long as there is progress]
        #[arg(long, value_parser = clap::value_parser!(u64).range(0..=86_400))]
        wait: Option<u64>,
    },
}

impl DomainsCommand {
    /// Whether its exit code 1 is a finding.
    pub(super) fn finds(&self) -> bool {
        match self {
            Self::Show { .. }
            | Self::Connect(_)
            | Self::Plan { .. }
            | Self::Apply { .. }
            | Self::Check { .. } => true,
            Self::List { .. } | Self::Records(_) | Self::Release { .. } => false,
        }
    }
}

pub(super) async fn run(command: DomainsCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    match command {
        DomainsCommand::List { account } => {
            let domains = list(ops, account).await?;
            if json {
                output::json(&Value::Array(domains.iter().map(document).collect()))?;
            } else {
                print_list(&domains, "No domains yet.")?;
            }
            Ok(Outcome::Good)
        }
        DomainsCommand::Show { id } => {
            let actor = operator(ops, id).await?;
            show(ops, &actor, id, json).await
        }
        DomainsCommand::Records(args) => records::records(&args, ops, json).await,
        DomainsCommand::Connect(args) => records::connect(&args, ops, json).await,
        DomainsCommand::Plan { id } => publish::plan(ops, &operator(ops, id).await?, id, json).await,
        DomainsCommand::Apply { id, yes } => {
            publish::apply(ops, &operator(ops, id).await?, id, yes, json).await
        }
        DomainsCommand::Release { hours } => {
            let until = ops.release_demotions(jiff::SignedDuration::from_hours(hours)).await?;
            if json {
                output::json(&json!({ "released_until": until.to_string() }))?;
            } else {
                output::line(&format!("demotions go ahead until {}", output::time(Some(until))))?;
            }
            Ok(Outcome::Good)
        }
        DomainsCommand::Check { id: Some(id), wait, .. } => check(ops, id, wait.unwrap_or(30), json).await,
        DomainsCommand::Check { id: None, account, wait, .. } => {
            check_all::run(ops, account, wait.map(Duration::from_secs), json).await
        }
    }
}

async fn check(ops: &Ops, id: DomainId, wait: u64, json: bool) -> anyhow::Result<Outcome> {
    let actor = operator(ops, id).await?;
    let progress = (!json).then(|| progress("waiting for a server to look at it"));
    let (_, covered) = ops.check_domain(&actor, id, Duration::from_secs(wait)).await.map_err(told)?;
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    let outcome = show(ops, &actor, id, json).await?;
    if !covered {
        output::warning(&format!("no server looked at it within {wait} s; is `signet serve` running?"));
        return Ok(Outcome::Unknown);
    }
    Ok(outcome)
}

async fn list(ops: &Ops, account: Option<AccountId>) -> anyhow::Result<Vec<Domain>> {
    let accounts = match account {
        Some(id) => vec![id],
        None => ops.store.accounts().await?.into_iter().map(|account| account.id).collect(),
    };
    let mut domains = Vec::new();
    for account in accounts {
        domains.extend(ops.store.domains(account, &TokenScope::Account, None, None).await?);
    }
    Ok(domains)
}

/// The operator as an actor in the account the domain belongs to.
pub(super) async fn operator(ops: &Ops, id: DomainId) -> anyhow::Result<Actor> {
    let domain = ops.store.domain_for_operator(id).await?;
    let domain = domain.ok_or_else(|| anyhow::anyhow!("there is no domain with the number {id}"))?;
    Ok(Actor::operator(domain.account))
}

/// A spinner on a terminal, nothing elsewhere.
pub(super) fn progress(text: &'static str) -> indicatif::ProgressBar {
    let bar = indicatif::ProgressBar::new_spinner().with_message(text);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

async fn show(ops: &Ops, actor: &Actor, id: DomainId, json: bool) -> anyhow::Result<Outcome> {
    let (domain, verdicts, checked_at) = ops.report(actor, id).await.map_err(told)?;
    if json {
        let mut shown = document(&domain);
        shown["checked_at"] = json!(checked_at.map(|at| at.to_string()));
        shown["records"] = verdicts.iter().map(verdict_document).collect();
        output::json(&shown)?;
    } else {
        print_domain(&domain, checked_at)?;
        if let Some(host) = Hosting::of_verdicts(&verdicts).host() {
            output::line(&format!("dns host    {}", host.place()))?;
        }
        print_verdicts(ops, &domain, &verdicts)?;
    }
    Ok(outcome(&domain, &verdicts))
}

/// 0 when verified and nothing wrong, 2 when something could not be seen, 1 else.
fn outcome(domain: &Domain, verdicts: &[Verdict]) -> Outcome {
    let any = |wanted: fn(Status) -> bool| verdicts.iter().any(|verdict| wanted(verdict.status));
    if any(Status::is_wrong) {
        Outcome::Problems
    } else if any(|status| !status.is_right()) {
        Outcome::Unknown
    } else if domain.dns.is_verified() {
        Outcome::Good
    } else {
        Outcome::Problems
    }
}

pub(super) fn print_list(domains: &[Domain], none: &str) -> std::io::Result<()> {
    let rows = domains.iter().map(|domain| {
        vec![
            domain.id.to_string(),
            domain.account.to_string(),
            domain.name.to_unicode(),
            domain.dns.name().to_string(),
            domain.compliance().to_string(),
            output::time(domain.checked_at),
        ]
    });
    output::table(&["id", "account", "name", "dns", "compliance", "looked at"], rows.collect(), none)
}

fn print_domain(domain: &Domain, checked_at: Option<jiff::Timestamp>) -> std::io::Result<()> {
    let title = format!("{} (domain {}, account {})", domain.name.to_unicode(), domain.id, domain.account);
    output::line(&output::painted(&title, output::bold()))?;
    output::line(&format!("dns         {}", domain.dns.name()))?;
    output::line(&format!("compliance  {} – {}", domain.compliance(), domain.compliance().meaning()))?;
    output::line(&format!("looked at   {}", output::time(checked_at)))
}

/// The verdicts as people read them: the record, what was seen, what to do.
pub(super) fn print_verdicts(ops: &Ops, domain: &Domain, verdicts: &[Verdict]) -> std::io::Result<()> {
    for (record, verdict) in ops.plan(domain).iter().zip(verdicts) {
        let value = if record.is_made() { &record.value } else { BEING_MADE };
        let head = format!("{} {} {value}", record.owner, record.rtype);
        output::line("")?;
        output::line(&format!("{:<18} {}  {}", verdict.key, output::status(verdict.status), verdict.code))?;
        output::line(&output::painted(&format!("  {head}"), output::dim()))?;
        output::line(&format!("  {}", verdict.reason))?;
        if !verdict.fix.is_empty() {
            output::line(&format!("  → {}", verdict.fix))?;
        }
        for remark in &verdict.remarks {
            output::line(&output::painted(&format!("  · {remark}"), output::dim()))?;
        }
    }
    Ok(())
}

pub(super) fn document(domain: &Domain) -> Value {
    json!({
        "id": domain.id.0,
        "account_id": domain.account.0,
        "domain_name": domain.name.as_str(),
        "demo": domain.demo,
        "dns_state": domain.dns.name(),
        "dns_verified": domain.dns.is_verified(),
        "dns_verified_at": domain.dns.verified_at().map(|at| at.to_string()),
        "compliance_status": domain.compliance().as_str(),
        "checked_at": domain.checked_at.map(|at| at.to_string()),
    })
}

/// A verdict with the members it has in the API's report.
pub(super) fn verdict_document<K: std::fmt::Display>(verdict: &Verdict<K>) -> Value {
    json!({
        "key": verdict.key.to_string(),
        "status": verdict.status.as_str(),
        "code": verdict.code.as_str(),
        "reason": verdict.reason,
        "fix": (!verdict.fix.is_empty()).then_some(&verdict.fix),
        "expected": verdict.expected,
        "observed": verdict.observed,
        "server": verdict.server.as_ref().map(ToString::to_string),
        "rcode": verdict.rcode,
        "ttl": verdict.ttl,
        "remarks": verdict.remarks,
    })
}
