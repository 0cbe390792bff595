//! Our zone for other name servers: transfers (RFC 5936) to whoever knows the key.

use super::{
    own::OwnZone,
    reply,
    request::Request,
    tsig::{Chain, TsigKey},
    walk::Walk,
};
use hickory_proto::{
    op::{Message, MessageType, Metadata, OpCode, ResponseCode},
    rr::{DNSClass, RData, Record, RecordType},
};
use signet_core::names::Name;
use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout},
};

/// How long a message of a transfer gets, before compression of names.
const MESSAGE: usize = 32 * 1024;
/// How many secondaries are served at one time; each reads the whole store.
const AT_A_TIME: usize = 4;
/// How long the others wait: told of a change, all come together.
const IN_LINE: Duration = Duration::from_secs(60);

/// What transfers need.
pub struct Transfers {
    zone: Arc<OwnZone>,
    pub(super) key: TsigKey,
    /// Seconds since 1970.
    pub(super) clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    places: Arc<Semaphore>,
    /// Of the last transfer, in milliseconds.
    took: AtomicU64,
}

impl Transfers {
    /// Of this zone, to whoever knows the key. `clock` gives seconds since 1970.
    #[must_use]
    pub fn new(zone: Arc<OwnZone>, key: TsigKey, clock: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Self { zone, key, clock, places: Arc::new(Semaphore::new(AT_A_TIME)), took: AtomicU64::new(0) }
    }

    /// How long the last whole transfer took; zero before the first.
    #[must_use]
    pub fn took(&self) -> Duration {
        Duration::from_millis(self.took.load(Ordering::Relaxed))
    }
}

/// Whether it is worth reading these octets for that: a transfer has its type
/// behind the name it is asked by, whatever that is.
pub(super) fn may_be_wanted(octets: &[u8]) -> bool {
    let kinds = [RecordType::AXFR, RecordType::IXFR].map(|kind| u16::from(kind).to_be_bytes());
    octets.get(12..).is_some_and(|rest| rest.windows(2).any(|pair| kinds.iter().any(|kind| kind == pair)))
}

/// Whether a request is for a transfer. We keep no differences: IXFR is answered
/// with the whole zone (RFC 1995 §4), or with the SOA where nothing has changed.
///
/// What is asked in another class, or in a way that no question is answered in, is
/// none, and refused as any other question.
pub(super) fn is_wanted(request: &Request) -> bool {
    let [question] = &request.questions[..] else {
        return false;
    };
    request.metadata.op_code == OpCode::Query
        && !request.compressed
        && request.edns_version() == 0
        && question.query_class == DNSClass::IN
        && matches!(question.query_type, RecordType::AXFR | RecordType::IXFR)
}

/// An answer that is no transfer.
#[derive(Clone)]
struct Short {
    code: ResponseCode,
    /// What the client has already.
    soa: Option<Record>,
}

impl Short {
    fn of(code: ResponseCode) -> Self {
        Self { code, soa: None }
    }
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
    Walking { walk: Box<Walk>, apex: Name, soa: Box<Record>, since: Instant, _place: OwnedSemaphorePermit },
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
            && let Err(Short { code, soa }) = self.begin().await
        {
            self.state = State::Done;
            let mut message = self.message(code);
            message.answers.extend(soa);
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

    async fn begin(&mut self) -> Result<(), Short> {
        let zone = self.transfers.zone.clone();
        let question = self.request.questions.first();
        let apex = question.and_then(|question| zone.apex_named(&question.name));
        let apex = apex.ok_or(Short::of(ResponseCode::NotAuth))?;
        if question.is_some_and(|question| question.query_type == RecordType::IXFR)
            && let Some(soa) = zone.soa_of(&apex).filter(|soa| self.has(soa))
        {
            return Err(Short { code: ResponseCode::NoError, soa: Some(soa) });
        }
        let failed = Short::of(ResponseCode::ServFail);
        let place = timeout(IN_LINE, self.transfers.places.clone().acquire_owned()).await;
        let Ok(Ok(place)) = place else { return Err(failed) };
        let walk = Walk::new(&zone, &apex).ok_or(Short::of(ResponseCode::NotAuth))?;
        let soa = zone.soa_at(&apex, walk.serial()).ok_or(failed)?;
        let since = Instant::now();
        self.state = State::Walking { walk: Box::new(walk), apex, soa: Box::new(soa), since, _place: place };
        Ok(())
    }

    /// Whether the client says that it has the zone with this SOA, or a later one.
    fn has(&self, ours: &Record) -> bool {
        let serial = |record: &Record| match &record.data {
            RData::SOA(soa) => Some(soa.serial),
            _ => None,
        };
        let theirs = self.request.authorities.first().and_then(serial);
        // RFC 1982 §3.2.
        theirs.zip(serial(ours)).is_some_and(|(theirs, ours)| theirs.wrapping_sub(ours) < 1 << 31)
    }

    async fn next_record(&mut self) -> io::Result<Option<Record>> {
        if let Some(record) = self.waiting.pop_front() {
            return Ok(Some(record));
        }
        let State::Walking { walk, apex, soa, since, .. } = &mut self.state else {
            return Ok(None);
        };
        if let Some(records) = walk.step().await.map_err(io::Error::other)? {
            self.waiting.extend(records);
            return Ok(self.waiting.pop_front());
        }
        tracing::info!(zone = %apex, serial = walk.serial(), to = %self.request.client.ip(), "our zone was transferred");
        let took = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.transfers.took.store(took, Ordering::Relaxed);
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
        message.edns = self.request.edns.as_ref().map(reply::edns);
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
