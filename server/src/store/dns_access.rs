//! The store, as getting records into customers' zones uses it.

use super::{AccountId, Cause, DnsAccess, DnsAccessId, DomainId, EventKind, NewDnsAccess, NewEvent, Result};
use async_trait::async_trait;
use signet_core::{names::Name, publish::Beside};

/// Part of [`super::Store`].
#[async_trait]
pub trait DnsAccessStore {
    /// Keeps a key to a zone, in place of the account's other one to it, unless
    /// the account has `limit` of them.
    async fn give_dns_access(
        &self,
        access: &NewDnsAccess,
        limit: u32,
        cause: &Cause,
    ) -> Result<Option<DnsAccess>>;
    /// An account's keys, by number.
    async fn dns_accesses(&self, account: AccountId) -> Result<Vec<DnsAccess>>;
    /// One of them.
    async fn dns_access(&self, account: AccountId, id: DnsAccessId) -> Result<Option<DnsAccess>>;
    /// An account's key to a zone, with what is secret of it, sealed.
    async fn dns_access_to(&self, account: AccountId, zone: &Name) -> Result<Option<(DnsAccess, Vec<u8>)>>;
    /// Deletes one; what it was.
    async fn delete_dns_access(
        &self,
        account: AccountId,
        id: DnsAccessId,
        cause: &Cause,
    ) -> Result<Option<DnsAccess>>;
    /// Writes down what was done in a domain's zone.
    async fn note_written(
        &self,
        account: AccountId,
        domain: DomainId,
        event: &NewEvent,
        cause: &Cause,
    ) -> Result<()>;
    /// The evidence of what was written into a domain's zone, or may have been: of the
    /// last times, newest first, that writing began, was done, and was not done.
    async fn what_was_written(
        &self,
        account: AccountId,
        domain: DomainId,
    ) -> Result<Vec<(EventKind, String)>>;
    /// Which other registrations there are of the domain's name or of one below it:
    /// those of the same account, and others' that are verified. Anybody may
    /// register any name.
    async fn registered_beside(&self, account: AccountId, domain: DomainId) -> Result<Beside>;
}
