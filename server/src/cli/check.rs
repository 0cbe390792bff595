//! `signet check`: the mail DNS of any domain, now.

mod page;

use super::{Outcome, asking, domains::verdict_document, output};
use crate::{
    clock::{Clock, Randomness},
    config::{Config, Sources},
};
use clap::Args;
use serde_json::{Value, json};
use signet_core::{
    audit::{self, Audit, Request},
    names::Name,
};
use signet_dns::ask::Mode;
use std::net::IpAddr;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The domain
    #[arg(value_name = "NAME")]
    name: String,
    /// A DKIM selector that must have a key; common ones are tried besides
    #[arg(long = "selector", value_name = "S")]
    selectors: Vec<String>,
    /// An address that must pass SPF; without any, those of the MX hosts are tried
    #[arg(long = "ip", value_name = "IP")]
    addresses: Vec<IpAddr>,
}

/// Selectors and addresses that may be given.
const GIVEN: usize = 32;

pub(super) async fn run(
    args: &CheckArgs,
    sources: anyhow::Result<Sources>,
    json: bool,
) -> anyhow::Result<Outcome> {
    let domain =
        Name::typed(&args.name).map_err(|refused| anyhow::anyhow!("the name {:?} {refused}", args.name))?;
    let selectors = selectors(&domain, &args.selectors)?;
    anyhow::ensure!(args.addresses.len() <= GIVEN, "at most {GIVEN} addresses can be given");
    let config = Config::from_sources(&sources?)?;
    let asker = asking::asker_of_person(&config).await?;
    let probe = Randomness::default().record_id();
    let request = Request {
        domain: &domain,
        selectors: &selectors,
        addresses: &args.addresses,
        probe: probe.as_str(),
        recursive: asker.mode() == Mode::Recursive,
    };
    let (audit, settled) = asking::settle(&asker, json, |seen| audit::judge(&request, seen)).await?;
    if settled.cut_short {
        output::warning("not everything could be asked in time; what was not is taken as not answered");
    }
    if json {
        output::json(&document(&domain, &audit))?;
    } else {
        page::print(&domain, &audit)?;
    }
    Ok(match audit.outcome() {
        audit::Outcome::Good => Outcome::Good,
        audit::Outcome::Problems => Outcome::Problems,
        audit::Outcome::Unknown => Outcome::Unknown,
    })
}

/// The selectors, each once, in lower case.
fn selectors(domain: &Name, given: &[String]) -> anyhow::Result<Vec<String>> {
    anyhow::ensure!(given.len() <= GIVEN, "at most {GIVEN} selectors can be given");
    let mut selectors: Vec<String> = Vec::new();
    for text in given {
        // What stands before ._domainkey is often pasted whole.
        let text = text.trim().to_ascii_lowercase();
        let label = text.split("._domainkey").next().unwrap_or_default();
        anyhow::ensure!(
            domain.prepend(&format!("{label}._domainkey")).is_some(),
            "the selector {text:?} cannot be one: give what stands before ._domainkey"
        );
        if !selectors.iter().any(|known| known == label) {
            selectors.push(label.to_string());
        }
    }
    Ok(selectors)
}

fn document(domain: &Name, audit: &Audit) -> Value {
    // As the API's report has it.
    let checked_at = format!("{:.3}", Clock::system().now());
    let findings = audit.findings.iter().map(|finding| {
        let mut shown = verdict_document(finding);
        let name = finding.key.owner(domain, audit.zone.as_ref());
        shown["name"] = json!(name.map(|name| name.to_string()));
        shown["selector"] = json!(finding.key.selector());
        shown["weight"] = json!(finding.weight().as_str());
        shown["checked_at"] = json!(checked_at);
        shown
    });
    json!({
        "name": domain.to_string(),
        "zone": audit.zone.as_ref().map(ToString::to_string),
        "status": audit.outcome().as_str(),
        "checked_at": checked_at,
        "findings": findings.collect::<Vec<_>>(),
    })
}
