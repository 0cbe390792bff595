//! DNS names as Signet uses them, and the names that may be registered.
//!
//! [`Name`] is any owner or target that can appear in a zone. [`DomainName`]
//! is one a customer may register as a sending domain. [`RecordId`] is the
//! label that makes a domain's records its own.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::{borrow::Borrow, fmt};

/// The longest name in presentation form without its final dot (RFC 1035
/// §2.3.4 allows 255 octets on the wire).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// A DNS name: lower case, ASCII, without the final dot, 1 to 253 characters,
/// labels of 1 to 63. Underscores are allowed, since owners of DKIM and DMARC
/// records have them. The root is not representable; nothing here needs it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// Why some text is not a [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAName {
    /// Nothing, or only a dot.
    #[error("is empty")]
    Empty,
    /// Over 253 characters.
    #[error("is longer than 253 characters")]
    TooLong,
    /// Two dots in a row, or a leading dot.
    #[error("has an empty label")]
    EmptyLabel,
    /// A label over 63 characters.
    #[error("has a label longer than 63 characters")]
    LabelTooLong,
    /// Something other than a letter, digit, hyphen or underscore.
    #[error("has a character that DNS names here do not have")]
    Character,
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Name {
    /// Reads a name as it stands in a zone file or a DNS message: any case,
    /// final dot or not.
    ///
    /// # Errors
    /// [`NotAName`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, NotAName> {
        Self::of_labels(text, |b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    }

    /// Reads a name with any printable ASCII in its labels. SPF makes such
    /// names out of macros (RFC 7208 §7.1); they can be asked about, though
    /// nothing here is ever planned or registered under one.
    ///
    /// # Errors
    /// [`NotAName`] for lengths, empty labels and what is not printable ASCII.
    pub fn parse_queried(text: &str) -> Result<Self, NotAName> {
        Self::of_labels(text, |b| (0x20..0x7f).contains(&b))
    }

    /// Reads the name of a domain that a person typed: white space around it,
    /// any case, a final dot and Unicode are fine; IDNs become A-labels.
    ///
    /// # Errors
    /// [`NameRefused`], whose text is meant for that person.
    pub fn typed(input: &str) -> Result<Self, NameRefused> {
        let text = input.trim();
        let text = text.strip_suffix('.').unwrap_or(text);
        refuse_what_is_no_domain(text)?;
        let ascii = to_a_labels(text)?;
        if ascii.len() > DomainName::MAX {
            return Err(NameRefused::TooLong(DomainName::MAX));
        }
        check_labels(&ascii)?;
        let name = Self::parse(&ascii).map_err(|_| NameRefused::Character)?;
        if name.labels() == 1 {
            return Err(NameRefused::SingleLabel(ascii));
        }
        Ok(name)
    }

    /// Labels of the characters `allowed`, of whatever length names may have.
    fn of_labels(text: &str, allowed: impl Fn(u8) -> bool) -> Result<Self, NotAName> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if text.is_empty() {
            return Err(NotAName::Empty);
        }
        if text.len() > MAX_NAME {
            return Err(NotAName::TooLong);
        }
        for label in text.split('.') {
            if label.is_empty() {
                return Err(NotAName::EmptyLabel);
            }
            if label.len() > MAX_LABEL {
                return Err(NotAName::LabelTooLong);
            }
            if !label.bytes().all(&allowed) {
                return Err(NotAName::Character);
            }
        }
        Ok(Self(text.to_ascii_lowercase()))
    }

    /// The name without its final dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `label.self`, or `None` when that would be too long to be a name.
    #[must_use]
    pub fn prepend(&self, labels: &str) -> Option<Self> {
        Self::parse(&format!("{labels}.{self}")).ok()
    }

    /// `self.zone`: what a DNS host makes of a full name when it appends its
    /// own zone. `None` when that is too long to exist.
    #[must_use]
    pub fn append(&self, zone: &Self) -> Option<Self> {
        zone.prepend(&self.0)
    }

    /// The name one label up, or `None` at a top-level name.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, rest)| Self(rest.to_string()))
    }

    /// The leftmost label.
    #[must_use]
    pub fn first_label(&self) -> &str {
        self.0.split('.').next().unwrap_or(&self.0)
    }

    /// How many labels the name has.
    #[must_use]
    pub fn labels(&self) -> usize {
        self.0.split('.').count()
    }

    /// Whether `self` is `ancestor` or below it.
    #[must_use]
    pub fn is_at_or_below(&self, ancestor: &Self) -> bool {
        self.relative_to(ancestor).is_some()
    }

    /// The part of `self` left of `origin`: `""` at the origin itself, `None`
    /// when `self` is not below it.
    #[must_use]
    pub fn relative_to<'a>(&'a self, origin: &Self) -> Option<&'a str> {
        if self == origin {
            return Some("");
        }
        self.0.strip_suffix(origin.as_str())?.strip_suffix('.')
    }

    /// How a person enters this name at a DNS host that works relative to
    /// `origin`: `@` for the origin itself, the full name with a final dot
    /// when it is not below it.
    #[must_use]
    pub fn as_entered_in(&self, origin: &Self) -> String {
        match self.relative_to(origin) {
            Some("") => "@".to_string(),
            Some(relative) => relative.to_string(),
            None => format!("{self}."),
        }
    }

    /// Whether nobody outside can ever look the name up: its last label is set
    /// aside for examples, tests or private networks (RFC 2606, RFC 6761, RFC
    /// 6762, RFC 9476, and ICANN's `internal`).
    #[must_use]
    pub fn is_never_public(&self) -> bool {
        const NEVER: [&str; 8] =
            ["test", "example", "invalid", "localhost", "local", "onion", "alt", "internal"];
        NEVER.contains(&self.last_label())
    }

    /// The organizational domain by the ICANN part of the Public Suffix List:
    /// the public suffix and one label. `None` for a public suffix itself.
    ///
    /// DMARC no longer uses the list (RFC 9989 walks the tree); this serves to
    /// find where a delegation starts and to refuse public suffixes.
    #[must_use]
    pub fn organizational(&self) -> Option<Self> {
        let suffix = self.public_suffix();
        let left = self.relative_to(&suffix).filter(|left| !left.is_empty())?;
        let label = left.rsplit('.').next().unwrap_or(left);
        suffix.prepend(label)
    }

    /// The ICANN public suffix: `co.uk` for `mail.example.co.uk`. Names under
    /// no listed rule have their last label (the list's default rule).
    #[must_use]
    pub fn public_suffix(&self) -> Self {
        use psl::Psl as _;
        let mut within = self.0.as_bytes();
        // A private rule (`github.io`) is a company's, not a registry's: look
        // again above it.
        loop {
            let Some(suffix) = psl::List.suffix(within) else {
                return Self(self.last_label().to_string());
            };
            let bytes = suffix.as_bytes();
            let private = suffix.typ() == Some(psl::Type::Private);
            match bytes.iter().position(|&b| b == b'.') {
                Some(dot) if private => within = &within[within.len() - bytes.len() + dot + 1..],
                _ => return Self(String::from_utf8_lossy(bytes).into_owned()),
            }
        }
    }

    fn last_label(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or(&self.0)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl core::str::FromStr for Name {
    type Err = NotAName;
    fn from_str(s: &str) -> Result<Self, NotAName> {
        Self::parse(s)
    }
}

/// A name a customer may register as a sending domain: at least one label
/// below a public suffix, letters, digits and hyphens only, IDN already in
/// A-labels (RFC 5890).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DomainName(Name);

/// Why a name cannot be registered; the text completes "domain name …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameRefused {
    /// Nothing but white space.
    #[error("can't be blank")]
    Blank,
    /// Something from a browser's address bar.
    #[error("is invalid: enter the domain alone, without http:// and without a path")]
    Url,
    /// An e-mail address.
    #[error("is invalid: enter the part after the @ alone")]
    EmailAddress,
    /// An IPv4 or IPv6 address.
    #[error("is invalid: an IP address is not a domain")]
    Address,
    /// `*.example.com`.
    #[error("is invalid: a wildcard cannot be registered, enter each sending domain by its own name")]
    Wildcard,
    /// No dot.
    #[error("is invalid: a single label is not a domain, enter it in full, as in {0}.com")]
    SingleLabel(String),
    /// `co.uk`: a registry's, not a customer's.
    #[error("is invalid: {0} is a public suffix, under which others register their domains")]
    PublicSuffix(String),
    /// Inside our own zone.
    #[error("is invalid: names in {0} belong to this service")]
    OwnZone(String),
    /// Too long to carry the records that would be asked for.
    #[error("is too long: at most {0} characters, so that the records below it fit into DNS")]
    TooLong(usize),
    /// A label over 63 characters.
    #[error("is invalid: the part {0:?} is longer than 63 characters")]
    LabelTooLong(String),
    /// Two dots in a row or a dot in front.
    #[error("is invalid: it has an empty part between two dots")]
    EmptyLabel,
    /// A hyphen at an end of a label.
    #[error("is invalid: the part {0:?} begins or ends with a hyphen")]
    Hyphen(String),
    /// A control character, white space or punctuation.
    #[error("is invalid: it may have letters, digits, hyphens and dots only")]
    Character,
    /// IDNA (UTS 46) refuses it.
    #[error("is invalid: not a valid internationalized name")]
    Idn,
    /// The last label is all digits.
    #[error("is invalid: its last part cannot be a number")]
    NumericTld,
    /// Reserved for other uses (RFC 6761, RFC 7686, RFC 9476).
    #[error("is invalid: names under {0:?} do not exist in public DNS")]
    SpecialUse(String),
}

/// Top-level names that never exist in public DNS. `.test` is not among them:
/// it is how a private installation and our own tests are set up.
const SPECIAL_USE: [&str; 6] = ["localhost", "local", "invalid", "onion", "alt", "arpa"];

impl DomainName {
    /// The longest registrable name: the longest owner planned below it is
    /// `sg1-<16>._domainkey.` with a prefix of up to 16 characters.
    pub const MAX: usize = MAX_NAME - 48;

    /// Reads what a person typed, as [`Name::typed`] does.
    ///
    /// `own_zone` is the provider's zone, in which nobody may register.
    ///
    /// # Errors
    /// [`NameRefused`], whose text is meant for that person.
    pub fn parse(input: &str, own_zone: &Name) -> Result<Self, NameRefused> {
        let name = Name::typed(input)?;
        let tld = name.last_label();
        if tld.bytes().all(|b| b.is_ascii_digit()) {
            return Err(NameRefused::NumericTld);
        }
        if SPECIAL_USE.contains(&tld) {
            return Err(NameRefused::SpecialUse(tld.to_string()));
        }
        if name.is_at_or_below(own_zone) {
            return Err(NameRefused::OwnZone(own_zone.to_string()));
        }
        if name.organizational().is_none() {
            return Err(NameRefused::PublicSuffix(name.to_string()));
        }
        Ok(Self(name))
    }

    /// A name that was validated when it was stored, or that we made
    /// ourselves (a demo domain lies in our own zone on purpose).
    #[must_use]
    pub fn trusted(name: Name) -> Self {
        Self(name)
    }

    /// The name as a DNS name.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.0
    }

    /// The name as text, A-labels, no final dot.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The name as people read it: A-labels decoded where that is safe to
    /// show, as it stands otherwise.
    #[must_use]
    pub fn to_unicode(&self) -> String {
        let (unicode, result) = idna::domain_to_unicode(self.as_str());
        if result.is_ok() { unicode } else { self.as_str().to_string() }
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn refuse_what_is_no_domain(text: &str) -> Result<(), NameRefused> {
    if text.is_empty() {
        return Err(NameRefused::Blank);
    }
    if text.parse::<core::net::IpAddr>().is_ok() || text.strip_prefix('[').is_some_and(|t| t.ends_with(']')) {
        return Err(NameRefused::Address);
    }
    if text.contains("://") || text.contains('/') {
        return Err(NameRefused::Url);
    }
    if text.contains('@') {
        return Err(NameRefused::EmailAddress);
    }
    if text.contains('*') {
        return Err(NameRefused::Wildcard);
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(NameRefused::Character);
    }
    // The limit for what IDNA is run on: its cost grows with the input.
    if text.len() > 4 * MAX_NAME {
        return Err(NameRefused::TooLong(DomainName::MAX));
    }
    Ok(())
}

fn to_a_labels(text: &str) -> Result<String, NameRefused> {
    let ascii = idna::domain_to_ascii_cow(text.as_bytes(), idna::AsciiDenyList::EMPTY)
        .map_err(|_| if text.is_ascii() { NameRefused::Character } else { NameRefused::Idn })?;
    Ok(ascii.strip_suffix('.').unwrap_or(&ascii).to_ascii_lowercase())
}

fn check_labels(ascii: &str) -> Result<(), NameRefused> {
    for label in ascii.split('.') {
        if label.is_empty() {
            return Err(NameRefused::EmptyLabel);
        }
        if label.len() > MAX_LABEL {
            return Err(NameRefused::LabelTooLong(label.to_string()));
        }
        if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            return Err(NameRefused::Character);
        }
        if label.starts_with('-') || label.ends_with('-') {
            return Err(NameRefused::Hyphen(label.to_string()));
        }
    }
    Ok(())
}

/// The random id `t` in a domain's record names: 16 characters of `a`–`z` and
/// `2`–`7` (RFC 4648 base32, 80 bits), never used twice, so that two accounts,
/// or staging and production, cannot collide in one zone and a forgotten
/// CNAME can never become somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId(String);

impl RecordId {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

    /// Spells ten random bytes.
    #[must_use]
    pub fn from_random(bytes: [u8; 10]) -> Self {
        let bits = bytes.iter().fold(0u128, |acc, &b| acc << 8 | u128::from(b));
        let letters: Vec<u8> =
            (0..16).map(|i| Self::ALPHABET[(bits >> (75 - 5 * i) & 31) as usize]).collect();
        Self(String::from_utf8_lossy(&letters).into_owned())
    }

    /// Reads an id that was stored or that stands in a query name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 16 && text.bytes().all(|b| Self::ALPHABET.contains(&b));
        valid.then(|| Self(text.to_string()))
    }

    /// The ten bytes it spells; the inverse of [`Self::from_random`].
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 10] {
        let value =
            |letter: u8| u128::from(if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'a' });
        let bits = self.0.bytes().fold(0, |bits, letter| bits << 5 | value(letter));
        let mut bytes = [0; 10];
        bytes.copy_from_slice(&bits.to_be_bytes()[6..]);
        bytes
    }

    /// The sixteen characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
