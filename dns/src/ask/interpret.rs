//! From the octets of a reply to what it says.
//!
//! The reply has been matched to the question already; here nothing in it is
//! believed that the one who sent it has no say in.

pub(super) mod quick;

use super::wire::code;
use hickory_proto::{
    op::{Edns, Message, ResponseCode},
    rr::{
        DNSClass, Name as WireName, RData, Record as WireRecord,
        rdata::opt::{EdnsCode, EdnsOption},
    },
};
use signet_core::{
    names::Name,
    observe::{Answer, Data, Failure, Rcode, Record},
};
use std::net::IpAddr;

/// Records one answer may have.
pub(super) const RECORDS: usize = 100;
/// Octets of text in one answer.
pub(super) const TEXT: usize = 64 * 1024;
/// Name servers taken from a delegation.
pub(super) const NAME_SERVERS: usize = 13;
/// Addresses taken from the glue of a delegation.
pub(super) const GLUE: usize = 2 * NAME_SERVERS;

/// Who sent the reply.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sender<'a> {
    /// A server that the zone with this apex is delegated to.
    Authority(&'a Name),
    /// A configured resolver.
    Resolver,
}

/// What a reply says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// There is this at the name, or nothing.
    Answer(Answer),
    /// The root says that there is no such top-level domain. (The root itself
    /// is no [`Name`], so [`Answer::soa`] cannot say it.)
    NoTopLevel,
    /// Others know: the name is in a zone below.
    Referral(Referral),
}

/// A delegation as the parent's servers tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Referral {
    pub(super) cut: Name,
    pub(super) name_servers: Vec<Name>,
    /// Addresses of those name servers that are within the delegated zone:
    /// others' addresses are not the parent's to tell.
    pub(super) glue: Vec<(Name, IpAddr)>,
    pub(super) ttl: u32,
}

/// Reads the reply to a question for `rtype` at `name`.
///
/// A question for SOA has no records in its answer; it has the zone in
/// [`Answer::soa`], positive or negative.
pub(super) fn interpret(octets: &[u8], name: &Name, rtype: u16, from: Sender<'_>) -> Result<Said, Failure> {
    let message = Message::from_vec(octets).map_err(|error| malformed(error.to_string()))?;
    let extended = message.edns.as_ref().and_then(extended_error);
    let rcode = rcode(message.metadata.response_code, extended, from)?;
    let owner = wire_name(name)?;

    let records = records_at(&message, name, &owner, rtype)?;
    if !records.is_empty() {
        return Ok(Said::Answer(Answer {
            // With a CNAME, NXDOMAIN is about where the chain ends (RFC 6604).
            rcode: Rcode::NoError,
            authoritative: message.metadata.authoritative,
            authenticated: message.metadata.authentic_data,
            recursion: message.metadata.recursion_available,
            records,
            ..Answer::nothing(Rcode::NoError)
        }));
    }
    if rtype == code::SOA
        && let Some(soa) = message.answers.iter().find_map(soa).filter(|zone| zone.apex == *name)
    {
        return Ok(Said::Answer(empty(&message, rcode, Some(soa))));
    }
    negative(&message, name, rcode, from)
}

/// A reply without records at the name: nothing there, a referral, or a server
/// that does not serve the zone.
fn negative(message: &Message, name: &Name, rcode: Rcode, from: Sender<'_>) -> Result<Said, Failure> {
    let authoritative = message.metadata.authoritative;
    // Only a zone around the name can say what is not there (RFC 2308 §2).
    let mut zones = message.authorities.iter().filter_map(soa);
    let zone = zones.find(|zone| name.is_at_or_below(&zone.apex));
    if rcode == Rcode::NxDomain
        && matches!(from, Sender::Resolver)
        && message.authorities.iter().any(|record| is_soa(record) && record.name.is_root())
    {
        return Ok(Said::NoTopLevel);
    }
    if zone.is_none() && rcode == Rcode::NoError && !authoritative {
        match (referral(message, name), from) {
            (Some(referral), Sender::Resolver) => return Ok(Said::Referral(referral)),
            (Some(referral), Sender::Authority(apex)) => {
                // Sideways, upwards or to itself is no help (RFC 1912 §2.8).
                let down = referral.cut != *apex && referral.cut.is_at_or_below(apex);
                return if down { Ok(Said::Referral(referral)) } else { Err(Failure::Lame) };
            }
            (None, _) => {}
        }
    }
    let serves = match from {
        // A server of the parent, or one that answers for everything from a
        // zone of its own invention, does not serve this zone.
        Sender::Authority(apex) => {
            let foreign = zone.is_none() && message.authorities.iter().any(is_soa);
            authoritative && !foreign && zone.as_ref().is_none_or(|zone| zone.apex.is_at_or_below(apex))
        }
        // RFC 2308 §2.2 lets a resolver leave out the SOA. One that neither
        // recurses nor is authoritative just does not know.
        Sender::Resolver => zone.is_some() || authoritative || message.metadata.recursion_available,
    };
    if serves { Ok(Said::Answer(empty(message, rcode, zone))) } else { Err(Failure::Lame) }
}

fn empty(message: &Message, rcode: Rcode, zone: Option<Authority>) -> Answer {
    Answer {
        authoritative: message.metadata.authoritative,
        authenticated: message.metadata.authentic_data,
        recursion: message.metadata.recursion_available,
        serial: zone.as_ref().map(|zone| zone.serial),
        negative_ttl: zone.as_ref().map(|zone| zone.negative_ttl),
        soa: zone.map(|zone| zone.apex),
        ..Answer::nothing(rcode)
    }
}

/// The two codes that are answers, or the failure that another one is.
fn rcode(code: ResponseCode, extended: Option<u16>, from: Sender<'_>) -> Result<Rcode, Failure> {
    // Blocked, Censored, Filtered, Prohibited (RFC 8914 §4.16 to 4.19), with
    // whatever code and whatever made-up records. An authoritative server that
    // is not open to us says "Prohibited" too; it has refused.
    if let (Some(extended @ 15..=18), Sender::Resolver) = (extended, from) {
        return Err(Failure::Filtered(extended));
    }
    match u16::from(code) {
        0 => Ok(Rcode::NoError),
        3 => Ok(Rcode::NxDomain),
        2 => Err(Failure::ServFail(extended)),
        5 => Err(Failure::Refused),
        1 => Err(Failure::Rcode("FORMERR".to_string())),
        4 => Err(Failure::Rcode("NOTIMP".to_string())),
        6 => Err(Failure::Rcode("YXDOMAIN".to_string())),
        9 => Err(Failure::Rcode("NOTAUTH".to_string())),
        16 => Err(Failure::Rcode("BADVERS".to_string())),
        23 => Err(Failure::Rcode("BADCOOKIE".to_string())),
        other => Err(Failure::Rcode(format!("RCODE{other}"))),
    }
}

/// The first extended error (RFC 8914 §2): a code of two octets, then text.
fn extended_error(edns: &Edns) -> Option<u16> {
    const EXTENDED_ERROR: u16 = 15;
    match edns.option(EdnsCode::from(EXTENDED_ERROR)) {
        Some(EdnsOption::Unknown(_, data)) => data.first_chunk().map(|code| u16::from_be_bytes(*code)),
        _ => None,
    }
}

/// The records at `name` of the type asked for, and the CNAME there. What
/// stands at a CNAME's target in the same message is another question.
fn records_at(message: &Message, name: &Name, owner: &WireName, rtype: u16) -> Result<Vec<Record>, Failure> {
    let mut records = Vec::new();
    let mut text = 0;
    for record in message.answers.iter().filter(|r| r.dns_class == DNSClass::IN && r.name == *owner) {
        let code = u16::from(record.record_type());
        let asked_for = code == rtype && rtype != code::SOA;
        if !asked_for && code != code::CNAME {
            continue;
        }
        let data = data(&record.data);
        // Records of a set differ (RFC 2181 §5.2); servers that run in circles
        // repeat themselves.
        if records.iter().any(|seen: &Record| seen.data == data) {
            continue;
        }
        if let Data::Txt(chunks) = &data {
            text += chunks.iter().map(Vec::len).sum::<usize>();
        }
        if records.len() == RECORDS || text > TEXT {
            return Err(malformed("more records than can be of any use"));
        }
        records.push(Record { data, ttl: record.ttl });
    }
    if records.is_empty() {
        records.extend(message.answers.iter().find_map(|record| from_dname(record, name)));
    }
    Ok(records)
}

fn data(rdata: &RData) -> Data {
    let named = |name: &WireName, make: fn(Name) -> Data| match Name::parse(&name.to_ascii()) {
        Ok(name) => make(name),
        Err(_) => Data::Other(name.to_ascii()),
    };
    match rdata {
        RData::A(a) => Data::Address(IpAddr::V4(a.0)),
        RData::AAAA(aaaa) => Data::Address(IpAddr::V6(aaaa.0)),
        RData::CNAME(target) => named(&target.0, Data::Cname),
        RData::NS(target) => named(&target.0, Data::Ns),
        RData::PTR(target) => named(&target.0, Data::Ptr),
        RData::MX(mx) if mx.exchange.is_root() => Data::Mx(mx.preference, None),
        RData::MX(mx) => match Name::parse(&mx.exchange.to_ascii()) {
            Ok(exchange) => Data::Mx(mx.preference, Some(exchange)),
            Err(_) => Data::Other(format!("{} {}", mx.preference, mx.exchange.to_ascii())),
        },
        RData::TXT(txt) => Data::Txt(txt.txt_data.iter().map(|chunk| chunk.to_vec()).collect()),
        RData::Unknown { code: rtype, rdata } if u16::from(*rtype) == code::SPF => {
            character_strings(&rdata.anything)
        }
        RData::CAA(caa) => Data::Caa {
            critical: caa.issuer_critical,
            tag: caa.tag.to_ascii_lowercase(),
            value: String::from_utf8_lossy(&caa.value).into_owned(),
        },
        other => Data::Other(other.to_string()),
    }
}

/// The content of a type 99 record, which is laid out as TXT (RFC 4408 §3.1.1).
fn character_strings(octets: &[u8]) -> Data {
    let mut chunks = Vec::new();
    let mut rest = octets;
    while let Some((&length, after)) = rest.split_first() {
        let Some((chunk, after)) = after.split_at_checked(usize::from(length)) else { break };
        chunks.push(chunk.to_vec());
        rest = after;
    }
    Data::Txt(chunks)
}

/// The CNAME that a DNAME above `name` amounts to (RFC 6672 §3.1), for servers
/// that leave making it to us.
fn from_dname(record: &WireRecord, name: &Name) -> Option<Record> {
    if u16::from(record.record_type()) != code::DNAME || record.dns_class != DNSClass::IN {
        return None;
    }
    let RData::Unknown { rdata, .. } = &record.data else { return None };
    let above = Name::parse(&record.name.to_ascii()).ok()?;
    let prefix = name.relative_to(&above).filter(|prefix| !prefix.is_empty())?;
    let target = uncompressed_name(&rdata.anything)?;
    let data = match Name::parse(&target).ok().and_then(|target| target.prepend(prefix)) {
        Some(target) => Data::Cname(target),
        None => Data::Other(format!("{prefix}.{target}")),
    };
    Some(Record { data, ttl: record.ttl })
}

/// The target of a DNAME, which is never compressed (RFC 6672 §2.5).
fn uncompressed_name(octets: &[u8]) -> Option<String> {
    let mut labels = Vec::new();
    let mut rest = octets;
    loop {
        let (&length, after) = rest.split_first()?;
        if length == 0 {
            break;
        }
        let (label, after) = after.split_at_checked(usize::from(length)).filter(|_| length < 64)?;
        labels.push(label);
        rest = after;
    }
    Some(WireName::from_labels(labels).ok()?.to_ascii())
}

/// What an SOA says.
struct Authority {
    apex: Name,
    serial: u32,
    /// How long negative answers from it live (RFC 2308 §5).
    negative_ttl: u32,
}

/// `None` for other records and for the root's.
fn soa(record: &WireRecord) -> Option<Authority> {
    match &record.data {
        RData::SOA(soa) => Some(Authority {
            apex: Name::parse(&record.name.to_ascii()).ok()?,
            serial: soa.serial,
            negative_ttl: record.ttl.min(soa.minimum),
        }),
        _ => None,
    }
}

fn is_soa(record: &WireRecord) -> bool {
    matches!(record.data, RData::SOA(_))
}

fn referral(message: &Message, name: &Name) -> Option<Referral> {
    let mut referral: Option<Referral> = None;
    for record in &message.authorities {
        let RData::NS(target) = &record.data else { continue };
        let Ok(cut) = Name::parse(&record.name.to_ascii()) else { continue };
        if !name.is_at_or_below(&cut) {
            continue;
        }
        let referral = referral.get_or_insert_with(|| Referral {
            cut: cut.clone(),
            name_servers: Vec::new(),
            glue: Vec::new(),
            ttl: record.ttl,
        });
        if let Ok(target) = Name::parse(&target.0.to_ascii())
            && referral.cut == cut
            && referral.name_servers.len() < NAME_SERVERS
            && !referral.name_servers.contains(&target)
        {
            referral.name_servers.push(target);
        }
    }
    let mut referral = referral?;
    for record in &message.additionals {
        let address = match &record.data {
            RData::A(a) => IpAddr::V4(a.0),
            RData::AAAA(aaaa) => IpAddr::V6(aaaa.0),
            _ => continue,
        };
        if let Ok(owner) = Name::parse(&record.name.to_ascii())
            && owner.is_at_or_below(&referral.cut)
            && referral.name_servers.contains(&owner)
            && referral.glue.len() < GLUE
        {
            referral.glue.push((owner, address));
        }
    }
    Some(referral)
}

fn wire_name(name: &Name) -> Result<WireName, Failure> {
    WireName::from_labels(name.as_str().split('.').map(str::as_bytes)).map_err(|e| malformed(e.to_string()))
}

fn malformed(why: impl Into<String>) -> Failure {
    Failure::Malformed(why.into())
}

#[cfg(test)]
mod tests;
