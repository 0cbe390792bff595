//! The command line. One file per command; what they print is in [`output`].

mod account;
mod asking;
mod audit;
mod backup;
mod check;
mod check_all;
mod demo;
mod dns_access;
mod doctor;
mod domain_connect;
mod domains;
mod keys;
mod openapi;
mod output;
mod publish;
mod records;
mod review;
mod serve;
mod spf;
mod token;
mod zone;

use crate::{
    clock::Clock,
    config::{Config, SETTINGS, Sources, without_credentials},
    ops::{Ops, Refused},
    store,
};
use anyhow::{Context as _, anyhow};
use clap::{Arg, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode, sync::Arc};

#[derive(Debug, Parser)]
#[command(
    name = "signet",
    version,
    about = "A self-hosted sending-domain service.",
    after_help = "Settings come from signet.toml, then SIGNET_* variables, then flags; \
                  `signet serve --help` lists them.",
    disable_help_subcommand = true
)]
struct Cli {
    /// Read settings from this file instead of ./signet.toml
    #[arg(long, global = true, env = "SIGNET_CONFIG", value_name = "FILE", hide_short_help = true)]
    config: Option<PathBuf>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the API and the workers
    Serve(serve::ServeArgs),
    /// Show the whole life of a domain on this machine, no internet needed
    Demo(demo::DemoArgs),
    /// Audit any domain's mail DNS; exit 0 good, 1 problems, 2 could not tell
    Check(check::CheckArgs),
    /// Check our own side as the world sees it; exit 0 good, 1 problems, 2 could not tell
    Doctor(doctor::DoctorArgs),
    /// Say whether SPF lets an address send, and why; exit 0 pass, 2 could not tell, 1 otherwise
    Spf(spf::SpfArgs),
    /// Make and list accounts
    #[command(subcommand)]
    Account(account::AccountCommand),
    /// Make, list, reset and revoke API tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// List, show and check domains
    #[command(subcommand)]
    Domains(domains::DomainsCommand),
    /// Our template for DNS hosts that publish records themselves, and its key
    #[command(subcommand)]
    DomainConnect(domain_connect::DomainConnectCommand),
    /// Give, list and delete keys to accounts' own DNS zones
    #[command(subcommand)]
    DnsAccess(dns_access::DnsAccessCommand),
    /// Search the history of everything, newest first, or export it
    Audit(Box<audit::AuditArgs>),
    /// Decide who may send
    #[command(subcommand)]
    Review(review::Review),
    /// DKIM keys: which sign, having others sign, bringing one's own, and the key they are kept under
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Our own DNS zone
    #[command(subcommand)]
    Zone(zone::ZoneCommand),
    /// Write the database, wrapped keys included, to a file while the server runs
    Backup(backup::BackupArgs),
    /// Fill an empty database from a backup
    Restore(backup::RestoreArgs),
    /// Print the API's OpenAPI document
    Openapi(openapi::OpenapiArgs),
}

/// What a command came to, as an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 0: done, or all is well.
    Good,
    /// 1: refused, failed, or there are problems.
    Problems,
    /// 2: could not tell.
    Unknown,
}

/// Runs the command the process was called with.
#[must_use]
pub fn main() -> ExitCode {
    let matches = with_settings(Cli::command()).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    let json = cli.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return failed(json, &anyhow!("the runtime does not start: {e}")),
    };
    match runtime.block_on(run(cli, &matches)) {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Problems) => ExitCode::from(1),
        Ok(Outcome::Unknown) => ExitCode::from(2),
        Err(error) => failed(json, &error),
    }
}

fn failed(json: bool, error: &anyhow::Error) -> ExitCode {
    tell(json, error);
    ExitCode::from(1)
}

/// What went wrong, on standard error.
fn tell(json: bool, error: &anyhow::Error) {
    // `head` and `less` may close the pipe before we are done.
    let closed = error.chain().any(|cause| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    });
    if !closed {
        output::error(json, &format!("{error:#}"));
    }
}

/// An error of a command whose exit code 1 is a finding: it could not tell.
fn or_unknown(json: bool, outcome: anyhow::Result<Outcome>) -> Outcome {
    outcome.unwrap_or_else(|error| {
        tell(json, &error);
        Outcome::Unknown
    })
}

async fn run(cli: Cli, matches: &ArgMatches) -> anyhow::Result<Outcome> {
    // One TLS provider for everything that speaks TLS; a second call is none.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let json = cli.json;
    let sources = || sources(cli.config.as_deref(), matches);
    match cli.command {
        Command::Openapi(args) => openapi::run(&args),
        Command::Demo(args) => demo::run(args, json).await,
        Command::Serve(args) => serve::run(&args, &sources()?, json).await,
        Command::Check(args) => Ok(or_unknown(json, check::run(&args, sources(), json).await)),
        Command::Doctor(args) => Ok(or_unknown(json, doctor::run(&args, sources(), json).await)),
        Command::Spf(args) => Ok(or_unknown(json, spf::run(&args, sources(), json).await)),
        Command::Account(command) => account::run(command, &open(&sources()?).await?, json).await,
        Command::Token(command) => token::run(command, &open_filled(&sources()?).await?, json).await,
        Command::Domains(command) => {
            let finds = command.finds();
            let run = async { domains::run(command, &open_filled(&sources()?).await?, json).await };
            if finds { Ok(or_unknown(json, run.await)) } else { run.await }
        }
        Command::DomainConnect(command) => {
            domain_connect::run(&command, &open_filled(&sources()?).await?, json).await
        }
        Command::DnsAccess(command) => dns_access::run(command, &open_filled(&sources()?).await?, json).await,
        Command::Audit(args) => audit::run(*args, &open_filled(&sources()?).await?, json).await,
        Command::Review(review::Review::Operator(command)) => {
            review::run(command, &open_filled(&sources()?).await?, json).await
        }
        Command::Review(review::Review::Policy) => review::policy::run(&sources()?, json),
        Command::Review(review::Review::DryRun(args)) => {
            Ok(or_unknown(json, review::dry_run::run(&args, sources(), json).await))
        }
        Command::Keys(command) => keys::run(command, &open_filled(&sources()?).await?, json).await,
        Command::Zone(command) => zone::run(&command, &open_filled(&sources()?).await?, json).await,
        Command::Backup(args) => backup::run(&args, &open_filled(&sources()?).await?, json).await,
        Command::Restore(args) => backup::restore(&args, &open(&sources()?).await?, json).await,
    }
}

/// Every setting is a flag of every command that reads settings; the help of
/// `serve` lists them.
fn with_settings(command: clap::Command) -> clap::Command {
    let command = command.mut_subcommand("serve", |serve| serve.after_help(settings_help()));
    SETTINGS.iter().fold(command, |command, setting| {
        let flag = Arg::new(setting.name).long(setting.flag()).global(true).value_name("VALUE");
        command.arg(flag.allow_hyphen_values(true).hide(true))
    })
}

/// The settings by flag, with the variable and the default.
fn settings_help() -> String {
    let mut help = "Settings, as flag and as variable; in signet.toml by the flag's name with underscores:\n"
        .to_string();
    for setting in SETTINGS {
        let default = setting.default.map_or_else(String::new, |default| format!(" [{default}]"));
        help.push_str(&format!(
            "  --{:<22} {:<28} {}{default}\n",
            setting.flag(),
            setting.variable(),
            setting.help
        ));
    }
    help
}

fn sources(file: Option<&std::path::Path>, matches: &ArgMatches) -> anyhow::Result<Sources> {
    let flags = SETTINGS.iter().filter_map(|setting| {
        let value = deepest(matches).try_get_one::<String>(setting.name).ok().flatten();
        value.map(|value| (setting.name, value.clone()))
    });
    let sources = Sources::read(file, environment(), flags)?;
    for warning in &sources.warnings {
        output::warning(warning);
    }
    Ok(sources)
}

/// Global flags are known to the innermost subcommand, wherever they stood.
fn deepest(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| deepest(inner))
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
}

/// The use cases over the configured database, for a command.
async fn open(sources: &Sources) -> anyhow::Result<Ops> {
    let config = Config::from_sources(sources)?;
    let store = store::open(&config.database_url).await.context("the database cannot be opened")?;
    Ok(Ops::new(store, Arc::new(config), Clock::system()))
}

/// The same, of a database that has an account.
async fn open_filled(sources: &Sources) -> anyhow::Result<Ops> {
    let ops = open(sources).await?;
    if ops.store.is_empty().await? {
        anyhow::bail!(
            "the database {} is empty; start `signet serve` once, or run `signet account create`",
            without_credentials(&ops.config.database_url)
        );
    }
    Ok(ops)
}

/// The use cases with the key file, which most commands do without.
async fn with_key(ops: &Ops) -> anyhow::Result<Ops> {
    Ok(Ops { key: Some(Arc::new(ops.key_file().await?)), ..ops.clone() })
}

/// A refusal as a sentence.
fn told(refused: Refused) -> anyhow::Error {
    match refused {
        Refused::NotFound => anyhow!("there is none with that number"),
        Refused::Forbidden => anyhow!("that is not allowed"),
        Refused::Invalid(fields) | Refused::Outdated(fields) => {
            let each =
                fields.iter().flat_map(|(field, messages)| messages.iter().map(|text| about(field, text)));
            anyhow!("{}", each.collect::<Vec<_>>().join("; "))
        }
        Refused::Store(error) => error.into(),
    }
}

/// What is said of a field: most texts go on from its name ("can't be blank"),
/// others are sentences of their own.
fn about(field: &str, text: &str) -> String {
    match field {
        "base" => text.to_string(),
        _ if text.starts_with(char::is_uppercase) => text.to_string(),
        field => format!("{field} {text}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_sentences() {
        for (field, text, shown) in [
            ("name", "can't be blank", "name can't be blank"),
            ("base", "There is a key to that zone already", "There is a key to that zone already"),
            ("message", "The message has no From field.", "The message has no From field."),
            ("private_key", "This is not a private key.", "This is not a private key."),
        ] {
            assert_eq!(told(Refused::invalid(field, text)).to_string(), shown);
        }
    }
}
