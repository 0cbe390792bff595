//! What may be connected to.

use super::FetchError;
use reqwest::dns::{Addrs, Name as HostName, Resolve, Resolving};
use signet_core::{names::Name, observe::RecordType};
use signet_dns::ask::{self, Asker};
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// Addresses of one host that are tried; all of them are checked.
const TRIED: usize = 8;
/// Below it every port is a well-known service's (RFC 6335 §6).
const WELL_KNOWN: u16 = 1024;

/// Looks hosts up and lets only public addresses through. The HTTP client has no
/// other resolver, so what it connects to is what was checked.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    asker: Asker,
    allow_private: bool,
    /// Where a checked address is to be found in a test, in which nothing
    /// public can be asked.
    #[cfg(test)]
    pub(super) stand_ins: Vec<(IpAddr, SocketAddr)>,
}

impl Guard {
    pub(super) fn new(asker: Asker, allow_private: bool) -> Self {
        Self {
            asker,
            allow_private,
            #[cfg(test)]
            stand_ins: Vec::new(),
        }
    }

    /// See [`check_url`].
    pub(super) fn check(&self, url: &Url) -> Result<(), FetchError> {
        check_url(url, self.allow_private)
    }

    /// The addresses of a host, all of them checked.
    async fn addresses(&self, host: &str) -> Result<Vec<SocketAddr>, FetchError> {
        let name = name(host)?;
        let (v4, v6) = tokio::join!(
            self.asker.addresses(&name, RecordType::A),
            self.asker.addresses(&name, RecordType::Aaaa)
        );
        let found: Vec<IpAddr> = match (v4, v6) {
            (Ok(v4), Ok(v6)) => v4.into_iter().chain(v6).collect(),
            // Half an answer that has an address will do.
            (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => found,
            (Err(failure), _) | (_, Err(failure)) => {
                return Err(FetchError::Dns {
                    host: host.to_string(),
                    problem: format!("the resolver {failure}"),
                });
            }
        };
        if found.is_empty() {
            return Err(FetchError::NoAddress(host.to_string()));
        }
        for &address in &found {
            pass(address, host, self.allow_private)?;
        }
        // Port 0 becomes the URL's.
        Ok(found.into_iter().take(TRIED).map(|address| self.place(address)).collect())
    }

    #[cfg(not(test))]
    fn place(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, 0)
    }

    #[cfg(test)]
    fn place(&self, address: IpAddr) -> SocketAddr {
        let stand_in = self.stand_ins.iter().find(|(public, _)| *public == address);
        stand_in.map_or_else(|| SocketAddr::new(address, 0), |&(_, place)| place)
    }
}

/// Whether a URL may be fetched, as far as it shows. What its host name stands
/// for is seen when connecting.
///
/// # Errors
/// [`FetchError`], which says why not.
pub fn check_url(url: &Url, allow_private: bool) -> Result<(), FetchError> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FetchError::Scheme(url.scheme().to_string()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(FetchError::Credentials);
    }
    // Other services take an HTTP request for a command of theirs, too.
    let web = |port| matches!(port, 80 | 443) || port >= WELL_KNOWN;
    if let Some(port) = url.port().filter(|&port| !web(port) && !allow_private) {
        return Err(FetchError::Port(port));
    }
    // `url` has turned decimal, octal and hexadecimal forms into an address.
    match url.host() {
        None => Err(FetchError::Host),
        Some(Host::Domain(host)) => name(host).map(drop),
        Some(Host::Ipv4(address)) => pass(address.into(), &address.to_string(), allow_private),
        Some(Host::Ipv6(address)) => pass(address.into(), &address.to_string(), allow_private),
    }
}

fn pass(address: IpAddr, host: &str, allow_private: bool) -> Result<(), FetchError> {
    if allow_private || ask::is_public(address) {
        return Ok(());
    }
    Err(FetchError::Private { host: host.to_string(), address })
}

/// A host as a name in DNS. One label is a machine of somebody's own network.
fn name(host: &str) -> Result<Name, FetchError> {
    Name::parse(host).ok().filter(|name| name.labels() > 1).ok_or(FetchError::Host)
}

impl Resolve for Guard {
    fn resolve(&self, host: HostName) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let addresses = guard.addresses(host.as_str()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
