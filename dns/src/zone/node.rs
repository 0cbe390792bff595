//! What stands at one name of a zone, in the types of the wire.

use hickory_proto::rr::{
    Name as WireName, RData, Record, RecordType as WireType,
    rdata::{A, AAAA, CAA, CNAME, TXT},
};
use signet_core::names::Name;
use std::net::IpAddr;

/// The longest character-string (RFC 1035 §3.3).
const CHARACTER_STRING: usize = 255;

/// All records of one type at one name; never empty.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rrset {
    pub(super) rtype: WireType,
    /// Seconds.
    pub(super) ttl: u32,
    pub(super) data: Vec<RData>,
}

/// A name that exists. Without records it is an empty non-terminal, or a name
/// whose records are still to come: NODATA, never NXDOMAIN (RFC 8020).
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Node {
    sets: Vec<Rrset>,
}

impl Node {
    /// Adds records, which go to the set of their type; its TTL becomes `ttl`.
    pub(super) fn with(mut self, ttl: u32, data: impl IntoIterator<Item = RData>) -> Self {
        for rdata in data {
            self.add(ttl, rdata);
        }
        self
    }

    /// Adds one record. One that stands there already is not added again.
    pub(super) fn add(&mut self, ttl: u32, rdata: RData) {
        let rtype = rdata.record_type();
        match self.sets.iter_mut().find(|set| set.rtype == rtype) {
            Some(set) => {
                set.ttl = ttl;
                if !set.data.contains(&rdata) {
                    set.data.push(rdata);
                }
            }
            None => self.sets.push(Rrset { rtype, ttl, data: vec![rdata] }),
        }
    }

    /// Takes the records of one type away; whether there were any.
    pub(super) fn clear(&mut self, rtype: WireType) -> bool {
        let before = self.sets.len();
        self.sets.retain(|set| set.rtype != rtype);
        self.sets.len() != before
    }

    pub(super) fn get(&self, rtype: WireType) -> Option<&Rrset> {
        self.sets.iter().find(|set| set.rtype == rtype)
    }

    /// Everything that stands here, as the records of `owner`.
    pub(super) fn records(&self, owner: &WireName) -> impl Iterator<Item = Record> {
        let record = |ttl, rdata: &RData| Record::from_rdata(owner.clone(), ttl, rdata.clone());
        self.sets.iter().flat_map(move |set| set.data.iter().map(move |rdata| record(set.ttl, rdata)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}

/// The name on the wire, fully qualified.
pub(super) fn wire_name(name: &Name) -> WireName {
    let labels = name.as_str().split('.').map(str::as_bytes);
    WireName::from_labels(labels).expect("a Name obeys the limits of DNS names")
}

/// The name as everything but the wire knows it; `None` for the root and for
/// names with characters that no name here has, which therefore do not exist.
pub(super) fn core_name(name: &WireName) -> Option<Name> {
    let mut text = String::with_capacity(name.len());
    for label in name.iter() {
        // A dot inside a label would read as two labels.
        let label = std::str::from_utf8(label).ok().filter(|label| !label.contains('.'))?;
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(label);
    }
    Name::parse(&text).ok()
}

/// One TXT record holding `text`, cut into character-strings.
pub(super) fn txt(text: &[u8]) -> RData {
    let strings: Vec<&[u8]> = match text {
        [] => vec![b""],
        _ => text.chunks(CHARACTER_STRING).collect(),
    };
    RData::TXT(TXT::from_bytes(strings))
}

/// That this authority, and no other that is not named as well, may issue
/// certificates for a name, and for those a wildcard of it covers (RFC 8659 §4).
pub(super) fn authority(issuer: &Name) -> [RData; 2] {
    let mut issuer = wire_name(issuer);
    // RFC 8659 §4.2: an issuer-domain-name has no final dot.
    issuer.set_fqdn(false);
    let issuer = Some(issuer);
    [CAA::new_issue(false, issuer.clone(), vec![]), CAA::new_issuewild(false, issuer, vec![])].map(RData::CAA)
}

pub(super) fn cname(target: &Name) -> RData {
    RData::CNAME(CNAME(wire_name(target)))
}

pub(super) fn address(ip: IpAddr) -> RData {
    match ip {
        IpAddr::V4(ip) => RData::A(A(ip)),
        IpAddr::V6(ip) => RData::AAAA(AAAA(ip)),
    }
}
