//! The store, as our zone's servers use it.

use super::{KeyTexts, Result, ZoneChanges, ZoneDomain};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::names::{Name, RecordId};

/// Part of [`super::Store`]. Crosses accounts: a zone has none.
#[async_trait]
pub trait ZoneStore {
    /// What stands at the two DKIM targets of the domain with this record id;
    /// `None` if there is no such domain.
    async fn published_keys(&self, id: &RecordId) -> Result<Option<KeyTexts>>;
    /// Those of these domains that there are, in any order.
    async fn zone_domains(&self, ids: &[RecordId]) -> Result<Vec<ZoneDomain>>;
    /// All domains' record ids, in their order, from after `after` on.
    async fn record_ids(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<RecordId>>;
    /// All demo domains by name, from after `after` on.
    async fn demos(&self, after: Option<&Name>, limit: u32) -> Result<Vec<(Name, RecordId)>>;
    /// The record id of the demo domain with this name.
    async fn demo_record_id(&self, name: &str) -> Result<Option<RecordId>>;
    /// Every domain's record id with its keys and, for demo domains, the name:
    /// for the zone's export. In pages, by record id after `after`.
    async fn zone_page(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<ZoneDomain>>;
    /// Gives what has changed the zone's next serial, once in a second at most,
    /// and at once where `fixed`, a digest of what the settings decide, is
    /// another than last time; the serial. It never falls.
    async fn publish_zone(&self, fixed: Option<&str>, now: Timestamp) -> Result<i64>;
    /// What was published since the serial `since`, told for a day; with `None`
    /// only where the zone is.
    async fn zone_changes(&self, since: Option<i64>) -> Result<ZoneChanges>;
}
