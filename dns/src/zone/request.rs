//! A message that came in, read.

use hickory_proto::{
    op::{Edns, Header, Message, MessageType, Metadata, Query},
    rr::{Record, rdata::TSIG},
    serialize::binary::{BinDecodable as _, BinDecoder, DecodeError},
};
use std::net::SocketAddr;

/// What a client without EDNS takes (RFC 1035 §4.2.1).
const PLAIN_DATAGRAM: u16 = 512;

/// How a message came, and how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tcp,
}

/// A well-formed message that is no response.
pub(super) struct Request {
    pub(super) client: SocketAddr,
    pub(super) transport: Transport,
    pub(super) metadata: Metadata,
    pub(super) questions: Vec<Query>,
    /// Whether a question's name points somewhere. Before the first there is
    /// only the header: such a pointer spells a name out of flags and counts.
    pub(super) compressed: bool,
    /// In which IXFR says what is there already.
    pub(super) authorities: Vec<Record>,
    pub(super) edns: Option<Edns>,
    /// The TSIG record at the end.
    pub(super) signature: Option<Box<Record<TSIG>>>,
    /// All of it.
    pub(super) octets: Vec<u8>,
}

/// Why octets are no request.
#[derive(Debug)]
pub(super) enum Unreadable {
    /// There is nobody to answer: a response, or less than a header.
    Nothing,
    /// After this header comes what nobody can read.
    After(Header),
}

impl Request {
    /// Reads one message. Records that are no question's business are read as
    /// well, since what is behind them counts.
    pub(super) fn read(
        octets: Vec<u8>,
        client: SocketAddr,
        transport: Transport,
    ) -> Result<Self, Unreadable> {
        let mut decoder = BinDecoder::new(&octets);
        let header = Header::read(&mut decoder).map_err(|_| Unreadable::Nothing)?;
        if header.metadata.message_type == MessageType::Response {
            return Err(Unreadable::Nothing);
        }
        let body = Body::read(&mut decoder, &header).map_err(|_| Unreadable::After(header))?;
        let Body { questions, compressed, authorities, edns, signature } = body;
        let mut metadata = header.metadata;
        if let Some(edns) = &edns {
            // RFC 6891 §6.1.3: its upper bits are there.
            metadata.merge_response_code(edns.rcode_high());
        }
        Ok(Self { client, transport, metadata, questions, compressed, authorities, edns, signature, octets })
    }

    /// The version of EDNS that is spoken; 0 where none is.
    pub(super) fn edns_version(&self) -> u8 {
        self.edns.as_ref().map_or(0, Edns::version)
    }

    /// How long an answer may be, when no datagram is longer than `datagram`.
    pub(super) fn room(&self, datagram: u16) -> u16 {
        match (self.transport, &self.edns) {
            (Transport::Tcp, _) => u16::MAX,
            (Transport::Udp, None) => PLAIN_DATAGRAM,
            (Transport::Udp, Some(edns)) => edns.max_payload().clamp(PLAIN_DATAGRAM, datagram),
        }
    }
}

/// What comes after the header.
struct Body {
    questions: Vec<Query>,
    compressed: bool,
    authorities: Vec<Record>,
    edns: Option<Edns>,
    signature: Option<Box<Record<TSIG>>>,
}

impl Body {
    fn read(decoder: &mut BinDecoder<'_>, header: &Header) -> Result<Self, DecodeError> {
        let (counts, kind) = (header.counts, header.metadata.op_code);
        let start = decoder.index();
        let mut questions = Vec::with_capacity(1);
        for _ in 0..counts.queries {
            questions.push(Query::read(decoder)?);
        }
        let in_full: usize = questions.iter().map(in_full).sum();
        let compressed = decoder.index() - start != in_full;
        Message::read_records(decoder, usize::from(counts.answers), false, kind)?;
        let (authorities, ..) = Message::read_records(decoder, usize::from(counts.authorities), false, kind)?;
        let (_, edns, signature) =
            Message::read_records(decoder, usize::from(counts.additionals), true, kind)?;
        Ok(Self { questions, compressed, authorities, edns, signature })
    }
}

/// The octets of a question whose name points nowhere.
fn in_full(question: &Query) -> usize {
    question.name.iter().map(|label| 1 + label.len()).sum::<usize>() + 1 + 4
}
