//! `signet domain-connect`.

use super::{Outcome, output};
use crate::{domain_connect::document, ops::Ops};
use clap::Subcommand;
use serde_json::json;
use signet_core::domain_connect::{KEY_HOST, SERVICE};

#[derive(Debug, Subcommand)]
pub(super) enum DomainConnectCommand {
    /// Print our template, for the public repository of templates
    Template,
    /// Print the TXT records with the key that links are signed with, for our zone
    Key,
}

pub(super) async fn run(command: &DomainConnectCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    match command {
        DomainConnectCommand::Template => {
            let provider_id = ops.config.domain_connect_provider.as_str();
            output::json(&document(&ops.config.provider, provider_id))?;
            if !json {
                output::warning(&format!("save it as {provider_id}.{SERVICE}.json"));
            }
        }
        DomainConnectCommand::Key => {
            let ops = Ops { key: Some(ops.key_file().await?.into()), ..ops.clone() };
            ops.make_link_key().await.map_err(super::told)?;
            let texts = ops.link_key_texts().await.map_err(super::told)?;
            let owner = format!("{KEY_HOST}.{}", ops.config.provider.zone);
            if json {
                output::json(&json!({"owner": owner, "type": "TXT", "texts": texts}))?;
            } else {
                for text in texts {
                    output::line(&format!("{owner}. 3600 IN TXT \"{text}\""))?;
                }
            }
        }
    }
    Ok(Outcome::Good)
}
