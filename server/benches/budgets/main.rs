//! The budgets of the API, of the store, of the sending gate, of looking at domains and of our zone, each measured
//! beside something that is run in the same minute on the same machine.
//!
//! `cargo xtask bench` runs this and writes docs/benchmarks.md. One file per
//! row; [`world`] fills the databases, [`load`] makes the requests.

mod bare;
mod create;
mod gate;
mod get;
mod keys;
mod load;
mod machine;
mod nsd;
mod recheck;
mod report;
mod rest;
mod verify;
mod world;
mod zone;

use anyhow::Context as _;
use clap::Parser;
use report::Row;
use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Set for the process that measures: its log goes to a file, as a server's does.
const MEASURING: &str = "SIGNET_BENCH_MEASURING";

#[derive(Debug, Parser)]
struct Arguments {
    /// Domains in the databases that are asked over HTTP and by the gate
    #[arg(long, default_value_t = 100_000)]
    domains: u32,
    /// Domains in the large database of the re-check rows
    #[arg(long, default_value_t = 1_000_000)]
    many: u32,
    /// How long each contender runs in all
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// A small run that shows whether everything works: its figures mean nothing
    #[arg(long)]
    quick: bool,
    /// Numbers of domains that are looked at
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000])]
    verify: Vec<u32>,
    /// Numbers of domains in the zone that is served
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000])]
    zone: Vec<u32>,
    /// A Python with checkdmarc, to be run beside
    #[arg(long)]
    python: Option<PathBuf>,
    /// Only these: get, create, recheck, rest, gate, verify, zone, keys
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Where the databases are made: on the disk that is to be measured
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    directory: PathBuf,
    /// Write the table here as well, as Markdown
    #[arg(long)]
    report: Option<PathBuf>,
    /// What cargo passes to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    fn wants(&self, row: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == row)
    }

    /// The time of one of `slices` turns that every contender gets.
    fn slice(&self, slices: u32) -> Duration {
        Duration::from_secs(self.seconds) / slices
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::parse();
    if arguments.quick {
        arguments.domains = arguments.domains.min(2_000);
        arguments.many = arguments.many.min(20_000);
        arguments.seconds = arguments.seconds.min(2);
        arguments.verify = vec![1_000];
        arguments.zone = vec![1_000, 10_000];
    }
    let done =
        if std::env::var_os(MEASURING).is_some() { measure(&arguments) } else { supervise(&arguments) };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs this program again with standard error, where the server logs every
/// request, in a file.
fn supervise(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = tempfile::tempdir_in(&arguments.directory)?;
    let log = folder.path().join("log");
    let status = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(MEASURING, folder.path())
        .stderr(File::create(&log)?)
        .status()?;
    if status.success() {
        return Ok(());
    }
    let log = std::fs::read_to_string(&log).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default();
    anyhow::bail!("the run ended with {status}; the end of its log:\n{}", last.join("\n"))
}

fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let folder = std::env::var_os(MEASURING).map(PathBuf::from).context("no folder to work in")?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut facts = machine::facts(&folder, arguments);
    let rows = runtime.block_on(rows(arguments, &folder))?;
    facts.push(machine::load_after());
    let table = report::markdown(&rows, &facts);
    println!("\n{table}");
    if let Some(path) = &arguments.report {
        std::fs::write(path, &table).with_context(|| path.display().to_string())?;
    }
    Ok(())
}

async fn rows(arguments: &Arguments, folder: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    let page = signet::telemetry::metrics().map_err(anyhow::Error::msg)?;
    if arguments.wants("get") || arguments.wants("create") {
        let world = world::World::make(folder, "asked", arguments.domains, &world::PLAIN).await?;
        let world = world.open(world::Time::Real).await?;
        signet::telemetry::log(&world.ops.config.log).map_err(anyhow::Error::msg)?;
        if arguments.wants("get") {
            rows.extend(get::measure(&world, arguments).await?);
        }
        if arguments.wants("create") {
            rows.extend(create::measure(&world, folder, arguments).await?);
        }
        world.ops.store.close().await;
    }
    if arguments.wants("recheck") || arguments.wants("rest") {
        let many = world::World::make(folder, "many", arguments.many, &world::PLAIN).await?;
        if arguments.wants("rest") {
            rows.extend(rest::measure(&many, arguments).await?);
        }
        if arguments.wants("recheck") {
            let few = 1_000.min(arguments.many);
            let few = world::World::make(folder, "few", few, &world::PLAIN).await?;
            rows.extend(recheck::measure(&few, &many, arguments).await?);
        }
    }
    if arguments.wants("gate") {
        let world = world::World::make(folder, "gate", arguments.domains, &world::PLAIN).await?;
        rows.extend(gate::measure(&world, arguments).await?);
    }
    if arguments.wants("verify") {
        rows.extend(verify::measure(folder, &page, arguments).await?);
    }
    if arguments.wants("zone") {
        rows.extend(zone::measure(folder, arguments).await?);
    }
    if arguments.wants("keys") {
        rows.extend(keys::measure(folder, arguments)?);
    }
    Ok(rows)
}
