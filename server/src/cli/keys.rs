//! `signet keys`.

use super::{Outcome, domains, output, told, with_key};
use crate::{ops::Ops, store::DomainId};
use anyhow::Context as _;
use clap::Subcommand;
use serde_json::json;
use signet_core::plan::DkimMode;
use std::io::{IsTerminal as _, Read as _};
use zeroize::Zeroizing;

/// The longest input taken, in bytes.
const LONGEST: u64 = 16 << 10;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Choose who publishes a domain's DKIM keys: delegated (we do) or raw (its owner does, as TXT)
    Mode {
        /// The domain's number
        id: DomainId,
        /// delegated or raw
        #[arg(value_parser = mode)]
        mode: DkimMode,
    },
    /// Take a private key (PEM) from standard input; it signs once it is proven in DNS
    Import {
        /// The domain's number
        id: DomainId,
    },
}

fn mode(word: &str) -> Result<DkimMode, String> {
    DkimMode::parse(word).ok_or_else(|| "must be delegated or raw".to_string())
}

pub(super) async fn run(command: KeysCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    match command {
        KeysCommand::Mode { id, mode } => set_mode(ops, id, mode, json).await,
        KeysCommand::Import { id } => import(ops, id, json).await,
    }
}

async fn set_mode(ops: &Ops, id: DomainId, mode: DkimMode, json: bool) -> anyhow::Result<Outcome> {
    let actor = domains::operator(ops, id).await?;
    // Without the key file a server makes the keys, a second later.
    let with_key = with_key(ops).await.ok();
    let ops = with_key.as_ref().unwrap_or(ops);
    let domain = ops.set_dkim_mode(&actor, id, mode).await.map_err(told)?;
    let records = ops.plan(&domain).into_iter().filter(|record| record.key.is_dkim());
    if json {
        let record = |record: signet_core::plan::PlannedRecord| {
            json!({
                "key": record.key.as_str(), "domain": record.owner.to_string(),
                "type": record.rtype.as_str(), "value": record.value,
            })
        };
        let records: Vec<_> = records.map(record).collect();
        output::json(&json!({ "domain_id": id.0, "mode": mode.as_str(), "records": records }))?;
        return Ok(Outcome::Good);
    }
    output::line(&format!("The records of {} are to be:", domain.name.to_unicode()))?;
    for record in records {
        let value = if record.is_made() { &record.value } else { domains::BEING_MADE };
        output::line(&format!("  {} {} {value}", record.owner, record.rtype))?;
    }
    Ok(Outcome::Good)
}

async fn import(ops: &Ops, id: DomainId, json: bool) -> anyhow::Result<Outcome> {
    let actor = domains::operator(ops, id).await?;
    let ops = with_key(ops).await?;
    let mut input = std::io::stdin().lock();
    if input.is_terminal() {
        output::warning("paste the private key, then press Ctrl-D; or: signet keys import ID < key.pem");
    }
    // Room for all of it at once: a text that grows leaves copies behind.
    let mut pem = Zeroizing::new(String::with_capacity(usize::try_from(LONGEST)? + 1));
    let read = (&mut input).take(LONGEST + 1).read_to_string(&mut pem);
    read.context("what came in is no text")?;
    let (domain, key) = ops.import_key(&actor, id, pem).await.map_err(told)?;
    let selector = ops.selector_label(&domain, key.selector);
    if json {
        output::json(&json!({
            "domain_id": id.0, "key_id": key.id, "selector": selector,
            "algorithm": key.held.algorithm.as_str(), "stage": key.held.stage.as_str(),
        }))?;
    } else {
        output::line(&format!("{} key {} stands on {selector} ({})", key.held.algorithm, key.id, key.held.stage.as_str()))?;
    }
    Ok(Outcome::Good)
}
