//! `signet dns-access`: keys to accounts' own zones.

use super::{Outcome, output, publish::equipped, told};
use crate::{
    dns_access::providers::{Field, PROVIDERS, Provider, Values},
    ops::{Actor, Ops, publish::AccessWish},
    store::{AccountId, DnsAccess, DnsAccessId},
};
use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::{
    io::{IsTerminal as _, Read as _},
    path::PathBuf,
};
use zeroize::Zeroizing;

/// The longest secret that is read, in bytes.
const LONGEST: u64 = 16 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum DnsAccessCommand {
    /// List the keys to zones, without what is secret of them
    List {
        /// Whose
        #[arg(long, value_name = "ID")]
        account: AccountId,
    },
    /// List the providers, and what each wants to be given
    Providers,
    /// Give a key to a zone, in place of another to the same; secrets are read from standard input
    Add(AddArgs),
    /// Delete a key to a zone; records written with it stay
    Delete {
        /// Whose
        #[arg(long, value_name = "ID")]
        account: AccountId,
        /// Its number
        id: DnsAccessId,
    },
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// Whose
    #[arg(long, value_name = "ID")]
    account: AccountId,
    /// The name of the zone
    #[arg(long)]
    zone: String,
    /// One of `signet dns-access providers`
    #[arg(long)]
    provider: String,
    /// What is no secret, as name=value; may be given several times
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Read the secret from this file instead; several secrets as lines of name=value
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Do not try it out first
    #[arg(long)]
    no_test: bool,
}

pub(super) async fn run(command: DnsAccessCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    match command {
        DnsAccessCommand::List { account } => {
            let keys = ops.dns_accesses(&actor(ops, account).await?).await.map_err(told)?;
            if json {
                output::json(&keys.iter().map(document).collect())?;
            } else {
                let rows = keys.iter().map(row).collect();
                output::table(
                    &["id", "zone", "provider", "settings", "given"],
                    rows,
                    "No keys to zones yet.",
                )?;
            }
        }
        DnsAccessCommand::Providers => providers(ops, json)?,
        DnsAccessCommand::Add(args) => {
            let actor = actor(ops, args.account).await?;
            let given =
                equipped(ops).await?.give_dns_access(&actor, &wish(ops, args)?).await.map_err(told)?;
            if json {
                output::json(&document(&given))?;
            } else {
                output::line(&format!("key {} opens {} by {}", given.id, given.zone, given.provider))?;
            }
        }
        DnsAccessCommand::Delete { account, id } => {
            let gone = ops.delete_dns_access(&actor(ops, account).await?, id).await.map_err(told)?;
            if json {
                output::json(&document(&gone))?;
            } else {
                output::line(&format!("the key to {} is deleted", gone.zone))?;
            }
        }
    }
    Ok(Outcome::Good)
}

async fn actor(ops: &Ops, account: AccountId) -> anyhow::Result<Actor> {
    let found = ops.store.account(account).await?;
    found.ok_or_else(|| anyhow!("there is no account with the number {account}"))?;
    Ok(Actor::operator(account))
}

fn providers(ops: &Ops, json: bool) -> std::io::Result<()> {
    let offered = |provider: &&Provider| Provider::find(provider.id, ops.config.dns.allow_private).is_some();
    let offered: Vec<&Provider> = PROVIDERS.iter().filter(offered).collect();
    if json {
        let field = |field: &Field| json!({"name": field.name, "secret": field.secret, "optional": field.optional, "what": field.what});
        let one = |provider: &&Provider| {
            let fields: Vec<Value> = provider.fields.iter().map(field).collect();
            json!({"id": provider.id, "name": provider.name, "credentials": fields})
        };
        return output::json(&offered.iter().map(one).collect());
    }
    for provider in offered {
        output::line(&format!("{:<14} {}", provider.id, output::painted(provider.name, output::bold())))?;
        for field in provider.fields {
            let kind = match (field.secret, field.optional) {
                (true, _) => ", secret",
                (false, true) => ", optional",
                (false, false) => "",
            };
            output::line(&format!("    {}{kind}: {}", field.name, field.what))?;
        }
    }
    Ok(())
}

fn wish(ops: &Ops, args: AddArgs) -> anyhow::Result<AccessWish> {
    let provider = Provider::find(&args.provider, ops.config.dns.allow_private).ok_or_else(|| {
        anyhow!("there is no provider {:?}; see `signet dns-access providers`", args.provider)
    })?;
    let secrets: Vec<&Field> = provider.fields.iter().filter(|field| field.secret).collect();
    let mut values = Vec::new();
    for setting in &args.settings {
        let (name, value) = setting.split_once('=').ok_or_else(|| anyhow!("{setting:?} is no name=value"))?;
        if secrets.iter().any(|field| field.name == name) {
            bail!(
                "{name} is secret, and what is an argument can be read by others: give it on standard input"
            );
        }
        values.push((name.to_string(), value.to_string()));
    }
    values.extend(read_secrets(&args, &secrets)?);
    let credentials: Values = values.into_iter().collect();
    Ok(AccessWish { zone: args.zone, provider: args.provider, credentials, try_out: !args.no_test })
}

/// The secrets: one as it stands, several as lines of name=value.
fn read_secrets(args: &AddArgs, fields: &[&Field]) -> anyhow::Result<Vec<(String, String)>> {
    let mut text = Zeroizing::new(String::new());
    match &args.secret_file {
        Some(file) => {
            let opened = std::fs::File::open(file).with_context(|| format!("{}", file.display()))?;
            opened.take(LONGEST).read_to_string(&mut text).with_context(|| format!("{}", file.display()))?;
        }
        None => {
            if std::io::stdin().is_terminal() {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                let form = if names.len() == 1 { "" } else { ", as lines of name=value" };
                output::warning(&format!(
                    "reading {}{form} from standard input until its end",
                    names.join(", ")
                ));
            }
            std::io::stdin().lock().take(LONGEST).read_to_string(&mut text).context("standard input")?;
        }
    }
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let named = |line: &str| {
        let (name, value) = line.split_once('=')?;
        let known = fields.iter().any(|field| field.name == name.trim());
        known.then(|| (name.trim().to_string(), value.trim().to_string()))
    };
    match (fields, &lines.collect::<Vec<_>>()[..]) {
        ([only], [line]) => {
            Ok(vec![named(line).unwrap_or_else(|| (only.name.to_string(), (*line).to_string()))])
        }
        (_, lines) => {
            let unreadable = "a secret is not a line of name=value with a name the provider has";
            lines.iter().map(|line| named(line).ok_or_else(|| anyhow!(unreadable))).collect()
        }
    }
}

fn settings(access: &DnsAccess) -> String {
    let pairs = access.settings.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

fn row(access: &DnsAccess) -> Vec<String> {
    vec![
        access.id.to_string(),
        access.zone.to_string(),
        access.provider.clone(),
        settings(access),
        output::time(Some(access.updated_at)),
    ]
}

fn document(access: &DnsAccess) -> Value {
    json!({
        "id": access.id.0,
        "account_id": access.account.0,
        "zone": access.zone.as_str(),
        "provider": access.provider,
        "settings": access.settings,
        "created_at": access.created_at.to_string(),
        "updated_at": access.updated_at.to_string(),
    })
}
