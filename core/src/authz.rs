//! May this message go out? The one gate (COMPLIANCE), as a pure function.
//!
//! A message names domains: the one of its envelope sender and those of its
//! header From, as far as the caller knows that. Each is looked up exactly
//! ([`Request::sources`], [`return_path`]), and [`authorize`] decides from what
//! was found.
//!
//! # The null sender
//!
//! `<>` follows the header From. Postfix policy delegation does not tell the
//! header From, so that there `<>` says nothing of whom the message is from.
//! Bounces of the operator's own machines come that way and may not be stopped:
//! `<>` without a known From is allowed, uncounted. That would be a door for
//! customers, though, who could send anything under `<>`: where a customer has
//! authenticated, it is refused.
//!
//! # Several accounts with one name
//!
//! Two accounts may have registered one name. Whoever has it verified counts,
//! and registering a name harms nobody who has. Where several have it verified
//! and nothing in the message tells which of them sends, a suspension of any of
//! them holds, the gravest first: a second account must be no way around it.

use crate::{
    email::EmailAddress,
    lifecycle::{ComplianceStatus, Decision, Facts, Suspension, compliance},
    names::{DomainName, Name, RecordId},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// How many different domains one message may name.
pub const MAX_SOURCES: usize = 16;

/// What an address says a message is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The null sender, `<>`.
    Null,
    /// A domain, in lower-case A-labels.
    Domain(Name),
    /// Nothing that could be a domain of ours; as it may be shown.
    Other(String),
}

impl Source {
    /// Reads an address as an MTA tells it, without angle brackets. Only its
    /// domain matters, so that the local part may be anything.
    #[must_use]
    pub fn parse(address: &str) -> Self {
        if address.is_empty() {
            return Self::Null;
        }
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        // The limit for what IDNA is run on: its cost grows with the input.
        if domain.len() > 1024 {
            return Self::Other(shown(domain));
        }
        let ascii = idna::domain_to_ascii_cow(domain.as_bytes(), idna::AsciiDenyList::EMPTY);
        match ascii.ok().and_then(|ascii| Name::parse(&ascii).ok()) {
            Some(name) => Self::Domain(name),
            None => Self::Other(shown(domain)),
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Null => "<>",
            Self::Domain(name) => name.as_str(),
            Self::Other(text) => text,
        }
    }
}

/// Text from outside, short and of characters that cannot end a line, open a
/// quote or an address.
fn shown(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.:[]".contains(c) { c } else { '?' };
    let shown: String = text.chars().take(64).map(plain).collect();
    if shown.is_empty() { "(none)".to_string() } else { shown }
}

/// Whose return path a name is, if it looks like one: `sg-<t>.D` belongs to the
/// domain `D` with the record id `t`, and to no other.
#[must_use]
pub fn return_path(name: &Name, prefix: &str) -> Option<(RecordId, Name)> {
    let id = name.first_label().strip_prefix(prefix)?.strip_prefix('-')?;
    Some((RecordId::parse(id)?, name.parent()?))
}

/// To whom a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipients {
    /// To all of these, as the MTA tells them.
    All(Vec<String>),
    /// Not told: Postfix does not, after DATA, when there are several.
    Untold,
}

/// A message that wants to go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number of the account that sends, where that is known: what belongs
    /// to another is as if it were not there.
    pub account: Option<i64>,
    /// The envelope sender.
    pub envelope: Source,
    /// The addresses of the header From; `None` when it is not known.
    pub header_from: Option<Vec<Source>>,
    /// Whether a customer has proven to be one, as with SMTP AUTH.
    pub authenticated: bool,
    /// The recipients, or at RCPT the one asked about.
    pub recipients: Recipients,
}

impl Request {
    /// The domains the message names, each once: all of them must be allowed.
    /// No more than one above [`MAX_SOURCES`] are listed.
    #[must_use]
    pub fn sources(&self) -> Vec<&Source> {
        let header = self.header_from.iter().flatten();
        let mut sources = Vec::new();
        for source in core::iter::once(&self.envelope).chain(header) {
            if *source != Source::Null && !sources.contains(&source) && sources.len() <= MAX_SOURCES {
                sources.push(source);
            }
        }
        sources
    }
}

/// A domain that a source was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The number of its account.
    pub account: i64,
    /// Its own number.
    pub domain: i64,
    /// Its name.
    pub name: DomainName,
    /// The address of its account's owner.
    pub owner: EmailAddress,
    /// What its compliance follows from.
    pub facts: Facts,
    /// Whether a review has ever approved it.
    pub approved_before: bool,
    /// Whether this very message is in the demo domain's count already, so that
    /// the allowance need not have room for it again.
    pub counted: bool,
}

impl Candidate {
    fn status(&self) -> ComplianceStatus {
        let left = self.facts.demo_messages_left.max(u32::from(self.counted));
        compliance::status(&Facts { demo_messages_left: left, ..self.facts })
    }
}

/// The gate's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The message may go out.
    Allow {
        /// The number of the demo domain whose allowance it is to be counted in.
        spends: Option<i64>,
    },
    /// Not now; the MTA tries again.
    Defer(Refusal),
    /// Not at all.
    Reject(Refusal),
}

/// What is said to the MTA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SMTP reply code.
    pub code: u16,
    /// Enhanced status code (RFC 3463).
    pub enhanced: &'static str,
    /// One line of ASCII, whatever the message held.
    pub text: String,
    /// The domain it is about, if it is about one.
    pub domain: Option<String>,
}

impl Answer {
    /// The gate itself failed: its store was not there.
    #[must_use]
    pub fn trouble() -> Self {
        Self::Defer(Refusal {
            code: 451,
            enhanced: "4.3.0",
            text: "The sending gate cannot decide at the moment; try again later".to_string(),
            domain: None,
        })
    }

    fn defer(domain: &str, why: &str) -> Self {
        Self::Defer(Refusal {
            code: 450,
            enhanced: "4.7.1",
            text: format!("Sending from domain {domain} is not allowed at the moment: {why}"),
            domain: Some(domain.to_string()),
        })
    }

    fn reject(domain: &str, why: &str) -> Self {
        Self::Reject(Refusal {
            code: 550,
            enhanced: "5.7.1",
            text: format!("Sending from domain {domain} is not allowed: {why}"),
            domain: Some(domain.to_string()),
        })
    }

    fn reject_message(why: &str) -> Self {
        Self::Reject(Refusal {
            code: 550,
            enhanced: "5.7.1",
            text: format!("Sending is not allowed: {why}"),
            domain: None,
        })
    }

    /// The higher, the worse.
    fn severity(&self) -> u8 {
        match self {
            Self::Allow { .. } => 0,
            Self::Defer(_) => 1,
            Self::Reject(_) => 2,
        }
    }

    /// Both must hold: the worse of the two, and of two that allow the one that
    /// is counted.
    fn and(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Allow { spends: None }, Self::Allow { .. }) => other,
            _ if other.severity() > self.severity() => other,
            _ => self,
        }
    }
}

/// Decides. `found` has, for each of [`Request::sources`] in their order, the
/// domains it may be.
#[must_use]
pub fn authorize(request: &Request, found: &[Vec<Candidate>]) -> Answer {
    let sources = request.sources();
    if sources.is_empty() {
        return null_sender(request);
    }
    if sources.len() > MAX_SOURCES {
        return Answer::reject_message("the message is from too many domains");
    }
    let candidates = |n: usize| -> Vec<&Candidate> {
        let found = found.get(n).into_iter().flatten();
        found.filter(|candidate| request.account.is_none_or(|account| account == candidate.account)).collect()
    };
    let named: Vec<Vec<&Candidate>> = (0..sources.len()).map(candidates).collect();
    if let Some((source, _)) = sources.iter().zip(&named).find(|(_, candidates)| candidates.is_empty()) {
        return not_registered(source, request.account);
    }
    let mut senders = senders(&named);
    if senders.is_empty() {
        return Answer::reject_message(
            "the envelope sender and the header From belong to different accounts",
        );
    }
    if senders.iter().any(|sender| sender.verified()) {
        senders.retain(Sender::verified);
        let suspended = senders.iter().filter(|sender| sender.suspended());
        let refused = suspended.map(|sender| sender.judge(&request.recipients));
        if let Some(gravest) = refused.max_by_key(Answer::severity) {
            return gravest;
        }
    }
    let answers = senders.iter().map(|sender| sender.judge(&request.recipients));
    answers.min_by_key(Answer::severity).unwrap_or_else(Answer::trouble)
}

fn not_registered(source: &Source, account: Option<i64>) -> Answer {
    match account {
        Some(account) => Answer::reject(source.text(), &format!("it is not registered in account {account}")),
        None => Answer::reject(source.text(), "it is not registered"),
    }
}

/// See the module.
fn null_sender(request: &Request) -> Answer {
    if request.authenticated {
        Answer::reject_message("the null sender does not tell from which domain the message is")
    } else {
        Answer::Allow { spends: None }
    }
}

/// An account that may be the one who sends: its domains are all that the
/// message names.
struct Sender<'a>(Vec<&'a Candidate>);

/// The accounts in which every source was found.
fn senders<'a>(named: &[Vec<&'a Candidate>]) -> Vec<Sender<'a>> {
    let Some((first, rest)) = named.split_first() else {
        return Vec::new();
    };
    let complete = |first: &&'a Candidate| {
        let of_account = |candidates: &Vec<&'a Candidate>| {
            candidates.iter().copied().find(|candidate| candidate.account == first.account)
        };
        core::iter::once(Some(*first))
            .chain(rest.iter().map(of_account))
            .collect::<Option<Vec<_>>>()
            .map(Sender)
    };
    first.iter().filter_map(complete).collect()
}

impl Sender<'_> {
    fn verified(&self) -> bool {
        self.0.iter().all(|candidate| candidate.facts.dns_verified)
    }

    fn suspended(&self) -> bool {
        self.0.iter().any(|candidate| candidate.facts.suspension.is_some())
    }

    fn judge(&self, recipients: &Recipients) -> Answer {
        let answers = self.0.iter().map(|candidate| judge(candidate, recipients));
        answers.reduce(Answer::and).unwrap_or_else(Answer::trouble)
    }
}

/// One domain by its status. What was once approved is not refused for what its
/// owner can mend, or we decide, while the message waits.
fn judge(candidate: &Candidate, recipients: &Recipients) -> Answer {
    use ComplianceStatus as Status;
    let name = candidate.name.as_str();
    // A rejection ends what an earlier approval was worth.
    let approved = candidate.approved_before && candidate.facts.decision != Some(Decision::Rejected);
    let unless_approved = |why: &str| {
        if approved { Answer::defer(name, why) } else { Answer::reject(name, why) }
    };
    match candidate.status() {
        Status::Compliant => Answer::Allow { spends: None },
        Status::Demo => demo(candidate, recipients),
        Status::Suspended if candidate.facts.suspension == Some(Suspension::Hold) => {
            Answer::defer(name, "it is held by the operator")
        }
        Status::Suspended => Answer::reject(name, "it is suspended"),
        Status::DemoExhausted => Answer::reject(name, "the demo domain has used up its messages"),
        Status::NonCompliant => Answer::reject(name, "a review has rejected it"),
        Status::UnverifiedDns => unless_approved("its DNS records are not verified"),
        Status::MissingCompanyInfo => {
            unless_approved("the company information of its account is not complete")
        }
        Status::AwaitingQuestionnaire => unless_approved("its review waits for the questionnaire"),
        Status::AwaitingCardVerification => unless_approved("its review waits for the card check"),
        Status::UnderReview => unless_approved("its review has not decided yet"),
    }
}

/// A demo domain writes to its owner. Untold recipients are several, at least
/// one of whom may be somebody else.
fn demo(candidate: &Candidate, recipients: &Recipients) -> Answer {
    let owner = candidate.owner.for_counting();
    let is_owner =
        |text: &String| EmailAddress::parse(text).is_ok_and(|address| address.for_counting() == owner);
    match recipients {
        Recipients::All(all) if !all.is_empty() && all.iter().all(is_owner) => {
            Answer::Allow { spends: Some(candidate.domain) }
        }
        Recipients::All(_) => {
            Answer::reject(candidate.name.as_str(), "a demo domain may write to its account's owner only")
        }
        Recipients::Untold => Answer::reject(
            candidate.name.as_str(),
            "a demo domain may write to its account's owner only, as the one recipient",
        ),
    }
}

#[cfg(test)]
mod tests;
