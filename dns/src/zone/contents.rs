//! What our zone holds. The server answers from it and the export writes it,
//! so the two cannot differ. Every name in it comes from [`signet_core::plan`].

use super::{
    domains::EXPIRE,
    node::{Node, Rrset, address, authority, cname, txt, wire_name},
    own::{OwnZoneSettings, ZoneError},
    spf,
};
use hickory_proto::rr::{
    Name as WireName, RData, Record, RecordType as WireType,
    rdata::{MX, NS, SOA},
};
use signet_core::{
    names::{DomainName, Name, RecordId},
    observe::RecordType,
    plan::{self, Dkim, Present, Provider, Subject},
};
use std::{collections::BTreeMap, net::IpAddr};

/// TTL of what only a change of settings changes, in seconds.
const FIXED_TTL: u32 = 3600;
/// TTL of DKIM keys and demo domains, in seconds.
const DOMAIN_TTL: u32 = 300;
/// How long a negative answer may be kept, in seconds. Short, because a
/// domain's keys are made when it first needs them.
const NEGATIVE_TTL: u32 = 60;

/// A name with its own SOA.
#[derive(Clone, Debug)]
pub(super) struct Apex {
    pub(super) name: Name,
    /// As it goes into negative answers: its TTL is the negative one. The
    /// serial is to be set.
    soa: Record,
}

impl Apex {
    /// The SOA for negative answers.
    pub(super) fn negative(&self, serial: u32) -> Record {
        let mut soa = self.soa.clone();
        set_serial(&mut soa.data, serial);
        soa
    }

    /// The SOA as a record of the zone.
    pub(super) fn soa(&self, serial: u32) -> Record {
        let mut soa = self.negative(serial);
        soa.ttl = FIXED_TTL;
        soa
    }

    /// As on the wire.
    pub(super) fn wire_name(&self) -> &WireName {
        &self.soa.name
    }
}

fn set_serial(data: &mut RData, serial: u32) {
    if let RData::SOA(soa) = data {
        soa.serial = serial;
    }
}

/// The name whose wildcard consents to receiving DMARC reports, at any depth
/// below it (RFC 9990 §4).
#[derive(Debug)]
pub(super) struct Consent {
    pub(super) base: Name,
    pub(super) wire_base: WireName,
    /// `*.base`, as a zone has it.
    pub(super) wildcard: WireName,
    pub(super) node: Node,
}

impl Consent {
    fn new(base: Name) -> Option<Self> {
        let wire_base = wire_name(&base);
        let wildcard = WireName::from_labels([&b"*"[..]]).ok()?.append_name(&wire_base).ok()?;
        let node = Node::default().with(FIXED_TTL, [txt(b"v=DMARC1")]);
        Some(Self { base, wire_base, wildcard, node })
    }

    /// Whether the wildcard matches this name: any labels below the base, but
    /// none below the wildcard's own name, which is a name, too (RFC 4592
    /// §2.2.1).
    pub(super) fn covers(&self, name: &WireName) -> bool {
        // Not by `num_labels`, which leaves a wildcard out.
        let Some(last) = name.iter().count().checked_sub(self.base.labels() + 1) else { return false };
        self.wire_base.zone_of(name) && (last == 0 || name.iter().nth(last) != Some(b"*"))
    }
}

/// The part of the zone that the settings alone decide.
#[derive(Debug)]
pub(super) struct Fixed {
    /// Our zone, and the demo zone if it lies elsewhere.
    pub(super) apexes: Vec<Apex>,
    pub(super) nodes: BTreeMap<Name, Node>,
    pub(super) consent: Option<Consent>,
    /// What stands beside every key.
    pub(super) beside_keys: Node,
}

impl Fixed {
    /// # Errors
    /// [`ZoneError`] when the settings make no servable zone.
    pub(super) fn new(settings: &OwnZoneSettings) -> Result<Self, ZoneError> {
        let provider = &settings.provider;
        let beside_keys = key(&settings.host_addresses, None);
        let mut fixed = Self { apexes: Vec::new(), nodes: BTreeMap::new(), consent: None, beside_keys };
        fixed.add_apex(settings, &provider.zone, &settings.apex_addresses)?;
        if !provider.demo_zone.is_at_or_below(&provider.zone) {
            fixed.add_apex(settings, &provider.demo_zone, &[])?;
        }
        for (name, addresses) in &settings.name_servers {
            // Addresses of servers outside are their own zone's to give.
            if fixed.holds(name) {
                fixed.add(name, FIXED_TTL, addresses.iter().copied().map(address));
            }
        }

        let hosts = || settings.host_addresses.iter().copied().map(address);
        let bounce = provider.bounce_host();
        fixed.add(&bounce, FIXED_TTL, hosts());
        fixed.add(&bounce, FIXED_TTL, [RData::MX(MX::new(10, wire_name(&bounce)))]);
        let track = provider.track_host();
        fixed.add(&track, FIXED_TTL, hosts());
        // Whoever issues a certificate for a customer's link host follows its
        // CNAME to here (RFC 8659 §3).
        fixed.add(&track, FIXED_TTL, settings.tracking_caa.iter().flat_map(authority));
        for (owner, text) in spf::texts(provider)?.records {
            fixed.add(&owner, FIXED_TTL, [txt(text.as_bytes())]);
        }
        for (owner, text) in settings.texts.iter().filter(|(owner, _)| owner.is_at_or_below(&provider.zone)) {
            fixed.add(owner, FIXED_TTL, [txt(text.as_bytes())]);
        }
        let consent_base = fixed.consent_base(provider);
        let bases = [Some(provider.demo_zone.clone()), keys_base(provider), consent_base.clone()];
        fixed.consent = consent_base.and_then(Consent::new);
        for name in bases.into_iter().flatten() {
            fixed.nodes.entry(name).or_default();
        }
        fixed.add_empty_non_terminals();
        Ok(fixed)
    }

    /// The apex of the zone of ours that `name` is in.
    pub(super) fn apex_of(&self, name: &Name) -> Option<&Apex> {
        self.apexes
            .iter()
            .filter(|apex| name.is_at_or_below(&apex.name))
            .max_by_key(|apex| apex.name.labels())
    }

    fn holds(&self, name: &Name) -> bool {
        self.apex_of(name).is_some()
    }

    fn add(&mut self, name: &Name, ttl: u32, data: impl IntoIterator<Item = RData>) {
        let node = self.nodes.entry(name.clone()).or_default();
        data.into_iter().for_each(|rdata| node.add(ttl, rdata));
    }

    fn add_apex(
        &mut self,
        settings: &OwnZoneSettings,
        apex: &Name,
        addresses: &[IpAddr],
    ) -> Result<(), ZoneError> {
        let (primary, _) = settings.name_servers.first().ok_or(ZoneError::NoNameServer)?;
        let hostmaster = apex.prepend("hostmaster").ok_or(ZoneError::TooLong)?;
        let soa = RData::SOA(SOA::new(
            wire_name(primary),
            wire_name(&hostmaster),
            // Its number is not among the settings.
            0,
            3600,
            900,
            i32::try_from(EXPIRE.as_secs()).unwrap_or(i32::MAX),
            NEGATIVE_TTL,
        ));
        let servers = settings.name_servers.iter().map(|(name, _)| RData::NS(NS(wire_name(name))));
        self.add(apex, FIXED_TTL, [soa.clone()]);
        self.add(apex, FIXED_TTL, servers);
        self.add(apex, FIXED_TTL, addresses.iter().copied().map(address));
        // RFC 2308 §3: the smaller of the SOA's own TTL and its last field.
        let soa = Record::from_rdata(wire_name(apex), NEGATIVE_TTL.min(FIXED_TTL), soa);
        self.apexes.push(Apex { name: apex.clone(), soa });
        Ok(())
    }

    /// `_report._dmarc.<host>`, when the host that reports go to is in our
    /// zone: below it every domain finds our consent (RFC 9990 §4).
    fn consent_base(&self, provider: &Provider) -> Option<Name> {
        let (_, host) = provider.dmarc_rua.as_deref()?.rsplit_once('@')?;
        let base = Name::parse(host).ok()?.prepend("_report._dmarc")?;
        self.holds(&base).then_some(base)
    }

    /// Names that exist because something exists below them (RFC 4592 §2.2.2).
    fn add_empty_non_terminals(&mut self) {
        let names: Vec<Name> = self.nodes.keys().cloned().collect();
        for name in names {
            let mut above = name.parent();
            while let Some(parent) = above.filter(|parent| self.holds(parent)) {
                above = parent.parent();
                self.nodes.entry(parent).or_default();
            }
        }
    }
}

/// The name under which all keys' targets lie, one label per domain: what
/// every id's target has in common.
fn keys_base(provider: &Provider) -> Option<Name> {
    let any = RecordId::from_random([0; 10]);
    let mut name = provider.dkim_target(1, &any);
    while name.as_str().split('.').any(|label| label == any.as_str()) {
        name = name.parent()?;
    }
    Some(name)
}

/// The set a key record is.
pub(super) fn key_set(text: &str) -> Rrset {
    Rrset { rtype: WireType::TXT, ttl: DOMAIN_TTL, data: vec![txt(text.as_bytes())] }
}

/// What stands where a selector points: the key record, once there is one, and
/// addresses, so that a DNS host that flattens the customer's CNAME shows
/// itself.
pub(super) fn key(addresses: &[IpAddr], text: Option<&str>) -> Node {
    let record = text.map(key_set).into_iter().flat_map(|set| set.data);
    Node::default().with(DOMAIN_TTL, record).with(DOMAIN_TTL, addresses.iter().copied().map(address))
}

/// All names of a demo domain, its own included: what the plan asks for, and
/// what exists because of that.
pub(super) fn demo(provider: &Provider, domain: &Name, id: &RecordId) -> BTreeMap<Name, Node> {
    let subject =
        Subject { domain: &DomainName::trusted(domain.clone()), id, demo: true, dkim: Dkim::Delegated };
    let mut nodes = BTreeMap::from([(domain.clone(), Node::default())]);
    for planned in plan::plan(provider, &subject, &Present::default()) {
        let rdata = match planned.rtype {
            RecordType::Cname => Name::parse(&planned.value).ok().map(|target| cname(&target)),
            RecordType::Txt => Some(txt(planned.value.as_bytes())),
            _ => None,
        };
        let mut above = planned.owner.parent();
        if let Some(rdata) = rdata {
            nodes.entry(planned.owner).or_default().add(DOMAIN_TTL, rdata);
        }
        while let Some(parent) = above.filter(|name| name.is_at_or_below(domain)) {
            above = parent.parent();
            nodes.entry(parent).or_default();
        }
    }
    nodes
}
