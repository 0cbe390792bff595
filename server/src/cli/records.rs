//! `signet domains records` and `signet domains connect`.

use super::{Outcome, asking::asker_of_person, domains::operator, output, told};
use crate::{
    domain_connect::Discovery,
    export::{Export, Format, Provider},
    ops::{Ops, domain_connect::Offer},
    store::DomainId,
};
use clap::{Args, builder::PossibleValuesParser};
use serde_json::json;
use signet_core::handout::Handout;
use std::io::Write as _;

#[derive(Debug, Args)]
pub(super) struct RecordsArgs {
    /// Its number
    id: DomainId,
    /// What to write instead of a table for people
    #[arg(long, value_parser = PossibleValuesParser::new(Format::ALL.map(Format::as_str)))]
    format: Option<String>,
    /// With --format terraform: whose resources [default: those of the domain's DNS host]
    #[arg(long, value_parser = PossibleValuesParser::new(Provider::ALL.map(Provider::as_str)))]
    provider: Option<String>,
}

pub(super) async fn records(args: &RecordsArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let actor = operator(ops, args.id).await?;
    let export = ops.export(&actor, args.id).await.map_err(told)?;
    let format = args.format.as_deref().and_then(Format::parse).or(json.then_some(Format::Json));
    let provider = args.provider.as_deref().and_then(Provider::parse);
    match format {
        // Every byte as it is, the line ends of tables among them.
        Some(format) => std::io::stdout().write_all(export.render(format, provider).as_bytes())?,
        None => print(&export)?,
    }
    Ok(Outcome::Good)
}

fn print(export: &Export) -> std::io::Result<()> {
    if let Some(zone) = &export.zone {
        output::line(&format!("zone        {zone}"))?;
    }
    if let Some(host) = &export.host {
        output::line(&format!("dns host    {}", host.place()))?;
    }
    let rows = export.records.iter().map(|Handout { record, note }| {
        let named = match export.entered(record).or_else(|| export.name_in_zone(record)) {
            Some(name) if name.is_empty() => "(left empty)".to_string(),
            Some(name) => name,
            None => format!("{}.", record.owner),
        };
        let needed = if record.gates { "yes" } else { "no" };
        let value = match note {
            Some(_) if !record.is_made() => "(see below)".to_string(),
            _ => output::printable(&record.value),
        };
        vec![named, record.rtype.to_string(), value, needed.to_string()]
    });
    output::table(&["name", "type", "value", "required"], rows.collect(), "No records.")?;
    for Handout { record, note } in &export.records {
        if let Some(note) = note {
            let about = format!("{} {}: {}", record.owner, record.rtype, output::printable(note));
            output::line(&output::paragraph("", &about))?;
        }
    }
    Ok(())
}

#[derive(Debug, Args)]
pub(super) struct ConnectArgs {
    /// Its number
    id: DomainId,
}

pub(super) async fn connect(args: &ConnectArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let actor = operator(ops, args.id).await?;
    let asker = asker_of_person(&ops.config).await?;
    let key = ops.key_file().await?;
    let discovery = Discovery::new(asker, ops.config.dns.allow_private);
    let ops = Ops { key: Some(key.into()), ..ops.clone() }.with_discovery(discovery);
    let offer = ops.domain_connect(&actor, args.id).await.map_err(told)?;
    match offer {
        Offer::Link { url, dns_host, records, .. } => {
            let records: Vec<&str> = records.iter().map(|key| key.as_str()).collect();
            if json {
                output::json(
                    &json!({"supported": true, "url": url, "dns_host": dns_host, "records": records}),
                )?;
            } else {
                output::line(&url)?;
            }
            Ok(Outcome::Good)
        }
        Offer::Nothing { code, reason, dns_host } => {
            if json {
                output::json(
                    &json!({"supported": false, "code": code, "reason": reason, "dns_host": dns_host}),
                )?;
            } else {
                output::line(&reason)?;
            }
            Ok(if code == "unreachable" { Outcome::Unknown } else { Outcome::Problems })
        }
    }
}
