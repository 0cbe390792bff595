//! [`NoticeStore`].

use super::super::{Handle, notices};
use super::{read, transact};
use crate::store::{
    AccountId, Domain, DomainId, HealthDue, Message, NewNotice, NoticeGroup, NoticeStore, Result, Telling,
    Waiting,
};
use async_trait::async_trait;
use jiff::Timestamp;
use signet_core::health::Reported;
use std::collections::BTreeMap;

#[async_trait]
impl NoticeStore for Handle {
    async fn due_notices(&self, now: Timestamp, limit: u32) -> Result<Vec<NoticeGroup>> {
        read!(self, notices::due(now, limit))
    }

    async fn notices(&self, group: &NoticeGroup, limit: u32) -> Result<Vec<Waiting>> {
        read!(self, notices::of_group(group, limit))
    }

    async fn hold_notices(&self, group: &NoticeGroup, until: Timestamp) -> Result<()> {
        transact!(self, notices::hold, (group = group.clone(), until = until) => (group, *until))
    }

    async fn tell(&self, account: AccountId, telling: &Telling, now: Timestamp) -> Result<bool> {
        transact!(self, notices::tell,
            (account = account, telling = telling.clone(), now = now) => (*account, telling, *now))
    }

    async fn to_remind(&self, now: Timestamp, limit: u32) -> Result<Vec<Domain>> {
        read!(self, notices::to_remind(now, limit))
    }

    async fn remind(&self, notice: &NewNotice, deadline: Timestamp, now: Timestamp) -> Result<bool> {
        transact!(self, notices::remind,
            (notice = notice.clone(), deadline = deadline, now = now) => (notice, *deadline, *now))
    }

    async fn health_due(&self, now: Timestamp, limit: u32) -> Result<Vec<HealthDue>> {
        read!(self, notices::health_due(now, limit))
    }

    async fn key_ages(&self, account: AccountId) -> Result<BTreeMap<DomainId, Timestamp>> {
        read!(self, notices::key_ages(account))
    }

    async fn report_health(
        &self,
        due: &HealthDue,
        reported: &BTreeMap<String, Reported>,
        messages: &[Message],
        next: Timestamp,
        now: Timestamp,
    ) -> Result<bool> {
        transact!(self, notices::report_health,
            (due = due.clone(), reported = reported.clone(), messages = messages.to_vec(), next = next, now = now)
            => (due, reported, messages, *next, *now))
    }
}
