//! Requests that are made twice and must be carried out once.

use super::{Ops, Result};
use crate::store::{Idempotency, IdempotencyScope, NewSecret, SEALED_ANSWER, StoreError, StoredAnswer};
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

    /// Keeps the answer for whoever asks again, sealed where there is a `secret` in it.
    /// With `None`, or where this process cannot seal, it frees the key.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn idempotency_end(
        &self,
        scope: &IdempotencyScope,
        answer: Option<&StoredAnswer>,
        secret: bool,
    ) -> Result<()> {
        let Some(answer) = answer.filter(|_| secret && self.key.is_some()) else {
            return Ok(self.store.idempotency_end(scope, answer.filter(|_| !secret), None).await?);
        };
        self.sealing(|key| async move {
            let NewSecret { under, sealed } = key.seal_secret(PURPOSE, answer.body.as_bytes(), &self.random);
            let body = format!("{SEALED_ANSWER}{}", STANDARD.encode(sealed));
            let kept = StoredAnswer { status: answer.status, body };
            Ok(self.store.idempotency_end(scope, Some(&kept), Some(&under)).await?)
        })
        .await
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
