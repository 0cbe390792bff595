//! What the operator is told.

use crate::store::Message;
use askama::Template;
use jiff::Timestamp;
use signet_core::{email::EmailAddress, lifecycle::freeze::AtStake};

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
pub fn demotions_frozen(at_stake: &AtStake, to: &EmailAddress, message_id: String) -> Message {
    let (domains, verified) = (at_stake.losing + at_stake.lost, at_stake.verified);
    Message {
        to: to.to_string(),
        subject: format!("{domains} domains would lose verification: held back"),
        text: super::rendered(&FrozenText { domains, verified }),
        html: super::rendered(&FrozenHtml { domains, verified }),
        attachments: Vec::new(),
        message_id,
    }
}

#[derive(Template)]
#[template(path = "blind.txt")]
struct BlindText {
    since: String,
}

#[derive(Template)]
#[template(path = "blind.html")]
struct BlindHtml {
    since: String,
}

/// That no look at any domain has got an answer since then.
#[must_use]
pub fn blind(since: Timestamp, to: &EmailAddress, message_id: String) -> Message {
    let since = since.strftime("%Y-%m-%d %H:%M UTC").to_string();
    Message {
        to: to.to_string(),
        subject: "DNS gives no answers: no domain can be checked".to_string(),
        text: super::rendered(&BlindText { since: since.clone() }),
        html: super::rendered(&BlindHtml { since }),
        attachments: Vec::new(),
        message_id,
    }
}
