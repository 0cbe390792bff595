//! A question and what is said to it, apart from how both travel.

use super::node::{Node, Rrset};
use async_trait::async_trait;
use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RData, Record, RecordType, rdata::HINFO},
};
use std::borrow::Cow;

/// How many CNAMEs are followed for one question.
pub(super) const MAX_HOPS: usize = 8;

/// How long the synthesized answer to ANY may be kept, in seconds.
const ANY_TTL: u32 = 3600;

/// One question of class IN. Meta types other than ANY never get here.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The name, in the case it was asked in.
    pub name: &'a Name,
    /// The type.
    pub rtype: RecordType,
    /// Whether the client wants us to resolve for it (the RD bit).
    pub recursion_desired: bool,
}

/// What is said.
#[derive(Clone, Debug, PartialEq)]
pub struct Response {
    /// Response code.
    pub rcode: ResponseCode,
    /// The AA bit.
    pub authoritative: bool,
    /// The RA bit.
    pub recursion_available: bool,
    /// Answer section.
    pub answers: Vec<Record>,
    /// Authority section.
    pub authorities: Vec<Record>,
    /// Additional section; left out first when the message gets too long.
    pub additionals: Vec<Record>,
    /// Where one name stands for endlessly many (RFC 4592), that name: rate
    /// limiting takes all of them for one.
    pub wildcard: Option<Name>,
}

impl Response {
    /// NOERROR with nothing in it.
    #[must_use]
    pub fn empty() -> Self {
        Self::with_code(ResponseCode::NoError)
    }

    /// REFUSED: not a name we answer for.
    #[must_use]
    pub fn refused() -> Self {
        Self::with_code(ResponseCode::Refused)
    }

    /// SERVFAIL: we should know, and cannot find out now.
    #[must_use]
    pub fn failed() -> Self {
        Self::with_code(ResponseCode::ServFail)
    }

    /// Nothing but a response code.
    #[must_use]
    pub fn with_code(rcode: ResponseCode) -> Self {
        Self {
            rcode,
            authoritative: false,
            recursion_available: false,
            answers: Vec::new(),
            authorities: Vec::new(),
            additionals: Vec::new(),
            wildcard: None,
        }
    }

    /// Makes it a negative answer. The SOA says how long that may be kept
    /// (RFC 2308 §3); after a CNAME the code is the last name's (RFC 6604 §3).
    pub(super) fn negative(mut self, rcode: ResponseCode, soa: Record) -> Self {
        self.rcode = rcode;
        self.authorities.push(soa);
        self
    }
}

/// Something that knows the answers.
#[async_trait]
pub trait Answers: Send + Sync + 'static {
    /// Answers one question. Must return within a few seconds, with
    /// [`Response::failed`] if need be.
    async fn answer(&self, ask: Ask<'_>) -> Response;
}

/// How reading a node ended.
pub(super) enum Read {
    /// The answer is complete.
    Done,
    /// The name exists, the type does not.
    NoData,
    /// The name is an alias for this one.
    Follow(Name),
}

/// What stands at one name.
pub(super) trait Stands {
    /// The records of one type.
    fn set(&self, rtype: RecordType) -> Option<Cow<'_, Rrset>>;
    /// Whether there is none of any type.
    fn is_empty(&self) -> bool;
}

impl Stands for Node {
    fn set(&self, rtype: RecordType) -> Option<Cow<'_, Rrset>> {
        self.get(rtype).map(Cow::Borrowed)
    }

    fn is_empty(&self) -> bool {
        Self::is_empty(self)
    }
}

/// Adds what `node`, which stands at `owner`, has to say about `rtype`.
pub(super) fn read(node: &impl Stands, owner: &Name, rtype: RecordType, answers: &mut Vec<Record>) -> Read {
    if rtype == RecordType::ANY {
        // RFC 8482 §4.2: one synthesized record instead of everything there
        // is, unless an alias stands there.
        match node.set(RecordType::CNAME) {
            Some(set) => push(set, owner, answers),
            None if node.is_empty() => return Read::NoData,
            None => {
                let hinfo = RData::HINFO(HINFO::new("RFC8482".to_owned(), String::new()));
                answers.push(Record::from_rdata(owner.clone(), ANY_TTL, hinfo));
            }
        }
        return Read::Done;
    }
    if let Some(set) = node.set(rtype) {
        push(set, owner, answers);
        return Read::Done;
    }
    let Some(set) = node.set(RecordType::CNAME) else { return Read::NoData };
    let read = match set.data.first() {
        Some(RData::CNAME(target)) => Read::Follow(target.0.clone()),
        _ => Read::Done,
    };
    push(set, owner, answers);
    read
}

fn push(set: Cow<'_, Rrset>, owner: &Name, answers: &mut Vec<Record>) {
    let record = |ttl, rdata| Record::from_rdata(owner.clone(), ttl, rdata);
    match set {
        Cow::Borrowed(set) => answers.extend(set.data.iter().map(|rdata| record(set.ttl, rdata.clone()))),
        Cow::Owned(set) => answers.extend(set.data.into_iter().map(|rdata| record(set.ttl, rdata))),
    }
}
