//! `signet review dry-run`: what a policy would decide about a domain. Nothing is
//! stored and nobody is told.

use crate::{
    cli::{Outcome, asking, domains::progress, output, told},
    clock::Clock,
    config::{Config, ReviewPolicy, Sources},
    ops::{Ops, review::Examiner},
    store::{self, AccountId, Case, DomainId},
};
use anstyle::AnsiColor;
use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde_json::{Value, json};
use signet_core::{
    lifecycle::Asked,
    names::Name,
    review::{self as rules, Decided, Finding, Policy, Sender},
};
use std::{path::PathBuf, sync::Arc};

#[derive(Debug, Args)]
pub(in crate::cli) struct DryRunArgs {
    /// A registered domain by its name or number, or any domain
    #[arg(value_name = "NAME")]
    name: String,
    /// The account, where several have registered the name
    #[arg(long, value_name = "ID")]
    account: Option<AccountId>,
    /// Try this policy instead of the one in force
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

/// What is looked at.
enum Subject {
    /// A domain of an account, as its review has it.
    Registered(Box<(Ops, Case)>),
    /// A name of which nothing else is known.
    Name(Name),
}

pub(in crate::cli) async fn run(
    args: &DryRunArgs,
    sources: anyhow::Result<Sources>,
    json: bool,
) -> anyhow::Result<Outcome> {
    let config = Arc::new(Config::from_sources(&sources?)?);
    let policy = policy(args, &config)?;
    let subject = subject(args, &config).await?;
    let examiner = Examiner::new(asking::asker_of_person(&config).await?, &config);
    let spinner = (!json).then(|| progress("looking at the domain"));
    let findings = match &subject {
        Subject::Registered(registered) => {
            let (ops, case) = registered.as_ref();
            ops.examine(&examiner, &policy, &case.domain).await.map_err(told)?
        }
        Subject::Name(name) => {
            let now = Clock::system().now();
            examiner.examine(&policy, &Sender { domain: name, company: None, account: None, now }).await
        }
    };
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    let decided = match &subject {
        Subject::Registered(registered) => {
            let Case { domain, card_failed, .. } = &registered.1;
            rules::decide(&findings, domain.questionnaire, domain.card, *card_failed, &policy)
        }
        Subject::Name(_) => rules::decide(&findings, Asked::No, Asked::No, false, &policy),
    };
    let undecided = rules::undecided(&findings, decided);
    if json {
        output::json(&document(&subject, &findings, decided, undecided))?;
    } else {
        print(&subject, &findings, decided, undecided)?;
    }
    Ok(match decided {
        _ if undecided => Outcome::Unknown,
        Decided::Approve => Outcome::Good,
        Decided::Ask { .. } | Decided::Refer | Decided::Reject => Outcome::Problems,
    })
}

fn policy(args: &DryRunArgs, config: &Config) -> anyhow::Result<Policy> {
    let Some(path) = &args.policy else {
        return Ok(config.review_policy.policy.clone());
    };
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("{shown} cannot be read"))?;
    Ok(ReviewPolicy::parse(&text).map_err(|error| anyhow!("{shown}: {error}"))?.policy)
}

async fn subject(args: &DryRunArgs, config: &Arc<Config>) -> anyhow::Result<Subject> {
    let number: Option<DomainId> = args.name.parse().ok();
    let name = || Name::typed(&args.name).map_err(|refused| anyhow!("the name {:?} {refused}", args.name));
    if !store::is_there(&config.database_url) {
        return match (number, args.account) {
            (None, None) => Ok(Subject::Name(name()?)),
            _ => bail!("there is no database to look the domain up in"),
        };
    }
    let store = store::open(&config.database_url).await.context("the database cannot be opened")?;
    let ops = Ops::new(store, Arc::clone(config), Clock::system());
    let found = match number {
        Some(id) => vec![id],
        None => {
            let candidates = ops.store.sending_domains(&name()?, None, args.account, None).await?;
            candidates.iter().map(|candidate| DomainId(candidate.domain)).collect()
        }
    };
    match (found.as_slice(), number.is_some() || args.account.is_some()) {
        (&[id], _) => {
            let case = ops.store.case(id).await?;
            let case = case.filter(|case| args.account.is_none_or(|account| account == case.domain.account));
            let case = case.ok_or_else(|| anyhow!("there is no domain with the number {id}"))?;
            Ok(Subject::Registered(Box::new((ops, case))))
        }
        ([], false) => Ok(Subject::Name(name()?)),
        ([], true) => bail!("the account has no domain {}", args.name),
        (several, _) => {
            let numbers: Vec<String> = several.iter().map(ToString::to_string).collect();
            bail!(
                "several accounts have registered {}: give one of the numbers {}",
                args.name,
                numbers.join(", ")
            )
        }
    }
}

impl Subject {
    fn name(&self) -> &Name {
        match self {
            Self::Registered(registered) => registered.1.domain.name.name(),
            Self::Name(name) => name,
        }
    }
}

fn document(subject: &Subject, findings: &[Finding], decided: Decided, undecided: bool) -> Value {
    let (id, account) = match subject {
        Subject::Registered(registered) => {
            (Some(registered.1.domain.id.0), Some(registered.1.domain.account.0))
        }
        Subject::Name(_) => (None, None),
    };
    let (questionnaire, card) = match decided {
        Decided::Ask { questionnaire, card } => (questionnaire, card),
        _ => (false, false),
    };
    let findings = findings.iter().map(|finding| {
        json!({
            "rule": finding.rule,
            "outcome": finding.outcome.map(rules::Outcome::as_str),
            "evidence": finding.evidence,
            "source": finding.source,
        })
    });
    json!({
        "name": subject.name().to_string(),
        "id": id,
        "account_id": account,
        "decision": decided.as_str(),
        "ask_questionnaire": questionnaire,
        "ask_card": card,
        "could_not_tell": undecided,
        "findings": findings.collect::<Vec<_>>(),
    })
}

fn print(subject: &Subject, findings: &[Finding], decided: Decided, undecided: bool) -> anyhow::Result<()> {
    let row = |finding: &Finding| {
        let outcome = match finding.outcome {
            None => output::painted("could not tell", output::in_colour(AnsiColor::Magenta)),
            Some(rules::Outcome::Pass) => output::painted("pass", output::in_colour(AnsiColor::Green)),
            Some(outcome @ rules::Outcome::Reject) => {
                output::painted(outcome.as_str(), output::in_colour(AnsiColor::Red))
            }
            Some(outcome) => output::painted(outcome.as_str(), output::in_colour(AnsiColor::Yellow)),
        };
        vec![finding.rule.clone(), outcome, finding.evidence.clone()]
    };
    let rows = findings.iter().map(row).collect();
    output::table(&["rule", "outcome", "evidence"], rows, "The policy has no rules.")?;
    let whose = match subject {
        Subject::Registered(registered) => {
            let domain = &registered.1.domain;
            format!(" (domain {} of account {})", domain.id, domain.account)
        }
        Subject::Name(_) => " (not registered; nothing is known of its account)".to_string(),
    };
    let what = match decided {
        _ if undecided => "could not tell: nothing speaks against it, but not everything could be looked at",
        Decided::Approve => "approve",
        Decided::Ask { questionnaire: true, card: true } => "ask for the questionnaire and the card check",
        Decided::Ask { card: true, .. } => "ask for the card check",
        Decided::Ask { .. } => "ask for the questionnaire",
        Decided::Refer => "refer to the operator",
        Decided::Reject => "reject",
    };
    output::line(&format!("{}{whose}: {}", subject.name(), output::painted(what, output::bold())))?;
    Ok(())
}
