//! Getting a domain's records into the account's own zone.

pub(in crate::http) mod apply;
pub(in crate::http) mod plan;

use crate::ops::publish::Planned;
use serde_json::{Value, json};
use signet_core::publish::{Change, Entry};

/// What answers show of a plan, and of what became of it.
pub(in crate::http) fn view(planned: &Planned) -> Value {
    let zone = |(zone, provider): &(_, _)| json!({"zone": text(zone), "provider": provider});
    json!({"data": {
        "digest": planned.digest,
        "zones": planned.zones.iter().map(zone).collect::<Vec<_>>(),
        "changes": planned.changes.iter().map(|change| change_view(change, planned)).collect::<Vec<_>>(),
    }})
}

fn text(name: &impl ToString) -> String {
    name.to_string()
}

fn change_view(change: &Change, planned: &Planned) -> Value {
    let entries = |entries: &[Entry]| -> Vec<Value> { entries.iter().map(entry_view).collect() };
    json!({
        "key": change.key.as_str(),
        "domain": change.owner.as_str(),
        "zone": change.zone.as_ref().map(text),
        "action": change.action.as_str(),
        "reason": change.reason,
        "before": entries(&change.before),
        "after": entries(&change.after),
        "written": planned.written.contains(&change.key),
    })
}

fn entry_view(entry: &Entry) -> Value {
    json!({"type": entry.rtype().as_str(), "value": entry.data.to_string(), "ttl": entry.ttl})
}
