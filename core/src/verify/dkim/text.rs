//! How a long text goes into a TXT record.

use alloc::{format, string::String, vec::Vec};

/// Octets of one character-string (RFC 1035 §3.3).
pub(in crate::verify) const STRING: usize = 255;

/// The character-strings of at most 255 octets that hold `value`, in order. A
/// TXT record joins them without anything between (RFC 6376 §3.6.2.2). Never
/// empty: an empty text is one empty string.
#[must_use]
pub fn split(value: &str) -> Vec<&str> {
    let mut strings = Vec::with_capacity(value.len() / STRING + 1);
    let mut rest = value;
    while rest.len() > STRING {
        let (string, after) = rest.split_at(rest.floor_char_boundary(STRING));
        strings.push(string);
        rest = after;
    }
    if !rest.is_empty() || strings.is_empty() {
        strings.push(rest);
    }
    strings
}

/// What to say beside a text to paste that does not fit into one string; empty
/// when it does.
pub(in crate::verify) fn split_hint(value: &str) -> String {
    if value.len() <= STRING {
        return String::new();
    }
    format!(
        " If your DNS host takes no more than {STRING} characters at once, enter it as {} strings of the same \
         record: `{}`.",
        split(value).len(),
        in_quotes(value)
    )
}

/// The text as quoted character-strings (RFC 1035 §5.1).
#[must_use]
pub fn in_quotes(value: &str) -> String {
    let quoted = |string: &&str| format!("\"{}\"", string.replace('\\', "\\\\").replace('"', "\\\""));
    split(value).iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_full_and_join_again() {
        for (length, lengths) in [
            (0, &[0][..]),
            (1, &[1]),
            (255, &[255]),
            (256, &[255, 1]),
            (510, &[255, 255]),
            (740, &[255, 255, 230]),
        ] {
            let text = "k".repeat(length);
            let strings = split(&text);
            assert_eq!(strings.iter().map(|s| s.len()).collect::<Vec<_>>(), lengths);
            assert_eq!(strings.concat(), text);
        }
        let text = "é".repeat(200);
        assert!(split(&text).iter().all(|string| string.len() <= STRING));
        assert_eq!(split(&text).concat(), text);
        assert_eq!(split_hint("short"), "");
        assert!(split_hint(&"k".repeat(300)).contains(&format!(
            "`\"{}\" \"{}\"`",
            "k".repeat(255),
            "k".repeat(45)
        )));
    }
}
