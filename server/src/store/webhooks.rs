//! The store, as webhooks and their deliveries use it.
//!
//! What happens is handed to an account's webhooks in the transaction that
//! writes the history row, so nothing here adds to a queue but tests and
//! replays.

use super::{
    AccountId, Cause, Delivery, DeliveryId, DeliveryState, DueDelivery, DueWebhook, EventId, NewSecret,
    NewWebhook, NotQueued, Replay, Replayed, Result, Settled, Tried, Webhook, WebhookId, WebhookPatch,
};
use async_trait::async_trait;
use jiff::Timestamp;

/// Part of [`super::Store`].
#[async_trait]
pub trait WebhookStore {
    /// Makes a webhook, unless the account has `limit` of them.
    async fn create_webhook(
        &self,
        webhook: &NewWebhook,
        limit: u32,
        cause: &Cause,
    ) -> Result<Option<Webhook>>;
    /// An account's webhooks, by number.
    async fn webhooks(&self, account: AccountId) -> Result<Vec<Webhook>>;
    /// One webhook of an account.
    async fn webhook(&self, account: AccountId, id: WebhookId) -> Result<Option<Webhook>>;
    /// Changes a webhook; the webhook afterwards. No history row where nothing
    /// changed. One that becomes active goes on at once with what waits.
    async fn update_webhook(
        &self,
        account: AccountId,
        id: WebhookId,
        patch: &WebhookPatch,
        cause: &Cause,
    ) -> Result<Option<Webhook>>;
    /// Deletes a webhook with all that is on its way to it; what it was.
    async fn delete_webhook(
        &self,
        account: AccountId,
        id: WebhookId,
        cause: &Cause,
    ) -> Result<Option<Webhook>>;
    /// Gives a webhook another sealed secret; the present one goes on signing,
    /// too, until `old_until`.
    async fn rotate_webhook_secret(
        &self,
        account: AccountId,
        id: WebhookId,
        secret: &NewSecret,
        old_until: Timestamp,
        cause: &Cause,
    ) -> Result<Option<Webhook>>;
    /// Queues a test; its number.
    async fn test_webhook(
        &self,
        account: AccountId,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<Option<std::result::Result<DeliveryId, NotQueued>>>;
    /// What went or goes to a webhook of an account, the last first, from before
    /// `before` on.
    async fn deliveries(
        &self,
        account: AccountId,
        id: WebhookId,
        state: Option<DeliveryState>,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>>;
    /// The first history row of an account since then.
    async fn first_event_since(&self, account: AccountId, since: Timestamp) -> Result<Option<EventId>>;
    /// Queues again what was delivered or given up, or never queued; `limit` at
    /// most. What waits already is tried at once.
    async fn replay(
        &self,
        account: AccountId,
        id: WebhookId,
        what: &Replay,
        limit: u32,
        now: Timestamp,
    ) -> Result<Option<std::result::Result<Replayed, NotQueued>>>;

    /// Active webhooks to which something is due that nobody holds, those with a
    /// number above `after` first.
    async fn due_webhooks(&self, now: Timestamp, after: WebhookId) -> Result<Vec<DueWebhook>>;
    /// Takes the first of up to `limit` lines of a webhook that are due, until
    /// `lease_until`, and counts the tries.
    async fn claim_deliveries(
        &self,
        webhook: WebhookId,
        now: Timestamp,
        lease_until: Timestamp,
        limit: u32,
    ) -> Result<Vec<DueDelivery>>;
    /// Writes down what a try came to. With it a webhook that has accepted
    /// nothing for [`super::WEBHOOK_PATIENCE`], or wants nothing any more, is
    /// disabled; the delivery then goes on waiting.
    async fn settle_delivery(&self, due: &DueDelivery, tried: &Tried, cause: &Cause) -> Result<Settled>;
}
