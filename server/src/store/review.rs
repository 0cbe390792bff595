//! The store, as reviews and operators use it.

use super::{Account, AccountId, AccountRecord, Case, Cause, DomainId, Result, Ruled, Ruling};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::lifecycle::Suspension;

/// Part of [`super::Store`]. What the operator does crosses accounts.
#[async_trait]
pub trait ReviewStore {
    /// Domains whose review is due or referred to the operator, oldest first.
    async fn review_queue(&self, limit: u32) -> Result<Vec<Case>>;
    /// What an account has done before: how many domains it has registered
    /// `since`, the demo domain apart, and which other than `but` was rejected.
    async fn account_record(
        &self,
        account: AccountId,
        but: DomainId,
        since: Timestamp,
    ) -> Result<AccountRecord>;
    /// A domain as its review sees it.
    async fn case(&self, id: DomainId) -> Result<Option<Case>>;
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
