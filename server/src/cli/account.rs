//! `signet account`.

use super::{Outcome, output, told};
use crate::{ops::Ops, store::Account};
use clap::Subcommand;
use serde_json::{Value, json};
use signet_core::lifecycle::Suspension;

#[derive(Debug, Subcommand)]
pub(super) enum AccountCommand {
    /// Make an account, with its demo domain
    Create {
        /// What you call it
        #[arg(long)]
        name: String,
        /// Who hears about it
        #[arg(long, value_name = "ADDRESS")]
        owner_email: String,
    },
    /// List all accounts
    List,
}

pub(super) async fn run(command: AccountCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    match command {
        AccountCommand::Create { name, owner_email } => {
            let account = ops.create_account(&name, &owner_email).await.map_err(told)?;
            if json {
                output::json(&document(&account))?;
            } else {
                output::line(&format!("Account {} ({}) is made.", account.id, account.name))?;
                output::line(&format!(
                    "Its first token: signet token create --account {} --name NAME",
                    account.id
                ))?;
            }
        }
        AccountCommand::List => {
            let accounts = ops.store.accounts().await?;
            if json {
                output::json(&Value::Array(accounts.iter().map(document).collect()))?;
            } else {
                let rows = accounts.iter().map(|account| {
                    let state = account.suspension.map_or("active", Suspension::as_str);
                    vec![
                        account.id.to_string(),
                        account.name.clone(),
                        account.owner_email.to_string(),
                        state.to_string(),
                        output::time(Some(account.created_at)),
                    ]
                });
                output::table(&["id", "name", "owner", "state", "made"], rows.collect(), "No accounts yet.")?;
            }
        }
    }
    Ok(Outcome::Good)
}

pub(super) fn document(account: &Account) -> Value {
    json!({
        "id": account.id.0,
        "name": account.name,
        "owner_email": account.owner_email.as_str(),
        "suspended": account.suspension.is_some(),
        "suspension": account.suspension.map(Suspension::as_str),
        "version": account.version,
        "created_at": account.created_at.to_string(),
    })
}
