//! The listener without its sockets.

use super::{listen::Handler, own::OwnZone, request::Transport, transfer::Transfers, tsig::TsigKey};
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

/// Seconds since 1970, always.
const NOW: u64 = 1_800_000_000;

/// Answers one message at a time.
pub struct Listener {
    handler: Handler,
    key: TsigKey,
}

impl Listener {
    /// One that asks `zone` for the answers, and transfers it to whoever knows `key`.
    #[must_use]
    pub fn new(zone: Arc<OwnZone>, key: TsigKey) -> Self {
        let transfers = Transfers::new(zone.clone(), key.clone(), Arc::new(|| NOW));
        Self { handler: Handler::new(zone, None, Some(Arc::new(transfers))), key }
    }

    /// What is sent back to these octets: nothing, one message, or those of a
    /// transfer. Inside a Tokio runtime.
    pub async fn answer(&self, octets: &[u8], tcp: bool) -> Vec<Vec<u8>> {
        let client = SocketAddr::from((Ipv4Addr::LOCALHOST, 53));
        if !tcp {
            return self.handler.answer(octets.to_vec(), client, Transport::Udp).await.into_iter().collect();
        }
        let Some(mut transfer) = self.handler.transfer(octets, client) else {
            return self.handler.answer(octets.to_vec(), client, Transport::Tcp).await.into_iter().collect();
        };
        let mut sent = Vec::new();
        // A source that fails ends the connection.
        while let Ok(Some(message)) = transfer.next().await {
            sent.push(message);
        }
        sent
    }

    /// The same of one who knows the key: the octets with their signature, what is
    /// sent back, and whether all of that is signed as it should be. Octets that
    /// are no message stay as they are.
    pub async fn answer_signed(&self, octets: &[u8], tcp: bool) -> (Vec<u8>, Vec<Vec<u8>>, bool) {
        let mut signed = octets.to_vec();
        let id = octets.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
        let chain = self.key.ask(&mut signed, id, NOW);
        let sent = self.answer(&signed, tcp).await;
        let proven = chain.is_ok_and(|mut chain| sent.iter().all(|message| chain.accepts(message, NOW)));
        (signed, sent, proven)
    }
}
