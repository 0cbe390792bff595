//! The text of a DMARC policy record (RFC 9989 §4.7, §4.8).

use crate::{names::Name, observe::printable};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// Tags read from one record; the rest is ignored with a remark.
const TAGS: usize = 64;
/// Reporting addresses read from one tag.
const URIS: usize = 32;

/// What receivers are asked to do with mail that fails DMARC; ordered from the
/// weakest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// Nothing.
    None,
    /// Treat it with suspicion.
    Quarantine,
    /// Refuse it.
    Reject,
}

impl Policy {
    /// Reads the value of `p`, `sp` or `np`, in any case (RFC 5234 §2.3).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::None, Self::Quarantine, Self::Reject]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(text))
    }

    /// As in the record.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Quarantine => "quarantine",
            Self::Reject => "reject",
        }
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The `psd` tag: whether the domain is a public suffix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Psd {
    /// It is (`y`).
    Yes,
    /// It is not, and it is an organizational domain (`n`).
    No,
    /// Not told (`u`).
    #[default]
    Unknown,
}

/// What a tag said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Tag {
    /// It is not there.
    #[default]
    Absent,
    /// One of the three policies.
    Valid(Policy),
    /// Something else, made safe to show.
    Invalid(String),
}

impl Tag {
    /// The policy, if it is one.
    #[must_use]
    pub fn policy(&self) -> Option<Policy> {
        match self {
            Self::Valid(policy) => Some(*policy),
            Self::Absent | Self::Invalid(_) => None,
        }
    }
}

/// A text that starts as a DMARC record, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// `p`.
    pub p: Tag,
    /// `sp`, for subdomains that exist.
    pub sp: Tag,
    /// `np`, for subdomains that do not.
    pub np: Tag,
    /// `psd`.
    pub psd: Psd,
    /// `t=y`: receivers apply the policy one step below.
    pub testing: bool,
    /// `aspf=s`: SPF must be for exactly the domain in From.
    pub strict_spf: bool,
    /// `adkim=s`: the signature must be of exactly the domain in From.
    pub strict_dkim: bool,
    /// The syntactically valid URIs of `rua`, sizes cut off.
    pub rua: Vec<String>,
    /// Those of `rua` and `ruf` that are none, made safe to show.
    pub bad_uris: Vec<String>,
    /// Tags that are ignored, and why; they change nothing.
    pub remarks: Vec<String>,
}

impl Record {
    /// Reads `text`; `None` when it does not start as a DMARC record and is
    /// discarded by receivers (§4.10 step 2).
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut terms = text.split(|&b| b == b';');
        let (name, value) = split_tag(terms.next()?)?;
        // dmarc-record has no white space in front of the version.
        if !name.eq_ignore_ascii_case(b"v") || value != b"DMARC1" || text.first().is_some_and(is_wsp) {
            return None;
        }
        let mut record = Self::default();
        let mut had: Vec<String> = Vec::new();
        for (index, term) in terms.enumerate() {
            if index == TAGS {
                record.remarks.push(format!("Only the first {TAGS} tags were read."));
                break;
            }
            if term.iter().all(is_wsp) {
                continue;
            }
            match split_tag(term) {
                Some((name, value)) if name.iter().all(u8::is_ascii_alphabetic) && !name.is_empty() => {
                    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
                    let again = had.contains(&name);
                    record.read(&name, value, again);
                    had.push(name);
                }
                _ => record
                    .remarks
                    .push(format!("`{}` is no tag and is ignored.", printable(term.trim_ascii()))),
            }
        }
        Some(record)
    }

    fn read(&mut self, name: &str, value: &[u8], again: bool) {
        let shown = printable(value);
        if again {
            // A tag list in which a tag occurs twice is invalid (RFC 6376
            // §3.2); receivers take the first, the last or none.
            match name {
                "p" => self.p = Tag::Invalid(format!("{shown}, a second time")),
                "sp" => self.sp = Tag::Invalid(format!("{shown}, a second time")),
                "np" => self.np = Tag::Invalid(format!("{shown}, a second time")),
                _ => self.remarks.push(format!("The tag `{name}` is there more than once.")),
            }
            return;
        }
        let text = core::str::from_utf8(value).unwrap_or_default();
        let is = |word: &str| text.eq_ignore_ascii_case(word);
        match name {
            "p" | "sp" | "np" => {
                let tag = Policy::parse(text).map_or(Tag::Invalid(shown), Tag::Valid);
                match name {
                    "p" => self.p = tag,
                    "sp" => self.sp = tag,
                    _ => self.np = tag,
                }
            }
            "psd" if is("y") => self.psd = Psd::Yes,
            "psd" if is("n") => self.psd = Psd::No,
            "t" if is("y") => self.testing = true,
            "aspf" if is("s") => self.strict_spf = true,
            "psd" if is("u") => {}
            "t" if is("n") => {}
            "aspf" if is("r") => {}
            "adkim" if is("s") => self.strict_dkim = true,
            "adkim" if is("r") => {}
            "fo" if is_fo(text) => {}
            "rua" => self.read_uris(value, true),
            "ruf" => self.read_uris(value, false),
            "psd" | "t" | "aspf" | "adkim" | "fo" => {
                self.remarks
                    .push(format!("`{name}={shown}` is not valid and is ignored; the default applies."));
            }
            // RFC 9989 §9.3 lists them as historic.
            "pct" | "rf" | "ri" => {
                self.remarks.push(format!("The tag `{name}` is retired and is ignored (RFC 9989)."));
            }
            _ => self
                .remarks
                .push(format!("The tag `{}` is unknown and is ignored.", printable(name.as_bytes()))),
        }
    }

    fn read_uris(&mut self, value: &[u8], aggregate: bool) {
        for uri in value.split(|&b| b == b',').take(URIS) {
            let uri = uri.trim_ascii();
            match core::str::from_utf8(uri).ok().map(without_size).filter(|uri| is_uri(uri)) {
                Some(uri) if aggregate => self.rua.push(uri.to_string()),
                Some(_) => {}
                None => self.bad_uris.push(printable(uri)),
            }
        }
    }

    /// Whether everything that decides the policy is valid: `p` is there, and
    /// `sp` and `np` are right where they are there.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        matches!(self.p, Tag::Valid(_))
            && !matches!(self.sp, Tag::Invalid(_))
            && !matches!(self.np, Tag::Invalid(_))
    }

    /// Whether receivers apply DMARC with this record: a valid one, or one
    /// with somewhere to report to, which counts as `p=none` (§4.10.1).
    #[must_use]
    pub fn is_applied(&self) -> bool {
        self.is_valid() || !self.rua.is_empty()
    }

    /// The policy for the domain the record is published for.
    #[must_use]
    pub fn own_policy(&self) -> Policy {
        if self.is_valid() { self.p.policy().unwrap_or(Policy::None) } else { Policy::None }
    }

    /// The policy for a domain below it that exists.
    #[must_use]
    pub fn subdomain_policy(&self) -> Policy {
        if self.is_valid() { self.sp.policy().unwrap_or(self.own_policy()) } else { Policy::None }
    }

    /// The policy for a name below it that does not exist.
    #[must_use]
    pub fn nonexistent_policy(&self) -> Policy {
        if self.is_valid() { self.np.policy().unwrap_or(self.subdomain_policy()) } else { Policy::None }
    }
}

/// The domain a `mailto:` URI reports to; `None` for another scheme.
#[must_use]
pub fn report_domain(uri: &str) -> Option<Name> {
    let (scheme, rest) = uri.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("mailto") {
        return None;
    }
    let address = rest.split('?').next().unwrap_or(rest);
    Name::parse(address.rsplit_once('@')?.1).ok()
}

/// The obsolete size limit cut off (obs-dmarc-report-size).
fn without_size(uri: &str) -> &str {
    match uri.rsplit_once('!') {
        Some((before, size)) => {
            let digits = size.trim_end_matches(['k', 'm', 'g', 't', 'K', 'M', 'G', 'T']);
            let is_size = size.len() - digits.len() <= 1
                && !digits.is_empty()
                && digits.bytes().all(|b| b.is_ascii_digit());
            if is_size { before } else { uri }
        }
        None => uri,
    }
}

/// As much of RFC 3986 as it takes to tell a URI from an address or a typo.
fn is_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else {
        return false;
    };
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    let rest_ok =
        !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && !b"!<>\"\\^`{|}".contains(&b));
    let mail_ok = !scheme.eq_ignore_ascii_case("mailto")
        || (report_domain(uri).is_some() && !rest.starts_with('@') && rest.matches('@').count() == 1);
    scheme_ok && rest_ok && mail_ok
}

/// dmarc-fo: `0` or `1`, `d`, `s`, each at most once, colons between.
fn is_fo(text: &str) -> bool {
    let mut had: Vec<String> = Vec::new();
    for part in text.split(':').take(4) {
        let part = part.trim_ascii().to_ascii_lowercase();
        if !["0", "1", "d", "s"].contains(&part.as_str()) || had.contains(&part) {
            return false;
        }
        had.push(part);
    }
    text.split(':').count() <= 3 && !(had.contains(&"0".to_string()) && had.contains(&"1".to_string()))
}

fn is_wsp(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// Name and value around the first `=`, white space around both off.
fn split_tag(term: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = term.iter().position(|&b| b == b'=')?;
    let (name, value) = term.split_at(equals);
    Some((name.trim_ascii(), value[1..].trim_ascii()))
}
