//! Questions over TCP (RFC 7766), on no more connections than there are places.

use super::{limit::network, listen::Handler, request::Transport};
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

/// How long a connection may be silent, or take over one message (RFC 7766
/// §6.2.3), and how long while more than half of the places are taken.
const IDLE: Duration = Duration::from_secs(10);
const IDLE_WHEN_BUSY: Duration = Duration::from_secs(2);
/// After a failure to accept, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) in_all: usize,
    /// From one address; in IPv6 from one network.
    pub(super) per_client: usize,
}

/// Takes connections until it is dropped, which ends all of them.
pub(super) async fn serve(listener: TcpListener, places: Places, handler: Arc<Handler>) {
    let open = Arc::new(Open { places, clients: Mutex::default() });
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "a DNS connection could not be taken");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(place) = open.take(client.ip()) else {
            handler.counters.turned_away();
            continue;
        };
        let handler = handler.clone();
        connections.spawn(async move {
            handler.counters.set_connections(place.open.count());
            if let Err(error) = converse(stream, client, &place, &handler).await {
                tracing::debug!(%client, %error, "a DNS connection ended");
            }
            let open = place.open.clone();
            drop(place);
            handler.counters.set_connections(open.count());
        });
    }
}

/// Answers one message after the other, in their order.
async fn converse(
    mut stream: TcpStream,
    client: SocketAddr,
    place: &Place,
    handler: &Handler,
) -> io::Result<()> {
    // Answers are whole when they are written.
    stream.set_nodelay(true)?;
    loop {
        let idle = if place.open.is_busy() { IDLE_WHEN_BUSY } else { IDLE };
        let Some(message) = timeout(idle, next_message(&mut stream)).await?? else { return Ok(()) };
        if let Some(mut transfer) = handler.transfer(&message, client) {
            while let Some(reply) = transfer.next().await? {
                timeout(IDLE, write(&mut stream, &reply)).await??;
            }
        } else if let Some(reply) = handler.answer(message, client, Transport::Tcp).await {
            timeout(idle, write(&mut stream, &reply)).await??;
        }
    }
}

async fn write(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes()[..], message].concat()).await
}

/// The next message, `None` at the end.
async fn next_message(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    let length = match stream.read_u16().await {
        Ok(length) => length,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut message = vec![0; usize::from(length)];
    stream.read_exact(&mut message).await?;
    Ok(Some(message))
}

struct Open {
    places: Places,
    clients: Mutex<HashMap<IpAddr, usize>>,
}

/// One connection's; free again when it is dropped.
struct Place {
    open: Arc<Open>,
    client: IpAddr,
}

impl Open {
    fn take(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let client = match client.to_canonical() {
            ip @ IpAddr::V4(_) => ip,
            // One host has as many addresses as it likes.
            ip @ IpAddr::V6(_) => IpAddr::V6(network(ip).into()),
        };
        let mut clients = self.clients();
        if clients.values().sum::<usize>() >= self.places.in_all {
            return None;
        }
        let count = clients.entry(client).or_default();
        if *count >= self.places.per_client {
            return None;
        }
        *count += 1;
        drop(clients);
        Some(Place { open: self.clone(), client })
    }

    fn count(&self) -> usize {
        self.clients().values().sum()
    }

    fn is_busy(&self) -> bool {
        self.count() > self.places.in_all / 2
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self.open.clients();
        if let Some(count) = clients.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&self.client);
            }
        }
    }
}
