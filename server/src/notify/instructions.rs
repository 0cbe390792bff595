//! The set-up instructions: every record to publish, ready to copy, with the
//! name also as the DNS host wants it.

use crate::store::{Attachment, Domain, Message};
use askama::Template;
use signet_core::{email::EmailAddress, names::Name, plan::PlannedRecord, plan::RecordKey, verify::Status};
use signet_dns::zone::bind_lines;

#[derive(Template)]
#[template(path = "setup_instructions.txt")]
struct Text<'a> {
    domain: &'a str,
    zone: &'a str,
    zone_seen: bool,
    rows: &'a [Row],
    file: &'a str,
    service: &'a str,
}

#[derive(Template)]
#[template(path = "setup_instructions.html")]
struct Html<'a> {
    domain: &'a str,
    zone: &'a str,
    zone_seen: bool,
    rows: &'a [Row],
    file: &'a str,
    service: &'a str,
}

/// A record as a person enters it.
struct Row {
    purpose: &'static str,
    optional: bool,
    done: bool,
    rtype: &'static str,
    /// Relative to the zone.
    entered: String,
    /// In full.
    owner: String,
    value: String,
}

/// Composes the message; `service` is where the recipient can see who we are.
#[must_use]
pub fn compose(
    domain: &Domain,
    records: &[(PlannedRecord, Status)],
    to: &EmailAddress,
    message_id: String,
    service: &str,
) -> Message {
    let zone = zone_as_entered(domain);
    let rows: Vec<Row> = records.iter().map(|(record, status)| row(record, *status, &zone)).collect();
    let name = domain.name.to_unicode();
    let file = format!("{}.zone", domain.name);
    let (zone, zone_seen) = (zone.to_string(), domain.zone.is_some());
    let text = Text { domain: &name, zone: &zone, zone_seen, rows: &rows, file: &file, service };
    let html = Html { domain: &name, zone: &zone, zone_seen, rows: &rows, file: &file, service };
    let planned: Vec<PlannedRecord> = records.iter().map(|(record, _)| record.clone()).collect();
    Message {
        to: to.to_string(),
        subject: format!("DNS records to set up for {name}"),
        text: super::rendered(&text),
        html: super::rendered(&html),
        attachments: vec![Attachment {
            name: file.clone(),
            media_type: "text/dns".to_string(),
            content: bind_lines(&planned),
        }],
        message_id,
    }
}

/// The zone the DNS host shows: as found in DNS, or before the first look the
/// organizational domain, which is where zones usually begin.
fn zone_as_entered(domain: &Domain) -> Name {
    let name = domain.name.name();
    domain.zone.clone().or_else(|| name.organizational()).unwrap_or_else(|| name.clone())
}

fn row(record: &PlannedRecord, status: Status, zone: &Name) -> Row {
    Row {
        purpose: match record.key {
            RecordKey::Verification => "Ownership and return path",
            RecordKey::Spf => "SPF",
            RecordKey::Dkim1 => "DKIM, first selector",
            RecordKey::Dkim2 => "DKIM, second selector",
            RecordKey::Dmarc => "DMARC",
            RecordKey::LinkVerification => "Link tracking",
        },
        optional: !record.gates,
        done: status.is_right(),
        rtype: record.rtype.as_str(),
        entered: record.owner.as_entered_in(zone),
        owner: record.owner.to_string(),
        value: record.value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AccountId, DomainId};
    use jiff::Timestamp;
    use signet_core::{
        lifecycle::DnsState,
        names::{DomainName, RecordId},
        plan::{Present, Provider, SpfMode, Subject, plan},
    };

    fn domain() -> Domain {
        Domain {
            id: DomainId(7),
            account: AccountId(1),
            name: DomainName::trusted(Name::parse("mail.xn--bcher-kva.example").unwrap()),
            record_id: RecordId::parse("abcdefghijklmnop").unwrap(),
            demo: false,
            demo_messages_left: 0,
            tracking: Default::default(),
            created_at: Timestamp::UNIX_EPOCH,
            dns: DnsState::Pending,
            records: vec![],
            present: Present {
                spf: None,
                dmarc: Some("v=DMARC1; p=reject; rua=mailto:\"a<b\"@c.example".into()),
            },
            zone: Some(Name::parse("xn--bcher-kva.example").unwrap()),
            checked_at: None,
            suspended: false,
            account_suspended: false,
            company_complete: false,
            decision: None,
        }
    }

    fn message() -> Message {
        let domain = domain();
        let provider = Provider {
            zone: Name::parse("signet.test").unwrap(),
            prefix: "sg".into(),
            demo_zone: Name::parse("demo.signet.test").unwrap(),
            spf_mode: SpfMode::Recommended,
            dmarc_rua: None,
            sending_ips: vec![],
        };
        let subject = Subject { domain: &domain.name, id: &domain.record_id, demo: false };
        let mut records: Vec<_> =
            plan(&provider, &subject, &domain.present).into_iter().map(|r| (r, Status::Missing)).collect();
        records[4].1 = Status::Pass;
        compose(
            &domain,
            &records,
            &EmailAddress::parse("dns@example.com").unwrap(),
            "id@signet.test".into(),
            "https://mail.example",
        )
    }

    #[test]
    fn the_text() {
        insta::assert_snapshot!(message().text);
    }

    #[test]
    fn the_html() {
        let html = message().html;
        assert!(!html.contains("\"a<b\""), "zone contents are escaped");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn every_value_is_in_both_bodies_and_the_zone_file() {
        let message = message();
        let zone_file = &message.attachments[0].content;
        for value in [
            "bounce.signet.test",
            "sg1-abcdefghijklmnop._domainkey.mail",
            "v=spf1 include:_spf.signet.test ~all",
        ] {
            assert!(message.text.contains(value), "{value}");
            assert!(message.html.contains(value), "{value}");
        }
        assert!(zone_file.contains("sg-abcdefghijklmnop.mail.xn--bcher-kva.example."), "{zone_file}");
    }
}
