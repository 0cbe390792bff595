//! The listener: from packets to questions and back.

use super::{
    answer::{Answers, Ask, Response},
    cookie::{Baker, Cookie},
    counters::Counters,
    limit::{Limiter, Verdict},
    tcp::{self, Places},
    transfer::{self, Transfer, Transfers},
    tsig::{self, Proof},
};
use async_trait::async_trait;
use futures_util::StreamExt as _;
use hickory_proto::{
    ProtoError,
    op::{Edns, Header, HeaderCounts, LowerQuery, MessageType, Metadata, OpCode, ResponseCode},
    rr::{DNSClass, RData, Record, RecordType, TSigResponseContext, rdata::TSIG},
    serialize::binary::{BinDecodable as _, BinDecoder, BinEncodable as _, BinEncoder},
};
use hickory_server::{
    net::{BufDnsStreamHandle, runtime::Time, xfer::Protocol},
    server::{Request, RequestHandler, ResponseHandle, ResponseHandler, ResponseInfo, Server},
    zone_handler::{MessageResponse, MessageResponseBuilder, Queries},
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
    time::Instant,
};

/// The largest datagram sent, and said to be received: what passes everywhere
/// without fragments (the DNS flag day's 1232 bytes).
const MAX_DATAGRAM: u16 = 1232;
/// What a client without EDNS takes (RFC 1035 §4.2.1).
const PLAIN_DATAGRAM: u16 = 512;
/// How often a free port for both UDP and TCP is looked for.
const PORT_TRIES: usize = 16;

/// What clients may take of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Answers of one kind per second over UDP to one network (/24, /56) that
    /// has shown no cookie; `None`: no limit.
    pub answers_per_second: Option<u32>,
    /// TCP connections in all.
    pub connections: usize,
    /// TCP connections of one client.
    pub connections_per_client: usize,
}

impl Default for Limits {
    /// 1,024 connections, 32 of one client, as many answers as are asked for.
    fn default() -> Self {
        Self { answers_per_second: None, connections: 1_024, connections_per_client: 32 }
    }
}

/// How clients are served.
#[derive(Clone, Default)]
pub struct Serving {
    /// What they may take.
    pub limits: Limits,
    /// Gives the zone to other name servers; without it they are refused.
    pub transfers: Option<Arc<Transfers>>,
}

/// A listener at work. Dropping it does not stop it.
#[derive(Debug)]
pub struct Bound {
    local_addr: SocketAddr,
    counters: Arc<Counters>,
    task: JoinHandle<()>,
}

impl Bound {
    /// The address and port, the same for UDP and TCP.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What it has done.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// Waits until it has stopped.
    pub async fn finished(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the DNS listener died");
        }
    }
}

/// Answers on `listen`, UDP and TCP, until `shutdown` completes. Port 0 takes
/// a free one.
///
/// A wildcard address answers from whatever address the system picks, which on
/// a host with several is not always the one that was asked; listen on one of
/// them by name there.
///
/// # Errors
/// When the address cannot be bound.
pub async fn serve(
    listen: SocketAddr,
    zone: Arc<dyn Answers>,
    serving: Serving,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Bound> {
    let (udp, tcp) = bind(listen).await?;
    let local_addr = tcp.local_addr()?;
    let Serving { limits, transfers } = serving;
    let handler = Arc::new(Handler::new(zone, limits.answers_per_second, transfers));
    let counters = handler.counters.clone();
    let places = Places { in_all: limits.connections, per_client: limits.connections_per_client };
    let connections = tcp::serve(tcp, places, handler.clone());
    let mut server = Server::new(Datagrams(handler));
    server.register_socket(udp);
    let task = tokio::spawn(async move {
        let ended = tokio::select! {
            ended = server.block_until_done() => ended,
            () = connections => Ok(()),
            () = shutdown => server.shutdown_gracefully().await,
        };
        if let Err(error) = ended {
            tracing::error!(%error, "the DNS listener stopped");
        }
    });
    Ok(Bound { local_addr, counters, task })
}

async fn bind(listen: SocketAddr) -> io::Result<(UdpSocket, TcpListener)> {
    let mut tries = PORT_TRIES;
    loop {
        let udp = UdpSocket::bind(listen).await?;
        match TcpListener::bind(udp.local_addr()?).await {
            Ok(tcp) => return Ok((udp, tcp)),
            // The free UDP port was taken for TCP: another may do.
            Err(_) if listen.port() == 0 && tries > 1 => tries -= 1,
            Err(error) => return Err(error),
        }
    }
}

/// From messages to messages, for both transports.
pub(super) struct Handler {
    zone: Arc<dyn Answers>,
    limiter: Option<Limiter>,
    baker: Baker,
    started: Instant,
    transfers: Option<Arc<Transfers>>,
    pub(super) counters: Arc<Counters>,
}

/// The server library's side of it.
struct Datagrams(Arc<Handler>);

#[async_trait]
impl RequestHandler for Datagrams {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, out: R) -> ResponseInfo {
        self.0.handle(request, out).await
    }
}

impl Handler {
    pub(super) fn new(
        zone: Arc<dyn Answers>,
        answers_per_second: Option<u32>,
        transfers: Option<Arc<Transfers>>,
    ) -> Self {
        Self {
            zone,
            limiter: answers_per_second.map(Limiter::new),
            baker: Baker::new(),
            started: Instant::now(),
            transfers,
            counters: Arc::default(),
        }
    }

    /// What is sent back to these octets, if anything is.
    pub(super) async fn answer(
        &self,
        octets: Vec<u8>,
        client: SocketAddr,
        protocol: Protocol,
    ) -> Option<Vec<u8>> {
        let header = Header::read(&mut BinDecoder::new(&octets)).ok()?;
        if header.metadata.message_type == MessageType::Response {
            return None;
        }
        let Ok(request) = Request::from_bytes(octets, client, protocol) else {
            self.counters.answered(protocol, ResponseCode::FormErr);
            return malformed(&header);
        };
        let (out, mut sent) = BufDnsStreamHandle::new(client);
        self.handle(&request, ResponseHandle::new(client, out, protocol)).await;
        sent.next().await.map(|message| message.into_parts().0)
    }

    async fn handle(&self, request: &Request, out: impl ResponseHandler) -> ResponseInfo {
        let now = self.started.elapsed();
        let client = request.src().ip();
        let mut edns = request.edns.as_ref().map(reply_edns);
        let cookie = request.edns.as_ref().map_or(Cookie::None, |edns| self.baker.judge(edns, client, now));
        let mut proven = false;
        // A signed question has a signed answer (RFC 8945 §5.3).
        let (refused, signature) = match self.prove(request) {
            Proof::None => (None, None),
            Proof::Valid(chain) => {
                proven = true;
                (None, Some(chain.context(request.metadata.id, self.seconds())))
            }
            Proof::Failed(context) => (Some(ResponseCode::NotAuth), Some(context)),
        };
        let mut response = match (refused, &cookie) {
            (Some(code), _) => Response::with_code(code),
            (None, Cookie::Malformed) => Response::with_code(ResponseCode::FormErr),
            (None, Cookie::None | Cookie::Given { .. }) => self.respond(request).await,
        };
        if let (Some(edns), Cookie::Given { answer, proven: is_proven }) = (&mut edns, cookie) {
            edns.options_mut().insert(answer);
            proven |= is_proven;
        }
        let mut truncate = false;
        // Over TCP, and with a cookie, it is the client that asks and nobody else.
        if let Some(limiter) =
            self.limiter.as_ref().filter(|_| request.protocol() == Protocol::Udp && !proven)
        {
            let asked = request.queries.queries().first();
            let asked = asked.map(|query| (query.original().name(), query.query_type()));
            match limiter.judge(now, client, asked, &response) {
                Verdict::Send => {}
                Verdict::Truncate => {
                    self.counters.slipped();
                    truncate = true;
                    response.answers.clear();
                    response.authorities.clear();
                    response.additionals.clear();
                }
                Verdict::Drop => {
                    self.counters.dropped();
                    return unsent(Metadata::response_from_request(&request.metadata));
                }
            }
        }
        self.counters.answered(request.protocol(), response.rcode);
        let sending = Sending { truncate, edns: edns.as_ref(), signature };
        send(request, &response, sending, out).await
    }

    /// The transfer that these octets ask for and are allowed to, if they do.
    pub(super) fn transfer(&self, octets: &[u8], client: SocketAddr) -> Option<Transfer> {
        let transfers = self.transfers.as_ref()?;
        // Most messages are no such thing, and are read only once.
        if !transfer::may_be_wanted(octets) {
            return None;
        }
        let request = Request::from_bytes(octets.to_vec(), client, Protocol::Tcp).ok()?;
        let chain = match self.prove(&request) {
            Proof::Valid(chain) if transfer::is_wanted(&request) => chain,
            _ => return None,
        };
        Some(Transfer::new(transfers.clone(), request, chain))
    }

    /// What a request proves of its sender.
    fn prove(&self, request: &Request) -> Proof {
        let key = self.transfers.as_ref().map(|transfers| &transfers.key);
        tsig::prove(key, request.as_slice(), request.signature.as_deref(), self.seconds())
    }

    /// Seconds since 1970, where anybody needs to know.
    fn seconds(&self) -> u64 {
        self.transfers.as_ref().map_or(0, |transfers| (transfers.clock)())
    }

    async fn respond(&self, request: &Request) -> Response {
        if are_compressed(&request.queries) {
            return Response::with_code(ResponseCode::FormErr);
        }
        if request.version() > 0 {
            // RFC 6891 §6.1.3.
            return Response::with_code(ResponseCode::BADVERS);
        }
        if request.metadata.op_code != OpCode::Query {
            return Response::with_code(ResponseCode::NotImp);
        }
        // RFC 9619: a query has exactly one question.
        let [query] = request.queries.queries() else {
            return Response::with_code(ResponseCode::FormErr);
        };
        if query.query_class() != DNSClass::IN || is_meta(query.query_type()) {
            return Response::refused();
        }
        let ask = Ask {
            name: query.original().name(),
            rtype: query.query_type(),
            recursion_desired: request.metadata.recursion_desired,
        };
        self.zone.answer(ask).await
    }
}

/// FORMERR with nothing but a header, to what is no message beyond that.
fn malformed(header: &Header) -> Option<Vec<u8>> {
    let mut metadata = Metadata::response_from_request(&header.metadata);
    metadata.response_code = ResponseCode::FormErr;
    let mut octets = Vec::with_capacity(12);
    Header { metadata, counts: HeaderCounts::default() }.emit(&mut BinEncoder::new(&mut octets)).ok()?;
    Some(octets)
}

fn unsent(metadata: Metadata) -> ResponseInfo {
    ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
}

/// Whether a question's name points somewhere. Before the first there is only
/// the header, which in our reply is another one: repeated there, the question
/// would be octets that nobody can read.
fn are_compressed(queries: &Queries) -> bool {
    let in_full = |query: &LowerQuery| {
        query.original().name().iter().map(|label| 1 + label.len()).sum::<usize>() + 1 + 4
    };
    queries.queries().iter().map(in_full).sum::<usize>() != queries.as_bytes().len()
}

/// Types that are no question about records: OPT, the transaction and transfer
/// types (RFC 6895 §3.1). ANY is answered.
fn is_meta(rtype: RecordType) -> bool {
    let code = u16::from(rtype);
    code == 0 || code == 41 || ((128..=254).contains(&code) && rtype != RecordType::ANY)
}

fn reply_edns(asked: &Edns) -> Edns {
    let mut edns = Edns::new();
    edns.set_max_payload(MAX_DATAGRAM);
    // RFC 3225 §3: DO comes back as it came.
    edns.set_dnssec_ok(asked.flags().dnssec_ok);
    edns
}

/// How an answer goes out.
struct Sending<'a> {
    /// Empty and with TC, whatever it is.
    truncate: bool,
    edns: Option<&'a Edns>,
    signature: Option<TSigResponseContext>,
}

async fn send(
    request: &Request,
    response: &Response,
    sending: Sending<'_>,
    mut out: impl ResponseHandler,
) -> ResponseInfo {
    let Sending { truncate, edns, signature } = sending;
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.response_code = response.rcode;
    metadata.authoritative = response.authoritative;
    metadata.recursion_available = response.recursion_available;
    // RFC 4035 §3.1.6: nothing is checked here, whatever the client wants.
    metadata.checking_disabled = false;
    // What was not understood is not repeated.
    let none = Queries::read(&mut BinDecoder::new(&[]), 0).ok();
    let queries =
        none.as_ref().filter(|_| response.rcode == ResponseCode::FormErr).unwrap_or(&request.queries);
    let builder = || {
        let mut builder = MessageResponseBuilder::new(queries, None);
        if let Some(edns) = edns {
            builder.edns(edns);
        }
        builder
    };
    let reserved = if signature.is_some() { SIGNATURE } else { 0 };
    let whole = |additionals: &'_ [Record]| fits(request, response, additionals, metadata, edns, reserved);
    let no_records = Response::empty();
    let (response, additionals) = if !truncate && whole(&response.additionals) {
        (response, &response.additionals[..])
    } else if !truncate && whole(&[]) {
        // Only what was volunteered does not fit (RFC 2181 §9: no TC for that).
        (response, &[][..])
    } else {
        // An empty truncated answer sends everybody to TCP; half a record set
        // is of no use to anyone.
        metadata.truncation = true;
        (&no_records, &[][..])
    };
    let message = || builder().build(metadata, &response.answers, &response.authorities, [], additionals);
    let mut reply = message();
    if let Some(context) = signature {
        match signed(context, message()) {
            Ok(signature) => reply.set_signature(signature),
            Err(error) => tracing::warn!(%error, "a DNS answer could not be signed"),
        }
    }
    let sent = out.send_response(reply).await;
    sent.unwrap_or_else(|error| {
        tracing::debug!(%error, "a DNS answer could not be sent");
        unsent(metadata)
    })
}

/// What a signature takes up, with a long key name and hash (RFC 8945 §4.2).
const SIGNATURE: usize = 400;

/// The signature of a message that is otherwise whole.
fn signed<'a>(
    context: TSigResponseContext,
    message: MessageResponse<
        '_,
        'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
        impl Iterator<Item = &'a Record> + Send + 'a,
    >,
) -> Result<Box<Record<TSIG>>, ProtoError> {
    let mut octets = Vec::with_capacity(512);
    message.destructive_emit(&mut BinEncoder::new(&mut octets))?;
    context.sign(&octets)
}

/// Whether the message fits what the client takes over this transport, with
/// `reserved` octets left.
fn fits(
    request: &Request,
    response: &Response,
    additionals: &[Record],
    metadata: Metadata,
    edns: Option<&Edns>,
    reserved: usize,
) -> bool {
    let limit = match request.protocol() {
        Protocol::Udp if edns.is_some() => request.max_payload().clamp(PLAIN_DATAGRAM, MAX_DATAGRAM),
        Protocol::Udp => PLAIN_DATAGRAM,
        _ => u16::MAX,
    };
    let limit = limit.saturating_sub(u16::try_from(reserved).unwrap_or(u16::MAX));
    let records = response.answers.iter().chain(&response.authorities).chain(additionals);
    let options = edns.is_some_and(|edns| !edns.options().as_ref().is_empty());
    // A cookie is the only option we send.
    let header_and_opt = 12 + 11 + if options { 4 + 40 } else { 0 };
    let at_most = records.fold(header_and_opt + request.queries.as_bytes().len(), |sum, record| {
        sum.saturating_add(uncompressed(record))
    });
    if at_most <= usize::from(limit) {
        return true;
    }
    // Too long without compression: see how long it is with it.
    let mut buffer = Vec::with_capacity(usize::from(MAX_DATAGRAM));
    let mut encoder = BinEncoder::new(&mut buffer);
    encoder.set_max_size(limit);
    let mut builder = MessageResponseBuilder::from_message_request(request);
    if let Some(edns) = edns {
        builder.edns(edns);
    }
    let message = builder.build(metadata, &response.answers, &response.authorities, [], additionals);
    message.destructive_emit(&mut encoder).is_ok_and(|info| !info.truncation)
}

/// An upper bound of a record's length on the wire.
fn uncompressed(record: &Record) -> usize {
    let name = |name: &hickory_proto::rr::Name| name.len() + 2;
    let rdata = match &record.data {
        RData::A(_) => 4,
        RData::AAAA(_) => 16,
        RData::CNAME(target) => name(&target.0),
        RData::NS(target) => name(&target.0),
        RData::PTR(target) => name(&target.0),
        RData::MX(mx) => 2 + name(&mx.exchange),
        RData::TXT(txt) => txt.txt_data.iter().map(|string| 1 + string.len()).sum(),
        RData::SOA(soa) => 20 + name(&soa.mname) + name(&soa.rname),
        // Flags, the length of the tag, a tag of at most fifteen, the name.
        RData::CAA(caa) => 17 + caa.value.len(),
        RData::HINFO(hinfo) => 2 + hinfo.cpu.len() + hinfo.os.len(),
        _ => usize::from(u16::MAX),
    };
    name(&record.name) + 10 + rdata
}
