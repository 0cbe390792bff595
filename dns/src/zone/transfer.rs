//! Our zone for other name servers: transfers (RFC 5936) to whoever knows the key.

use super::{
    ZoneDomainView, master,
    own::{OwnZone, SourceFailed},
    tsig::{Chain, TsigKey},
};
use async_trait::async_trait;
use hickory_proto::{
    op::{Message, MessageType, Metadata, OpCode, Query, ResponseCode},
    rr::{Name as WireName, RData, Record, RecordType},
};
use hickory_server::server::Request;
use signet_core::names::{Name, RecordId};
use std::sync::Arc;
use tokio::{io, sync::Semaphore};

/// How long a message of a transfer gets, before compression of names: NSD and
/// BIND send as much.
const MESSAGE: usize = 32 * 1024;
/// How many secondaries are served at one time; each reads the whole store.
const AT_A_TIME: usize = 4;

/// Every domain's part of our zone.
#[async_trait]
pub trait EveryDomain: Send + Sync + 'static {
    /// Some domains, by id from after `after` on; none when there are no more.
    ///
    /// # Errors
    /// [`SourceFailed`] ends the transfer, and the secondary keeps what it has.
    async fn page(&self, after: Option<&RecordId>) -> Result<Vec<ZoneDomainView>, SourceFailed>;
}

/// What transfers need.
pub struct Transfers {
    zone: Arc<OwnZone>,
    domains: Arc<dyn EveryDomain>,
    pub(super) key: TsigKey,
    /// Seconds since 1970.
    pub(super) clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    places: Semaphore,
}

/// Where the messages of a transfer go.
#[async_trait]
pub(super) trait Sink: Send {
    /// Sends one message; waits until it is on its way.
    async fn send(&mut self, message: Vec<u8>) -> io::Result<()>;
}

impl Transfers {
    /// Of this zone, to whoever knows the key.
    #[must_use]
    pub fn new(
        zone: Arc<OwnZone>,
        domains: Arc<dyn EveryDomain>,
        key: TsigKey,
        clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    ) -> Self {
        Self { zone, domains, key, clock, places: Semaphore::new(AT_A_TIME) }
    }

    /// Answers a request that was found to be for a transfer.
    pub(super) async fn answer(&self, request: &Request, chain: Chain, out: &mut dyn Sink) -> io::Result<()> {
        let mut outgoing =
            Outgoing { request, chain, clock: &*self.clock, out, records: Vec::new(), octets: 0 };
        let Some(apex) = asked_for(request).and_then(|name| self.zone.apex_named(name)) else {
            return outgoing.refuse(ResponseCode::NotAuth).await;
        };
        let Ok(_place) = self.places.try_acquire() else {
            return outgoing.refuse(ResponseCode::ServFail).await;
        };
        match self.whole(&apex, &mut outgoing).await {
            Ok(()) => {
                metrics_of(&apex, request);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn whole(&self, apex: &Name, outgoing: &mut Outgoing<'_>) -> io::Result<()> {
        // Read before anything else: what changes meanwhile has a later one, and
        // is fetched again.
        let Some(soa) = self.zone.soa_of(apex) else {
            return outgoing.refuse(ResponseCode::ServFail).await;
        };
        outgoing.add(soa.clone()).await?;
        for record in master::fixed_records(&self.zone, apex) {
            if record.record_type() != RecordType::SOA {
                outgoing.add(record).await?;
            }
        }
        let mut after: Option<RecordId> = None;
        loop {
            // Half a zone must not look like a whole one: without the second SOA
            // the secondary throws it away.
            let page = self.domains.page(after.as_ref()).await.map_err(io::Error::other)?;
            let Some(last) = page.last() else { break };
            after = Some(last.id.clone());
            for domain in &page {
                for record in master::domain_records(&self.zone, apex, domain) {
                    outgoing.add(record).await?;
                }
            }
        }
        outgoing.add(soa).await?;
        outgoing.flush().await
    }
}

fn metrics_of(apex: &Name, request: &Request) {
    tracing::info!(zone = %apex, to = %request.src().ip(), "transferred our zone");
}

fn asked_for(request: &Request) -> Option<&WireName> {
    request.queries.queries().first().map(|query| query.original().name())
}

/// Whether a request is for a transfer. We keep no differences: IXFR is answered
/// with the whole zone (RFC 1995 §4).
pub(super) fn is_wanted(request: &Request) -> bool {
    let [query] = request.queries.queries() else {
        return false;
    };
    request.metadata.op_code == OpCode::Query
        && matches!(query.query_type(), RecordType::AXFR | RecordType::IXFR)
}

/// Records on their way, gathered into messages.
struct Outgoing<'a> {
    request: &'a Request,
    chain: Chain,
    clock: &'a (dyn Fn() -> u64 + Send + Sync),
    out: &'a mut dyn Sink,
    records: Vec<Record>,
    octets: usize,
}

impl Outgoing<'_> {
    async fn add(&mut self, record: Record) -> io::Result<()> {
        let length = octets(&record);
        if self.octets + length > MESSAGE {
            self.flush().await?;
        }
        self.octets += length;
        self.records.push(record);
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        let records = std::mem::take(&mut self.records);
        self.octets = 0;
        if records.is_empty() {
            return Ok(());
        }
        let mut message = self.message(ResponseCode::NoError);
        message.answers = records;
        self.send(&message).await
    }

    async fn refuse(&mut self, code: ResponseCode) -> io::Result<()> {
        let message = self.message(code);
        self.send(&message).await
    }

    fn message(&self, code: ResponseCode) -> Message {
        let mut metadata = Metadata::response_from_request(&self.request.metadata);
        metadata.message_type = MessageType::Response;
        metadata.response_code = code;
        metadata.authoritative = code == ResponseCode::NoError;
        let mut message = Message::new(metadata.id, metadata.message_type, metadata.op_code);
        message.metadata = metadata;
        // RFC 5936 §2.2.1: the question in every message does no harm.
        message.queries.extend(asked_for(self.request).map(|name| {
            let kind =
                self.request.queries.queries().first().map_or(RecordType::AXFR, |query| query.query_type());
            Query::query(name.clone(), kind)
        }));
        message
    }

    async fn send(&mut self, message: &Message) -> io::Result<()> {
        let mut octets = message.to_vec().map_err(io::Error::other)?;
        self.chain.sign(&mut octets, message.id, (self.clock)()).map_err(io::Error::other)?;
        self.out.send(octets).await
    }
}

/// At most so many octets on the wire.
fn octets(record: &Record) -> usize {
    let rdata = match &record.data {
        RData::TXT(txt) => txt.txt_data.iter().map(|string| 1 + string.len()).sum(),
        // Names and numbers.
        _ => 600,
    };
    record.name.len() + 12 + rdata
}
