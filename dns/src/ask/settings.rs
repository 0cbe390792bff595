//! How to ask.

use signet_core::names::Name;
use std::{net::SocketAddr, time::Duration};

/// Whom to believe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The zones' own servers. Resolvers only find delegations and the
    /// addresses of name servers, so that our questions about records that are
    /// not there yet plant no negative answers in caches (RFC 2308).
    #[default]
    Authoritative,
    /// The configured resolvers, each a server of its own.
    Recursive,
}

/// Settings of an [`Asker`](super::Asker).
#[derive(Clone, Debug)]
pub struct Settings {
    /// Recursive resolvers. Without any, every look is
    /// [`Zone::Unknown`](signet_core::observe::Zone::Unknown).
    pub resolvers: Vec<SocketAddr>,
    /// Whom to believe.
    pub mode: Mode,
    /// The port authoritative servers are asked on: 53, but for tests.
    pub authority_port: u16,
    /// Ask name servers on addresses that are not public. A customer's
    /// delegation can name any address; asking a private one would let the
    /// customer make us probe our own network.
    pub allow_private: bool,
    /// How long one try may take; over TCP, connecting and asking each.
    pub timeout: Duration,
    /// Tries for one question to one server (`Scope::All`) or across the
    /// servers (`Scope::One`). At least 1.
    pub tries: u8,
    /// Shared UDP sockets per address family. At least 1.
    pub sockets: usize,
    /// The payload size announced (RFC 6891 §6.2.5). 1232 fits every path
    /// without fragments (DNS flag day 2020).
    pub udp_payload: u16,
    /// Questions to one server address at the same time; more wait.
    pub in_flight_per_address: usize,
    /// Questions per second to one server address, on average; more wait. 0
    /// lifts the limit.
    pub rate_per_address: u32,
    /// Questions to one server address that may go at once after a pause.
    pub burst_per_address: u32,
    /// Questions per second to all servers of one DNS operator, on average;
    /// more wait. Servers whose names lie in the same registered domain are one
    /// operator's. 0 lifts the limit.
    pub rate_per_operator: u32,
    /// Questions to one operator's servers that may go at once after a pause.
    pub burst_per_operator: u32,
    /// Questions to one of [`Self::resolvers`] at the same time; more wait.
    pub in_flight_per_resolver: usize,
    /// Questions per second to one of [`Self::resolvers`]; more wait. 0 lifts
    /// the limit.
    pub rate_per_resolver: u32,
    /// How long a resolver may answer from memory that it failed: so long is
    /// waited before one that did is asked once more
    /// ([`View::ResolversAgain`](signet_core::observe::View::ResolversAgain)).
    pub failures_kept: Duration,
    /// Longest life of a look, and of all of a
    /// [`settle`](super::Asker::settle).
    pub patience: Duration,
    /// Questions of one need asked at the same time.
    pub concurrency: usize,
    /// Rounds of one [`settle`](super::Asker::settle) in which questions are
    /// asked. An SPF record alone may take ten look-ups one after another, each
    /// with addresses behind it (RFC 7208 §4.6.4).
    pub rounds: usize,
    /// Questions asked in all of them together.
    pub questions: usize,
    /// The provider's own zone. Nearly every domain's SPF record leads to it, so
    /// that what is at or below it is remembered for some seconds, except by
    /// looks that are fresh.
    pub own_zone: Option<Name>,
    /// Entries in each of the delegation caches.
    pub cache_entries: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            resolvers: Vec::new(),
            mode: Mode::Authoritative,
            authority_port: 53,
            allow_private: false,
            timeout: Duration::from_millis(1500),
            tries: 3,
            sockets: 32,
            udp_payload: 1232,
            in_flight_per_address: 64,
            rate_per_address: 100,
            burst_per_address: 200,
            rate_per_operator: 400,
            burst_per_operator: 400,
            in_flight_per_resolver: 1024,
            rate_per_resolver: 2000,
            // RFC 9520 §3.2 wants one second at least; with Unbound it is five.
            failures_kept: Duration::from_millis(5500),
            patience: Duration::from_secs(20),
            concurrency: 16,
            rounds: 32,
            questions: 200,
            own_zone: None,
            cache_entries: 100_000,
        }
    }
}

/// The `nameserver` lines of `/etc/resolv.conf`, on port 53; none where there
/// is no such file or it names none.
#[must_use]
pub fn system_resolvers() -> Vec<SocketAddr> {
    std::fs::read_to_string("/etc/resolv.conf").map(|text| nameservers(&text)).unwrap_or_default()
}

fn nameservers(text: &str) -> Vec<SocketAddr> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let address = words.next().filter(|&w| w == "nameserver").and_then(|_| words.next())?;
            Some(SocketAddr::new(address.parse().ok()?, 53))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf() {
        let text = "# a comment\nsearch example.test\nnameserver 192.0.2.53\n nameserver\t2001:db8::53 \n\
                    nameserver fe80::1%eth0\noptions edns0\nnameserver";
        assert_eq!(
            nameservers(text),
            ["192.0.2.53:53".parse().unwrap(), "[2001:db8::53]:53".parse().unwrap()]
        );
    }
}
