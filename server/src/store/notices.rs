//! The store, as those use it who tell owners of what happened.

use super::{
    AccountId, Domain, DomainId, HealthDue, Message, NewNotice, NoticeGroup, Result, Telling, Waiting,
};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::health::Reported;
use std::collections::BTreeMap;

/// Part of [`super::Store`]. Notices themselves are written with what they are
/// about, by whatever changes it.
#[async_trait]
pub trait NoticeStore {
    /// Groups of notices of which at least one is due, those waiting longest first.
    async fn due_notices(&self, now: Timestamp, limit: u32) -> Result<Vec<NoticeGroup>>;
    /// What such a group holds, due or not, oldest first.
    async fn notices(&self, group: &NoticeGroup, limit: u32) -> Result<Vec<Waiting>>;
    /// Holds a group until `until`.
    async fn hold_notices(&self, group: &NoticeGroup, until: Timestamp) -> Result<()>;
    /// Queues the messages made of notices, unless one of these has been told by
    /// somebody else meanwhile; then nothing is written, and the answer is `false`.
    async fn tell(&self, account: AccountId, telling: &Telling, now: Timestamp) -> Result<bool>;
    /// Domains whose deadline is near, and whose owner has not been reminded of it.
    async fn to_remind(&self, now: Timestamp, limit: u32) -> Result<Vec<Domain>>;
    /// Adds the reminder of this deadline, unless it is another now or was reminded
    /// of; whether it was added.
    async fn remind(&self, notice: &NewNotice, deadline: Timestamp, now: Timestamp) -> Result<bool>;
    /// Accounts whose health is to be looked at.
    async fn health_due(&self, now: Timestamp, limit: u32) -> Result<Vec<HealthDue>>;
    /// Since when each of an account's domains has had the DKIM key that signs.
    async fn key_ages(&self, account: AccountId) -> Result<BTreeMap<DomainId, Timestamp>>;
    /// Queues an account's health reports, unless somebody else has; whether they
    /// were queued. `next` is when to look again.
    async fn report_health(
        &self,
        due: &HealthDue,
        reported: &BTreeMap<String, Reported>,
        messages: &[Message],
        next: Timestamp,
        now: Timestamp,
    ) -> Result<bool>;
}
