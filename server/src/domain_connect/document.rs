//! Our template as the public repository of templates wants it
//! (github.com/Domain-Connect/Templates, `template.schema`).

use serde_json::{Value, json};
use signet_core::{
    domain_connect::{Content, SERVICE, TemplateRecord, VARIABLE, VERSION, template},
    plan::{CUSTOMER_TTL, Provider, RecordKey},
};

/// The template of this provider, under its `providerId`. Its file is called
/// `<providerId>.<serviceId>.json`.
#[must_use]
pub fn document(provider: &Provider, provider_id: &str) -> Value {
    json!({
        "providerId": provider_id,
        "providerName": provider_id,
        "serviceId": SERVICE,
        "serviceName": "Sending domain",
        "version": VERSION,
        "description": "Lets e-mail be sent from a domain: ownership and return path, SPF, DKIM, DMARC, and the host \
                        in tracked links.",
        "variableDescription": format!(
            "%{VARIABLE}%: 16 letters and digits that are the domain's own, part of names and of their targets"
        ),
        "syncPubKeyDomain": provider.zone.as_str(),
        "records": template(provider).iter().map(record).collect::<Vec<_>>(),
    })
}

fn record(record: &TemplateRecord) -> Value {
    let mut shown = json!({"groupId": record.group(), "host": record.host});
    match &record.content {
        Content::Target(target) => {
            shown["type"] = "CNAME".into();
            shown["pointsTo"] = target.as_str().into();
            shown["ttl"] = CUSTOMER_TTL.into();
        }
        Content::SpfRules(rules) => {
            shown["type"] = "SPFM".into();
            shown["spfRules"] = rules.as_str().into();
        }
        Content::Text(text) => {
            shown["type"] = "TXT".into();
            shown["data"] = text.as_str().into();
            shown["ttl"] = CUSTOMER_TTL.into();
        }
    }
    if record.key == RecordKey::Dmarc {
        // There is one such record at a name; what else stands there is not ours
        // to remove. Its owner is free to make the policy stricter afterwards.
        shown["txtConflictMatchingMode"] = "Prefix".into();
        shown["txtConflictMatchingPrefix"] = "v=DMARC1".into();
        shown["essential"] = "OnApply".into();
    }
    shown
}
