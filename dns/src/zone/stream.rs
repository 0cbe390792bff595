//! DNS over TCP (RFC 7766): frames, bounded in number and time, and transfers.

use super::{
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
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{self, AsyncReadExt as _, AsyncWriteExt as _, BufWriter},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::timeout,
};

/// How long a silent connection is kept, how long a message may take to arrive
/// (RFC 7766 §6.2.3), and how long one may take to leave.
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at one time.
const CONNECTIONS: usize = 1024;
/// Connections at one time with one address (RFC 7766 §6.2.2 asks clients for
/// few).
const PER_ADDRESS: usize = 64;

/// Answers on `listener`. Dropping the future ends all connections.
pub(super) async fn serve(listener: TcpListener, handler: Handler) {
    let open = Arc::new(Open::default());
    let mut connections = JoinSet::new();
    loop {
        // What is done is forgotten.
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, from)) => {
                let Some(place) = open.place(from.ip()) else { continue };
                let handler = handler.clone();
                connections.spawn(async move {
                    let _place = place;
                    if let Err(error) = converse(stream, from, &handler).await {
                        tracing::debug!(%error, %from, "a DNS connection ended early");
                    }
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

/// Connections by address.
#[derive(Debug, Default)]
struct Open(Mutex<HashMap<IpAddr, usize>>);

struct Place {
    open: Arc<Open>,
    address: IpAddr,
}

impl Open {
    fn place(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let of_address = open.entry(address).or_default();
        if all >= CONNECTIONS || *of_address >= PER_ADDRESS {
            return None;
        }
        *of_address += 1;
        Some(Place { open: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.0.lock().unwrap_or_else(PoisonError::into_inner);
        match open.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                open.remove(&self.address);
            }
        }
    }
}

async fn converse(stream: TcpStream, from: SocketAddr, handler: &Handler) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, writer) = stream.into_split();
    let mut reader = io::BufReader::new(reader);
    let mut writer = Writer(BufWriter::new(writer));
    while let Some(message) = read_frame(&mut reader).await? {
        answer(message, from, handler, &mut writer).await?;
    }
    Ok(())
}

/// The next message; `None` when the client is done, or silent.
async fn read_frame(reader: &mut (impl io::AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
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
    timeout(PATIENCE, frame).await.unwrap_or(Ok(None))
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
