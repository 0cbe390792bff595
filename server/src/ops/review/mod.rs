//! What operators read and rule on, across accounts and always with a reason, and
//! what the automatic review looks at.

mod examine;
mod sources;

pub use sources::Examiner;

use super::{Actor, Ops, Refused, Result};
use crate::store::{
    Account, AccountId, Case, CaseFile, Cause, DomainId, Event, EventKind, Queued, Review, Ruled, Ruling,
};
use signet_core::lifecycle::Suspension;

impl Ops {
    /// Domains whose review is in one of these states, by number.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] for whoever is no operator.
    pub async fn reviews(
        &self,
        actor: &Actor,
        states: &[Review],
        after: Option<DomainId>,
        limit: u32,
    ) -> Result<Vec<Queued>> {
        actor.with_operator()?;
        Ok(self.store.reviews(states, after, limit).await?)
    }

    /// Everything to decide on a domain by.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] for whoever is no operator; [`Refused::NotFound`].
    pub async fn case_file(&self, actor: &Actor, id: DomainId) -> Result<CaseFile> {
        actor.with_operator()?;
        self.store.case_file(id).await?.ok_or(Refused::NotFound)
    }

    /// Rules on a domain, if it still has the version given, where one is.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] for whoever is no operator; [`Refused::NotFound`];
    /// [`Refused::Invalid`] without a reason, and for the demo domain, on which
    /// there is nothing to approve or reject; [`Refused::Outdated`] where
    /// somebody decided meanwhile.
    pub async fn rule(
        &self,
        actor: &Actor,
        id: DomainId,
        ruling: Ruling,
        version: Option<i64>,
        reason: &str,
    ) -> Result<Case> {
        actor.with_operator()?;
        let cause = Cause { reason: with_reason(reason)?, ..self.cause(actor) };
        let case = self.store.case(id).await?.ok_or(Refused::NotFound)?;
        if case.domain.demo && matches!(ruling, Ruling::Approve | Ruling::Reject | Ruling::Reopen) {
            return Err(Refused::invalid(
                "base",
                "A demo domain is never reviewed; suspend or lift it instead",
            ));
        }
        let ruled = self.store.rule(id, ruling, version, &cause).await;
        // Even when it failed: it may have been written.
        self.recent.forget();
        match ruled?.ok_or(Refused::NotFound)? {
            Ruled::Done(after) => {
                self.review_due.notify_one();
                Ok(after)
            }
            Ruled::Stale(now) => Err(self.outdated(now.domain.account, Some(id), now.version).await?),
        }
    }

    /// Suspends an account with all its domains, or with `None` lifts that.
    ///
    /// # Errors
    /// As [`Self::rule`].
    pub async fn suspend_account(
        &self,
        actor: &Actor,
        id: AccountId,
        suspension: Option<Suspension>,
        version: Option<i64>,
        reason: &str,
    ) -> Result<Account> {
        actor.with_operator()?;
        let cause = Cause { reason: with_reason(reason)?, ..self.cause(actor) };
        let ruled = self.store.suspend_account(id, suspension, version, &cause).await;
        self.recent.forget();
        match ruled?.ok_or(Refused::NotFound)? {
            Ruled::Done(after) => Ok(after),
            Ruled::Stale(now) => Err(self.outdated(id, None, now.version).await?),
        }
    }

    /// Tells who was faster, and with what.
    async fn outdated(&self, account: AccountId, domain: Option<DomainId>, version: i64) -> Result<Refused> {
        let last = self.store.last_decision(account, domain).await?;
        let meanwhile = last.as_ref().map_or_else(|| "it has changed meanwhile".to_string(), meanwhile);
        let message = format!("is outdated: {meanwhile}. Read it again; the version is {version} now");
        Ok(Refused::outdated("version", message))
    }
}

fn meanwhile(event: &Event) -> String {
    let what = EventKind::parse(&event.kind).map_or(event.kind.as_str(), |kind| kind.meaning().trim());
    let at = event.at.strftime("%Y-%m-%d %H:%M:%SZ");
    let what = what.trim_end_matches('.');
    let why = if event.reason.is_empty() { String::new() } else { format!(" ({})", event.reason) };
    format!("at {at}, by {}: {what}{why}", event.actor)
}

/// A reason that can be given.
pub(super) fn with_reason(reason: &str) -> Result<String> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().any(char::is_control) || reason.chars().count() > 1000 {
        return Err(Refused::invalid(
            "reason",
            "can't be blank: give a reason on one line, up to 1000 characters",
        ));
    }
    Ok(reason.to_string())
}
