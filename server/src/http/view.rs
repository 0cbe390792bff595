//! What answers show, member by member in the contract's order.

use crate::{
    ops::{Actor, Ops},
    store::{Domain, Event},
};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use signet_core::{
    authz::{Answer, Refusal},
    company::{CompanyInfo, Field},
    names::Name,
    plan::PlannedRecord,
    verify::{Status, Verdict},
};

/// `{"data": …}`.
#[derive(Serialize)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

/// RFC 3339 UTC with exactly three fractional digits and `Z`.
pub(super) struct Millis(pub(super) Timestamp);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.3}", self.0))
    }
}

/// The contract's `Domain`.
#[derive(Serialize)]
pub(super) struct DomainView<'a> {
    id: i64,
    domain_name: &'a str,
    demo: bool,
    compliance_status: &'static str,
    dns_verified: bool,
    dns_verified_at: Option<Millis>,
    dns_records: Vec<RecordView>,
    open_tracking_enabled: bool,
    click_tracking_enabled: bool,
    auto_unsubscribe_link_enabled: bool,
    custom_domain_tracking_enabled: bool,
    health_alerts_enabled: bool,
    critical_alerts_enabled: bool,
    alert_recipient_email: Option<&'a str>,
    permissions: Permissions,
}

#[derive(Serialize)]
struct RecordView {
    key: &'static str,
    domain: String,
    r#type: &'static str,
    value: String,
    status: &'static str,
    name: String,
}

#[derive(Serialize)]
struct Permissions {
    can_read: bool,
    can_update: bool,
    can_destroy: bool,
}

impl<'a> DomainView<'a> {
    /// A domain as `actor` sees it.
    pub(super) fn of(ops: &Ops, actor: &Actor, domain: &'a Domain) -> Self {
        let origin = domain.name.name();
        let records = ops.records(domain).into_iter();
        let [can_read, can_update, can_destroy] = actor.permissions(domain);
        Self {
            id: domain.id.0,
            domain_name: origin.as_str(),
            demo: domain.demo,
            compliance_status: domain.compliance().as_str(),
            dns_verified: domain.dns.is_verified(),
            dns_verified_at: domain.dns.verified_at().map(Millis),
            dns_records: records.map(|(record, status)| RecordView::of(origin, record, status)).collect(),
            open_tracking_enabled: domain.tracking.open,
            click_tracking_enabled: domain.tracking.click,
            auto_unsubscribe_link_enabled: domain.tracking.unsubscribe_link,
            custom_domain_tracking_enabled: domain.tracking.custom_domain,
            health_alerts_enabled: domain.tracking.health_alerts,
            critical_alerts_enabled: domain.tracking.critical_alerts,
            alert_recipient_email: domain.tracking.alert_recipient.as_ref().map(|address| address.as_str()),
            permissions: Permissions { can_read, can_update, can_destroy },
        }
    }
}

impl RecordView {
    fn of(origin: &Name, record: PlannedRecord, status: Status) -> Self {
        Self {
            key: record.key.as_str(),
            // Empty at the domain itself, as the hosted service has it. What to
            // enter at the DNS host (`@`, or relative to its zone) is for people
            // and stands in the set-up instructions.
            name: record.owner.relative_to(origin).unwrap_or(record.owner.as_str()).to_string(),
            domain: record.owner.to_string(),
            r#type: record.rtype.as_str(),
            value: record.value,
            status: status.as_str(),
        }
    }
}

/// The contract's `CompanyInfo`.
#[derive(Serialize)]
pub(super) struct CompanyView<'a> {
    name: Option<&'a str>,
    address: Option<&'a str>,
    city: Option<&'a str>,
    country: Option<&'a str>,
    phone: Option<&'a str>,
    zip_code: Option<&'a str>,
    privacy_policy_url: Option<&'a str>,
    terms_of_service_url: Option<&'a str>,
    website_url: Option<&'a str>,
    info_level: &'static str,
}

impl<'a> CompanyView<'a> {
    /// Company information.
    pub(super) fn of(info: &'a CompanyInfo) -> Self {
        Self {
            name: info.get(Field::Name),
            address: info.get(Field::Address),
            city: info.get(Field::City),
            country: info.get(Field::Country),
            phone: info.get(Field::Phone),
            zip_code: info.get(Field::ZipCode),
            privacy_policy_url: info.get(Field::PrivacyPolicyUrl),
            terms_of_service_url: info.get(Field::TermsOfServiceUrl),
            website_url: info.get(Field::WebsiteUrl),
            info_level: info.info_level.as_str(),
        }
    }
}

/// A record's verdict with its evidence (VERDICTS).
#[derive(Serialize)]
pub(super) struct VerdictView<'a> {
    key: &'static str,
    status: &'static str,
    code: &'static str,
    reason: &'a str,
    fix: Option<&'a str>,
    expected: &'a str,
    observed: &'a [String],
    server: Option<String>,
    rcode: Option<&'a str>,
    ttl: Option<u32>,
    checked_at: Option<Millis>,
    visible_everywhere_at: Option<Millis>,
    remarks: &'a [String],
}

impl<'a> VerdictView<'a> {
    /// A verdict of the look made at `checked_at`; `late_until` is until when
    /// receivers may see what was there before.
    pub(super) fn of(
        verdict: &'a Verdict,
        checked_at: Option<Timestamp>,
        late_until: Option<Timestamp>,
    ) -> Self {
        let looked_at = verdict.status != Status::Unchecked;
        Self {
            key: verdict.key.as_str(),
            status: verdict.status.as_str(),
            code: verdict.code.as_str(),
            reason: &verdict.reason,
            fix: text(&verdict.fix),
            expected: &verdict.expected,
            observed: &verdict.observed,
            server: verdict.server.as_ref().map(ToString::to_string),
            rcode: verdict.rcode.as_deref(),
            ttl: verdict.ttl,
            checked_at: checked_at.filter(|_| looked_at).map(Millis),
            visible_everywhere_at: late_until.filter(|_| verdict.status.is_right()).map(Millis),
            remarks: &verdict.remarks,
        }
    }
}

/// A history row.
#[derive(Serialize)]
pub(super) struct EventView<'a> {
    id: i64,
    at: Millis,
    r#type: &'a str,
    actor: &'a str,
    reason: Option<&'a str>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    record: Option<&'a str>,
}

impl<'a> From<&'a Event> for EventView<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            id: event.id.0,
            at: Millis(event.at),
            r#type: &event.kind,
            actor: &event.actor,
            reason: text(&event.reason),
            from: event.from.as_deref(),
            to: event.to.as_deref(),
            record: event.record.as_deref(),
        }
    }
}

/// What the sending gate says of a message, with the SMTP reply that says it.
#[derive(Serialize)]
pub(super) struct AuthorizationView<'a> {
    action: &'static str,
    code: u16,
    enhanced_status: &'static str,
    text: &'a str,
    domain: Option<&'a str>,
}

impl<'a> AuthorizationView<'a> {
    pub(super) fn of(answer: &'a Answer) -> Self {
        let (action, refusal) = match answer {
            Answer::Allow { .. } => {
                let text = "The message may go out";
                return Self { action: "allow", code: 250, enhanced_status: "2.0.0", text, domain: None };
            }
            Answer::Defer(refusal) => ("defer", refusal),
            Answer::Reject(refusal) => ("reject", refusal),
        };
        let Refusal { code, enhanced, text, domain } = refusal;
        Self { action, code: *code, enhanced_status: enhanced, text, domain: domain.as_deref() }
    }
}

/// `null` instead of nothing.
pub(super) fn text(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
