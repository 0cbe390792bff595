//! Who is being looked at, of the one process that looks.
//!
//! A lease only keeps a domain from being looked at twice; that no look is
//! applied twice or too late, the version in the row sees to. So it need not
//! survive the process, and taking it writes nothing (ADR 7).

use crate::store::{DomainId, Due};
use jiff::Timestamp;
use std::collections::HashMap;

/// Domains, by number.
#[derive(Debug, Default)]
pub(super) struct Leases(HashMap<i64, Lease>);

#[derive(Debug)]
struct Lease {
    /// Of what was claimed.
    version: i64,
    until: Timestamp,
}

impl Leases {
    /// Forgets those that have run out.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.0.retain(|_, lease| lease.until > now);
    }

    /// The domains' numbers.
    pub(super) fn held(&self) -> Vec<i64> {
        self.0.keys().copied().collect()
    }

    pub(super) fn take(&mut self, claimed: &[Due], until: Timestamp) {
        self.0.extend(claimed.iter().map(|due| (due.domain.id.0, Lease { version: due.version, until })));
    }

    /// Gives up the claims of these versions, not later ones.
    pub(super) fn release(&mut self, claims: impl Iterator<Item = (DomainId, i64)>) {
        for (id, version) in claims {
            if self.0.get(&id.0).is_some_and(|lease| lease.version == version) {
                self.0.remove(&id.0);
            }
        }
    }

    /// When the first of them runs out.
    pub(super) fn first_end(&self) -> Option<Timestamp> {
        self.0.values().map(|lease| lease.until).min()
    }
}
