//! [`SealedStore`].

use super::super::{Handle, sealed};
use super::{read, transact};
use crate::store::{
    AccountId, Cause, DomainId, Result, Rewrapped, Sealed, SealedKey, SealedStore, SecretPlace, WrappedKey,
};
use async_trait::async_trait;
use signet_core::rotation::Selector;

#[async_trait]
impl SealedStore for Handle {
    async fn sealed_key(
        &self,
        account: AccountId,
        domain: DomainId,
        selector: Selector,
        id: &str,
        cause: &Cause,
    ) -> Result<Option<SealedKey>> {
        transact!(self, sealed::key,
            (account = account, domain = domain, key = (selector, id.to_string()), cause = cause.clone())
            => (*account, *domain, key, cause))
    }

    async fn replace_key_fingerprint(
        &self,
        before: (u32, &str),
        after: (u32, &str),
        cause: &Cause,
    ) -> Result<bool> {
        let owned = |(version, print): (u32, &str)| (version, print.to_string());
        transact!(self, sealed::replace_fingerprint,
            (before = owned(before), after = owned(after), cause = cause.clone()) => (before, after, cause))
    }

    async fn count_wrapped(&self, kek: u32) -> Result<(u64, u64)> {
        read!(self, sealed::count(kek))
    }

    async fn wrapped_keys(
        &self,
        kek: u32,
        after: Option<(DomainId, Selector)>,
        limit: u32,
    ) -> Result<Vec<WrappedKey>> {
        read!(self, sealed::wrapped(kek, after, limit))
    }

    async fn lies_under(&self, kek: u32, under: &str) -> Result<bool> {
        transact!(self, sealed::lies_under, (kek = kek, under = under.to_string()) => (*kek, under))
    }

    async fn rewrap_keys(&self, keys: &[Rewrapped], under: &str) -> Result<u64> {
        transact!(self, sealed::rewrap, (keys = keys.to_vec(), under = under.to_string()) => (keys, under))
    }

    async fn secrets(
        &self,
        place: SecretPlace,
        kek: u32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Sealed>> {
        read!(self, sealed::secrets(place, kek, after.map(str::to_string), limit))
    }

    async fn rewrap_secrets(
        &self,
        place: SecretPlace,
        secrets: &[(Sealed, Vec<u8>)],
        under: &str,
    ) -> Result<u64> {
        transact!(self, sealed::rewrap_secrets,
            (place = place, secrets = secrets.to_vec(), under = under.to_string()) => (*place, secrets, under))
    }
}
