//! The shared UDP sockets, and who waits on them for what.
//!
//! A reply is taken only from the address and port asked, on the port asked
//! from, with the id and the question asked (RFC 5452 §9). Everything else is
//! counted and passed over, and the wait goes on.

use super::{
    stats::Counters,
    wire::{Match, Query},
};
use std::{
    collections::{HashMap, hash_map},
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    net::UdpSocket,
    sync::{Semaphore, oneshot},
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
    /// FORMERR or NOTIMP without the question.
    NotUnderstood,
}

pub(super) struct Sockets {
    v4: Vec<Arc<Socket>>,
    v6: Vec<Arc<Socket>>,
    v6_routed: bool,
    connected: Semaphore,
    counters: Arc<Counters>,
}

struct Socket {
    udp: UdpSocket,
    waiting: Mutex<HashMap<(u16, SocketAddr), Waiting>>,
}

struct Waiting {
    query: Query,
    tell: oneshot::Sender<Received>,
}

impl Sockets {
    /// Binds `count` sockets per address family to random ports, and starts
    /// receiving on them.
    ///
    /// # Errors
    /// When neither family has a socket to give.
    pub(super) async fn bind(count: usize, counters: Arc<Counters>) -> io::Result<Self> {
        let count = count.max(1);
        let v4 = bind_all(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), count, &counters).await;
        let v6 = bind_all(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)), count, &counters).await;
        let v6 = match (&v4, v6) {
            // A machine without IPv6 is fine.
            (_, Ok(v6)) => v6,
            (Ok(_), Err(_)) => Vec::new(),
            (Err(_), Err(error)) => return Err(error),
        };
        let v6_routed = !v6.is_empty() && v6_has_a_route().await;
        let v4 = v4.unwrap_or_default();
        Ok(Self { v4, v6, v6_routed, connected: Semaphore::new(CONNECTED), counters })
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
        let ticket = Ticket::take(socket, server, query, tell)
            .ok_or_else(|| io::Error::other("every id for this server is in use"))?;
        self.counters.udp.count();
        socket.udp.send_to(&query.with_id(ticket.id), server).await?;
        Ok(tokio::time::timeout(patience, told).await.ok().and_then(Result::ok))
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

fn unspecified(like: SocketAddr) -> SocketAddr {
    if like.is_ipv4() {
        (Ipv4Addr::UNSPECIFIED, 0).into()
    } else {
        (Ipv6Addr::UNSPECIFIED, 0).into()
    }
}

/// Connecting a UDP socket sends nothing; it looks up a route. The address is
/// that of a root server.
async fn v6_has_a_route() -> bool {
    match UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).await {
        Ok(udp) => udp.connect("[2001:500:2::c]:53").await.is_ok(),
        Err(_) => false,
    }
}

async fn bind_all(any: SocketAddr, count: usize, counters: &Arc<Counters>) -> io::Result<Vec<Arc<Socket>>> {
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        // Port 0: the kernel draws a random one (RFC 6056).
        let udp = UdpSocket::bind(any).await?;
        let socket = Arc::new(Socket { udp, waiting: Mutex::new(HashMap::new()) });
        // Ends with the socket: it holds it only while it has something to do.
        tokio::spawn(receive(Arc::downgrade(&socket), Arc::clone(counters)));
        sockets.push(socket);
    }
    Ok(sockets)
}

/// How often a receive task that hears nothing looks whether anybody still
/// owns its socket.
const OWNED: Duration = Duration::from_secs(5);

async fn receive(socket: Weak<Socket>, counters: Arc<Counters>) {
    let mut buffer = vec![0; DATAGRAM];
    while let Some(socket) = socket.upgrade() {
        match tokio::time::timeout(OWNED, socket.udp.recv_from(&mut buffer)).await {
            Ok(Ok((length, from))) => {
                if !socket.deliver(&buffer[..length], from) {
                    counters.ignored.count();
                }
            }
            Ok(Err(error)) => {
                // Nothing a peer did; do not spin on whatever it is.
                tracing::debug!(%error, "receiving DNS replies");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(_) => {}
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
        let waiting = entry.remove();
        waiting.tell.send(received).is_ok()
    }
}

fn received(matched: Match, message: &[u8]) -> Option<Received> {
    match matched {
        Match::Reply => Some(Received::Reply(message.to_vec())),
        Match::CaseChanged => Some(Received::CaseChanged),
        Match::NotUnderstood => Some(Received::NotUnderstood),
        Match::No => None,
    }
}

/// A place in a socket's table of waiting questions, given up when dropped, so
/// that a cancelled look leaves nothing behind.
struct Ticket<'a> {
    socket: &'a Socket,
    server: SocketAddr,
    id: u16,
}

impl<'a> Ticket<'a> {
    fn take(
        socket: &'a Socket,
        server: SocketAddr,
        query: &Query,
        tell: oneshot::Sender<Received>,
    ) -> Option<Self> {
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

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.socket
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&(self.id, self.server));
    }
}
