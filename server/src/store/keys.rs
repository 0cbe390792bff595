//! The store, as those who make, turn and use DKIM keys use it.

use super::{AccountId, Cause, Domain, DomainId, DueRotation, KeyRing, Keyless, NewKey, Result, Turn};
use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use signet_core::plan::DkimMode;

/// Part of [`super::Store`].
#[async_trait]
pub trait KeyStore {
    /// Domains that need DKIM keys and have none: those that are verified, demo
    /// domains, and those whose owner is to publish the keys.
    async fn keyless(&self, limit: u32) -> Result<Vec<Keyless>>;
    /// Keeps a domain's first keys, unless it has some, and makes their rotation
    /// due. What the domain's owner publishes by hand changes with them.
    async fn add_keys(&self, domain: &Keyless, keys: &[NewKey], cause: &Cause) -> Result<bool>;
    /// Changes who publishes a domain's keys. Its records are others then, and are
    /// looked at anew. `None` where there is no such domain.
    async fn set_dkim_mode(
        &self,
        account: AccountId,
        domain: DomainId,
        mode: DkimMode,
        cause: &Cause,
    ) -> Result<Option<Domain>>;
    /// A domain's keys; `None` where it has none yet.
    async fn key_ring(&self, account: AccountId, domain: DomainId) -> Result<Option<KeyRing>>;
    /// Takes up to `limit` domains whose rotation is due and which nobody holds,
    /// until `lease_until`, those that wait longest first.
    async fn claim_rotations(
        &self,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueRotation>>;
    /// Writes a transition, with what is published, history, and word to the
    /// owner, unless the keys have changed since; whether it was written.
    async fn turn_keys(&self, turn: &Turn, cause: &Cause) -> Result<bool>;
    /// Whether this key (SPKI, DER), of whatever domain, was revoked since it was in
    /// wrong hands.
    async fn is_compromised(&self, public: &[u8]) -> Result<bool>;
    /// How many domains' rotations do not go on.
    async fn rotations_stuck(&self) -> Result<i64>;
    /// How many domains have keys to turn.
    async fn count_rotations(&self) -> Result<u64>;
    /// Makes up to `limit` rotations due, those of the domains after `after`, spread over
    /// the time `over` from `at` on; what is due before stays so. The last of these
    /// domains, `None` where there was none.
    async fn make_rotations_due(
        &self,
        after: Option<DomainId>,
        limit: u32,
        at: Timestamp,
        over: SignedDuration,
    ) -> Result<Option<DomainId>>;
    /// Up to `limit` domains of all accounts with their keys, those after `after` that have
    /// any, in the order of their numbers.
    async fn key_rings(&self, after: Option<DomainId>, limit: u32) -> Result<Vec<(Domain, KeyRing)>>;
}
