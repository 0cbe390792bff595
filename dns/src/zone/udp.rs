//! Questions over UDP.

use super::{listen::Handler, request::Transport};
use futures_util::poll;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use std::{
    io::{self, IoSliceMut},
    net::{IpAddr, SocketAddr},
    num::NonZero,
    sync::Arc,
    task::Poll,
    thread,
    time::Duration,
};
use tokio::{io::Interest, net::UdpSocket, task::JoinSet};

/// After a failure to read.
const PAUSE: Duration = Duration::from_millis(10);
/// The largest datagram there is, or as many as the kernel brings as one.
const DATAGRAM: usize = 65_535;
/// What may wait to be read, in octets: some thousand questions. The kernel may
/// allow less.
const WAITING: usize = 1 << 20;

/// The socket, which knows at which of our addresses a question came in: on a
/// wildcard address the answer must leave from there, or nobody takes it.
pub(super) struct Socket {
    udp: UdpSocket,
    state: UdpSocketState,
}

/// Whom an answer goes to, and from which of our addresses.
#[derive(Clone, Copy)]
struct Way {
    client: SocketAddr,
    ours: Option<IpAddr>,
}

impl Socket {
    /// # Errors
    /// When the system does not tell where datagrams came in.
    pub(super) fn new(udp: UdpSocket) -> io::Result<Self> {
        let state = UdpSocketState::new((&udp).into())?;
        if let Err(error) = state.set_recv_buffer_size((&udp).into(), WAITING) {
            tracing::debug!(%error, "the buffer for DNS questions stays small");
        }
        Ok(Self { udp, state })
    }

    async fn receive(&self, buffers: &mut [IoSliceMut<'_>], metas: &mut [RecvMeta]) -> io::Result<usize> {
        self.udp.async_io(Interest::READABLE, || self.state.recv((&self.udp).into(), buffers, metas)).await
    }

    async fn send(&self, way: Way, reply: Option<Vec<u8>>) {
        let Some(reply) = reply else { return };
        let Way { client, ours } = way;
        let transmit =
            Transmit { destination: client, ecn: None, contents: &reply, segment_size: None, src_ip: ours };
        let send = || self.state.try_send((&self.udp).into(), &transmit);
        if let Err(error) = self.udp.async_io(Interest::WRITABLE, send).await {
            tracing::debug!(%client, %error, "a DNS answer could not be sent");
        }
    }
}

/// Answers until it is dropped.
pub(super) async fn serve(socket: Socket, handler: Arc<Handler>) {
    let socket = Arc::new(socket);
    let mut readers = JoinSet::new();
    let count = thread::available_parallelism().map_or(1, NonZero::get);
    readers.extend((0..count).map(|_| read(socket.clone(), handler.clone())));
    // What one question does to its reader must not silence the others.
    while let Some(ended) = readers.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a reader of DNS questions stopped; another takes its place");
        }
        readers.spawn(read(socket.clone(), handler.clone()));
    }
}

/// Reads questions, many at a time when there are many. What can be answered
/// from memory, which is most of it, is answered on the spot; what waits for the
/// store waits aside. How many may wait is for whoever [answers](super::Answers)
/// to say.
async fn read(socket: Arc<Socket>, handler: Arc<Handler>) {
    let mut waiting = JoinSet::new();
    let mut memory = vec![0; DATAGRAM * BATCH_SIZE];
    let mut buffers: Vec<IoSliceMut<'_>> = memory.chunks_exact_mut(DATAGRAM).map(IoSliceMut::new).collect();
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    loop {
        while waiting.try_join_next().is_some() {}
        let count = match socket.receive(&mut buffers, &mut metas).await {
            Ok(count) => count,
            Err(error) => {
                tracing::debug!(%error, "DNS questions could not be received");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        for (meta, buffer) in metas.iter().zip(&buffers).take(count) {
            let way = Way { client: meta.addr, ours: meta.dst_ip };
            for datagram in buffer[..meta.len].chunks(meta.stride.max(1)) {
                let (handler, octets) = (handler.clone(), datagram.to_vec());
                let mut answer =
                    Box::pin(async move { handler.answer(octets, way.client, Transport::Udp).await });
                match poll!(&mut answer) {
                    Poll::Ready(reply) => socket.send(way, reply).await,
                    Poll::Pending => {
                        let socket = socket.clone();
                        waiting.spawn(async move { socket.send(way, answer.await).await });
                    }
                }
            }
        }
    }
}
