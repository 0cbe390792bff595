//! What is said about one thing, with its evidence.

use super::{Code, Level};
use crate::{
    names::Name,
    observe::{Answer, Consensus, Look, Need, RecordType, Server},
    verify::evidence::{LISTED, unanswered_about},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

/// What a [`Finding`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// How the zone above leads to ours.
    Delegation,
    /// Our zone's name servers.
    NameServers,
    /// The return-path host.
    Bounce,
    /// The SPF record that customers include.
    Spf,
    /// The tracking host.
    Track,
    /// Domains' DKIM keys.
    Keys,
    /// Where DMARC reports go.
    Reports,
    /// Demo domains.
    Demo,
    /// The name of a sending address.
    Ptr,
    /// The name our mail servers greet with.
    Helo,
    /// The key file.
    KeyFile,
    /// The database.
    Database,
    /// Resolvers.
    Resolvers,
    /// Our own zone server.
    ZoneServer,
    /// Where people reach us.
    PublicUrl,
    /// How our own messages leave.
    Smtp,
}

impl Subject {
    /// One stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delegation => "delegation",
            Self::NameServers => "name_servers",
            Self::Bounce => "bounce",
            Self::Spf => "spf",
            Self::Track => "track",
            Self::Keys => "dkim",
            Self::Reports => "dmarc_reports",
            Self::Demo => "demo",
            Self::Ptr => "ptr",
            Self::Helo => "helo",
            Self::KeyFile => "key_file",
            Self::Database => "database",
            Self::Resolvers => "resolvers",
            Self::ZoneServer => "zone_server",
            Self::PublicUrl => "public_url",
            Self::Smtp => "smtp",
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub subject: Subject,
    /// Which: a name, an address, a file.
    pub about: String,
    /// What was found.
    pub code: Code,
    /// The same as a sentence.
    pub reason: String,
    /// What to do; empty where nothing is to be done.
    pub fix: String,
    /// The exact lines that `fix` speaks of.
    pub paste: Vec<String>,
    /// What was seen, made safe to show.
    pub observed: Vec<String>,
    /// Who showed it.
    pub server: Option<Server>,
    /// The response code it came with.
    pub rcode: Option<String>,
}

impl Finding {
    /// Without evidence, and with nothing to be done.
    pub fn new(subject: Subject, about: impl ToString, code: Code, reason: impl Into<String>) -> Self {
        Self {
            subject,
            about: about.to_string(),
            code,
            reason: reason.into(),
            fix: String::new(),
            paste: Vec::new(),
            observed: Vec::new(),
            server: None,
            rcode: None,
        }
    }

    /// With what to do.
    #[must_use]
    pub fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: fix.into(), ..self }
    }

    /// With the lines to paste.
    #[must_use]
    pub fn paste(self, paste: Vec<String>) -> Self {
        Self { paste, ..self }
    }

    /// With what was seen; no more of it than anybody reads.
    #[must_use]
    pub fn observed(self, observed: impl IntoIterator<Item = String>) -> Self {
        Self { observed: observed.into_iter().take(LISTED).collect(), ..self }
    }

    /// With who gave this answer, and with what it showed unless something else
    /// has been said to have been seen.
    #[must_use]
    pub fn by(self, server: &Server, answer: &Answer) -> Self {
        let seen = answer.records.iter().map(|record| record.data.to_string());
        let finding = if self.observed.is_empty() { self.observed(seen) } else { self };
        let rcode = Some(answer.rcode.as_str().to_string());
        Self { server: Some(server.clone()), rcode, ..finding }
    }

    /// How much it matters.
    #[must_use]
    pub fn level(&self) -> Level {
        self.code.level()
    }
}

/// What all servers of a name agree on.
pub(super) enum Told<'a> {
    /// This.
    Answer(&'a Server, &'a Answer),
    /// Nobody has been given the name.
    Nowhere,
    /// Nothing; said as a finding.
    Nothing(Finding),
}

/// Reads what `look` amounts to, for a finding on `subject`.
pub(super) fn told<'a>(
    subject: Subject,
    about: &str,
    look: &'a Look,
    name: &Name,
    rtype: RecordType,
) -> Told<'a> {
    match look.consensus() {
        Consensus::Agreed { server, answer } => Told::Answer(server, answer),
        Consensus::NotDelegated(_) => Told::Nowhere,
        Consensus::Split { .. } => Told::Nothing(disagreement(subject, about, look, name, rtype)),
        Consensus::Nothing { .. } => Told::Nothing(unanswered(subject, about, look, name, rtype)),
    }
}

fn unanswered(subject: Subject, about: &str, look: &Look, name: &Name, rtype: RecordType) -> Finding {
    let verdict = unanswered_about((), look, name, rtype);
    let (why, rcode, server) = verdict.map_or_else(Default::default, |v| (v.reason, v.rcode, v.server));
    let reason = format!("Could not tell: the {rtype} record at {name} could not be looked at. {why}");
    let observed = look.failures().map(|(server, failure)| format!("{server} {failure}"));
    let finding = Finding::new(subject, about, Code::Unanswered, reason)
        .fix("Run this again later; if it stays so, see whether this machine's DNS questions get out.")
        .observed(observed);
    Finding { server, rcode, ..finding }
}

fn disagreement(subject: Subject, about: &str, look: &Look, name: &Name, rtype: RecordType) -> Finding {
    let reason = format!("The name servers answer differently about the {rtype} record at {name}.");
    let fix = "Right after a change that is normal. If it lasts, bring those that are behind up to date: see that they \
               are told of changes (NOTIFY) and may transfer the zone.";
    let observed = look.answers().map(|(server, answer)| {
        let records: Vec<String> =
            answer.records.iter().take(LISTED).map(|record| record.data.to_string()).collect();
        let records = if records.is_empty() { "nothing".to_string() } else { records.join(", ") };
        format!("{server}: {records}")
    });
    Finding::new(subject, about, Code::ServersDisagree, reason).fix(fix).observed(observed)
}

/// Runs judges one after the other, so that what they need is asked together.
#[derive(Default)]
pub(super) struct Round {
    needed: Vec<crate::observe::Question>,
}

impl Round {
    /// What a judge came to, unless it still needs something.
    pub(super) fn take<T>(&mut self, step: Result<T, Need>) -> Option<T> {
        match step {
            Ok(value) => Some(value),
            Err(Need(mut questions)) => {
                self.needed.append(&mut questions);
                None
            }
        }
    }

    /// The end of the round.
    ///
    /// # Errors
    /// [`Need`] with all that is needed.
    pub(super) fn end(self) -> Result<(), Need> {
        Need::of_all(self.needed)
    }
}
