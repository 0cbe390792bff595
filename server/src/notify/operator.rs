//! What the operator is told.

use crate::store::Message;
use askama::Template;
use signet_core::{email::EmailAddress, lifecycle::freeze::Tally};

#[derive(Template)]
#[template(path = "demotions_frozen.txt")]
struct FrozenText {
    domains: u64,
    verified: u64,
}

#[derive(Template)]
#[template(path = "demotions_frozen.html")]
struct FrozenHtml {
    domains: u64,
    verified: u64,
}

/// That so many domains would lose verification at once that none does.
#[must_use]
pub fn demotions_frozen(tally: &Tally, to: &EmailAddress, message_id: String) -> Message {
    let (domains, verified) = (tally.losing + tally.lost, tally.verified);
    Message {
        to: to.to_string(),
        subject: format!("{domains} domains would lose verification: held back"),
        text: super::rendered(&FrozenText { domains, verified }),
        html: super::rendered(&FrozenHtml { domains, verified }),
        attachments: Vec::new(),
        message_id,
    }
}
