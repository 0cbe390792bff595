//! Domains under review, and what is ruled on them.

use super::Domain;
use signet_core::lifecycle::Suspension;

/// Where a domain's review is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    /// None is running.
    None,
    /// The rules are to run.
    Due,
    /// It waits for the owner: the questionnaire, the card check.
    Open,
    /// It waits for the operator.
    Referred,
}

impl Review {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Due, Self::Open, Self::Referred];

    /// As stored and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Due => "due",
            Self::Open => "open",
            Self::Referred => "referred",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|review| review.as_str() == text)
    }
}

/// A domain as its review sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// The domain.
    pub domain: Domain,
    /// Where the review is.
    pub review: Review,
    /// Whether a review has ever approved it.
    pub approved_before: bool,
    /// One higher with everything the review or the operator decides.
    pub version: i64,
}

/// What the operator decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// The domain may send.
    Approve,
    /// It may not.
    Reject,
    /// It may not for now.
    Suspend(Suspension),
    /// The suspension ends.
    Lift,
    /// The decision is taken back; the review begins anew.
    Reopen,
}

/// What became of a ruling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruled<T> {
    /// It holds; what it is about, afterwards.
    Done(T),
    /// Somebody else was faster: what it is about, as it is now.
    Stale(T),
}
