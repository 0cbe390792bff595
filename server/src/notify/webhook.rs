//! What a webhook is sent: one event as JSON, signed by Standard Webhooks
//! (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md).
//!
//! The body is made of the history row, which never changes, and nothing else:
//! every try has the same bytes, and so has every replay.

use crate::store::{DueDelivery, Event};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// What a signing secret begins with, as people are shown it.
const SECRET_PREFIX: &str = "whsec_";

/// How long a signing secret is, in bytes; the specification wants 24 to 64.
pub const SECRET_LEN: usize = 32;

/// A secret as it is shown: what libraries that verify take.
#[must_use]
pub fn shown_secret(secret: &[u8]) -> String {
    format!("{SECRET_PREFIX}{}", STANDARD.encode(secret))
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    timestamp: Millis,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    id: Option<i64>,
    account_id: i64,
    domain: Option<Domain<'a>>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    reason: Option<&'a str>,
    record: Option<&'a str>,
    actor: &'a str,
}

#[derive(Serialize)]
struct Domain<'a> {
    id: i64,
    name: &'a str,
}

struct Millis(Timestamp);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

/// What is sent of a delivery; the same whenever it is.
#[must_use]
pub fn body(due: &DueDelivery) -> Vec<u8> {
    let body = match &due.event {
        Some(event) => of_event(event),
        None => Body {
            r#type: "test",
            timestamp: Millis(due.created_at),
            data: Data {
                id: None,
                account_id: due.account.0,
                domain: None,
                from: None,
                to: None,
                reason: Some("This is a test; nothing happened."),
                record: None,
                actor: "signet",
            },
        },
    };
    serde_json::to_vec(&body).expect("it has text keys and nothing that fails to serialize")
}

fn of_event(event: &Event) -> Body<'_> {
    let domain = event.domain.zip(event.domain_name.as_deref());
    Body {
        r#type: &event.kind,
        timestamp: Millis(event.at),
        data: Data {
            id: Some(event.id.0),
            account_id: event.account.0,
            domain: domain.map(|(id, name)| Domain { id: id.0, name }),
            from: event.from.as_deref(),
            to: event.to.as_deref(),
            reason: Some(event.reason.as_str()).filter(|reason| !reason.is_empty()),
            record: event.record.as_deref(),
            actor: &event.actor,
        },
    }
}

/// The `webhook-id`: the same on every try and in every replay, so that a
/// receiver knows what it has had.
#[must_use]
pub fn id(due: &DueDelivery) -> String {
    match &due.event {
        Some(event) => format!("evt_{}", event.id),
        None => format!("test_{}", due.id),
    }
}

/// The `webhook-signature`: one for each secret in use, the present one first.
#[must_use]
pub fn signature<'a>(
    secrets: impl IntoIterator<Item = &'a [u8]>,
    id: &str,
    at: Timestamp,
    body: &[u8],
) -> String {
    let of = |secret: &[u8]| {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret));
        context.update(format!("{id}.{}.", at.as_second()).as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    };
    secrets.into_iter().map(of).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AccountId, DeliveryId, DomainId, EventId, WebhookId};

    fn due(event: Option<Event>) -> DueDelivery {
        DueDelivery {
            id: DeliveryId(8),
            webhook: WebhookId(3),
            account: AccountId(1),
            lane: 7,
            event,
            created_at: "2026-04-28T08:19:31.769Z".parse().unwrap(),
            since: Timestamp::UNIX_EPOCH,
            attempts: 1,
            url: String::new(),
            secret: vec![],
            old_secret: None,
        }
    }

    /// What the implementations of the specification are tested with.
    #[test]
    fn the_specifications_example_is_signed_as_it_says() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(signature([&*secret], id, at, body), one);
        let two = signature([&[1; 32], &*secret], id, at, body);
        assert!(two.starts_with("v1,") && two.ends_with(&format!(" {one}")), "{two}");
        assert_eq!(shown_secret(&secret), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    }

    #[test]
    fn the_body_says_what_the_history_says() {
        let event = Event {
            id: EventId(1042),
            at: "2026-04-28T08:19:31.769123Z".parse().unwrap(),
            kind: "domain.record_changed".to_string(),
            account: AccountId(1),
            domain: Some(DomainId(7)),
            domain_name: Some("example.com".to_string()),
            actor: "signet".to_string(),
            origin: "192.0.2.7 request 0190".to_string(),
            reason: String::new(),
            from: Some("missing".to_string()),
            to: Some("pass".to_string()),
            record: Some("dkim1".to_string()),
            evidence: Some("{}".to_string()),
        };
        let due_event = due(Some(event));
        assert_eq!(
            String::from_utf8(body(&due_event)).unwrap(),
            r#"{"type":"domain.record_changed","timestamp":"2026-04-28T08:19:31.769Z","data":{"id":1042,"account_id":1,"domain":{"id":7,"name":"example.com"},"from":"missing","to":"pass","reason":null,"record":"dkim1","actor":"signet"}}"#
        );
        assert_eq!(id(&due_event), "evt_1042");
        let test = due(None);
        assert_eq!(
            String::from_utf8(body(&test)).unwrap(),
            r#"{"type":"test","timestamp":"2026-04-28T08:19:31.769Z","data":{"id":null,"account_id":1,"domain":null,"from":null,"to":null,"reason":"This is a test; nothing happened.","record":null,"actor":"signet"}}"#
        );
        assert_eq!(id(&test), "test_8");
    }
}
