//! [`RawStore`].

use super::super::{Handle, raw};
use super::{read, transact};
use crate::store::{AccountId, Cause, Domain, DomainId, NewNotice, Prompt, RawStore, Result};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::plan::DkimMode;

#[async_trait]
impl RawStore for Handle {
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

    async fn due_prompts(&self, now: Timestamp, limit: u32) -> Result<Vec<Prompt>> {
        read!(self, raw::due_prompts(now, limit))
    }

    async fn prompted(
        &self,
        prompt: &Prompt,
        next: Option<Timestamp>,
        notice: Option<&NewNotice>,
        now: Timestamp,
    ) -> Result<bool> {
        transact!(self, raw::prompted, (prompt = prompt.clone(), next = next, notice = notice.cloned(), now = now)
            => (prompt, *next, notice.as_ref(), *now))
    }
}
