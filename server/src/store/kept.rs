//! The store, as single values of the whole installation are kept.

use super::Result;
use async_trait::async_trait;

/// Part of [`super::Store`].
#[async_trait]
pub trait KeptStore {
    /// What is kept under a name.
    async fn kept(&self, name: &str) -> Result<Option<String>>;
    /// Keeps a value under a name, unless there is one already; the one that is
    /// kept now. What is sealed in it lies under the key-encryption key with the
    /// fingerprint `under`, see [`super::NewSecret::under`].
    async fn keep_first(&self, name: &str, value: &str, under: &str) -> Result<String>;
    /// Keeps a value that is not sealed under a name where `before` is kept, with `None`
    /// nothing; whether it was so.
    async fn replace_kept(&self, name: &str, before: Option<&str>, value: &str) -> Result<bool>;
}
