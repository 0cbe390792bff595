//! The listener: from messages to messages.

use super::{
    answer::{Answers, Ask, Response},
    cookie::{Baker, Cookie},
    counters::Counters,
    limit::{Limiter, Verdict},
    reply::{self, Sending},
    request::{Request, Transport, Unreadable},
    tcp::{self, Places},
    transfer::{self, Transfer, Transfers},
    tsig::{self, Proof, Signature},
    udp,
};
use hickory_proto::{
    op::{OpCode, Query, ResponseCode},
    rr::{DNSClass, RecordType},
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
/// On a wildcard address answers leave from the address that was asked; `[::]`
/// is asked over IPv4, too.
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
    let datagrams = udp::serve(udp::Socket::new(udp)?, handler);
    let task = tokio::spawn(async move {
        tokio::select! {
            () = datagrams => {}
            () = connections => {}
            () = shutdown => {}
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
        transport: Transport,
    ) -> Option<Vec<u8>> {
        match Request::read(octets, client, transport) {
            Ok(request) => self.reply(&request).await,
            Err(Unreadable::Nothing) => None,
            Err(Unreadable::After(header)) => {
                let response = Response::with_code(ResponseCode::FormErr);
                if transport == Transport::Udp && self.limited(client, None, &response) != Verdict::Send {
                    self.counters.dropped();
                    return None;
                }
                self.counters.answered(transport, ResponseCode::FormErr);
                reply::malformed(&header)
            }
        }
    }

    /// What becomes of this response, as far as nobody has proven to be there.
    fn limited(&self, client: SocketAddr, asked: Option<&Query>, response: &Response) -> Verdict {
        self.limiter.as_ref().map_or(Verdict::Send, |limiter| {
            let asked = asked.map(|question| (&question.name, question.query_type));
            limiter.judge(self.started.elapsed(), client.ip(), asked, response)
        })
    }

    async fn reply(&self, request: &Request) -> Option<Vec<u8>> {
        let now = self.started.elapsed();
        let client = request.client.ip();
        let mut edns = request.edns.as_ref().map(reply::edns);
        let cookie = request.edns.as_ref().map_or(Cookie::None, |edns| self.baker.judge(edns, client, now));
        let mut proven = false;
        // A signed question has a signed answer (RFC 8945 §5.3).
        let (refused, signature) = match self.prove(request) {
            Proof::None => (None, None),
            Proof::Valid(chain) => {
                proven = true;
                (None, Some(Signature::Right(chain, request.metadata.id)))
            }
            Proof::Failed(signature) => (Some(ResponseCode::NotAuth), Some(signature)),
        };
        let response = match (refused, &cookie) {
            (Some(code), _) => Response::with_code(code),
            (None, Cookie::Malformed) => Response::with_code(ResponseCode::FormErr),
            // RFC 7873 §5.4: a question for a cookie and nothing else.
            (None, Cookie::Given { .. }) if request.questions.is_empty() => Response::empty(),
            (None, Cookie::None | Cookie::Given { .. }) => self.respond(request, signature.is_some()).await,
        };
        if let (Some(edns), Cookie::Given { answer, proven: is_proven }) = (&mut edns, cookie) {
            edns.options_mut().insert(answer);
            proven |= is_proven;
        }
        // Over TCP, and with a cookie, it is the client that asks and nobody else.
        let verdict = match request.transport {
            Transport::Udp if !proven => self.limited(request.client, request.questions.first(), &response),
            _ => Verdict::Send,
        };
        match verdict {
            Verdict::Send => {}
            Verdict::Truncate => self.counters.slipped(),
            Verdict::Drop => {
                self.counters.dropped();
                return None;
            }
        }
        self.counters.answered(request.transport, response.rcode);
        let signature = signature.map(|signature| (signature, self.seconds()));
        let sending = Sending { truncate: verdict == Verdict::Truncate, edns, signature };
        reply::write(request, &response, sending)
            .inspect_err(|error| tracing::debug!(%error, "a DNS answer could not be written"))
            .ok()
    }

    /// The transfer that these octets ask for and are allowed to, if they do.
    pub(super) fn transfer(&self, octets: &[u8], client: SocketAddr) -> Option<Transfer> {
        let transfers = self.transfers.as_ref()?;
        // Most messages are no such thing, and are read only once.
        if !transfer::may_be_wanted(octets) {
            return None;
        }
        let request = Request::read(octets.to_vec(), client, Transport::Tcp).ok()?;
        let chain = match self.prove(&request) {
            Proof::Valid(chain) if transfer::is_wanted(&request) => chain,
            _ => return None,
        };
        Some(Transfer::new(transfers.clone(), request, chain))
    }

    /// What a request proves of its sender.
    fn prove(&self, request: &Request) -> Proof {
        let key = self.transfers.as_ref().map(|transfers| &transfers.key);
        tsig::prove(key, &request.octets, request.signature.as_deref(), self.seconds())
    }

    /// Seconds since 1970, where anybody needs to know.
    fn seconds(&self) -> u64 {
        self.transfers.as_ref().map_or(0, |transfers| (transfers.clock)())
    }

    async fn respond(&self, request: &Request, signed: bool) -> Response {
        if request.compressed {
            return Response::with_code(ResponseCode::FormErr);
        }
        if request.edns_version() > 0 {
            // RFC 6891 §6.1.3.
            return Response::with_code(ResponseCode::BADVERS);
        }
        if request.metadata.op_code != OpCode::Query {
            return Response::with_code(ResponseCode::NotImp);
        }
        // RFC 9619: a query has exactly one question.
        let [question] = &request.questions[..] else {
            return Response::with_code(ResponseCode::FormErr);
        };
        let rtype = match question.query_type {
            // RFC 1995 §2: over UDP there is the serial, and the rest over TCP.
            RecordType::IXFR if signed && request.transport == Transport::Udp => RecordType::SOA,
            rtype => rtype,
        };
        if question.query_class != DNSClass::IN || is_meta(rtype) {
            return Response::refused();
        }
        let ask = Ask { name: &question.name, rtype, recursion_desired: request.metadata.recursion_desired };
        self.zone.answer(ask).await
    }
}

/// Types that are no question about records: OPT, the transaction and transfer
/// types (RFC 6895 §3.1). ANY is answered.
fn is_meta(rtype: RecordType) -> bool {
    let code = u16::from(rtype);
    code == 0 || code == 41 || ((128..=254).contains(&code) && rtype != RecordType::ANY)
}
