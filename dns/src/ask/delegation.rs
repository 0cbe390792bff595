//! Which servers a name is delegated to.
//!
//! Resolvers are asked about two things only: the organizational domain (its
//! SOA and NS) and the addresses of name servers. All of these exist whenever
//! anything below does, so asking plants no negative answer for a record that
//! is about to be published. Cuts further down are found from what the zone's
//! own servers say: a referral, or the owner of an SOA.

use super::{
    Inner, address,
    interpret::{NAME_SERVERS, Referral, Said},
    servers::{Listed, operator},
    wire::code,
};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join, join_all},
};
use signet_core::{
    names::Name,
    observe::{Answer, Data, Failure, Rcode, Server},
};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// Bounds for how long a delegation is believed, whatever its TTL says.
const SHORTEST: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(3600);
/// How long anything negative or incomplete is believed.
const NEGATIVE: Duration = Duration::from_secs(10);
/// Addresses of one zone's servers that are asked.
const ADDRESSES: usize = 2 * NAME_SERVERS;

/// A zone and its servers, one entry per address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Delegation {
    pub(super) apex: Name,
    pub(super) servers: Vec<Listed>,
}

/// Where a name lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Zone(Arc<Delegation>),
    NotDelegated(Name),
    Unknown(Failure),
}

/// The addresses of a name server.
pub(super) type Host = Result<Vec<IpAddr>, Failure>;

/// The name that somebody was given by a registry: below it delegations are
/// the customer's own. For a public suffix, the suffix.
pub(super) fn given_name(name: &Name) -> Name {
    name.organizational().unwrap_or_else(|| name.clone())
}

impl Inner {
    /// What is known of `name`'s place: the nearest name at or above it that
    /// something has been learned about, and what.
    pub(super) fn known_place(&self, name: &Name, since: Option<Instant>) -> Option<(Name, Place)> {
        let given = given_name(name);
        let mut at = name.clone();
        loop {
            match self.places.get(&at, since) {
                Some(place @ Place::Zone(_)) => return Some((at, place)),
                Some(place) if at == given => return Some((at, place)),
                _ => {}
            }
            if at == given {
                return None;
            }
            at = at.parent()?;
        }
    }

    /// The zone of `name`, where that is known and need not be looked for.
    pub(super) fn known_zone(&self, name: &Name) -> Option<Arc<Delegation>> {
        let mut at = name.as_str();
        loop {
            if let Some(Place::Zone(zone)) = self.places.get(at, None) {
                // Not above what a registry gave somebody: that zone can only
                // refer.
                let given = zone.apex.organizational().is_some();
                return given.then_some(zone);
            }
            at = at.split_once('.')?.1;
        }
    }

    /// Finds the zone of `given` and its servers, for everybody who wants to
    /// know at the moment, and remembers them.
    pub(super) fn walk(self: &Arc<Self>, given: &Name) -> BoxFuture<'static, Place> {
        let (flight, _) = self.walks.join(given.clone(), || {
            let (inner, given) = (Arc::clone(self), given.clone());
            async move {
                inner.counters.walks.count();
                let learned = Instant::now();
                let (place, ttl) = inner.find(&given).await;
                inner.remember(&given, &place, learned, ttl);
                place
            }
        });
        flight.boxed()
    }

    pub(super) fn remember(&self, at: &Name, place: &Place, learned: Instant, ttl: Duration) {
        if let Place::Zone(delegation) = place
            && delegation.apex != *at
        {
            self.places.insert(delegation.apex.clone(), place.clone(), learned, ttl);
        }
        self.places.insert(at.clone(), place.clone(), learned, ttl);
    }

    async fn find(self: &Arc<Self>, given: &Name) -> (Place, Duration) {
        match self.resolve(given, code::SOA).await {
            Ok(Said::NoTopLevel) => (Place::NotDelegated(given.clone()), NEGATIVE),
            // Not a resolver after all, but it knows the way.
            Ok(Said::Referral(referral)) => self.delegated(referral).await,
            // The resolver has followed an alias and tells about its target.
            Ok(Said::Answer(answer)) if answer.cname().is_some() => {
                let failure = Failure::Malformed("an alias instead of a zone".to_string());
                self.find_above(given, failure).await
            }
            Ok(Said::Answer(Answer { soa: Some(apex), rcode, .. })) => {
                if rcode == Rcode::NxDomain && apex != *given {
                    (Place::NotDelegated(given.clone()), NEGATIVE)
                } else {
                    self.served(&apex).await
                }
            }
            // Without the SOA it is anybody's guess who says that.
            Ok(Said::Answer(_)) => {
                unknown(Failure::Malformed("a negative answer without its zone".to_string()))
            }
            // The zone's own servers may well say what is wrong with them;
            // the parent's know who they are. Not when the resolver has found
            // DNSSEC to be broken (RFC 8914 §4.7 to 4.13): that is the news.
            Err(Failure::ServFail(extended)) if !extended.is_some_and(|code| (6..=12).contains(&code)) => {
                self.find_above(given, Failure::ServFail(extended)).await
            }
            Err(failure) => unknown(failure),
        }
    }

    /// The zone around `given`, whose servers will refer to where `given` is;
    /// `failure` if that leads nowhere.
    async fn find_above(self: &Arc<Self>, given: &Name, failure: Failure) -> (Place, Duration) {
        let Some(parent) = given.parent() else { return unknown(failure) };
        match self.places.get(&parent, None) {
            Some(place @ Place::Zone(_)) => return (place, SHORTEST),
            Some(_) => return unknown(failure),
            None => {}
        }
        match self.walk(&parent).await {
            place @ Place::Zone(_) => (place, SHORTEST),
            Place::NotDelegated(_) | Place::Unknown(_) => unknown(failure),
        }
    }

    /// The servers of the zone `apex`, as it lists them itself.
    pub(super) async fn served(self: &Arc<Self>, apex: &Name) -> (Place, Duration) {
        let answer = match self.resolve(apex, code::NS).await {
            Ok(Said::Answer(answer)) => answer,
            Ok(Said::Referral(referral)) if referral.cut == *apex => return self.delegated(referral).await,
            Ok(_) => return unknown(Failure::Lame),
            Err(failure) => return unknown(failure),
        };
        let name_servers: Vec<Name> = answer
            .records
            .iter()
            .filter_map(|record| match &record.data {
                Data::Ns(name) => Some(name.clone()),
                _ => None,
            })
            .take(NAME_SERVERS)
            .collect();
        if name_servers.is_empty() {
            return unknown(Failure::Malformed("a zone without name servers".to_string()));
        }
        self.with_addresses(apex, name_servers, &[], answer.ttl().unwrap_or_default()).await
    }

    /// The servers that a parent refers to.
    pub(super) async fn delegated(self: &Arc<Self>, referral: Referral) -> (Place, Duration) {
        let Referral { cut, name_servers, glue, ttl } = referral;
        self.with_addresses(&cut, name_servers, &glue, ttl).await
    }

    async fn with_addresses(
        self: &Arc<Self>,
        apex: &Name,
        name_servers: Vec<Name>,
        glue: &[(Name, IpAddr)],
        ttl: u32,
    ) -> (Place, Duration) {
        let hosts = join_all(name_servers.into_iter().map(|name| async {
            let glued: Vec<IpAddr> =
                glue.iter().filter(|(owner, _)| *owner == name).map(|&(_, address)| address).collect();
            let host = if glued.is_empty() { self.host(&name).await } else { Ok(glued) };
            (name, host)
        }))
        .await;
        let complete = hosts.iter().all(|(_, host)| host.is_ok());
        let mut servers = Vec::new();
        for (name, host) in hosts {
            let operator = operator(&name);
            let addresses = match host {
                Ok(addresses) => addresses,
                Err(failure) => {
                    let server = Server { name: Some(name), address: None };
                    servers.push(Listed { server, operator: None, reach: Err(failure) });
                    continue;
                }
            };
            for address in addresses {
                let server = Server { name: Some(name.clone()), address: Some(address) };
                // Two names for one address are one server.
                if servers.len() < ADDRESSES
                    && servers.iter().all(|l: &Listed| l.server.address != server.address)
                {
                    let operator = Some(operator.clone());
                    servers.push(Listed { server, operator, reach: self.reach(address) });
                }
            }
        }
        let ttl = if complete { Duration::from_secs(ttl.into()).clamp(SHORTEST, LONGEST) } else { NEGATIVE };
        (Place::Zone(Arc::new(Delegation { apex: apex.clone(), servers })), ttl)
    }

    fn reach(&self, address: IpAddr) -> Result<SocketAddr, Failure> {
        if self.settings.allow_private || address::is_public(address) {
            Ok(SocketAddr::new(address, self.settings.authority_port))
        } else {
            Err(Failure::PrivateAddress(address))
        }
    }

    /// The addresses of a name server, through the resolvers.
    async fn host(self: &Arc<Self>, name: &Name) -> Host {
        // Also for a fresh look: nothing in it is the customer's mistake of
        // the last minute, and a DNS host's servers are everybody's.
        if let Some(host) = self.hosts.get(name, None) {
            return host;
        }
        let (flight, _) = self.host_walks.join(name.clone(), || {
            let (inner, name) = (Arc::clone(self), name.clone());
            async move {
                let (host, ttl) = inner.find_host(&name).await;
                inner.hosts.insert(name, host.clone(), Instant::now(), ttl);
                host
            }
        });
        flight.await
    }

    async fn find_host(&self, name: &Name) -> (Host, Duration) {
        // Without IPv6 here a server's IPv6 addresses are none of its faults:
        // leave them out as long as it has others.
        let (v4, v6) = if self.settings.allow_private || self.exchange.v6_routed() {
            join(self.addresses(name, code::A), self.addresses(name, code::AAAA)).await
        } else {
            match self.addresses(name, code::A).await {
                Ok((found, ttl)) if found.is_empty() => {
                    (Ok((found, ttl)), self.addresses(name, code::AAAA).await)
                }
                v4 => (v4, Ok((Vec::new(), u32::MAX))),
            }
        };
        let (mut addresses, mut ttl, mut failure) = (Vec::new(), u32::MAX, None);
        for found in [v4, v6] {
            match found {
                Ok((found, its_ttl)) => {
                    addresses.extend(found);
                    ttl = ttl.min(its_ttl);
                }
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if addresses.is_empty() {
            return (Err(failure.unwrap_or(Failure::NoAddress)), NEGATIVE);
        }
        let ttl = if failure.is_some() { NEGATIVE } else { Duration::from_secs(ttl.into()) };
        (Ok(addresses), ttl.clamp(NEGATIVE, LONGEST))
    }

    /// The addresses of one family and their TTL.
    async fn addresses(&self, name: &Name, rtype: u16) -> Result<(Vec<IpAddr>, u32), Failure> {
        match self.resolve(name, rtype).await? {
            Said::Answer(answer) => {
                let addresses = answer.records.iter().filter_map(|record| match record.data {
                    Data::Address(address) => Some(address),
                    // A name server must not be an alias (RFC 2181 §10.3).
                    _ => None,
                });
                let addresses: Vec<IpAddr> = addresses.take(ADDRESSES).collect();
                let ttl = if addresses.is_empty() { u32::MAX } else { answer.ttl().unwrap_or(u32::MAX) };
                Ok((addresses, ttl))
            }
            Said::NoTopLevel => Ok((Vec::new(), u32::MAX)),
            Said::Referral(_) => Err(Failure::Lame),
        }
    }
}

fn unknown(failure: Failure) -> (Place, Duration) {
    (Place::Unknown(failure), NEGATIVE)
}
