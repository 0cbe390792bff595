//! `signet keys list`.

use crate::{
    cli::{Outcome, output},
    ops::{Ops, rotation::Standing},
    store::{Domain, DomainId, KeyRing, TokenScope},
};
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

/// Domains read at once.
const PAGE: u32 = 500;

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArgs {
    /// Only of the domain with this number
    domain: Option<DomainId>,
}

pub(super) async fn run(args: &ListArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let (mut rows, mut documents) = (Vec::new(), Vec::new());
    for domain in domains(ops, args.domain).await? {
        let Some(keys) = ops.store.key_ring(domain.account, domain.id).await? else { continue };
        if json {
            documents.push(document(ops, &domain, &keys));
        } else {
            rows.extend(table(ops, &domain, &keys));
        }
    }
    if json {
        output::json(&Value::Array(documents))?;
    } else {
        let head = ["id", "domain", "selector", "stage", "algorithm", "since", "next"];
        output::table(&head, rows, "No keys yet: they are made when a domain is verified.")?;
    }
    Ok(Outcome::Good)
}

async fn domains(ops: &Ops, only: Option<DomainId>) -> anyhow::Result<Vec<Domain>> {
    if let Some(id) = only {
        let domain = ops.store.domain_for_operator(id).await?;
        return Ok(vec![domain.ok_or_else(|| anyhow::anyhow!("there is no domain with the number {id}"))?]);
    }
    let mut domains = Vec::new();
    for account in ops.store.accounts().await? {
        let mut after = None;
        loop {
            let page = ops.store.domains(account.id, &TokenScope::Account, after, Some(PAGE)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            domains.extend(page);
        }
    }
    Ok(domains)
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
