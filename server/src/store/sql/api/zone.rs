//! [`ZoneStore`].

use super::super::{Handle, zone};
use super::read;
use crate::store::{KeyTexts, Result, ZoneDomain, ZoneStore};
use async_trait::async_trait;
use signet_core::names::RecordId;

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
}
