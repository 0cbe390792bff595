//! The listener: from packets to questions and back.

use super::{
    answer::{Answers, Ask, Response},
    stream,
    transfer::Transfers,
    tsig::{self, Proof},
};
use async_trait::async_trait;
use hickory_proto::{
    ProtoError,
    op::{Edns, Header, HeaderCounts, LowerQuery, Metadata, OpCode, ResponseCode},
    rr::{DNSClass, RData, Record, RecordType, TSigResponseContext, rdata::TSIG},
    serialize::binary::{BinDecoder, BinEncoder},
};
use hickory_server::{
    net::{runtime::Time, xfer::Protocol},
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo, Server},
    zone_handler::{MessageResponse, MessageResponseBuilder, Queries},
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
};

/// The largest datagram sent, and said to be received: what passes everywhere
/// without fragments (the DNS flag day's 1232 bytes).
const MAX_DATAGRAM: u16 = 1232;
/// What a client without EDNS takes (RFC 1035 §4.2.1).
const PLAIN_DATAGRAM: u16 = 512;
/// How often a free port for both UDP and TCP is looked for.
const PORT_TRIES: usize = 16;

/// A listener at work. Dropping it does not stop it.
#[derive(Debug)]
pub struct Bound {
    local_addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Bound {
    /// The address and port, the same for UDP and TCP.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Waits until it has stopped.
    pub async fn finished(self) {
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the DNS listener died");
        }
    }
}

/// What is listened for beside questions.
#[derive(Clone, Default)]
pub struct Serving {
    /// Gives the zone to other name servers; without it they are refused.
    pub transfers: Option<Arc<Transfers>>,
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
    let handler = Handler { zone, transfers: serving.transfers };
    let mut server = Server::new(handler.clone());
    server.register_socket(udp);
    let task = tokio::spawn(async move {
        let ended = tokio::select! {
            ended = server.block_until_done() => ended,
            () = stream::serve(tcp, handler) => Ok(()),
            () = shutdown => server.shutdown_gracefully().await,
        };
        if let Err(error) = ended {
            tracing::error!(%error, "the DNS listener stopped");
        }
    });
    Ok(Bound { local_addr, task })
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

#[derive(Clone)]
pub(super) struct Handler {
    pub(super) zone: Arc<dyn Answers>,
    pub(super) transfers: Option<Arc<Transfers>>,
}

#[async_trait]
impl RequestHandler for Handler {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, out: R) -> ResponseInfo {
        self.reply(request, out).await
    }
}

impl Handler {
    /// Answers one request; a signed one with a signature (RFC 8945 §5.3).
    pub(super) async fn reply(&self, request: &Request, out: impl ResponseHandler) -> ResponseInfo {
        let edns = request.edns.as_ref().map(reply_edns);
        let (response, signature) = match self.prove(request) {
            Proof::None => (self.respond(request).await, None),
            Proof::Valid(chain) => {
                (self.respond(request).await, Some(chain.context(request.metadata.id, self.now())))
            }
            Proof::Failed(context) => (Response::with_code(ResponseCode::NotAuth), Some(context)),
        };
        send(request, &response, edns.as_ref(), signature, out).await
    }

    /// What a request proves of its sender.
    pub(super) fn prove(&self, request: &Request) -> Proof {
        let key = self.transfers.as_ref().map(|transfers| &transfers.key);
        tsig::prove(key, request.as_slice(), request.signature.as_deref(), self.now())
    }

    /// Seconds since 1970, where anybody needs to know.
    fn now(&self) -> u64 {
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

async fn send(
    request: &Request,
    response: &Response,
    edns: Option<&Edns>,
    signature: Option<TSigResponseContext>,
    mut out: impl ResponseHandler,
) -> ResponseInfo {
    let mut metadata = Metadata::response_from_request(&request.metadata);
    metadata.response_code = response.rcode;
    metadata.authoritative = response.authoritative;
    metadata.recursion_available = response.recursion_available;
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
    let (response, additionals) = if whole(&response.additionals) {
        (response, &response.additionals[..])
    } else if whole(&[]) {
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
        ResponseInfo::from(Header { metadata, counts: HeaderCounts::default() })
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
    let header_and_opt = 12 + 11;
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
        RData::HINFO(hinfo) => 2 + hinfo.cpu.len() + hinfo.os.len(),
        _ => usize::from(u16::MAX),
    };
    name(&record.name) + 10 + rdata
}
