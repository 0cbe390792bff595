//! Records as master-file text (RFC 1035 §5).

use super::node::{core_name, txt};
use hickory_proto::rr::{Name as WireName, RData, Record};
use signet_core::{
    handout::Handout,
    names::Name,
    observe::{RecordType, printable},
    plan::CUSTOMER_TTL,
};
use std::fmt::Write as _;

/// The records of a customer's domain as lines of a zone file, ready to be
/// pasted into one: full names, explicit TTLs, text quoted, escaped and cut
/// into strings of at most 255 bytes. A note is a comment above its record, or
/// in place of one that is left out.
#[must_use]
pub fn bind_lines(records: &[Handout]) -> String {
    lines(records, |owner| format!("{owner}."))
}

/// The same for the zone at `origin`: an `$ORIGIN` first, and names relative to
/// it.
#[must_use]
pub fn bind_lines_in(origin: &Name, records: &[Handout]) -> String {
    format!("$ORIGIN {origin}.\n{}", lines(records, |owner| owner.as_entered_in(origin)))
}

fn lines(handouts: &[Handout], named: impl Fn(&Name) -> String) -> String {
    let made = || handouts.iter().map(|handout| &handout.record).filter(|record| record.is_made());
    let width = made().map(|record| named(&record.owner).len()).max().unwrap_or(0);
    let mut out = String::new();
    for handout in handouts {
        let record = &handout.record;
        let (owner, rtype) = (named(&record.owner), record.rtype.as_str());
        // Writing to a string cannot fail.
        if let Some(note) = handout.comment() {
            let _ = writeln!(out, "; {owner} {rtype}: {note}");
        }
        if !record.is_made() {
            continue;
        }
        let value = match record.rtype {
            RecordType::Txt => rdata_text(&txt(record.value.as_bytes())),
            RecordType::Cname | RecordType::Ns | RecordType::Ptr => {
                format!("{}.", record.value.strip_suffix('.').unwrap_or(&record.value))
            }
            // The plan has none of the others.
            RecordType::A
            | RecordType::Aaaa
            | RecordType::Mx
            | RecordType::Ds
            | RecordType::Soa
            | RecordType::Spf
            | RecordType::Caa
            | RecordType::Https
            | RecordType::Srv => record.value.clone(),
        };
        // A line break in a value would be another record.
        let value = printable_line(&value);
        let _ = writeln!(out, "{owner:width$} {CUSTOMER_TTL} IN {rtype:<5} {value}");
    }
    out
}

fn printable_line(value: &str) -> String {
    value.chars().filter(|c| !c.is_control()).collect()
}

/// A record as a line of a master file, without its end.
#[must_use]
pub fn line(record: &Record) -> String {
    let Record { name, ttl, data, .. } = record;
    format!("{} {ttl} IN {} {}", name_text(name), data.record_type(), rdata_text(data))
}

fn rdata_text(rdata: &RData) -> String {
    match rdata {
        RData::A(address) => address.0.to_string(),
        RData::AAAA(address) => address.0.to_string(),
        RData::CNAME(target) => name_text(&target.0),
        RData::NS(target) => name_text(&target.0),
        RData::PTR(target) => name_text(&target.0),
        RData::MX(mx) => format!("{} {}", mx.preference, name_text(&mx.exchange)),
        RData::SOA(soa) => format!(
            "{} {} {} {} {} {} {}",
            name_text(&soa.mname),
            name_text(&soa.rname),
            soa.serial,
            soa.refresh,
            soa.retry,
            soa.expire,
            soa.minimum
        ),
        RData::CAA(caa) => caa.to_string(),
        RData::TXT(txt) => {
            let strings: Vec<String> = txt.txt_data.iter().map(|string| quoted(string)).collect();
            strings.join(" ")
        }
        // No other type is ever put into a zone here.
        other => printable(other.to_string().as_bytes()),
    }
}

fn name_text(name: &WireName) -> String {
    core_name(name).map_or_else(|| name.to_ascii(), |name| format!("{name}."))
}

/// A character-string in quotes (RFC 1035 §5.1).
fn quoted(string: &[u8]) -> String {
    let mut out = String::with_capacity(string.len() + 2);
    out.push('"');
    for &byte in string {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            0x20..0x7f => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\{byte:03}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_core::plan::{PlannedRecord, RecordKey};

    fn record(owner: &str, rtype: RecordType, value: &str) -> Handout {
        Handout::as_planned(PlannedRecord {
            key: RecordKey::Spf,
            owner: Name::parse(owner).unwrap(),
            rtype,
            value: value.to_owned(),
            gates: false,
        })
    }

    #[test]
    fn lines_for_a_customers_zone_file() {
        let lines = bind_lines(&[
            record("sg-link.bakery.test", RecordType::Cname, "track.signet.test"),
            record("bakery.test", RecordType::Txt, r#"v=spf1 exp=a"b\c ü;"#),
        ]);
        assert_eq!(
            lines,
            concat!(
                "sg-link.bakery.test. 3600 IN CNAME track.signet.test.\n",
                "bakery.test.         3600 IN TXT   \"v=spf1 exp=a\\\"b\\\\c \\195\\188;\"\n",
            )
        );
    }

    #[test]
    fn names_are_relative_to_the_zone_where_it_is_known() {
        let zone = Name::parse("bakery.test").unwrap();
        let lines = bind_lines_in(
            &zone,
            &[
                record("sg-link.mail.bakery.test", RecordType::Cname, "track.signet.test"),
                record("bakery.test", RecordType::Txt, "v=spf1 -all"),
                record("elsewhere.test", RecordType::Txt, "x"),
            ],
        );
        assert_eq!(
            lines,
            concat!(
                "$ORIGIN bakery.test.\n",
                "sg-link.mail    3600 IN CNAME track.signet.test.\n",
                "@               3600 IN TXT   \"v=spf1 -all\"\n",
                "elsewhere.test. 3600 IN TXT   \"x\"\n",
            )
        );
    }

    #[test]
    fn long_text_is_cut_and_line_breaks_do_not_get_through() {
        let lines = bind_lines(&[record("bakery.test", RecordType::Txt, &"x".repeat(256))]);
        assert!(lines.ends_with(&format!("\"{}\" \"x\"\n", "x".repeat(255))));
        let lines = bind_lines(&[
            record("bakery.test", RecordType::Txt, "a\nevil. IN A 192.0.2.1"),
            record("bakery.test", RecordType::Cname, "a\nevil"),
        ]);
        assert_eq!(lines.lines().count(), 2, "{lines}");
        assert!(bind_lines(&[]).is_empty());
    }

    #[test]
    fn what_is_being_made_is_not_to_be_published() {
        let lines = bind_lines(&[record("sg1._domainkey.bakery.test", RecordType::Txt, "")]);
        assert!(
            lines.starts_with("; sg1._domainkey.bakery.test. TXT") && lines.lines().count() == 1,
            "{lines}"
        );
    }

    #[test]
    fn a_note_is_a_comment_and_nothing_else() {
        let mut handout = record("bakery.test", RecordType::Txt, "v=spf1 -all");
        handout.note = Some("It says (RFC 7208 §3)\nevil. 0 IN A 192.0.2.1\u{2028}\u{202e}".to_string());
        let lines = bind_lines(&[handout]);
        assert_eq!(
            lines,
            concat!(
                "; bakery.test. TXT: It says (RFC 7208 section 3)?evil. 0 IN A 192.0.2.1??\n",
                "bakery.test. 3600 IN TXT   \"v=spf1 -all\"\n",
            )
        );
    }
}
