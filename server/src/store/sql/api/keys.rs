//! [`KeyStore`].

use super::super::{Handle, keys, raw};
use super::{read, transact};
use crate::store::{AccountId, Cause, Domain, DomainId, KeyRing, KeyStore, Keyless, NewKey, Result};
use async_trait::async_trait;
use signet_core::plan::DkimMode;

#[async_trait]
impl KeyStore for Handle {
    async fn keyless(&self, limit: u32) -> Result<Vec<Keyless>> {
        read!(self, keys::keyless(limit))
    }

    async fn add_keys(&self, domain: &Keyless, new: &[NewKey], cause: &Cause) -> Result<bool> {
        transact!(self, keys::add, (domain = domain.clone(), new = new.to_vec(), cause = cause.clone())
            => (domain, new, cause))
    }

    async fn set_dkim_mode(
        &self,
        account: AccountId,
        domain: DomainId,
        mode: DkimMode,
        cause: &Cause,
    ) -> Result<Option<Domain>> {
        transact!(self, raw::set_mode, (account = account, domain = domain, mode = mode, cause = cause.clone())
            => (*account, *domain, *mode, cause))
    }

    async fn key_ring(&self, account: AccountId, domain: DomainId) -> Result<Option<KeyRing>> {
        read!(self, keys::ring(account, domain))
    }
}
