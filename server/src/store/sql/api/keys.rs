//! [`KeyStore`].

use super::super::{Handle, keys, raw, turns};
use super::{read, transact};
use crate::store::{
    AccountId, Cause, Domain, DomainId, DueRotation, KeyRing, KeyStore, Keyless, NewKey, Result, Turn,
};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use signet_core::plan::DkimMode;

#[async_trait]
impl KeyStore for Handle {
    async fn keyless(&self, limit: u32) -> Result<Vec<Keyless>> {
        read!(self, keys::keyless(limit))
    }

    async fn add_keys(&self, domain: &Keyless, new: &[NewKey], cause: &Cause) -> Result<bool> {
        transact!(self, keys::add, (domain = domain.clone(), new = new.to_vec(), cause = cause.clone())
            => (domain, new, cause))
    }

    async fn set_dkim_mode(
        &self,
        account: AccountId,
        domain: DomainId,
        mode: DkimMode,
        cause: &Cause,
    ) -> Result<Option<Domain>> {
        transact!(self, raw::set_mode, (account = account, domain = domain, mode = mode, cause = cause.clone())
            => (*account, *domain, *mode, cause))
    }

    async fn key_ring(&self, account: AccountId, domain: DomainId) -> Result<Option<KeyRing>> {
        read!(self, keys::ring(account, domain))
    }

    async fn claim_rotations(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueRotation>> {
        transact!(self, keys::claim, (now = now, until = lease_until, limit = limit) => (*now, *until, *limit))
    }

    async fn turn_keys(&self, turn: &Turn, cause: &Cause) -> Result<bool> {
        transact!(self, keys::turn, (turn = turn.clone(), cause = cause.clone()) => (turn, cause))
    }

    async fn is_compromised(&self, public: &[u8]) -> Result<bool> {
        read!(self, keys::is_compromised(public))
    }

    async fn rotations_stuck(&self) -> Result<i64> {
        read!(self, keys::stuck())
    }

    async fn count_rotations(&self) -> Result<u64> {
        read!(self, turns::count())
    }

    async fn make_rotations_due(
        &self,
        after: Option<DomainId>,
        limit: u32,
        at: Timestamp,
        over: SignedDuration,
    ) -> Result<Option<DomainId>> {
        transact!(self, turns::make_due, (after = after, limit = limit, at = at, over = over)
            => (*after, *limit, *at, *over))
    }

    async fn key_rings(&self, after: Option<DomainId>, limit: u32) -> Result<Vec<(Domain, KeyRing)>> {
        read!(self, turns::rings(after, limit))
    }
}
