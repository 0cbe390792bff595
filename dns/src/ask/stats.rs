//! What the asking side counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Looks asked for, before any de-duplication.
    pub looks: u64,
    /// Looks that joined one already under way.
    pub looks_shared: u64,
    /// Datagrams sent.
    pub udp: u64,
    /// Questions put over TCP.
    pub tcp: u64,
    /// Tries that ended without a reply.
    pub timeouts: u64,
    /// Questions that a breaker kept from a server.
    pub not_asked: u64,
    /// Datagrams that answered nothing we had asked: late, forged or mad.
    pub ignored: u64,
    /// Questions asked again without EDNS or 0x20.
    pub plain: u64,
    /// Delegations found in the cache.
    pub cache_hits: u64,
    /// Delegations looked for.
    pub walks: u64,
}

impl Stats {
    /// Questions that went out, over whatever transport.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.udp + self.tcp
    }
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) looks: Counter,
    pub(super) looks_shared: Counter,
    pub(super) udp: Counter,
    pub(super) tcp: Counter,
    pub(super) timeouts: Counter,
    pub(super) not_asked: Counter,
    pub(super) ignored: Counter,
    pub(super) plain: Counter,
    pub(super) cache_hits: Counter,
    pub(super) walks: Counter,
}

impl Counters {
    pub(super) fn snapshot(&self) -> Stats {
        Stats {
            looks: self.looks.get(),
            looks_shared: self.looks_shared.get(),
            udp: self.udp.get(),
            tcp: self.tcp.get(),
            timeouts: self.timeouts.get(),
            not_asked: self.not_asked.get(),
            ignored: self.ignored.get(),
            plain: self.plain.get(),
            cache_hits: self.cache_hits.get(),
            walks: self.walks.get(),
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
