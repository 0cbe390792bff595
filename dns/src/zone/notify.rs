//! Telling other name servers that our zone has changed (RFC 1996).

use super::{own::OwnZone, tsig::TsigKey};
use hickory_proto::{
    op::{Message, MessageType, OpCode, Query, ResponseCode},
    rr::{DNSClass, RecordType},
};
use signet_core::names::Name;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::{net::UdpSocket, time::timeout};

/// How long each try waits for the answer (RFC 1996 §3.6 has them grow).
const WAITS: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
    Duration::from_secs(8),
    Duration::from_secs(16),
];

/// Why a secondary could not be told.
#[derive(Debug, thiserror::Error)]
pub enum NotifyFailed {
    /// Nobody there, or nobody who signs.
    #[error("no answer to NOTIFY")]
    Silent,
    /// It wants none of it.
    #[error("NOTIFY was answered with {0}")]
    Refused(ResponseCode),
    /// The zone is not ours.
    #[error("no such zone")]
    NoSuchZone,
    /// The network.
    #[error("NOTIFY cannot be sent: {0}")]
    Network(#[from] io::Error),
}

/// Tells `secondary` that the zone at `apex` has changed, signed with `key`;
/// returns once it has said that it heard. It leaves from `source` where that is an
/// address of the same family, since secondaries look at that, too. `clock` gives
/// seconds since 1970, `id` is the message's.
///
/// # Errors
/// [`NotifyFailed`], after half a minute of tries.
pub async fn notify(
    zone: &OwnZone,
    apex: &Name,
    secondary: SocketAddr,
    source: Option<IpAddr>,
    key: &TsigKey,
    clock: &(dyn Fn() -> u64 + Send + Sync),
    id: u16,
) -> Result<(), NotifyFailed> {
    let soa = zone.soa_of(apex).ok_or(NotifyFailed::NoSuchZone)?;
    let mut message = Message::new(id, MessageType::Query, OpCode::Notify);
    message.metadata.authoritative = true;
    let mut question = Query::query(soa.name.clone(), RecordType::SOA);
    question.set_query_class(DNSClass::IN);
    message.add_query(question);
    message.add_answer(soa);
    let plain = message.to_vec().map_err(io::Error::other)?;
    let any: IpAddr =
        if secondary.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let source = source.filter(|source| source.is_ipv4() == any.is_ipv4()).unwrap_or(any);
    let socket = UdpSocket::bind((source, 0)).await?;
    socket.connect(secondary).await?;
    let mut buffer = vec![0; 4096];
    for wait in WAITS {
        let mut octets = plain.clone();
        let mut chain = key.ask(&mut octets, id, clock()).map_err(io::Error::other)?;
        // A port nobody listens on is told by the error of the next call.
        let received = async {
            socket.send(&octets).await?;
            loop {
                let length = socket.recv(&mut buffer).await?;
                let answer = &buffer[..length];
                if let Some(code) = answer_to(answer, id).filter(|_| chain.accepts(answer, clock())) {
                    return io::Result::Ok(code);
                }
            }
        };
        match timeout(wait, received).await {
            Ok(Ok(ResponseCode::NoError)) => return Ok(()),
            Ok(Ok(code)) => return Err(NotifyFailed::Refused(code)),
            Ok(Err(_)) => tokio::time::sleep(wait).await,
            Err(_) => {}
        }
    }
    Err(NotifyFailed::Silent)
}

/// The code in an answer to the NOTIFY with this id.
fn answer_to(octets: &[u8], id: u16) -> Option<ResponseCode> {
    let message = Message::from_vec(octets).ok()?;
    let metadata = &message.metadata;
    (metadata.id == id
        && metadata.message_type == MessageType::Response
        && metadata.op_code == OpCode::Notify)
        .then_some(metadata.response_code)
}
