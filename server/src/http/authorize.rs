//! `POST /api/authorize`

use super::{
    AppState,
    answer::Answer,
    auth::Uncounted,
    body::{Fields, Given, RawBody},
    error::{Failure, Result},
    openapi::{Body, Operation},
    rights::{Needs, objection},
    view::{AuthorizationView, Data},
};
use crate::ops::authorize::Outgoing;
use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
};
use lettre::message::Mailboxes;
use serde_json::{Value, json};
use signet_core::{
    authz::{self, Recipients, Source},
    company::FieldErrors,
};
use std::time::Duration;

/// How many recipients are taken. MTAs split messages with more.
const MAX_RECIPIENTS: usize = 1000;
/// How many texts `header_from` may be. More than that are refused anyway, see
/// [`authz::MAX_SOURCES`].
const MAX_FROM: usize = 100;
/// Characters of an address, or of a header From, that are looked at.
const MAX_ADDRESS: usize = 8192;
/// Characters of an MTA's name for a message.
const MAX_INSTANCE: usize = 255;
/// How long the gate may take to decide.
const DECISION: Duration = Duration::from_secs(30);

/// Says whether a message may go out, and counts it.
///
/// MTAs call this for every message, so that it does not count against the
/// token's rate limit; and they have to know what to do when the database is
/// away, also when that is found out while the token is looked up. An
/// `Idempotency-Key` is not heeded: what was allowed a day ago is nothing to go
/// by, and `instance` is what keeps a message from being counted twice.
pub(super) async fn authorize(
    State(app): State<AppState>,
    caller: Result<Uncounted>,
    RawBody(body): RawBody,
) -> Result<Answer> {
    let Uncounted(actor) = match caller {
        Err(Failure::Store(error)) => {
            tracing::error!(%error, "the sending gate cannot tell who asks");
            return Ok(answered(&authz::Answer::trouble()));
        }
        caller => caller?,
    };
    let outgoing = match outgoing(&body, !actor.is_operator()) {
        Ok(outgoing) => outgoing,
        Err(errors) => return Err(objection(&app, &actor, None, Needs::AccountAdmin, errors).await),
    };
    let decided = tokio::time::timeout(DECISION, app.ops().authorize_for(&actor, outgoing)).await;
    let Ok(decided) = decided else {
        tracing::error!("the sending gate takes too long to decide");
        return Ok(answered(&authz::Answer::trouble()));
    };
    Ok(answered(&decided?))
}

fn answered(answer: &authz::Answer) -> Answer {
    let view = Data { data: AuthorizationView::of(answer) };
    if *answer == authz::Answer::trouble() {
        return Answer::json(StatusCode::SERVICE_UNAVAILABLE, &view).with(RETRY_AFTER, HeaderValue::from(1));
    }
    Answer::ok(&view)
}

/// The message a body is about. Whoever is no operator asks about what their
/// own account sends.
fn outgoing(body: &[u8], of_their_own: bool) -> std::result::Result<Outgoing, FieldErrors> {
    let mut fields = Fields::plain(body)?;
    let account = fields.number("account_id");
    let envelope = fields.text("envelope_from");
    if matches!(envelope, Given::Nothing | Given::Null) {
        fields.object_to("envelope_from", "can't be missing: it is \"\" for the null sender");
    }
    let header_from = header_from(&mut fields);
    let recipients = recipients(&mut fields);
    let authenticated = fields.flag("authenticated");
    let count = counted(&mut fields);
    fields.none_wrong()?;
    let message = authz::Request {
        account,
        envelope: envelope_source(envelope.into_text().unwrap_or_default().trim()),
        header_from,
        // Whoever is known to be a customer has proven to be one.
        authenticated: authenticated.unwrap_or(of_their_own || account.is_some()),
        recipients: Recipients::All(recipients),
    };
    Ok(Outgoing { message, count })
}

fn envelope_source(text: &str) -> Source {
    let bare = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or(text);
    Source::parse(bare)
}

fn header_from(fields: &mut Fields) -> Option<Vec<Source>> {
    let texts = match fields.text_or_texts("header_from", MAX_FROM)? {
        texts if texts.iter().any(|text| text.trim().is_empty()) || texts.is_empty() => {
            fields.object_to("header_from", "can't be blank: leave it out where it is not known");
            return None;
        }
        texts => texts,
    };
    Some(texts.iter().flat_map(|text| mailboxes(text)).collect())
}

/// The domains of a header From (RFC 5322 §3.6.2). What cannot be read strictly
/// may be read in several ways, by receivers too, and is no domain of ours.
fn mailboxes(text: &str) -> Vec<Source> {
    let unreadable = || vec![Source::Other("(unreadable)".to_string())];
    if text.chars().count() > MAX_ADDRESS {
        return unreadable();
    }
    match text.trim().parse::<Mailboxes>() {
        Ok(all) => all.iter().map(|mailbox| Source::parse(mailbox.email.as_ref())).collect(),
        // Mailboxes there are that no grammar allows, with two dots in a row.
        Err(_) if is_bare(text.trim()) => vec![Source::parse(text.trim())],
        Err(_) => unreadable(),
    }
}

/// Whether it is one address and nothing else, whoever reads it.
fn is_bare(text: &str) -> bool {
    let special = |c: char| c.is_whitespace() || "<>()[]:;,\\\"".contains(c);
    !text.contains(special) && text.matches('@').count() == 1
}

fn recipients(fields: &mut Fields) -> Vec<String> {
    match fields.texts("recipients", MAX_RECIPIENTS) {
        Some(all) if all.is_empty() || all.iter().any(|one| one.trim().is_empty()) => {
            fields.object_to("recipients", "can't be blank: name every recipient");
            vec![]
        }
        Some(all) => all,
        None => {
            fields.object_unless_noted("recipients", "can't be blank: name every recipient");
            vec![]
        }
    }
}

/// By which name the message is to be counted, if it is.
fn counted(fields: &mut Fields) -> Option<String> {
    let instance = fields.text("instance");
    let at_end = match fields.text("stage") {
        Given::Nothing => true,
        Given::Text(stage) if stage == "end_of_data" => true,
        Given::Text(stage) if stage == "rcpt" => false,
        Given::Wrong => return None,
        Given::Null | Given::Text(_) => {
            fields.object_to("stage", "is invalid: must be rcpt or end_of_data");
            return None;
        }
    };
    match instance {
        Given::Text(text) if text.chars().count() > MAX_INSTANCE => {
            fields.object_to("instance", format!("is too long: at most {MAX_INSTANCE} characters"));
            None
        }
        Given::Text(text) if !text.trim().is_empty() => Some(text).filter(|_| at_end),
        Given::Wrong => None,
        Given::Nothing if !at_end => None,
        Given::Nothing | Given::Null | Given::Text(_) => {
            fields.object_to(
                "instance",
                "can't be blank at end_of_data, where it keeps a message from being counted twice, nor where it is \
                 given",
            );
            None
        }
    }
}

/// The operation in the OpenAPI document.
pub(super) fn operation() -> Operation {
    Operation::post("/api/authorize", "authorizeMessage", "May this message go out")
        .exempt()
        .description(
            "The sending gate, for an MTA to ask at RCPT TO, where it only looks, and at the end of the data, where \
             it counts. A message counts once, however often it is asked about under the same `instance`.\n\n\
             Every domain the message names must be allowed, the envelope sender's and the header From's, and all \
             of them in one account. `action` is what to do: `allow`; `defer`, answer 4xx and be asked again; or \
             `reject`. `code`, `enhanced_status` and `text` are the SMTP reply. When the database cannot be reached \
             the answer is the same with status 503: `defer` with 451 4.3.0. A client that gets no answer at all \
             should do likewise.\n\n\
             Needs admin access to the account, since messages are counted; the token's account is the one that \
             sends. An operator's token may name any account, or none: then whoever has the domain verified counts. \
             A suspension holds within 5 seconds, on every node.\n\n\
             Not counted against the token's rate limit. An `Idempotency-Key` is not heeded.",
        )
        .body(Body::Plain(request_schema(), example()))
        .answers(200, "AuthorizationResponse")
        .answers(404, "NotFound")
        .answers(422, "UnprocessableEntity")
        .answers(503, "AuthorizationTroubleResponse")
}

fn example() -> Value {
    json!({
        "envelope_from": "bounce@sg-abcdefghijklmnop.example.com",
        "header_from": "Jo <jo@example.com>",
        "recipients": ["ann@example.net"],
        "instance": "4fGh2k1Zx9z",
    })
}

fn request_schema() -> Value {
    let text = json!({"type": "string", "minLength": 1});
    json!({
        "type": "object",
        "required": ["envelope_from", "recipients"],
        "properties": {
            "account_id": {
                "type": "integer",
                "description": "The account that sends. Any other than the token's own does not exist for it; an \
                                operator's token may name any, or leave it out.",
                "examples": [1],
            },
            "envelope_from": {
                "type": "string",
                "description": "The address of MAIL FROM; `\"\"` or `<>` is the null sender, which follows the \
                                header From.",
                "examples": ["bounce@sg-abcdefghijklmnop.example.com"],
            },
            "header_from": {
                "anyOf": [text, {"type": "array", "items": text, "minItems": 1, "maxItems": MAX_FROM}],
                "description": "The header From, where it is known: as it stands, or as a list of its addresses, \
                                with or without names. One that cannot be read is refused.",
                "examples": ["Jo <jo@example.com>"],
            },
            "recipients": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "maxItems": MAX_RECIPIENTS,
                "description": "The addresses of RCPT TO: all of them at the end of the data.",
                "examples": [["ann@example.net"]],
            },
            "instance": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_INSTANCE,
                "description": "The MTA's name for this very message, the same whenever it asks again and never for \
                                another: its queue id will do where it does not come again within a week. Needed \
                                at the end of the data.",
                "examples": ["4fGh2k1Zx9z"],
            },
            "stage": {
                "type": "string",
                "enum": ["rcpt", "end_of_data"],
                "default": "end_of_data",
                "description": "- `rcpt`: only look\n- `end_of_data`: the message is complete; count it",
                "examples": ["end_of_data"],
            },
            "authenticated": {
                "type": "boolean",
                "description": "Whether a customer has proven to be one, as with SMTP AUTH: then the null sender \
                                without a header From is refused. Without it: whether the account is known.",
                "examples": [true],
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_from_is_read_strictly_or_not_at_all() {
        let domains = |text: &str| -> Vec<String> {
            let shown = |source: Source| match source {
                Source::Domain(name) => name.to_string(),
                Source::Null => "<>".to_string(),
                Source::Other(text) => text,
            };
            mailboxes(text).into_iter().map(shown).collect()
        };
        for (text, expected) in [
            ("jo@example.com", &["example.com"][..]),
            (" jo@example.com ", &["example.com"]),
            ("Jo <jo@Example.COM>", &["example.com"]),
            ("\"Jo, Ann\" <jo@example.com>", &["example.com"]),
            ("\"ann@example.net\" <jo@example.com>", &["example.com"]),
            ("=?utf-8?q?J=C3=B6?= <jo@example.com>", &["example.com"]),
            ("Jö <jö@bücher.example>", &["xn--bcher-kva.example"]),
            ("jo@example.com, Ann <ann@example.net>", &["example.com", "example.net"]),
            ("jo..x@example.com", &["example.com"]),
            ("ann@example.net <jo@example.com>", &["(unreadable)"]),
            ("jo@example.com ann@example.net", &["(unreadable)"]),
            ("jo@example.com@example.net", &["(unreadable)"]),
            ("<@example.net:jo@example.com>", &["(unreadable)"]),
            ("friends: jo@example.com;", &["(unreadable)"]),
            ("Jo <jo@example.com", &["(unreadable)"]),
            ("jo@example.com,", &["(unreadable)"]),
            ("<>", &["(unreadable)"]),
            ("jo", &["(unreadable)"]),
        ] {
            assert_eq!(domains(text), expected, "{text}");
        }
        assert_eq!(domains(&format!("{} <jo@example.com>", "x".repeat(MAX_ADDRESS))), ["(unreadable)"]);
    }
}
