//! `signet keys`, one subcommand per file.

mod import;
mod list;
mod mode;
mod rewrap;
mod rotate;
mod sign;

use super::Outcome;
use crate::{ops::Ops, telemetry};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Replace the key-encryption key, while servers run
    Rewrap(rewrap::RewrapArgs),
    /// Sign the message on standard input as a domain, and print it
    Sign(sign::SignArgs),
    /// List DKIM keys: which sign, which are next, and when
    List(list::ListArgs),
    /// Have another key sign a domain's mail, as soon as everybody sees it
    Rotate(rotate::RotateArgs),
    /// Take a private key (PEM) from standard input; it signs once it is proven in DNS
    Import(import::ImportArgs),
    /// Choose who publishes a domain's DKIM keys
    Mode(mode::ModeArgs),
}

pub(super) async fn run(command: KeysCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    // Whoever opens a key is seen to, here as on a server.
    telemetry::log(&ops.config.log).map_err(anyhow::Error::msg)?;
    match command {
        KeysCommand::Rewrap(args) => rewrap::run(&args, ops, json).await,
        KeysCommand::Sign(args) => sign::run(&args, ops, json).await,
        KeysCommand::List(args) => list::run(&args, ops, json).await,
        KeysCommand::Rotate(args) => rotate::run(&args, ops, json).await,
        KeysCommand::Import(args) => import::run(&args, ops, json).await,
        KeysCommand::Mode(args) => mode::run(&args, ops, json).await,
    }
}
