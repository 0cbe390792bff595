//! The shared UDP sockets, and who waits on them for what.
//!
//! A reply is taken only from the address and port asked, on the port asked
//! from, with the id and the question asked (RFC 5452 §9). Everything else is
//! counted and passed over, and the wait goes on.

use super::{
    salvo::Salvo,
    stats::Counters,
    wire::{self, Match, Query},
};
use std::{
    collections::{HashMap, hash_map},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    sync::{Semaphore, oneshot},
    task::JoinSet,
};

/// Largest datagram there is; nobody who keeps to our EDNS size sends it.
const DATAGRAM: usize = 65_535;

/// Repeated questions that may have a socket of their own at the same time.
const CONNECTED: usize = 256;

/// What came back for one datagram.
pub(super) enum Received {
    /// The reply, undecoded.
    Reply(Vec<u8>),
    /// The reply of a server that changes the case of names.
    CaseChanged,
    /// This code, FORMERR or NOTIMP, without the question.
    NotUnderstood(u8),
}

pub(super) struct Sockets {
    v4: Vec<Arc<Socket>>,
    v6: Vec<Arc<Socket>>,
    v6_routed: bool,
    connected: Semaphore,
    counters: Arc<Counters>,
    /// One task per shared socket; they end with this.
    _receiving: JoinSet<()>,
}

struct Socket {
    udp: UdpSocket,
    waiting: Mutex<HashMap<(u16, SocketAddr), Waiting>>,
}

struct Waiting {
    query: Query,
    tell: Tell,
}

/// Whom a reply is handed to.
enum Tell {
    One(oneshot::Sender<Received>),
    /// Several questions asked together, and the place of this one.
    Salvo(Arc<Salvo>, usize),
}

impl Tell {
    /// Whether nobody listens any more.
    fn is_closed(&self) -> bool {
        match self {
            Self::One(tell) => tell.is_closed(),
            Self::Salvo(salvo, _) => salvo.is_over(),
        }
    }

    fn tell(self, received: Received) -> bool {
        match self {
            Self::One(tell) => tell.send(received).is_ok(),
            Self::Salvo(salvo, place) => salvo.hear(place, received),
        }
    }
}

impl Sockets {
    /// Binds `count` sockets per address family to random ports, and starts
    /// receiving on them.
    ///
    /// # Errors
    /// When neither family has a socket to give.
    pub(super) async fn bind(count: usize, counters: Arc<Counters>) -> io::Result<Self> {
        let count = count.max(1);
        let v4 = bind_all(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), count).await;
        let v6 = bind_all(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), count).await;
        let (v4, v6) = match (v4, v6) {
            (Err(error), Err(_)) => return Err(error),
            // A machine with one of them is fine.
            (v4, v6) => (v4.unwrap_or_default(), v6.unwrap_or_default()),
        };
        let mut receiving = JoinSet::new();
        for socket in v4.iter().chain(&v6) {
            receiving.spawn(receive(Arc::clone(socket), Arc::clone(&counters)));
        }
        let v6_routed = !v6.is_empty() && v6_has_a_route().await;
        let connected = Semaphore::new(CONNECTED);
        Ok(Self { v4, v6, v6_routed, connected, counters, _receiving: receiving })
    }

    /// Whether public IPv6 addresses can be reached at all.
    pub(super) fn v6_routed(&self) -> bool {
        self.v6_routed
    }

    /// Sends `query` over a shared socket. `Ok(None)` when nothing came in
    /// time.
    ///
    /// # Errors
    /// When the datagram could not be sent.
    pub(super) async fn ask(
        &self,
        server: SocketAddr,
        query: &Query,
        patience: Duration,
    ) -> io::Result<Option<Received>> {
        let family = if server.is_ipv4() { &self.v4 } else { &self.v6 };
        if family.is_empty() {
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "no socket of this address family"));
        }
        let socket = &family[rand::random::<u32>() as usize % family.len()];
        let (tell, told) = oneshot::channel();
        let ticket = Ticket::take(socket, server, query, Tell::One(tell))
            .ok_or_else(|| io::Error::other("every id for this server is in use"))?;
        self.counters.udp.count();
        socket.udp.send_to(&query.with_id(ticket.id), server).await?;
        Ok(tokio::time::timeout(patience, told).await.ok().and_then(Result::ok))
    }

    /// Several questions to be asked together, all from one port: their replies
    /// come in together too.
    pub(super) fn volley<'a>(&'a self, questions: usize) -> Volley<'a> {
        let draw: u32 = rand::random();
        let pick = |family: &'a Vec<Arc<Socket>>| family.get(draw as usize % family.len().max(1));
        Volley {
            sockets: [pick(&self.v4), pick(&self.v6)],
            counters: &self.counters,
            salvo: Salvo::new(questions),
            tickets: Vec::with_capacity(questions),
        }
    }

    /// Like [`Self::ask`], over a socket of its own, connected to `server`:
    /// only that one hears what ICMP says about it. For repeated questions,
    /// where finding out is worth a socket; over a shared one when too many of
    /// those are open.
    ///
    /// # Errors
    /// When the network says that the server cannot be reached.
    pub(super) async fn ask_again(
        &self,
        server: SocketAddr,
        query: &Query,
        patience: Duration,
    ) -> io::Result<Option<Received>> {
        let Ok(_permit) = self.connected.try_acquire() else {
            return self.ask(server, query, patience).await;
        };
        let udp = UdpSocket::bind(unspecified(server)).await?;
        udp.connect(server).await?;
        let id = rand::random();
        self.counters.udp.count();
        udp.send(&query.with_id(id)).await?;
        match tokio::time::timeout(patience, self.receive_on(&udp, id, query)).await {
            Ok(received) => received.map(Some),
            Err(_) => Ok(None),
        }
    }

    async fn receive_on(&self, udp: &UdpSocket, id: u16, query: &Query) -> io::Result<Received> {
        let mut buffer = vec![0; DATAGRAM];
        // Bounded by the time-out around it.
        loop {
            let length = udp.recv(&mut buffer).await?;
            let message = &buffer[..length];
            if message.get(..2) == Some(&id.to_be_bytes())
                && let Some(received) = received(query.matches(message), message)
            {
                return Ok(received);
            }
            self.counters.ignored.count();
        }
    }
}

/// See [`Sockets::volley`].
pub(super) struct Volley<'a> {
    sockets: [Option<&'a Arc<Socket>>; 2],
    counters: &'a Counters,
    salvo: Arc<Salvo>,
    tickets: Vec<Ticket<'a>>,
}

impl Volley<'_> {
    /// Sends one; its place among the replies. `None` when it could not go at
    /// once.
    pub(super) fn send(&mut self, server: SocketAddr, query: &Query) -> Option<usize> {
        let socket = self.sockets[usize::from(server.is_ipv6())]?;
        let place = self.salvo.expect()?;
        let tell = Tell::Salvo(Arc::clone(&self.salvo), place);
        if let Some(ticket) = Ticket::take(socket, server, query, tell) {
            if socket.udp.try_send_to(&query.with_id(ticket.id), server).is_ok() {
                self.counters.udp.count();
                self.tickets.push(ticket);
                return Some(place);
            }
            ticket.withdraw();
        }
        self.salvo.give_up(place);
        None
    }

    /// What has come in once all are there, or in time.
    pub(super) async fn replies(self, until: tokio::time::Instant) -> Vec<Option<Received>> {
        let _ = tokio::time::timeout_at(until, self.salvo.complete()).await;
        self.salvo.end()
    }
}

impl Drop for Volley<'_> {
    fn drop(&mut self) {
        // Before the tickets: they give up what nobody listens at.
        self.salvo.end();
    }
}

fn unspecified(like: SocketAddr) -> SocketAddr {
    if like.is_ipv4() { (Ipv4Addr::UNSPECIFIED, 0).into() } else { (Ipv6Addr::UNSPECIFIED, 0).into() }
}

/// Connecting a UDP socket sends nothing; it looks up a route. The address is
/// that of a root server.
async fn v6_has_a_route() -> bool {
    match UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await {
        Ok(udp) => udp.connect("[2001:500:2::c]:53").await.is_ok(),
        Err(_) => false,
    }
}

async fn bind_all(any: SocketAddr, count: usize) -> io::Result<Vec<Arc<Socket>>> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        // Port 0: the kernel draws a random one (RFC 6056).
        let udp = UdpSocket::bind(any).await?;
        sockets.push(Arc::new(Socket { udp, waiting: Mutex::new(HashMap::new()) }));
    }
    Ok(sockets)
}

async fn receive(socket: Arc<Socket>, counters: Arc<Counters>) {
    let mut buffer = vec![0; DATAGRAM];
    loop {
        match socket.udp.recv_from(&mut buffer).await {
            Ok((length, from)) => {
                if !socket.deliver(&buffer[..length], from) {
                    counters.ignored.count();
                }
            }
            Err(error) => {
                // Nothing a peer did; do not spin on whatever it is.
                tracing::debug!(%error, "receiving DNS replies");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

impl Socket {
    /// Hands a datagram to whoever waits for it.
    fn deliver(&self, message: &[u8], from: SocketAddr) -> bool {
        let Some(&[high, low]) = message.first_chunk() else { return false };
        let key = (u16::from_be_bytes([high, low]), from);
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let hash_map::Entry::Occupied(entry) = waiting.entry(key) else { return false };
        let Some(received) = received(entry.get().query.matches(message), message) else { return false };
        entry.remove().tell.tell(received)
    }
}

fn received(matched: Match, message: &[u8]) -> Option<Received> {
    match matched {
        Match::Reply => Some(Received::Reply(message.to_vec())),
        Match::CaseChanged => Some(Received::CaseChanged),
        Match::NotUnderstood => Some(Received::NotUnderstood(wire::rcode(message))),
        Match::No => None,
    }
}

/// A place in a socket's table of waiting questions, given up when dropped, so
/// that a cancelled look leaves nothing behind.
pub(super) struct Ticket<'a> {
    socket: &'a Socket,
    server: SocketAddr,
    id: u16,
}

impl<'a> Ticket<'a> {
    fn take(socket: &'a Socket, server: SocketAddr, query: &Query, tell: Tell) -> Option<Self> {
        let mut waiting = socket.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // The in-flight cap per address keeps collisions rare.
        for _ in 0..16 {
            let id: u16 = rand::random();
            if let hash_map::Entry::Vacant(place) = waiting.entry((id, server)) {
                place.insert(Waiting { query: query.clone(), tell });
                return Some(Self { socket, server, id });
            }
        }
        None
    }
}

impl Ticket<'_> {
    /// For a question that has not been sent, to which there can be no reply.
    fn withdraw(&self) {
        self.socket.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&(self.id, self.server));
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        let mut waiting = self.socket.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        // After a reply the place is free, and somebody else may have it by
        // now: only one that nobody listens at is ours.
        if let hash_map::Entry::Occupied(place) = waiting.entry((self.id, self.server))
            && place.get().tell.is_closed()
        {
            place.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::wire::Style, *};
    use signet_core::names::Name;

    #[tokio::test]
    async fn nothing_stays_behind() {
        let silent = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = silent.local_addr().unwrap();
        let sockets = Sockets::bind(1, Arc::default()).await.unwrap();
        let query = Query::new(&Name::parse("example.test").unwrap(), 16, wire::Service::Own, Style::PLAIN);
        let waiting = || sockets.v4[0].waiting.lock().unwrap().len();

        let answer = sockets.ask(server, &query, Duration::from_millis(20)).await.unwrap();
        assert!(answer.is_none());
        assert_eq!(waiting(), 0, "after a time-out");

        let abandoned = tokio::time::timeout(
            Duration::from_millis(20),
            sockets.ask(server, &query, Duration::from_secs(60)),
        );
        assert!(abandoned.await.is_err());
        assert_eq!(waiting(), 0, "after being dropped");

        let (answer, held) = tokio::join!(sockets.ask(server, &query, Duration::from_secs(60)), async {
            let mut buffer = [0; 512];
            // The first two questions are still in the buffer.
            for _ in 0..2 {
                silent.recv_from(&mut buffer).await.unwrap();
            }
            let (length, from) = silent.recv_from(&mut buffer).await.unwrap();
            let held = waiting();
            buffer[2] |= 0x80;
            silent.send_to(&buffer[..length], from).await.unwrap();
            held
        });
        assert!(matches!(answer.unwrap(), Some(Received::Reply(_))));
        assert_eq!((held, waiting()), (1, 0), "after a reply");
    }

    #[tokio::test]
    async fn a_repeated_question_hears_that_nobody_listens() {
        // No port that the kernel gives to anybody.
        let gone = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let sockets = Sockets::bind(1, Arc::default()).await.unwrap();
        let query = Query::new(&Name::parse("example.test").unwrap(), 16, wire::Service::Own, Style::PLAIN);
        let error = sockets.ask_again(gone, &query, Duration::from_secs(60)).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
