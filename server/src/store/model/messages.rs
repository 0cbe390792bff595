//! Messages on their way, and answers kept for replay.

use super::OutboxId;
use jiff::Timestamp;

/// A message waiting to be sent.
#[derive(Clone, Debug)]
pub struct OutboxItem {
    /// Its number.
    pub id: OutboxId,
    /// What to send.
    pub message: Message,
    /// Tries so far, this one not counted.
    pub attempts: u32,
    /// When it was queued.
    pub queued_at: Timestamp,
}

/// A message, complete but for its transport: whatever it says was decided when
/// it was queued.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Message {
    /// Recipient address.
    pub to: String,
    /// Subject, without line breaks.
    pub subject: String,
    /// Plain text body.
    pub text: String,
    /// HTML body.
    pub html: String,
    /// Attachments: file name, media type, content.
    pub attachments: Vec<Attachment>,
    /// Where one click stops messages of this kind (RFC 8058).
    #[serde(default)]
    pub unsubscribe: Option<String>,
    /// `Message-ID` without angle brackets, the same on every try.
    pub message_id: String,
}

/// A file attached to a [`Message`].
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Attachment {
    /// File name, ASCII.
    pub name: String,
    /// Media type.
    pub media_type: String,
    /// Text content.
    pub content: String,
}

/// How many set-up instructions may go out within a day.
#[derive(Clone, Copy, Debug)]
pub struct InstructionCaps {
    /// From one account.
    pub per_account: u32,
    /// To one recipient, over all accounts.
    pub per_recipient: u32,
}

/// The cap that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapReached {
    /// See [`InstructionCaps`].
    Account,
    /// See [`InstructionCaps`].
    Recipient,
}

/// Which request an `Idempotency-Key` belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IdempotencyScope {
    /// The token, or the JWT's subject, hashed.
    pub owner: String,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The key.
    pub key: String,
}

/// An answer kept for replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// HTTP status.
    pub status: u16,
    /// Body.
    pub body: String,
}

/// What an `Idempotency-Key` has seen before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Nothing: go on, and report the answer.
    New,
    /// The same request, answered like this.
    Replay(StoredAnswer),
    /// Another body under the same key.
    OtherBody,
    /// The same request, still being answered.
    InProgress,
}
