//! The store, as the history is searched.

use super::{AccountId, AuditFilter, AuditPlace, Cause, Event, EventId, NewEvent, Result};
use async_trait::async_trait;

/// Part of [`super::Store`].
#[async_trait]
pub trait AuditStore {
    /// History rows, newest first, from before `before` on.
    async fn audit(&self, filter: &AuditFilter, before: Option<AuditPlace>, limit: u32)
    -> Result<Vec<Event>>;
    /// History rows, oldest first, from after `after` on: for going through all
    /// of them, page by page, with nothing held between two pages.
    async fn audit_onwards(
        &self,
        filter: &AuditFilter,
        after: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<Event>>;
    /// Where a history row stands, of this account where one is given.
    async fn audit_place(&self, account: Option<AccountId>, id: EventId) -> Result<Option<AuditPlace>>;
    /// Adds a row on what concerns no single account.
    async fn note(&self, event: &NewEvent, cause: &Cause) -> Result<()>;
}
