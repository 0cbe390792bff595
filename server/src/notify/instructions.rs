//! The set-up instructions: every record to publish, ready to copy, with the
//! name also as the DNS host wants it.

use crate::store::{Attachment, Domain, Message};
use askama::Template;
use signet_core::{
    email::EmailAddress,
    handout::Handout,
    names::Name,
    observe::RecordType,
    plan::PlannedRecord,
    verify::{
        Status, dkim,
        dns_host::{DnsHost, LongText},
    },
};
use signet_dns::zone::bind_lines;

#[derive(Template)]
#[template(path = "setup_instructions.txt")]
struct Text<'a> {
    domain: &'a str,
    zone: &'a str,
    zone_seen: bool,
    /// The DNS host with the way to its records, where it is known.
    host: Option<&'a str>,
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
    /// The DNS host with the way to its records, where it is known.
    host: Option<&'a str>,
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
    /// As the DNS host takes it; relative to the zone where that is not known.
    entered: String,
    /// In full.
    owner: String,
    /// `None` where there is nothing to publish, of which the note says why.
    value: Option<String>,
    /// What to know before it is published.
    note: Option<String>,
    /// A text that is too long for one string, as several: some forms want that.
    strings: Option<String>,
}

/// Composes the message; `host` is who runs the zone's DNS, where that is known,
/// `service` where the recipient can see who we are.
#[must_use]
pub fn compose(
    domain: &Domain,
    records: &[(Handout, Status)],
    host: Option<&DnsHost>,
    to: &EmailAddress,
    message_id: String,
    service: &str,
) -> Message {
    let zone = zone_as_entered(domain);
    let rows: Vec<Row> = records.iter().map(|(handout, status)| row(handout, *status, &zone, host)).collect();
    let name = domain.name.to_unicode();
    let file = format!("{}.zone", domain.name);
    let (zone, zone_seen) = (zone.to_string(), domain.zone.is_some());
    let host = host.map(DnsHost::place);
    let host = host.as_deref();
    let text = Text { domain: &name, zone: &zone, zone_seen, host, rows: &rows, file: &file, service };
    let html = Html { domain: &name, zone: &zone, zone_seen, host, rows: &rows, file: &file, service };
    let handouts: Vec<Handout> = records.iter().map(|(handout, _)| handout.clone()).collect();
    Message {
        to: to.to_string(),
        subject: format!("DNS records to set up for {name}"),
        text: super::rendered(&text),
        html: super::rendered(&html),
        attachments: vec![Attachment {
            name: file.clone(),
            media_type: "text/dns".to_string(),
            content: bind_lines(&handouts),
        }],
        unsubscribe: None,
        message_id,
    }
}

/// The zone the DNS host shows: as found in DNS, or before the first look the
/// organizational domain, which is where zones usually begin.
fn zone_as_entered(domain: &Domain) -> Name {
    let name = domain.name.name();
    domain.zone.clone().or_else(|| name.organizational()).unwrap_or_else(|| name.clone())
}

fn row(handout: &Handout, status: Status, zone: &Name, host: Option<&DnsHost>) -> Row {
    let Handout { record, note } = handout;
    Row {
        purpose: record.key.purpose(),
        optional: !record.gates,
        done: status.is_right(),
        rtype: record.rtype.as_str(),
        entered: match host.map(|host| host.entered(&record.owner, zone)) {
            Some(name) if name.is_empty() => "(left empty)".to_string(),
            Some(name) => name,
            None => record.owner.as_entered_in(zone),
        },
        owner: record.owner.to_string(),
        value: record.is_made().then(|| record.value.clone()),
        note: note.clone(),
        strings: strings(record, host),
    }
}

/// The text as quoted strings, unless it fits into one or the host splits it.
fn strings(record: &PlannedRecord, host: Option<&DnsHost>) -> Option<String> {
    let long = record.rtype == RecordType::Txt && dkim::split(&record.value).len() > 1;
    let whole = host.is_some_and(|host| host.long_text == Some(LongText::Whole));
    (long && !whole).then(|| dkim::in_quotes(&record.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AccountId, DomainId};
    use jiff::Timestamp;
    use signet_core::{
        lifecycle::{Asked, DnsState},
        names::{DomainName, RecordId},
        plan::{Present, Provider, SpfMode, plan},
        rotation::Selector,
        verify::dns_host::Hosting,
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
            active_selector: Selector::First,
            raw_dkim: None,
            present: Present {
                spf: None,
                dmarc: Some("v=DMARC1; p=reject; rua=mailto:\"a<b\"@c.example".into()),
            },
            zone: Some(Name::parse("xn--bcher-kva.example").unwrap()),
            checked_at: None,
            suspension: None,
            account_suspension: None,
            questionnaire: Asked::No,
            card: Asked::No,
            company_complete: false,
            decision: None,
        }
    }

    fn message() -> Message {
        message_of(&domain(), None)
    }

    fn message_of(domain: &Domain, host: Option<&DnsHost>) -> Message {
        let provider = Provider {
            zone: Name::parse("signet.test").unwrap(),
            prefix: "sg".into(),
            demo_zone: Name::parse("demo.signet.test").unwrap(),
            spf_mode: SpfMode::Recommended,
            dmarc_rua: None,
            sending_ips: vec![],
        };
        let subject = domain.subject();
        let mut records: Vec<_> = plan(&provider, &subject, &domain.present)
            .into_iter()
            .map(|r| (Handout::as_planned(r), Status::Missing))
            .collect();
        records[4].1 = Status::Pass;
        compose(
            domain,
            &records,
            host,
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
    fn a_host_that_is_known_is_named_and_its_names_are_given() {
        let server = Name::parse("ns-0.awsdns-00.com").unwrap();
        let hosting = Hosting::of([&server].into_iter());
        let mut domain = domain();
        domain.name = DomainName::trusted(domain.zone.clone().unwrap());
        let message = message_of(&domain, hosting.host());
        for body in [&message.text, &message.html] {
            assert!(
                body.contains("Amazon Route 53 (Hosted zones, https://console.aws.amazon.com/"),
                "{body}"
            );
            assert!(body.contains("(left empty)"), "{body}");
        }
    }

    #[test]
    fn the_html() {
        let html = message().html;
        assert!(!html.contains("\"a<b\""), "zone contents are escaped");
        insta::assert_snapshot!(html);
    }

    #[test]
    fn what_is_left_out_is_said_to_be() {
        let value = |value: &str| PlannedRecord {
            key: signet_core::plan::RecordKey::Spf,
            owner: Name::parse("example.com").unwrap(),
            rtype: RecordType::Txt,
            value: value.to_string(),
            gates: false,
        };
        let note = Some("Left out. It has <11> look-ups.".to_string());
        let records = [
            (Handout { record: value(""), note }, Status::Fail),
            (Handout { record: value("v=spf1 mx -all"), note: Some("It is there.".into()) }, Status::Pass),
        ];
        let to = EmailAddress::parse("dns@example.com").unwrap();
        let message =
            compose(&domain(), &records, None, &to, "id@signet.test".into(), "https://mail.example");
        assert!(
            message.text.contains("Value:   none\n   Note:    Left out. It has <11> look-ups.\n"),
            "{}",
            message.text
        );
        assert!(
            message.text.contains("Value:   v=spf1 mx -all\n   Note:    It is there.\n"),
            "{}",
            message.text
        );
        assert!(message.html.contains("Left out. It has &#60;11&#62; look-ups."), "{}", message.html);
        assert_eq!(message.attachments[0].content.lines().filter(|line| !line.starts_with(';')).count(), 1);
    }

    #[test]
    fn a_key_is_shown_whole_and_in_strings_where_that_may_be_needed() {
        let text = format!("v=DKIM1; k=rsa; p={}", "x".repeat(392));
        let mut domain = Domain { raw_dkim: Some([Some(text.clone()), None]), ..domain() };
        let message = message_of(&domain, None);
        let strings = format!("\"{}\" \"{}\"", &text[..255], &text[255..]);
        assert!(message.text.contains(&format!("Value:   {text}\n")), "{}", message.text);
        assert!(message.text.contains(&strings), "{}", message.text);
        assert!(message.html.contains(&format!("<code>{text}</code>")));
        for body in [&message.text, &message.html] {
            assert_eq!(body.to_lowercase().matches("being made").count(), 1, "{body}");
        }
        let file = &message.attachments[0].content;
        assert!(file.contains(&strings) && file.contains("; sg2-"), "{file}");
        assert_eq!(file.lines().filter(|line| !line.starts_with(';')).count(), 5, "{file}");
        // Cloudflare splits it by itself.
        let server = Name::parse("ada.ns.cloudflare.com").unwrap();
        let hosting = Hosting::of([&server].into_iter());
        domain.raw_dkim = Some([Some(text.clone()), Some(text.clone())]);
        let message = message_of(&domain, hosting.host());
        assert!(!message.text.contains("\" \"") && message.text.contains(&text), "{}", message.text);
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
