//! The record somebody meant, made from what they published.

use super::policy::{Policy, Record, report_domain};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The tags kept, in the order they are written.
const KEPT: [&str; 10] = ["p", "sp", "np", "adkim", "aspf", "fo", "t", "psd", "rua", "ruf"];
/// Tags dropped, known so that their values are not taken for somebody else's.
const DROPPED: [&str; 4] = ["v", "pct", "rf", "ri"];
/// How much of a text is read.
const READ: usize = 2048;

/// Whether `text` was plainly meant to be a DMARC record.
pub(super) fn is_meant(text: &[u8]) -> bool {
    let plain = clean(text).to_ascii_lowercase();
    plain.contains("dmarc1")
        || plain.contains("v=dmarc")
        || ["none", "quarantine", "reject"].iter().any(|p| plain.starts_with(&format!("p={p}")))
}

/// The valid record `text` was meant to be, the version and valid tags kept, a
/// missing or unreadable policy as the `none` receivers take it for. `None`
/// when nothing valid comes of it.
pub(super) fn repaired(text: &[u8]) -> Option<String> {
    let text = clean(text);
    let values = values(&text);
    let mut out = "v=DMARC1".to_string();
    for tag in KEPT {
        let mut given = values.iter().filter(|(name, _)| *name == tag).map(|(_, value)| *value);
        let value = match tag {
            // The strictest of several, so that no fix weakens what is there.
            "p" => given.filter_map(leading_policy).max().unwrap_or(Policy::None).to_string(),
            "sp" | "np" => match given.filter_map(leading_policy).max() {
                Some(policy) => policy.to_string(),
                None => continue,
            },
            "rua" | "ruf" => match uris(given) {
                uris if uris.is_empty() => continue,
                uris => uris,
            },
            _ => match given.next() {
                Some(value) if is_clean(&format!("v=DMARC1; p=none; {tag}={value}")) => value.to_string(),
                _ => continue,
            },
        };
        out.push_str(&format!("; {tag}={value}"));
    }
    is_clean(&out).then_some(out)
}

/// Valid, and without anything to remark on.
fn is_clean(text: &str) -> bool {
    Record::parse(text.as_bytes())
        .is_some_and(|record| record.is_valid() && record.bad_uris.is_empty() && record.remarks.is_empty())
}

/// Printable ASCII without what pasting adds: quotes, backslashes, typographic
/// quotes, invisible characters.
fn clean(text: &[u8]) -> String {
    let plain: String = text
        .iter()
        .take(READ)
        .filter(|&&b| b == b'\t' || (0x20..0x7f).contains(&b))
        .filter(|&&b| !b"\"\\`".contains(&b))
        // A tab is white space like any other (RFC 9989 §4.8), and no form takes one.
        .map(|&b| if b == b'\t' { ' ' } else { b as char })
        .collect();
    plain.trim_matches(|c: char| c.is_whitespace() || c == '\'').to_string()
}

/// Known tags with their values, wherever in the text they stand: a value ends
/// at a semicolon or at the next known tag.
fn values(text: &str) -> Vec<(&'static str, &str)> {
    let mut starts: Vec<(usize, usize, &'static str)> = Vec::new();
    for (equals, _) in text.match_indices('=') {
        let before = text[..equals].trim_end();
        let word = before.rfind(|c: char| !c.is_ascii_alphabetic()).map_or(0, |at| at + 1);
        let name = &before[word..];
        let known = KEPT.into_iter().chain(DROPPED).find(|tag| tag.eq_ignore_ascii_case(name));
        // Inside a URI an equals sign is part of the query.
        let in_query = text[..word].ends_with(['?', '&']);
        if let Some(tag) = known.filter(|_| !in_query) {
            starts.push((word, equals + 1, tag));
        }
    }
    let mut values = Vec::with_capacity(starts.len());
    for (index, &(_, from, tag)) in starts.iter().enumerate() {
        let until = starts.get(index + 1).map_or(text.len(), |&(word, ..)| word);
        let value = text[from..until].split(';').next().unwrap_or_default();
        values.push((tag, value.trim_matches([' ', '\t', ',', '.', '\''])));
    }
    values
}

/// The policy a value starts with: `none` for `none, rua=…`.
fn leading_policy(value: &str) -> Option<Policy> {
    let end = value.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(value.len());
    Policy::parse(&value[..end])
}

/// The valid URIs, and bare addresses with `mailto:` in front.
fn uris<'a>(values: impl Iterator<Item = &'a str>) -> String {
    let mut kept: Vec<String> = Vec::new();
    for uri in values.flat_map(|value| value.split([',', ' ', '\t'])) {
        let uri = uri.trim();
        let uri =
            if uri.contains('@') && !uri.contains(':') { format!("mailto:{uri}") } else { uri.to_string() };
        let known = !uri.starts_with("mailto:") || report_domain(&uri).is_some();
        if !uri.is_empty()
            && known
            && is_clean(&format!("v=DMARC1; p=none; rua={uri}"))
            && !kept.contains(&uri)
        {
            kept.push(uri);
        }
    }
    kept.join(",")
}
