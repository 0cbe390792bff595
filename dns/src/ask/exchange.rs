//! One question to one server: tries, fall-backs and TCP.

use super::{
    Ask,
    budget::{Budgets, Rates},
    settings::Settings,
    sockets::{Received, Sockets, Volley},
    stats::Counters,
    wire::{self, FORMERR, Match, NOTIMP, Query, Service, Style},
};
use signet_core::{
    names::Name,
    observe::{Failure, Question, View},
};
use std::{io, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// TCP connections open at the same time; more wait.
const STREAMS: usize = 256;

/// What to ask, of whomever.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Wanted {
    pub(super) name: Name,
    /// The wire code of the type.
    pub(super) rtype: u16,
    pub(super) service: Service,
    /// Over TCP from the first.
    pub(super) stream: bool,
    /// How whoever wants it asks.
    pub(super) ask: Ask,
}

impl Wanted {
    pub(super) fn of(question: &Question, service: Service, ask: Ask) -> Self {
        let (name, rtype) = (question.name.clone(), wire::type_code(question.rtype));
        Self { name, rtype, service, stream: question.view == View::Stream, ask }
    }
}

/// Which of the tries for one question this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Try {
    /// This server has been asked before and stayed silent.
    pub(super) again: bool,
    /// After this one nobody is asked any more.
    pub(super) last: bool,
}

/// How a try came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Miss {
    /// Nothing came in time.
    Silent,
    /// It did answer, with more than UDP carries, and over TCP nothing came in
    /// time. One lost segment is enough for that.
    Stalled,
    /// Another try would come to the same.
    Failed(Failure),
}

impl Miss {
    /// Whether to ask once more.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Silent | Self::Stalled)
    }

    /// What it is once all tries are spent.
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::Silent => Failure::Timeout,
            Self::Stalled => Failure::Truncated,
            Self::Failed(failure) => failure,
        }
    }
}

impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Timeout => Self::Silent,
            failure => Self::Failed(failure),
        }
    }
}

pub(super) struct Exchange {
    sockets: Sockets,
    budgets: Budgets,
    resolver_budgets: Budgets,
    operators: Rates,
    streams: Semaphore,
    counters: Arc<Counters>,
    settings: Arc<Settings>,
}

impl Exchange {
    pub(super) async fn new(settings: Arc<Settings>, counters: Arc<Counters>) -> io::Result<Self> {
        Ok(Self {
            sockets: Sockets::bind(settings.sockets, Arc::clone(&counters)).await?,
            budgets: Budgets::new(
                settings.in_flight_per_address,
                settings.rate_per_address,
                settings.burst_per_address,
            ),
            resolver_budgets: Budgets::new(
                settings.in_flight_per_resolver,
                settings.rate_per_resolver,
                settings.rate_per_resolver,
            ),
            operators: Rates::new(settings.rate_per_operator, settings.burst_per_operator),
            streams: Semaphore::new(STREAMS),
            counters,
            settings,
        })
    }

    pub(super) fn v6_routed(&self) -> bool {
        self.sockets.v6_routed()
    }

    /// One try, with whatever it takes to get a whole reply out of a server
    /// that does speak: without EDNS or mixed case where those trouble it, over
    /// TCP where UDP is too small. The reply has the right id and question and
    /// is otherwise unread.
    pub(super) async fn attempt(
        &self,
        server: SocketAddr,
        operator: Option<&Name>,
        wanted: &Wanted,
        this: Try,
    ) -> Result<Vec<u8>, Miss> {
        // Silence can be a middlebox that drops EDNS (RFC 6891 §6.2.6): when
        // all else has failed, ask without.
        let edns = if this.again && this.last { None } else { Some(self.settings.udp_payload) };
        let dressed = Style { edns, mixed_case: true };
        if wanted.stream {
            return self.tcp(server, wanted, dressed).await.map_err(|error| match error.kind() {
                io::ErrorKind::TimedOut => Miss::Silent,
                _ => Miss::Failed(Failure::Unreachable(reason(&error))),
            });
        }
        let reply = self.udp((server, operator), wanted, dressed, this.again).await?;
        let (style, reply) = match reply {
            Received::Reply(reply) if !stumbled(&reply) => (dressed, reply),
            Received::CaseChanged | Received::NotUnderstood(_) | Received::Reply(_) => {
                self.counters.plain.count();
                match self.udp((server, operator), wanted, Style::PLAIN, this.again).await? {
                    Received::Reply(reply) => (Style::PLAIN, reply),
                    Received::NotUnderstood(code) => {
                        let code = if code == NOTIMP { "NOTIMP" } else { "FORMERR" };
                        return Err(Miss::Failed(Failure::Rcode(code.to_string())));
                    }
                    Received::CaseChanged => {
                        return Err(Miss::Failed(Failure::Malformed("another question".to_string())));
                    }
                }
            }
        };
        if wire::is_truncated(&reply) {
            return self.tcp(server, wanted, style).await.map_err(|error| {
                tracing::debug!(%server, name = %wanted.name, %error, "TCP after a truncated reply");
                match error.kind() {
                    io::ErrorKind::TimedOut => Miss::Stalled,
                    _ => Miss::Failed(Failure::Truncated),
                }
            });
        }
        Ok(reply)
    }

    /// A place in a volley, if `server` may be asked right now.
    pub(super) fn enter_at_once(
        &self,
        server: SocketAddr,
        operator: Option<&Name>,
    ) -> Option<OwnedSemaphorePermit> {
        let slot = self.budgets.try_enter(server.ip())?;
        operator.is_none_or(|operator| self.operators.try_take(operator)).then_some(slot)
    }

    pub(super) fn volley(&self, questions: usize) -> Volley<'_> {
        self.sockets.volley(questions)
    }

    /// How a question is put first.
    pub(super) fn dressed(&self) -> Style {
        Style { edns: Some(self.settings.udp_payload), mixed_case: true }
    }

    /// Resolvers are the operator's own and serve every look there is.
    fn budget(&self, wanted: &Wanted) -> &Budgets {
        if wanted.service == Service::Own { &self.budgets } else { &self.resolver_budgets }
    }

    async fn udp(
        &self,
        (server, operator): (SocketAddr, Option<&Name>),
        wanted: &Wanted,
        style: Style,
        again: bool,
    ) -> Result<Received, Failure> {
        let _slot = self.budget(wanted).enter(server.ip()).await;
        if let Some(operator) = operator {
            self.operators.wait(operator).await;
        }
        let query = Query::new(&wanted.name, wanted.rtype, wanted.service, style);
        let patience = self.settings.timeout;
        let received = if again {
            self.sockets.ask_again(server, &query, patience).await
        } else {
            self.sockets.ask(server, &query, patience).await
        };
        match received {
            Ok(Some(received)) => Ok(received),
            Ok(None) => {
                self.counters.timeouts.count();
                Err(Failure::Timeout)
            }
            Err(error) => Err(Failure::Unreachable(reason(&error))),
        }
    }

    /// DNS over TCP (RFC 7766 §8): two octets of length, then the message. The
    /// length bounds it to 64 KiB.
    async fn tcp(&self, server: SocketAddr, wanted: &Wanted, style: Style) -> io::Result<Vec<u8>> {
        let _slot = self.budget(wanted).enter(server.ip()).await;
        let _stream = self.streams.acquire().await;
        self.counters.tcp.count();
        let query = Query::new(&wanted.name, wanted.rtype, wanted.service, style);
        let patience = self.settings.timeout;
        let mut stream = timeout(patience, TcpStream::connect(server)).await??;
        timeout(patience, async {
            let id: u16 = rand::random();
            let message = query.with_id(id);
            let length = u16::try_from(message.len()).expect("a question has at most 300 octets");
            // In one piece: some servers read no further than the first segment.
            stream.write_all(&[&length.to_be_bytes()[..], &message].concat()).await?;
            let mut reply = vec![0; usize::from(stream.read_u16().await?)];
            stream.read_exact(&mut reply).await?;
            let ours = reply.get(..2) == Some(&id.to_be_bytes());
            match query.matches(&reply) {
                Match::Reply | Match::CaseChanged if ours && !wire::is_truncated(&reply) => Ok(reply),
                _ => Err(io::Error::new(io::ErrorKind::InvalidData, "not the reply to this question")),
            }
        })
        .await?
    }
}

/// Whether a server was thrown by EDNS (RFC 6891 §7) or mixed case. BADVERS is
/// an extended code whose low bits are NOERROR; it is found on decoding, and
/// nothing sends it to a question with version 0.
fn stumbled(reply: &[u8]) -> bool {
    matches!(wire::rcode(reply), FORMERR | NOTIMP)
}

/// The error in words that are not of this machine.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nobody listens on its port".to_string(),
        io::ErrorKind::HostUnreachable => "no route to the host".to_string(),
        io::ErrorKind::NetworkUnreachable => "no route to its network".to_string(),
        io::ErrorKind::AddrNotAvailable => "this machine has no address of that kind".to_string(),
        kind => kind.to_string(),
    }
}
