//! Our zone server under dnsperf, beside NSD with the same zone.

mod dnsperf;
mod questions;

use crate::{
    Arguments, machine,
    nsd::Nsd,
    report::{Row, grouped},
    rest,
    world::{self, Time, World},
};
use anyhow::Context as _;
use dnsperf::Run;
use questions::Load;
use signet_core::plan::Provider;
use std::{
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// Of what NSD does with the same zone.
const BUDGET: f64 = 0.40;
/// Hits that a miss may cost.
const MISS: f64 = 2.0;
/// MiB.
const AT_REST: f64 = 300.0;
const TURNS: u32 = 4;

/// Measures it.
///
/// # Errors
/// When something does not start, or answers otherwise than it should.
pub(crate) async fn measure(folder: &Path, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for &domains in &arguments.zone {
        let world = World::make(folder, &format!("zone-{domains}"), domains, &world::PLAIN).await?;
        let open = world.open(Time::Real).await?;
        let provider = open.ops.config.provider.clone();
        open.ops.store.close().await;
        rows.extend(of_size(&world, &provider, arguments)?);
        // A million domains come to some gigabytes.
        fs::remove_dir_all(&world.folder)?;
    }
    Ok(rows)
}

fn of_size(world: &World, provider: &Provider, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let zone_file = export(world)?;
    let ours = Ours::start(world)?;
    let at_rest = ours.mebibytes("VmRSS:")?;
    let folder = world.folder.join("nsd");
    fs::create_dir(&folder)?;
    let zones = [(provider.zone.to_string(), zone_file)];
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let nsd = Nsd::start(&folder, &[Ipv4Addr::LOCALHOST], cores, &zones)?;
    let theirs = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), nsd.port);
    let files: Vec<PathBuf> = Load::ALL
        .iter()
        .map(|load| load.write(&world.folder, provider, world.domains))
        .collect::<anyhow::Result<_>>()?;

    let slice = arguments.slice(TURNS).max(Duration::from_secs(1));
    let mut runs = [[Run::default(); 2]; Load::ALL.len()];
    for turn in 0..=TURNS {
        // In turns, so that whatever else the machine does disturbs both. The
        // first is for warming up and does not count.
        for ((load, file), runs) in Load::ALL.iter().zip(&files).zip(&mut runs) {
            let before = ours.cpu();
            let mut mine = dnsperf::run(ours.address, file, load.rcode(), slice)?;
            mine.cpu = ours.cpu().saturating_sub(before);
            let before = nsd.cpu();
            let mut other = dnsperf::run(theirs, file, load.rcode(), slice)?;
            other.cpu = nsd.cpu().saturating_sub(before);
            if turn > 0 {
                runs[0] += mine;
                runs[1] += other;
            }
        }
    }
    let mut rows = rows(&runs, world.domains);
    rows.push(memory(world.domains, at_rest, &ours, &nsd)?);
    Ok(rows)
}

fn rows(runs: &[[Run; 2]], domains: u32) -> Vec<Row> {
    let domains = grouped(f64::from(domains));
    let told = |run: &Run| {
        let lost = match run.per_mille_lost() {
            0.0 => "none lost".to_string(),
            lost => format!("{lost:.2} ‰ lost"),
        };
        format!("{}/s, {:.1} µs of CPU each, {lost}", grouped(run.rate()), run.micros())
    };
    let mut rows = Vec::new();
    for (load, [ours, theirs]) in Load::ALL.into_iter().zip(runs) {
        let ratio = ours.rate() / theirs.rate();
        rows.push(Row {
            what: format!("our zone, {domains} domains, {}", load.told()),
            figure: told(ours),
            beside: format!("{}: NSD, the same zone", told(theirs)),
            ratio: Some(ratio),
            budget: (load == Load::Zipf).then_some(("≥ 0.40", ratio >= BUDGET)),
        });
    }
    // Hits that are not all remembered from one time to the next.
    let hit = runs[Load::Uniform as usize][0];
    for load in [Load::NoDomain, Load::NoName] {
        let miss = runs[load as usize][0];
        let cost = hit.rate() / miss.rate();
        rows.push(Row {
            what: format!("cost of a miss, {domains} domains, {}", load.told()),
            figure: format!("{}/s", grouped(miss.rate())),
            beside: format!("{}/s: hits, all names alike", grouped(hit.rate())),
            ratio: Some(cost),
            budget: Some(("cost of one ≤ 2", cost <= MISS)),
        });
    }
    rows.into_iter().map(Row::say).collect()
}

fn memory(domains: u32, at_rest: f64, ours: &Ours, nsd: &Nsd) -> anyhow::Result<Row> {
    let (now, peak, other) = (ours.mebibytes("VmRSS:")?, ours.mebibytes("VmHWM:")?, nsd.mebibytes());
    let row = Row {
        what: format!("memory of the zone server, {} domains", grouped(f64::from(domains))),
        figure: format!("{at_rest:.0} MiB at rest, {now:.0} MiB after all that, {peak:.0} MiB at most"),
        beside: format!("{other:.0} MiB: NSD, all processes"),
        ratio: Some(now / other),
        budget: Some(("< 300 MB at rest", at_rest < AT_REST)),
    };
    Ok(row.say())
}

/// The zone as a file, by the command that operators use.
fn export(world: &World) -> anyhow::Result<PathBuf> {
    let path = world.folder.join("exported.zone");
    let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
    command.args(["zone", "export"]).envs(world.settings()).stdout(File::create(&path)?);
    anyhow::ensure!(command.status()?.success(), "the zone cannot be exported");
    Ok(path)
}

/// `signet serve` with the zone server on.
struct Ours {
    server: rest::Server,
    address: SocketAddr,
}

impl Ours {
    fn start(world: &World) -> anyhow::Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
        command.args(["serve", "--json"]).envs(world.settings());
        command.env("SIGNET_DNS_LISTEN", "127.0.0.1:0").env("SIGNET_DNS_RATE_LIMIT", "0");
        // Nobody to ask: what is due is not looked at meanwhile.
        command.env("SIGNET_DNS_RESOLVERS", "127.0.0.1:1");
        let (server, line) = rest::Server::start(&mut command)?;
        let said: serde_json::Value =
            serde_json::from_str(&line).with_context(|| format!("the server did not start: {line}"))?;
        let address = said["dns"].as_str().with_context(|| format!("no zone server: {line}"))?.parse()?;
        Ok(Self { server, address })
    }

    fn cpu(&self) -> Duration {
        machine::cpu_of(&self.server.id().to_string())
    }

    fn mebibytes(&self, key: &str) -> anyhow::Result<f64> {
        self.server.mebibytes(key)
    }
}
