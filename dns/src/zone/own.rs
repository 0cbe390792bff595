//! The provider's own zone: what customers' records point into.

use super::{
    answer::{Answers, Ask, MAX_HOPS, Read, Response, Stands, read},
    contents::{self, Apex, Consent, Fixed},
    domains::{Domain, Domains},
    follow,
    index::Id,
    key_place::KeyPlaces,
    node::{Node, Rrset, core_name, wire_name},
    source::{SourceFailed, ZoneSource},
};
use async_trait::async_trait;
use hickory_proto::{
    op::ResponseCode,
    rr::{Name as WireName, RData, Record, RecordType},
};
use signet_core::{names::Name, plan::Provider};
use std::{
    borrow::Cow,
    net::IpAddr,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::watch;

/// Why settings make no servable zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZoneError {
    /// A zone has at least one name server.
    #[error("our zone has no name server")]
    NoNameServer,
    /// SPF has a limit, and customers need most of it themselves.
    #[error("the sending addresses do not fit into SPF; send from fewer, or from neighbouring ones")]
    TooManyAddresses,
    /// The zone's name leaves no room for the names in it.
    #[error("the name of our zone is too long")]
    TooLong,
}

/// What the zone is made of, beside the [`ZoneSource`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnZoneSettings {
    /// Who we are.
    pub provider: Provider,
    /// The zone's name servers, the primary first. Addresses count for names
    /// inside the zone only.
    pub name_servers: Vec<(Name, Vec<IpAddr>)>,
    /// Addresses of the return-path host (also its mail exchanger), of the
    /// tracking host and beside every key.
    pub host_addresses: Vec<IpAddr>,
    /// Addresses of the zone's own name.
    pub apex_addresses: Vec<IpAddr>,
    /// Other TXT records, one text each.
    pub texts: Vec<(Name, String)>,
    /// The certificate authorities that may issue for customers' link hosts,
    /// which are aliases of the tracking host; none: any may.
    pub tracking_caa: Vec<Name>,
    /// About how much memory domains lately asked for may take, in bytes.
    pub cache_bytes: usize,
    /// The serial until another is heard of, see
    /// [`Changes::serial`](super::Changes::serial).
    pub serial: i64,
}

impl OwnZoneSettings {
    /// `ns1` of our zone as the only name server; everything at the sending
    /// addresses; nothing at the zone's own name; any certificate authority;
    /// 256 MiB; serial 1.
    #[must_use]
    pub fn new(provider: Provider) -> Self {
        let name_servers = provider
            .zone
            .prepend("ns1")
            .map(|name| (name, provider.sending_ips.clone()))
            .into_iter()
            .collect();
        Self {
            name_servers,
            host_addresses: provider.sending_ips.clone(),
            apex_addresses: Vec::new(),
            texts: Vec::new(),
            tracking_caa: Vec::new(),
            cache_bytes: 256 << 20,
            serial: 1,
            provider,
        }
    }
}

/// The provider's zone, answered from its settings and a [`ZoneSource`].
pub struct OwnZone {
    settings: OwnZoneSettings,
    fixed: Fixed,
    places: KeyPlaces,
    domains: Arc<Domains>,
    serial: watch::Sender<i64>,
}

/// What the cache of domains has done, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// Questions about domains that did not need the source.
    pub hits: u64,
    /// Questions that did.
    pub misses: u64,
    /// Domains known of just now.
    pub known: usize,
}

/// A name that exists, wherever what stands there is kept.
enum Found<'a> {
    /// Nothing stands there, but below it.
    Nothing,
    Fixed(&'a Node),
    Apex(&'a Node, &'a Apex, u32),
    Consent(&'a Consent),
    Key {
        domain: Arc<Domain>,
        index: usize,
        beside: &'a Node,
    },
    Demo(Arc<Domain>, Name),
}

impl Stands for Found<'_> {
    fn set(&self, rtype: RecordType) -> Option<Cow<'_, Rrset>> {
        match self {
            Self::Nothing => None,
            Self::Apex(_, apex, serial) if rtype == RecordType::SOA => {
                let soa = apex.soa(*serial);
                Some(Cow::Owned(Rrset { rtype, ttl: soa.ttl, data: vec![soa.data] }))
            }
            Self::Fixed(node) | Self::Apex(node, ..) => node.set(rtype),
            Self::Consent(consent) => consent.node.set(rtype),
            Self::Key { domain, index, .. } if rtype == RecordType::TXT => {
                let text = domain.keys.get(*index)?.as_deref()?;
                Some(Cow::Owned(contents::key_set(text)))
            }
            Self::Key { beside, .. } => beside.set(rtype),
            Self::Demo(domain, name) => domain.demo.as_ref()?.get(name)?.set(rtype),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Fixed(node) | Self::Apex(node, ..) => node.is_empty(),
            Self::Consent(_) => false,
            Self::Key { domain, index, beside } => {
                beside.is_empty() && domain.keys.get(*index).is_none_or(Option::is_none)
            }
            Self::Demo(domain, name) => {
                domain.demo.as_ref().and_then(|nodes| nodes.get(name)).is_none_or(Node::is_empty)
            }
        }
    }
}

impl OwnZone {
    /// A zone with these settings.
    ///
    /// # Errors
    /// [`ZoneError`] when the settings make no servable zone.
    pub fn new(settings: OwnZoneSettings, source: Arc<dyn ZoneSource>) -> Result<Self, ZoneError> {
        let provider = settings.provider.clone();
        Ok(Self {
            fixed: Fixed::new(&settings)?,
            places: KeyPlaces::new(&provider).ok_or(ZoneError::TooLong)?,
            domains: Arc::new(Domains::new(source, provider, settings.cache_bytes)),
            serial: watch::Sender::new(settings.serial),
            settings,
        })
    }

    /// Keeps up with the source until `stop`, which makes answers cheap. A zone
    /// that does not is right as well, but remembers for five seconds only.
    pub async fn follow(self: Arc<Self>, stop: impl Future<Output = ()>) {
        follow::run(self, stop).await;
    }

    /// The zones served: ours, and the demo zone if it is not part of it.
    pub fn apexes(&self) -> impl Iterator<Item = &Name> {
        self.fixed.apexes.iter().map(|apex| &apex.name)
    }

    /// The texts that stand at `name`, each joined: what the world should see
    /// there. Not older than five seconds, as answers are.
    ///
    /// # Errors
    /// When the source fails.
    pub async fn texts(&self, name: &Name) -> Result<Vec<Vec<u8>>, SourceFailed> {
        let owner = wire_name(name);
        let ask = Ask { name: &owner, rtype: RecordType::TXT, recursion_desired: false };
        let response = self.answer(ask).await;
        if response.rcode == ResponseCode::ServFail {
            return Err(SourceFailed);
        }
        let texts = response.answers.iter().filter_map(|record| match &record.data {
            RData::TXT(txt) => Some(txt.txt_data.concat()),
            _ => None,
        });
        Ok(texts.collect())
    }

    /// The zone's name servers, the primary first, with the addresses of those
    /// inside it.
    pub fn name_servers(&self) -> impl Iterator<Item = (&Name, &[IpAddr])> {
        self.settings.name_servers.iter().map(|(name, addresses)| (name, addresses.as_slice()))
    }

    /// The SOA's serial number.
    #[must_use]
    pub fn serial(&self) -> u32 {
        // RFC 1982 §3: what counts is its place on the circle.
        *self.serial.borrow() as u32
    }

    /// The source's serial, and each change of it from here on.
    #[must_use]
    pub fn serials(&self) -> watch::Receiver<i64> {
        self.serial.subscribe()
    }

    /// The zone is at this serial, see [`Changes::serial`](super::Changes::serial).
    pub fn set_serial(&self, serial: i64) {
        self.serial.send_if_modified(|held| std::mem::replace(held, serial) != serial);
    }

    /// What the cache has done.
    #[must_use]
    pub fn cache_stats(&self) -> CacheStats {
        CacheStats {
            hits: self.domains.hits.load(Ordering::Relaxed),
            misses: self.domains.misses.load(Ordering::Relaxed),
            known: self.domains.index.len(),
        }
    }

    /// The apex with exactly this name.
    pub(super) fn apex_named(&self, name: &WireName) -> Option<Name> {
        let name = core_name(name)?;
        self.apexes().find(|apex| **apex == name).cloned()
    }

    /// The SOA record at an apex, as it is now.
    pub(super) fn soa_of(&self, apex: &Name) -> Option<Record> {
        self.soa_at(apex, self.serial())
    }

    /// The same with the serial of some moment.
    pub(super) fn soa_at(&self, apex: &Name, serial: u32) -> Option<Record> {
        Some(self.fixed.apexes.iter().find(|known| known.name == *apex)?.soa(serial))
    }

    pub(super) fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    pub(super) fn settings(&self) -> &OwnZoneSettings {
        &self.settings
    }

    pub(super) fn domains(&self) -> &Arc<Domains> {
        &self.domains
    }

    /// What exists under `name`, which lies in the zone of `apex`.
    async fn find<'a>(&'a self, name: &WireName, apex: &'a Apex) -> Result<Option<Found<'a>>, SourceFailed> {
        let consent = || {
            let consent = self.fixed.consent.as_ref()?;
            consent.covers(name).then_some(Found::Consent(consent))
        };
        let Some(name) = core_name(name) else {
            // No name of ours, yet a wildcard knows no odd characters.
            return Ok(consent());
        };
        if let Some(node) = self.fixed.nodes.get(&name) {
            let is_apex = name == apex.name;
            return Ok(Some(if is_apex {
                Found::Apex(node, apex, self.serial())
            } else {
                Found::Fixed(node)
            }));
        }
        if self.fixed.consent.as_ref().is_some_and(|consent| name.is_at_or_below(&consent.base)) {
            return Ok(consent());
        }
        if let Some((id, index)) = self.places.place(&name) {
            return self.find_key(id, index).await;
        }
        self.find_demo(name).await
    }

    async fn find_key(&self, id: Id, index: Option<usize>) -> Result<Option<Found<'_>>, SourceFailed> {
        let beside = &self.fixed.beside_keys;
        Ok(self.domains.get(id).await?.map(|domain| match index {
            Some(index) => Found::Key { domain, index, beside },
            None => Found::Nothing,
        }))
    }

    async fn find_demo(&self, name: Name) -> Result<Option<Found<'_>>, SourceFailed> {
        let demo_zone = &self.settings.provider.demo_zone;
        let Some(domain) = name
            .relative_to(demo_zone)
            .and_then(|left| left.rsplit('.').next())
            .and_then(|label| demo_zone.prepend(label))
        else {
            return Ok(None);
        };
        let domain = self.domains.get_demo(&domain).await?;
        let holds =
            |domain: &Arc<Domain>| domain.demo.as_ref().is_some_and(|nodes| nodes.contains_key(&name));
        Ok(domain.filter(holds).map(|domain| Found::Demo(domain, name)))
    }

    /// Addresses of the hosts that the answers name, as far as they are ours.
    fn add_addresses(&self, response: &mut Response) {
        for record in &response.answers {
            let host = match &record.data {
                RData::NS(server) => &server.0,
                RData::MX(mx) => &mx.exchange,
                _ => continue,
            };
            let Some(node) = core_name(host).and_then(|name| self.fixed.nodes.get(&name)) else { continue };
            for rtype in [RecordType::A, RecordType::AAAA] {
                let set = node.get(rtype).into_iter();
                response.additionals.extend(set.flat_map(|set| {
                    set.data.iter().map(|rdata| Record::from_rdata(host.clone(), set.ttl, rdata.clone()))
                }));
            }
        }
    }
}

#[async_trait]
impl Answers for OwnZone {
    async fn answer(&self, ask: Ask<'_>) -> Response {
        let mut response = Response::empty();
        let mut owner = Cow::Borrowed(ask.name);
        for _ in 0..=MAX_HOPS {
            let apexes = self.fixed.apexes.iter().filter(|apex| apex.wire_name().zone_of(&owner));
            let Some(apex) = apexes.max_by_key(|apex| apex.name.labels()) else {
                // Not ours: refused when asked for, left to the client when an
                // alias leads there.
                return if response.answers.is_empty() { Response::refused() } else { response };
            };
            response.authoritative = true;
            let Ok(found) = self.find(&owner, apex).await else { return Response::failed() };
            let Some(found) = found else {
                return response.negative(ResponseCode::NXDomain, apex.negative(self.serial()));
            };
            if let Found::Consent(consent) = &found {
                response.wildcard = Some(consent.wildcard.clone());
            }
            match read(&found, &owner, ask.rtype, &mut response.answers) {
                Read::Done => break,
                Read::NoData => {
                    return response.negative(ResponseCode::NoError, apex.negative(self.serial()));
                }
                Read::Follow(target) => owner = Cow::Owned(target),
            }
        }
        self.add_addresses(&mut response);
        response
    }
}
