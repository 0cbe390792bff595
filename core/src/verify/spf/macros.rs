//! Macro strings (RFC 7208 §7).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{fmt::Write as _, net::IpAddr};

/// A text with macros whose syntax has been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MacroString {
    parts: Vec<Part>,
    /// How many bytes of the source stand after the last `%…`.
    tail: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Macro(Macro),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Macro {
    letter: Letter,
    /// An upper-case letter: the result is URL-escaped.
    escape: bool,
    /// How many right-hand parts to keep.
    keep: Option<usize>,
    reverse: bool,
    /// Where the value is split; at dots when empty.
    delimiters: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    Sender,
    LocalPart,
    SenderDomain,
    Domain,
    Ip,
    Validated,
    Version,
    Helo,
    ReadableIp,
    Receiver,
    Time,
}

impl Letter {
    fn parse(letter: u8, explaining: bool) -> Option<Self> {
        Some(match letter.to_ascii_lowercase() {
            b's' => Self::Sender,
            b'l' => Self::LocalPart,
            b'o' => Self::SenderDomain,
            b'd' => Self::Domain,
            b'i' => Self::Ip,
            b'p' => Self::Validated,
            b'v' => Self::Version,
            b'h' => Self::Helo,
            // §7.2: these three are allowed in explanations alone.
            b'c' if explaining => Self::ReadableIp,
            b'r' if explaining => Self::Receiver,
            b't' if explaining => Self::Time,
            _ => return None,
        })
    }
}

/// Why a text is no macro string.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacroError {
    /// `%` before something else than `{`, `%`, `_` or `-`.
    #[error("a percent sign begins a macro and must be followed by {{, %, _ or -")]
    Percent,
    /// `%{` without `}`.
    #[error("a macro is not closed with }}")]
    Unclosed,
    /// A letter RFC 7208 does not define, or not here.
    #[error("the macro %{{{0}}} is not one that may be used here")]
    Letter(String),
    /// A character that may not stand there.
    #[error("the character {0} may not stand there")]
    Character(String),
}

/// What the macros stand for (RFC 7208 §7.2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Values<'a> {
    pub(super) local_part: &'a str,
    pub(super) sender_domain: &'a str,
    pub(super) domain: &'a str,
    pub(super) ip: IpAddr,
    /// The validated name of the address, or `unknown`.
    pub(super) validated: &'a str,
    pub(super) helo: &'a str,
    pub(super) receiver: &'a str,
    pub(super) time: u64,
}

impl MacroString {
    /// Reads a `macro-string`: no blanks, no `%{c}`, `%{r}` or `%{t}`.
    ///
    /// # Errors
    /// [`MacroError`] for the first thing that is wrong.
    pub fn parse(text: &str) -> Result<Self, MacroError> {
        Self::read(text, false)
    }

    /// Reads an `explain-string`: blanks and all macros are allowed.
    ///
    /// # Errors
    /// [`MacroError`] for the first thing that is wrong.
    pub fn parse_explanation(text: &str) -> Result<Self, MacroError> {
        Self::read(text, true)
    }

    fn read(text: &str, explaining: bool) -> Result<Self, MacroError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        let mut tail = text.len();
        while let Some(first) = rest.chars().next() {
            if first != '%' {
                let visible = first.is_ascii_graphic() || (explaining && first == ' ');
                if !visible {
                    return Err(MacroError::Character(shown(first)));
                }
                literal.push(first);
                rest = &rest[1..];
                continue;
            }
            match rest.as_bytes().get(1) {
                Some(b'%') => literal.push('%'),
                Some(b'_') => literal.push(' '),
                Some(b'-') => literal.push_str("%20"),
                Some(b'{') => {
                    let (inside, after) = rest[2..].split_once('}').ok_or(MacroError::Unclosed)?;
                    if !literal.is_empty() {
                        parts.push(Part::Literal(core::mem::take(&mut literal)));
                    }
                    parts.push(Part::Macro(Macro::parse(inside, explaining)?));
                    rest = after;
                    tail = rest.len();
                    continue;
                }
                _ => return Err(MacroError::Percent),
            }
            rest = &rest[2..];
            tail = rest.len();
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        Ok(Self { parts, tail })
    }

    /// How many bytes of its source stand after the last macro.
    pub(super) fn tail(&self) -> usize {
        self.tail
    }

    /// Whether `%{p}` is in it, which takes look-ups to expand.
    pub(super) fn needs_validated_name(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Macro(m) if m.letter == Letter::Validated))
    }

    /// The text with everything filled in.
    pub(super) fn expand(&self, values: &Values<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Macro(one) => out.push_str(&one.expand(values)),
            }
        }
        out
    }

    /// The text as a domain name to ask about: without final dot, and
    /// shortened from the left, label by label, to 253 characters (§7.3).
    pub(super) fn expand_to_domain(&self, values: &Values<'_>) -> String {
        let text = self.expand(values);
        let mut name = text.strip_suffix('.').unwrap_or(&text);
        while name.len() > 253 {
            match name.split_once('.') {
                Some((_, shorter)) => name = shorter,
                None => break,
            }
        }
        name.to_string()
    }
}

impl Macro {
    /// Reads what stands between the braces: a letter, how many parts to keep,
    /// `r`, delimiters.
    fn parse(inside: &str, explaining: bool) -> Result<Self, MacroError> {
        let wrong = || MacroError::Letter(inside.chars().take(32).collect());
        let (&first, rest) = inside.as_bytes().split_first().ok_or_else(wrong)?;
        let letter = Letter::parse(first, explaining).ok_or_else(wrong)?;
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let keep = rest[..digits]
            .iter()
            .fold(0usize, |n, b| n.saturating_mul(10).saturating_add(usize::from(b - b'0')));
        // §7.3: "the value MUST be nonzero".
        if digits > 0 && keep == 0 {
            return Err(wrong());
        }
        let rest = &rest[digits..];
        let (reverse, delimiters) = match rest.split_first() {
            Some((b'r' | b'R', after)) => (true, after),
            _ => (false, rest),
        };
        if !delimiters.iter().all(|b| b".-+,/_=".contains(b)) {
            return Err(wrong());
        }
        Ok(Self {
            letter,
            escape: first.is_ascii_uppercase(),
            keep: (digits > 0).then_some(keep),
            reverse,
            delimiters: String::from_utf8_lossy(delimiters).into_owned(),
        })
    }

    fn expand(&self, values: &Values<'_>) -> String {
        let value = self.value(values);
        let mut parts: Vec<&str> = if self.delimiters.is_empty() {
            value.split('.').collect()
        } else {
            value.split(|c| self.delimiters.contains(c)).collect()
        };
        if self.reverse {
            parts.reverse();
        }
        let keep = self.keep.unwrap_or(parts.len()).min(parts.len());
        let joined = parts[parts.len() - keep..].join(".");
        if self.escape { url_escape(&joined) } else { joined }
    }

    fn value(&self, values: &Values<'_>) -> String {
        match self.letter {
            Letter::Sender => format!("{}@{}", values.local_part, values.sender_domain),
            Letter::LocalPart => values.local_part.to_string(),
            Letter::SenderDomain => values.sender_domain.to_string(),
            Letter::Domain => values.domain.to_string(),
            Letter::Ip => dotted(values.ip),
            Letter::Validated => values.validated.to_string(),
            Letter::Version => version(values.ip).to_string(),
            Letter::Helo => values.helo.to_string(),
            Letter::ReadableIp => values.ip.to_string(),
            Letter::Receiver => values.receiver.to_string(),
            Letter::Time => values.time.to_string(),
        }
    }
}

/// A quad, or 32 nibbles with dots between them (§7.3).
fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let digits = v6.octets().iter().fold(String::new(), |mut digits, byte| {
                // Writing to a string cannot fail.
                let _ = write!(digits, "{byte:02X}");
                digits
            });
            let mut out = String::with_capacity(64);
            for (i, digit) in digits.chars().enumerate() {
                if i > 0 {
                    out.push('.');
                }
                out.push(digit);
            }
            out
        }
    }
}

fn version(ip: IpAddr) -> &'static str {
    if ip.is_ipv4() { "in-addr" } else { "ip6" }
}

/// The name under which the names of an address are found (RFC 1035 §3.5,
/// RFC 3596 §2.5).
pub(crate) fn reverse_name(ip: IpAddr) -> String {
    let dotted = dotted(ip);
    let mut labels: Vec<&str> = dotted.split('.').collect();
    labels.reverse();
    format!("{}.{}.arpa", labels.join("."), version(ip))
}

/// Escapes all but the unreserved characters of RFC 3986 §2.3.
fn url_escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// One character, made safe to show.
pub(super) fn shown(character: char) -> String {
    if character.is_ascii_graphic() {
        character.to_string()
    } else {
        format!("U+{:04X}", u32::from(character))
    }
}
