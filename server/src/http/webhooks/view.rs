//! What answers show of webhooks, member by member in the hosted service's
//! order, then what is ours.

use super::{FORMAT, TYPE};
use crate::{
    http::view::{Millis, text},
    store::{Delivery, Webhook},
};
use serde::Serialize;

/// A webhook.
#[derive(Serialize)]
pub(super) struct WebhookView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    signing_secret: Option<&'a str>,
    id: i64,
    url: &'a str,
    active: bool,
    webhook_type: &'static str,
    payload_format: &'static str,
    event_types: Vec<&'static str>,
    description: Option<&'a str>,
    disabled_reason: Option<&'a str>,
    failing_since: Option<Millis>,
    old_secret_valid_until: Option<Millis>,
    created_at: Millis,
    updated_at: Millis,
}

impl<'a> WebhookView<'a> {
    /// Without its secret.
    pub(super) fn of(webhook: &'a Webhook) -> Self {
        Self {
            signing_secret: None,
            id: webhook.id.0,
            url: &webhook.url,
            active: webhook.active,
            webhook_type: TYPE,
            payload_format: FORMAT,
            event_types: webhook.events.iter().map(|kind| kind.as_str()).collect(),
            description: text(&webhook.description),
            disabled_reason: webhook.disabled_reason.as_deref(),
            failing_since: webhook.failing_since.map(Millis),
            old_secret_valid_until: webhook.old_secret_until.map(Millis),
            created_at: Millis(webhook.created_at),
            updated_at: Millis(webhook.updated_at),
        }
    }

    /// With its secret, which is shown only when it is made.
    pub(super) fn with_secret((webhook, secret): &'a (Webhook, String)) -> Self {
        Self { signing_secret: Some(secret), ..Self::of(webhook) }
    }
}

/// A delivery.
#[derive(Serialize)]
pub(super) struct DeliveryView<'a> {
    id: i64,
    r#type: &'a str,
    event_id: Option<i64>,
    domain: Option<DomainView<'a>>,
    state: &'static str,
    created_at: Millis,
    attempts: u32,
    tried_at: Option<Millis>,
    next_try_at: Option<Millis>,
    last_status: Option<u16>,
    last_error: Option<&'a str>,
    finished_at: Option<Millis>,
}

#[derive(Serialize)]
struct DomainView<'a> {
    id: i64,
    name: &'a str,
}

impl<'a> DeliveryView<'a> {
    pub(super) fn of(delivery: &'a Delivery) -> Self {
        let event = delivery.event.as_ref();
        let domain = event.and_then(|event| event.domain.zip(event.domain_name.as_deref()));
        Self {
            id: delivery.id.0,
            r#type: event.map_or("test", |event| &event.kind),
            event_id: event.map(|event| event.id.0),
            domain: domain.map(|(id, name)| DomainView { id: id.0, name }),
            state: delivery.state.as_str(),
            created_at: Millis(delivery.created_at),
            attempts: delivery.attempts,
            tried_at: delivery.tried_at.map(Millis),
            next_try_at: delivery.next_try_at.map(Millis),
            last_status: delivery.last_status,
            last_error: delivery.last_error.as_deref(),
            finished_at: delivery.finished_at.map(Millis),
        }
    }
}

/// A test on its way.
#[derive(Serialize)]
pub(super) struct QueuedView {
    pub(super) delivery_id: i64,
}

/// What a replay came to.
#[derive(Serialize)]
pub(super) struct ReplayedView {
    pub(super) queued: u64,
    pub(super) next_event: Option<i64>,
}
