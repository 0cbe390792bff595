//! Asking DNS, and answering.

use super::{ConfigError, Reader, Secondaries, secondaries};
use signet_core::{names::Name, plan::Provider};
use std::net::{IpAddr, SocketAddr};

/// The `dns_*` settings and what else our zone is made of.
#[derive(Clone, Debug)]
pub struct Dns {
    /// `dns_resolvers`; empty: the system's.
    pub resolvers: Vec<SocketAddr>,
    /// Whether `dns_mode` is `recursive`.
    pub recursive: bool,
    /// `dns_authority_port`.
    pub authority_port: u16,
    /// `dns_allow_private`.
    pub allow_private: bool,
    /// `dns_listen`.
    pub listen: Option<SocketAddr>,
    /// `dns_secondaries` and `dns_tsig`.
    pub secondaries: Option<Secondaries>,
    /// `dns_name_servers`, the primary first, with the addresses of those in our
    /// zones; empty: `ns1` of our zone.
    pub name_servers: Vec<(Name, Vec<IpAddr>)>,
    /// `tracking_caa`; empty: no CAA records.
    pub tracking_caa: Vec<Name>,
    /// `dns_rate_limit`, per network and second; `None`: no limit.
    pub rate_limit: Option<u32>,
    /// `dns_cache`, in bytes.
    pub cache_bytes: usize,
}

impl Dns {
    pub(super) fn read(r: &Reader<'_>, provider: &Provider) -> Result<Self, ConfigError> {
        Ok(Self {
            resolvers: socket_addresses(r, "dns_resolvers")?,
            recursive: r.chosen("dns_mode", &[("authoritative", false), ("recursive", true)])?,
            authority_port: r.required("dns_authority_port", "a port")?,
            allow_private: r.required("dns_allow_private", "true or false")?,
            listen: r.parsed("dns_listen", "an address such as [::]:53")?,
            secondaries: secondaries::read(r)?,
            name_servers: name_servers(r, provider)?,
            tracking_caa: match r.text("tracking_caa") {
                Some("none") => Vec::new(),
                _ => r.listed("tracking_caa", "the domain of a certificate authority")?,
            },
            rate_limit: r.limit("dns_rate_limit")?,
            cache_bytes: bytes(r.text("dns_cache").unwrap_or_default())
                .map_err(|problem| r.error("dns_cache", problem))?,
        })
    }
}

/// `ip:port`, or an address alone with port 53.
pub(super) fn socket_addresses(r: &Reader<'_>, setting: &str) -> Result<Vec<SocketAddr>, ConfigError> {
    r.listed::<String>(setting, "an address")?
        .into_iter()
        .map(|text| {
            text.parse()
                .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
                .map_err(|_| r.error(setting, format!("{text:?} is not ip:port")))
        })
        .collect()
}

/// `name=address` for servers in our zones, where nobody else says where they
/// are; the name alone for others. One with several addresses is named again.
fn name_servers(r: &Reader<'_>, provider: &Provider) -> Result<Vec<(Name, Vec<IpAddr>)>, ConfigError> {
    let error = |problem: String| r.error("dns_name_servers", problem);
    let mut servers: Vec<(Name, Vec<IpAddr>)> = Vec::new();
    for item in r.listed::<String>("dns_name_servers", "a name server")? {
        let (name, address) = match item.split_once('=') {
            Some((name, address)) => (name.trim(), Some(address.trim())),
            None => (item.as_str(), None),
        };
        let name: Name = name.parse().map_err(|_| error(format!("{name:?} is not a DNS name")))?;
        let address = match address {
            Some(text) => Some(text.parse().map_err(|_| error(format!("{text:?} is not an IP address")))?),
            None => None,
        };
        match servers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, addresses)) => addresses.extend(address),
            None => servers.push((name, address.into_iter().collect())),
        }
    }
    for (name, addresses) in &servers {
        let ours = [&provider.zone, &provider.demo_zone].iter().any(|zone| name.is_at_or_below(zone));
        if ours && addresses.is_empty() {
            return Err(error(format!("{name} lies in our own zone: say where it is, {name}=192.0.2.53")));
        }
        if !ours && !addresses.is_empty() {
            return Err(error(format!("{name} lies outside our zone, which cannot say where it is")));
        }
    }
    Ok(servers)
}

/// Reads `64MiB`, `1GiB`.
fn bytes(text: &str) -> Result<usize, String> {
    let text = text.trim();
    let problem = || format!("{text:?} is no size; write 64MiB or 1GiB");
    let (number, shift) = match (text.strip_suffix("MiB"), text.strip_suffix("GiB")) {
        (Some(number), _) => (number, 20),
        (_, Some(number)) => (number, 30),
        (None, None) => return Err(problem()),
    };
    let number: usize = number.trim().parse().map_err(|_| problem())?;
    number.checked_mul(1 << shift).filter(|bytes| *bytes > 0).ok_or_else(problem)
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sources};

    fn config(env: &[(&str, &str)]) -> Result<Config, String> {
        let env = env.iter().map(|(k, v)| ((*k).to_string(), (*v).to_string()));
        let sources = Sources::read(None, env, []).map_err(|e| e.to_string())?;
        Config::from_sources(&sources).map_err(|e| e.to_string())
    }

    #[test]
    fn what_our_zone_is_made_of() {
        let dns = config(&[]).unwrap().dns;
        assert!(dns.name_servers.is_empty());
        assert_eq!(dns.tracking_caa[0].as_str(), "letsencrypt.org");
        assert_eq!((dns.rate_limit, dns.cache_bytes), (Some(50), 256 << 20));

        let servers = "ns1.signet.test=192.0.2.53, ns1.signet.test=2001:db8::53,ns2.example.net";
        let dns = config(&[
            ("SIGNET_DNS_NAME_SERVERS", servers),
            ("SIGNET_TRACKING_CAA", "none"),
            ("SIGNET_DNS_RATE_LIMIT", "0"),
            ("SIGNET_DNS_CACHE", "1GiB"),
        ]);
        let dns = dns.unwrap().dns;
        let shown: Vec<String> = dns.name_servers.iter().map(|(name, at)| format!("{name} {at:?}")).collect();
        assert_eq!(shown, ["ns1.signet.test [192.0.2.53, 2001:db8::53]", "ns2.example.net []"]);
        assert!(dns.tracking_caa.is_empty());
        assert_eq!((dns.rate_limit, dns.cache_bytes), (None, 1 << 30));
    }

    #[test]
    fn what_makes_no_zone() {
        for (variable, value) in [
            ("SIGNET_DNS_NAME_SERVERS", "ns1.signet.test"),
            ("SIGNET_DNS_NAME_SERVERS", "ns1.demo.signet.test"),
            ("SIGNET_DNS_NAME_SERVERS", "ns1.signet.test=ns2.signet.test"),
            ("SIGNET_DNS_NAME_SERVERS", "ns1.example.net=192.0.2.53"),
            ("SIGNET_DNS_NAME_SERVERS", "ns 1"),
            ("SIGNET_TRACKING_CAA", "let's encrypt"),
            ("SIGNET_DNS_RATE_LIMIT", "many"),
            ("SIGNET_DNS_CACHE", "256"),
            ("SIGNET_DNS_CACHE", "0MiB"),
            ("SIGNET_DNS_CACHE", "99999999999999999GiB"),
        ] {
            let error = config(&[(variable, value)]).map(|_| ()).unwrap_err();
            assert!(error.starts_with(variable), "{variable}={value}: {error}");
        }
    }
}
