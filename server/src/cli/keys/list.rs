//! `signet keys list`.

use crate::{
    cli::{Outcome, domains::progress, output},
    ops::{Ops, rotation::Standing},
    store::{Domain, DomainId, KeyRing},
};
use clap::Args;
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Domains read at once, and in one table.
const PAGE: u32 = 500;

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only of the domain with this number
    domain: Option<DomainId>,
}

pub(super) async fn run(args: &ListArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let bar = if json { ProgressBar::hidden() } else { progress("reading keys") };
    let mut array = json.then(output::JsonArray::begin);
    let (mut after, mut listed) = (None, 0_u64);
    loop {
        let page = match args.domain {
            Some(only) => one(ops, only).await?,
            None => ops.store.key_rings(after, PAGE).await?,
        };
        after = page.last().map(|(domain, _)| domain.id);
        listed += page.len() as u64;
        match &mut array {
            Some(array) => {
                page.iter().try_for_each(|(domain, keys)| array.push(&document(ops, domain, keys)))?;
            }
            None => bar.suspend(|| show(ops, &page))?,
        }
        bar.set_message(format!("reading keys: {listed} domains"));
        if after.is_none() || args.domain.is_some() {
            break;
        }
    }
    bar.finish_and_clear();
    match array {
        Some(array) => array.end()?,
        None if listed == 0 => output::line("No keys yet: they are made when a domain is verified.")?,
        None => {}
    }
    Ok(Outcome::Good)
}

async fn one(ops: &Ops, id: DomainId) -> anyhow::Result<Vec<(Domain, KeyRing)>> {
    let domain = ops.store.domain_for_operator(id).await?;
    let domain = domain.ok_or_else(|| anyhow::anyhow!("there is no domain with the number {id}"))?;
    let keys = ops.store.key_ring(domain.account, id).await?;
    Ok(keys.map(|keys| (domain, keys)).into_iter().collect())
}

/// A page as a table.
fn show(ops: &Ops, page: &[(Domain, KeyRing)]) -> std::io::Result<()> {
    let rows: Vec<_> = page.iter().flat_map(|(domain, keys)| table(ops, domain, keys)).collect();
    if rows.is_empty() {
        return Ok(());
    }
    output::table(&["id", "domain", "selector", "stage", "algorithm", "since", "next"], rows, "")
}

/// One row per key, with what comes next in the first.
fn table(ops: &Ops, domain: &Domain, keys: &KeyRing) -> Vec<Vec<String>> {
    let standing = ops.standing(domain, keys);
    let mut next = Some(standing.next());
    let row = |key: &crate::ops::rotation::StandingKey<'_>| {
        vec![
            domain.id.to_string(),
            domain.name.to_unicode(),
            key.label.clone(),
            key.key.held.stage.as_str().to_string(),
            key.key.held.algorithm.to_string(),
            output::time(Some(key.key.held.stage.since())),
            next.take().unwrap_or_default(),
        ]
    };
    standing.keys.iter().map(row).collect()
}

/// As the API shows it, with the domain.
pub(super) fn document(ops: &Ops, domain: &Domain, keys: &KeyRing) -> Value {
    let standing: Standing<'_> = ops.standing(domain, keys);
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string());
    let keys_of = standing.keys.iter().map(|key| {
        json!({
            "selector": key.label,
            "record": key.key.selector.record().as_str(),
            "id": key.key.id,
            "algorithm": key.key.held.algorithm.as_str(),
            "origin": key.key.held.origin.as_str(),
            "stage": key.key.held.stage.as_str(),
            "since": key.key.held.stage.since().to_string(),
            "clear_at": time(key.key.held.stage.clear_at()),
            "created_at": key.key.created_at.to_string(),
            "signs": key.signs,
        })
    });
    json!({
        "domain_id": domain.id.0,
        "domain_name": domain.name.as_str(),
        "keys": keys_of.collect::<Vec<_>>(),
        "rotation": {
            "due_at": time(standing.due_at),
            "wanted": standing.wanted,
            "stuck_since": time(keys.stuck.as_ref().map(|(since, _)| *since)),
            "stuck": keys.stuck.as_ref().map(|(_, why)| why),
            "version": keys.version,
        },
    })
}
