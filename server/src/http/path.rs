//! What the path says: the family, the account, the domain.

use super::{
    AppState,
    error::{Failure, Result},
};
use crate::store::{AccountId, DnsAccessId, DomainId, TokenId, WebhookId};
use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};

/// The two forms of every path (WIRE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// `/api/domains`.
    Current,
    /// `/api/accounts/{account_id}/sending_domains`, which most clients call.
    Older,
}

impl Family {
    pub(super) const ALL: [Self; 2] = [Self::Current, Self::Older];

    /// The path of the collection, as a pattern.
    pub(super) fn base(self) -> &'static str {
        match self {
            Self::Current => "/api/domains",
            Self::Older => "/api/accounts/{account_id}/sending_domains",
        }
    }

    /// The path of another collection of an account, as a pattern.
    pub(super) fn collection(self, name: &str) -> String {
        match self {
            Self::Current => format!("/api/{name}"),
            Self::Older => format!("/api/accounts/{{account_id}}/{name}"),
        }
    }

    /// The path of the webhooks, as a pattern.
    pub(super) fn webhooks(self) -> &'static str {
        match self {
            Self::Current => "/api/webhooks",
            Self::Older => "/api/accounts/{account_id}/webhooks",
        }
    }

    /// The path of an account's collection.
    pub(super) fn base_for(self, account: AccountId) -> String {
        self.base().replace("{account_id}", &account.to_string())
    }

    /// The key that bodies about a domain are wrapped in; the first is the
    /// family's own, the other is taken as well.
    pub(super) fn wrappers(self) -> [&'static str; 2] {
        match self {
            Self::Current => ["domain", "sending_domain"],
            Self::Older => ["sending_domain", "domain"],
        }
    }
}

impl FromRequestParts<AppState> for Family {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        Ok(if account(parts).await?.is_some() { Self::Older } else { Self::Current })
    }
}

/// The domain the path names. What is no number names none that exists.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfDomain(pub(super) DomainId);

impl FromRequestParts<AppState> for OfDomain {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        number(parts, "domain_id").await.map(|id| Self(DomainId(id)))
    }
}

/// The account the path names, whosesoever it is: the operator's.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfAccount(pub(super) AccountId);

impl FromRequestParts<AppState> for OfAccount {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        let text = parameter(parts, "id").await?.ok_or(Failure::NotFound)?;
        let id: i64 = text.parse().map_err(|_| Failure::NotFound)?;
        if is_number(&text, id) { Ok(Self(AccountId(id))) } else { Err(Failure::NotFound) }
    }
}

/// The card check the path names.
#[derive(Clone, Debug)]
pub(super) struct OfCardCheck(pub(super) String);

impl FromRequestParts<AppState> for OfCardCheck {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        parameter(parts, "reference").await?.map(Self).ok_or(Failure::NotFound)
    }
}

/// The token the path names, likewise.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfToken(pub(super) TokenId);

impl FromRequestParts<AppState> for OfToken {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        Ok(Self(TokenId(number(parts, "token_id").await?)))
    }
}

/// The webhook the path names, likewise.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfWebhook(pub(super) WebhookId);

impl FromRequestParts<AppState> for OfWebhook {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        number(parts, "webhook_id").await.map(|id| Self(WebhookId(id)))
    }
}

/// The key to a zone the path names, likewise.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfDnsAccess(pub(super) DnsAccessId);

impl FromRequestParts<AppState> for OfDnsAccess {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self> {
        number(parts, "dns_access_id").await.map(|id| Self(DnsAccessId(id)))
    }
}

async fn number(parts: &mut Parts, name: &str) -> Result<i64> {
    let text = parameter(parts, name).await?.ok_or(Failure::NotFound)?;
    let id: i64 = text.parse().map_err(|_| Failure::NotFound)?;
    if is_number(&text, id) { Ok(id) } else { Err(Failure::NotFound) }
}

/// Whether `text` is `number`, written the one way it is written: `+7` and `07`
/// are other paths.
pub(super) fn is_number(text: &str, number: i64) -> bool {
    text == number.to_string()
}

/// The account the path names, on the older family.
pub(super) async fn account(parts: &mut Parts) -> Result<Option<String>> {
    parameter(parts, "account_id").await
}

/// A part of the path that stands for something. What is no text names nothing;
/// it must not be taken for a path that does not have the part at all.
pub(super) async fn parameter(parts: &mut Parts, name: &str) -> Result<Option<String>> {
    let parameters = RawPathParams::from_request_parts(parts, &()).await.map_err(|_| Failure::NotFound)?;
    let found = parameters.iter().find(|(key, _)| *key == name);
    Ok(found.map(|(_, value)| value.to_string()))
}
