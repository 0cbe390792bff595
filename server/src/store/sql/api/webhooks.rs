//! [`WebhookStore`].

use super::super::{Handle, deliveries, webhooks};
use super::{read, transact};
use crate::store::{
    AccountId, Cause, Delivery, DeliveryId, DeliveryState, DueDelivery, DueWebhook, EventId, NewSecret,
    NewWebhook, NotQueued, Replay, Replayed, Result, Settled, Tried, Webhook, WebhookId, WebhookPatch,
    WebhookStore,
};
use async_trait::async_trait;
use jiff::Timestamp;
use std::result::Result as Outcome;

#[async_trait]
impl WebhookStore for Handle {
    async fn create_webhook(
        &self,
        webhook: &NewWebhook,
        limit: u32,
        cause: &Cause,
    ) -> Result<Option<Webhook>> {
        transact!(self, webhooks::create,
            (webhook = webhook.clone(), limit = limit, cause = cause.clone()) => (webhook, *limit, cause))
    }

    async fn webhooks(&self, account: AccountId) -> Result<Vec<Webhook>> {
        read!(self, webhooks::all(account))
    }

    async fn webhook(&self, account: AccountId, id: WebhookId) -> Result<Option<Webhook>> {
        read!(self, webhooks::one(account, id))
    }

    async fn update_webhook(
        &self,
        account: AccountId,
        id: WebhookId,
        patch: &WebhookPatch,
        cause: &Cause,
    ) -> Result<Option<Webhook>> {
        transact!(self, webhooks::update,
            (account = account, id = id, patch = patch.clone(), cause = cause.clone())
            => (*account, *id, patch, cause))
    }

    async fn delete_webhook(
        &self,
        account: AccountId,
        id: WebhookId,
        cause: &Cause,
    ) -> Result<Option<Webhook>> {
        transact!(self, webhooks::delete,
            (account = account, id = id, cause = cause.clone()) => (*account, *id, cause))
    }

    async fn rotate_webhook_secret(
        &self,
        account: AccountId,
        id: WebhookId,
        secret: &NewSecret,
        old_until: Timestamp,
        cause: &Cause,
    ) -> Result<Option<Webhook>> {
        transact!(self, webhooks::rotate,
            (whose = (account, id), secret = secret.clone(), until = old_until, cause = cause.clone())
            => (whose.0, whose.1, secret, *until, cause))
    }

    async fn test_webhook(
        &self,
        account: AccountId,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<Option<Outcome<DeliveryId, NotQueued>>> {
        transact!(self, deliveries::test, (account = account, id = id, now = now) => (*account, *id, *now))
    }

    async fn deliveries(
        &self,
        account: AccountId,
        id: WebhookId,
        state: Option<DeliveryState>,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        read!(self, deliveries::page(account, id, state, before, limit))
    }

    async fn first_event_since(&self, account: AccountId, since: Timestamp) -> Result<Option<EventId>> {
        read!(self, deliveries::first_since(account, since))
    }

    async fn replay(
        &self,
        account: AccountId,
        id: WebhookId,
        what: &Replay,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<Outcome<Replayed, NotQueued>>> {
        transact!(self, deliveries::replay,
            (whose = (account, id), what = what.clone(), limit = limit, now = now)
            => (whose.0, whose.1, what, *limit, *now))
    }

    async fn due_webhooks(&self, now: Timestamp, after: WebhookId) -> Result<Vec<DueWebhook>> {
        read!(self, deliveries::due_webhooks(now, after))
    }

    async fn claim_deliveries(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueDelivery>> {
        transact!(self, deliveries::claim,
            (webhook = webhook, now = now, until = lease_until, limit = limit)
            => (*webhook, *now, *until, *limit))
    }

    async fn settle_delivery(&self, due: &DueDelivery, tried: &Tried, cause: &Cause) -> Result<Settled> {
        transact!(self, deliveries::settle,
            (due = due.clone(), tried = tried.clone(), cause = cause.clone()) => (due, tried, cause))
    }
}
