//! `signet zone`.

use super::{Outcome, domains::progress, output};
use crate::{ops::Ops, zone::published_zone};
use clap::Subcommand;
use serde_json::json;
use signet_core::names::Name;
use signet_dns::zone::{Walk, line};
use std::io::{IsTerminal as _, Write as _};

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
    let zone = published_zone(ops, ops.config.dns.listen.map(|listen| listen.ip())).await?;
    let apex = apex.as_ref().unwrap_or(&ops.config.provider.zone);
    let Some(mut walk) = Walk::new(&zone, apex) else {
        let known: Vec<String> = zone.apexes().map(ToString::to_string).collect();
        anyhow::bail!("{apex} is no zone of ours; there is {}", known.join(" and "));
    };
    if json {
        let mut lines = Vec::new();
        while let Some(records) = walk.step().await? {
            lines.extend(records.iter().map(line));
        }
        output::json(&json!({ "zone": apex.as_str(), "serial": walk.serial(), "lines": lines }))?;
        return Ok(Outcome::Good);
    }
    // On a terminal the lines are progress enough.
    let bar = (!std::io::stdout().is_terminal()).then(|| progress("writing the zone"));
    let mut out = std::io::BufWriter::new(std::io::stdout());
    let mut written = 0;
    while let Some(records) = walk.step().await? {
        records.iter().try_for_each(|record| writeln!(out, "{}", line(record)))?;
        written += records.len();
        if let Some(bar) = &bar {
            bar.set_message(format!("writing the zone: {written} records"));
        }
    }
    out.flush()?;
    if let Some(bar) = bar {
        bar.finish_and_clear();
    }
    Ok(Outcome::Good)
}
