//! [`DnsAccessStore`].

use super::super::{Handle, dns_access};
use super::{read, transact};
use crate::store::{
    AccountId, Cause, DnsAccess, DnsAccessId, DnsAccessStore, DomainId, EventKind, NewDnsAccess, NewEvent,
    Result,
};
use async_trait::async_trait;
use signet_core::{names::Name, publish::Beside};

#[async_trait]
impl DnsAccessStore for Handle {
    async fn give_dns_access(
        &self,
        access: &NewDnsAccess,
        limit: u32,
        cause: &Cause,
    ) -> Result<Option<DnsAccess>> {
        transact!(self, dns_access::give,
            (access = access.clone(), limit = limit, cause = cause.clone()) => (access, *limit, cause))
    }

    async fn dns_accesses(&self, account: AccountId) -> Result<Vec<DnsAccess>> {
        read!(self, dns_access::all(account))
    }

    async fn dns_access(&self, account: AccountId, id: DnsAccessId) -> Result<Option<DnsAccess>> {
        read!(self, dns_access::one(account, id))
    }

    async fn dns_access_to(&self, account: AccountId, zone: &Name) -> Result<Option<(DnsAccess, Vec<u8>)>> {
        read!(self, dns_access::to_zone(account, zone))
    }

    async fn delete_dns_access(
        &self,
        account: AccountId,
        id: DnsAccessId,
        cause: &Cause,
    ) -> Result<Option<DnsAccess>> {
        transact!(self, dns_access::delete,
            (account = account, id = id, cause = cause.clone()) => (*account, *id, cause))
    }

    async fn note_written(
        &self,
        account: AccountId,
        domain: DomainId,
        event: &NewEvent,
        cause: &Cause,
    ) -> Result<()> {
        transact!(self, dns_access::note_written,
            (account = account, domain = domain, event = event.clone(), cause = cause.clone())
            => (*account, *domain, event, cause))
    }

    async fn what_was_written(
        &self,
        account: AccountId,
        domain: DomainId,
    ) -> Result<Vec<(EventKind, String)>> {
        read!(self, dns_access::what_was_written(account, domain))
    }

    async fn registered_beside(&self, account: AccountId, domain: DomainId) -> Result<Beside> {
        read!(self, dns_access::registered_beside(account, domain))
    }
}
