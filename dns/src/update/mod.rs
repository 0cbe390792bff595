//! Writing into a zone by DNS UPDATE (RFC 2136), signed with TSIG (RFC 8945).
//!
//! All changes of one call are one message: the server does all of them or
//! none. What was read when they were planned goes along as prerequisites, so
//! that a zone that has changed since is left as it is.
//!
//! Over TCP, one connection for one message: an answer that gets lost is then
//! rare, and no address can be forged. Every wait has an end. A success counts
//! only when the answer is signed with the same key.

mod message;
#[cfg(test)]
mod tests;

use self::message::{query, update};
use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{
        Name as WireName, TSigner,
        rdata::tsig::{TsigAlgorithm, TsigError},
    },
};
use signet_core::{names::Name, publish::Change};
use std::{fmt, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the answer to a message may take. A server writes an update to disk
/// before it answers.
const ANSWER: Duration = Duration::from_secs(15);
/// Octets of an answer; those to an update have no records.
const LONGEST: usize = 16 * 1024;
/// Seconds by which our clock and the server's may differ (RFC 8945 §10).
const FUDGE: u16 = 300;

/// How messages are signed. The older and the truncated ones are left out
/// (RFC 8945 §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// `hmac-sha256`
    HmacSha256,
    /// `hmac-sha384`
    HmacSha384,
    /// `hmac-sha512`
    HmacSha512,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HmacSha256, Self::HmacSha384, Self::HmacSha512];

    /// As in a server's configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }
}

/// A TSIG key.
#[derive(Clone)]
pub struct Key(TSigner);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.signer_name())
    }
}

impl Key {
    /// The key both sides know by this name. `None` for a name that does not fit
    /// into a message.
    #[must_use]
    pub fn new(name: &Name, algorithm: Algorithm, secret: &[u8]) -> Option<Self> {
        let algorithm = match algorithm {
            Algorithm::HmacSha256 => TsigAlgorithm::HmacSha256,
            Algorithm::HmacSha384 => TsigAlgorithm::HmacSha384,
            Algorithm::HmacSha512 => TsigAlgorithm::HmacSha512,
        };
        let name = WireName::from_ascii(format!("{name}.")).ok()?;
        TSigner::new(secret.to_vec(), algorithm, name, FUDGE).ok().map(Self)
    }
}

/// Why nothing was written, or why nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpdateFailed {
    /// Nobody listens there, or not for us.
    #[error("it could not be reached: {0}")]
    Unreachable(String),
    /// It took the message and said nothing: it may have been carried out.
    #[error("it took the request and did not answer in time")]
    NoAnswer,
    /// What came back is no answer to what was asked, or not signed.
    #[error("its answer makes no sense: {0}")]
    Malformed(String),
    /// It does not know the key, or not this secret.
    #[error("it does not accept the key: {0}")]
    Key(&'static str),
    /// What was read when the changes were planned is no longer so.
    #[error("the zone has changed since it was read ({0})")]
    Changed(&'static str),
    /// There is something at a name where nothing was read.
    #[error(
        "there is something at a name where nothing was read (YXDOMAIN): it is new, or of a type that is not asked \
         for, such as TLSA"
    )]
    NameInUse,
    /// The key may not write these names, or the server takes no updates.
    #[error("it refuses: {0}")]
    Refused(&'static str),
    /// Any other response code.
    #[error("it answered {0}")]
    Rcode(String),
}

impl UpdateFailed {
    /// Whether it is certain that nothing was written.
    #[must_use]
    pub fn nothing_written(&self) -> bool {
        !matches!(self, Self::NoAnswer | Self::Malformed(_))
    }
}

/// Carries out `changes`, which are all in `zone`: all of them, or none. Those
/// that write nothing are passed over. `now` is in seconds since 1970.
///
/// # Errors
/// [`UpdateFailed`]; see [`UpdateFailed::nothing_written`].
pub async fn send(
    server: SocketAddr,
    key: &Key,
    zone: &Name,
    changes: &[&Change],
    now: u64,
) -> Result<(), UpdateFailed> {
    let message = update(zone, changes).map_err(UpdateFailed::Malformed)?;
    exchange(server, key, message, now).await.map(drop)
}

/// Asks for the zone's SOA with a signed question: whether the server has the
/// zone and knows the key. Changes nothing. Whether the key may write is only
/// seen when writing.
///
/// # Errors
/// [`UpdateFailed`].
pub async fn probe(server: SocketAddr, key: &Key, zone: &Name, now: u64) -> Result<(), UpdateFailed> {
    let answer = exchange(server, key, query(zone).map_err(UpdateFailed::Malformed)?, now).await?;
    if answer.metadata.authoritative {
        return Ok(());
    }
    Err(UpdateFailed::Refused("it does not serve this zone (REFUSED or not authoritative)"))
}

async fn exchange(
    server: SocketAddr,
    key: &Key,
    mut message: Message,
    now: u64,
) -> Result<Message, UpdateFailed> {
    let broken = |error: hickory_proto::ProtoError| UpdateFailed::Malformed(error.to_string());
    let verifier = message.finalize(&key.0, now).map_err(broken)?;
    let octets = message.to_vec().map_err(broken)?;
    let unreachable = |error: std::io::Error| UpdateFailed::Unreachable(error.to_string());
    let connected = timeout(CONNECT, TcpStream::connect(server)).await;
    let late = || UpdateFailed::Unreachable("connecting took too long".to_string());
    let mut stream = connected.map_err(|_| late())?.map_err(unreachable)?;
    let answer = timeout(ANSWER, talk(&mut stream, &octets)).await.map_err(|_| UpdateFailed::NoAnswer)??;

    let read = Message::from_vec(&answer).map_err(|error| UpdateFailed::Malformed(error.to_string()))?;
    if read.metadata.id != message.metadata.id
        || read.metadata.message_type != MessageType::Response
        || read.metadata.op_code != message.metadata.op_code
    {
        return Err(UpdateFailed::Malformed("it answers something else".to_string()));
    }
    // An answer to a key that is not known cannot be signed (RFC 8945 §5.2).
    if let Some(refused) = read.signature().and_then(|tsig| tsig.data.error).and_then(key_refused) {
        return Err(refused);
    }
    let signed = read.signature().is_some_and(|tsig| tsig.data.time >= u64::from(tsig.data.fudge));
    let verified = signed && verifier.is_some_and(|mut verifier| verifier.verify(&answer).is_ok());
    match read.metadata.response_code {
        ResponseCode::NoError if verified => Ok(read),
        ResponseCode::NoError => Err(UpdateFailed::Malformed("it is not signed with the key".to_string())),
        code => Err(refusal(code)),
    }
}

async fn talk(stream: &mut TcpStream, octets: &[u8]) -> Result<Vec<u8>, UpdateFailed> {
    let length = u16::try_from(octets.len())
        .map_err(|_| UpdateFailed::Malformed("the changes do not fit into one message".to_string()))?;
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(octets);
    let gone = |_| UpdateFailed::NoAnswer;
    stream.write_all(&framed).await.map_err(|error| UpdateFailed::Unreachable(error.to_string()))?;
    let length = usize::from(stream.read_u16().await.map_err(gone)?);
    if length > LONGEST {
        return Err(UpdateFailed::Malformed("it is far too long".to_string()));
    }
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).await.map_err(gone)?;
    Ok(answer)
}

/// What a server says of our key (RFC 8945 §3).
fn key_refused(error: TsigError) -> Option<UpdateFailed> {
    Some(UpdateFailed::Key(match error {
        TsigError::Unknown(0) => return None,
        TsigError::BadSig => "the secret is another one, or the algorithm (BADSIG)",
        TsigError::BadKey => "it knows no key of this name with this algorithm (BADKEY)",
        TsigError::BadTime => "its clock and ours differ by more than five minutes (BADTIME)",
        TsigError::BadTrunc | TsigError::Unknown(_) => "for a reason of its own",
    }))
}

/// RFC 2136 §2.2.
fn refusal(code: ResponseCode) -> UpdateFailed {
    match code {
        ResponseCode::NXDomain => UpdateFailed::Changed("NXDOMAIN: a name is gone"),
        ResponseCode::YXDomain => UpdateFailed::NameInUse,
        ResponseCode::YXRRSet => UpdateFailed::Changed("YXRRSET: there are records that were not there"),
        ResponseCode::NXRRSet => UpdateFailed::Changed("NXRRSET: records are others than those read"),
        ResponseCode::Refused => {
            UpdateFailed::Refused("the key may not change these names, or updates are off (REFUSED)")
        }
        ResponseCode::NotAuth => UpdateFailed::Refused("it is not the primary server of the zone (NOTAUTH)"),
        ResponseCode::NotZone => UpdateFailed::Refused("a name is in another zone (NOTZONE)"),
        ResponseCode::NotImp => UpdateFailed::Refused("it does not know DNS UPDATE (NOTIMP)"),
        code => UpdateFailed::Rcode(code.to_string()),
    }
}
