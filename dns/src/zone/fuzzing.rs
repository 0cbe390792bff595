//! The listener without its sockets.

use super::{answer::Answers, listen::Handler};
use futures_util::StreamExt as _;
use hickory_server::{
    net::{BufDnsStreamHandle, runtime::TokioTime, xfer::Protocol},
    server::{Request, RequestHandler as _, ResponseHandle},
};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

/// Answers one message at a time.
pub struct Listener {
    handler: Handler,
}

impl Listener {
    /// One that asks `zone` for the answers.
    #[must_use]
    pub fn new(zone: Arc<dyn Answers>) -> Self {
        Self { handler: Handler { zone, transfers: None } }
    }

    /// What is sent back to these octets; `None` for those that the server
    /// library answers or drops by itself. Inside a Tokio runtime.
    pub async fn answer(&self, octets: &[u8], tcp: bool) -> Option<Vec<u8>> {
        let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
        let protocol = if tcp { Protocol::Tcp } else { Protocol::Udp };
        let request = Request::from_bytes(octets.to_vec(), client, protocol).ok()?;
        let (out, mut sent) = BufDnsStreamHandle::new(client);
        let out = ResponseHandle::new(client, out, protocol);
        self.handler.handle_request::<_, TokioTime>(&request, out).await;
        sent.next().await.map(|message| message.into_parts().0)
    }
}
