//! What is told of an account.

use super::{
    letter::{Block, Letter, Tone},
    notices::{Envelope, sender},
    time,
};
use jiff::Timestamp;

/// That a token ends.
pub(super) fn token(
    name: &str,
    expires_at: Timestamp,
    last4: Option<&str>,
    envelope: &Envelope<'_>,
) -> Letter {
    let ends = time(expires_at);
    let which = last4.map_or_else(String::new, |last4| format!(", which ends in `{last4}`,"));
    let body = vec![
        Block::text(format!("The API token “{name}”{which} is refused from {ends} on.")),
        Block::heading("What to do"),
        Block::text(
            "If something still uses it, make another token and put it in its place before then. If nothing does, \
             nothing is to be done.",
        ),
    ];
    letter(format!("The API token “{name}” ends on {ends}"), body, envelope)
}

/// That a webhook is asked no more. `why` is a sentence.
pub(super) fn webhook(url: &str, why: &str, envelope: &Envelope<'_>) -> Letter {
    let body = vec![
        Block::text(format!("Nothing is sent to `{url}` any more. {why}")),
        Block::heading("What to do"),
        Block::text(
            "Put right what answers there, then turn the webhook on again over the API. What it has missed is sent \
             again when you ask for it, with `POST /api/webhooks/{id}/replay`. If nothing is to go there any more, \
             delete it.",
        ),
    ];
    letter("A webhook is turned off".to_string(), body, envelope)
}

fn letter(headline: String, body: Vec<Block>, envelope: &Envelope<'_>) -> Letter {
    let footer = vec![Block::text("You get this as the owner of the account."), sender(envelope)];
    Letter { headline, tone: Tone::Warning, body, footer, unsubscribe: None }
}
