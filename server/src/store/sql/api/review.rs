//! [`ReviewStore`].

use super::super::{Handle, asked, conclude, docket, review, sender};
use super::{read, transact};
use crate::store::{
    Account, AccountId, AccountRecord, Answered, CardCheck, CardOf, Case, CaseFile, Cause, Conclusion,
    DomainId, Event, Questionnaire, Queued, Resolved, Result, Review, ReviewStore, Ruled, Ruling,
};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::{lifecycle::Suspension, questionnaire::Answers};

#[async_trait]
impl ReviewStore for Handle {
    async fn claim_reviews(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<Case>> {
        // Mostly there are none, and nothing is to be written to find that out.
        if !read!(self, conclude::any_due(now))? {
            return Ok(Vec::new());
        }
        transact!(self, conclude::claim, (now = now, until = lease_until, limit = limit)
            => (*now, *until, *limit))
    }

    async fn conclude_review(
        &self,
        id: DomainId,
        version: i64,
        conclusion: &Conclusion,
        evidence: &str,
        cause: &Cause,
    ) -> Result<Option<Ruled<Case>>> {
        transact!(self, conclude::conclude,
            (id = id, version = version, conclusion = conclusion.clone(), evidence = evidence.to_string(),
                cause = cause.clone())
            => (*id, *version, conclusion, evidence, cause))
    }

    async fn put_back_review(&self, id: DomainId, version: i64, due_at: Timestamp) -> Result<()> {
        transact!(self, conclude::put_back, (id = id, version = version, due_at = due_at)
            => (*id, *version, *due_at))
    }

    async fn questionnaire(&self, account: AccountId, id: DomainId) -> Result<Option<Questionnaire>> {
        read!(self, asked::questionnaire(account, id))
    }

    async fn answer_questionnaire(
        &self,
        account: AccountId,
        id: DomainId,
        answers: &Answers,
        cause: &Cause,
    ) -> Result<Answered> {
        transact!(self, asked::answer,
            (account = account, id = id, answers = answers.clone(), cause = cause.clone())
            => (*account, *id, answers, cause))
    }

    async fn card_check(&self, account: AccountId, id: DomainId) -> Result<Option<CardCheck>> {
        read!(self, asked::card_check(account, id))
    }

    async fn resolve_card_check(
        &self,
        of: &CardOf,
        passed: bool,
        detail: &str,
        cause: &Cause,
    ) -> Result<Option<Resolved>> {
        transact!(self, asked::resolve,
            (of = of.clone(), passed = passed, detail = detail.to_string(), cause = cause.clone())
            => (of, *passed, detail, cause))
    }

    async fn reviews(&self, states: &[Review], after: Option<DomainId>, limit: u32) -> Result<Vec<Queued>> {
        read!(self, docket::waiting(states, after, limit))
    }

    async fn account_record(
        &self,
        account: AccountId,
        but: DomainId,
        since: Timestamp,
    ) -> Result<AccountRecord> {
        read!(self, sender::record(account, but, since))
    }

    async fn case(&self, id: DomainId) -> Result<Option<Case>> {
        read!(self, review::case(id))
    }

    async fn case_file(&self, id: DomainId) -> Result<Option<CaseFile>> {
        read!(self, docket::case_file(id))
    }

    async fn last_decision(&self, account: AccountId, domain: Option<DomainId>) -> Result<Option<Event>> {
        read!(self, docket::last_decision(account, domain))
    }

    async fn rule(
        &self,
        id: DomainId,
        ruling: Ruling,
        version: Option<i64>,
        cause: &Cause,
    ) -> Result<Option<Ruled<Case>>> {
        transact!(self, review::rule,
            (id = id, ruling = ruling, version = version, cause = cause.clone())
            => (*id, *ruling, *version, cause))
    }

    async fn suspend_account(
        &self,
        id: AccountId,
        suspension: Option<Suspension>,
        version: Option<i64>,
        cause: &Cause,
    ) -> Result<Option<Ruled<Account>>> {
        transact!(self, review::suspend_account,
            (id = id, suspension = suspension, version = version, cause = cause.clone())
            => (*id, *suspension, *version, cause))
    }
}
