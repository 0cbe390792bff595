//! What the operator is told.

use super::letter::{Block, Letter, Tone};
use crate::store::Message;
use jiff::Timestamp;
use signet_core::{email::EmailAddress, lifecycle::freeze::AtStake};

/// That so many domains would lose verification at once that none does.
#[must_use]
pub fn demotions_frozen(at_stake: &AtStake, to: &EmailAddress, message_id: String) -> Message {
    let (domains, verified) = (at_stake.losing + at_stake.lost, at_stake.verified);
    let body = vec![
        Block::text(format!(
            "Within an hour {domains} of {verified} verified domains would lose their verification. So many at once \
             are hardly the fault of their owners, so Signet holds all of these demotions back: the domains stay \
             verified, their mail goes on, and they are looked at again and again."
        )),
        Block::heading("What to look at first"),
        Block::Items(vec![
            "Are the resolvers in `SIGNET_DNS_RESOLVERS` well, and the network around them?".to_string(),
            "Do the domains share a DNS host that is down or has lost its customers’ zones?".to_string(),
            "Does our own zone answer?".to_string(),
        ]),
        Block::text(
            "If the domains are right again, nothing is to be done: the brake lets go by itself. If they have really \
             lost their records, let the demotions go ahead:",
        ),
        Block::Command("signet domains release".to_string()),
    ];
    letter(format!("{domains} domains would lose verification: held back"), body).to(to, message_id)
}

/// That no look at any domain has got an answer since then.
#[must_use]
pub fn blind(since: Timestamp, to: &EmailAddress, message_id: String) -> Message {
    let since = super::time(since);
    let body = vec![
        Block::text(format!("Since {since} no look at any domain has got an answer.")),
        Block::text(
            "That changes nothing for anybody: a failure to look is no evidence, domains stay as they were and their \
             mail goes on. But nothing that has changed is noticed.",
        ),
        Block::heading("What to look at first"),
        Block::Items(vec![
            "Are the resolvers in `SIGNET_DNS_RESOLVERS` well?".to_string(),
            "May this machine send to port 53, UDP and TCP, and receive what comes back?".to_string(),
        ]),
    ];
    letter("DNS gives no answers: no domain can be checked".to_string(), body).to(to, message_id)
}

fn letter(headline: String, body: Vec<Block>) -> Letter {
    let footer = vec![Block::text(
        "You get this as the operator of Signet, once; it says nothing more until this is over.",
    )];
    Letter { headline, tone: Tone::Bad, body, footer, unsubscribe: None }
}
