//! `signet spf`: the SPF result for an address and a sender, with its trace.

mod tree;

use super::{Outcome, asking, output};
use crate::{
    clock::Clock,
    config::{Config, Sources},
};
use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use signet_core::{
    names::Name,
    verify::spf::{self, Evaluation, MAX_LOOKUPS, MAX_VOIDS, Query, SpfResult, Step, Trace},
};
use std::net::IpAddr;

#[derive(Debug, Args)]
pub(super) struct SpfArgs {
    /// The address that sends
    #[arg(value_name = "IP")]
    ip: IpAddr,
    /// The sender: user@domain, a domain, or <> with --helo
    #[arg(value_name = "MAILFROM")]
    sender: String,
    /// What the client calls itself; the domain when left out
    #[arg(long, value_name = "H")]
    helo: Option<String>,
}

pub(super) async fn run(
    args: &SpfArgs,
    sources: anyhow::Result<Sources>,
    json: bool,
) -> anyhow::Result<Outcome> {
    let query = query(args)?;
    let asker = asking::asker_of_person(&Config::from_sources(&sources?)?).await?;
    let (evaluation, _) = asking::settle(&asker, json, |seen| spf::check_host(seen, &query)).await?;
    if json {
        output::json(&document(&query, &evaluation))?;
    } else {
        tree::print(&query, &evaluation)?;
    }
    Ok(match evaluation.result {
        SpfResult::Pass => Outcome::Good,
        SpfResult::Temperror => Outcome::Unknown,
        SpfResult::None
        | SpfResult::Neutral
        | SpfResult::Fail
        | SpfResult::Softfail
        | SpfResult::Permerror => Outcome::Problems,
    })
}

/// What `check_host()` is asked.
fn query(args: &SpfArgs) -> anyhow::Result<Query> {
    let sender = args.sender.trim();
    let sender = sender.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap_or(sender);
    let helo = args.helo.as_deref().map(domain).transpose().context("--helo")?;
    let (local_part, at) = sender.rsplit_once('@').unwrap_or(("", sender));
    let sender = match (at, &helo) {
        ("", Some(_)) => String::new(),
        ("", None) => anyhow::bail!("an empty sender is judged by the name of the client: give --helo"),
        (at, _) => format!("{local_part}@{}", domain(at)?),
    };
    let helo = helo.unwrap_or_else(|| sender.rsplit_once('@').map_or("", |(_, at)| at).to_string());
    let time = u64::try_from(Clock::system().now().as_second()).unwrap_or(0);
    Ok(Query { explain: true, time, ..Query::new(args.ip, &sender, &helo) })
}

/// A domain as receivers see it. Only what a person may type otherwise is
/// changed; whether the rest can have a record is for `check_host()` to say.
fn domain(text: &str) -> anyhow::Result<String> {
    let text = text.trim();
    if text.is_ascii() {
        return Ok(text.strip_suffix('.').unwrap_or(text).to_string());
    }
    match Name::typed(text) {
        Ok(name) => Ok(name.to_string()),
        Err(refused) => anyhow::bail!("the name {text:?} {refused}"),
    }
}

fn document(query: &Query, evaluation: &Evaluation) -> Value {
    json!({
        "ip": query.ip.to_string(),
        "mail_from": format!("{}@{}", query.local_part, query.sender_domain),
        "helo": query.helo,
        "result": evaluation.result.as_str(),
        "cause": evaluation.cause.to_string(),
        "explanation": evaluation.explanation,
        "lookups": evaluation.lookups,
        "lookups_allowed": MAX_LOOKUPS,
        "void_lookups": evaluation.voids,
        "void_lookups_allowed": MAX_VOIDS,
        "trace": trace(&evaluation.trace),
    })
}

/// Bounded by the look-ups an evaluation may take.
fn trace(found: &Trace) -> Value {
    json!({
        "domain": found.domain,
        "record": found.record,
        "result": found.result.as_str(),
        "steps": found.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

fn step(taken: &Step) -> Value {
    json!({
        "term": taken.term,
        "result": taken.result.map(SpfResult::as_str),
        "why": taken.why,
        "lookups": taken.lookups,
        "trace": taken.inner.as_ref().map(trace),
    })
}
