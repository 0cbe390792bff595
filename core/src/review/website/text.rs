//! The text of an HTML document, read without understanding it: enough to find
//! words in, whatever is sent.

use alloc::string::String;

/// Elements whose content nobody reads.
const UNREAD: [&str; 4] = ["script", "style", "noscript", "template"];
/// The longest character reference looked for, in bytes.
const REFERENCE: usize = 12;

/// What a reader sees: no tags, no programs, white space collapsed.
pub(super) fn visible(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let mut out = String::new();
    let mut at = 0;
    while let Some(open) = lower[at..].find('<').map(|found| at + found) {
        out.push_str(&html[at..open]);
        out.push(' ');
        at = end_of_markup(&lower, open);
    }
    out.push_str(&html[at..]);
    let decoded = decoded(&out);
    decoded.split_whitespace().fold(String::new(), |mut text, word| {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
        text
    })
}

/// Where the markup that begins at `open` ends, with the content nobody reads.
/// ASCII lower case keeps every byte in its place.
fn end_of_markup(lower: &str, open: usize) -> usize {
    let rest = &lower[open..];
    let end = lower.len();
    if let Some(comment) = rest.strip_prefix("<!--") {
        return comment.find("-->").map_or(end, |found| open + "<!--".len() + found + "-->".len());
    }
    let close = rest.find('>').map_or(end, |found| open + found + 1);
    let tag = rest[1..].split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    if !UNREAD.contains(&tag) {
        return close;
    }
    let finish = ["</", tag].concat();
    match lower[close..].find(&finish).map(|found| close + found) {
        Some(finish) => lower[finish..].find('>').map_or(end, |found| finish + found + 1),
        None => end,
    }
}

/// The text with its character references replaced.
pub(super) fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let end = rest.bytes().take(REFERENCE).position(|b| b == b';');
        match end.and_then(|end| Some((end, reference(&rest[1..end])?))) {
            Some((end, c)) => {
                out.push(c);
                rest = &rest[end + 1..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let number = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return char::from_u32(number.ok()?);
    }
    // The accents of Latin-1 have names made of the letter and the accent.
    let mark = |accent: &str| {
        Some(match accent {
            "grave" => '\u{300}',
            "acute" => '\u{301}',
            "circ" => '\u{302}',
            "tilde" => '\u{303}',
            "uml" => '\u{308}',
            "ring" => '\u{30a}',
            "cedil" => '\u{327}',
            _ => return None,
        })
    };
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" | "rsquo" | "lsquo" => '\'',
        "nbsp" | "ensp" | "emsp" => ' ',
        "ndash" | "mdash" | "shy" => '-',
        "szlig" => 'ß',
        "oslash" => 'ø',
        "Oslash" => 'Ø',
        "aelig" => 'æ',
        "AElig" => 'Æ',
        _ => {
            let letter = name.chars().next().filter(char::is_ascii_alphabetic)?;
            unicode_normalization::char::compose(letter, mark(&name[1..])?)?
        }
    })
}
