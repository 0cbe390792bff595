//! The state machine of `dns_verified` (VERDICTS, gaining and losing it).
//!
//! A domain is verified by one complete look and lost only by confirmed
//! evidence: a second server, a second look ten minutes later, and the grace
//! run out. A failure to look changes nothing, however long it lasts.

use crate::{
    plan::{PlannedRecord, RecordKey},
    verify::{Code, Status, Verdict},
};
use alloc::vec::Vec;
use jiff::{SignedDuration, Timestamp};

/// Where a domain stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DnsState {
    /// Never verified.
    #[default]
    Pending,
    /// Verified, nothing wrong at the last look.
    Verified {
        /// Since when.
        at: Timestamp,
    },
    /// Verified; a look found something wrong that is not confirmed yet.
    Suspect {
        /// Verified since when.
        at: Timestamp,
        /// The first wrong look.
        since: Timestamp,
        /// The first of the looks on end that found nothing aligned any more.
        unaligned_since: Option<Timestamp>,
    },
    /// Verified; something is confirmed to be wrong and the grace runs.
    AtRisk {
        /// Verified since when.
        at: Timestamp,
        /// When it was confirmed.
        since: Timestamp,
        /// When verification is lost if it is still wrong then.
        deadline: Timestamp,
        /// See [`DnsState::Suspect`].
        unaligned_since: Option<Timestamp>,
    },
    /// Verified once, lost.
    Lost {
        /// When.
        at: Timestamp,
    },
}

/// What one look means for verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gate {
    /// Every record that gates is right.
    Right,
    /// Nothing is proven wrong, but not everything could be seen.
    Unknown,
    /// Something is proven wrong.
    Wrong(Wrong),
}

/// What is proven wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// The records.
    pub records: Vec<RecordKey>,
    /// Whether a second server, where there is one, says so too, for at least one of them.
    pub corroborated: bool,
    /// Whether SPF (through the return path) or DKIM may still align: at least
    /// one of the two is not proven wrong.
    pub aligned: bool,
    /// Whether the whole of it is that the domain is no longer delegated.
    pub undelegated: bool,
}

/// How long what takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// From confirmation to loss, while something still aligns (`SIGNET_GRACE`).
    pub grace: SignedDuration,
    /// The same for a domain that is no longer delegated, unless `grace` is shorter.
    pub grace_undelegated: SignedDuration,
    /// Between the first wrong look and the one that confirms it.
    pub confirm_after: SignedDuration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            grace: SignedDuration::from_hours(72),
            grace_undelegated: SignedDuration::from_hours(24),
            confirm_after: SignedDuration::from_mins(10),
        }
    }
}

/// What happened to a domain; each is one history row and one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Verified for the first time.
    Verified,
    /// Something is confirmed wrong; verification ends at the deadline.
    AtRisk {
        /// See [`DnsState::AtRisk`].
        deadline: Timestamp,
    },
    /// The deadline came nearer.
    DeadlineMoved {
        /// The new one.
        deadline: Timestamp,
    },
    /// What was confirmed wrong is right again, in time.
    Mended,
    /// Verification is lost.
    Lost,
    /// Verified again after a loss.
    Recovered,
}

impl DnsState {
    /// The contract's `dns_verified`.
    #[must_use]
    pub fn is_verified(&self) -> bool {
        self.verified_at().is_some()
    }

    /// The contract's `dns_verified_at`.
    #[must_use]
    pub fn verified_at(&self) -> Option<Timestamp> {
        match *self {
            Self::Verified { at } | Self::Suspect { at, .. } | Self::AtRisk { at, .. } => Some(at),
            Self::Pending | Self::Lost { .. } => None,
        }
    }

    /// The state's name, as stored.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Verified { .. } => "verified",
            Self::Suspect { .. } => "suspect",
            Self::AtRisk { .. } => "at_risk",
            Self::Lost { .. } => "lost",
        }
    }

    /// The state after a look.
    ///
    /// `whole` says that every server of every zone was asked, without which
    /// nothing is gained. `rival` says that another account has proven the
    /// name, which ends the grace. `now` never runs backwards by much; a look
    /// from before a state's beginning changes nothing.
    #[must_use]
    pub fn after(
        &self,
        gate: &Gate,
        whole: bool,
        rival: bool,
        now: Timestamp,
        rules: &Rules,
    ) -> (Self, Option<Change>) {
        match (*self, gate) {
            (Self::Pending, Gate::Right) if whole => (Self::Verified { at: now }, Some(Change::Verified)),
            (Self::Lost { .. }, Gate::Right) if whole => {
                (Self::Verified { at: now }, Some(Change::Recovered))
            }
            (Self::Pending | Self::Lost { .. }, _) | (_, Gate::Unknown) => (*self, None),
            (Self::Verified { .. }, Gate::Right) => (*self, None),
            (Self::Suspect { at, .. }, Gate::Right) => (Self::Verified { at }, None),
            (Self::AtRisk { at, .. }, Gate::Right) => (Self::Verified { at }, Some(Change::Mended)),
            (Self::Verified { at }, Gate::Wrong(wrong)) => {
                let unaligned_since = (!wrong.aligned).then_some(now);
                (Self::Suspect { at, since: now, unaligned_since }, None)
            }
            (Self::Suspect { at, since, unaligned_since }, Gate::Wrong(wrong)) => {
                let unaligned_since = unaligned(unaligned_since, wrong, now);
                if !wrong.corroborated || now < after(since, rules.confirm_after) {
                    return (Self::Suspect { at, since, unaligned_since }, None);
                }
                let grace = grace(wrong, unaligned_since, rival, now, rules);
                at_risk_or_lost(at, now, after(now, grace), unaligned_since, now, None)
            }
            (Self::AtRisk { at, since, deadline, unaligned_since }, Gate::Wrong(wrong)) => {
                let unaligned_since = unaligned(unaligned_since, wrong, now);
                if !wrong.corroborated {
                    return (Self::AtRisk { at, since, deadline, unaligned_since }, None);
                }
                // The deadline told is kept, unless things got worse.
                let shorter = after(now, grace(wrong, unaligned_since, rival, now, rules));
                at_risk_or_lost(at, since, deadline.min(shorter), unaligned_since, now, Some(deadline))
            }
        }
    }
}

fn unaligned(since: Option<Timestamp>, wrong: &Wrong, now: Timestamp) -> Option<Timestamp> {
    if wrong.aligned { None } else { since.or(Some(now)) }
}

fn grace(
    wrong: &Wrong,
    unaligned_since: Option<Timestamp>,
    rival: bool,
    now: Timestamp,
    rules: &Rules,
) -> SignedDuration {
    // A domain that is not delegated cannot be aligned either, but gets its
    // day: a registrar's hold is often lifted within it.
    if rival {
        SignedDuration::ZERO
    } else if wrong.undelegated {
        rules.grace.min(rules.grace_undelegated)
    } else if unaligned_since.is_some_and(|since| now >= after(since, rules.confirm_after)) {
        SignedDuration::ZERO
    } else {
        rules.grace
    }
}

fn at_risk_or_lost(
    at: Timestamp,
    since: Timestamp,
    deadline: Timestamp,
    unaligned_since: Option<Timestamp>,
    now: Timestamp,
    told: Option<Timestamp>,
) -> (DnsState, Option<Change>) {
    if now >= deadline {
        return (DnsState::Lost { at: now }, Some(Change::Lost));
    }
    let change = match told {
        None => Some(Change::AtRisk { deadline }),
        Some(told) if told != deadline => Some(Change::DeadlineMoved { deadline }),
        Some(_) => None,
    };
    (DnsState::AtRisk { at, since, deadline, unaligned_since }, change)
}

/// `time + span`, at the end of time at the latest.
fn after(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// What a look means for a domain in `state`, whose messages are signed with
/// the key of `active` (`dkim1` or `dkim2`).
///
/// Both selectors must be right once, to gain verification; afterwards the
/// standby demotes nobody.
#[must_use]
pub fn gate(plan: &[PlannedRecord], verdicts: &[Verdict], state: &DnsState, active: RecordKey) -> Gate {
    let standby = |key| matches!(key, RecordKey::Dkim1 | RecordKey::Dkim2) && key != active;
    let gating = |key| plan.iter().any(|r| r.key == key && r.gates) && !(state.is_verified() && standby(key));
    let looked_at = verdicts.iter().filter(|v| gating(v.key));
    let wrong: Vec<&Verdict> = looked_at.clone().filter(|v| v.status.is_wrong()).collect();
    if wrong.is_empty() {
        let every_one = plan.iter().filter(|r| gating(r.key)).count() == looked_at.clone().count();
        let right = every_one && looked_at.clone().all(|v| v.status.is_right());
        return if right { Gate::Right } else { Gate::Unknown };
    }
    // Servers that differ still give some receivers what they need, and a zone
    // that is not served has its day (VERDICTS, outages).
    let in_doubt = |code| matches!(code, Code::ZoneDead | Code::ServersSplit);
    let proven_wrong =
        |key| verdicts.iter().any(|v| v.key == key && v.status.is_wrong() && !in_doubt(v.code));
    Gate::Wrong(Wrong {
        corroborated: wrong.iter().any(|v| v.witnesses.corroborate() || v.code == Code::NotDelegated),
        aligned: !(proven_wrong(RecordKey::Verification) && proven_wrong(active)),
        undelegated: wrong.iter().all(|v| v.code == Code::NotDelegated),
        records: wrong.iter().map(|v| v.key).collect(),
    })
}

/// A record's status as the contract shows it: the last trustworthy one,
/// through up to an hour in which nothing trustworthy was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// What is shown.
    pub status: Status,
    /// When a look last gave a trustworthy verdict.
    pub trusted_at: Option<Timestamp>,
}

impl Shown {
    /// Before the first look.
    pub const UNCHECKED: Self = Self { status: Status::Unchecked, trusted_at: None };

    /// How long the last trustworthy verdict stands.
    pub const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

    /// What is shown after a look with the verdict `seen`.
    #[must_use]
    pub fn after(self, seen: Status, now: Timestamp) -> Self {
        match (seen, self.trusted_at) {
            (Status::Unchecked, _) => Self::UNCHECKED,
            (Status::NetworkError, Some(at)) if now <= after(at, Self::PATIENCE) => self,
            (Status::NetworkError, trusted_at) => Self { status: seen, trusted_at },
            (seen, _) => Self { status: seen, trusted_at: Some(now) },
        }
    }
}

#[cfg(test)]
#[path = "dns_tests.rs"]
mod tests;
