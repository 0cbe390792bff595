//! The store, as our zone's servers use it.

use super::{KeyTexts, Result, ZoneDomain};
use async_trait::async_trait;
use signet_core::names::RecordId;

/// Part of [`super::Store`]. Crosses accounts: a zone has none.
#[async_trait]
pub trait ZoneStore {
    /// What stands at the two DKIM targets of the domain with this record id;
    /// `None` if there is no such domain.
    async fn published_keys(&self, id: &RecordId) -> Result<Option<KeyTexts>>;
    /// The record id of the demo domain with this name.
    async fn demo_record_id(&self, name: &str) -> Result<Option<RecordId>>;
    /// Every domain's record id with its keys and, for demo domains, the name:
    /// for the zone's export. In pages, by record id after `after`.
    async fn zone_page(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<ZoneDomain>>;
}
