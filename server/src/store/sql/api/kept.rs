//! [`KeptStore`].

use super::super::{Handle, kept};
use super::{read, transact};
use crate::store::{KeptStore, Result};
use async_trait::async_trait;

#[async_trait]
impl KeptStore for Handle {
    async fn kept(&self, name: &str) -> Result<Option<String>> {
        read!(self, kept::kept(name))
    }

    async fn keep_first(&self, name: &str, value: &str, under: &str) -> Result<String> {
        transact!(self, kept::keep_first,
            (name = name.to_string(), value = value.to_string(), under = under.to_string())
            => (name, value, under))
    }

    async fn replace_kept(&self, name: &str, before: Option<&str>, value: &str) -> Result<bool> {
        transact!(self, kept::replace,
            (name = name.to_string(), before = before.map(str::to_string), value = value.to_string())
            => (name, before.as_deref(), value))
    }
}
