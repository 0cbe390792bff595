//! Our zone for other name servers: transfers (RFC 5936) to whoever knows the key.

use super::{
    own::OwnZone,
    request::Request,
    tsig::{Chain, TsigKey},
    walk::Walk,
};
use hickory_proto::{
    op::{Message, MessageType, Metadata, OpCode, ResponseCode},
    rr::{RData, Record, RecordType},
};
use signet_core::names::Name;
use std::{collections::VecDeque, io, sync::Arc};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a message of a transfer gets, before compression of names.
const MESSAGE: usize = 32 * 1024;
/// How many secondaries are served at one time; each reads the whole store.
const AT_A_TIME: usize = 4;

/// What transfers need.
pub struct Transfers {
    zone: Arc<OwnZone>,
    pub(super) key: TsigKey,
    /// Seconds since 1970.
    pub(super) clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    places: Arc<Semaphore>,
}

impl Transfers {
    /// Of this zone, to whoever knows the key. `clock` gives seconds since 1970.
    #[must_use]
    pub fn new(zone: Arc<OwnZone>, key: TsigKey, clock: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Self { zone, key, clock, places: Arc::new(Semaphore::new(AT_A_TIME)) }
    }
}

/// Whether it is worth reading these octets for that: a transfer has its type
/// behind the name it is asked by, whatever that is.
pub(super) fn may_be_wanted(octets: &[u8]) -> bool {
    let kinds = [RecordType::AXFR, RecordType::IXFR].map(|kind| u16::from(kind).to_be_bytes());
    octets.get(12..).is_some_and(|rest| rest.windows(2).any(|pair| kinds.iter().any(|kind| kind == pair)))
}

/// Whether a request is for a transfer. We keep no differences: IXFR is answered
/// with the whole zone (RFC 1995 §4).
pub(super) fn is_wanted(request: &Request) -> bool {
    let [question] = &request.questions[..] else {
        return false;
    };
    request.metadata.op_code == OpCode::Query
        && matches!(question.query_type, RecordType::AXFR | RecordType::IXFR)
}

/// One transfer, message by message.
pub(super) struct Transfer {
    transfers: Arc<Transfers>,
    request: Request,
    chain: Chain,
    /// Read and not sent.
    waiting: VecDeque<Record>,
    state: State,
}

enum State {
    New,
    Walking { walk: Box<Walk>, apex: Name, soa: Box<Record>, _place: OwnedSemaphorePermit },
    Done,
}

impl Transfer {
    /// The answer to a request whose sender knows the key.
    pub(super) fn new(transfers: Arc<Transfers>, request: Request, chain: Chain) -> Self {
        Self { transfers, request, chain, waiting: VecDeque::new(), state: State::New }
    }

    /// The next message, signed; `None` after the last.
    ///
    /// # Errors
    /// When the source fails. Half a zone must not look like a whole one: without
    /// the second SOA the secondary throws it away and keeps what it has.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        if matches!(self.state, State::New)
            && let Err(code) = self.begin()
        {
            self.state = State::Done;
            let message = self.message(code);
            return self.sign(&message).map(Some);
        }
        let mut answers = Vec::new();
        let mut octets = 0;
        loop {
            let Some(record) = self.next_record().await? else { break };
            octets += length(&record);
            answers.push(record);
            if octets >= MESSAGE {
                break;
            }
        }
        if answers.is_empty() {
            return Ok(None);
        }
        let mut message = self.message(ResponseCode::NoError);
        message.answers = answers;
        self.sign(&message).map(Some)
    }

    fn begin(&mut self) -> Result<(), ResponseCode> {
        let name = self.request.questions.first().map(|question| &question.name);
        let apex = name.and_then(|name| self.transfers.zone.apex_named(name)).ok_or(ResponseCode::NotAuth)?;
        let place = self.transfers.places.clone().try_acquire_owned().map_err(|_| ResponseCode::ServFail)?;
        let walk = Walk::new(&self.transfers.zone, &apex).ok_or(ResponseCode::NotAuth)?;
        let soa = self.transfers.zone.soa_at(&apex, walk.serial()).ok_or(ResponseCode::ServFail)?;
        self.state = State::Walking { walk: Box::new(walk), apex, soa: Box::new(soa), _place: place };
        Ok(())
    }

    async fn next_record(&mut self) -> io::Result<Option<Record>> {
        if let Some(record) = self.waiting.pop_front() {
            return Ok(Some(record));
        }
        let State::Walking { walk, apex, soa, .. } = &mut self.state else {
            return Ok(None);
        };
        if let Some(records) = walk.step().await.map_err(io::Error::other)? {
            self.waiting.extend(records);
            return Ok(self.waiting.pop_front());
        }
        tracing::info!(zone = %apex, serial = walk.serial(), to = %self.request.client.ip(), "our zone was transferred");
        let soa = Record::clone(soa);
        self.state = State::Done;
        Ok(Some(soa))
    }

    fn message(&self, code: ResponseCode) -> Message {
        let mut metadata = Metadata::response_from_request(&self.request.metadata);
        metadata.response_code = code;
        metadata.authoritative = code == ResponseCode::NoError;
        let mut message = Message::new(metadata.id, MessageType::Response, metadata.op_code);
        message.metadata = metadata;
        // RFC 5936 §2.2.1: the question in every message does no harm.
        message.queries.clone_from(&self.request.questions);
        message
    }

    fn sign(&mut self, message: &Message) -> io::Result<Vec<u8>> {
        let mut octets = message.to_vec().map_err(io::Error::other)?;
        self.chain.sign(&mut octets, message.id, (self.transfers.clock)()).map_err(io::Error::other)?;
        Ok(octets)
    }
}

/// At most so many octets on the wire.
fn length(record: &Record) -> usize {
    let rdata = match &record.data {
        RData::TXT(txt) => txt.txt_data.iter().map(|string| 1 + string.len()).sum(),
        // Names and numbers.
        _ => 600,
    };
    record.name.len() + 12 + rdata
}
