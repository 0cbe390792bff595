//! The mechanisms that ask DNS, and how they ask (RFC 7208 §5).

use super::{
    eval::{Evaluator, Halt, MAX_LOOKUPS, Outcome, permerror},
    macros::{MacroString, reverse_name},
    record::Target,
    result::{Cause, SpfResult},
};
use crate::{
    names::Name,
    observe::{Consensus, Data, Need, RecordType, printable},
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::net::IpAddr;

/// Look-ups that find nothing (§4.6.4).
pub const MAX_VOIDS: usize = 2;
/// Mail exchangers, and names of an address (§4.6.4).
const MAX_NAMES: usize = 10;
/// CNAMEs followed in a row.
const MAX_HOPS: usize = 8;

/// What a DNS question came back with, after following CNAMEs.
pub(super) enum Found<'a> {
    Records(Vec<&'a Data>),
    Nothing,
    Failed(String),
}

impl<'a> Evaluator<'a> {
    /// §5.3
    pub(super) fn a(&mut self, name: &Name, target: &Target) -> Result<Outcome, Halt> {
        self.count()?;
        let domain = self.target(name, target.domain.as_ref())?;
        let Ok(host) = Name::parse_queried(&domain) else { return Ok(no_such_name(&domain)) };
        Ok(match self.matching_address(&host, target)? {
            Some(address) => Outcome::new(true, format!("{host} has the address {address}")),
            None => Outcome::new(false, format!("{host} has no such address")),
        })
    }

    /// §5.4
    pub(super) fn mx(&mut self, name: &Name, target: &Target) -> Result<Outcome, Halt> {
        self.count()?;
        let domain = self.target(name, target.domain.as_ref())?;
        let Ok(host) = Name::parse_queried(&domain) else { return Ok(no_such_name(&domain)) };
        let records = self.records(&host, RecordType::Mx)?;
        // §4.6.4: more than ten is a permanent error.
        if records.len() > MAX_NAMES {
            return Err(permerror(Cause::TooManyNames(host.to_string())));
        }
        let exchanges: Vec<&Name> = records
            .into_iter()
            .filter_map(|data| match data {
                Data::Mx(_, exchange) => exchange.as_ref(),
                _ => None,
            })
            .collect();
        let rtype = self.address_type();
        let questions: Vec<_> = exchanges.iter().map(|&exchange| (exchange, rtype)).collect();
        self.seen.have_all(&questions)?;
        for exchange in exchanges {
            if let Some(address) = self.matching_address(exchange, target)? {
                return Ok(Outcome::new(true, format!("{exchange} has the address {address}")));
            }
        }
        Ok(Outcome::new(false, format!("no mail exchanger of {host} has such an address")))
    }

    /// §5.7: always asks for A, whatever the address is.
    pub(super) fn exists(&mut self, name: &Name, target: &MacroString) -> Result<Outcome, Halt> {
        self.count()?;
        let domain = self.target(name, Some(target))?;
        let Ok(host) = Name::parse_queried(&domain) else { return Ok(no_such_name(&domain)) };
        let exists = !self.records(&host, RecordType::A)?.is_empty();
        Ok(Outcome::new(exists, format!("{host} {}", if exists { "exists" } else { "does not exist" })))
    }

    /// §5.5
    pub(super) fn ptr(&mut self, name: &Name, target: Option<&MacroString>) -> Result<Outcome, Halt> {
        self.count()?;
        let domain = self.target(name, target)?;
        let Ok(above) = Name::parse_queried(&domain) else { return Ok(no_such_name(&domain)) };
        let validated = self.validated_names(true)?;
        Ok(match validated.into_iter().find(|validated| validated.is_at_or_below(&above)) {
            Some(validated) => Outcome::new(true, format!("{} is {validated}", self.ip)),
            None => Outcome::new(false, format!("{} has no validated name in {above}", self.ip)),
        })
    }

    /// The names of the address that have the address (§5.5). Failures make a
    /// name not validated and nothing else.
    pub(super) fn validated_names(&mut self, counting: bool) -> Result<Vec<&'a Name>, Halt> {
        let Ok(reverse) = Name::parse_queried(&reverse_name(self.ip)) else { return Ok(vec![]) };
        let records = match self.resolve(&reverse, RecordType::Ptr)? {
            Found::Records(records) => records,
            Found::Failed(_) => return Ok(vec![]),
            Found::Nothing => {
                if counting {
                    self.void(&reverse)?;
                }
                return Ok(vec![]);
            }
        };
        // §4.6.4: only the first ten are looked at, which is no error.
        let names: Vec<&Name> = records
            .into_iter()
            .take(MAX_NAMES)
            .filter_map(|data| match data {
                Data::Ptr(name) => Some(name),
                _ => None,
            })
            .collect();
        let rtype = self.address_type();
        let questions: Vec<_> = names.iter().map(|&name| (name, rtype)).collect();
        self.seen.have_all(&questions)?;
        let mut validated = vec![];
        for name in names {
            if let Found::Records(addresses) = self.resolve(name, rtype)?
                && addresses.iter().any(|data| matches!(data, Data::Address(ip) if *ip == self.ip))
            {
                validated.push(name);
            }
        }
        Ok(validated)
    }

    pub(super) fn address_type(&self) -> RecordType {
        if self.ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa }
    }

    /// The address of `host` that is in the same network as the sender.
    fn matching_address(&mut self, host: &Name, target: &Target) -> Result<Option<IpAddr>, Halt> {
        let length = if self.ip.is_ipv4() { target.v4 } else { target.v6 };
        let records = self.records(host, self.address_type())?;
        Ok(records.into_iter().find_map(|data| match data {
            Data::Address(address) if in_network(self.ip, *address, length) => Some(*address),
            _ => None,
        }))
    }

    /// The records at a name; none of them counts as a void look-up, and a
    /// failure stops the evaluation (§5).
    pub(super) fn records(&mut self, name: &Name, rtype: RecordType) -> Result<Vec<&'a Data>, Halt> {
        match self.resolve(name, rtype)? {
            Found::Records(records) => Ok(records),
            Found::Failed(failure) => Err(unreachable(name, rtype, failure)),
            Found::Nothing => {
                self.void(name)?;
                Ok(vec![])
            }
        }
    }

    pub(super) fn count(&mut self) -> Result<(), Halt> {
        if self.lookups == MAX_LOOKUPS {
            return Err(permerror(Cause::TooManyLookups));
        }
        self.lookups += 1;
        Ok(())
    }

    pub(super) fn void(&mut self, name: &Name) -> Result<(), Halt> {
        self.voids += 1;
        if self.voids > MAX_VOIDS {
            return Err(permerror(Cause::TooManyVoids(name.to_string())));
        }
        Ok(())
    }

    /// What is at `name`, behind CNAMEs too.
    pub(super) fn resolve(&self, name: &Name, rtype: RecordType) -> Result<Found<'a>, Need> {
        let mut at = name;
        for _ in 0..=MAX_HOPS {
            let answer = match self.seen.at(at, rtype)?.consensus() {
                Consensus::Agreed { answer, .. } => answer,
                Consensus::NotDelegated(_) => return Ok(Found::Nothing),
                Consensus::Split { .. } => {
                    return Ok(Found::Failed("its name servers answer differently".to_string()));
                }
                Consensus::Nothing { server: Some(server), failure } => {
                    return Ok(Found::Failed(format!("{server} {failure}")));
                }
                Consensus::Nothing { server: None, failure } => {
                    return Ok(Found::Failed(format!("its name server {failure}")));
                }
            };
            let records: Vec<&Data> =
                answer.records.iter().map(|r| &r.data).filter(|data| is_of(data, rtype)).collect();
            match answer.cname() {
                _ if !records.is_empty() => return Ok(Found::Records(records)),
                Some(target) => at = target,
                None => return Ok(Found::Nothing),
            }
        }
        Ok(Found::Nothing)
    }
}

pub(super) fn unreachable(name: &Name, rtype: RecordType, failure: String) -> Halt {
    Halt::Error(SpfResult::Temperror, Cause::Unreachable { name: name.clone(), rtype, failure })
}

/// A name made by macros or written with an empty or overlong label cannot be
/// asked about; it is treated as one that does not exist (§4.8).
fn no_such_name(domain: &str) -> Outcome {
    Outcome::new(false, format!("{} cannot exist", printable(domain.as_bytes())))
}

fn is_of(data: &Data, rtype: RecordType) -> bool {
    match data {
        Data::Address(ip) => rtype == if ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa },
        Data::Cname(_) => false,
        Data::Mx(..) => rtype == RecordType::Mx,
        Data::Ns(_) => rtype == RecordType::Ns,
        Data::Ptr(_) => rtype == RecordType::Ptr,
        Data::Txt(_) => rtype == RecordType::Txt,
        Data::Caa { .. } => rtype == RecordType::Caa,
        // A target that no name here can hold, or a CNAME to one. It counts
        // towards the limit on mail exchangers and is passed over.
        Data::Other(_) => rtype == RecordType::Mx,
    }
}

/// Whether the first `length` bits of both are the same. Families never match
/// one another (§5).
pub(super) fn in_network(ip: IpAddr, network: IpAddr, length: u8) -> bool {
    let (ip, network, bits) = match (ip, network) {
        (IpAddr::V4(ip), IpAddr::V4(network)) => {
            (u128::from(ip.to_bits()), u128::from(network.to_bits()), 32)
        }
        (IpAddr::V6(ip), IpAddr::V6(network)) => (ip.to_bits(), network.to_bits(), 128u32),
        _ => return false,
    };
    let host_bits = bits.saturating_sub(u32::from(length));
    (ip ^ network).checked_shr(host_bits).unwrap_or(0) == 0
}
