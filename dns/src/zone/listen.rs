//! The listener: from packets to questions and back.

use super::{
    answer::{Answers, Ask, Response},
    cookie::{Baker, Cookie},
    counters::Counters,
    limit::{Limiter, Verdict},
    reply::{MAX_DATAGRAM, send, unsent},
    stream::{self, Places},
    transfer::Transfers,
    tsig::{self, Proof},
};
use async_trait::async_trait;
use hickory_proto::{
    op::{Edns, LowerQuery, Metadata, OpCode, ResponseCode},
    rr::{DNSClass, RecordType},
};
use hickory_server::{
    net::{runtime::Time, xfer::Protocol},
    server::{Request, RequestHandler, ResponseHandler, ResponseInfo, Server},
    zone_handler::Queries,
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    net::{TcpListener, UdpSocket},
    task::JoinHandle,
    time::Instant,
};

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

/// What is given to whom, beside answers to everybody.
#[derive(Clone, Default)]
pub struct Serving {
    /// What clients may take.
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
    let limits = serving.limits;
    let handler = Arc::new(Handler::new(zone, serving));
    let counters = handler.counters.clone();
    let places = Places { in_all: limits.connections, per_client: limits.connections_per_client };
    let connections = stream::serve(tcp, places, handler.clone());
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

/// From requests to answers, for both transports.
pub(super) struct Handler {
    zone: Arc<dyn Answers>,
    pub(super) transfers: Option<Arc<Transfers>>,
    limiter: Option<Limiter>,
    baker: Baker,
    started: Instant,
    pub(super) counters: Arc<Counters>,
}

/// The server library's side of it.
struct Datagrams(Arc<Handler>);

#[async_trait]
impl RequestHandler for Datagrams {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, out: R) -> ResponseInfo {
        self.0.reply(request, out).await
    }
}

impl Handler {
    pub(super) fn new(zone: Arc<dyn Answers>, serving: Serving) -> Self {
        Self {
            zone,
            transfers: serving.transfers,
            limiter: serving.limits.answers_per_second.map(Limiter::new),
            baker: Baker::new(),
            started: Instant::now(),
            counters: Arc::default(),
        }
    }

    /// Answers one request; a signed one with a signature (RFC 8945 §5.3).
    pub(super) async fn reply(&self, request: &Request, out: impl ResponseHandler) -> ResponseInfo {
        let mut edns = request.edns.as_ref().map(reply_edns);
        let asked = request.edns.as_ref();
        let uptime = self.started.elapsed();
        let cookie = asked.map_or(Cookie::None, |edns| self.baker.judge(edns, request.src().ip(), uptime));
        let (signature, code) = match self.prove(request) {
            Proof::None => (None, None),
            Proof::Valid(chain) => (Some(chain.context(request.metadata.id, self.now())), None),
            Proof::Failed(context) => (Some(context), Some(ResponseCode::NotAuth)),
        };
        let is_signed = signature.is_some() && code.is_none();
        let code = code.or((cookie == Cookie::Malformed).then_some(ResponseCode::FormErr));
        let response = match code {
            Some(code) => Response::with_code(code),
            None => self.respond(request).await,
        };
        let mut is_proven = is_signed;
        if let (Some(edns), Cookie::Given { answer, proven }) = (&mut edns, cookie) {
            edns.options_mut().insert(answer);
            is_proven |= proven;
        }
        let verdict = if is_proven { Verdict::Send } else { self.limit(request, &response) };
        if verdict == Verdict::Drop {
            return unsent(Metadata::response_from_request(&request.metadata));
        }
        self.counters.answered(request.protocol(), response.rcode);
        send(request, &response, verdict == Verdict::Truncate, edns.as_ref(), signature, out).await
    }

    /// What rate limiting makes of an answer. Over TCP it is the client that asks
    /// and nobody else.
    fn limit(&self, request: &Request, response: &Response) -> Verdict {
        let Some(limiter) = self.limiter.as_ref().filter(|_| request.protocol() == Protocol::Udp) else {
            return Verdict::Send;
        };
        let asked = request.queries.queries().first();
        let asked = asked.map(|query| (query.original().name(), query.query_type()));
        let verdict = limiter.judge(self.started.elapsed(), request.src().ip(), asked, response);
        match verdict {
            Verdict::Send => {}
            Verdict::Truncate => self.counters.slipped(),
            Verdict::Drop => self.counters.dropped(),
        }
        verdict
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
