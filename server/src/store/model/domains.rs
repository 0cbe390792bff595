//! Sending domains, and what is ruled on them.

use super::{AccountId, DomainId, KeyTexts};
use jiff::Timestamp;
use signet_core::{
    lifecycle::{
        Asked, ComplianceStatus, Decision, DnsState, Facts, Past, Suspension, compliance, dns::Shown,
    },
    names::{DomainName, Name, RecordId},
    plan::{Dkim, DkimMode, PlannedRecord, Present, RecordKey, Subject},
    rotation::Selector,
    tracking::Tracking,
};

/// A record's state as the contract shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordState {
    /// Which record.
    pub key: RecordKey,
    /// What is shown.
    pub shown: Shown,
    /// What is remembered of it for the next look.
    pub past: Past,
    /// What the plan expected then. Where it expects something else now, the
    /// state is [`signet_core::verify::Status::Unchecked`] again.
    pub expected: String,
}

/// A sending domain with every fact its view is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// Its number.
    pub id: DomainId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: DomainName,
    /// The `t` in its records' names.
    pub record_id: RecordId,
    /// Whether it is the account's demo domain.
    pub demo: bool,
    /// Messages the demo domain may still send.
    pub demo_messages_left: u32,
    /// What is tracked, who is told.
    pub tracking: Tracking,
    /// When it was registered.
    pub created_at: Timestamp,
    /// Where it stands.
    pub dns: DnsState,
    /// Per planned record, as of the last look; empty before the first.
    pub records: Vec<RecordState>,
    /// Which of its selectors signs, or will be the first to.
    pub active_selector: Selector,
    /// What its owner is to publish as DKIM key records; `None` where we publish
    /// the keys and its own records lead to ours.
    pub raw_dkim: Option<KeyTexts>,
    /// What its owner published already at the last look.
    pub present: Present,
    /// The zone cut above it, as of the last look that found it.
    pub zone: Option<Name>,
    /// When it was last looked at.
    pub checked_at: Option<Timestamp>,
    /// A suspension of the domain itself that is in force.
    pub suspension: Option<Suspension>,
    /// One of its account.
    pub account_suspension: Option<Suspension>,
    /// Whether the account's company information is complete.
    pub company_complete: bool,
    /// The last review's decision.
    pub decision: Option<Decision>,
    /// Whether the review asked for the questionnaire.
    pub questionnaire: Asked,
    /// Whether the review asked for a card check.
    pub card: Asked,
}

impl Domain {
    /// What its compliance is derived from.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts {
            suspension: self.suspension.max(self.account_suspension),
            demo: self.demo,
            demo_messages_left: self.demo_messages_left,
            dns_verified: self.dns.is_verified(),
            company_complete: self.company_complete,
            decision: self.decision,
            questionnaire: self.questionnaire,
            card: self.card,
        }
    }

    /// Who publishes its DKIM keys, in a word.
    #[must_use]
    pub fn dkim_mode(&self) -> DkimMode {
        if self.raw_dkim.is_some() { DkimMode::Raw } else { DkimMode::Delegated }
    }

    /// What its plan is made for.
    #[must_use]
    pub fn subject(&self) -> Subject<'_> {
        let dkim = match &self.raw_dkim {
            Some(texts) => Dkim::Raw(texts.each_ref().map(|text| text.as_deref().unwrap_or(""))),
            None => Dkim::Delegated,
        };
        Subject { domain: &self.name, id: &self.record_id, demo: self.demo, dkim }
    }

    /// What the last look found of a planned record; `None` before the first, and
    /// where another was looked at than is planned now.
    #[must_use]
    pub fn state_of(&self, record: &PlannedRecord) -> Option<&RecordState> {
        let state = self.records.iter().find(|state| state.key == record.key);
        state.filter(|state| !record.is_reissued(&state.expected))
    }

    /// Whether a record was last seen to be wrong.
    #[must_use]
    pub fn is_wrong(&self, key: RecordKey) -> bool {
        self.records.iter().any(|state| state.key == key && state.shown.status.is_wrong())
    }

    /// Until when some receivers may still see what a record was before.
    #[must_use]
    pub fn late_until(&self, key: RecordKey) -> Option<Timestamp> {
        self.records.iter().find(|state| state.key == key)?.past.late_until
    }

    /// Whether it may send, and if not why.
    #[must_use]
    pub fn compliance(&self) -> ComplianceStatus {
        compliance::status(&self.facts())
    }
}

/// A domain to be registered.
#[derive(Clone, Debug)]
pub struct NewDomain {
    /// Whose.
    pub account: AccountId,
    /// Its name.
    pub name: DomainName,
    /// Its fresh record id.
    pub record_id: RecordId,
    /// Who publishes its DKIM keys.
    pub dkim: DkimMode,
}

/// Why a domain was not registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRegistered {
    /// The account has one of that name.
    Taken,
    /// The account has this many unverified domains already.
    TooManyUnverified(u32),
}

/// What became of a message that was to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It is counted.
    Now,
    /// It was counted before, and is not again.
    Before,
    /// It is not: the domain is no longer one that may send as a demo.
    Not,
}
