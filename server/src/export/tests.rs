//! Every form is read back with a reader of its own: whatever stands in an
//! owner's SPF or DMARC record, it is the value of that record and nothing else.

use super::*;
use proptest::prelude::*;
use signet_core::plan::RecordKey;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn record(key: RecordKey, owner: &str, rtype: RecordType, value: &str) -> Handout {
    let record = PlannedRecord { key, owner: name(owner), rtype, value: value.to_string(), gates: true };
    Handout { record, note: None }
}

/// What is given.
fn records(export: &Export) -> Vec<PlannedRecord> {
    export.given().cloned().collect()
}

/// Two records with a text of somebody else's and one of ours.
fn export(spf: &str, dmarc: &str) -> Export {
    let (cname, txt) = (RecordType::Cname, RecordType::Txt);
    Export {
        domain: name("mail.example.com"),
        zone: Some(name("example.com")),
        host: None,
        records: vec![
            record(RecordKey::Spf, "mail.example.com", txt, spf),
            record(RecordKey::Dkim1, "sg1-a._domainkey.mail.example.com", cname, "sg1.a.dkim.signet.test"),
            record(RecordKey::Dmarc, "_dmarc.mail.example.com", txt, dmarc),
        ],
    }
}

/// What matters to some reader, a lot of it, and long.
fn hostile() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        "[ -~]{0,8}",
        "[=+@;,'\"\\\\${}%#`|&<>()\t\r\n-]{1,4}",
        Just("${file(\"/etc/passwd\")}".to_string()),
        Just("%{ if true }".to_string()),
        Just("$${".to_string()),
        Just("\"\n}\nresource \"null_resource\" \"x\" {".to_string()),
        Just(";=cmd|' /C calc'!A0".to_string()),
        Just("\nevil. 0 IN A 192.0.2.1".to_string()),
        Just("\u{2028}\u{202e}é😀\u{0}\u{7f}\u{85}".to_string()),
        "[a-z0-9+/=]{300}",
    ];
    proptest::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
}

/// A note to the first record, and whether that is left out.
fn noted() -> impl Strategy<Value = (Option<String>, bool)> {
    (proptest::option::of(hostile()), any::<bool>())
}

fn noting(mut export: Export, (note, left_out): (Option<String>, bool)) -> Export {
    export.records[0].note = note;
    if left_out {
        export.records[0].record.value.clear();
    }
    export
}

// --- zone files ------------------------------------------------------------

/// An entry of a zone file: owner in full, type, and its strings.
type Entry = (String, String, Vec<Vec<u8>>);

/// Reads a zone file as RFC 1035 §5.1 has it: one entry per line, quoted
/// strings, escapes, comments.
fn read_zone(text: &str) -> Vec<Entry> {
    let (mut origin, mut entries) = (None, vec![]);
    let mut rest = text.as_bytes();
    while !rest.is_empty() {
        let (words, after) = read_line(rest);
        rest = after;
        let text = |word: &[u8]| String::from_utf8(word.to_vec()).unwrap();
        match words.first().map(Vec::as_slice) {
            None => {}
            Some(b"$ORIGIN") => origin = Some(text(&words[1])),
            Some(owner) => {
                let full = match (owner, &origin) {
                    (b"@", Some(origin)) => origin.clone(),
                    (owner, _) if owner.ends_with(b".") => text(owner),
                    (owner, Some(origin)) => format!("{}.{origin}", text(owner)),
                    (owner, None) => panic!("{} is relative to nothing", text(owner)),
                };
                assert_eq!((words[1].as_slice(), words[2].as_slice()), (&b"3600"[..], &b"IN"[..]));
                entries.push((full, text(&words[3]), words[4..].to_vec()));
            }
        }
    }
    entries
}

fn read_line(line: &[u8]) -> (Vec<Vec<u8>>, &[u8]) {
    let (mut words, mut word, mut quoted) = (vec![], None::<Vec<u8>>, false);
    let mut at = 0;
    while at < line.len() {
        let byte = line[at];
        at += 1;
        match byte {
            b'\\' => {
                let escaped = line[at];
                let value = if escaped.is_ascii_digit() {
                    at += 2;
                    std::str::from_utf8(&line[at - 2..=at]).unwrap().parse().unwrap()
                } else {
                    escaped
                };
                at += 1;
                word.get_or_insert_default().push(value);
            }
            b'"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            b'\n' => {
                assert!(!quoted, "a string goes on over the line's end");
                words.extend(word.take());
                return (words, &line[at..]);
            }
            b' ' | b'\t' if !quoted => words.extend(word.take()),
            b';' if !quoted => at += line[at..].iter().position(|&b| b == b'\n').unwrap(),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    panic!("the last line does not end");
}

fn as_entries(export: &Export) -> Vec<(String, String, Vec<u8>)> {
    let entry = |record: &PlannedRecord| {
        let dot = if record.rtype == RecordType::Cname { "." } else { "" };
        let value = format!("{}{dot}", record.value).into_bytes();
        (format!("{}.", record.owner), record.rtype.to_string(), value)
    };
    // For one without a text there is a comment in its place.
    export.given().map(entry).collect()
}

fn joined(entries: Vec<Entry>) -> Vec<(String, String, Vec<u8>)> {
    let entries = entries.into_iter();
    entries
        .map(|(owner, rtype, strings)| {
            assert!(strings.iter().all(|string| string.len() <= 255));
            (owner, rtype, strings.concat())
        })
        .collect()
}

// --- tables ----------------------------------------------------------------

/// Reads a table as RFC 4180 has it.
fn read_csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (vec![], vec![], String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(char),
        }
    }
    assert!(!quoted && cell.is_empty() && row.is_empty(), "{text:?}");
    rows
}

// --- HCL -------------------------------------------------------------------

/// The text of an attribute, which must be that and no template.
fn text(body: &hcl::Body, attribute: &str) -> String {
    let expression = body.attributes().find(|found| found.key() == attribute).unwrap().expr();
    text_of(expression)
}

fn text_of(expression: &hcl::Expression) -> String {
    match expression {
        hcl::Expression::String(text) => text.clone(),
        other => panic!("no plain text: {other:?}"),
    }
}

fn resources<'a>(body: &'a hcl::Body, of: &str) -> Vec<&'a hcl::Block> {
    let resources: Vec<_> = body.blocks().filter(|block| block.identifier() == "resource").collect();
    assert!(resources.iter().all(|block| block.labels()[0].as_str() == of), "{body:?}");
    assert_eq!(body.blocks().count(), resources.len() + 1, "and a variable: {body:?}");
    resources
}

/// The bytes of quoted character-strings; escapes are numbers to this base.
fn read_strings(text: &str, radix: u32) -> Vec<Vec<u8>> {
    let line = format!("{text}\n").into_bytes();
    if radix == 10 {
        return read_line(&line).0;
    }
    // The same reader: three digits, to another base.
    let (mut strings, mut string, mut quoted, mut at) = (vec![], vec![], false, 0);
    while line[at] != b'\n' {
        match line[at] {
            b'"' if quoted => {
                strings.push(std::mem::take(&mut string));
                quoted = false;
            }
            b'"' => quoted = true,
            b'\\' if line[at + 1].is_ascii_digit() => {
                let digits = std::str::from_utf8(&line[at + 1..at + 4]).unwrap();
                string.push(u8::from_str_radix(digits, radix).unwrap());
                at += 3;
            }
            b'\\' => {
                string.push(line[at + 1]);
                at += 1;
            }
            byte => string.push(byte),
        }
        at += 1;
    }
    assert!(!quoted);
    strings
}

proptest! {
    #[test]
    fn zone_files_are_read_back(spf in hostile(), dmarc in hostile(), note in noted(), known in any::<bool>()) {
        let mut export = noting(export(&spf, &dmarc), note);
        if !known {
            export.zone = None;
        }
        let text = export.render(Format::Bind, None);
        prop_assert!(text.is_ascii());
        prop_assert_eq!(joined(read_zone(&text)), as_entries(&export));
    }

    #[test]
    fn tables_are_read_back_and_hold_no_formula(spf in hostile(), dmarc in hostile(), note in noted()) {
        let export = noting(export(&spf, &dmarc), note);
        let text = export.render(Format::Csv, None);
        prop_assert!(text.chars().all(|c| !c.is_control() || "\r\n".contains(c)));
        let rows = read_csv(&text);
        prop_assert_eq!(rows.len(), 1 + export.given().count());
        for (row, record) in rows[1..].iter().zip(export.given()) {
            prop_assert_eq!(row.len(), rows[0].len());
            prop_assert_eq!(&row[1], record.owner.as_str());
            if !record.value.contains(|c: char| c.is_control() || "=+-@;".contains(c) || !c.is_ascii()) {
                prop_assert_eq!(&row[4], &record.value);
            }
            // However a spreadsheet may cut the cell.
            for cell in row.iter().flat_map(|cell| cell.split([';', '\t'])) {
                prop_assert!(!cell.trim_start().starts_with(['=', '+', '-', '@']), "{cell:?}");
            }
        }
    }

    #[test]
    fn json_is_read_back(spf in hostile(), dmarc in hostile(), note in noted()) {
        let export = noting(export(&spf, &dmarc), note);
        let document: serde_json::Value =
            serde_json::from_str(&export.render(Format::Json, None)).unwrap();
        let shown = document["records"].as_array().unwrap();
        let left_out = document["left_out"].as_array().unwrap();
        prop_assert_eq!((shown.len(), left_out.len()), (records(&export).len(), 3 - records(&export).len()));
        for (shown, record) in shown.iter().zip(export.given()) {
            prop_assert_eq!(&shown["value"], &record.value);
            let strings = shown["strings"].as_array().unwrap();
            let strings: Vec<&str> = strings.iter().map(|s| s.as_str().unwrap()).collect();
            if record.rtype == RecordType::Txt {
                prop_assert_eq!(strings.concat(), record.value.clone());
            }
        }
    }

    #[test]
    fn terraform_is_read_back(spf in hostile(), dmarc in hostile(), note in noted()) {
        let export = noting(export(&spf, &dmarc), note);
        let read = |provider| {
            let text = export.render(Format::Terraform, Some(provider));
            assert!(text.is_ascii());
            hcl::parse(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
        };
        let body = read(Provider::Cloudflare);
        for (resource, record) in resources(&body, "cloudflare_dns_record").iter().zip(export.given()) {
            prop_assert_eq!(text(resource.body(), "name"), record.owner.as_str());
            let content = text(resource.body(), "content");
            match record.rtype {
                RecordType::Txt => {
                    let strings = read_strings(&content, 10);
                    prop_assert!(strings.iter().all(|string| string.len() <= 255));
                    prop_assert_eq!(strings.concat(), record.value.as_bytes());
                }
                _ => prop_assert_eq!(content, record.value.clone()),
            }
        }
        let body = read(Provider::Route53);
        for (resource, record) in resources(&body, "aws_route53_record").iter().zip(export.given()) {
            let records = resource.body().attributes().find(|found| found.key() == "records").unwrap();
            let hcl::Expression::Array(records) = records.expr() else { panic!("{records:?}") };
            let content = text_of(&records[0]);
            match record.rtype {
                // The provider adds the outer marks.
                RecordType::Txt => prop_assert_eq!(
                    read_strings(&format!("\"{content}\""), 8).concat(),
                    record.value.as_bytes()
                ),
                _ => prop_assert_eq!(content, record.value.clone()),
            }
        }
        let body = read(Provider::Generic);
        let locals = body.blocks().next().unwrap().body();
        prop_assert_eq!(body.blocks().count(), 1);
        let hcl::Expression::Object(map) = locals.attributes().next().unwrap().expr() else { panic!() };
        prop_assert_eq!(map.len(), export.given().count());
        for ((key, value), record) in map.iter().zip(export.given()) {
            prop_assert_eq!(key.to_string(), record.key.as_str());
            let hcl::Expression::Object(value) = value else { panic!("{value:?}") };
            let found = value.iter().find(|(key, _)| key.to_string() == "value").unwrap().1;
            prop_assert_eq!(text_of(found), record.value.clone());
        }
    }
}

#[test]
fn a_long_key_is_cut_in_every_form() {
    let key = format!("v=DKIM1; k=rsa; p={}", "A".repeat(736));
    let mut export = export("v=spf1 -all", "v=DMARC1; p=none");
    export.records[1].record.rtype = RecordType::Txt;
    export.records[1].record.value = key.clone();
    let entries = read_zone(&export.render(Format::Bind, None));
    assert_eq!(entries[1].2.iter().map(Vec::len).collect::<Vec<_>>(), [255, 255, 244]);
    assert_eq!(entries[1].2.concat(), key.as_bytes());
    let view: serde_json::Value = serde_json::from_str(&export.render(Format::Json, None)).unwrap();
    assert_eq!(view["records"][1]["strings"].as_array().unwrap().len(), 3);
}

#[test]
fn the_zone_itself_and_its_host_are_named_as_each_form_wants() {
    let mut export = export("v=spf1 -all", "v=DMARC1; p=none");
    export.zone = Some(name("mail.example.com"));
    assert!(export.render(Format::Bind, None).contains("\n@ "));
    assert_eq!(read_csv(&export.render(Format::Csv, None))[1][2], "mail.example.com.");
    let server = name("ns-0.awsdns-00.com");
    export.host = signet_core::verify::dns_host::Hosting::of([&server].into_iter()).host().cloned();
    assert!(export.render(Format::Terraform, None).contains("aws_route53_record"));
    assert_eq!(export.entered(&export.records[0].record).as_deref(), Some(""));
}

#[test]
fn file_names_are_plain() {
    let export = export("", "");
    for format in Format::ALL {
        assert_eq!(Format::parse(format.as_str()), Some(format));
        let name = export.file_name(format);
        assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b)), "{name}");
    }
    assert_eq!(Format::parse("xml"), None);
    assert_eq!(Provider::parse("azure"), None);
}
