//! Our zone's contents out of the store.

use crate::{
    config::Config,
    ops::Ops,
    store::{Store, StoreError, ZoneDomain},
};
use async_trait::async_trait;
use signet_core::{
    domain_connect::KEY_HOST,
    names::{Name, RecordId},
};
use signet_dns::zone::{
    Changes, Limits, OwnZone, OwnZoneSettings, Serving, SourceFailed, Transfers, ZoneDomainView, ZoneError,
    ZoneSource,
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// The zone server's way to the store.
pub struct StoreZone {
    store: Arc<dyn Store>,
    /// Whether it failed last: said once, not with each question.
    failing: AtomicBool,
}

impl StoreZone {
    /// Over this store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, failing: AtomicBool::new(false) }
    }

    fn said<T>(&self, result: Result<T, StoreError>) -> Result<T, SourceFailed> {
        let failed = result.is_err();
        let failed_before = self.failing.swap(failed, Ordering::Relaxed);
        result.map_err(|error| {
            if !failed_before {
                tracing::error!(%error, "the zone server cannot read the store");
            }
            SourceFailed
        })
    }
}

/// Our zone, by the settings and out of the store. Where the settings name no
/// name server there is one at `name_server`; on a wildcard address, or without
/// one, it is taken to be where our mail leaves from.
///
/// `key` are the texts that publish the key links to DNS hosts are signed with.
///
/// # Errors
/// When the settings make no servable zone.
pub fn own_zone(ops: &Ops, name_server: Option<IpAddr>, key: Vec<String>) -> Result<OwnZone, ZoneError> {
    let Config { provider, dns, .. } = &*ops.config;
    let mut settings = OwnZoneSettings::new(provider.clone());
    if !dns.name_servers.is_empty() {
        settings.name_servers.clone_from(&dns.name_servers);
    } else if let Some(listen) = name_server {
        for (_, addresses) in &mut settings.name_servers {
            match listen {
                // Nobody answers over the other family there.
                IpAddr::V4(Ipv4Addr::UNSPECIFIED) => addresses.retain(IpAddr::is_ipv4),
                IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {}
                address => *addresses = vec![address],
            }
        }
    }
    settings.tracking_caa.clone_from(&dns.tracking_caa);
    settings.cache_bytes = dns.cache_bytes;
    let owner = provider.zone.prepend(KEY_HOST).ok_or(ZoneError::TooLong)?;
    settings.texts.extend(key.into_iter().map(|text| (owner.clone(), text)));
    OwnZone::new(settings, Arc::new(StoreZone::new(ops.store.clone())))
}

/// Our zone as it is published: with its serial, a new one if the settings make
/// another zone of it.
///
/// # Errors
/// When the settings make no servable zone, or the store fails.
pub async fn published_zone(ops: &Ops, name_server: Option<IpAddr>) -> anyhow::Result<Arc<OwnZone>> {
    let zone = own_zone(ops, name_server, ops.link_key_texts().await?)?;
    zone.set_serial(ops.store.publish_zone(Some(&zone.digest()), ops.clock.now()).await?);
    Ok(Arc::new(zone))
}

/// How the clients of our zone are served.
#[must_use]
pub fn serving(ops: &Ops, zone: &Arc<OwnZone>) -> Serving {
    let dns = &ops.config.dns;
    let clock = ops.clock.clone();
    let seconds = Arc::new(move || u64::try_from(clock.now().as_second()).unwrap_or(0));
    let transfers = dns
        .secondaries
        .as_ref()
        .map(|secondaries| Arc::new(Transfers::new(zone.clone(), secondaries.key.clone(), seconds)));
    Serving { limits: Limits { answers_per_second: dns.rate_limit, ..Limits::default() }, transfers }
}

fn view(domain: ZoneDomain) -> ZoneDomainView {
    ZoneDomainView {
        id: domain.record_id,
        keys: domain.keys,
        demo: domain.demo_name.map(|name| name.name().clone()),
    }
}

#[async_trait]
impl ZoneSource for StoreZone {
    async fn domains(&self, ids: &[RecordId]) -> Result<Vec<ZoneDomainView>, SourceFailed> {
        let domains = self.said(self.store.zone_domains(ids).await)?;
        Ok(domains.into_iter().map(view).collect())
    }

    async fn demo(&self, name: &Name) -> Result<Option<RecordId>, SourceFailed> {
        self.said(self.store.demo_record_id(name.as_str()).await)
    }

    async fn ids(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<RecordId>, SourceFailed> {
        self.said(self.store.record_ids(after, limit).await)
    }

    async fn demos(&self, after: Option<&Name>, limit: u32) -> Result<Vec<(Name, RecordId)>, SourceFailed> {
        self.said(self.store.demos(after, limit).await)
    }

    async fn page(&self, after: Option<&RecordId>, limit: u32) -> Result<Vec<ZoneDomainView>, SourceFailed> {
        let page = self.said(self.store.zone_page(after, limit).await)?;
        Ok(page.into_iter().map(view).collect())
    }

    async fn changes(&self, since: Option<i64>) -> Result<Changes, SourceFailed> {
        let changes = self.said(self.store.zone_changes(since).await)?;
        Ok(Changes { serial: changes.serial, ids: changes.ids })
    }
}
