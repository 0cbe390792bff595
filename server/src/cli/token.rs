//! `signet token`.

use super::{Outcome, output, told};
use crate::{
    config,
    ops::{Ops, accounts::TokenRequest},
    store::{Access, AccountId, DomainId, Token, TokenId, TokenScope},
};
use clap::Subcommand;
use jiff::SignedDuration;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token and print it, this once
    Create {
        /// Whose it is
        #[arg(long, value_name = "ID")]
        account: AccountId,
        /// What it is for
        #[arg(long)]
        name: String,
        /// admin, viewer, or operator: what the command line may, in all accounts
        #[arg(long, default_value = "admin")]
        access: Access,
        /// Only for this domain; may be given several times
        #[arg(long, value_name = "ID")]
        domain: Vec<DomainId>,
        /// How long it is good: 365d, 12h, or never
        #[arg(long, default_value = "never", value_parser = lifetime)]
        expires: Lifetime,
    },
    /// List tokens, without their secrets
    List {
        /// Only this account's
        #[arg(long, value_name = "ID")]
        account: Option<AccountId>,
    },
    /// Make and print another token in the place of one, which is good for 12 more hours
    Reset {
        /// Its number
        id: TokenId,
    },
    /// Refuse a token from now on
    Revoke {
        /// Its number
        id: TokenId,
    },
}

/// How long a token is good; `None`: for ever.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lifetime(Option<SignedDuration>);

fn lifetime(text: &str) -> Result<Lifetime, String> {
    match text {
        "never" => Ok(Lifetime(None)),
        text => {
            let span = config::duration(text)?;
            if span.is_zero() {
                Err("a token needs some time to live".to_string())
            } else {
                Ok(Lifetime(Some(span)))
            }
        }
    }
}

pub(super) async fn run(command: TokenCommand, ops: &Ops, json: bool) -> anyhow::Result<Outcome> {
    match command {
        TokenCommand::Create { account, name, access, domain, expires } => {
            let domains = domain.into_iter().collect();
            let request = TokenRequest { account, name, access, domains, lifetime: expires.0 };
            let (token, secret) = ops.create_token(request).await.map_err(told)?;
            print_secret(&token, &secret, json)?;
        }
        TokenCommand::Reset { id } => {
            let (token, secret) = ops.reset_token(id).await.map_err(told)?;
            print_secret(&token, &secret, json)?;
        }
        TokenCommand::List { account } => list(ops, account, json).await?,
        TokenCommand::Revoke { id } => {
            let token = ops.revoke_token(id).await.map_err(told)?;
            if json {
                output::json(&document(&token))?;
            } else {
                output::line(&format!("Token {} ({}) is revoked.", token.id, token.name))?;
            }
        }
    }
    Ok(Outcome::Good)
}

/// The secret alone, for scripts, or all there is to say.
fn print_secret(token: &Token, secret: &str, json: bool) -> std::io::Result<()> {
    if !json {
        return output::line(secret);
    }
    let mut document = document(token);
    document["token"] = secret.into();
    output::json(&document)
}

async fn list(ops: &Ops, account: Option<AccountId>, json: bool) -> anyhow::Result<()> {
    let tokens = ops.store.tokens(account).await?;
    if json {
        return Ok(output::json(&Value::Array(tokens.iter().map(document).collect()))?);
    }
    let now = ops.clock.now();
    let rows = tokens.iter().map(|token| {
        let state = match (token.revoked_at, token.expires_at) {
            (Some(at), _) => format!("revoked {}", output::time(Some(at))),
            (None, Some(at)) if at <= now => format!("expired {}", output::time(Some(at))),
            (None, Some(at)) => format!("until {}", output::time(Some(at))),
            (None, None) => "good".to_string(),
        };
        let state = match token.replaced_by {
            Some(by) => format!("{state}, reset: {by}"),
            None => state,
        };
        let on = match &token.scope {
            TokenScope::Account => "account".to_string(),
            TokenScope::Domains(ids) => {
                format!("domains {}", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
            }
        };
        vec![
            token.id.to_string(),
            token.account.to_string(),
            token.name.clone(),
            format!("…{}", token.last4),
            token.access.as_str().to_string(),
            on,
            state,
            token.created_by.clone(),
            output::time(token.last_used_at),
        ]
    });
    let header = ["id", "account", "name", "ends in", "access", "on", "state", "made by", "last used"];
    Ok(output::table(&header, rows.collect(), "No tokens yet.")?)
}

fn document(token: &Token) -> Value {
    let domains = match &token.scope {
        TokenScope::Account => Value::Null,
        TokenScope::Domains(ids) => ids.iter().map(|id| id.0).collect(),
    };
    let time = |at: Option<jiff::Timestamp>| at.map(|at| at.to_string());
    json!({
        "id": token.id.0,
        "account_id": token.account.0,
        "name": token.name,
        "last4": token.last4,
        "access": token.access.as_str(),
        "domains": domains,
        "created_by": token.created_by,
        "created_at": token.created_at.to_string(),
        "expires_at": time(token.expires_at),
        "revoked_at": time(token.revoked_at),
        "last_used_at": time(token.last_used_at),
        "replaced_by": token.replaced_by.map(|id| id.0),
    })
}
