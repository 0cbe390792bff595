//! Developer commands, as `cargo xtask COMMAND`.

mod bench;
mod cargo_test;
mod ci;
mod conformance;
mod e2e;
mod fuzz;
mod licences;
mod scripts;
mod spdx;
mod step;
mod tidy;
mod tools;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "Developer commands.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Everything that must be right: lints, documentation, licences, tests, conformance, end to end
    Ci {
        /// Leave out conformance and end to end
        #[arg(long)]
        quick: bool,
    },
    /// Schemathesis and the official clients against a live server
    Conformance {
        /// Only this script: schemas or clients
        only: Option<String>,
    },
    /// Real name servers, real mail servers, kill -9
    E2e {
        /// Only this story, such as `dns` or `lifecycle-sqlite`; an unknown name lists all
        only: Option<String>,
    },
    /// The budgets, measured; without arguments docs/benchmarks.md is written anew
    Bench {
        /// Only this section: api, gate, verify, zone or keys. Then for the benchmark: --quick, --domains N,
        /// --many N, --verify N,N, --zone N,N, --seconds N, --only get,create,recheck,rest,gate,verify,zone,keys
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Hostile answers and questions, made up by libFuzzer (needs nightly and cargo-fuzz)
    Fuzz {
        /// Only this target: message, spf, dkim_key, dmarc or zone_query
        only: Option<String>,
        /// How long, for each target
        #[arg(long, default_value_t = 60)]
        seconds: u64,
    },
    /// Licences and banned crates, by deny.toml
    Licences,
    /// What no compiler checks: file lengths, forbidden words, white space
    Tidy,
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Ci { quick } => ci::run(quick),
        Command::Conformance { only } => conformance::run(only.as_deref()).map(|count| step::closing(&count)),
        Command::E2e { only } => e2e::run(only.as_deref()).map(|count| step::closing(&count)),
        Command::Bench { arguments } => bench::run(&arguments),
        Command::Fuzz { only, seconds } => fuzz::run(only.as_deref(), seconds),
        Command::Licences => licences::run(),
        Command::Tidy => tidy::run(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The last thing on the screen: what failed, and why; no backtrace.
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}
