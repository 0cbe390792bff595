//! [`ZoneStore`].

use super::super::{Handle, zone};
use super::{read, transact};
use crate::store::{KeyTexts, Result, ZoneChanges, ZoneDomain, ZoneStore};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::names::{Name, RecordId};

#[async_trait]
impl ZoneStore for Handle {
    async fn published_keys(&self, id: &RecordId) -> Result<Option<KeyTexts>> {
        read!(self, zone::published(id))
    }

    async fn demo_record_id(&self, name: &str) -> Result<Option<RecordId>> {
        read!(self, zone::demo_record_id(name))
    }

    async fn zone_page(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<ZoneDomain>> {
        read!(self, zone::zone_page(after, limit))
    }

    async fn zone_domains(&self, ids: &[RecordId]) -> Result<Vec<ZoneDomain>> {
        read!(self, zone::domains(ids))
    }

    async fn record_ids(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<RecordId>> {
        read!(self, zone::record_ids(after, limit))
    }

    async fn demos(&self, after: Option<&Name>, limit: u32) -> Result<Vec<(Name, RecordId)>> {
        read!(self, zone::demos(after, limit))
    }

    async fn publish_zone(&self, fixed: Option<&str>, now: Timestamp) -> Result<i64> {
        // Most of the time there is nothing, and nothing is written.
        if let Some(serial) = read!(self, zone::settled(fixed, now))? {
            return Ok(serial);
        }
        transact!(self, zone::publish, (fixed = fixed.map(str::to_string), now = now)
            => (fixed.as_deref(), *now))
    }

    async fn zone_changes(&self, since: Option<i64>) -> Result<ZoneChanges> {
        read!(self, zone::changes(since))
    }
}
