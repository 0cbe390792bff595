//! A question and what is said to it, apart from how both travel.

use super::node::Node;
use async_trait::async_trait;
use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RData, Record, RecordType, rdata::HINFO},
};

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
        }
    }

    /// Makes it a negative answer. The SOA says how long that may be kept
    /// (RFC 2308 §3); after a CNAME the code is the last name's (RFC 6604 §3).
    pub(super) fn negative(mut self, rcode: ResponseCode, soa: &Record) -> Self {
        self.rcode = rcode;
        self.authorities.push(soa.clone());
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

/// Adds what `node`, which stands at `owner`, has to say about `rtype`.
pub(super) fn read(node: &Node, owner: &Name, rtype: RecordType, answers: &mut Vec<Record>) -> Read {
    let mut push = |ttl: u32, data: &[RData]| {
        answers.extend(data.iter().map(|rdata| Record::from_rdata(owner.clone(), ttl, rdata.clone())));
    };
    let alias = node.get(RecordType::CNAME);
    if rtype == RecordType::ANY {
        // RFC 8482 §4.2: one synthesized record instead of everything there
        // is, unless an alias stands there.
        match alias {
            Some(set) => push(set.ttl, &set.data),
            None if node.is_empty() => return Read::NoData,
            None => push(ANY_TTL, &[RData::HINFO(HINFO::new("RFC8482".to_owned(), String::new()))]),
        }
        return Read::Done;
    }
    if let Some(set) = node.get(rtype) {
        push(set.ttl, &set.data);
        return Read::Done;
    }
    let Some(set) = alias else { return Read::NoData };
    push(set.ttl, &set.data);
    match set.data.first() {
        Some(RData::CNAME(target)) => Read::Follow(target.0.clone()),
        _ => Read::Done,
    }
}
