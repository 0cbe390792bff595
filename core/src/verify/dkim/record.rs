//! The text of a key record as a tag list (RFC 6376 §3.2, §3.6.1).

use alloc::{
    string::{String, ToString},
    vec::Vec,
};

/// Characters read. A record with an RSA key of 16,384 bits has 2,800; the
/// answer would no longer fit into any UDP packet.
pub(super) const LONGEST: usize = 8192;
/// Tags read; eight are defined.
const TAGS: usize = 64;

/// Why a text is no tag list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Bad {
    /// An octet that is not printable ASCII, blank, or part of a line break.
    Octet(u8),
    /// This is not `name=value`.
    NotATag(String),
    /// This tag is there twice, which makes the whole list invalid.
    Twice(String),
    /// It is longer than [`LONGEST`], or has more than [`TAGS`] tags.
    TooLong,
}

/// A tag list, by name and value in the order given, blanks around both off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    pub(super) tags: Vec<(&'a str, &'a str)>,
    /// What the grammar does not allow and verifiers take all the same.
    pub(super) lax: Option<Lax>,
}

/// See [`Record::lax`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lax {
    /// A line break without a blank after it.
    LineBreak,
    /// Two semicolons with nothing between them.
    EmptyTag,
}

impl<'a> Record<'a> {
    /// Reads `text`.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, Bad> {
        if text.len() > LONGEST {
            return Err(Bad::TooLong);
        }
        if let Some(&octet) = text.iter().find(|&&b| !matches!(b, b'\t' | b'\r' | b'\n' | 0x20..=0x7e)) {
            return Err(Bad::Octet(octet));
        }
        let text = core::str::from_utf8(text).unwrap_or_default();
        let mut record = Self { tags: Vec::new(), lax: stray_line_break(text).then_some(Lax::LineBreak) };
        let mut terms = text.split(';').peekable();
        while let Some(term) = terms.next() {
            let term = term.trim_ascii();
            if term.is_empty() {
                if terms.peek().is_some() {
                    record.lax = record.lax.or(Some(Lax::EmptyTag));
                }
                continue;
            }
            let (name, value) = term
                .split_once('=')
                .map(|(name, value)| (name.trim_ascii_end(), value.trim_ascii_start()))
                .filter(|(name, _)| is_name(name))
                .ok_or_else(|| Bad::NotATag(term.to_string()))?;
            if record.get(name).is_some() {
                return Err(Bad::Twice(name.to_string()));
            }
            if record.tags.len() == TAGS {
                return Err(Bad::TooLong);
            }
            record.tags.push((name, value));
        }
        Ok(record)
    }

    /// The value of a tag. Names are case-sensitive (§3.2).
    pub(super) fn get(&self, tag: &str) -> Option<&'a str> {
        self.tags.iter().find_map(|&(name, value)| (name == tag).then_some(value))
    }
}

/// tag-name.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether there is a line break that does not fold: CR and LF together, with
/// a blank behind them (§2.8).
fn stray_line_break(text: &str) -> bool {
    let text = text.replace("\r\n ", " ").replace("\r\n\t", "\t");
    text.contains(['\r', '\n'])
}

/// The items of a list with colons, blanks around them off.
pub(super) fn items(value: &str) -> impl Iterator<Item = &str> {
    value.split(':').map(str::trim_ascii)
}

/// Whether `value` is a qp-section (§3.6.1 `n=`, RFC 2045 §6.7), of which a
/// semicolon is no part in a tag list.
pub(super) fn is_quoted_printable(value: &str) -> bool {
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('=') {
        let hex = after
            .get(..2)
            .is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(&b)));
        if !hex {
            return false;
        }
        rest = after.get(2..).unwrap_or_default();
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn tags(text: &str) -> Vec<(&str, &str)> {
        Record::parse(text.as_bytes()).unwrap().tags
    }

    #[test]
    fn tags_are_read_by_the_grammar() {
        assert_eq!(tags(" v = DKIM1 ;\r\n\tp=a b; "), [("v", "DKIM1"), ("p", "a b")]);
        assert_eq!(tags("p="), [("p", "")]);
        assert_eq!(tags("a_1=x=y"), [("a_1", "x=y")]);
        assert_eq!(tags(""), []);
        let bad = |text: &[u8]| Record::parse(text).unwrap_err();
        assert_eq!(bad(b"v=DKIM1; p=\xe2"), Bad::Octet(0xe2));
        assert_eq!(bad(b"v=DKIM1\0"), Bad::Octet(0));
        for no in ["v", "v=DKIM1; rsa", "=x", "1a=x", "a-b=x", "\"v=DKIM1"] {
            assert!(matches!(bad(no.as_bytes()), Bad::NotATag(_)), "{no}");
        }
        assert_eq!(bad(b"p=; p="), Bad::Twice("p".to_string()));
        assert_eq!(bad(&vec![b'a'; LONGEST + 1]), Bad::TooLong);
        let many: String = (0..=TAGS).map(|i| alloc::format!("t{i}=;")).collect();
        assert_eq!(bad(many.as_bytes()), Bad::TooLong);
    }

    #[test]
    fn what_is_not_quite_right() {
        let lax = |text: &str| Record::parse(text.as_bytes()).unwrap().lax;
        assert_eq!(lax("v=DKIM1; p=a\r\n b;\t"), None);
        assert_eq!(lax("v=DKIM1;; p=a"), Some(Lax::EmptyTag));
        for text in ["p=a\nb", "p=a\r\nb", "p=a\n b", "p=a\r b", "p=a\r\n"] {
            assert_eq!(lax(text), Some(Lax::LineBreak), "{text:?}");
        }
        assert!(is_quoted_printable("made=20in 2026=3B") && is_quoted_printable(""));
        assert!(!is_quoted_printable("a=b") && !is_quoted_printable("a=3b") && !is_quoted_printable("=2"));
    }
}
