//! `signet zone`.

use super::{Outcome, output};
use crate::{
    ops::Ops,
    zone::{every_domain, own_zone, view},
};
use clap::Subcommand;
use serde_json::json;
use signet_core::names::Name;
use signet_dns::zone::export;
use std::io::Write as _;

#[derive(Debug, Subcommand)]
pub(super) enum ZoneCommand {
    /// Print our zone as a master file, for name servers that load one
    Export {
        /// The zone, where demo domains have one of their own [default: SIGNET_ZONE]
        #[arg(long, value_name = "ZONE", id = "apex")]
        apex: Option<Name>,
    },
}

pub(super) async fn run(command: &ZoneCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let ZoneCommand::Export { apex } = command;
    let zone = own_zone(ops, ops.config.dns.listen.map(|listen| listen.ip()))?;
    let apex = apex.as_ref().unwrap_or(&ops.config.provider.zone);
    if !zone.apexes().any(|known| known == apex) {
        let known: Vec<String> = zone.apexes().map(ToString::to_string).collect();
        anyhow::bail!("{apex} is no zone of ours; there is {}", known.join(" and "));
    }
    let domains = every_domain(&*ops.store).await?;
    let mut lines = export(&zone, apex, domains.into_iter().map(view));
    if json {
        let lines: Vec<String> = lines.collect();
        output::json(&json!({ "zone": apex.as_str(), "lines": lines }))?;
    } else {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        lines.try_for_each(|line| writeln!(out, "{line}"))?;
        out.flush()?;
    }
    Ok(Outcome::Good)
}
