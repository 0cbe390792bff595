//! Requests that are made twice and must be carried out once.

use super::{Ops, Result};
use crate::store::{Idempotency, IdempotencyScope, StoredAnswer};

impl Ops {
    /// Looks up a request's `Idempotency-Key`, and reserves it when it is new.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn idempotency_begin(&self, scope: &IdempotencyScope, body_hash: &str) -> Result<Idempotency> {
        Ok(self.store.idempotency_begin(scope, body_hash, self.clock.now()).await?)
    }

    /// Keeps the answer for whoever asks again, or with `None` frees the key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn idempotency_end(
        &self,
        scope: &IdempotencyScope,
        answer: Option<&StoredAnswer>,
    ) -> Result<()> {
        Ok(self.store.idempotency_end(scope, answer).await?)
    }
}
