//! Requests that are made twice and must be carried out once.

use super::{Ops, Result};
use crate::store::{Idempotency, IdempotencyScope, SEALED_ANSWER, StoreError, StoredAnswer};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What answers are sealed for.
const PURPOSE: &str = "answers kept for repetition";

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

    /// An answer with a secret in it as it may be kept; `None` where this process
    /// cannot seal it.
    #[must_use]
    pub fn sealed_answer(&self, answer: &StoredAnswer) -> Option<StoredAnswer> {
        let sealed = self.key.as_ref()?.seal_secret(PURPOSE, answer.body.as_bytes(), &self.random);
        Some(StoredAnswer {
            status: answer.status,
            body: format!("{SEALED_ANSWER}{}", STANDARD.encode(sealed)),
        })
    }

    /// An answer as it was given, sealed or not.
    ///
    /// # Errors
    /// When it does not open.
    pub fn opened_answer(&self, kept: StoredAnswer) -> Result<StoredAnswer> {
        let Some(sealed) = kept.body.strip_prefix(SEALED_ANSWER) else {
            return Ok(kept);
        };
        let sealed = STANDARD.decode(sealed).ok();
        let opened = sealed.and_then(|sealed| self.key.as_ref()?.open_secret(PURPOSE, &sealed));
        let body = opened.and_then(|opened| String::from_utf8(opened.to_vec()).ok());
        let body = body.ok_or_else(|| StoreError::Corrupt("a kept answer does not open".to_string()))?;
        Ok(StoredAnswer { status: kept.status, body })
    }
}
