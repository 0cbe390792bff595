//! [`AuditStore`].

use super::super::{Handle, audit};
use super::{read, transact};
use crate::store::{AccountId, AuditFilter, AuditPlace, AuditStore, Cause, Event, EventId, NewEvent, Result};
use async_trait::async_trait;

#[async_trait]
impl AuditStore for Handle {
    async fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<Event>> {
        read!(self, audit::newest(filter, before, limit))
    }

    async fn audit_onwards(
        &self,
        filter: &AuditFilter,
        after: Option<AuditPlace>,
        limit: u32,
    ) -> Result<Vec<Event>> {
        read!(self, audit::oldest(filter, after, limit))
    }

    async fn audit_place(&self, account: Option<AccountId>, id: EventId) -> Result<Option<AuditPlace>> {
        read!(self, audit::place(account, id))
    }

    async fn note(&self, event: &NewEvent, cause: &Cause) -> Result<()> {
        transact!(self, audit::note, (event = event.clone(), cause = cause.clone()) => (event, cause))
    }
}
