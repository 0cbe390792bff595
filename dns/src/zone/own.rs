//! The provider's own zone: what customers' records point into.

use super::{
    answer::{Answers, Ask, MAX_HOPS, Read, Response, read},
    cache::Cache,
    contents::{self, Fixed},
    node::{Node, core_name, wire_name},
};
use async_trait::async_trait;
use hickory_proto::{
    op::ResponseCode,
    rr::{Name as WireName, RData, Record, RecordType},
};
use signet_core::{
    names::{Name, RecordId},
    plan::Provider,
};
use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::Instant};

/// How old an answer's data may be.
const STALENESS: Duration = Duration::from_secs(5);
/// How many domains are kept in mind, with both their keys: some 2 KiB each.
const DOMAINS_KEPT: usize = 16_384;
/// How many demo domains are kept in mind.
const DEMOS_KEPT: usize = 1_024;
/// How many questions may wait for the source at one time.
const WAITING: usize = 1_024;
/// How long a question waits for the source. Resolvers give up after some
/// seconds; SERVFAIL before that sends them to another server.
const PATIENCE: Duration = Duration::from_secs(2);

/// The texts of a domain's two key records, by selector; `None` where there is
/// none.
pub type Keys = [Option<String>; 2];

/// The source could not say. What it was is for the source to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the source of the zone's data failed")]
pub struct SourceFailed;

/// Where the changing part of our zone comes from: the store.
#[async_trait]
pub trait ZoneSource: Send + Sync + 'static {
    /// The keys of the domain with this id; `None` when there is no such
    /// domain.
    ///
    /// # Errors
    /// [`SourceFailed`] becomes SERVFAIL, which no verifier takes for a
    /// missing key.
    async fn keys(&self, id: &RecordId) -> Result<Option<Keys>, SourceFailed>;

    /// The id of the demo domain with exactly this name, if there is one. It
    /// is asked about names one label below [`Provider::demo_zone`] only.
    ///
    /// # Errors
    /// [`SourceFailed`] becomes SERVFAIL.
    async fn demo(&self, name: &Name) -> Result<Option<RecordId>, SourceFailed>;
}

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
    /// The SOA's serial number.
    pub serial: u32,
}

impl OwnZoneSettings {
    /// `ns1` of our zone as the only name server; everything at the sending
    /// addresses; nothing at the zone's own name; serial 1.
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
            serial: 1,
            provider,
        }
    }
}

/// The provider's zone, answered from its settings and a [`ZoneSource`].
pub struct OwnZone {
    settings: OwnZoneSettings,
    fixed: Fixed,
    source: Arc<dyn ZoneSource>,
    keys: Cache<RecordId, Option<Arc<[Node; 2]>>>,
    demos: Cache<Name, Option<Arc<BTreeMap<Name, Node>>>>,
    waiting: Semaphore,
}

/// A name that exists, wherever what stands there is kept.
enum Found<'a> {
    Fixed(&'a Node),
    Made(Node),
    Key(Arc<[Node; 2]>, usize),
    Demo(Arc<BTreeMap<Name, Node>>, Name),
}

impl Found<'_> {
    fn node(&self) -> Option<&Node> {
        match self {
            Self::Fixed(node) => Some(node),
            Self::Made(node) => Some(node),
            Self::Key(nodes, index) => nodes.get(*index),
            Self::Demo(nodes, name) => nodes.get(name),
        }
    }
}

impl OwnZone {
    /// A zone with these settings.
    ///
    /// # Errors
    /// [`ZoneError`] when the settings make no servable zone.
    pub fn new(settings: OwnZoneSettings, source: Arc<dyn ZoneSource>) -> Result<Self, ZoneError> {
        Ok(Self {
            fixed: Fixed::new(&settings)?,
            settings,
            source,
            keys: Cache::new(DOMAINS_KEPT, STALENESS),
            demos: Cache::new(DEMOS_KEPT, STALENESS),
            waiting: Semaphore::new(WAITING),
        })
    }

    /// The zones served: ours, and the demo zone if it is not part of it.
    pub fn apexes(&self) -> impl Iterator<Item = &Name> {
        self.fixed.apexes.iter().map(|apex| &apex.name)
    }

    /// The SOA's serial number.
    #[must_use]
    pub fn serial(&self) -> u32 {
        self.settings.serial
    }

    /// The apex with exactly this name.
    pub(super) fn apex_named(&self, name: &WireName) -> Option<Name> {
        let name = core_name(name)?;
        self.apexes().find(|apex| **apex == name).cloned()
    }

    /// The SOA record at an apex, as it is now.
    pub(super) fn soa_of(&self, apex: &Name) -> Option<Record> {
        let set = self.fixed.nodes.get(apex)?.get(RecordType::SOA)?;
        Some(Record::from_rdata(wire_name(apex), set.ttl, set.data.first()?.clone()))
    }

    pub(super) fn fixed(&self) -> &Fixed {
        &self.fixed
    }

    pub(super) fn settings(&self) -> &OwnZoneSettings {
        &self.settings
    }

    /// What exists under `name`, which lies in one of our zones.
    async fn find(&self, name: &Name) -> Result<Option<Found<'_>>, SourceFailed> {
        if let Some(node) = self.fixed.nodes.get(name) {
            return Ok(Some(Found::Fixed(node)));
        }
        if self.fixed.consent.as_ref().is_some_and(|base| name.is_at_or_below(base)) {
            return Ok(Some(Found::Made(contents::consent())));
        }
        if let Some(place) = self.key_place(name) {
            return self.find_key(place).await;
        }
        self.find_demo(name).await
    }

    /// Whether `name` is a selector's target or stands above one. The plan is
    /// asked what the target is; nothing here knows how it is spelled.
    fn key_place(&self, name: &Name) -> Option<(RecordId, Option<usize>)> {
        let provider = &self.settings.provider;
        let id = name.as_str().split('.').take(2).find_map(RecordId::parse)?;
        for (index, number) in [1, 2].into_iter().enumerate() {
            let target = provider.dkim_target(number, &id);
            if target == *name {
                return Some((id, Some(index)));
            }
            if target.is_at_or_below(name) {
                return Some((id, None));
            }
        }
        None
    }

    async fn find_key(
        &self,
        (id, index): (RecordId, Option<usize>),
    ) -> Result<Option<Found<'_>>, SourceFailed> {
        let nodes = match self.keys.get(&id) {
            Some(kept) => kept,
            None => {
                let read_at = Instant::now();
                let keys = self.patiently(self.source.keys(&id)).await?;
                let addresses = &self.settings.host_addresses;
                let nodes =
                    keys.map(|keys| Arc::new(keys.map(|text| contents::key(addresses, text.as_deref()))));
                self.keys.put(id, read_at, nodes.clone());
                nodes
            }
        };
        Ok(nodes.map(|nodes| match index {
            Some(index) => Found::Key(nodes, index),
            None => Found::Made(Node::default()),
        }))
    }

    async fn find_demo(&self, name: &Name) -> Result<Option<Found<'_>>, SourceFailed> {
        let demo_zone = &self.settings.provider.demo_zone;
        let Some(domain) = name
            .relative_to(demo_zone)
            .and_then(|left| left.rsplit('.').next())
            .and_then(|label| demo_zone.prepend(label))
        else {
            return Ok(None);
        };
        let nodes = match self.demos.get(&domain) {
            Some(kept) => kept,
            None => {
                let read_at = Instant::now();
                let id = self.patiently(self.source.demo(&domain)).await?;
                let nodes = id.map(|id| Arc::new(contents::demo(&self.settings.provider, &domain, &id)));
                self.demos.put(domain, read_at, nodes.clone());
                nodes
            }
        };
        Ok(nodes.filter(|nodes| nodes.contains_key(name)).map(|nodes| Found::Demo(nodes, name.clone())))
    }

    /// Waits for the source, but neither long nor in an endless queue.
    async fn patiently<T>(
        &self,
        answer: impl Future<Output = Result<T, SourceFailed>>,
    ) -> Result<T, SourceFailed> {
        let _place = self.waiting.try_acquire().map_err(|_| SourceFailed)?;
        tokio::time::timeout(PATIENCE, answer).await.map_err(|_| SourceFailed)?
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
        let mut owner: WireName = ask.name.clone();
        for _ in 0..=MAX_HOPS {
            let Some(apex) = self.fixed.apexes.iter().rev().find(|apex| apex.soa.name.zone_of(&owner)) else {
                // Not ours: refused when asked for, left to the client when an
                // alias leads there.
                return if response.answers.is_empty() { Response::refused() } else { response };
            };
            response.authoritative = true;
            let found = match core_name(&owner) {
                Some(name) => self.find(&name).await,
                None => Ok(None),
            };
            let Ok(found) = found else { return Response::failed() };
            let Some(node) = found.as_ref().and_then(Found::node) else {
                return response.negative(ResponseCode::NXDomain, &apex.soa);
            };
            match read(node, &owner, ask.rtype, &mut response.answers) {
                Read::Done => break,
                Read::NoData => return response.negative(ResponseCode::NoError, &apex.soa),
                Read::Follow(target) => owner = target,
            }
        }
        self.add_addresses(&mut response);
        response
    }
}
