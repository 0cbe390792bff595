//! Looks at domains: whose turn it is, and what came of it.

use super::{AccountId, Domain, DomainId, NewEvent, RecordState};
use jiff::Timestamp;
use signet_core::{lifecycle::DnsState, names::Name, plan::Present, verify::Verdict};

/// The last look at a domain: the verdicts, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// When the look was made.
    pub checked_at: Timestamp,
    /// One per record planned then.
    pub verdicts: Vec<Verdict>,
}

/// A claimed domain: what the worker needs to look and to decide.
#[derive(Clone, Debug)]
pub struct Due {
    /// The domain.
    pub domain: Domain,
    /// For the compare-and-swap when the look is applied.
    pub version: i64,
    /// The highest ticket this look will cover.
    pub ticket: i64,
    /// Whether somebody asked for this look, so that caches are bypassed.
    pub on_demand: bool,
    /// Whether another account has the same name verified.
    pub rival: bool,
    /// Registration, or the last loss.
    pub waiting_since: Timestamp,
    /// Looks on end without a trustworthy answer.
    pub failures: u32,
    /// Looks on end that found a verified domain wrong.
    pub suspicions: u32,
    /// When it was due.
    pub due_at: Timestamp,
}

/// What a look changes.
#[derive(Clone, Debug)]
pub struct Looked {
    /// Which domain.
    pub domain: DomainId,
    /// Whose.
    pub account: AccountId,
    /// As claimed; nothing is written when the domain changed since.
    pub version: i64,
    /// As claimed.
    pub ticket: i64,
    /// The verdicts.
    pub report: Report,
    /// The record states now shown.
    pub records: Vec<RecordState>,
    /// What the owner publishes already.
    pub present: Present,
    /// The zone cut.
    pub zone: Option<Name>,
    /// The new state.
    pub dns: DnsState,
    /// New values of the counters in [`Due`].
    pub failures: u32,
    /// See [`Due`].
    pub suspicions: u32,
    /// When to look again.
    pub due_at: Timestamp,
    /// History rows; the one on compliance is added by the store, which alone
    /// sees the facts of that moment.
    pub events: Vec<NewEvent>,
}

impl Looked {
    /// Everything the look found, as text; the same for two that found the
    /// same, whenever that was.
    #[must_use]
    pub fn found(&self) -> String {
        crate::store::stored::found(self)
    }
}

/// How domains stand by their last looks, demo domains left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Verified, and nothing was wrong.
    pub verified: u64,
    /// Verified, but a look found something wrong that is not confirmed yet.
    pub suspect: u64,
    /// Verified, with a deadline.
    pub at_risk: u64,
    /// Verified once.
    pub lost: u64,
    /// Never verified.
    pub pending: u64,
    /// Of all these, those whose last look could not see everything.
    pub unseen: u64,
}
