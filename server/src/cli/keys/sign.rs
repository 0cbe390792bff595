//! `signet keys sign`.

use crate::{
    cli::{Outcome, told},
    ops::{Actor, Ops},
    store::DomainId,
};
use anyhow::anyhow;
use clap::Args;
use std::{
    io::{Read as _, Write as _},
    sync::Arc,
};

/// One octet more than is signed, so that what is longer is told.
const LONGEST: u64 = crate::dkim::LONGEST as u64 + 1;

#[derive(Debug, Args)]
pub(in crate::cli) struct SignArgs {
    /// The domain's number
    #[arg(value_name = "DOMAIN-ID")]
    domain: DomainId,
}

pub(in crate::cli) async fn run(args: &SignArgs, ops: &Ops) -> anyhow::Result<Outcome> {
    let domain = ops.store.domain_for_operator(args.domain).await?;
    let domain = domain.ok_or_else(|| anyhow!("there is no domain with the number {}", args.domain))?;
    let ops = Ops { key: Some(Arc::new(ops.key_file().await?)), ..ops.clone() };
    let mut message = Vec::new();
    std::io::stdin().lock().take(LONGEST).read_to_end(&mut message)?;
    let signed = ops.sign(&Actor::operator(domain.account), domain.id, &message).await.map_err(told)?;
    let mut out = std::io::stdout().lock();
    out.write_all(&signed.message)?;
    out.flush()?;
    Ok(Outcome::Good)
}
