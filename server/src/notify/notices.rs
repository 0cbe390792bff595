//! Notices as messages: of one domain, or of many that share a cause.

use super::{account, letter::Block, status, trouble};
use crate::store::{About, Message, Notice};
use signet_core::email::EmailAddress;

/// Domains a digest names; the others it counts.
pub const LISTED: usize = 100;

/// A notice with the links that belong to it.
#[derive(Clone, Debug)]
pub struct Item<'a> {
    /// What is told.
    pub notice: &'a Notice,
    /// Where its alerts are turned off.
    pub mute: Option<String>,
    /// Where its questionnaire is answered.
    pub questionnaire: Option<String>,
    /// Where its card check is passed; `None` where the operator tells.
    pub card: Option<String>,
}

/// What every message says beside what it is about.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// To whom.
    pub to: &'a EmailAddress,
    /// The account's owner.
    pub owner: &'a EmailAddress,
    /// Where people see who we are.
    pub service: &'a str,
    /// Whom to write to.
    pub operator: &'a EmailAddress,
    /// What the notices share, see [`crate::store::Alert::cause`].
    pub cause: &'a str,
}

/// The message about notices of one kind and cause; none about no notice.
#[must_use]
pub fn compose(items: &[Item<'_>], envelope: &Envelope<'_>, message_id: String) -> Option<Message> {
    let first = items.first()?;
    let letter = match &first.notice.about {
        About::Compliance { .. } => status::changed(first, items, envelope),
        About::Asked { what, reason } => status::asked(first, *what, reason, envelope),
        About::TokenExpiring { name, expires_at, last4 } => {
            account::token(name, *expires_at, last4.as_deref(), envelope)
        }
        About::WebhookDisabled { url, why } => account::webhook(url, why, envelope),
        _ => trouble::letter(first, items, envelope),
    };
    Some(letter.to(envelope.to, message_id))
}

/// "And 3 more", where not all are listed.
pub(super) fn and_more(all: usize) -> Option<Block> {
    let more = all.saturating_sub(LISTED);
    (more > 0).then(|| Block::text(format!("And {more} more.")))
}

/// Who sent this.
pub(super) fn sender(envelope: &Envelope<'_>) -> Block {
    Block::text(format!(
        "Sent by the mail service at {}. Questions go to {}.",
        envelope.service, envelope.operator
    ))
}
