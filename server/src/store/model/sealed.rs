//! What is sealed, as rewrapping sees it.

use super::{DomainId, Keyless};
use signet_core::rotation::Selector;

/// A DKIM key's data key, wrapped, and what it is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey {
    /// Whose.
    pub domain: Keyless,
    /// On which selector.
    pub selector: Selector,
    /// What the key is called.
    pub id: String,
    /// The version of the key-encryption key.
    pub kek: u32,
    /// The data key under it.
    pub wrapped: Vec<u8>,
}

impl WrappedKey {
    /// Where it stands among all.
    #[must_use]
    pub fn place(&self) -> (DomainId, Selector) {
        (self.domain.domain, self.selector)
    }
}

/// A data key that is to lie under another version.
#[derive(Clone, Debug)]
pub struct Rewrapped {
    /// What it was.
    pub before: WrappedKey,
    /// The version now.
    pub kek: u32,
    /// The data key under that.
    pub wrapped: Vec<u8>,
}

/// A secret that was sealed just now and is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSecret {
    /// The fingerprint of the key-encryption key that it lies under. It is kept only
    /// while that is the one that seals: what another node is moving everything away
    /// from must not get anything new.
    pub under: String,
    /// What is sealed.
    pub sealed: Vec<u8>,
}

/// What a kept value begins with that has something sealed in it: base64, up to
/// the first blank.
pub const SEALED_VALUE: &str = "sealed:";

/// What the body of an answer begins with that is kept sealed; JSON does not.
pub const SEALED_ANSWER: &str = "sealed:";

/// Where secrets are kept that are no DKIM keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// What a webhook's deliveries are signed with.
    Webhook,
    /// The one before, for a while.
    WebhookBefore,
    /// Keys to accounts' own DNS zones.
    DnsAccess,
    /// Single values of the installation.
    Kept,
    /// Answers kept for whoever repeats a request.
    Answers,
}

impl SecretPlace {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Webhook, Self::WebhookBefore, Self::DnsAccess, Self::Kept, Self::Answers];

    /// What is there, for the operator, with the row behind it.
    #[must_use]
    pub fn what(self) -> &'static str {
        match self {
            Self::Webhook => "secret of webhook",
            Self::WebhookBefore => "former secret of webhook",
            Self::DnsAccess => "key to a zone",
            Self::Kept => "value of the installation",
            Self::Answers => "answer kept for a day",
        }
    }
}

/// A sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which row it is in, among those of its place; only to be handed back.
    pub row: String,
    /// What is sealed.
    pub sealed: Vec<u8>,
}
