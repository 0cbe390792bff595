//! The store, as those who open and rewrap what is sealed use it.

use super::{AccountId, Cause, DomainId, Result, Rewrapped, Sealed, SealedKey, SecretPlace, WrappedKey};
use async_trait::async_trait;
use signet_core::rotation::Selector;

/// Part of [`super::Store`].
#[async_trait]
pub trait SealedStore {
    /// The private half of the key called `id` on a domain's selector, sealed;
    /// `None` where no such key stands there any more. That it is handed out to be
    /// opened, by whom and why, is written into the history with it.
    async fn sealed_key(
        &self,
        account: AccountId,
        domain: DomainId,
        selector: Selector,
        id: &str,
        cause: &Cause,
    ) -> Result<Option<SealedKey>>;
    /// Has the version `after` of the key-encryption key seal from now on, each given
    /// with its fingerprint; `false` where it is not `before` that does.
    async fn replace_key_fingerprint(
        &self,
        before: (u32, &str),
        after: (u32, &str),
        cause: &Cause,
    ) -> Result<bool>;
    /// How many DKIM keys there are, and how many of them lie under another version
    /// than `kek`.
    async fn count_wrapped(&self, kek: u32) -> Result<(u64, u64)>;
    /// The wrapped data keys of DKIM keys under another version than `kek`, in the
    /// order of domain and selector, from after `after` on.
    async fn wrapped_keys(
        &self,
        kek: u32,
        after: Option<(DomainId, Selector)>,
        limit: u32,
    ) -> Result<Vec<WrappedKey>>;
    /// Whether everything sealed lies under version `kek`, whose fingerprint is `under`.
    ///
    /// [`super::StoreError::SealedBefore`] where that one does not seal.
    async fn lies_under(&self, kek: u32, under: &str) -> Result<bool>;
    /// Replaces wrapped data keys, each unless it is another one by now; how many.
    /// They lie under the version with the fingerprint `under` then.
    ///
    /// [`super::StoreError::SealedBefore`] where that one does not seal.
    async fn rewrap_keys(&self, keys: &[Rewrapped], under: &str) -> Result<u64>;
    /// Sealed secrets of one place under another version than `kek`, from after
    /// `after` on.
    async fn secrets(
        &self,
        place: SecretPlace,
        kek: u32,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<Sealed>>;
    /// Replaces sealed secrets of one place, given as they were and as they are to
    /// be, each unless it is another one by now; how many. As [`Self::rewrap_keys`].
    async fn rewrap_secrets(
        &self,
        place: SecretPlace,
        secrets: &[(Sealed, Vec<u8>)],
        under: &str,
    ) -> Result<u64>;
}
