//! `signet backup` and `signet restore`.

use super::{Outcome, domains, output, told};
use crate::ops::Ops;
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct BackupArgs {
    /// The file to write; it must not exist
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct RestoreArgs {
    /// The file to read
    file: PathBuf,
}

pub(super) async fn run(args: &BackupArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let progress = (!json).then(|| domains::progress("writing the backup"));
    ops.store.backup(&args.file).await?;
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    let bytes = std::fs::metadata(&args.file)?.len();
    if json {
        output::json(&json!({ "file": args.file, "bytes": bytes }))?;
    } else {
        output::line(&format!(
            "{} holds the database with its wrapped keys ({bytes} bytes).",
            args.file.display()
        ))?;
        output::line(&format!("Keep {} too, apart from it.", ops.config.key_file.display()))?;
    }
    Ok(Outcome::Good)
}

pub(super) async fn restore(args: &RestoreArgs, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    let progress = (!json).then(|| domains::progress("restoring"));
    ops.store.restore(&args.file).await?;
    ops.note_restored(&args.file.display().to_string()).await.map_err(told)?;
    if let Some(progress) = progress {
        progress.finish_and_clear();
    }
    let accounts = ops.store.accounts().await?.len();
    if json {
        output::json(&json!({ "file": args.file, "accounts": accounts }))?;
    } else {
        output::line(&format!("{} is restored: {accounts} account(s).", args.file.display()))?;
        output::line("`signet serve` needs the key file that belongs to it.")?;
        output::line(
            "Nothing is signed until it has seen each domain's key in DNS. Compromises since the backup are unknown: \
             declare each again with `signet keys rotate --compromised`.",
        )?;
    }
    Ok(Outcome::Good)
}
