//! The store, as those use it who have to do with domains whose owners publish
//! the DKIM keys themselves.

use super::{AccountId, Cause, Domain, DomainId, NewNotice, Prompt, Result};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::plan::DkimMode;

/// Part of [`super::Store`].
#[async_trait]
pub trait RawStore {
    /// Changes who publishes a domain's keys. Its records are others then, and are
    /// looked at anew. `None` where there is no such domain.
    async fn set_dkim_mode(
        &self,
        account: AccountId,
        domain: DomainId,
        mode: DkimMode,
        cause: &Cause,
    ) -> Result<Option<Domain>>;
    /// Keys whose owners may have to be asked to publish them, those that wait
    /// longest first.
    async fn due_prompts(&self, now: Timestamp, limit: u32) -> Result<Vec<Prompt>>;
    /// Has the owner asked, or nobody, and notes when to see again whether to ask;
    /// `None`: never. Nothing happens where somebody else has, or another key
    /// stands there now. Whether it was written.
    async fn prompted(
        &self,
        prompt: &Prompt,
        next: Option<Timestamp>,
        notice: Option<&NewNotice>,
        now: Timestamp,
    ) -> Result<bool>;
}
