//! The store, as reviews and operators use it.

use super::{
    Account, AccountId, AccountRecord, Answered, CardCheck, CardOf, Case, CaseFile, Cause, Conclusion,
    DomainId, Event, Questionnaire, Queued, Resolved, Result, Review, Ruled, Ruling,
};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::{lifecycle::Suspension, questionnaire::Answers};

/// Part of [`super::Store`]. What the operator does crosses accounts.
#[async_trait]
pub trait ReviewStore {
    // --- what the rules do --------------------------------------------------

    /// Takes up to `limit` domains whose review is due, those due longest first,
    /// until `lease_until`, when they are due again. One on which there is
    /// nothing to decide any more is due no more instead.
    async fn claim_reviews(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<Case>>;
    /// Keeps what the rules came to on a domain that was claimed with this
    /// version, with the evidence (JSON); the cause has the reason in words.
    async fn conclude_review(
        &self,
        id: DomainId,
        version: i64,
        conclusion: &Conclusion,
        evidence: &str,
        cause: &Cause,
    ) -> Result<Option<Ruled<Case>>>;
    /// Makes a claimed domain due at `due_at`, if it still has this version.
    async fn put_back_review(&self, id: DomainId, version: i64, due_at: Timestamp) -> Result<()>;

    /// What an account has done before: how many domains it has registered
    /// `since`, the demo domain apart, and which other than `but` was rejected.
    async fn account_record(
        &self,
        account: AccountId,
        but: DomainId,
        since: Timestamp,
    ) -> Result<AccountRecord>;

    // --- what owners do -----------------------------------------------------

    /// The questionnaire of an account's domain, if it was ever asked for.
    async fn questionnaire(&self, account: AccountId, id: DomainId) -> Result<Option<Questionnaire>>;
    /// Answers it, with which the review goes on.
    async fn answer_questionnaire(
        &self,
        account: AccountId,
        id: DomainId,
        answers: &Answers,
        cause: &Cause,
    ) -> Result<Answered>;
    /// The card check of an account's domain, if one was ever asked for.
    async fn card_check(&self, account: AccountId, id: DomainId) -> Result<Option<CardCheck>>;
    /// Keeps how a card check went, with which the review goes on. `None` if
    /// there is no such card check.
    async fn resolve_card_check(
        &self,
        of: &CardOf,
        passed: bool,
        detail: &str,
        cause: &Cause,
    ) -> Result<Option<Resolved>>;

    // --- what the operator does ---------------------------------------------

    /// Domains in one of these states, by number, from after `after` on.
    async fn reviews(&self, states: &[Review], after: Option<DomainId>, limit: u32) -> Result<Vec<Queued>>;
    /// A domain as its review sees it.
    async fn case(&self, id: DomainId) -> Result<Option<Case>>;
    /// Everything to decide on it by.
    async fn case_file(&self, id: DomainId) -> Result<Option<CaseFile>>;
    /// What was last decided on a domain of an account, or changed of what is
    /// decided on; or on the account itself.
    async fn last_decision(&self, account: AccountId, domain: Option<DomainId>) -> Result<Option<Event>>;
    /// Rules on a domain, if it still has this version where one is given.
    async fn rule(
        &self,
        id: DomainId,
        ruling: Ruling,
        version: Option<i64>,
        cause: &Cause,
    ) -> Result<Option<Ruled<Case>>>;
    /// Suspends an account with all its domains, or with `None` lifts that, if it
    /// still has this version where one is given.
    async fn suspend_account(
        &self,
        id: AccountId,
        suspension: Option<Suspension>,
        version: Option<i64>,
        cause: &Cause,
    ) -> Result<Option<Ruled<Account>>>;
}
