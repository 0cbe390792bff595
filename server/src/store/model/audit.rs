//! Searching the history.

use super::{AccountId, DomainId, EventId, EventKind};
use jiff::Timestamp;

/// Which history rows are wanted: those that all that is given fits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this account. `None` for all of them, which is for the operator.
    pub account: Option<AccountId>,
    /// About this domain.
    pub domain: Option<DomainId>,
    /// About a domain of exactly this name, deleted or not.
    pub domain_name: Option<String>,
    /// Of one of these kinds; empty for any.
    pub kinds: Vec<EventKind>,
    /// By exactly this actor.
    pub actor: Option<String>,
    /// From then on.
    pub since: Option<Timestamp>,
    /// Until before then.
    pub until: Option<Timestamp>,
    /// With this in the reason, in whatever case.
    pub text: Option<String>,
}

/// Where a history row stands among all: they are ordered by time, those of one
/// moment by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPlace {
    /// When it happened.
    pub at: Timestamp,
    /// Its number.
    pub id: EventId,
}
