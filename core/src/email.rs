//! E-mail addresses, as far as Signet takes them.

use crate::names::Name;
use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt;

/// An address with a dotted domain, no quoting, no comments: `local@domain`.
///
/// The local part keeps its case, the domain is in lower-case A-labels. At most
/// 254 characters (RFC 5321 §4.5.3.1.3 less the angle brackets), 64 of them
/// before the `@`. Nothing that can be held here can break out of a header.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress {
    text: String,
    at: usize,
}

/// Why some text is not an [`EmailAddress`]; the text completes "email …".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnEmail {
    /// Nothing but white space.
    #[error("can't be blank")]
    Blank,
    /// No `@`, or an address with odd characters.
    #[error("is invalid: enter an address such as name@example.com")]
    Invalid,
    /// `user@localhost`.
    #[error("is invalid: the part after the @ must be a full domain such as example.com")]
    Domain,
    /// Over 254 characters, or 64 before the `@`.
    #[error("is too long: at most 64 characters before the @ and 254 in all")]
    TooLong,
}

impl EmailAddress {
    /// Reads an address as a person typed it; white space around it is dropped,
    /// an internationalized domain becomes A-labels.
    ///
    /// # Errors
    /// [`NotAnEmail`], whose text is meant for that person.
    pub fn parse(input: &str) -> Result<Self, NotAnEmail> {
        let text = input.trim_matches(|c: char| c == ' ' || c == '\t');
        if text.is_empty() {
            return Err(NotAnEmail::Blank);
        }
        if text.len() > 1024 {
            return Err(NotAnEmail::TooLong);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnEmail::Invalid)?;
        if !is_dot_atom(local) {
            return Err(NotAnEmail::Invalid);
        }
        if domain.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(NotAnEmail::Invalid);
        }
        let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::URL)
            .map_err(|_| NotAnEmail::Domain)?;
        let domain = Name::parse(&ascii).map_err(|_| NotAnEmail::Domain)?;
        if domain.labels() < 2 || domain.as_str().contains('_') || !hyphens_inside(domain.as_str()) {
            return Err(NotAnEmail::Domain);
        }
        let text = format!("{local}@{domain}");
        if local.len() > 64 || text.len() > 254 {
            return Err(NotAnEmail::TooLong);
        }
        Ok(Self { at: local.len(), text })
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// What stands after the `@`, in lower-case A-labels.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The spelling under which a recipient is counted: all lower case, since
    /// no mail host of note tells local parts apart by case.
    #[must_use]
    pub fn for_counting(&self) -> String {
        self.text.to_ascii_lowercase()
    }
}

/// RFC 5322 §3.2.3 `dot-atom-text`, which needs no quoting anywhere.
fn is_dot_atom(text: &str) -> bool {
    let atext = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    !text.is_empty() && text.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(atext))
}

fn hyphens_inside(domain: &str) -> bool {
    domain.split('.').all(|label| !label.starts_with('-') && !label.ends_with('-'))
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl core::str::FromStr for EmailAddress {
    type Err = NotAnEmail;
    fn from_str(text: &str) -> Result<Self, NotAnEmail> {
        Self::parse(text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_people_have() {
        for (input, stored) in [
            ("jo@example.com", "jo@example.com"),
            (" Jo.Doe+x@Example.COM ", "Jo.Doe+x@example.com"),
            ("o'hara@mail.example.co.uk", "o'hara@mail.example.co.uk"),
            ("jo@bücher.example", "jo@xn--bcher-kva.example"),
        ] {
            assert_eq!(EmailAddress::parse(input).unwrap().as_str(), stored);
        }
    }

    #[test]
    fn refusals() {
        use NotAnEmail as N;
        for (input, why) in [
            ("", N::Blank),
            ("  ", N::Blank),
            ("jo", N::Invalid),
            ("@example.com", N::Invalid),
            ("jo@", N::Domain),
            ("jo@localhost", N::Domain),
            ("jo@[192.0.2.1]", N::Domain),
            ("jo@-example.com", N::Domain),
            ("jo doe@example.com", N::Invalid),
            ("a@b@example.com", N::Invalid),
            ("\"jo\"@example.com", N::Invalid),
            ("jo@example.com\r\nBcc: x@example.net", N::Invalid),
            ("jo\n@example.com", N::Invalid),
            ("jo@example.com\n", N::Invalid),
            ("jo@exam\0ple.com", N::Invalid),
            ("jö@example.com", N::Invalid),
            ("<jo@example.com>", N::Invalid),
        ] {
            assert_eq!(EmailAddress::parse(input), Err(why), "{input:?}");
        }
        let long = "a".repeat(65);
        assert_eq!(EmailAddress::parse(&format!("{long}@example.com")), Err(N::TooLong));
    }

    proptest! {
        #[test]
        fn nothing_accepted_can_break_a_header(input in "\\PC{0,40}@\\PC{0,40}") {
            if let Ok(address) = EmailAddress::parse(&input) {
                prop_assert!(address.as_str().bytes().all(|b| (0x21..0x7f).contains(&b)));
                prop_assert!(!address.as_str().contains(['<', '>', ',', ';', '"', '(', ')', ':']));
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }
    }
}
