//! The text of an SPF record, term by term (RFC 7208 §4.6, §5, §6, §12).

use super::{
    macros::{MacroError, MacroString},
    result::SpfResult,
};
use crate::observe::printable;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An SPF record without a syntax error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its terms after the version, in order.
    pub terms: Vec<Term>,
}

/// One blank-separated piece of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// As it stands.
    pub text: String,
    /// What it says.
    pub kind: Kind,
}

/// The two sorts of terms: directives and modifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A mechanism and what follows if it matches.
    Directive(Qualifier, Mechanism),
    /// `redirect=`
    Redirect(MacroString),
    /// `exp=`
    Exp(MacroString),
    /// Any other `name=value`, which receivers pass over (§6).
    Unknown(String),
}

/// What a match means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier {
    /// `+`, or nothing.
    Pass,
    /// `-`
    Fail,
    /// `~`
    Softfail,
    /// `?`
    Neutral,
}

impl Qualifier {
    /// The result a match gives.
    #[must_use]
    pub fn result(self) -> SpfResult {
        match self {
            Self::Pass => SpfResult::Pass,
            Self::Fail => SpfResult::Fail,
            Self::Softfail => SpfResult::Softfail,
            Self::Neutral => SpfResult::Neutral,
        }
    }
}

/// What a directive asks (§5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// Always matches.
    All,
    /// Matches if that domain's record passes.
    Include(MacroString),
    /// Matches an address of the name.
    A(Target),
    /// Matches an address of a mail exchanger.
    Mx(Target),
    /// Matches by the name of the address; not to be used (§5.5).
    Ptr(Option<MacroString>),
    /// Matches addresses in the network, of either family.
    Ip(IpAddr, u8),
    /// Matches if the name has an A record.
    Exists(MacroString),
}

/// The argument of `a` and `mx`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The name; the current domain when left out.
    pub domain: Option<MacroString>,
    /// Prefix length for IPv4, 0 to 32.
    pub v4: u8,
    /// Prefix length for IPv6, 0 to 128.
    pub v6: u8,
}

/// What is wrong with a record, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{term:?}: {problem}")]
pub struct SyntaxError {
    /// The term, made safe to show.
    pub term: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a term.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text does not begin with `v=spf1`.
    #[error("an SPF record begins with v=spf1 and a blank")]
    Version,
    /// A byte that is not ASCII, such as a typographic quote.
    #[error(
        "only plain ASCII is allowed, and this has a typographic quote, dash, blank or another special character"
    )]
    NotAscii,
    /// A control character.
    #[error("terms are separated by blanks; this has a tab, line break or another control character")]
    Control,
    /// A quotation mark.
    #[error("quotation marks do not belong into the record")]
    Quote,
    /// A comma or semicolon after a term.
    #[error("terms are separated by blanks, not by commas or semicolons")]
    Separator,
    /// A second `v=spf1`.
    #[error("v=spf1 stands at the beginning only; two records were joined into one")]
    SecondVersion,
    /// `include=` and the like.
    #[error("{0} takes a colon, not an equals sign")]
    EqualsSign(&'static str),
    /// `redirect:`, `exp:`.
    #[error("{0} takes an equals sign, not a colon")]
    Colon(&'static str),
    /// A qualifier before a modifier.
    #[error("{0}= takes no +, -, ~ or ? in front")]
    QualifiedModifier(&'static str),
    /// Not a mechanism.
    #[error("there is no such mechanism{}", meant_text(.0))]
    Unknown(Option<&'static str>),
    /// A mechanism that needs an argument has none.
    #[error("{0} needs something after the colon")]
    Empty(&'static str),
    /// A modifier that needs a value has none.
    #[error("{0}= needs a domain after it")]
    EmptyModifier(&'static str),
    /// `all` with an argument.
    #[error("all stands alone, with nothing after it")]
    AllArgument,
    /// Something after `ptr` or another name that takes no prefix length.
    #[error("{0} takes no prefix length")]
    Prefix(&'static str),
    /// A prefix length that is too long or no number.
    #[error("the prefix length /{0} is not a number from 0 to {1}")]
    PrefixLength(String, u8),
    /// Not a domain name that may stand there.
    #[error("{0:?} is not a full domain name")]
    Domain(String),
    /// An address where a name belongs.
    #[error("{0} is an address, not a domain name; write {1}:{0}")]
    AddressAsName(String, &'static str),
    /// An IPv6 address in `ip4:`.
    #[error("{0} is an IPv6 address; write ip6:{0}")]
    Ip6InIp4(String),
    /// An IPv4 address in `ip6:`.
    #[error("{0} is an IPv4 address; write ip4:{0}")]
    Ip4InIp6(String),
    /// A name in `ip4:` or `ip6:`.
    #[error("{0:?} is not an {1} address")]
    Address(String, &'static str),
    /// A macro is wrong.
    #[error("{0}")]
    Macro(MacroError),
    /// `redirect=` or `exp=` twice (§6).
    #[error("{0}= may stand in a record only once")]
    Twice(&'static str),
}

fn meant_text(meant: &Option<&'static str>) -> String {
    meant.map_or_else(String::new, |meant| alloc::format!("; {meant} may be what was meant"))
}

/// The mechanisms' names.
pub(super) const MECHANISMS: [&str; 8] = ["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"];

/// What follows the version tag, if `text` is an SPF record at all: `v=spf1`
/// in any case, then a blank or the end (§4.5).
#[must_use]
pub fn after_version(text: &[u8]) -> Option<&[u8]> {
    let (version, rest) = text.split_at_checked(6)?;
    (version.eq_ignore_ascii_case(b"v=spf1") && matches!(rest.first(), None | Some(b' '))).then_some(rest)
}

impl Record {
    /// Reads a record.
    ///
    /// # Errors
    /// [`SyntaxError`] for the first term that is wrong, wherever it stands:
    /// one makes the whole record a permanent error (§4.6).
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self, SyntaxError> {
        let text = text.as_ref();
        let rest = after_version(text).ok_or_else(|| SyntaxError {
            term: printable(text.split(|&b| b == b' ').next().unwrap_or(text)),
            problem: Problem::Version,
        })?;
        let mut record = Self { terms: Vec::new() };
        for term in rest.split(|&b| b == b' ').filter(|term| !term.is_empty()) {
            let kind = parse_term(term)
                .and_then(|kind| if record.repeats(&kind) { Err(twice(&kind)) } else { Ok(kind) })
                .map_err(|problem| SyntaxError { term: printable(term), problem })?;
            record.terms.push(Term { text: String::from_utf8_lossy(term).into_owned(), kind });
        }
        Ok(record)
    }

    fn repeats(&self, kind: &Kind) -> bool {
        match kind {
            Kind::Redirect(_) => self.redirect().is_some(),
            Kind::Exp(_) => self.exp().is_some(),
            _ => false,
        }
    }

    /// The target of `redirect=`, with its term.
    #[must_use]
    pub fn redirect(&self) -> Option<(&Term, &MacroString)> {
        self.terms.iter().find_map(|term| match &term.kind {
            Kind::Redirect(target) => Some((term, target)),
            _ => None,
        })
    }

    /// Where the explanation is.
    #[must_use]
    pub fn exp(&self) -> Option<&MacroString> {
        self.terms.iter().find_map(|term| match &term.kind {
            Kind::Exp(target) => Some(target),
            _ => None,
        })
    }

    /// Where the first `all` stands. Mechanisms after it are never looked at
    /// (§5.1).
    #[must_use]
    pub fn all(&self) -> Option<usize> {
        self.terms.iter().position(|term| matches!(term.kind, Kind::Directive(_, Mechanism::All)))
    }

    /// A term that receivers pass over although it was meant as a mechanism:
    /// `include=` reads as a modifier nobody knows.
    #[must_use]
    pub fn misspelt(&self) -> Option<SyntaxError> {
        self.terms.iter().find_map(|term| match &term.kind {
            Kind::Unknown(name) => MECHANISMS
                .into_iter()
                .find(|mechanism| name.eq_ignore_ascii_case(mechanism))
                .map(|mechanism| SyntaxError {
                    term: term.text.clone(),
                    problem: Problem::EqualsSign(mechanism),
                }),
            _ => None,
        })
    }
}

fn twice(kind: &Kind) -> Problem {
    Problem::Twice(if matches!(kind, Kind::Exp(_)) { "exp" } else { "redirect" })
}

fn parse_term(term: &[u8]) -> Result<Kind, Problem> {
    let text = match core::str::from_utf8(term) {
        Ok(text) if text.is_ascii() => text,
        _ => return Err(Problem::NotAscii),
    };
    if text.bytes().any(|b| b.is_ascii_control()) {
        return Err(Problem::Control);
    }
    if text.contains('"') {
        return Err(Problem::Quote);
    }
    if text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("v=spf1")) {
        return Err(Problem::SecondVersion);
    }
    // §4.6.1: a modifier has its "=" right after the name, before any ":" or "/".
    match text.split_once(['=', ':', '/']) {
        Some((name, value)) if text.as_bytes().get(name.len()) == Some(&b'=') => modifier(name, value),
        _ => directive(text),
    }
}

fn modifier(name: &str, value: &str) -> Result<Kind, Problem> {
    let bare = name.trim_start_matches(['+', '-', '~', '?']);
    for known in ["redirect", "exp"] {
        if bare.eq_ignore_ascii_case(known) {
            if bare.len() != name.len() {
                return Err(Problem::QualifiedModifier(known));
            }
            if value.is_empty() {
                return Err(Problem::EmptyModifier(known));
            }
            let target = domain_spec(value)?;
            return Ok(if known == "exp" { Kind::Exp(target) } else { Kind::Redirect(target) });
        }
    }
    let valid = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if !valid {
        return Err(match MECHANISMS.into_iter().find(|m| bare.eq_ignore_ascii_case(m)) {
            Some(mechanism) => Problem::EqualsSign(mechanism),
            None => Problem::Unknown(None),
        });
    }
    MacroString::parse(value).map_err(Problem::Macro)?;
    Ok(Kind::Unknown(name.to_string()))
}

fn directive(text: &str) -> Result<Kind, Problem> {
    let (qualifier, rest) = match text.as_bytes().first() {
        Some(b'+') => (Qualifier::Pass, &text[1..]),
        Some(b'-') => (Qualifier::Fail, &text[1..]),
        Some(b'~') => (Qualifier::Softfail, &text[1..]),
        Some(b'?') => (Qualifier::Neutral, &text[1..]),
        _ => (Qualifier::Pass, text),
    };
    let end = rest.find([':', '/']).unwrap_or(rest.len());
    let (name, argument) = rest.split_at(end);
    let name = name.to_ascii_lowercase();
    let mechanism = match name.as_str() {
        "all" if argument.is_empty() => Mechanism::All,
        "all" => return Err(separator(argument).unwrap_or(Problem::AllArgument)),
        "include" => Mechanism::Include(required("include", argument)?),
        "exists" => Mechanism::Exists(required("exists", argument)?),
        "a" => Mechanism::A(target("a", argument)?),
        "mx" => Mechanism::Mx(target("mx", argument)?),
        "ptr" if argument.is_empty() => Mechanism::Ptr(None),
        "ptr" => Mechanism::Ptr(Some(required("ptr", argument)?)),
        "ip4" => ip4(argument)?,
        "ip6" => ip6(argument)?,
        _ => return Err(unknown(&name, argument)),
    };
    Ok(Kind::Directive(qualifier, mechanism))
}

/// Says what was probably meant by a mechanism that does not exist.
fn unknown(name: &str, argument: &str) -> Problem {
    if let Some(problem) = separator(name) {
        return problem;
    }
    match name {
        "redirect" => Problem::Colon("redirect"),
        "exp" => Problem::Colon("exp"),
        "ipv4" => Problem::Unknown(Some("ip4:")),
        "ipv6" => Problem::Unknown(Some("ip6:")),
        "ip" => Problem::Unknown(Some(if argument.matches(':').count() > 1 { "ip6:" } else { "ip4:" })),
        "included" | "includes" | "inlcude" | "incude" | "includ" => Problem::Unknown(Some("include:")),
        _ if argument.is_empty() && name.parse::<Ipv4Addr>().is_ok() => Problem::Unknown(Some("ip4:")),
        _ if argument.is_empty() && name.contains('.') => Problem::Unknown(Some("include: or a:")),
        _ => Problem::Unknown(None),
    }
}

/// A comma or semicolon at the end, or between two terms.
fn separator(text: &str) -> Option<Problem> {
    text.contains([',', ';']).then_some(Problem::Separator)
}

/// The argument of a mechanism that takes a domain and nothing else.
fn required(name: &'static str, argument: &str) -> Result<MacroString, Problem> {
    match argument.strip_prefix(':') {
        Some(domain) if !domain.is_empty() => {
            domain_spec(domain).map_err(|problem| match domain.rsplit_once('/') {
                Some((_, length)) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
                    Problem::Prefix(name)
                }
                _ => problem,
            })
        }
        None if argument.starts_with('/') => Err(Problem::Prefix(name)),
        _ => Err(Problem::Empty(name)),
    }
}

/// `[ ":" domain-spec ] [ dual-cidr-length ]` (§5.3, §5.4).
fn target(name: &'static str, argument: &str) -> Result<Target, Problem> {
    let (rest, v6) = match rsplit_number(argument, "//") {
        Some((rest, length)) => (rest, prefix(length, 128)?),
        None => (argument, 128),
    };
    let (rest, v4) = match rsplit_number(rest, "/") {
        Some((rest, length)) => (rest, prefix(length, 32)?),
        None => (rest, 32),
    };
    let domain = match rest.strip_prefix(':') {
        Some("") => return Err(Problem::Empty(name)),
        Some(domain) => Some(domain_spec(domain)?),
        None if rest.is_empty() => None,
        None => return Err(Problem::PrefixLength(rest.trim_start_matches('/').to_string(), 32)),
    };
    Ok(Target { domain, v4, v6 })
}

/// Splits at the last `mark` if nothing but digits follows it.
fn rsplit_number<'a>(text: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    text.rsplit_once(mark)
        .filter(|(_, number)| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// A prefix length. Leading zeros are refused, as in addresses.
fn prefix(text: &str, max: u8) -> Result<u8, Problem> {
    let wrong = || Problem::PrefixLength(text.chars().take(32).collect(), max);
    if text.is_empty()
        || !text.bytes().all(|b| b.is_ascii_digit())
        || (text.len() > 1 && text.starts_with('0'))
    {
        return Err(wrong());
    }
    text.parse().ok().filter(|&length| length <= max).ok_or_else(wrong)
}

/// `":" ip4-network [ ip4-cidr-length ]` (§5.6).
fn ip4(argument: &str) -> Result<Mechanism, Problem> {
    let (address, length) = network("ip4", argument)?;
    match address.parse::<Ipv4Addr>() {
        Ok(v4) => Ok(Mechanism::Ip(v4.into(), length.map_or(Ok(32), |length| prefix(length, 32))?)),
        Err(_) if address.parse::<Ipv6Addr>().is_ok() => Err(Problem::Ip6InIp4(address.to_string())),
        Err(_) => Err(separator(address).unwrap_or_else(|| Problem::Address(address.to_string(), "IPv4"))),
    }
}

/// `":" ip6-network [ ip6-cidr-length ]` (§5.6).
fn ip6(argument: &str) -> Result<Mechanism, Problem> {
    let (address, length) = network("ip6", argument)?;
    match address.parse::<Ipv6Addr>() {
        Ok(v6) => Ok(Mechanism::Ip(v6.into(), length.map_or(Ok(128), |length| prefix(length, 128))?)),
        Err(_) if address.parse::<Ipv4Addr>().is_ok() => Err(Problem::Ip4InIp6(address.to_string())),
        Err(_) => Err(separator(address).unwrap_or_else(|| Problem::Address(address.to_string(), "IPv6"))),
    }
}

fn network<'a>(name: &'static str, argument: &'a str) -> Result<(&'a str, Option<&'a str>), Problem> {
    let network = argument.strip_prefix(':').filter(|rest| !rest.is_empty()).ok_or(Problem::Empty(name))?;
    Ok(match network.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (network, None),
    })
}

/// A `domain-spec`: a macro string that ends in a macro, or in a dot and a top
/// label (§7.1).
fn domain_spec(text: &str) -> Result<MacroString, Problem> {
    let spec = MacroString::parse(text).map_err(|error| match &error {
        MacroError::Character(_) => separator(text).unwrap_or(Problem::Macro(error)),
        _ => Problem::Macro(error),
    })?;
    let tail = &text[text.len() - spec.tail()..];
    if tail.is_empty() {
        return Ok(spec);
    }
    let name = tail.strip_suffix('.').unwrap_or(tail);
    if name.rsplit_once('.').is_some_and(|(_, top)| is_top_label(top)) {
        return Ok(spec);
    }
    if name.parse::<Ipv4Addr>().is_ok() {
        return Err(Problem::AddressAsName(name.to_string(), "ip4"));
    }
    if name.parse::<Ipv6Addr>().is_ok() {
        return Err(Problem::AddressAsName(name.to_string(), "ip6"));
    }
    Err(separator(text).unwrap_or_else(|| Problem::Domain(text.chars().take(256).collect())))
}

/// Letters, digits and inner hyphens, not all digits (§7.1).
fn is_top_label(label: &str) -> bool {
    !label.is_empty()
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.bytes().all(|b| b.is_ascii_digit())
}
