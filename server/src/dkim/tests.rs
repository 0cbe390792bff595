use super::*;
use crate::{
    clock::Randomness,
    keys::{KeyPair, make},
};
use aws_lc_rs::{
    digest,
    signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
};
use signet_core::rotation::Algorithm;

fn at() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

fn read(text: &str) -> Result<Message, Unsignable> {
    Message::read(text.as_bytes())
}

fn canonical_field(field: &str) -> String {
    let mut out = Vec::new();
    message::relax_field(field.as_bytes(), &mut out);
    String::from_utf8(out).unwrap()
}

fn sha256(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

#[test]
fn the_example_of_rfc_6376() {
    // §3.4.5.
    assert_eq!(canonical_field("A: X"), "a:X");
    assert_eq!(canonical_field("B : Y\t\r\n\tZ  "), "b:Y Z");
    let message = read("From: a\r\n\r\n C \r\nD \t E\r\n\r\n\r\n").unwrap();
    assert_eq!(message.body_hash().to_vec(), sha256(" C\r\nD E\r\n"));
}

#[test]
fn an_empty_body_is_nothing() {
    for body in ["", "\r\n", "\r\n\r\n", " \t\r\n\r\n \r\n", " "] {
        let message = read(&format!("From: a\r\n\r\n{body}")).unwrap();
        assert_eq!(message.body_hash().to_vec(), sha256(""), "{body:?}");
        assert_eq!(message.text(), b"From: a\r\n\r\n");
    }
    // RFC 5322 §2.1: the body is optional.
    assert_eq!(read("From: a\r\n").unwrap().text(), b"From: a\r\n\r\n");
}

#[test]
fn white_space_at_the_end_is_neither_signed_nor_sent() {
    let message = read("From: a\r\n\r\nHello \r\n \r\n\t\r\n").unwrap();
    assert_eq!(message.text(), b"From: a\r\n\r\nHello \r\n");
    assert_eq!(message.body_hash().to_vec(), sha256("Hello\r\n"));
    // A last line without its end gets it.
    assert_eq!(read("From: a\r\n\r\nHello").unwrap().text(), b"From: a\r\n\r\nHello\r\n");
}

#[test]
fn lines_of_a_file_become_lines_of_smtp() {
    let message = read("From: a\nTo: b\n\nHello\n\nYou\n").unwrap();
    assert_eq!(message.text(), b"From: a\r\nTo: b\r\n\r\nHello\r\n\r\nYou\r\n");
}

#[test]
fn what_cannot_be_signed_is_refused_with_the_line() {
    use Unsignable as U;
    let cases = [
        ("", U::NoFrom),
        ("\r\n", U::NoFrom),
        ("\r\nHello\r\n", U::NoFrom),
        ("To: b\r\n\r\n", U::NoFrom),
        ("From: a\r\nFROM : b\r\n\r\n", U::ManyFrom(2)),
        ("Hello", U::NoField(1)),
        ("From: a\r\nHello\r\n\r\n", U::NoField(2)),
        (" folded\r\nFrom: a\r\n\r\n", U::NoField(1)),
        ("From a@example.com Thu\r\nFrom: a\r\n\r\n", U::NoField(1)),
        (": nameless\r\nFrom: a\r\n\r\n", U::NoField(1)),
        ("Fröm: a\r\nFrom: a\r\n\r\n", U::NoField(1)),
        ("From: a", U::NoField(1)),
        ("From: a\r\nTo: b\n\r\n", U::LineEnds(2)),
        ("From: a\nTo: b\r\n\n", U::LineEnds(2)),
        ("From: a\r\n\r\nHello\rYou\r\n", U::LineEnds(3)),
        ("From: a\r\n\r\nHello\n.\nMAIL FROM:<x>\r\n", U::LineEnds(3)),
        ("From: a\r\n\r\nHel\0lo\r\n", U::Nul(3)),
        ("From: \0a\r\n\r\nHello\r\n", U::Nul(1)),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text).unwrap_err(), expected, "{text:?}");
    }
    let many = "X: y\r\n".repeat(2001);
    assert_eq!(read(&format!("{many}From: a\r\n\r\n")).unwrap_err(), U::ManyFields);
}

const MESSAGE: &str = "Received: by mx\r\nFrom: Anna <anna@example.com>\r\nto: bob@example.org\r\n\
    Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n  and   more\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\n\
    List-Unsubscribe: <https://example.com/u>\r\nX-Other: x\r\nCc: one\r\nCC: two\r\n\r\nHello  \tBob\r\n";

#[test]
fn every_field_that_counts_is_signed_once_more_than_it_occurs() {
    let message = read(MESSAGE).unwrap();
    let fields = signed_fields(&message);
    let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
    let of = |name: &str| names.iter().filter(|found| **found == name).count();
    assert_eq!((of("from"), of("to"), of("subject"), of("cc"), of("date")), (2, 2, 2, 3, 2));
    assert_eq!((of("reply-to"), of("mime-version"), of("content-type")), (1, 1, 1));
    assert_eq!((of("message-id"), of("list-unsubscribe"), of("received"), of("x-other")), (0, 1, 0, 0));
    // The last of several first.
    let cc: Vec<_> = fields.iter().filter(|(name, _)| *name == "cc").map(|(_, field)| *field).collect();
    assert_eq!(cc, [Some(&b"CC: two"[..]), Some(&b"Cc: one"[..]), None]);
}

/// Verifies by RFC 6376 §3.7, from the text alone.
fn verifies(signed: &str, key: &KeyPair) -> bool {
    let (header, body) = signed.split_once("\r\n\r\n").unwrap();
    let mut fields: Vec<String> = Vec::new();
    for line in header.split("\r\n") {
        match line.starts_with([' ', '\t']) {
            true => fields.last_mut().unwrap().push_str(&format!("\r\n{line}")),
            false => fields.push(line.to_string()),
        }
    }
    let signature = fields.remove(0);
    let flat: String = signature.split_once(':').unwrap().1.chars().filter(|c| !c.is_whitespace()).collect();
    let tag = |name: &str| {
        let found = flat.split(';').find_map(|tag| tag.strip_prefix(&format!("{name}=")));
        found.unwrap().to_string()
    };
    let squeeze =
        |line: &str| line.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let relaxed: Vec<String> = body
        .split("\r\n")
        .map(|line| {
            let lead = if line.trim().is_empty() || !line.starts_with([' ', '\t']) { "" } else { " " };
            format!("{lead}{}", squeeze(line))
        })
        .collect();
    let relaxed = relaxed.join("\r\n");
    let relaxed = relaxed.trim_end_matches("\r\n");
    let relaxed = if relaxed.is_empty() { String::new() } else { format!("{relaxed}\r\n") };
    if tag("bh") != STANDARD.encode(sha256(&relaxed)) {
        return false;
    }
    let relax = |field: &str| {
        let (name, value) = field.split_once(':').unwrap();
        format!("{}:{}", name.trim().to_lowercase(), squeeze(&value.replace("\r\n", "")))
    };
    let mut hashed = String::new();
    let mut left = fields.clone();
    for name in tag("h").split(':') {
        let found =
            left.iter().rposition(|field| field.split(':').next().unwrap().trim().eq_ignore_ascii_case(name));
        if let Some(index) = found {
            hashed.push_str(&format!("{}\r\n", relax(&left.remove(index))));
        }
    }
    let (before, _) = signature.split_once("\tb=").unwrap();
    hashed.push_str(&relax(&format!("{before}\tb=")));
    let signature = STANDARD.decode(tag("b")).unwrap();
    let public = &key.public;
    match key.algorithm {
        // Behind the SPKI's head of 24 octets lies the RSAPublicKey.
        Algorithm::Rsa2048 | Algorithm::Rsa4096 => {
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &public[24..])
                .verify(hashed.as_bytes(), &signature)
                .is_ok()
        }
        Algorithm::Ed25519 => {
            UnparsedPublicKey::new(&ED25519, &public[12..]).verify(&sha256(&hashed), &signature).is_ok()
        }
    }
}

#[test]
fn signatures_verify_and_changes_break_them() {
    let message = read(MESSAGE).unwrap();
    for algorithm in [Algorithm::Rsa2048, Algorithm::Ed25519] {
        let pair = make(algorithm, &Randomness::default()).unwrap();
        let key = SigningKey::read(algorithm, &pair.public, &pair.private).unwrap();
        let signer = Signer { domain: "example.com", selector: "sg1-abcdefghijklmnop", key: &key };
        let field = sign(&message, &signer, at()).unwrap();
        assert!(field.lines().all(|line| line.len() <= 78), "{field}");
        assert!(field.contains("; d=example.com;\r\n\ts=sg1-abcdefghijklmnop; t=1790000000;"), "{field}");
        assert!(!field.contains("l="), "{field}");
        let whole = |text: &str| format!("{field}{text}");
        assert!(verifies(&whole(MESSAGE), &pair));
        // What relaxed lets pass, and servers do on the way.
        let same = [
            MESSAGE.replace("Hello  \tBob", "Hello Bob  "),
            MESSAGE.replace("to: bob", "To:bob"),
            MESSAGE.replace("\r\n  and   more", " and more"),
            format!("{MESSAGE}\r\n\r\n"),
            MESSAGE.replace("X-Other: x\r\n", ""),
            format!("Message-ID: <added@mx>\r\n{MESSAGE}"),
        ];
        for text in &same {
            assert!(verifies(&whole(text), &pair), "{text}");
        }
        let other = [
            MESSAGE.replace("Hello", "hello"),
            MESSAGE.replace("anna@", "eve@"),
            MESSAGE.replace("CC: two\r\n", ""),
            format!("{MESSAGE}More\r\n"),
            format!("From: eve@example.com\r\n{MESSAGE}"),
            format!("Subject: another\r\n{MESSAGE}"),
            format!("Reply-To: eve@example.com\r\n{MESSAGE}"),
            format!("Content-Type: text/html\r\n{MESSAGE}"),
        ];
        for text in &other {
            assert!(!verifies(&whole(text), &pair), "{text}");
        }
    }
}

/// RFC 6376 §5.4.2: a verifier binds the names in `h=` to the fields from the last on, so
/// that the one that seals must stand for one more than there are.
#[test]
fn many_fields_of_one_name_are_all_signed() {
    let pair = make(Algorithm::Ed25519, &Randomness::default()).unwrap();
    let key = SigningKey::read(Algorithm::Ed25519, &pair.public, &pair.private).unwrap();
    let signer = Signer { domain: "example.com", selector: "s", key: &key };
    for many in [1, 32, 33, 1999] {
        let to: String = (0..many).map(|number| format!("To: b{number}@example.org\r\n")).collect();
        let text = format!("{to}From: a\r\n\r\nHello\r\n");
        let field = sign(&read(&text).unwrap(), &signer, at()).unwrap();
        assert!(verifies(&format!("{field}{text}"), &pair), "{many}");
        assert!(!verifies(&format!("{field}To: eve@example.org\r\n{text}"), &pair), "{many}");
    }
}

#[test]
fn a_large_message_of_long_lines_is_signed() {
    let pair = make(Algorithm::Ed25519, &Randomness::default()).unwrap();
    let key = SigningKey::read(Algorithm::Ed25519, &pair.public, &pair.private).unwrap();
    let signer = Signer { domain: "example.com", selector: "s", key: &key };
    let text =
        format!("From: a\r\n\r\n{}\r\n \tx\r\n{}", "y \t ".repeat(500_000), "\u{fc}\r\n".repeat(100_000));
    let field = sign(&read(&text).unwrap(), &signer, at()).unwrap();
    assert!(verifies(&format!("{field}{text}"), &pair));
}
