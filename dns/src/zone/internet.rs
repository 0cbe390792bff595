//! A little internet: a few zones in memory, edited while they are served.

use super::{
    answer::{Answers, Ask, MAX_HOPS, Read, Response, read},
    node::{Node, address, cname, core_name, txt, wire_name},
};
use async_trait::async_trait;
use hickory_proto::{
    op::ResponseCode,
    rr::{
        Name as WireName, RData, Record, RecordType as WireType,
        rdata::{MX, NS, PTR, SOA},
    },
};
use signet_core::{
    names::{Name, NotAName},
    observe::RecordType,
};
use std::{
    collections::BTreeMap,
    net::{AddrParseError, IpAddr},
    ops::Bound,
    sync::{Arc, PoisonError, RwLock},
};

/// TTL of delegations and name servers' addresses, in seconds.
const SERVER_TTL: u32 = 3600;
/// How long a negative answer may be kept, in seconds: short, since whoever
/// edits a zone here wants to see the effect.
const NEGATIVE_TTL: u32 = 30;

/// Several zones, each with the servers it is delegated to. The names above
/// all of them are a root that knows nothing else, so the topmost zones exist
/// and every other name does not.
///
/// [`Self::at`] is the authoritative server at one address: it has the zones
/// delegated to that address and refers to others. [`Self::resolver_at`] is
/// that and a resolver for everything. Both see every edit at once.
///
/// ```
/// # use signet_core::{names::Name, observe::RecordType};
/// # use signet_dns::zone::Internet;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let here = "127.0.0.1".parse()?;
/// let internet = Internet::new();
/// internet.zone(&"test".parse()?, &[("ns.test".parse()?, here)]);
/// internet.zone(&"bakery.test".parse()?, &[("ns1.bakery.test".parse()?, here)]);
/// let bakery: Name = "bakery.test".parse()?;
/// internet.set(&bakery, RecordType::Txt, 300, &["v=spf1 -all"])?;
/// internet.remove(&bakery, RecordType::Txt);
/// let _everything = internet.resolver_at(here);
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct Internet {
    zones: RwLock<BTreeMap<Place, Zone>>,
}

/// A name with its labels turned round, so that all names below another follow
/// it in order and a miss costs one look, not one look at every name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(String);

impl Place {
    fn of(name: &Name) -> Self {
        let mut place = String::with_capacity(name.as_str().len() + 1);
        for label in name.as_str().rsplit('.') {
            place.push_str(label);
            // Sorts before everything a label can have in it.
            place.push(' ');
        }
        Self(place)
    }
}

fn anything_below<T>(map: &BTreeMap<Place, T>, place: &Place) -> bool {
    let after = map.range((Bound::Excluded(place.clone()), Bound::Unbounded)).next();
    after.is_some_and(|(next, _)| next.0.starts_with(&place.0))
}

struct Zone {
    apex: Name,
    /// The delegation, as the parent has it.
    servers: Vec<(Name, IpAddr)>,
    content: Content,
}

enum Content {
    Literal { nodes: BTreeMap<Place, Node>, serial: u32 },
    Elsewhere(Arc<dyn Answers>),
}

/// Why a record was not added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// No editable zone has this name.
    #[error("{0} is in none of the zones here")]
    NoZone(Name),
    /// The value is no address.
    #[error("{0:?} is not an address of that type")]
    Address(String),
    /// The value is no name.
    #[error("{0:?} {1}")]
    NotAName(String, NotAName),
    /// The value of an MX record is `preference host`.
    #[error("{0:?} is not a preference and a host")]
    Mx(String),
    /// Not a type that is published here.
    #[error("{0} records are not published here")]
    Type(RecordType),
}

impl Internet {
    /// An internet without any zone.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds an empty zone delegated to these servers, or replaces the one that
    /// was there. It gets NS records for them; their
    /// addresses are added to whichever zone here their names belong to.
    pub fn zone(&self, apex: &Name, servers: &[(Name, IpAddr)]) {
        let ns = servers.iter().map(|(name, _)| RData::NS(NS(wire_name(name))));
        let nodes = BTreeMap::from([(Place::of(apex), Node::default().with(SERVER_TTL, ns))]);
        self.insert(apex, servers, Content::Literal { nodes, serial: 1 });
    }

    /// Adds a zone whose content something else knows, such as our
    /// [`OwnZone`](super::OwnZone).
    pub fn mount(&self, apex: &Name, servers: &[(Name, IpAddr)], answers: Arc<dyn Answers>) {
        self.insert(apex, servers, Content::Elsewhere(answers));
    }

    fn insert(&self, apex: &Name, servers: &[(Name, IpAddr)], content: Content) {
        let zone = Zone { apex: apex.clone(), servers: servers.to_vec(), content };
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        zones.insert(Place::of(apex), zone);
        for (name, ip) in servers {
            let Some(nodes) = editable(&mut zones, name) else { continue };
            nodes.entry(Place::of(name)).or_default().add(SERVER_TTL, address(*ip));
        }
    }

    /// Removes a zone and its delegation: its names are its parent's again.
    pub fn remove_zone(&self, apex: &Name) -> bool {
        self.zones.write().unwrap_or_else(PoisonError::into_inner).remove(&Place::of(apex)).is_some()
    }

    /// Makes `values` the only records of this type at `owner`; none removes
    /// them. Values are as in a zone file, names in full with or without final
    /// dot, text without quotes (it is cut into strings of 255 bytes). An MX
    /// host of `.` is the null MX.
    ///
    /// NS records at an apex are the zone's own list and may differ from the
    /// delegation; elsewhere they make a delegation. A CNAME beside other
    /// data, which real servers refuse, is answered where the type asked for
    /// is not there.
    ///
    /// # Errors
    /// [`BadRecord`]; nothing has been changed then.
    pub fn set(&self, owner: &Name, rtype: RecordType, ttl: u32, values: &[&str]) -> Result<(), BadRecord> {
        let data = parse_all(rtype, values)?;
        self.edit(owner, |node| {
            node.clear(wire_type(rtype));
            data.into_iter().for_each(|rdata| node.add(ttl, rdata));
        })
    }

    /// Adds one record beside those of its type, whose TTL becomes `ttl`.
    ///
    /// # Errors
    /// As [`Self::set`].
    pub fn add(&self, owner: &Name, rtype: RecordType, ttl: u32, value: &str) -> Result<(), BadRecord> {
        let rdata = parse(rtype, value)?;
        self.edit(owner, |node| node.add(ttl, rdata))
    }

    /// Removes the records of this type at `owner`; whether there were any.
    pub fn remove(&self, owner: &Name, rtype: RecordType) -> bool {
        let mut removed = false;
        let edited = self.edit(owner, |node| removed = node.clear(wire_type(rtype)));
        edited.is_ok() && removed
    }

    fn edit(&self, owner: &Name, change: impl FnOnce(&mut Node)) -> Result<(), BadRecord> {
        let mut zones = self.zones.write().unwrap_or_else(PoisonError::into_inner);
        let nodes = editable(&mut zones, owner).ok_or_else(|| BadRecord::NoZone(owner.clone()))?;
        let place = Place::of(owner);
        let node = nodes.entry(place.clone()).or_default();
        change(node);
        if node.is_empty() {
            // A name without records exists only while something is below it.
            nodes.remove(&place);
        }
        Ok(())
    }

    /// The authoritative server at `ip`.
    #[must_use]
    pub fn at(self: &Arc<Self>, ip: IpAddr) -> Arc<dyn Answers> {
        Arc::new(ServerAt { internet: Arc::clone(self), ip, resolves: false })
    }

    /// The server at `ip`, which is also a resolver: it resolves what is asked
    /// with RD and is authoritative, as [`Self::at`], for the rest.
    #[must_use]
    pub fn resolver_at(self: &Arc<Self>, ip: IpAddr) -> Arc<dyn Answers> {
        Arc::new(ServerAt { internet: Arc::clone(self), ip, resolves: true })
    }

    /// One step towards the answer for `owner`, on the server at `ip`, or for
    /// a resolver, which reaches every server.
    fn step(&self, ip: Option<IpAddr>, owner: &WireName, rtype: WireType, response: &mut Response) -> Step {
        let zones = self.zones.read().unwrap_or_else(PoisonError::into_inner);
        let Some(name) = core_name(owner) else {
            return nothing_at_the_root(&zones, None, ip);
        };
        let serves = |zone: &&Zone| ip.is_none_or(|ip| zone.servers.iter().any(|(_, at)| *at == ip));
        // RFC 4035 §3.1.4.1: DS records belong to the parent of the name.
        let lowest = if rtype == WireType::DS { name.parent() } else { Some(name.clone()) };
        let above = |lowest: Option<Name>| std::iter::successors(lowest, Name::parent);
        let served = |n: &Name| zones.get(&Place::of(n)).filter(serves);
        let Some(zone) = above(lowest.clone()).find_map(|n| served(&n)).or_else(|| served(&name)) else {
            return nothing_at_the_root(&zones, Some(&name), ip);
        };
        // The highest cut between this zone's apex and the name.
        let cut = above(lowest)
            .take_while(|n| *n != zone.apex && n.is_at_or_below(&zone.apex))
            .filter_map(|n| zone.delegation(&zones, &n))
            .last();
        if let Some(cut) = cut {
            return Step::Cut(cut);
        }
        let (nodes, serial) = match &zone.content {
            Content::Elsewhere(answers) => return Step::Elsewhere(Arc::clone(answers)),
            Content::Literal { nodes, serial } => (nodes, *serial),
        };
        response.authoritative = true;
        let soa = zone.soa(serial);
        let place = Place::of(&name);
        let at_apex = name == zone.apex;
        if at_apex && rtype == WireType::SOA {
            response.answers.push(Record::from_rdata(owner.clone(), SERVER_TTL, soa.data));
            return Step::Done;
        }
        let Some(node) = nodes.get(&place) else {
            // A delegation is something too, when its DS is asked for here.
            let exists =
                zones.contains_key(&place) || anything_below(nodes, &place) || anything_below(&zones, &place);
            return Step::Negative(
                if exists { ResponseCode::NoError } else { ResponseCode::NXDomain },
                Box::new(soa),
            );
        };
        match read(node, owner, rtype, &mut response.answers) {
            Read::Done => Step::Done,
            Read::NoData => Step::Negative(ResponseCode::NoError, Box::new(soa)),
            Read::Follow(target) => Step::Follow(target),
        }
    }
}

/// How far one name brought us.
enum Step {
    Done,
    Negative(ResponseCode, Box<Record>),
    Follow(WireName),
    /// Another server knows: NS records and the addresses that go with them.
    Cut(Delegation),
    Elsewhere(Arc<dyn Answers>),
    NotServed,
}

struct Delegation {
    ns: Vec<Record>,
    glue: Vec<Record>,
}

impl Zone {
    fn soa(&self, serial: u32) -> Record {
        let apex = wire_name(&self.apex);
        let primary = self.servers.first().map_or_else(|| apex.clone(), |(name, _)| wire_name(name));
        // Too long a name for a mailbox in it is its own mailbox.
        let mailbox = self.apex.prepend("hostmaster").map_or_else(|| apex.clone(), |name| wire_name(&name));
        let soa = SOA::new(primary, mailbox, serial, 3600, 900, 1_209_600, NEGATIVE_TTL);
        Record::from_rdata(apex, NEGATIVE_TTL, RData::SOA(soa))
    }

    /// The delegation of `name` out of this zone, if it is one.
    fn delegation(&self, zones: &BTreeMap<Place, Zone>, name: &Name) -> Option<Delegation> {
        let owner = wire_name(name);
        if let Some(child) = zones.get(&Place::of(name)) {
            let record = |name: WireName, rdata| Record::from_rdata(name, SERVER_TTL, rdata);
            let mut ns: Vec<Record> = Vec::new();
            for (server, _) in &child.servers {
                let rdata = RData::NS(NS(wire_name(server)));
                if ns.iter().all(|known| known.data != rdata) {
                    ns.push(record(owner.clone(), rdata));
                }
            }
            let glue =
                child.servers.iter().map(|(server, ip)| record(wire_name(server), address(*ip))).collect();
            return Some(Delegation { ns, glue });
        }
        let Content::Literal { nodes, .. } = &self.content else { return None };
        let set = nodes.get(&Place::of(name))?.get(WireType::NS)?;
        let ns = set.data.iter().map(|rdata| Record::from_rdata(owner.clone(), set.ttl, rdata.clone()));
        Some(Delegation { ns: ns.collect(), glue: Vec::new() })
    }
}

/// Outside every zone: a resolver has that from the root, a server refuses.
fn nothing_at_the_root(zones: &BTreeMap<Place, Zone>, name: Option<&Name>, ip: Option<IpAddr>) -> Step {
    if ip.is_some() {
        return Step::NotServed;
    }
    let exists = name.is_some_and(|name| anything_below(zones, &Place::of(name)));
    let root = WireName::root();
    let soa = SOA::new(root.clone(), root.clone(), 1, 3600, 900, 1_209_600, NEGATIVE_TTL);
    let soa = Record::from_rdata(root, NEGATIVE_TTL, RData::SOA(soa));
    Step::Negative(if exists { ResponseCode::NoError } else { ResponseCode::NXDomain }, Box::new(soa))
}

/// The nodes of the deepest zone around `name`, about to be changed.
fn editable<'a>(zones: &'a mut BTreeMap<Place, Zone>, name: &Name) -> Option<&'a mut BTreeMap<Place, Node>> {
    let place = std::iter::successors(Some(name.clone()), Name::parent)
        .map(|n| Place::of(&n))
        .find(|place| zones.contains_key(place))?;
    match &mut zones.get_mut(&place)?.content {
        Content::Literal { nodes, serial } => {
            *serial = serial.wrapping_add(1);
            Some(nodes)
        }
        Content::Elsewhere(_) => None,
    }
}

struct ServerAt {
    internet: Arc<Internet>,
    ip: IpAddr,
    resolves: bool,
}

#[async_trait]
impl Answers for ServerAt {
    async fn answer(&self, ask: Ask<'_>) -> Response {
        let resolving = self.resolves && ask.recursion_desired;
        let ip = (!resolving).then_some(self.ip);
        let mut response = Response::empty();
        let mut owner = ask.name.clone();
        let mut hops = 0;
        loop {
            if hops > MAX_HOPS {
                // A loop of aliases, or something like one.
                response = Response::failed();
                break;
            }
            hops += 1;
            match self.internet.step(ip, &owner, ask.rtype, &mut response) {
                Step::Done => break,
                Step::Follow(target) => owner = target,
                Step::Negative(rcode, soa) => {
                    response = response.negative(rcode, *soa);
                    break;
                }
                Step::Elsewhere(answers) => {
                    let rest = answers.answer(Ask { name: &owner, ..ask }).await;
                    match append(&mut response, rest, ask.rtype) {
                        Some(target) => owner = target,
                        None => break,
                    }
                }
                Step::Cut(_) if resolving => {
                    // Delegated to a server that this internet does not have.
                    response = Response::failed();
                    break;
                }
                Step::Cut(cut) if response.answers.is_empty() => {
                    response.authoritative = false;
                    response.authorities = cut.ns;
                    response.additionals = cut.glue;
                    break;
                }
                Step::NotServed if response.answers.is_empty() => return Response::refused(),
                // An alias that leads away is the client's to follow.
                Step::Cut(_) | Step::NotServed => break,
            }
        }
        if self.resolves {
            response.recursion_available = true;
        }
        if resolving {
            response.authoritative = false;
        }
        response
    }
}

/// Joins what a mounted zone said to what came before it; the alias to go on
/// with, if that is how it ended.
fn append(response: &mut Response, rest: Response, asked: WireType) -> Option<WireName> {
    response.authoritative |= rest.authoritative;
    response.rcode = rest.rcode;
    response.answers.extend(rest.answers);
    response.authorities = rest.authorities;
    response.additionals = rest.additionals;
    let open = response.rcode == ResponseCode::NoError
        && response.authorities.is_empty()
        && asked != WireType::CNAME
        && asked != WireType::ANY;
    match response.answers.last().map(|record| &record.data) {
        Some(RData::CNAME(target)) if open => Some(target.0.clone()),
        _ => None,
    }
}

fn wire_type(rtype: RecordType) -> WireType {
    match rtype {
        RecordType::A => WireType::A,
        RecordType::Aaaa => WireType::AAAA,
        RecordType::Cname => WireType::CNAME,
        RecordType::Ds => WireType::DS,
        RecordType::Mx => WireType::MX,
        RecordType::Ns => WireType::NS,
        RecordType::Ptr => WireType::PTR,
        RecordType::Soa => WireType::SOA,
        RecordType::Spf => WireType::Unknown(99),
        RecordType::Txt => WireType::TXT,
        RecordType::Caa => WireType::CAA,
        RecordType::Https => WireType::HTTPS,
        RecordType::Srv => WireType::SRV,
    }
}

fn parse_all(rtype: RecordType, values: &[&str]) -> Result<Vec<RData>, BadRecord> {
    values.iter().map(|value| parse(rtype, value)).collect()
}

fn parse(rtype: RecordType, value: &str) -> Result<RData, BadRecord> {
    let name = |text: &str| Name::parse(text).map_err(|why| BadRecord::NotAName(text.to_owned(), why));
    match rtype {
        RecordType::A | RecordType::Aaaa => {
            let ip: Result<IpAddr, AddrParseError> = value.trim().parse();
            match ip {
                Ok(ip) if ip.is_ipv4() == (rtype == RecordType::A) => Ok(address(ip)),
                _ => Err(BadRecord::Address(value.to_owned())),
            }
        }
        RecordType::Cname => Ok(cname(&name(value)?)),
        RecordType::Ns => Ok(RData::NS(NS(wire_name(&name(value)?)))),
        RecordType::Ptr => Ok(RData::PTR(PTR(wire_name(&name(value)?)))),
        RecordType::Mx => {
            let bad = || BadRecord::Mx(value.to_owned());
            let (preference, host) = value.split_once(' ').ok_or_else(bad)?;
            let preference = preference.parse().map_err(|_| bad())?;
            let host = match host.trim() {
                // RFC 7505.
                "." => WireName::root(),
                host => wire_name(&name(host)?),
            };
            Ok(RData::MX(MX::new(preference, host)))
        }
        RecordType::Txt => Ok(txt(value.as_bytes())),
        RecordType::Ds
        | RecordType::Soa
        | RecordType::Spf
        | RecordType::Caa
        | RecordType::Https
        | RecordType::Srv => Err(BadRecord::Type(rtype)),
    }
}
