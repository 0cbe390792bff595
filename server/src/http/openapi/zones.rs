//! The schemas of writing into accounts' own zones.

use super::schemas::{described, flag, nullable_text, record_key, text, whole, words};
use crate::dns_access::providers::{Field, PROVIDERS, Provider};
use serde_json::{Map, Value, json};
use signet_core::publish::Action;

/// Those of the `schemas` object.
pub(super) fn schemas() -> Map<String, Value> {
    let schemas = [("DnsAccess", access()), ("DnsAccessRequest", request()), ("DnsPlan", plan())];
    schemas.map(|(name, schema)| (name.to_string(), schema)).into_iter().collect()
}

fn provider() -> Value {
    let field = |field: &Field| {
        let optional = if field.optional { ", optional" } else { "" };
        format!("`{}` ({}{optional})", field.name, field.what)
    };
    let takes = |provider: &Provider| {
        let fields: Vec<String> = provider.fields.iter().map(field).collect();
        let closed = if provider.only_where_private_is_allowed {
            "; only where the server's settings allow private addresses"
        } else {
            ""
        };
        (provider.id, format!("{}; takes {}{closed}", provider.name, fields.join(", ")))
    };
    words("How the zone is written to.", PROVIDERS.iter().map(takes))
}

fn texts(description: &str, example: Value) -> Value {
    described(json!({"type": "object", "additionalProperties": {"type": "string"}}), description, example)
}

fn access() -> Value {
    whole(
        "DnsAccess",
        "A key to a zone of the account's.",
        json!({
            "id": described(json!({"type": "integer"}), "Its id; never used twice.", json!(7)),
            "zone": text("The name of the zone.", "example.com"),
            "provider": provider(),
            "settings": texts(
                "Those of its credentials that are no secret.",
                json!({"server": "ns1.example.com", "key_name": "signet.example.com"}),
            ),
            "created_at": text("When it was given first.", "2026-04-28T08:19:31.769Z"),
            "updated_at": text("When it was given last.", "2026-04-28T08:19:31.769Z"),
        }),
    )
}

fn request() -> Value {
    json!({
        "type": "object",
        "description": "The key.",
        "required": ["zone", "provider", "credentials"],
        "properties": {
            "zone": text("The name of the zone: where its SOA record is.", "example.com"),
            "provider": provider(),
            "credentials": texts("What the provider takes, by name.", json!({"api_token": "…"})),
            "test": flag("Whether to try it out first; `true` unless told otherwise.", true),
        },
    })
}

fn meaning(action: Action) -> &'static str {
    match action {
        Action::InPlace => "nothing is to be done: what is wanted is there",
        Action::Add => "a record is added",
        Action::Replace => "a record of ours is replaced",
        Action::Merge => "ours is merged into what is there",
        Action::Remove => "a record of ours is taken out",
        Action::Keep => "nothing is taken out",
        Action::Blocked => "nothing is written; `reason` says why",
    }
}

fn entries(description: &str) -> Value {
    let entry = whole(
        "DnsEntry",
        "A record at the name.",
        json!({
            "type": text("`CNAME` or `TXT`.", "TXT"),
            "value": text(
                "A target without its final dot, or a text without quotes; what is no printable ASCII as `\\DDD`.",
                "v=spf1 include:_spf.signet.test ~all",
            ),
            "ttl": described(json!({"type": "integer"}), "Seconds.", json!(3600)),
        }),
    );
    json!({"type": "array", "description": description, "items": entry})
}

fn plan() -> Value {
    let change = whole(
        "DnsChange",
        "What is to happen for one record.",
        json!({
            "key": record_key(),
            "domain": text("Its full owner name.", "example.com"),
            "zone": nullable_text("The zone it is in; `null` where that could not be found.", json!("example.com")),
            "action": words(
                "What happens.", Action::ALL.map(|action| (action.as_str(), meaning(action).to_string())),
            ),
            "reason": text("Why, as a sentence.", "Your SPF record does not include our servers."),
            "before": entries("What goes; what is there already, where nothing is to be done."),
            "after": entries("What comes."),
            "written": flag("Whether it has been written by this request.", false),
        }),
    );
    let zone = whole(
        "DnsPlanZone",
        "A zone that something is written into.",
        json!({
            "zone": text("Its name.", "example.com"),
            "provider": nullable_text(
                "The provider of the account's key to it; `null` where there is no key, and nothing can be written.",
                json!("rfc2136"),
            ),
        }),
    );
    whole(
        "DnsPlan",
        "What has to change so that the domain's records are in its zone.",
        json!({
            "digest": text(
                "Stands for exactly these changes on exactly what was read.", "0f343b0931126a20f133d67c2b018a3b",
            ),
            "zones": {"type": "array", "description": "Where something is written.", "items": zone},
            "changes": {"type": "array", "description": "One per record.", "items": change},
        }),
    )
}
