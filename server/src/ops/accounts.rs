//! Accounts and their tokens: the operator's side.

use super::{Ops, Refused, Result, authn};
use crate::{
    keys::KeyFile,
    store::{Access, Account, AccountId, Cause, DomainId, NewAccount, NewToken, Token, TokenId, TokenScope},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    email::EmailAddress,
    names::{DomainName, RecordId},
};
use std::collections::BTreeSet;

/// A token to be made, as the operator asks for it.
#[derive(Clone, Debug)]
pub struct TokenRequest {
    /// Whose.
    pub account: AccountId,
    /// What it is for.
    pub name: String,
    /// What it may do.
    pub access: Access,
    /// On which domains; empty: on the account.
    pub domains: BTreeSet<DomainId>,
    /// How long; `None`: for ever.
    pub lifetime: Option<SignedDuration>,
}

impl Ops {
    /// Makes an account with its demo domain. In an empty database it is the
    /// first, and the key file is made with it.
    ///
    /// # Errors
    /// [`Refused::Invalid`] for a bad name or address, or under `base` when the
    /// key file cannot be made.
    pub async fn create_account(&self, name: &str, owner_email: &str) -> Result<Account> {
        let name = one_line("name", name)?;
        let owner =
            EmailAddress::parse(owner_email).map_err(|e| Refused::invalid("owner_email", e.to_string()))?;
        let (account, cause) = (self.new_account(name, owner), self.operator_cause());
        if self.store.is_empty().await? {
            let key = KeyFile::open_or_make(&self.config.key_file, &self.random);
            let fingerprint = key.map_err(|e| Refused::invalid("base", e))?.fingerprint();
            if let Some(made) = self.store.initialise(&account, None, &fingerprint, &cause).await? {
                return Ok(made);
            }
        }
        Ok(self.store.create_account(&account, &cause).await?)
    }

    /// Makes a token; the secret is returned once and kept by nobody.
    ///
    /// # Errors
    /// [`Refused::Invalid`] for a bad name, account or domain, for an operator's
    /// token on single domains, and where the account has as many as it may.
    pub async fn create_token(&self, request: TokenRequest) -> Result<(Token, String)> {
        let name = one_line("name", &request.name)?;
        if request.access == Access::Operator && !request.domains.is_empty() {
            return Err(Refused::invalid(
                "base",
                "an operator's token is for everything: it cannot be for single domains",
            ));
        }
        let secret = self.new_secret();
        let now = self.clock.now();
        let expires_at =
            request.lifetime.map(|lifetime| now.saturating_add(lifetime).unwrap_or(Timestamp::MAX));
        let scope = if request.domains.is_empty() {
            TokenScope::Account
        } else {
            TokenScope::Domains(request.domains)
        };
        let token = NewToken {
            account: request.account,
            name,
            hash: authn::token_hash(&secret),
            last4: authn::last4(&secret).to_string(),
            access: request.access,
            scope,
            expires_at,
        };
        match self.store.create_token(&token, &self.operator_cause()).await? {
            Ok(token) => Ok((token, secret)),
            Err(why) => Err(Refused::invalid("base", why)),
        }
    }

    /// Revokes a token, from now on.
    ///
    /// # Errors
    /// [`Refused::NotFound`].
    pub async fn revoke_token(&self, id: TokenId) -> Result<Token> {
        self.store.revoke_token(id, &self.operator_cause()).await?.ok_or(Refused::NotFound)
    }

    /// A secret of 256 random bits.
    pub(super) fn new_secret(&self) -> String {
        format!("{}{}", authn::TOKEN_PREFIX, URL_SAFE_NO_PAD.encode(self.random.bytes::<32>()))
    }

    pub(super) fn new_account(&self, name: String, owner_email: EmailAddress) -> NewAccount {
        let record_id = self.random.record_id();
        // Its own random name: nobody can tell accounts by counting demo names.
        let label = RecordId::from_random(self.random.bytes());
        let name_in_zone = self.config.provider.demo_zone.prepend(&label.as_str()[..10]);
        let demo = DomainName::trusted(name_in_zone.expect("the settings leave room below the demo zone"));
        NewAccount { name, owner_email, demo: (demo, record_id), demo_allowance: self.config.demo_allowance }
    }

    pub(super) fn operator_cause(&self) -> Cause {
        Cause::command_line("", self.clock.now())
    }
}

pub(super) fn one_line(field: &'static str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Refused::invalid(field, "can't be blank"));
    }
    if text.chars().any(char::is_control) || text.chars().count() > 255 {
        return Err(Refused::invalid(field, "is invalid: one line of at most 255 characters"));
    }
    Ok(text.to_string())
}
