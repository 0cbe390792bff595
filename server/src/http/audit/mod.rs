//! The history of everything: searched, and exported.

pub(super) mod export;
pub(super) mod search;

use super::{openapi::Operation, query::Query};
use crate::store::{AccountId, AuditFilter, DomainId, EventKind};

/// What is looked for.
fn filter(query: &mut Query) -> AuditFilter {
    let kinds = query.texts("type");
    let (known, unknown): (Vec<_>, Vec<_>) =
        kinds.iter().flat_map(|kinds| kinds.split(',')).partition(|kind| EventKind::parse(kind).is_some());
    if let Some(unknown) = unknown.first() {
        let unknown: String = unknown.chars().filter(|c| !c.is_control()).take(50).collect();
        query.object_to("type", format!("is invalid: there is no type {unknown:?}"));
    }
    AuditFilter {
        account: query.number("account_id", 0..=i64::MAX).map(AccountId),
        domain: query.number("domain_id", 0..=i64::MAX).map(DomainId),
        domain_name: query.text("domain_name"),
        kinds: known.into_iter().filter_map(EventKind::parse).collect(),
        actor: query.text("actor"),
        since: query.time("since"),
        until: query.time("until"),
        text: query.text("q"),
    }
}

/// The parameters for that.
fn with_filter(operation: Operation) -> Operation {
    operation
        .query(
            "account_id",
            "Only of this account. An operator who leaves it out gets all.",
            0,
            None,
            None,
            1,
        )
        .query("domain_id", "Only about this domain, deleted or not.", 0, None, None, 3938)
        .text_query(
            "domain_name",
            "Only about domains of exactly this name, deleted ones too.",
            "example.com",
        )
        .list_query(
            "type",
            "Only of these types; may be given several times, or as a list with commas.",
            "domain.verified",
        )
        .text_query("actor", "Only what this actor did.", "token:7")
        .time_query("since", "Only from then on.", "2026-04-01T00:00:00Z")
        .time_query("until", "Only before then.", "2026-05-01T00:00:00Z")
        .text_query("q", "Only with this text in `reason`, in whatever case.", "phishing")
        .tag("Audit")
        .answers(422, "UnprocessableEntity")
        .answers(404, "NotFound")
}
