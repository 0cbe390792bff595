//! The bodies about getting records into an owner's DNS.

use super::{described, flag, nullable_text, record_key, text, whole};
use serde_json::{Value, json};

pub(super) fn domain_zone() -> Value {
    let host = whole(
        "DnsHost",
        "Who runs the zone's DNS, told by its name servers.",
        json!({
            "id": text("One stable word.", "cloudflare"),
            "name": text("As people know it.", "Cloudflare"),
            "url": nullable_text("Where its records are edited.", json!("https://dash.cloudflare.com/")),
        }),
    );
    whole(
        "DomainZone",
        "The records to publish for a domain, and where they go.",
        json!({
            "domain_name": text("The domain.", "mail.example.com"),
            "zone": nullable_text(
                "The zone its records go into; `null` until a look at the domain has found it.", json!("example.com"),
            ),
            "dns_host": {"oneOf": [host, {"type": "null"}], "description": "Who runs that zone's DNS, where it is known."},
            "records": {
                "type": "array", "items": planned_record(),
                "description": "The records, in the order of `dns_records`.",
            },
            "left_out": {
                "type": "array", "items": left_out(),
                "description": "Those that nothing can be given of.",
            },
        }),
    )
}

pub(super) fn domain_connect() -> Value {
    let pixels = |description: &str| described(json!({"type": ["integer", "null"]}), description, json!(750));
    let codes = [
        ("demo", "the demo domain needs no set-up"),
        ("zone_unknown", "no look at the domain has found its zone yet"),
        ("not_offered", "the DNS host does not offer Domain Connect"),
        ("template_unknown", "it does, but not for this service yet"),
        ("no_link", "it does, but not by a link"),
        ("unreachable", "that could not be found out; try again in a minute"),
    ];
    let listed: Vec<String> = codes.iter().map(|(code, meaning)| format!("- `{code}`: {meaning}")).collect();
    whole(
        "DomainConnect",
        "Whether the domain's DNS host publishes the records itself.",
        json!({
            "supported": flag("Whether it does.", true),
            "url": nullable_text(
                "Where to send the domain's owner, who signs in at their DNS host there and agrees. For a new tab or a \
                 window; `null` where it is not supported.",
                json!("https://dc.example.net/v2/domainTemplates/providers/signet.test/services/sending-domain/apply?domain=example.com"),
            ),
            "dns_host": nullable_text("Who the DNS host is, where that is known.", json!("Example DNS")),
            "records": {
                "type": "array", "items": record_key(),
                "description": "The records that are published then, by `key`.",
            },
            "width": pixels("How wide that host wants the window, in pixels."),
            "height": pixels("How high."),
            "code": nullable_text(
                &format!("Why it is not supported.\n\n{}", listed.join("\n")), json!("not_offered"),
            ),
            "reason": nullable_text(
                "The same in words for people.", json!("The DNS host of this domain does not offer Domain Connect."),
            ),
        }),
    )
}

fn planned_record() -> Value {
    let strings = described(
        json!({"type": "array", "items": {"type": "string"}}),
        "Of a TXT record the character-strings, of at most 255 octets, that its value is made of; none of a CNAME.",
        json!(["v=spf1 include:_spf.signet.test ~all"]),
    );
    whole(
        "ZoneRecord",
        "One record to publish.",
        json!({
            "key": record_key(),
            "owner": text("Its full name.", "sg-link.mail.example.com"),
            "name": text("The name relative to the domain; empty for the domain itself.", "sg-link"),
            "name_in_zone": nullable_text(
                "The name relative to the zone, `@` for the zone itself; `null` while that is not known.",
                json!("sg-link.mail"),
            ),
            "name_at_dns_host": nullable_text(
                "What that DNS host's own form takes as the name, empty where it is to be left empty; `null` while zone \
                 or host is not known.",
                json!("sg-link.mail"),
            ),
            "type": described(json!({"type": "string", "enum": ["CNAME", "TXT"]}), "The type.", json!("CNAME")),
            "value": text(
                "A CNAME's target without a final dot, or a TXT's text without quotation marks.", "track.signet.test",
            ),
            "strings": strings,
            "ttl": described(json!({"type": "integer"}), "A good time to live, in seconds.", json!(3600)),
            "required": flag("Whether the domain is verified only with it.", false),
            "note": nullable_text(
                "What to know before it is published.",
                json!("It takes the place of every SPF record that stands at mail.example.com: there can be only one."),
            ),
        }),
    )
}

fn left_out() -> Value {
    whole(
        "LeftOutRecord",
        "A record that is not to be published as things are.",
        json!({
            "key": record_key(),
            "owner": text("Its full name.", "mail.example.com"),
            "type": described(json!({"type": "string", "enum": ["CNAME", "TXT"]}), "The type.", json!("TXT")),
            "note": nullable_text("Why.", json!("Left out. Receivers cannot evaluate your SPF record: more than 10 look-ups.")),
        }),
    )
}
