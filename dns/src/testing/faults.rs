//! What can be wrong with a server.

use super::zone::{blank, poison};
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{
        Name, RData, Record,
        rdata::{NS, opt::EdnsOption},
    },
};
use std::time::Duration;

/// Longer than anybody waits.
const STALL: Duration = Duration::from_secs(3600);

/// A way to answer badly.
#[derive(Clone, Debug)]
pub enum Fault {
    /// No answer.
    Silent,
    /// The right answer, after this long.
    Late(Duration),
    /// A forged answer with another id, then the right one.
    WrongId,
    /// A forged answer to another question, then the right one.
    WrongQuestion,
    /// A forged answer from another port, then the right one.
    WrongSource,
    /// Octets that are no message, then the right answer.
    Noise,
    /// The right header and question, and then no message.
    Garbage,
    /// Truncated over UDP, whole over TCP.
    Truncated,
    /// Truncated over UDP, nothing over TCP.
    TruncatedWithoutTcp,
    /// Truncated over UDP; over TCP a connection on which nothing comes.
    TruncatedAndStalled,
    /// The right answer over UDP, nothing over TCP.
    WithoutTcp,
    /// The right answer, with RA.
    OffersRecursion,
    /// This response code and nothing else.
    Rcode(u16),
    /// This response code with this extended error.
    Extended(u16, u16),
    /// SERVFAIL, because of DNSSEC (RFC 8914 §4.7), unless CD is set.
    Bogus,
    /// A referral to the root.
    LameReferral,
    /// The right answer without AA.
    NotAuthoritative,
    /// NXDOMAIN in place of the right answer, whatever lies below the name.
    Denying,
    /// FORMERR to EDNS, with nothing but a header.
    NoEdns,
    /// The right answer, with the question in lower case.
    LowerCase,
}

/// Which questions a fault strikes; names in lower case, without final dot.
#[derive(Clone, Debug)]
enum About {
    Anything,
    Name(String),
    Below(String),
}

impl About {
    fn covers(&self, name: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Name(only) => only == name,
            Self::Below(above) => {
                name.strip_suffix(above.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
        }
    }
}

/// A fault of one server, for all or some questions.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) host: u8,
    about: About,
    times: Option<u32>,
    fault: Fault,
}

impl Rule {
    /// `fault` in every answer of the server with this last octet.
    #[must_use]
    pub fn at(host: u8, fault: Fault) -> Self {
        Self { host, about: About::Anything, times: None, fault }
    }

    /// Only for questions about this name.
    #[must_use]
    pub fn about(mut self, name: &str) -> Self {
        self.about = About::Name(name.to_string());
        self
    }

    /// Only for questions about this name and those below it.
    #[must_use]
    pub fn below(mut self, name: &str) -> Self {
        self.about = About::Below(name.to_string());
        self
    }

    /// Only so often.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Whether who asks has to wait for nothing, so that a test is better off with
    /// [`Fake::hasty`](super::Fake::hasty).
    #[must_use]
    pub fn keeps_waiting(&self) -> bool {
        matches!(self.fault, Fault::Silent | Fault::Late(_) | Fault::TruncatedAndStalled)
    }

    pub(super) fn strike(&mut self, host: u8, name: &str) -> Option<Fault> {
        if self.host != host || !self.about.covers(name) {
            return None;
        }
        if let Some(times) = &mut self.times {
            *times = times.checked_sub(1)?;
        }
        Some(self.fault.clone())
    }
}

/// What goes out for one question.
#[derive(Default)]
pub(super) struct Reply {
    pub(super) after: Duration,
    pub(super) from_another_port: Option<Vec<u8>>,
    pub(super) messages: Vec<Vec<u8>>,
}

impl Reply {
    fn of(messages: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self { messages: messages.into_iter().collect(), ..Self::default() }
    }
}

/// The honest reply, truncated where the asker takes no more.
pub(super) fn fit(query: &Message, honest: Message, tcp: bool) -> Reply {
    let octets = wire(&honest);
    if !tcp && octets.len() > usize::from(query.max_payload()) {
        return Reply::of([wire(&truncated(query))]);
    }
    Reply::of([octets])
}

pub(super) fn apply(fault: &Fault, query: &Message, honest: Message, tcp: bool) -> Reply {
    match fault {
        Fault::Silent => Reply::default(),
        Fault::Late(after) => Reply { after: *after, ..fit(query, honest, tcp) },
        Fault::WrongId => {
            let mut forged = forgery(query);
            forged.metadata.id = !forged.metadata.id;
            Reply::of([wire(&forged), wire(&honest)])
        }
        Fault::WrongQuestion => {
            let mut forged = forgery(query);
            if let Some(question) = forged.queries.first_mut() {
                question
                    .set_name(Name::from_labels(["other", "test"].map(str::as_bytes)).unwrap_or_default());
            }
            Reply::of([wire(&forged), wire(&honest)])
        }
        Fault::WrongSource => {
            let forged = wire(&forgery(query));
            // The forgery has to be there first.
            let after = Duration::ZERO;
            Reply { from_another_port: Some(forged), after, ..fit(query, honest, tcp) }
        }
        Fault::Noise => Reply::of([vec![], vec![0xff; 3], vec![0xff; 100], wire(&honest)]),
        Fault::Garbage => {
            let mut octets = wire(&blank(query));
            octets[7] = 9; // nine answers that are not there
            Reply::of([octets])
        }
        Fault::Truncated if tcp => fit(query, honest, tcp),
        Fault::TruncatedWithoutTcp if tcp => Reply::default(),
        Fault::TruncatedAndStalled if tcp => Reply { after: STALL, ..Reply::default() },
        Fault::Truncated | Fault::TruncatedWithoutTcp | Fault::TruncatedAndStalled => {
            Reply::of([wire(&truncated(query))])
        }
        Fault::WithoutTcp if tcp => Reply::default(),
        Fault::WithoutTcp => fit(query, honest, tcp),
        Fault::OffersRecursion => {
            let mut reply = honest;
            reply.metadata.recursion_available = true;
            fit(query, reply, tcp)
        }
        Fault::Rcode(code) => Reply::of([wire(&with_code(query, *code))]),
        Fault::Bogus if query.metadata.checking_disabled => fit(query, honest, tcp),
        Fault::Bogus => apply(&Fault::Extended(2, 6), query, honest, tcp),
        Fault::Extended(code, extended) => {
            let mut reply = with_code(query, *code);
            let option = EdnsOption::Unknown(15, extended.to_be_bytes().to_vec());
            if let Some(edns) = &mut reply.edns {
                edns.options_mut().insert(option);
            }
            Reply::of([wire(&reply)])
        }
        Fault::LameReferral => {
            let mut reply = blank(query);
            let server = Name::from_labels(["a", "root", "test"].map(str::as_bytes)).unwrap_or_default();
            reply.add_authority(Record::from_rdata(Name::root(), 3600, RData::NS(NS(server))));
            Reply::of([wire(&reply)])
        }
        Fault::NotAuthoritative => {
            let mut reply = honest;
            reply.metadata.authoritative = false;
            Reply::of([wire(&reply)])
        }
        Fault::Denying => {
            let mut reply = honest;
            reply.answers.clear();
            reply.metadata.response_code = ResponseCode::NXDomain;
            Reply::of([wire(&reply)])
        }
        Fault::NoEdns if query.edns.is_some() => {
            let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
            reply.metadata.response_code = ResponseCode::FormErr;
            Reply::of([wire(&reply)])
        }
        Fault::NoEdns => fit(query, honest, tcp),
        Fault::LowerCase => {
            let mut reply = honest;
            if let Some(question) = reply.queries.first_mut() {
                let lower = question.name().to_lowercase();
                question.set_name(lower);
            }
            Reply::of([wire(&reply)])
        }
    }
}

fn forgery(query: &Message) -> Message {
    let mut reply = blank(query);
    reply.metadata.authoritative = true;
    reply.add_answers(poison(query));
    reply
}

fn truncated(query: &Message) -> Message {
    let mut reply = blank(query);
    reply.metadata.truncation = true;
    reply
}

fn with_code(query: &Message, code: u16) -> Message {
    let mut reply = blank(query);
    reply.metadata.response_code = code.into();
    reply.metadata.recursion_available = query.metadata.recursion_desired;
    reply
}

fn wire(message: &Message) -> Vec<u8> {
    message.to_vec().unwrap_or_else(|error| panic!("a fake reply that cannot be written: {error}"))
}
