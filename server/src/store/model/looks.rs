//! Looks at domains: whose turn it is, and what came of it.

use super::{AccountId, Alert, Domain, DomainId, NewEvent, RecordState};
use jiff::Timestamp;
use signet_core::{
    lifecycle::{DnsState, freeze::AtStake},
    names::Name,
    plan::Present,
    verify::Verdict,
};

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
    /// When mail was last sent from it, give or take a day.
    pub sent_at: Option<Timestamp>,
}

/// What is written of a loss that is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The state as it was before, so that the next wrong look after the brake
    /// lets go is the one that loses it.
    pub dns: DnsState,
    /// When to look again.
    pub due_at: Timestamp,
}

/// Losses of verification, all domains together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demotions {
    /// How many.
    pub at_stake: AtStake,
    /// Until when the operator wants them to go ahead.
    pub released_until: Option<Timestamp>,
}

/// Something that is the matter with all domains together, told once while it
/// lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matter {
    /// Too many domains would lose their verification at once.
    DemotionsFrozen,
    /// No look gives an answer.
    Blind,
}

impl Matter {
    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DemotionsFrozen => "demotions_frozen",
            Self::Blind => "blind",
        }
    }
}

impl Demotions {
    /// Whether nothing may be demoted now.
    #[must_use]
    pub fn are_frozen(&self, now: Timestamp) -> bool {
        self.at_stake.is_frozen() && self.released_until.is_none_or(|until| until <= now)
    }
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
    /// Where this look loses the domain its verification: what is written
    /// instead while demotions are held back.
    pub held: Option<Held>,
    /// New values of the counters in [`Due`].
    pub failures: u32,
    /// See [`Due`].
    pub suspicions: u32,
    /// When to look again.
    pub due_at: Timestamp,
    /// What the owner is to be told, if anything.
    pub alert: Option<Alert>,
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
