//! Everything a DNS question can come back with.
//!
//! A [`Question`] is put to one or several servers; what each of them said is
//! a [`Reply`]; together they are a [`Look`]. A judge never asks anything
//! itself: it reads from [`Seen`], and where that has no look yet it stops with
//! [`Need`], is given what it asked for, and is started again. So the rules of
//! [`crate::verify`] read straight through, ask only what they come to need,
//! and run the same on a literal fake, on the zones' own servers and on a
//! resolver.

use crate::names::Name;
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::{fmt, net::IpAddr};

/// The record types Signet asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    /// IPv4 address.
    A,
    /// IPv6 address.
    Aaaa,
    /// Alias.
    Cname,
    /// Delegation signer; stands on the parent's side of a zone cut.
    Ds,
    /// Mail exchanger.
    Mx,
    /// Name server.
    Ns,
    /// The name of an address. Only SPF's `ptr` and `%{p}` ask for it.
    Ptr,
    /// Start of authority. Has no records in an answer; its owner is in
    /// [`Answer::soa`] and its serial in [`Answer::serial`].
    Soa,
    /// The type that RFC 7208 §3.1 retired (99). Receivers never ask for it.
    Spf,
    /// Text.
    Txt,
    /// Which certification authorities may issue for a name (RFC 8659).
    Caa,
    /// How a website is reached (RFC 9460).
    Https,
    /// Where a service is (RFC 2782).
    Srv,
}

impl RecordType {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::A,
        Self::Aaaa,
        Self::Cname,
        Self::Ds,
        Self::Mx,
        Self::Ns,
        Self::Ptr,
        Self::Soa,
        Self::Spf,
        Self::Txt,
        Self::Caa,
        Self::Https,
        Self::Srv,
    ];

    /// The mnemonic, as in a zone file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Cname => "CNAME",
            Self::Ds => "DS",
            Self::Mx => "MX",
            Self::Ns => "NS",
            Self::Ptr => "PTR",
            Self::Soa => "SOA",
            Self::Spf => "SPF",
            Self::Txt => "TXT",
            Self::Caa => "CAA",
            Self::Https => "HTTPS",
            Self::Srv => "SRV",
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whose answer is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum View {
    /// The servers of the zone the name is in (or, where resolvers are to be
    /// believed, those).
    #[default]
    Servers,
    /// The same over TCP (RFC 7766 §5 wants every server to take both).
    Stream,
    /// The servers of the zone above the cut at the name: who it is delegated
    /// to (NS) and with which keys (DS).
    Parent,
    /// The configured resolvers: what receivers of mail see.
    Resolvers,
    /// The same with checking disabled (CD, RFC 4035 §3.2.2): what they would
    /// see without DNSSEC.
    Unchecked,
    /// [`Self::Resolvers`] once more, when they have had the time to forget a
    /// failure: whether it has passed.
    ResolversAgain,
}

/// A name and a type, and who is to be asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// The owner asked about.
    pub name: Name,
    /// The type asked for.
    pub rtype: RecordType,
    /// Whose answer is wanted.
    pub view: View,
}

impl Question {
    /// A question to the zone's own servers.
    #[must_use]
    pub fn new(name: &Name, rtype: RecordType) -> Self {
        Self { name: name.clone(), rtype, view: View::Servers }
    }
}

/// What a record holds, as far as Signet reads it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Data {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME target.
    Cname(Name),
    /// MX preference and exchange; `None` is the null MX (RFC 7505).
    Mx(u16, Option<Name>),
    /// NS target.
    Ns(Name),
    /// PTR target.
    Ptr(Name),
    /// The character-strings of one TXT record, in order.
    Txt(Vec<Vec<u8>>),
    /// A target or type that cannot be held as one of the others (a CNAME to
    /// the root, a name with an odd character), in presentation form.
    Other(String),
    /// One property of a CAA set (RFC 8659 §4.1).
    Caa {
        /// Whether who does not know the property must not issue.
        critical: bool,
        /// `issue`, `issuewild`, `iodef` or another, in lower case.
        tag: String,
        /// As it stands.
        value: String,
    },
}

impl Data {
    /// The text of a TXT record: its character-strings joined without spaces
    /// (RFC 7208 §3.3, RFC 6376 §3.6.2.2). `None` for other types.
    #[must_use]
    pub fn txt(&self) -> Option<Vec<u8>> {
        match self {
            Self::Txt(chunks) => Some(chunks.concat()),
            _ => None,
        }
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip) => ip.fmt(f),
            Self::Cname(name) | Self::Ns(name) | Self::Ptr(name) => name.fmt(f),
            Self::Mx(preference, Some(name)) => write!(f, "{preference} {name}"),
            Self::Mx(preference, None) => write!(f, "{preference} ."),
            Self::Txt(chunks) => f.write_str(&printable(&chunks.concat())),
            Self::Other(text) => f.write_str(&printable(text.as_bytes())),
            Self::Caa { critical, tag, value } => {
                let flags = if *critical { 128 } else { 0 };
                write!(f, "{flags} {} \"{}\"", printable(tag.as_bytes()), printable(value.as_bytes()))
            }
        }
    }
}

/// How much of a foreign text is ever shown.
const SHOWN: usize = 1024;

/// Text from a zone made safe to show: control characters and bytes that are
/// not ASCII as `\DDD` (RFC 1035 §5.1), cut after 1,024 bytes.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut out = String::new();
    for &byte in bytes.iter().take(SHOWN) {
        if (0x20..0x7f).contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&alloc::format!("\\{byte:03}"));
        }
    }
    if bytes.len() > SHOWN {
        out.push('…');
    }
    out
}

/// The two response codes that are answers (RFC 1035 §4.1.1); the others are
/// a [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rcode {
    /// The name exists, as far as this server says.
    NoError,
    /// It does not.
    NxDomain,
}

impl Rcode {
    /// The mnemonic.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoError => "NOERROR",
            Self::NxDomain => "NXDOMAIN",
        }
    }
}

/// A record in an answer. Its owner is the name asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it holds.
    pub data: Data,
    /// Seconds.
    pub ttl: u32,
}

/// A reply worth judging: the records *at the name asked about*, of the type
/// asked for, or the CNAME that stands there instead. What lies behind a CNAME
/// is another question, put to that name's own servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// NOERROR or NXDOMAIN.
    pub rcode: Rcode,
    /// The AA bit. Always wanted, not always there; see VERDICTS, servers.
    pub authoritative: bool,
    /// The AD bit: a validating resolver vouches for it (RFC 4035 §3.2.3).
    pub authenticated: bool,
    /// The RA bit: the server would look up other people's names for us.
    pub recursion: bool,
    /// In the order received.
    pub records: Vec<Record>,
    /// The owner of the SOA that came with a negative answer: the zone cut
    /// as the servers themselves see it.
    pub soa: Option<Name>,
    /// The serial of that SOA.
    pub serial: Option<u32>,
    /// How long a resolver may keep a negative answer, in seconds (RFC 2308 §5).
    pub negative_ttl: Option<u32>,
    /// The addresses of name servers inside the zone that came with its
    /// delegation ([`View::Parent`]).
    pub glue: Vec<(Name, IpAddr)>,
}

impl Answer {
    /// An authoritative answer with nothing but its response code.
    #[must_use]
    pub fn nothing(rcode: Rcode) -> Self {
        Self {
            rcode,
            authoritative: true,
            authenticated: false,
            recursion: false,
            records: Vec::new(),
            soa: None,
            serial: None,
            negative_ttl: None,
            glue: Vec::new(),
        }
    }

    /// Whether there is nothing at the name, or nothing of the type.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        self.records.is_empty()
    }

    /// The record data, sorted, for comparing servers with one another.
    #[must_use]
    pub fn rrset(&self) -> Vec<&Data> {
        let mut data: Vec<&Data> = self.records.iter().map(|r| &r.data).collect();
        data.sort();
        data.dedup();
        data
    }

    /// The CNAME standing at the name, if one does.
    #[must_use]
    pub fn cname(&self) -> Option<&Name> {
        self.records.iter().find_map(|r| match &r.data {
            Data::Cname(target) => Some(target),
            _ => None,
        })
    }

    /// The smallest TTL of its records, or how long the negative answer lives.
    #[must_use]
    pub fn ttl(&self) -> Option<u32> {
        self.records.iter().map(|r| r.ttl).min().or(self.negative_ttl)
    }
}

/// Why a server gave nothing that can be judged. None of these is ever
/// evidence that a record is absent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No reply in time, to any try.
    #[error("did not answer in time")]
    Timeout,
    /// It has stayed silent again and again and was left alone this time. To
    /// every judge the same as [`Self::Timeout`].
    #[error("has not answered lately and was not asked again yet")]
    NotAsked,
    /// The network said no: nobody listens, no route.
    #[error("could not be reached: {0}")]
    Unreachable(String),
    /// It will not answer us, or not about this zone.
    #[error("answered REFUSED")]
    Refused,
    /// SERVFAIL, with the extended error (RFC 8914) if one came along.
    #[error("answered SERVFAIL{}", ede_text(*.0))]
    ServFail(Option<u16>),
    /// It does not serve the zone it is listed for: an upward referral, or an
    /// answer without AA and without data.
    #[error("does not serve this zone (lame delegation)")]
    Lame,
    /// A resolver that filters (RFC 8914 codes 15 to 18).
    #[error("filters this name (extended error {0})")]
    Filtered(u16),
    /// The truncated answer could not be fetched over TCP.
    #[error("truncated its answer and could not be reached over TCP")]
    Truncated,
    /// Any other response code.
    #[error("answered {0}")]
    Rcode(String),
    /// A reply that is not well formed, or answers something else.
    #[error("sent an answer that makes no sense: {0}")]
    Malformed(String),
    /// Its address is private and asking those is not allowed.
    #[error("has the address {0}, which is not a public one")]
    PrivateAddress(IpAddr),
    /// The name server's own name has no address.
    #[error("has no address")]
    NoAddress,
}

fn ede_text(ede: Option<u16>) -> String {
    ede.map_or_else(String::new, |code| alloc::format!(" (extended error {code})"))
}

impl Failure {
    /// Whether nothing was heard from it, now or lately.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Timeout | Self::NotAsked)
    }

    /// The response code to show in evidence, where one was received.
    #[must_use]
    pub fn rcode(&self) -> Option<String> {
        match self {
            Self::Refused => Some("REFUSED".to_string()),
            Self::ServFail(_) | Self::Filtered(_) => Some("SERVFAIL".to_string()),
            Self::Rcode(code) => Some(code.clone()),
            _ => None,
        }
    }
}

/// A server that was asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Server {
    /// Its name in the delegation; `None` for a configured resolver.
    pub name: Option<Name>,
    /// Its address; `None` when the name has none.
    pub address: Option<IpAddr>,
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.name, self.address) {
            (Some(name), Some(address)) => write!(f, "{name} ({address})"),
            (Some(name), None) => name.fmt(f),
            (None, Some(address)) => address.fmt(f),
            (None, None) => f.write_str("no server"),
        }
    }
}

/// What one server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who.
    pub server: Server,
    /// What.
    pub outcome: Result<Answer, Failure>,
}

/// Where the name asked about lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// In the zone with this apex.
    Found(Name),
    /// The parent says, authoritatively, that nobody has been given this name.
    NotDelegated {
        /// The name that is not delegated (the organizational domain).
        name: Name,
    },
    /// Finding out failed: never evidence of anything.
    Unknown(Failure),
}

/// One question, put to one or several servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    /// The zone cut above the name.
    pub zone: Zone,
    /// One reply per server asked. Empty unless the zone was found.
    pub replies: Vec<Reply>,
}

impl Look {
    /// The answers among the replies, each with its server.
    pub fn answers(&self) -> impl Iterator<Item = (&Server, &Answer)> {
        self.replies.iter().filter_map(|r| r.outcome.as_ref().ok().map(|a| (&r.server, a)))
    }

    /// The failures among the replies, each with its server.
    pub fn failures(&self) -> impl Iterator<Item = (&Server, &Failure)> {
        self.replies.iter().filter_map(|r| r.outcome.as_ref().err().map(|f| (&r.server, f)))
    }

    /// What the servers agree on.
    ///
    /// Silent, lame and refusing servers are passed over as long as one
    /// answers. Two that answer differently are a [`Consensus::Split`], which
    /// is no basis for any verdict but "not now".
    #[must_use]
    pub fn consensus(&self) -> Consensus<'_> {
        match &self.zone {
            Zone::NotDelegated { name } => return Consensus::NotDelegated(name),
            Zone::Unknown(failure) => return Consensus::Nothing { server: None, failure },
            Zone::Found(_) => {}
        }
        let mut answers = self.answers();
        let Some((server, first)) = answers.next() else {
            return match self.failures().next() {
                Some((server, failure)) => Consensus::Nothing { server: Some(server), failure },
                None => Consensus::Nothing { server: None, failure: &Failure::NoAddress },
            };
        };
        let (mut with, mut without) = (vec![], vec![]);
        let mut same = true;
        for (other_server, other) in core::iter::once((server, first)).chain(answers) {
            same &= other.rrset() == first.rrset();
            if other.is_negative() { &mut without } else { &mut with }.push(other_server);
        }
        if same { Consensus::Agreed { server, answer: first } } else { Consensus::Split { with, without } }
    }
}

/// What a [`Look`] amounts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consensus<'a> {
    /// Every server that answered said the same.
    Agreed {
        /// The first of them.
        server: &'a Server,
        /// What it said.
        answer: &'a Answer,
    },
    /// They contradict one another.
    Split {
        /// Servers that have records there.
        with: Vec<&'a Server>,
        /// Servers that have none.
        without: Vec<&'a Server>,
    },
    /// No delegation at the parent.
    NotDelegated(&'a Name),
    /// No server gave an answer.
    Nothing {
        /// The first that failed, if any was asked.
        server: Option<&'a Server>,
        /// How.
        failure: &'a Failure,
    },
}

/// Questions that must be looked at before a judge can go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Need(pub Vec<Question>);

impl Need {
    /// What several judges need, each question once; `Ok` when they need nothing.
    ///
    /// # Errors
    /// [`Need`] with the questions.
    pub fn of_all(mut questions: Vec<Question>) -> Result<(), Self> {
        questions.sort();
        questions.dedup();
        if questions.is_empty() { Ok(()) } else { Err(Self(questions)) }
    }
}

/// All looks of one check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    looks: BTreeMap<Question, Look>,
}

impl Seen {
    /// Nothing looked at yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what was found; a later look replaces an earlier one.
    pub fn add(&mut self, question: Question, look: Look) {
        self.looks.insert(question, look);
    }

    /// The look at `name` for `rtype`.
    ///
    /// # Errors
    /// [`Need`] when nobody has looked yet; propagate it to be asked again.
    pub fn at(&self, name: &Name, rtype: RecordType) -> Result<&Look, Need> {
        self.through(View::Servers, name, rtype)
    }

    /// The same, as others than the zone's own servers see it.
    ///
    /// # Errors
    /// [`Need`] when nobody has looked yet.
    pub fn through(&self, view: View, name: &Name, rtype: RecordType) -> Result<&Look, Need> {
        let question = Question { name: name.clone(), rtype, view };
        match self.looks.get(&question) {
            Some(look) => Ok(look),
            None => Err(Need(vec![question])),
        }
    }

    /// Stops with every question not yet looked at, so that independent ones
    /// are asked together instead of one after another.
    ///
    /// # Errors
    /// [`Need`] unless all of them have been looked at.
    pub fn have_all(&self, questions: &[(&Name, RecordType)]) -> Result<(), Need> {
        let missing = questions.iter().map(|&(name, rtype)| Question::new(name, rtype)).collect();
        self.have(missing)
    }

    /// The same for questions to whomever.
    ///
    /// # Errors
    /// [`Need`] unless all of them have been looked at.
    pub fn have(&self, mut questions: Vec<Question>) -> Result<(), Need> {
        questions.retain(|question| !self.looks.contains_key(question));
        if questions.is_empty() { Ok(()) } else { Err(Need(questions)) }
    }

    /// How many questions have been looked at.
    #[must_use]
    pub fn len(&self) -> usize {
        self.looks.len()
    }

    /// Whether nothing has been looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.looks.is_empty()
    }

    /// Every question with its look.
    pub fn iter(&self) -> impl Iterator<Item = (&Question, &Look)> {
        self.looks.iter()
    }
}
