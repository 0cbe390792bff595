//! What our zone holds. The server answers from it and the export writes it,
//! so the two cannot differ. Every name in it comes from [`signet_core::plan`].

use super::{
    node::{Node, address, cname, txt, wire_name},
    own::{OwnZoneSettings, ZoneError},
    spf,
};
use hickory_proto::rr::{
    Name as WireName, RData, Record,
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
    /// As it goes into negative answers: its TTL is the negative one.
    pub(super) soa: Record,
}

/// The part of the zone that the settings alone decide.
#[derive(Debug)]
pub(super) struct Fixed {
    /// Our zone, and the demo zone if it lies elsewhere.
    pub(super) apexes: Vec<Apex>,
    pub(super) nodes: BTreeMap<Name, Node>,
    /// Every name below it consents to receiving DMARC reports.
    pub(super) consent: Option<Name>,
}

impl Fixed {
    /// # Errors
    /// [`ZoneError`] when the settings make no servable zone.
    pub(super) fn new(settings: &OwnZoneSettings) -> Result<Self, ZoneError> {
        let provider = &settings.provider;
        let mut fixed = Self { apexes: Vec::new(), nodes: BTreeMap::new(), consent: None };
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
        fixed.add(&provider.track_host(), FIXED_TTL, hosts());
        for (owner, text) in spf::texts(provider)?.records {
            fixed.add(&owner, FIXED_TTL, [txt(text.as_bytes())]);
        }
        fixed.consent = fixed.consent_base(provider);
        let bases = [Some(provider.demo_zone.clone()), keys_base(provider), fixed.consent.clone()];
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

    /// Whether this is one of the names that consent, of which any labels make
    /// one: the export has a wildcard there, and what it matches is no less for
    /// octets that names elsewhere in the zone do not have (RFC 4592 §2.1.1).
    /// Below the wildcard's own name there is nothing (§2.2.1).
    pub(super) fn consents(&self, name: &WireName) -> bool {
        let Some(base) = &self.consent else { return false };
        // Not by `num_labels`, which leaves out a wildcard.
        let below = name.iter().count().saturating_sub(base.labels());
        let last = below.checked_sub(1).and_then(|last| name.iter().nth(last));
        wire_name(base).zone_of(name) && (below == 1 || last != Some(b"*"))
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
            settings.serial,
            3600,
            900,
            14 * 24 * 3600,
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

/// What consent to receive reports reads like.
pub(super) fn consent() -> Node {
    Node::default().with(FIXED_TTL, [txt(b"v=DMARC1")])
}

/// What stands where a selector points: the key record, once there is one, and
/// addresses, so that a DNS host that flattens the customer's CNAME shows
/// itself.
pub(super) fn key(addresses: &[IpAddr], text: Option<&str>) -> Node {
    let record = text.map(|text| txt(text.as_bytes()));
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
