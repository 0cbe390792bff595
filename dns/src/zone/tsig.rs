//! Messages that prove who sent them (RFC 8945).

use hickory_proto::{
    ProtoError,
    dnssec::DnsSecError,
    rr::{
        Name, Record, TSigResponseContext, TSigner,
        rdata::tsig::{TSIG, TsigAlgorithm, TsigError, make_tsig_record, signed_bitmessage_to_buf},
    },
    serialize::binary::{BinEncodable as _, BinEncoder},
};
use std::fmt;

/// How far two clocks may be apart, in seconds (RFC 8945 §10).
const FUDGE: u16 = 300;
/// Octets of the ARCOUNT's place in a message (RFC 1035 §4.1.1).
const ARCOUNT: std::ops::Range<usize> = 10..12;

/// A key that two servers share.
#[derive(Clone)]
pub struct TsigKey(TSigner);

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TsigKey({})", self.0.signer_name())
    }
}

/// Why a text is no TSIG key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTsigKey {
    /// Not a DNS name.
    #[error("the key's name is no DNS name")]
    Name,
    /// Truncated or broken algorithms among them.
    #[error("the algorithm must be hmac-sha256, hmac-sha384 or hmac-sha512")]
    Algorithm,
    /// RFC 8945 §6.1 wants as many octets as the hash has; half is refused here.
    #[error("the secret is too short: it must have at least 16 octets")]
    Short,
}

impl TsigKey {
    /// A key.
    ///
    /// # Errors
    /// [`BadTsigKey`] says what of it is wrong.
    pub fn new(name: &str, algorithm: &str, secret: &[u8]) -> Result<Self, BadTsigKey> {
        let mut name = Name::from_ascii(name).map_err(|_| BadTsigKey::Name)?.to_lowercase();
        name.set_fqdn(true);
        if name.is_root() {
            return Err(BadTsigKey::Name);
        }
        let algorithm = match algorithm {
            "hmac-sha256" => TsigAlgorithm::HmacSha256,
            "hmac-sha384" => TsigAlgorithm::HmacSha384,
            "hmac-sha512" => TsigAlgorithm::HmacSha512,
            _ => return Err(BadTsigKey::Algorithm),
        };
        if secret.len() < 16 {
            return Err(BadTsigKey::Short);
        }
        let signer = TSigner::new(secret.to_vec(), algorithm, name, FUDGE);
        signer.map(Self).map_err(|_| BadTsigKey::Algorithm)
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> String {
        self.0.signer_name().to_ascii()
    }

    /// Signs a message of our own, to which an answer is expected: what that
    /// is to be verified with.
    ///
    /// # Errors
    /// When the message cannot be written.
    pub(super) fn ask(&self, message: &mut Vec<u8>, id: u16, now: u64) -> Result<Chain, ProtoError> {
        let mut chain = Chain { key: self.clone(), previous: None, first: true };
        chain.sign(message, id, now)?;
        Ok(Chain { first: true, ..chain })
    }
}

/// What a request proves.
pub(super) enum Proof {
    /// Nothing, and does not try to.
    None,
    /// That it comes from who knows the key.
    Valid(Chain),
    /// It tries to, and fails: NOTAUTH, with this signature (RFC 8945 §5.2).
    Failed(Signature),
}

/// What an answer is signed with.
pub(super) enum Signature {
    /// The key that the request was signed with; the request's id.
    Right(Chain, u16),
    /// The same, and that the request has this for the time.
    BadTime(Chain, u16, u64),
    /// Nothing: there is no such key, or it did not sign the request.
    Nothing(TSigResponseContext),
}

impl Signature {
    /// Adds itself to a whole message at `now`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(self, message: &mut Vec<u8>, now: u64) -> Result<(), ProtoError> {
        match self {
            Self::Right(mut chain, id) => chain.sign(message, id, now),
            Self::BadTime(mut chain, id, theirs) => {
                // RFC 8945 §5.2.3: their time, and ours beside it in 48 bits.
                let ours = now.to_be_bytes()[2..].to_vec();
                let algorithm = chain.key.0.algorithm().clone();
                let error = Some(TsigError::BadTime);
                chain.sign_as(message, TSIG::new(algorithm, theirs, FUDGE, Vec::new(), id, error, ours))
            }
            Self::Nothing(context) => append(message, &*context.sign(message)?),
        }
    }
}

/// What the request `message` proves at `now`, in seconds since 1970.
/// `signature` is the TSIG record at its end.
pub(super) fn prove(
    key: Option<&TsigKey>,
    message: &[u8],
    signature: Option<&Record<TSIG>>,
    now: u64,
) -> Proof {
    let Some(signature) = signature else {
        return Proof::None;
    };
    let tsig = &signature.data;
    let known = key.filter(|TsigKey(signer)| {
        signature.name.to_lowercase() == *signer.signer_name() && tsig.algorithm == *signer.algorithm()
    });
    let Some(key) = known else {
        let context = TSigResponseContext::unknown_key(tsig.oid, now, signature.name.clone());
        return Proof::Failed(Signature::Nothing(context));
    };
    if verify(&key.0, message, None, true).is_err() {
        let context = TSigResponseContext::bad_signature(tsig.oid, now, key.0.clone());
        return Proof::Failed(Signature::Nothing(context));
    }
    let chain = Chain { key: key.clone(), previous: Some(tsig.mac.clone()), first: true };
    if now.abs_diff(tsig.time) > u64::from(tsig.fudge.min(FUDGE)) {
        return Proof::Failed(Signature::BadTime(chain, tsig.oid, tsig.time));
    }
    Proof::Valid(chain)
}

/// The signature's own octets, where it is right. Truncated ones are not taken
/// (RFC 8945 §5.2.2.1 leaves that to us).
fn verify(
    signer: &TSigner,
    message: &[u8],
    previous: Option<&[u8]>,
    first: bool,
) -> Result<Record<TSIG>, DnsSecError> {
    let (signed, record) = signed_bitmessage_to_buf(message, previous, first)?;
    let whole = match signer.algorithm() {
        TsigAlgorithm::HmacSha384 => 48,
        TsigAlgorithm::HmacSha512 => 64,
        _ => 32,
    };
    if record.data.mac.len() != whole {
        return Err(DnsSecError::TsigWrongKey);
    }
    signer.verify(&signed, &record.data.mac)?;
    Ok(*record)
}

/// A request and the messages that answer it, each signed over the one before
/// (RFC 8945 §5.3.1).
pub(super) struct Chain {
    key: TsigKey,
    /// The signature of the message before; there is none before a request.
    previous: Option<Vec<u8>>,
    /// Whether the next is the first answer.
    first: bool,
}

impl Chain {
    /// Adds a signature to a whole message.
    ///
    /// # Errors
    /// When it cannot be written, which leaves the message as it is.
    pub(super) fn sign(&mut self, message: &mut Vec<u8>, id: u16, now: u64) -> Result<(), ProtoError> {
        let algorithm = self.key.0.algorithm().clone();
        self.sign_as(message, TSIG::new(algorithm, now, FUDGE, Vec::new(), id, None, Vec::new()))
    }

    /// The same, with what the signature is to say beside itself.
    fn sign_as(&mut self, message: &mut Vec<u8>, stub: TSIG) -> Result<(), ProtoError> {
        let (TsigKey(signer), now) = (&self.key, stub.time);
        let mut signed = Vec::with_capacity(message.len() + 256);
        let mut encoder = BinEncoder::new(&mut signed);
        if let Some(previous) = &self.previous {
            encoder.emit_u16(u16::try_from(previous.len()).unwrap_or(0))?;
            encoder.emit_vec(previous)?;
        }
        encoder.emit_vec(message)?;
        if self.first {
            stub.emit_tsig_for_mac(&mut encoder, signer.signer_name())?;
        } else {
            // RFC 8945 §5.3.1: of those that follow the timers alone.
            encoder.emit_u16(u16::try_from(now >> 32 & 0xffff).unwrap_or(0))?;
            encoder.emit_u32(u32::try_from(now & 0xffff_ffff).unwrap_or(0))?;
            encoder.emit_u16(FUDGE)?;
        }
        let mac = signer.sign(&signed).map_err(|error| ProtoError::from(error.to_string()))?;
        append(message, &make_tsig_record(signer.signer_name().clone(), stub.set_mac(mac.clone())))?;
        self.previous = Some(mac);
        self.first = false;
        Ok(())
    }

    /// Whether `message` is the answer, signed.
    pub(super) fn accepts(&mut self, message: &[u8], now: u64) -> bool {
        match verify(&self.key.0, message, self.previous.as_deref(), self.first) {
            Ok(record) => {
                self.previous = Some(record.data.mac.clone());
                self.first = false;
                now.abs_diff(record.data.time) <= u64::from(FUDGE) && record.data.error.is_none()
            }
            Err(_) => false,
        }
    }
}

/// Adds a signature.
///
/// # Errors
/// When it cannot be written.
fn append(message: &mut Vec<u8>, record: &Record<TSIG>) -> Result<(), ProtoError> {
    let count = message
        .get(ARCOUNT)
        .and_then(|octets| octets.try_into().ok())
        .map(u16::from_be_bytes)
        .and_then(|count| count.checked_add(1))
        .ok_or_else(|| ProtoError::from("no DNS message to sign"))?;
    let mut tail = Vec::with_capacity(256);
    record.emit(&mut BinEncoder::new(&mut tail))?;
    message.extend(tail);
    message[ARCOUNT].copy_from_slice(&count.to_be_bytes());
    Ok(())
}
