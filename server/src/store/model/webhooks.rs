//! Webhooks, and what goes to them.

use super::{AccountId, DeliveryId, Event, EventId, EventKind, NewSecret, WebhookId};
use jiff::{SignedDuration, Timestamp};

/// How long a delivery is tried, and how long a webhook may accept nothing.
pub const WEBHOOK_PATIENCE: SignedDuration = SignedDuration::from_hours(72);

/// Where an account wants to be told what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its number.
    pub id: WebhookId,
    /// Whose.
    pub account: AccountId,
    /// Where to send.
    pub url: String,
    /// What the customer calls it; may be empty.
    pub description: String,
    /// What it is told of.
    pub events: Vec<EventKind>,
    /// Whether anything is sent.
    pub active: bool,
    /// Why not, where nobody asked for that.
    pub disabled_reason: Option<String>,
    /// Since when nothing is accepted.
    pub failing_since: Option<Timestamp>,
    /// Until when the secret before the present one signs, too.
    pub old_secret_until: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A webhook to be made.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// Whose.
    pub account: AccountId,
    /// See [`Webhook`].
    pub url: String,
    /// See [`Webhook`].
    pub description: String,
    /// See [`Webhook`].
    pub events: Vec<EventKind>,
    /// See [`Webhook`].
    pub active: bool,
    /// Its signing secret, sealed.
    pub secret: NewSecret,
}

/// What is to be changed of a webhook; `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WebhookPatch {
    /// See [`Webhook`].
    pub url: Option<String>,
    /// See [`Webhook`].
    pub description: Option<String>,
    /// See [`Webhook`].
    pub events: Option<Vec<EventKind>>,
    /// See [`Webhook`].
    pub active: Option<bool>,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// It is to be tried, or to be tried again.
    Waiting,
    /// It was accepted.
    Delivered,
    /// It was given up.
    Failed,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Failed];

    /// As stored and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == text)
    }
}

/// One event on its way to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: DeliveryId,
    /// What happened; `None` for a test.
    pub event: Option<Event>,
    /// What became of it.
    pub state: DeliveryState,
    /// When it was queued for the first time.
    pub created_at: Timestamp,
    /// Tries since it was last queued.
    pub attempts: u32,
    /// When the last of them began.
    pub tried_at: Option<Timestamp>,
    /// When the next begins, where one failed.
    pub next_try_at: Option<Timestamp>,
    /// The HTTP status of the last answer.
    pub last_status: Option<u16>,
    /// What was wrong with the last try.
    pub last_error: Option<String>,
    /// When it was accepted or given up.
    pub finished_at: Option<Timestamp>,
}

/// A webhook to which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueWebhook {
    /// Which.
    pub id: WebhookId,
    /// Whether it accepted nothing lately.
    pub failing: bool,
}

/// A claimed delivery: what is needed to make a request of it.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// Its number.
    pub id: DeliveryId,
    /// To which webhook.
    pub webhook: WebhookId,
    /// Whose.
    pub account: AccountId,
    /// The line it is the first of.
    pub lane: i64,
    /// What happened; `None` for a test.
    pub event: Option<Event>,
    /// When it was queued for the first time.
    pub created_at: Timestamp,
    /// When its time began to run.
    pub since: Timestamp,
    /// Tries so far, this one counted.
    pub attempts: u32,
    /// Where to send it.
    pub url: String,
    /// The signing secret, sealed.
    pub secret: Vec<u8>,
    /// The one before it, while it is in use.
    pub old_secret: Option<Vec<u8>>,
}

/// What a try came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The HTTP status, where there was an answer.
    pub status: Option<u16>,
    /// What was wrong, as a sentence.
    pub error: Option<String>,
    /// What follows.
    pub outcome: TryOutcome,
}

/// What follows from a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryOutcome {
    /// The line moves on.
    Accepted,
    /// It is tried again then.
    Again(Timestamp),
    /// The line moves on without it.
    GivenUp,
    /// The receiver wants nothing any more: the webhook is disabled.
    Gone,
}

/// What came of writing that down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is written.
    Done,
    /// It is, and the webhook has been disabled.
    Disabled,
    /// Somebody else has taken the delivery meanwhile, or it is gone.
    Outdated,
}

/// What is to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replay {
    /// What the webhook is told of, from this event on, queued before or not.
    From(EventId),
    /// These, in the order of what happened.
    Deliveries(Vec<DeliveryId>),
}

/// What came of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// How many wait now that did not.
    pub queued: u64,
    /// The event to go on from, where there were too many for once.
    pub next: Option<EventId>,
}

/// Why something could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotQueued {
    /// The webhook is not active.
    Inactive,
    /// Some of the deliveries are not the webhook's, or are tests.
    UnknownDeliveries,
}
