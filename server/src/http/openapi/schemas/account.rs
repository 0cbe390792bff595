//! The bodies about an account: its tokens, and what happened in it.

use super::{described, event_type, nullable_text, text, whole, words};
use serde_json::{Value, json};

pub(super) fn audit_event() -> Value {
    let nullable = |description: &str, kind: &str, example: Value| {
        described(json!({"type": [kind, "null"]}), description, example)
    };
    let domain = whole(
        "AuditDomain",
        "The domain it is about.",
        json!({
            "id": described(json!({"type": "integer"}), "Its id.", json!(3938)),
            "name": nullable_text("What it was called.", json!("example.com")),
        }),
    );
    whole(
        "AuditEvent",
        "Something that happened.",
        json!({
            "id": described(json!({"type": "integer"}), "Its id, never used twice.", json!(1042)),
            "at": text("When, in RFC 3339 with milliseconds.", "2026-04-28T08:19:31.769Z"),
            "type": event_type(),
            "account_id": nullable("Whose it is; `null` for what concerns no single account.", "integer", json!(1)),
            "domain": {"oneOf": [domain, {"type": "null"}], "description": "The domain it is about, if it is about one."},
            "actor": text(
                "Who did it: `token:` or `jwt:` with a name, `operator`, or `signet` for the server itself.", "token:7",
            ),
            "origin": text(
                "From where: an address with the request's id, `command line`, or `here` for what happens by itself.",
                "192.0.2.7 request 0198f6a2-7c1e-7b0a-9d52-3f1c2b6a8e44",
            ),
            "reason": nullable_text("Why, where there is more to say.", json!("Listed by mistake")),
            "from": nullable_text("What was before.", json!("missing")),
            "to": nullable_text("What is now.", json!("pass")),
            "record": nullable_text("The `key` of the record it is about.", json!("dkim1")),
            "evidence": described(
                json!({}), "What it was decided by, in a form of each type's own; `null` where that is all said.", Value::Null,
            ),
        }),
    )
}

pub(super) fn account() -> Value {
    whole(
        "AccountAccess",
        "An account a token belongs to.",
        json!({
            "id": described(json!({"type": "integer"}), "Its id.", json!(1)),
            "name": text("What it is called.", "default"),
            "access_levels": described(
                json!({"type": "array", "items": {"type": "integer"}}),
                "What the token may do there: 1000 (operator), 100 (admin), 10 (viewer), 1 (single domains only).",
                json!([100]),
            ),
        }),
    )
}

pub(super) fn api_token(with_secret: bool) -> Value {
    let mut properties = json!({
        "id": described(json!({"type": "integer"}), "Its id.", json!(7)),
        "name": text("What it is for.", "CI"),
        "last_4_digits": text("The last four characters of its secret.", "x7k9"),
        "created_by": text(
            "Who made it: `token:` or `jwt:` with a name, `operator`, or `signet` for the first one.", "token:1",
        ),
        "expires_at": nullable_text(
            "From when on it is refused, in RFC 3339; `null`: never.", json!("2027-04-28T08:19:31.769Z"),
        ),
        "resources": {
            "type": "array",
            "description": "What it is for.",
            "items": {"$ref": "#/components/schemas/ResourcePermission"},
        },
    });
    if !with_secret {
        return whole("ApiToken", "An API token, without its secret.", properties);
    }
    properties["token"] = text(
        "Its secret, in full. It is shown this once.",
        "sgt_Vt0n0W5fJmXHcVb7lGk4q5o0T4sB3T6cJ7mXyYd2x7k9",
    );
    whole("ApiTokenWithToken", "An API token, with its secret.", properties)
}

pub(super) fn resource_permission() -> Value {
    whole(
        "ResourcePermission",
        "What a token may do with something.",
        json!({
            "resource_type": words(
                "What kind of thing.",
                [
                    ("account", "the account with all its domains".to_string()),
                    ("domain", "a single domain".to_string()),
                ],
            ),
            "resource_id": described(json!({"type": ["integer", "string"]}), "Its id.", json!(1)),
            "access_level": described(
                json!({"type": "integer", "enum": [10, 100, 1000]}),
                "10: viewer. 100: admin. 1000: operator, which only operators see and give.",
                json!(100),
            ),
        }),
    )
}
