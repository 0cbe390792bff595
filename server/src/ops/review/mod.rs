//! What the operator rules on, across accounts and always with a reason, and what
//! the automatic review looks at.

mod examine;
mod sources;

pub use sources::Examiner;

use super::{Ops, Refused, Result};
use crate::store::{Account, AccountId, Case, Cause, DomainId, Review, Ruled, Ruling};
use signet_core::lifecycle::Suspension;

impl Ops {
    /// Domains whose review is due or waits for the operator, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn review_queue(&self, limit: u32) -> Result<Vec<Case>> {
        let waiting = self.store.reviews(&[Review::Due, Review::Referred], None, limit).await?;
        Ok(waiting.into_iter().map(|waiting| waiting.case).collect())
    }

    /// Rules on a domain.
    ///
    /// # Errors
    /// [`Refused::NotFound`]; [`Refused::Invalid`] without a reason, for the
    /// demo domain, on which there is nothing to approve or reject, and where the
    /// domain no longer has the version given.
    pub async fn rule(
        &self,
        id: DomainId,
        ruling: Ruling,
        version: Option<i64>,
        cause: &Cause,
    ) -> Result<Case> {
        with_reason(cause)?;
        let case = self.store.case(id).await?.ok_or(Refused::NotFound)?;
        if case.domain.demo && matches!(ruling, Ruling::Approve | Ruling::Reject | Ruling::Reopen) {
            return Err(Refused::invalid(
                "base",
                "A demo domain is never reviewed; suspend or lift it instead",
            ));
        }
        let ruled = self.store.rule(id, ruling, version, cause).await?;
        self.recent.forget();
        done(ruled)
    }

    /// Suspends an account with all its domains, or with `None` lifts that.
    ///
    /// # Errors
    /// As [`Self::rule`].
    pub async fn suspend_account(
        &self,
        id: AccountId,
        suspension: Option<Suspension>,
        version: Option<i64>,
        cause: &Cause,
    ) -> Result<Account> {
        with_reason(cause)?;
        let ruled = self.store.suspend_account(id, suspension, version, cause).await?;
        self.recent.forget();
        done(ruled)
    }
}

fn done<T>(ruled: Option<Ruled<T>>) -> Result<T> {
    match ruled.ok_or(Refused::NotFound)? {
        Ruled::Done(after) => Ok(after),
        Ruled::Stale(_) => {
            Err(Refused::invalid("version", "is outdated: somebody decided meanwhile; read it again"))
        }
    }
}

fn with_reason(cause: &Cause) -> Result<()> {
    let reason = cause.reason.trim();
    if reason.is_empty() || reason.chars().any(char::is_control) || reason.chars().count() > 1000 {
        return Err(Refused::invalid("reason", "give a reason on one line, up to 1000 characters"));
    }
    Ok(())
}
