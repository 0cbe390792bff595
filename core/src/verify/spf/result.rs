//! What evaluating a record comes to, and how it got there.

use super::record::SyntaxError;
use crate::{names::Name, observe::RecordType};
use alloc::{string::String, vec::Vec};
use core::{fmt, net::IpAddr};

/// The results of RFC 7208 §2.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpfResult {
    /// No record, or no domain that could have one.
    None,
    /// The record says nothing about the address.
    Neutral,
    /// The address may send.
    Pass,
    /// It may not.
    Fail,
    /// It probably may not.
    Softfail,
    /// Not known now: a DNS failure.
    Temperror,
    /// The record cannot be evaluated.
    Permerror,
}

impl SpfResult {
    /// As in a Received-SPF header.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Neutral => "neutral",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Softfail => "softfail",
            Self::Temperror => "temperror",
            Self::Permerror => "permerror",
        }
    }

    /// Whether evaluation broke off.
    #[must_use]
    pub fn is_error(self) -> bool {
        matches!(self, Self::Temperror | Self::Permerror)
    }
}

impl fmt::Display for SpfResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is asked of `check_host()` (§4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The address that wants to send.
    pub ip: IpAddr,
    /// The domain whose record is looked at, as received.
    pub domain: String,
    /// The part of the sender before the `@`; `postmaster` where there is none.
    pub local_part: String,
    /// The part of the sender after the `@`.
    pub sender_domain: String,
    /// What the client called itself.
    pub helo: String,
    /// Who is asking, for `%{r}`.
    pub receiver: String,
    /// Seconds since 1970, for `%{t}`.
    pub time: u64,
    /// Whether to look up the explanation of a `fail`.
    pub explain: bool,
}

impl Query {
    /// The check of a MAIL FROM; an empty one stands for `postmaster` at the
    /// HELO name (§2.4).
    #[must_use]
    pub fn new(ip: IpAddr, mail_from: &str, helo: &str) -> Self {
        let (local_part, domain) = mail_from.rsplit_once('@').unwrap_or(("", mail_from));
        let domain = if domain.is_empty() { helo } else { domain };
        Self {
            ip,
            domain: domain.into(),
            // §4.3: an empty local part is "postmaster".
            local_part: if local_part.is_empty() { "postmaster".into() } else { local_part.into() },
            sender_domain: domain.into(),
            helo: helo.into(),
            receiver: "unknown".into(),
            time: 0,
            explain: false,
        }
    }
}

/// The outcome of `check_host()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// In one word.
    pub result: SpfResult,
    /// What decided it.
    pub cause: Cause,
    /// Terms evaluated that take a look-up; ten are allowed (§4.6.4).
    pub lookups: usize,
    /// Look-ups that found nothing; two are allowed (§4.6.4).
    pub voids: usize,
    /// Why a `fail` failed, in the domain owner's words (§6.2).
    pub explanation: Option<String>,
    /// Every step taken.
    pub trace: Trace,
}

/// What decided an [`Evaluation`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// A term matched.
    #[error("{term} in the record of {domain} matched")]
    Matched {
        /// Whose record.
        domain: String,
        /// The term.
        term: String,
    },
    /// No term did.
    #[error("no term matched")]
    NoMatch,
    /// The domain has no SPF record.
    #[error("{0} has no SPF record")]
    NoRecord(String),
    /// It cannot have one: a single label, an address, too long.
    #[error("{0} is not a domain name that could have an SPF record")]
    InvalidDomain(String),
    /// It has several (§4.5).
    #[error("{0} has more than one SPF record")]
    Multiple(String),
    /// A record has a syntax error.
    #[error("the record of {domain} has an error in {error}")]
    Syntax {
        /// Whose record.
        domain: String,
        /// What is wrong.
        error: SyntaxError,
    },
    /// An eleventh look-up would be needed.
    #[error("more than 10 look-ups are needed")]
    TooManyLookups,
    /// A third look-up found nothing.
    #[error("more than 2 look-ups found nothing, the last one at {0}")]
    TooManyVoids(String),
    /// More than ten mail exchangers.
    #[error("{0} has more than 10 mail exchangers")]
    TooManyNames(String),
    /// A record leads back to itself.
    #[error("the record of {0} leads back to itself")]
    Loop(String),
    /// `include:` or `redirect=` leads to a name without a record (§5.2, §6.1).
    #[error("{term} leads to {domain}, which has no SPF record")]
    NothingThere {
        /// The term that leads there.
        term: String,
        /// Where.
        domain: String,
    },
    /// A DNS question got no answer that counts.
    #[error("{name} ({rtype}): {failure}")]
    Unreachable {
        /// The name asked about.
        name: Name,
        /// The type asked for.
        rtype: RecordType,
        /// What happened.
        failure: String,
    },
}

/// How one record was evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Whose record.
    pub domain: String,
    /// The record, made safe to show, where exactly one was found.
    pub record: Option<String>,
    /// What it came to.
    pub result: SpfResult,
    /// The terms looked at, in order.
    pub steps: Vec<Step>,
}

/// One term of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// As it stands in the record.
    pub term: String,
    /// The result it gave; `None` when it did not match.
    pub result: Option<SpfResult>,
    /// Why, as a phrase.
    pub why: String,
    /// How many of the ten look-ups it used, with all it led to.
    pub lookups: usize,
    /// The record it led to.
    pub inner: Option<Trace>,
}

impl Trace {
    /// The record of `domain`, if it was reached on the way.
    #[must_use]
    pub fn reached(&self, domain: &Name) -> Option<&Self> {
        if self.domain.eq_ignore_ascii_case(domain.as_str()) {
            return Some(self);
        }
        self.steps.iter().filter_map(|step| step.inner.as_ref()).find_map(|inner| inner.reached(domain))
    }
}
