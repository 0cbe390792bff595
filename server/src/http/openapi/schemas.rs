//! The bodies, field by field and word by word.

mod account;
mod keys;
mod review;
mod zone;

use crate::store::EventKind;
use serde_json::{Map, Value, json};
use signet_core::{
    lifecycle::ComplianceStatus,
    plan::RecordKey,
    verify::{Code, Status},
};

/// The `schemas` object.
pub(super) fn schemas() -> Value {
    let mut schemas = ours();
    for more in [review::schemas(), keys::schemas()] {
        if let (Some(all), Value::Object(more)) = (schemas.as_object_mut(), more) {
            all.extend(more);
        }
    }
    schemas
}

fn ours() -> Value {
    json!({
        "Domain": domain(),
        "UpdateDomainRequest": update_domain_request(),
        "CompanyInfo": company_info(),
        "CompanyInfoRequest": company_info_request(true),
        "CompanyInfoUpdateRequest": company_info_request(false),
        "ReportEntry": report_entry(),
        "Event": event(),
        "DomainZone": zone::domain_zone(),
        "DomainConnect": zone::domain_connect(),
        "Authorization": authorization(),
        "AuditEvent": account::audit_event(),
        "AccountAccess": account::account(),
        "ApiToken": account::api_token(false),
        "ApiTokenWithToken": account::api_token(true),
        "ResourcePermission": account::resource_permission(),
        "UnauthenticatedResponse": error_text("UnauthenticatedResponse", "error", "Incorrect API token"),
        "PermissionsDeniedResponse": error_text("PermissionsDeniedResponse", "errors", "Access forbidden"),
        "NotFoundResponse": error_text("NotFoundResponse", "error", "Not Found"),
        "TooManyRequestsResponse": error_text(
            "TooManyRequestsResponse", "errors", "Too many requests with this token: try again in 1 s",
        ),
        "FailureResponse": error_text("FailureResponse", "error", "Internal Server Error"),
        "UnprocessableEntity": {
            "type": "object",
            "required": ["errors"],
            "properties": {
                "errors": {
                    "type": "object",
                    "description": "By attribute what is wrong with it, in words for people that complete the \
                                    attribute's name; under `base` whole sentences on what belongs to none.",
                    "additionalProperties": {"type": "array", "items": {"type": "string"}},
                },
            },
            "examples": [{"errors": {"website_url": ["can't be blank", "is invalid"]}}],
        },
    })
}

/// Words with their meanings, as an `enum` and in the description.
pub(super) fn words(intro: &str, words: impl IntoIterator<Item = (&'static str, String)>) -> Value {
    let words: Vec<(&str, String)> = words.into_iter().collect();
    let listed: Vec<String> = words.iter().map(|(word, meaning)| format!("- `{word}`: {meaning}")).collect();
    json!({
        "type": "string",
        "enum": words.iter().map(|(word, _)| *word).collect::<Vec<_>>(),
        "description": format!("{intro}\n\n{}", listed.join("\n")),
    })
}

pub(super) fn described(mut schema: Value, description: &str, example: Value) -> Value {
    schema["description"] = description.into();
    schema["examples"] = json!([example]);
    schema
}

pub(super) fn text(description: &str, example: &str) -> Value {
    described(json!({"type": "string"}), description, example.into())
}

pub(super) fn nullable_text(description: &str, example: Value) -> Value {
    described(json!({"type": ["string", "null"]}), description, example)
}

pub(super) fn flag(description: &str, example: bool) -> Value {
    described(json!({"type": "boolean"}), description, example.into())
}

/// An object whose answers always have all its members.
pub(super) fn whole(title: &str, description: &str, properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().map(|map| map.keys().collect()).unwrap_or_default();
    json!({
        "title": title, "type": "object", "description": description,
        "required": required, "properties": properties,
    })
}

fn error_text(title: &str, member: &str, example: &str) -> Value {
    whole(title, "Why the request was not carried out.", json!({member: text("In words.", example)}))
}

fn status() -> Value {
    let meaning = |status| match status {
        Status::Unchecked => "it was never looked at, or what is expected was reissued since",
        Status::NetworkError => "there was no trustworthy answer; says nothing about the record",
        Status::Missing => "it is not there, or nothing of the right kind is",
        Status::Fail => "something of the right kind is there, but wrong, invalid or harmful",
        Status::Softfail => "it works today but is fragile; counts as right",
        Status::Pass => "it does what it is for",
    };
    words("How the record stands.", Status::ALL.map(|status| (status.as_str(), meaning(status).to_string())))
}

pub(super) fn record_key() -> Value {
    let meaning = |key| match key {
        RecordKey::Verification => "ownership and return path in one",
        RecordKey::Spf => "SPF at the domain itself; not issued where the server's settings turn it off",
        RecordKey::Dkim1 => "the first DKIM selector",
        RecordKey::Dkim2 => "the second DKIM selector; the two take turns",
        RecordKey::Dmarc => "the DMARC policy",
        RecordKey::LinkVerification => "the host in links of tracked messages; never needed for verification",
    };
    let listed = RecordKey::ALL.map(|key| format!("- `{}`: {}", key.as_str(), meaning(key)));
    text(&format!("Which record.\n\n{}", listed.join("\n")), "dkim1")
}

fn domain() -> Value {
    let compliance = ComplianceStatus::ALL.map(|status| (status.as_str(), status.meaning().to_string()));
    whole(
        "Domain",
        "A sending domain.",
        json!({
            "id": described(json!({"type": "integer"}), "Its id; never used twice.", json!(3938)),
            "domain_name": text("Its name, in lower-case A-labels.", "example.com"),
            "demo": flag("Whether it is the account's demo domain.", false),
            "compliance_status": words("Whether it may send, and if not why.", compliance),
            "dns_verified": flag("Whether every record that is needed is `pass` or `softfail`.", true),
            "dns_verified_at": nullable_text(
                "Since when, in RFC 3339 with milliseconds; `null` while it is not.", json!("2026-04-28T08:19:31.769Z"),
            ),
            "dns_records": {
                "type": "array",
                "description": "The records to publish.",
                "items": whole("DnsRecord", "A record to publish.", json!({
                    "key": record_key(),
                    "domain": text("Its full owner name.", "sg1-abcdefghijklmnop._domainkey.example.com"),
                    "type": text("`CNAME` or `TXT`.", "CNAME"),
                    "value": text(
                        "What to enter: a target without its final dot, or the text without quotes. Where an SPF or DMARC \
                         record is published already, this is that record with ours merged in. \
                         Empty while the DKIM key that a TXT record is to hold is being made, for some seconds: there is \
                         nothing to publish yet.",
                        "sg1.abcdefghijklmnop.dkim.signet.test",
                    ),
                    "status": status(),
                    "name": text(
                        "The part of the owner name left of the sending domain; empty for the domain itself.",
                        "sg1-abcdefghijklmnop._domainkey",
                    ),
                })),
            },
            "open_tracking_enabled": flag("Whether opens are counted.", true),
            "click_tracking_enabled": flag("Whether links are rewritten to count clicks.", false),
            "auto_unsubscribe_link_enabled": flag("Whether each message gets an unsubscribe link.", false),
            "custom_domain_tracking_enabled": flag(
                "Whether rewritten links use the domain's own host. Always on with click tracking.", false,
            ),
            "health_alerts_enabled": flag("Whether health reports are mailed.", true),
            "critical_alerts_enabled": flag("Whether lost records and lost verification are mailed at once.", true),
            "alert_recipient_email": nullable_text(
                "Who gets both; `null`: the account's owner.", json!("postmaster@example.com"),
            ),
            "permissions": whole("Permissions", "What the token may do with it.", json!({
                "can_read": flag("Read it; always true of what is shown.", true),
                "can_update": flag("Change it.", true),
                "can_destroy": flag("Delete it.", true),
            })),
        }),
    )
}

fn update_domain_request() -> Value {
    json!({
        "type": "object",
        "description": "The settings to change; what is not named stays.",
        "properties": {
            "open_tracking_enabled": flag("Count opens.", true),
            "click_tracking_enabled": flag(
                "Rewrite links to count clicks. Turns `custom_domain_tracking_enabled` on as well.", true,
            ),
            "auto_unsubscribe_link_enabled": flag("Add an unsubscribe link to each message.", false),
            "custom_domain_tracking_enabled": flag("Rewrite links to the domain's own host.", true),
            "health_alerts_enabled": flag("Mail health reports.", true),
            "critical_alerts_enabled": flag("Mail at once when records or verification are lost.", true),
            "alert_recipient_email": nullable_text(
                "Who gets both; `null` or `\"\"`: the account's owner.", json!("postmaster@example.com"),
            ),
        },
    })
}

/// Name, what it is, example, whether it is a URL.
const COMPANY: [(&str, &str, &str, bool); 9] = [
    ("name", "Legal name of the business, or the person's name", "Example GmbH", false),
    ("address", "Street and number", "Ring 1", false),
    ("city", "Town", "Wien", false),
    ("country", "Country", "Austria", false),
    ("phone", "Telephone number", "+43 1 234567", false),
    ("zip_code", "Postal code", "1010", false),
    ("privacy_policy_url", "Where the privacy policy is", "https://example.com/privacy", true),
    ("terms_of_service_url", "Where the terms of service are", "https://example.com/terms", true),
    ("website_url", "The website", "https://example.com", true),
];

fn info_level() -> Value {
    words(
        "Who sends. Cannot be changed once set; `business` unless told otherwise.",
        [
            ("business", "a registered business".to_string()),
            ("individual", "a private person, who may give a public profile page as website".to_string()),
        ],
    )
}

fn company_info() -> Value {
    let mut properties = Map::new();
    for (name, what, example, url) in COMPANY {
        let mut schema = nullable_text(&format!("{what}; `null` where it was not given."), example.into());
        if url {
            schema["format"] = "uri".into();
        }
        properties.insert(name.to_string(), schema);
    }
    properties.insert("info_level".to_string(), info_level());
    whole("CompanyInfo", "Who is behind the account.", properties.into())
}

fn company_info_request(new: bool) -> Value {
    use signet_core::company::Field;
    let mut properties = Map::new();
    for (name, what, example, url) in COMPANY {
        let field = Field::ALL.into_iter().find(|field| field.as_str() == name);
        let required = field.is_some_and(Field::required);
        let note = if required { "Cannot be blank" } else { "Optional; `\"\"` clears it" };
        let mut schema = text(
            &format!("{what}. {note}, and at most {} characters.", field.map_or(255, Field::max)),
            example,
        );
        if url {
            schema["format"] = "uri".into();
        }
        properties.insert(name.to_string(), schema);
    }
    properties.insert("info_level".to_string(), info_level());
    let mut schema = json!({"type": "object"});
    if new {
        schema["description"] = "Who is behind the account.".into();
        schema["required"] = json!(["name", "address", "city", "country", "zip_code", "website_url"]);
    } else {
        schema["description"] = "The fields to change; what is not named stays.".into();
    }
    schema["properties"] = properties.into();
    schema
}

fn report_entry() -> Value {
    let codes = Code::of_reports().map(|code| {
        let statuses: Vec<&str> = code.statuses().iter().map(|status| status.as_str()).collect();
        (code.as_str(), format!("{} ({})", code.meaning().trim(), statuses.join(", ")))
    });
    let list = |description: &str, example: Value| {
        described(json!({"type": "array", "items": {"type": "string"}}), description, example)
    };
    whole(
        "ReportEntry",
        "What the last look found about one record, and what that rests on.",
        json!({
            "key": record_key(),
            "status": status(),
            "code": words("Why, in one word that stays the same; in brackets the statuses it comes with.", codes),
            "reason": text("Why, as a sentence.", "The CNAME points to track.example.net instead."),
            "fix": nullable_text(
                "What to do, with the exact text to enter; `null` when nothing is to be done.",
                json!("Change the value to bounce.signet.test"),
            ),
            "expected": text("What should be there.", "bounce.signet.test"),
            "observed": list("What is there instead, made safe to show.", json!(["track.example.net"])),
            "server": nullable_text(
                "The name server whose answer this rests on, with its address; `null` where none answered.",
                json!("ns1.example.com (192.0.2.53)"),
            ),
            "rcode": nullable_text("Its DNS response code; `null` where there was none.", json!("NOERROR")),
            "ttl": described(
                json!({"type": ["integer", "null"]}),
                "For how many seconds others may keep that answer; `null` where there was none.",
                json!(3600),
            ),
            "checked_at": nullable_text(
                "When the look was made; `null` while there was none.", json!("2026-04-28T08:19:31.769Z"),
            ),
            "visible_everywhere_at": nullable_text(
                "The record is published, and from then on everybody sees it: until then some receivers may still \
                 have the answer they got before (RFC 2308). `null` when nothing is left to wait for.",
                json!("2026-04-28T09:19:31.769Z"),
            ),
            "remarks": list("Things worth knowing that change nothing.", json!([])),
        }),
    )
}

fn authorization() -> Value {
    let actions = [
        ("allow", "let the message go out"),
        ("defer", "answer with the reply; the client tries again"),
        ("reject", "answer with the reply; the message is refused"),
    ];
    whole(
        "Authorization",
        "What the sending gate says of a message.",
        json!({
            "action": words("What to do.", actions.map(|(action, meaning)| (action, meaning.to_string()))),
            "code": described(
                json!({"type": "integer", "enum": [250, 450, 451, 550]}), "The code of the SMTP reply.", json!(550),
            ),
            "enhanced_status": text("Its enhanced status code (RFC 3463).", "5.7.1"),
            "text": text(
                "What it says, one line of ASCII.",
                "Sending from domain example.com is not allowed: its DNS records are not verified",
            ),
            "domain": nullable_text("The domain it is about, where it is about one.", json!("example.com")),
        }),
    )
}

fn event_type() -> Value {
    let kind = |kind: &EventKind| format!("- `{}`:{}", kind.as_str(), kind.meaning());
    let kinds: Vec<String> = EventKind::ALL.iter().map(kind).collect();
    // No `enum`: later versions add kinds, and a client must not trip over one.
    text(&format!("What happened. More may be added.\n\n{}", kinds.join("\n")), "domain.verified")
}

fn event() -> Value {
    whole(
        "Event",
        "Something that happened to a domain.",
        json!({
            "id": described(json!({"type": "integer"}), "Its id; later events have higher ones.", json!(1042)),
            "at": text("When, in RFC 3339 with milliseconds.", "2026-04-28T08:19:31.769Z"),
            "type": event_type(),
            "actor": text(
                "Who did it: `token:` or `jwt:` with a name, `operator`, or `signet` for the server itself.", "signet",
            ),
            "reason": nullable_text("Why, where there is more to say.", json!("Listed by mistake")),
            "from": nullable_text("What was before.", json!("missing")),
            "to": nullable_text("What is now.", json!("pass")),
            "record": nullable_text("The `key` of the record it is about.", json!("dkim1")),
        }),
    )
}
