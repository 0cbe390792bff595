//! The listener without its sockets.

use super::{answer::Answers, listen::Handler, request::Transport};
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
        Self { handler: Handler::new(zone, None, None) }
    }

    /// What is sent back to these octets; `None` where nothing is. Inside a
    /// Tokio runtime.
    pub async fn answer(&self, octets: &[u8], tcp: bool) -> Option<Vec<u8>> {
        let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
        let transport = if tcp { Transport::Tcp } else { Transport::Udp };
        self.handler.answer(octets.to_vec(), client, transport).await
    }
}
