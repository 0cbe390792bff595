//! `signet doctor`: our own side, as the world sees it and on this machine.

mod domains;
mod local;
mod page;

use super::{Outcome, asking, domains::progress, output, told};
use crate::{
    clock::{Clock, Randomness},
    config::{Config, Sources, without_credentials},
    ops::Ops,
    store,
    zone::own_zone,
};
use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};
use signet_core::{
    doctor::{self, Code, Finding, Report, Request, Subject},
    names::Name,
};
use signet_dns::{
    ask::{Ask, Asker, Mode},
    zone::OwnZone,
};
use std::{net::IpAddr, sync::Arc, time::Duration};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Look at the DKIM keys of every domain, where there are more than 5,000, too
    #[arg(long)]
    all: bool,
}

/// What every server of our zone must have caught up within.
const TO_CATCH_UP: Duration = Duration::from_secs(10);

pub(super) async fn run(
    args: &DoctorArgs,
    sources: anyhow::Result<Sources>,
    json: bool,
) -> anyhow::Result<Outcome> {
    let config = Arc::new(Config::from_sources(&sources?)?);
    let asker = asking::asker_of_doctor(&config).await?;
    let spinner = (!json).then(|| progress("asking the world about our zone"));
    let (ops, of_store) = open(&config).await;
    let zone = match &ops {
        Some(ops) => zone_of(ops).await.ok(),
        None => None,
    };
    let (report, mut own) =
        tokio::join!(world(&config, zone.as_ref(), &asker), local::look(&config, ops.as_ref(), &asker));
    let (report, cut_short) = report?;
    let mut findings = report.findings.clone();
    if let (Some(ops), Some(zone), true) = (&ops, &zone, report.reachable) {
        findings.extend(domains::look(ops, zone, &asker, args.all, spinner.as_ref()).await?);
    }
    own.splice(0..0, of_store);
    own.extend(local::zone_server(&config, report.newest.first().map(|(_, serial)| *serial)).await);
    findings.append(&mut own);
    if let Some(spinner) = spinner {
        spinner.finish_and_clear();
    }
    if cut_short {
        output::warning("not everything could be asked in time; what was not is taken as not answered");
    }
    // In the order of subjects; what is said of one stays in its own.
    findings.sort_by_key(|finding| finding.subject);
    let outcome = doctor::outcome(&findings);
    if json {
        output::json(&document(&config.provider.zone, &findings))?;
    } else {
        page::print(&config.provider.zone, &findings)?;
    }
    Ok(match outcome {
        doctor::Outcome::Good => Outcome::Good,
        doctor::Outcome::Problems => Outcome::Problems,
        doctor::Outcome::Unknown => Outcome::Unknown,
    })
}

/// The database, or why there is none to look into. One that is not there yet is
/// not made for this.
async fn open(config: &Arc<Config>) -> (Option<Ops>, Vec<Finding>) {
    let url = &config.database_url;
    let shown = without_credentials(url);
    let empty = || {
        let reason = format!("The database {shown} has nothing in it yet.");
        Finding::new(Subject::Database, &shown, Code::DatabaseEmpty, reason)
            .fix("`signet serve` makes the first account, its token and the key file.")
    };
    if !store::is_there(url) {
        return (None, vec![empty()]);
    }
    match store::open(url).await {
        Ok(store) => {
            let ops = Ops::new(store, Arc::clone(config), Clock::system());
            let found = local::database(&ops, &shown, empty()).await;
            (Some(ops), found)
        }
        Err(error) => {
            let reason = format!("The database {shown} cannot be opened: {error}.");
            let fix = "See that it runs, and that SIGNET_DATABASE_URL names it, with the right password.";
            (None, vec![Finding::new(Subject::Database, &shown, Code::DatabaseUnusable, reason).fix(fix)])
        }
    }
}

async fn zone_of(ops: &Ops) -> anyhow::Result<OwnZone> {
    let listen = ops.config.dns.listen.map(|listen| listen.ip());
    let key = ops.link_key_texts().await.map_err(told)?;
    own_zone(ops, listen, key).context("our zone cannot be served")
}

/// What the world sees. Servers that are behind are given some time, since the
/// zone may have changed this moment.
async fn world(config: &Config, zone: Option<&OwnZone>, asker: &Asker) -> anyhow::Result<(Report, bool)> {
    let settings = signet_dns::zone::OwnZoneSettings::new(config.provider.clone());
    let name_servers: Vec<(Name, Vec<IpAddr>)> = match zone {
        Some(zone) => zone.name_servers().map(|(name, ips)| (name.clone(), ips.to_vec())).collect(),
        None => settings.name_servers,
    };
    let probe = Randomness::default().record_id();
    let mut request = Request {
        provider: &config.provider,
        name_servers: &name_servers,
        serves: config.dns.listen.is_some(),
        helo: config.helo.as_ref(),
        probe: probe.as_str(),
        recursive: asker.mode() == Mode::Recursive,
        earlier: &[],
    };
    let settled = asker.settle(Ask::on_demand(), |seen| doctor::judge(&request, seen)).await;
    let (first, cut_short) = (settled.value?, settled.cut_short);
    if !first.findings.iter().any(|finding| finding.code == Code::SerialsDiffer) {
        return Ok((first, cut_short));
    }
    tokio::time::sleep(TO_CATCH_UP).await;
    request.earlier = &first.newest;
    let settled = asker.settle(Ask::on_demand(), |seen| doctor::judge(&request, seen)).await;
    Ok((settled.value?, settled.cut_short))
}

fn document(zone: &Name, findings: &[Finding]) -> Value {
    let shown = findings.iter().map(|finding| {
        json!({
            "subject": finding.subject.as_str(),
            "about": finding.about,
            "level": finding.level().as_str(),
            "code": finding.code.as_str(),
            "reason": finding.reason,
            "fix": finding.fix,
            "paste": finding.paste,
            "observed": finding.observed,
            "server": finding.server.as_ref().map(ToString::to_string),
            "rcode": finding.rcode,
        })
    });
    json!({
        "zone": zone.as_str(),
        "status": doctor::outcome(findings).as_str(),
        "checked_at": format!("{:.3}", Clock::system().now()),
        "findings": shown.collect::<Vec<_>>(),
    })
}
