//! What the listener has done, for the metrics page.

use super::request::Transport;
use hickory_proto::op::ResponseCode;
use std::sync::atomic::{AtomicU64, Ordering};

/// The response codes that are counted apart.
const RCODES: [(ResponseCode, &str); 8] = [
    (ResponseCode::NoError, "noerror"),
    (ResponseCode::NXDomain, "nxdomain"),
    (ResponseCode::Refused, "refused"),
    (ResponseCode::ServFail, "servfail"),
    (ResponseCode::FormErr, "formerr"),
    (ResponseCode::NotImp, "notimp"),
    (ResponseCode::NotAuth, "notauth"),
    (ResponseCode::BADVERS, "badvers"),
];

/// Counts from the start of the process on.
#[derive(Debug, Default)]
pub struct Counters {
    /// Over UDP, over TCP; one more for other codes.
    answers: [[AtomicU64; RCODES.len() + 1]; 2],
    dropped: AtomicU64,
    slipped: AtomicU64,
    turned_away: AtomicU64,
    connections: AtomicU64,
}

impl Counters {
    pub(super) fn answered(&self, transport: Transport, rcode: ResponseCode) {
        let place = RCODES.iter().position(|(known, _)| *known == rcode).unwrap_or(RCODES.len());
        self.answers[usize::from(transport != Transport::Udp)][place].fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn slipped(&self) {
        self.slipped.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn set_connections(&self, open: usize) {
        self.connections.store(open as u64, Ordering::Relaxed);
    }

    /// Answers sent, by transport and response code; truncated ones that rate
    /// limiting let slip are among them.
    pub fn answers(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        let rcodes = || RCODES.iter().map(|(_, name)| *name).chain(["other"]);
        ["udp", "tcp"].into_iter().zip(&self.answers).flat_map(move |(transport, counts)| {
            rcodes().zip(counts).map(move |(rcode, count)| (transport, rcode, count.load(Ordering::Relaxed)))
        })
    }

    /// Answers that rate limiting kept back.
    #[must_use]
    pub fn rate_dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Answers that rate limiting cut short, to be asked for over TCP.
    #[must_use]
    pub fn rate_slipped(&self) -> u64 {
        self.slipped.load(Ordering::Relaxed)
    }

    /// TCP connections for which there was no place.
    #[must_use]
    pub fn connections_turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }

    /// TCP connections open just now.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Relaxed)
    }
}
