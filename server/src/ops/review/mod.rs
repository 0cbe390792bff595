//! What the operator rules on, and what the automatic review looks at. Operators
//! act on the command line, across accounts, and always with a reason.

mod examine;
mod sources;

pub use sources::Examiner;

use super::{Ops, Refused, Result};
use crate::store::{Account, AccountId, Cause, Domain, DomainId, Ruling};

impl Ops {
    /// Domains waiting for a decision, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn review_queue(&self, limit: u32) -> Result<Vec<Domain>> {
        Ok(self.store.review_queue(limit).await?)
    }

    /// Rules on a domain.
    ///
    /// # Errors
    /// [`Refused::NotFound`]; [`Refused::Invalid`] without a reason, and for the
    /// demo domain, on which there is nothing to approve or reject.
    pub async fn rule(&self, id: DomainId, ruling: Ruling, reason: &str) -> Result<Domain> {
        let cause = self.operator(reason)?;
        let domain = self.store.domain_for_operator(id).await?.ok_or(Refused::NotFound)?;
        if domain.demo && matches!(ruling, Ruling::Approve | Ruling::Reject) {
            return Err(Refused::invalid(
                "base",
                "A demo domain is never reviewed; suspend or lift it instead",
            ));
        }
        self.store.rule(id, ruling, &cause).await?.ok_or(Refused::NotFound)
    }

    /// Suspends an account with all its domains, or lifts that.
    ///
    /// # Errors
    /// [`Refused::NotFound`]; [`Refused::Invalid`] without a reason.
    pub async fn suspend_account(&self, id: AccountId, suspended: bool, reason: &str) -> Result<Account> {
        let cause = self.operator(reason)?;
        self.store.suspend_account(id, suspended, &cause).await?.ok_or(Refused::NotFound)
    }

    fn operator(&self, reason: &str) -> Result<Cause> {
        let reason = reason.trim();
        if reason.is_empty() || reason.chars().any(char::is_control) || reason.chars().count() > 1000 {
            return Err(Refused::invalid("reason", "give a reason on one line, up to 1000 characters"));
        }
        Ok(Cause { actor: "operator".to_string(), reason: reason.to_string(), at: self.clock.now() })
    }
}
