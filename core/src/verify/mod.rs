//! Expected and observed to a verdict with evidence.
//!
//! One judge per kind of record. A judge is a function of what the plan
//! expects and of what has been [`Seen`]; where it has not seen enough it says
//! so with [`Need`] and is run again. [`judge`] is all of them together.

mod case;
pub mod cname;
mod code;
pub mod dkim;
pub mod dmarc;
pub mod dns_host;
pub(crate) mod evidence;
#[cfg(test)]
pub(crate) mod literal;
mod misplaced;
pub mod own;
mod paste;
pub(crate) mod second_view;
pub mod spf;

pub use code::Code;

use crate::{
    names::Name,
    observe::{Need, RecordType, Seen, Server},
    plan::{PlannedRecord, Present, Provider, RecordKey},
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// What a record's state is; the contract's six words (VERDICTS).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// Never looked at, or the expected value was reissued since.
    Unchecked,
    /// No trustworthy answer. Never evidence of anything.
    NetworkError,
    /// Authoritatively not there, or nothing of the right kind.
    Missing,
    /// The right kind, but wrong, invalid or harmful.
    Fail,
    /// Works today, but fragile; counts as verified.
    Softfail,
    /// The effect is achieved.
    Pass,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Unchecked, Self::NetworkError, Self::Missing, Self::Fail, Self::Softfail, Self::Pass];

    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::NetworkError => "network_error",
            Self::Missing => "missing",
            Self::Fail => "fail",
            Self::Softfail => "softfail",
            Self::Pass => "pass",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == text)
    }

    /// Whether the record counts as right for `dns_verified`.
    #[must_use]
    pub fn is_right(self) -> bool {
        matches!(self, Self::Pass | Self::Softfail)
    }

    /// Whether the record has been proven not to be right.
    #[must_use]
    pub fn is_wrong(self) -> bool {
        matches!(self, Self::Missing | Self::Fail)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How many servers stand behind a verdict. Losing verification takes a second
/// server where there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Witnesses {
    /// Servers that gave the answer the verdict rests on.
    pub agreeing: u16,
    /// Servers that were asked.
    pub asked: u16,
}

impl Witnesses {
    /// Two servers agree, or there is only one.
    #[must_use]
    pub fn corroborate(self) -> bool {
        self.agreeing >= 2 || (self.agreeing == 1 && self.asked == 1)
    }
}

/// What is said about one record, and what it rests on.
///
/// `K` says what it is about: a record of the plan, or, in an audit, a
/// [`Subject`](crate::audit::Subject).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict<K = RecordKey> {
    /// Which record.
    pub key: K,
    /// The state in one word.
    pub status: Status,
    /// The reason in one stable machine word; its status is fixed per use.
    pub code: Code,
    /// What was seen, as a sentence for the owner of the domain.
    pub reason: String,
    /// What to do, with the exact text to paste; empty when nothing is to do.
    pub fix: String,
    /// What the plan expects.
    pub expected: String,
    /// Of an SPF or DMARC record that is not right: the whole text to publish there
    /// now. `None` where it would decide something that is the owner's to decide,
    /// or where nobody knows what it would do.
    pub offer: Option<String>,
    /// What stands there instead, made safe to show.
    pub observed: Vec<String>,
    /// The server whose answer it rests on.
    pub server: Option<Server>,
    /// Its response code, where one was received.
    pub rcode: Option<String>,
    /// Of the answer, in seconds; for a negative one how long it may be cached.
    pub ttl: Option<u32>,
    /// Some receivers may still see what was there before, for so many seconds
    /// after the look (RFC 2308 §5).
    pub late: Option<u32>,
    /// Of an SPF record that could be evaluated: how many of the ten look-ups it
    /// needs (RFC 7208 §4.6.4).
    pub lookups: Option<u8>,
    /// See [`Witnesses`].
    pub witnesses: Witnesses,
    /// Things worth saying that change nothing: a lame server, an unknown tag.
    pub remarks: Vec<String>,
}

impl Verdict {
    /// A verdict on `record` with nothing but its status, code and reason;
    /// the rest is filled in with struct update or the methods below.
    #[must_use]
    pub fn new(record: &PlannedRecord, status: Status, code: Code, reason: impl Into<String>) -> Self {
        Self { expected: record.value.clone(), ..Self::about(record.key, status, code, reason) }
    }

    /// What is said of a record nobody has looked at.
    #[must_use]
    pub fn unchecked(record: &PlannedRecord) -> Self {
        let reason = match record.is_made() {
            true => "This record has not been looked at yet.",
            false => "The key for this record is being made. There is nothing to publish yet.",
        };
        Self::new(record, Status::Unchecked, Code::Unchecked, reason)
    }
}

impl<K> Verdict<K> {
    /// The same about anything, with nothing expected.
    #[must_use]
    pub fn about(key: K, status: Status, code: Code, reason: impl Into<String>) -> Self {
        Self {
            key,
            status,
            code,
            reason: reason.into(),
            fix: String::new(),
            expected: String::new(),
            offer: None,
            observed: Vec::new(),
            server: None,
            rcode: None,
            ttl: None,
            late: None,
            lookups: None,
            witnesses: Witnesses::default(),
            remarks: Vec::new(),
        }
    }

    /// With the text that tells what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// The same said of something else.
    #[must_use]
    pub fn keyed<L>(self, key: L) -> Verdict<L> {
        Verdict {
            key,
            status: self.status,
            code: self.code,
            reason: self.reason,
            fix: self.fix,
            expected: self.expected,
            offer: self.offer,
            observed: self.observed,
            server: self.server,
            rcode: self.rcode,
            ttl: self.ttl,
            late: self.late,
            lookups: self.lookups,
            witnesses: self.witnesses,
            remarks: self.remarks,
        }
    }
}

/// Everything the judges know beside DNS.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The provider's side.
    pub provider: &'a Provider,
    /// The sending domain.
    pub domain: &'a Name,
    /// A random label for wildcard probes, the same throughout one check. Drawn
    /// anew each time, so that nobody can publish it.
    pub probe: &'a str,
    /// The DKIM public keys now published at `dkim1` and `dkim2`'s targets
    /// (SPKI, DER), to tell a copied record from a foreign one. `None` where no
    /// key has been made.
    pub dkim_keys: [Option<&'a [u8]>; 2],
    /// Whether this look goes into everything: all servers, wildcards, the
    /// second view. A routine pass over what has been right asks only for the
    /// records themselves.
    pub thorough: bool,
    /// Whether resolvers are to be asked beside the zones' own servers. Not
    /// where they are what is believed in the first place.
    pub second_view: bool,
}

/// The outcome of one check of one domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// One per planned record, in the plan's order.
    pub verdicts: Vec<Verdict>,
    /// What the owner publishes already, to be merged into what is shown.
    pub present: Present,
    /// The zone cut above the domain, where it could be found: what the DNS
    /// host calls the zone.
    pub zone: Option<Name>,
}

/// Judges every planned record.
///
/// # Errors
/// [`Need`] with every question any judge is still missing, so that one round
/// of asking serves all of them.
pub fn judge(context: &Context<'_>, plan: &[PlannedRecord], seen: &Seen) -> Result<Findings, Need> {
    let mut needed = Vec::new();
    let mut findings = Findings::default();
    for record in plan {
        let verdict = match record.key {
            RecordKey::Dkim1 | RecordKey::Dkim2 if record.rtype == RecordType::Txt => {
                dkim_key(context, record, seen)
            }
            RecordKey::Verification | RecordKey::Dkim1 | RecordKey::Dkim2 | RecordKey::LinkVerification => {
                cname::judge(context, record, seen)
            }
            RecordKey::Spf => spf::judge(context, record, seen).map(|(verdict, present)| {
                findings.present.spf = present;
                verdict
            }),
            RecordKey::Dmarc => dmarc::judge(context, record, seen).map(|(verdict, present)| {
                findings.present.dmarc = present;
                verdict
            }),
        };
        match verdict {
            Ok(verdict) => findings.verdicts.push(verdict),
            Err(Need(mut questions)) => needed.append(&mut questions),
        }
    }
    Need::of_all(needed)?;
    findings.zone = zone_of(context.domain, plan, seen);
    second_view::look(context, plan, seen, &mut findings)?;
    Ok(findings)
}

/// Raw-TXT DKIM: judged by the key that is to stand there. Without a key there
/// is nothing to publish yet.
fn dkim_key(context: &Context<'_>, record: &PlannedRecord, seen: &Seen) -> Result<Verdict, Need> {
    let [first, second] = context.dkim_keys;
    match if record.key == RecordKey::Dkim1 { first } else { second } {
        _ if !record.is_made() => Ok(Verdict::unchecked(record)),
        Some(expected) => dkim::judge(context, record, expected, seen),
        None => Ok(Verdict::unchecked(record)),
    }
}

/// The zone cut above the domain, as found for any record at or below it.
fn zone_of(domain: &Name, plan: &[PlannedRecord], seen: &Seen) -> Option<Name> {
    use crate::observe::Zone;
    plan.iter().find_map(|record| match seen.at(&record.owner, record.rtype) {
        Ok(look) => match &look.zone {
            Zone::Found(apex) if domain.is_at_or_below(apex) => Some(apex.clone()),
            _ => None,
        },
        Err(_) => None,
    })
}

/// "2 of 4 name servers", "the name server".
#[must_use]
pub fn of_servers(some: usize, all: usize) -> String {
    match (some, all) {
        (1, 1) => "the zone's only name server".to_string(),
        (some, all) if some == all => alloc::format!("all {all} name servers"),
        (some, all) => alloc::format!("{some} of {all} name servers"),
    }
}
