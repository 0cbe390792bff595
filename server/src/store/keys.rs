//! The store, as those who make, turn and use DKIM keys use it.

use super::{AccountId, Cause, DomainId, KeyRing, Keyless, NewKey, Result};
use async_trait::async_trait;

/// Part of [`super::Store`].
#[async_trait]
pub trait KeyStore {
    /// Verified domains and demo domains that have no DKIM keys.
    async fn keyless(&self, limit: u32) -> Result<Vec<Keyless>>;
    /// Keeps a domain's first keys, unless it has some, and makes their rotation
    /// due. What the domain's owner publishes by hand changes with them.
    async fn add_keys(&self, domain: &Keyless, keys: &[NewKey], cause: &Cause) -> Result<bool>;
    /// A domain's keys; `None` where it has none yet.
    async fn key_ring(&self, account: AccountId, domain: DomainId) -> Result<Option<KeyRing>>;
}
