//! Domains under review, and what is ruled on them.

use super::{Account, AccountId, Domain, DomainId, Event};
use jiff::Timestamp;
use signet_core::{
    company::CompanyInfo,
    lifecycle::{Asked, ComplianceStatus, Suspension},
    questionnaire::Answers,
};

/// Where a domain's review is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
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
    /// One higher with everything the review or the operator decides, and with
    /// whatever changes what there is to decide on.
    pub version: i64,
    /// Since when a review is due, where one is.
    pub due_at: Option<Timestamp>,
    /// Whether the card check that was asked for failed.
    pub card_failed: bool,
}

impl Case {
    /// Whether there is anything for the rules to decide: the status says so, or
    /// what was decided on has changed since.
    #[must_use]
    pub fn is_to_be_reviewed(&self) -> bool {
        let decided = self.domain.decision.is_some() && !self.domain.demo;
        decided || self.domain.compliance() == ComplianceStatus::UnderReview
    }

    /// What the owner is still to do for the review.
    #[must_use]
    pub fn waits_for_owner(&self) -> bool {
        self.domain.questionnaire == Asked::Open || (self.domain.card == Asked::Open && !self.card_failed)
    }
}

/// What the rules came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    /// The domain may send.
    Approve,
    /// It may not.
    Reject,
    /// The owner has to do something first.
    Ask {
        /// Answer the questionnaire.
        questionnaire: bool,
        /// Pass a card check, which is called this where it is a new one.
        card: Option<String>,
    },
    /// The operator decides.
    Refer,
}

impl Conclusion {
    /// As in the history.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Ask { .. } => "ask",
            Self::Refer => "refer",
        }
    }
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

/// A questionnaire that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Questionnaire {
    /// About which domain.
    pub domain: DomainId,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// By whom, as in the history.
    pub answered_by: Option<String>,
    /// The answers.
    pub answers: Option<Answers>,
}

/// What became of answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answered {
    /// They are kept.
    Now(Questionnaire),
    /// There are answers already.
    Before,
    /// Nobody asks.
    NotAsked,
}

/// How a card check stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardState {
    /// Nobody has said yet.
    Open,
    /// It is passed.
    Passed,
    /// It is not.
    Failed,
}

impl CardState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Open, Self::Passed, Self::Failed];

    /// As stored and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// A card check that was asked for. There is no card data, only how it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardCheck {
    /// Of which domain.
    pub domain: DomainId,
    /// Whose that is.
    pub account: AccountId,
    /// What it is called towards the payment provider.
    pub reference: String,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// How it stands.
    pub state: CardState,
    /// Since when it does.
    pub resolved_at: Option<Timestamp>,
    /// What was said about it.
    pub detail: Option<String>,
}

/// Which card check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CardOf {
    /// By what it is called. Its result comes once.
    Reference(String),
    /// By its domain, for the operator, who may say otherwise later.
    Domain(DomainId),
}

/// What became of a card check's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// It is kept.
    Now(CardCheck),
    /// It had come before.
    Before(CardCheck),
    /// The other had come before, and stays.
    Otherwise(CardCheck),
}

/// Everything an operator decides by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFile {
    /// The domain.
    pub case: Case,
    /// Its account.
    pub account: Account,
    /// What that says of itself.
    pub company: Option<CompanyInfo>,
    /// The last run of the rules.
    pub last_run: Option<Event>,
    /// The questionnaire, if ever asked for.
    pub questionnaire: Option<Questionnaire>,
    /// The card check, if ever asked for.
    pub card_check: Option<CardCheck>,
    /// What reviews and operators did, newest first.
    pub history: Vec<Event>,
}

/// A domain in an operator's list, and why it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queued {
    /// The domain.
    pub case: Case,
    /// What the last run of the rules came to, in words.
    pub reason: Option<String>,
}
