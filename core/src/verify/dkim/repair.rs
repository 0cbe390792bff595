//! The record somebody meant, made from what they published.

use super::{
    base64,
    key::{BadKey, PublicKey, read_der},
    record::{LONGEST, Record, items},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The tags of a key record, and `g` of RFC 4871.
const TAGS: [&str; 8] = ["v", "g", "h", "k", "n", "p", "s", "t"];
/// Octets of the smallest thing that could be meant as a key.
const SMALLEST: usize = 32;

/// Whether `text` was plainly meant to be a key record.
pub(super) fn is_meant(text: &[u8]) -> bool {
    let plain = clean(text);
    let lower = plain.to_ascii_lowercase();
    let values = values(&plain);
    let given = |tag: &str| values.iter().find_map(|(name, value)| (*name == tag).then_some(*value));
    let dkim =
        lower.contains("dkim1") || given("v").is_some_and(|v| v.to_ascii_lowercase().starts_with("dkim"));
    // Another kind of record may have a tag `p` as well; `v` is optional here.
    let by_key = match (Record::parse(text), given("v")) {
        (Ok(record), None) => record.get("p").is_some(),
        _ => false,
    };
    dkim || by_key
        || meant_key(text).is_some()
        || (given("p").is_none() && octets(&plain).len() > SMALLEST && lower.starts_with("mi"))
}

/// The key in `text`, whatever else is wrong with it.
pub(super) fn meant_key(text: &[u8]) -> Option<PublicKey> {
    let plain = clean(text);
    let values = values(&plain);
    let octets = match values.iter().find(|(name, _)| *name == "p") {
        Some((_, value)) => octets(value),
        // Nothing but the key.
        None if values.is_empty() => octets(&plain),
        None => return None,
    };
    let wrapped_or_rsa = match read_der(&octets) {
        Ok((key, _)) => Some(PublicKey::Rsa(key)),
        Err(BadKey::WrappedEd25519(key)) => Some(PublicKey::Ed25519(key)),
        Err(_) => None,
    };
    // 32 octets of anything could be this kind of key.
    wrapped_or_rsa.or_else(|| if values.is_empty() { None } else { PublicKey::ed25519(&octets) })
}

/// The record `text` was meant to be, what it allows kept. `None` when it has
/// no key that could be put there.
pub(super) fn repaired(text: &[u8]) -> Option<String> {
    let key = meant_key(text)?;
    let plain = clean(text);
    let values = values(&plain);
    let has = |tag: &str, wanted: &str| {
        let mut given = values.iter().filter(|(name, _)| *name == tag);
        given.any(|(_, value)| items(value).any(|item| item.eq_ignore_ascii_case(wanted)))
    };
    let mut out = format!("v=DKIM1; k={}", key.kind());
    if has("h", "sha256") {
        out.push_str("; h=sha256");
    }
    if has("s", "email") && !has("s", "*") {
        out.push_str("; s=email");
    }
    if has("t", "s") {
        out.push_str("; t=s");
    }
    Some(format!("{out}; p={}", key.p()))
}

/// Printable ASCII without what pasting adds: quotes, backslashes, the armour
/// of a PEM file.
fn clean(text: &[u8]) -> String {
    let mut plain = String::with_capacity(text.len().min(LONGEST));
    for &byte in text.iter().take(LONGEST) {
        match byte {
            b'\t' | b'\r' | b'\n' => plain.push(' '),
            b'"' | b'\'' | b'\\' | b'`' => {}
            0x20..=0x7e => plain.push(byte as char),
            _ => {}
        }
    }
    for armour in ["BEGIN PUBLIC KEY", "END PUBLIC KEY", "BEGIN RSA PUBLIC KEY", "END RSA PUBLIC KEY"] {
        plain = plain.replace(&format!("-----{armour}-----"), " ");
    }
    plain.trim().to_string()
}

/// Known tags with their values, wherever in the text they stand: a value ends
/// at a semicolon or at the next known tag.
fn values(text: &str) -> Vec<(&'static str, &str)> {
    let mut starts: Vec<(usize, usize, &'static str)> = Vec::new();
    for (equals, _) in text.match_indices('=') {
        let before = text[..equals].trim_end();
        let word = before.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
        let name = &before[word..];
        // In base64 a slash or a plus may stand before a last letter.
        let apart = text[..word].ends_with([' ', ';', ',', '(', ':']) || word == 0;
        if let Some(tag) = TAGS.into_iter().find(|tag| apart && tag.eq_ignore_ascii_case(name)) {
            starts.push((word, equals + 1, tag));
        }
    }
    let mut values = Vec::with_capacity(starts.len());
    for (index, &(_, from, tag)) in starts.iter().enumerate() {
        let until = starts.get(index + 1).map_or(text.len(), |&(word, ..)| word);
        let value = text[from..until].split(';').next().unwrap_or_default();
        values.push((tag, value.trim_matches([' ', ','])));
    }
    values
}

/// The octets of what is base64 in `text`, also in the alphabet for URLs
/// (RFC 4648 §5) and without padding.
fn octets(text: &str) -> Vec<u8> {
    let letters: String = text
        .chars()
        .filter_map(|letter| match letter {
            '-' => Some('+'),
            '_' => Some('/'),
            'A'..='Z' | 'a'..='z' | '0'..='9' | '+' | '/' => Some(letter),
            _ => None,
        })
        .collect();
    base64::decode(&letters).0
}
