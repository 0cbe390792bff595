//! DNS over TCP (RFC 7766): frames, bounded in number and time, and transfers.

use super::{
    limit::network,
    listen::Handler,
    transfer::{self, Sink},
    tsig::Proof,
};
use async_trait::async_trait;
use hickory_proto::{
    op::{Header, HeaderCounts, MessageType, Metadata, ResponseCode},
    rr::Record,
    serialize::binary::{BinDecodable as _, BinDecoder, BinEncodable as _, BinEncoder},
};
use hickory_server::{
    net::{NetError, xfer::Protocol},
    server::{Request, ResponseHandler, ResponseInfo},
    zone_handler::MessageResponse,
};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{self, AsyncReadExt as _, AsyncWriteExt as _, BufWriter},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

/// How long a silent connection is kept, and how long a message may take to
/// arrive (RFC 7766 §6.2.3); less while more than half of the places are taken.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_WHEN_BUSY: Duration = Duration::from_secs(2);

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Places {
    pub(super) in_all: usize,
    /// With one address (RFC 7766 §6.2.2 asks clients for few); in IPv6 with one
    /// network.
    pub(super) per_client: usize,
}

/// Answers on `listener`. Dropping the future ends all connections.
pub(super) async fn serve(listener: TcpListener, places: Places, handler: Arc<Handler>) {
    let open = Arc::new(Open { places, clients: Mutex::default() });
    let mut connections = JoinSet::new();
    loop {
        // What is done is forgotten.
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, from)) => {
                let Some(place) = open.place(from.ip()) else {
                    handler.counters.turned_away();
                    continue;
                };
                let handler = handler.clone();
                connections.spawn(async move {
                    handler.counters.set_connections(place.open.count());
                    if let Err(error) = converse(stream, from, &place, &handler).await {
                        tracing::debug!(%error, %from, "a DNS connection ended early");
                    }
                    let open = place.open.clone();
                    drop(place);
                    handler.counters.set_connections(open.count());
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: it passes.
                tracing::warn!(%error, "a DNS connection cannot be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Connections by client.
#[derive(Debug)]
struct Open {
    places: Places,
    clients: Mutex<HashMap<IpAddr, usize>>,
}

struct Place {
    open: Arc<Open>,
    client: IpAddr,
}

impl Open {
    fn place(self: &Arc<Self>, client: IpAddr) -> Option<Place> {
        let client = match client.to_canonical() {
            ip @ IpAddr::V4(_) => ip,
            // One host has as many addresses as it likes.
            ip @ IpAddr::V6(_) => IpAddr::V6(network(ip).into()),
        };
        let mut clients = self.clients();
        let of_client = clients.get(&client).copied().unwrap_or_default();
        if clients.values().sum::<usize>() >= self.places.in_all || of_client >= self.places.per_client {
            return None;
        }
        clients.insert(client, of_client + 1);
        drop(clients);
        Some(Place { open: self.clone(), client })
    }

    fn count(&self) -> usize {
        self.clients().values().sum()
    }

    fn patience(&self) -> Duration {
        if self.count() > self.places.in_all / 2 { PATIENCE_WHEN_BUSY } else { PATIENCE }
    }

    fn clients(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut clients = self.open.clients();
        match clients.get_mut(&self.client) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                clients.remove(&self.client);
            }
        }
    }
}

async fn converse(stream: TcpStream, from: SocketAddr, place: &Place, handler: &Handler) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let mut reader = io::BufReader::new(reader);
    let mut writer = Writer(BufWriter::new(writer));
    while let Some(message) = read_frame(&mut reader, place.open.patience()).await? {
        answer(message, from, handler, &mut writer).await?;
    }
    Ok(())
}

/// The next message; `None` when the client is done, or silent.
async fn read_frame(
    reader: &mut (impl io::AsyncRead + Unpin),
    patience: Duration,
) -> io::Result<Option<Vec<u8>>> {
    let frame = async {
        let length = match reader.read_u16().await {
            Ok(length) => usize::from(length),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut message = vec![0; length];
        reader.read_exact(&mut message).await?;
        Ok(Some(message))
    };
    timeout(patience, frame).await.unwrap_or(Ok(None))
}

async fn answer(
    message: Vec<u8>,
    from: SocketAddr,
    handler: &Handler,
    writer: &mut Writer,
) -> io::Result<()> {
    let header = Header::read(&mut BinDecoder::new(&message)).ok();
    // Answers are not answered, or two servers talk for ever.
    let Some(header) = header.filter(|header| header.metadata.message_type == MessageType::Query) else {
        return Ok(());
    };
    let Ok(request) = Request::from_bytes(message, from, Protocol::Tcp) else {
        handler.counters.answered(Protocol::Tcp, ResponseCode::FormErr);
        return writer.send(malformed(&header)?).await;
    };
    if let Some(transfers) = handler.transfers.as_ref().filter(|_| transfer::is_wanted(&request))
        && let Proof::Valid(chain) = handler.prove(&request)
    {
        return transfers.answer(&request, chain, writer).await;
    }
    let reply = Reply::default();
    handler.reply(&request, reply.clone()).await;
    match reply.take() {
        Some(message) => writer.send(message).await,
        None => Ok(()),
    }
}

/// FORMERR to what has a header and no more that can be read.
fn malformed(header: &Header) -> io::Result<Vec<u8>> {
    let mut metadata = Metadata::response_from_request(&header.metadata);
    metadata.response_code = ResponseCode::FormErr;
    let mut message = Vec::with_capacity(12);
    let header = Header { metadata, counts: HeaderCounts::default() };
    header.emit(&mut BinEncoder::new(&mut message)).map_err(io::Error::other)?;
    Ok(message)
}

struct Writer(BufWriter<tokio::net::tcp::OwnedWriteHalf>);

#[async_trait]
impl Sink for Writer {
    async fn send(&mut self, message: Vec<u8>) -> io::Result<()> {
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        let written = async {
            self.0.write_u16(length).await?;
            self.0.write_all(&message).await?;
            self.0.flush().await
        };
        timeout(PATIENCE, written).await.map_err(io::Error::from)?
    }
}

/// Takes an answer as octets.
#[derive(Clone, Default)]
struct Reply(Arc<Mutex<Option<Vec<u8>>>>);

impl Reply {
    fn take(&self) -> Option<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[async_trait]
impl ResponseHandler for Reply {
    async fn send_response<'a>(
        &mut self,
        response: MessageResponse<
            '_,
            'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
        >,
    ) -> Result<ResponseInfo, NetError> {
        let mut octets = Vec::with_capacity(512);
        let mut encoder = BinEncoder::new(&mut octets);
        encoder.set_max_size(u16::MAX);
        let info = response.destructive_emit(&mut encoder)?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(octets);
        Ok(info)
    }
}
