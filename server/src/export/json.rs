//! Records for programs. What is here is kept as it is: members are only added.

use super::{Export, strings};
use serde::Serialize;
use signet_core::{handout::Handout, plan::CUSTOMER_TTL};

/// The records of a domain.
#[derive(Debug, Serialize)]
pub struct ExportView<'a> {
    domain_name: &'a str,
    zone: Option<&'a str>,
    dns_host: Option<HostView>,
    records: Vec<RecordView<'a>>,
    left_out: Vec<LeftOutView<'a>>,
}

#[derive(Debug, Serialize)]
struct HostView {
    id: &'static str,
    name: &'static str,
    url: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct RecordView<'a> {
    key: &'static str,
    owner: &'a str,
    name: &'a str,
    name_in_zone: Option<String>,
    name_at_dns_host: Option<String>,
    r#type: &'static str,
    value: &'a str,
    strings: Vec<&'a str>,
    ttl: u32,
    required: bool,
    note: Option<&'a str>,
}

/// A record that nothing can be given of: not among the others, so that no program
/// publishes it.
#[derive(Debug, Serialize)]
struct LeftOutView<'a> {
    key: &'static str,
    owner: &'a str,
    r#type: &'static str,
    note: Option<&'a str>,
}

impl<'a> ExportView<'a> {
    pub(super) fn of(export: &'a Export) -> Self {
        let record = |Handout { record, note }: &'a Handout| RecordView {
            key: record.key.as_str(),
            owner: record.owner.as_str(),
            name: record.owner.relative_to(&export.domain).unwrap_or(record.owner.as_str()),
            name_in_zone: export.name_in_zone(record),
            name_at_dns_host: export.entered(record),
            r#type: record.rtype.as_str(),
            value: &record.value,
            strings: strings(record),
            ttl: CUSTOMER_TTL,
            required: record.gates,
            note: note.as_deref(),
        };
        let left_out = |Handout { record, note }: &'a Handout| LeftOutView {
            key: record.key.as_str(),
            owner: record.owner.as_str(),
            r#type: record.rtype.as_str(),
            note: note.as_deref(),
        };
        let (given, without): (Vec<_>, Vec<_>) =
            export.records.iter().partition(|handout| handout.record.is_made());
        let host = |host: &signet_core::verify::dns_host::DnsHost| HostView {
            id: host.id,
            name: host.name,
            url: host.url,
        };
        Self {
            domain_name: export.domain.as_str(),
            zone: export.zone.as_ref().map(signet_core::names::Name::as_str),
            dns_host: export.host.as_ref().map(host),
            records: given.into_iter().map(record).collect(),
            left_out: without.into_iter().map(left_out).collect(),
        }
    }
}
