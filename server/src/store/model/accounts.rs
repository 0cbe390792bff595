//! Accounts and their tokens.

use super::{AccountId, DomainId, TokenId};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    email::EmailAddress,
    lifecycle::Suspension,
    names::{DomainName, Name, RecordId},
};
use std::{collections::BTreeSet, fmt};

/// A customer of the operator. Everything belongs to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: AccountId,
    /// What the operator calls it.
    pub name: String,
    /// Who hears about it.
    pub owner_email: EmailAddress,
    /// A suspension of the account that is in force.
    pub suspension: Option<Suspension>,
    /// One higher with everything the operator decides on it.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What an account has done before, as far as the review asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountRecord {
    /// Domains registered since the time asked for, the demo domain apart.
    pub created: u64,
    /// Another domain of it that was rejected.
    pub rejected: Option<Name>,
}

/// An account to be made, with its first domain.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// What the operator calls it.
    pub name: String,
    /// Who hears about it.
    pub owner_email: EmailAddress,
    /// Its demo domain's name and record id.
    pub demo: (DomainName, RecordId),
    /// How many messages the demo domain may send.
    pub demo_allowance: u32,
}

/// What a token may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Read (10 in the hosted service).
    Viewer,
    /// Read and write (100).
    Admin,
    /// That, and what the operator does, in all accounts.
    Operator,
}

impl Access {
    /// As on the command line and as stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }
}

impl std::str::FromStr for Access {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "viewer" => Ok(Self::Viewer),
            "admin" => Ok(Self::Admin),
            "operator" => Ok(Self::Operator),
            other => Err(format!("{other:?} is no access level: use admin, viewer or operator")),
        }
    }
}

/// What a token's access extends to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenScope {
    /// The account with all its domains.
    Account,
    /// Single domains.
    Domains(BTreeSet<DomainId>),
}

/// An API token, without its secret, which nobody keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: TokenId,
    /// Whose it is.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// The last four characters of its secret, to tell it from others by.
    pub last4: String,
    /// What it may do.
    pub access: Access,
    /// On what.
    pub scope: TokenScope,
    /// Who made it, see [`Cause::actor`](super::Cause::actor).
    pub created_by: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, give or take a few seconds.
    pub last_used_at: Option<Timestamp>,
    /// The token a reset made in its place.
    pub replaced_by: Option<TokenId>,
}

impl Token {
    /// The most tokens of an account that count at once, those in whose place
    /// others were made apart.
    pub const MOST: i64 = 100;
    /// The same with those.
    pub const MOST_IN_ALL: i64 = 200;

    /// Whether it is good at `now`.
    #[must_use]
    pub fn counts(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| at > now)
    }

    /// How long it was made for; `None`: for ever.
    #[must_use]
    pub fn lifetime(&self) -> Option<SignedDuration> {
        self.expires_at.map(|at| at.duration_since(self.created_at))
    }
}

/// A token to be made in the place of another, with its name, rights and
/// lifetime.
#[derive(Clone, Debug)]
pub struct Reset {
    /// SHA-256 of the new secret.
    pub hash: TokenHash,
    /// The end of it.
    pub last4: String,
    /// Until when the old one is good at the most.
    pub old_until: Timestamp,
}

/// Why a token was not reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotReset {
    /// It is revoked.
    Revoked,
    /// It has expired.
    Expired,
    /// It has been, and this was made in its place.
    Before(TokenId),
    /// The account has as many as it may.
    TooMany,
}

/// What a token allows, and how long: all that a request is admitted by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token's number.
    pub token: TokenId,
    /// Whose it is.
    pub account: AccountId,
    /// What it may do.
    pub access: Access,
    /// On what.
    pub scope: TokenScope,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl From<Token> for Grant {
    fn from(token: Token) -> Self {
        let Token { id, account, access, scope, expires_at, revoked_at, .. } = token;
        Self { token: id, account, access, scope, expires_at, revoked_at }
    }
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Whose.
    pub account: AccountId,
    /// What its owner calls it.
    pub name: String,
    /// SHA-256 of the secret.
    pub hash: TokenHash,
    /// The end of it, see [`Token::last4`].
    pub last4: String,
    /// What it may do.
    pub access: Access,
    /// On what.
    pub scope: TokenScope,
    /// From when on it is refused.
    pub expires_at: Option<Timestamp>,
}

/// SHA-256 of a token. Tokens have 256 random bits, so that no slow hash and no
/// salt is needed, and a look-up by hash gives nothing away by its timing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}
