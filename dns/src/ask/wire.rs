//! The octets of a question, and which datagrams answer it.
//!
//! Questions are written by hand: a header, one name, and OPT is 60 octets of
//! fixed layout, and the case of the name has to survive exactly. Replies are
//! recognised here by their header and question alone, in the receive task,
//! and decoded by [`super::interpret`] in the task that asked.

use signet_core::{names::Name, observe::RecordType};

/// Type codes (RFC 1035 §3.2.2, RFC 3596, RFC 6672, RFC 4034, RFC 4408,
/// RFC 8659, RFC 9460, RFC 2782).
pub(super) mod code {
    pub(crate) const A: u16 = 1;
    pub(crate) const NS: u16 = 2;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const SOA: u16 = 6;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const MX: u16 = 15;
    pub(crate) const TXT: u16 = 16;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const DNAME: u16 = 39;
    pub(crate) const DS: u16 = 43;
    pub(crate) const SPF: u16 = 99;
    pub(crate) const CAA: u16 = 257;
    pub(crate) const HTTPS: u16 = 65;
    pub(crate) const SRV: u16 = 33;
}

/// Response codes that decide how to go on (RFC 1035 §4.1.1, RFC 6891 §9).
pub(super) const FORMERR: u8 = 1;
pub(super) const NOTIMP: u8 = 4;

const HEADER: usize = 12;
const CLASS_IN: u16 = 1;
const OPT: u16 = 41;

pub(super) fn type_code(rtype: RecordType) -> u16 {
    match rtype {
        RecordType::A => code::A,
        RecordType::Aaaa => code::AAAA,
        RecordType::Cname => code::CNAME,
        RecordType::Ds => code::DS,
        RecordType::Mx => code::MX,
        RecordType::Ns => code::NS,
        RecordType::Ptr => code::PTR,
        RecordType::Soa => code::SOA,
        RecordType::Spf => code::SPF,
        RecordType::Txt => code::TXT,
        RecordType::Caa => code::CAA,
        RecordType::Https => code::HTTPS,
        RecordType::Srv => code::SRV,
    }
}

/// How a question is dressed. Servers that stumble over one of these get the
/// question again without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Style {
    /// With an OPT record announcing this payload size (RFC 6891).
    pub(super) edns: Option<u16>,
    /// With random upper and lower case in the name
    /// (draft-vixie-dnsext-dns0x20): up to one more bit per letter for a forger
    /// to guess.
    pub(super) mixed_case: bool,
}

impl Style {
    pub(super) const PLAIN: Self = Self { edns: None, mixed_case: false };
}

/// What is wanted of whoever is asked; the bits of the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Service {
    /// What an authoritative server knows itself.
    Own,
    /// A resolver's answer (RD), with word on whether it is authenticated (AD
    /// in a question asks for it, RFC 6840 §5.7).
    Recursion,
    /// The same without DNSSEC (CD, RFC 4035 §3.2.2).
    Unchecked,
}

impl Service {
    fn flags(self) -> u16 {
        match self {
            Self::Own => 0,
            Self::Recursion => 0x0120,
            Self::Unchecked => 0x0110,
        }
    }
}

/// A question as it goes over the wire; the id is filled in when it is sent.
#[derive(Clone, Debug)]
pub(super) struct Query {
    octets: Vec<u8>,
    question_end: usize,
    exact: bool,
}

/// What a datagram with the right source and id is to a [`Query`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// The reply.
    Reply,
    /// The reply of a server that changes the case of names.
    CaseChanged,
    /// A header with FORMERR or NOTIMP and nothing else: some servers do not
    /// repeat a question that they could not read.
    NotUnderstood,
    /// Something else; the wait goes on.
    No,
}

impl Query {
    pub(super) fn new(name: &Name, rtype: u16, service: Service, style: Style) -> Self {
        let mut octets = Vec::with_capacity(HEADER + name.as_str().len() + 2 + 4 + 11);
        let additional = u16::from(style.edns.is_some());
        for word in [0, service.flags(), 1, 0, 0, additional] {
            octets.extend(word.to_be_bytes());
        }
        let mut coins = Coins::default();
        for label in name.as_str().split('.') {
            octets.push(u8::try_from(label.len()).expect("Name keeps labels within 63"));
            octets.extend(label.bytes().map(|b| {
                if style.mixed_case && b.is_ascii_alphabetic() && coins.toss() { b ^ 0x20 } else { b }
            }));
        }
        octets.push(0);
        octets.extend(rtype.to_be_bytes());
        octets.extend(CLASS_IN.to_be_bytes());
        let question_end = octets.len();
        if let Some(payload) = style.edns {
            octets.push(0);
            octets.extend(OPT.to_be_bytes());
            octets.extend(payload.to_be_bytes());
            octets.extend([0; 6]);
        }
        Self { octets, question_end, exact: style.mixed_case }
    }

    /// Where the question ends, in the reply as well.
    pub(super) fn question_end(&self) -> usize {
        self.question_end
    }

    /// The datagram, with this id.
    pub(super) fn with_id(&self, id: u16) -> Vec<u8> {
        let mut octets = self.octets.clone();
        octets[..2].copy_from_slice(&id.to_be_bytes());
        octets
    }

    /// Whether `message` answers this question. The caller has compared the
    /// source address and the id.
    pub(super) fn matches(&self, message: &[u8]) -> Match {
        // QR set, opcode QUERY.
        if message.len() < HEADER || message[2] & 0xf8 != 0x80 {
            return Match::No;
        }
        let questions = u16::from_be_bytes([message[4], message[5]]);
        if questions == 0 && matches!(rcode(message), FORMERR | NOTIMP) {
            return Match::NotUnderstood;
        }
        // A question is never compressed: there is nothing before it to point
        // to. So the octets can be compared as they are.
        let Some(theirs) = message.get(HEADER..self.question_end) else { return Match::No };
        let ours = &self.octets[HEADER..self.question_end];
        if questions != 1 {
            Match::No
        } else if theirs == ours {
            Match::Reply
        } else if theirs.eq_ignore_ascii_case(ours) && theirs[theirs.len() - 4..] == ours[ours.len() - 4..] {
            if self.exact { Match::CaseChanged } else { Match::Reply }
        } else {
            Match::No
        }
    }
}

/// The four header bits; the rest of an extended code is in OPT.
pub(super) fn rcode(message: &[u8]) -> u8 {
    message.get(3).map_or(0, |b| b & 0x0f)
}

/// The TC bit.
pub(super) fn is_truncated(message: &[u8]) -> bool {
    message.get(2).is_some_and(|b| b & 0x02 != 0)
}

/// Random bits, drawn 64 at a time.
#[derive(Default)]
struct Coins {
    bits: u64,
    left: u8,
}

impl Coins {
    fn toss(&mut self) -> bool {
        if self.left == 0 {
            self.bits = rand::random();
            self.left = 64;
        }
        let bit = self.bits & 1 == 1;
        self.bits >>= 1;
        self.left -= 1;
        bit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: Style = Style { edns: Some(1232), mixed_case: true };

    fn query(style: Style) -> Query {
        Query::new(
            &Name::parse("_dmarc.a-rather-long-name.example.test").unwrap(),
            code::TXT,
            Service::Own,
            style,
        )
    }

    fn echo(query: &Query) -> Vec<u8> {
        let mut message = query.with_id(7);
        message[2] |= 0x80;
        message
    }

    #[test]
    fn hickory_reads_what_we_write() {
        let message = hickory_proto::op::Message::from_vec(&query(FULL).with_id(0xbeef)).unwrap();
        assert_eq!(message.metadata.id, 0xbeef);
        assert!(!message.metadata.recursion_desired);
        assert_eq!(message.max_payload(), 1232);
        assert_eq!(
            message.queries[0].name().to_ascii().to_ascii_lowercase(),
            "_dmarc.a-rather-long-name.example.test."
        );
        assert_eq!(u16::from(message.queries[0].query_type()), code::TXT);
    }

    #[test]
    fn case_is_mixed_and_checked() {
        let query = query(FULL);
        let reply = echo(&query);
        assert_ne!(reply, reply.to_ascii_lowercase(), "one chance in 2^29 of a false alarm");
        assert_eq!(query.matches(&reply), Match::Reply);
        let mut lower = reply.clone();
        lower[HEADER..].make_ascii_lowercase();
        assert_eq!(query.matches(&lower), Match::CaseChanged);
    }

    #[test]
    fn only_the_same_question_matches() {
        let query = query(Style::PLAIN);
        let reply = echo(&query);
        assert_eq!(query.matches(&reply), Match::Reply);
        assert_eq!(query.matches(&query.with_id(7)), Match::No, "a query is no reply");
        assert_eq!(query.matches(&reply[..reply.len() - 1]), Match::No);
        assert_eq!(query.matches(&[]), Match::No);
        let mut other = reply.clone();
        other[HEADER + 1] = b'x';
        assert_eq!(query.matches(&other), Match::No);
        let mut other_type = reply.clone();
        let last = other_type.len() - 3;
        other_type[last] ^= 0x20;
        assert_eq!(query.matches(&other_type), Match::No, "TXT with another case is type 48");
    }

    #[test]
    fn a_bare_header_is_believed_only_when_it_says_not_understood() {
        let query = query(FULL);
        let mut header = vec![0, 7, 0x80, FORMERR, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(query.matches(&header), Match::NotUnderstood);
        header[3] = 5;
        assert_eq!(query.matches(&header), Match::No);
    }
}
