//! [`ReviewStore`].

use super::super::{Handle, review, sender};
use super::{read, transact};
use crate::store::{
    Account, AccountId, AccountRecord, Case, Cause, DomainId, Result, ReviewStore, Ruled, Ruling,
};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::lifecycle::Suspension;

#[async_trait]
impl ReviewStore for Handle {
    async fn review_queue(&self, limit: u32) -> Result<Vec<Case>> {
        read!(self, review::queue(limit))
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
