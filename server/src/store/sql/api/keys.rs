//! [`KeyStore`].

use super::super::{Handle, keys};
use super::{read, transact};
use crate::store::{AccountId, Cause, DomainId, KeyRing, KeyStore, Keyless, NewKey, Result};
use async_trait::async_trait;

#[async_trait]
impl KeyStore for Handle {
    async fn keyless(&self, limit: u32) -> Result<Vec<Keyless>> {
        read!(self, keys::keyless(limit))
    }

    async fn add_keys(&self, domain: &Keyless, new: &[NewKey], cause: &Cause) -> Result<bool> {
        transact!(self, keys::add, (domain = domain.clone(), new = new.to_vec(), cause = cause.clone())
            => (domain, new, cause))
    }

    async fn key_ring(&self, account: AccountId, domain: DomainId) -> Result<Option<KeyRing>> {
        read!(self, keys::ring(account, domain))
    }
}
