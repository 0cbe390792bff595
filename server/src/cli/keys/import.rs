//! `signet keys import`.

use crate::{
    cli::{Outcome, domains, output, told, with_key},
    ops::Ops,
    store::DomainId,
};
use anyhow::Context as _;
use clap::Args;
use serde_json::json;
use std::io::{IsTerminal as _, Read as _};
use zeroize::Zeroizing;

/// The longest input taken, in bytes.
const LONGEST: u64 = 16 << 10;

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// The domain's number
    domain: DomainId,
}

pub(super) async fn run(args: &ImportArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let id = args.domain;
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
        output::line(&format!(
            "{} key {} stands on {selector} ({})",
            key.held.algorithm,
            key.id,
            key.held.stage.as_str()
        ))?;
    }
    Ok(Outcome::Good)
}
