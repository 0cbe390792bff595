//! Questions over UDP.

use super::{listen::Handler, request::Transport};
use futures_util::poll;
use std::{io, net::SocketAddr, num::NonZero, sync::Arc, task::Poll, thread, time::Duration};
use tokio::{net::UdpSocket, task::JoinSet};

/// After a failure to read.
const PAUSE: Duration = Duration::from_millis(10);

/// Answers until it is dropped.
pub(super) async fn serve(socket: UdpSocket, handler: Arc<Handler>) {
    let socket = Arc::new(socket);
    let readers = thread::available_parallelism().map_or(1, NonZero::get);
    let readers: JoinSet<()> = (0..readers).map(|_| read(socket.clone(), handler.clone())).collect();
    readers.join_all().await;
}

/// Reads one datagram after the other. What can be answered from memory, which
/// is most of it, is answered on the spot; what waits for the store waits aside.
/// How many may wait is for whoever [answers](super::Answers) to say.
async fn read(socket: Arc<UdpSocket>, handler: Arc<Handler>) {
    let mut waiting = JoinSet::new();
    let mut buffer = vec![0; usize::from(u16::MAX)];
    loop {
        while waiting.try_join_next().is_some() {}
        let (length, client) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                tracing::debug!(%error, "a DNS question could not be received");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let handler = handler.clone();
        let octets = buffer[..length].to_vec();
        let mut answer = Box::pin(async move { handler.answer(octets, client, Transport::Udp).await });
        match poll!(&mut answer) {
            Poll::Ready(reply) => send(&socket, client, reply).await,
            Poll::Pending => {
                let socket = socket.clone();
                waiting.spawn(async move { send(&socket, client, answer.await).await });
            }
        }
    }
}

async fn send(socket: &UdpSocket, client: SocketAddr, reply: Option<Vec<u8>>) {
    let Some(reply) = reply else { return };
    match socket.send_to(&reply, client).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(error) => tracing::debug!(%client, %error, "a DNS answer could not be sent"),
    }
}
