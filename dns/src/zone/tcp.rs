//! Questions over TCP (RFC 7766), on no more connections than there are places.

use super::{counters::Counters, limit::network, listen::Handler, request::Transport};
use std::{
    collections::{BTreeMap, HashMap},
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::{AbortHandle, JoinSet},
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
    let open = Arc::new(Open { places, taken: Mutex::default(), counters: handler.counters.clone() });
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
        let key = place.key;
        let handler = handler.clone();
        let task = connections.spawn(async move {
            if let Err(error) = converse(stream, client, &place, &handler).await {
                tracing::debug!(%client, %error, "a DNS connection ended");
            }
        });
        open.holds(key, task);
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

/// A client, and the how manieth connection it is of all that ever were.
type Key = (IpAddr, u64);

struct Open {
    places: Places,
    taken: Mutex<Taken>,
    /// Told how many are open while `taken` is locked, so that the last word is
    /// the last change's.
    counters: Arc<Counters>,
}

#[derive(Default)]
struct Taken {
    /// The connections of each client, the oldest first; `None` for a moment,
    /// until its task runs.
    clients: HashMap<IpAddr, BTreeMap<u64, Option<AbortHandle>>>,
    in_all: usize,
    so_far: u64,
}

impl Taken {
    fn of(&self, client: IpAddr) -> usize {
        self.clients.get(&client).map_or(0, BTreeMap::len)
    }

    fn free(&mut self, (client, number): Key) -> Option<AbortHandle> {
        let held = self.clients.get_mut(&client)?;
        let task = held.remove(&number)?;
        if held.is_empty() {
            self.clients.remove(&client);
        }
        self.in_all -= 1;
        task
    }

    /// Ends the oldest connection of whoever has most, so that `client`, who has
    /// fewer even with one more, finds a place; whether there is one.
    fn make_room(&mut self, client: IpAddr) -> bool {
        let most = self.clients.iter().max_by_key(|(_, held)| held.len());
        let Some((&from, held)) = most.filter(|(_, held)| held.len() > self.of(client) + 1) else {
            return false;
        };
        let Some((&oldest, _)) = held.first_key_value() else { return false };
        if let Some(task) = self.free((from, oldest)) {
            task.abort();
        }
        true
    }
}

/// One connection's; free again when it is dropped.
struct Place {
    open: Arc<Open>,
    key: Key,
}

impl Open {
    fn take(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let client = match client.to_canonical() {
            ip @ IpAddr::V4(_) => ip,
            // One host has as many addresses as it likes.
            ip @ IpAddr::V6(_) => IpAddr::V6(network(ip).into()),
        };
        let mut taken = self.taken();
        if taken.of(client) >= self.places.per_client
            || taken.in_all >= self.places.in_all && !taken.make_room(client)
        {
            return None;
        }
        taken.so_far += 1;
        taken.in_all += 1;
        let key = (client, taken.so_far);
        taken.clients.entry(client).or_default().insert(key.1, None);
        self.counters.set_connections(taken.in_all);
        drop(taken);
        Some(Place { open: self.clone(), key })
    }

    /// The connection at this place is served by this task.
    fn holds(&self, (client, number): Key, task: AbortHandle) {
        let mut taken = self.taken();
        if let Some(held) = taken.clients.get_mut(&client).and_then(|held| held.get_mut(&number)) {
            *held = Some(task);
        }
    }

    fn count(&self) -> usize {
        self.taken().in_all
    }

    fn is_busy(&self) -> bool {
        self.count() > self.places.in_all / 2
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.open.taken();
        taken.free(self.key);
        self.open.counters.set_connections(taken.in_all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_how_many_are_open_is_right() {
        let counters = Arc::new(Counters::default());
        let places = Places { in_all: 100, per_client: 100 };
        let open = Arc::new(Open { places, taken: Mutex::default(), counters: counters.clone() });
        let at = IpAddr::from([127, 0, 0, 1]);
        let held = open.take(at);
        assert_eq!(counters.connections(), 1, "from the moment it has its place");
        for _ in 0..500 {
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| (0..20).for_each(|_| drop(open.take(at))));
                }
            });
            assert_eq!(counters.connections(), 1);
        }
        drop(held);
        assert_eq!(counters.connections(), 0);
    }
}
