//! Our zone's contents out of the store.

use crate::{
    ops::Ops,
    store::{KeyTexts, Store, ZoneDomain},
};
use async_trait::async_trait;
use signet_core::names::{Name, RecordId};
use signet_dns::zone::{
    EveryDomain, OwnZone, OwnZoneSettings, SourceFailed, Transfers, ZoneDomainView, ZoneError, ZoneSource,
};
use std::{net::IpAddr, sync::Arc};

/// The zone server's way to the store.
#[derive(Clone)]
pub struct StoreZone(Arc<dyn Store>);

impl StoreZone {
    /// Over this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self(store)
    }
}

/// Our zone, by the settings and out of the store. Its name server has the
/// address `name_server`; without one it is taken to be where our mail leaves
/// from.
///
/// # Errors
/// When the settings make no servable zone.
pub fn own_zone(ops: &Ops, name_server: Option<IpAddr>) -> Result<OwnZone, ZoneError> {
    let mut settings = OwnZoneSettings::new(ops.config.provider.clone());
    if let Some(address) = name_server.filter(|address| !address.is_unspecified()) {
        settings.name_servers.iter_mut().for_each(|(_, addresses)| *addresses = vec![address]);
    }
    OwnZone::new(settings, Arc::new(StoreZone::new(ops.store.clone())))
}

fn failed(error: crate::store::StoreError) -> SourceFailed {
    tracing::error!(%error, "the zone server cannot read the store");
    SourceFailed
}

#[async_trait]
impl ZoneSource for StoreZone {
    async fn keys(&self, id: &RecordId) -> Result<Option<KeyTexts>, SourceFailed> {
        self.0.published_keys(id).await.map_err(failed)
    }

    async fn demo(&self, name: &Name) -> Result<Option<RecordId>, SourceFailed> {
        self.0.demo_record_id(name.as_str()).await.map_err(failed)
    }
}

#[async_trait]
impl EveryDomain for StoreZone {
    async fn page(&self, after: Option<&RecordId>) -> Result<Vec<ZoneDomainView>, SourceFailed> {
        let page = self.0.zone_page(after, PAGE).await.map_err(failed)?;
        Ok(page.into_iter().map(view).collect())
    }
}

/// What there is of a domain in our zone.
#[must_use]
pub fn view(domain: ZoneDomain) -> ZoneDomainView {
    ZoneDomainView {
        id: domain.record_id,
        keys: domain.keys,
        demo: domain.demo_name.map(|name| name.name().clone()),
    }
}

/// What gives our zone to its secondaries, where there may be some.
#[must_use]
pub fn transfers(ops: &Ops, zone: Arc<OwnZone>) -> Option<Arc<Transfers>> {
    let secondaries = ops.config.dns.secondaries.as_ref()?;
    let clock = ops.clock.clone();
    let seconds = move || u64::try_from(clock.now().as_second()).unwrap_or(0);
    let domains = Arc::new(StoreZone::new(ops.store.clone()));
    Some(Arc::new(Transfers::new(zone, domains, secondaries.key.clone(), Arc::new(seconds))))
}

/// Domains read per page of an export.
const PAGE: u32 = 1000;

/// Every domain's part of our zone, read page by page.
///
/// # Errors
/// When the store fails.
pub async fn every_domain(store: &dyn Store) -> crate::store::Result<Vec<ZoneDomain>> {
    let mut domains: Vec<ZoneDomain> = Vec::new();
    loop {
        let after = domains.last().map(|domain| domain.record_id.clone());
        let page = store.zone_page(after.as_ref(), PAGE).await?;
        let last = page.len() < PAGE as usize;
        domains.extend(page);
        if last {
            return Ok(domains);
        }
    }
}
