//! The public key in a DKIM key record.

use super::{base64, der, lint};
use alloc::{format, string::String, vec::Vec};

/// rsaEncryption (RFC 8017 appendix A.1).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// id-Ed25519 (RFC 8410 §3).
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
/// Octets of an Ed25519 public key.
const ED25519_OCTETS: usize = 32;

/// A public key that mail can be verified with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublicKey {
    /// `k=rsa`.
    Rsa(RsaKey),
    /// `k=ed25519` (RFC 8463).
    Ed25519([u8; ED25519_OCTETS]),
}

/// An RSA public key. Two are equal when they are the same key, however they
/// were published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RsaKey {
    bits: u32,
    exponent: u64,
    /// The `RSAPublicKey` (RFC 8017 appendix A.1.1), DER; there is only one for
    /// a key.
    der: Vec<u8>,
}

impl RsaKey {
    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// The public exponent.
    #[must_use]
    pub fn exponent(&self) -> u64 {
        self.exponent
    }
}

/// How an RSA key was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As SubjectPublicKeyInfo (RFC 5280 §4.1), which everybody does and
    /// RFC 6376 appendix C shows.
    Spki,
    /// As the bare RSAPublicKey that RFC 6376 §3.6.1 asks for.
    Bare,
}

/// Why octets are no key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BadKey {
    /// They end before the key does.
    Cut,
    /// So many follow after the key.
    Trailing(usize),
    /// A private key, for everybody to read.
    Private,
    /// A good Ed25519 key in an SPKI; RFC 8463 §4.2 wants the 32 octets alone.
    WrappedEd25519([u8; ED25519_OCTETS]),
    /// A key of an algorithm that DKIM does not know.
    Algorithm,
    /// The exponent is even, 1, or larger than any verifier takes.
    Exponent,
    /// No key at all.
    Other,
}

impl From<der::Bad> for BadKey {
    fn from(bad: der::Bad) -> Self {
        match bad {
            der::Bad::Ends => Self::Cut,
            der::Bad::Other => Self::Other,
        }
    }
}

impl PublicKey {
    /// The key in a SubjectPublicKeyInfo (DER), RSA (RFC 3279 §2.3.1) or
    /// Ed25519 (RFC 8410 §4).
    #[must_use]
    pub fn from_spki(spki: &[u8]) -> Option<Self> {
        match read_der(spki) {
            Ok((key, Form::Spki)) => Some(Self::Rsa(key)),
            Err(BadKey::WrappedEd25519(key)) => Some(Self::Ed25519(key)),
            _ => None,
        }
    }

    /// The key type, as `k=` says it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa",
            Self::Ed25519(_) => "ed25519",
        }
    }

    /// Its size in bits: of the modulus, or 256 for Ed25519.
    #[must_use]
    pub fn bits(&self) -> u32 {
        match self {
            Self::Rsa(key) => key.bits,
            Self::Ed25519(_) => 256,
        }
    }

    /// The key record to publish for it, as one text without quotes; see
    /// [`super::split`] for how it goes into a zone.
    #[must_use]
    pub fn record_text(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.kind(), self.p())
    }

    /// The key in a key record, where the record is right.
    #[must_use]
    pub fn from_record(text: &str) -> Option<Self> {
        let lint = lint(&[text.as_bytes().to_vec()]);
        lint.key.filter(|_| lint.status.is_right())
    }

    /// The inverse of [`Self::from_spki`].
    #[must_use]
    pub fn to_spki(&self) -> Vec<u8> {
        // RFC 8410 §3 has no parameters, RFC 3279 §2.3.1 has NULL.
        let (algorithm, key) = match self {
            Self::Rsa(key) => {
                let mut algorithm = der::element(der::OBJECT_IDENTIFIER, RSA);
                algorithm.extend(der::element(der::NULL, &[]));
                (algorithm, &key.der[..])
            }
            Self::Ed25519(key) => (der::element(der::OBJECT_IDENTIFIER, ED25519), &key[..]),
        };
        // The octet in front counts the bits not used in the last one.
        let mut bits = Vec::from([0]);
        bits.extend_from_slice(key);
        let mut spki = der::element(der::SEQUENCE, &algorithm);
        spki.extend(der::element(der::BIT_STRING, &bits));
        der::element(der::SEQUENCE, &spki)
    }

    /// The value of `p=`.
    pub(super) fn p(&self) -> String {
        match self {
            Self::Rsa(_) => base64::encode(&self.to_spki()),
            // RFC 8463 §4.2: the 32 octets alone.
            Self::Ed25519(key) => base64::encode(key),
        }
    }

    /// The 32 octets of an Ed25519 key (RFC 8463 §4.2).
    pub(super) fn ed25519(octets: &[u8]) -> Option<Self> {
        octets.try_into().ok().map(Self::Ed25519)
    }
}

/// An RSA key as SPKI or bare.
pub(super) fn read_der(octets: &[u8]) -> Result<(RsaKey, Form), BadKey> {
    let mut whole = der::Reader::new(octets);
    let mut outer = match whole.sequence() {
        Ok(outer) => outer,
        Err(_) if is_private(octets) => return Err(BadKey::Private),
        Err(bad) => return Err(bad.into()),
    };
    let read = match outer.peek() {
        Some(der::SEQUENCE) => read_spki(outer).map(|key| (key, Form::Spki)),
        Some(der::INTEGER) if is_private(octets) => Err(BadKey::Private),
        Some(der::INTEGER) => match read_rsa(&mut outer, octets) {
            Ok(_) if !outer.is_empty() => Err(BadKey::Other),
            read => read.map(|key| (key, Form::Bare)),
        },
        _ => Err(BadKey::Other),
    };
    // What follows matters only behind something that is a key.
    match (read, whole.rest().len()) {
        (Ok(_) | Err(BadKey::WrappedEd25519(_)), extra @ 1..) => Err(BadKey::Trailing(extra)),
        (read, _) => read.map_err(inside),
    }
}

/// Whether these are a private key's first octets: a SEQUENCE that starts with
/// the version 0 (RFC 8017 appendix A.1.2, RFC 5208 §5), cut off or not.
fn is_private(octets: &[u8]) -> bool {
    let content = match octets {
        [der::SEQUENCE, 0x82, _, _, content @ ..] | [der::SEQUENCE, 0x81, _, content @ ..] => content,
        [der::SEQUENCE, _, content @ ..] => content,
        _ => return false,
    };
    content.starts_with(&[der::INTEGER, 1, 0])
}

/// Inside an element that is all there nothing has been cut off.
fn inside(bad: BadKey) -> BadKey {
    if bad == BadKey::Cut { BadKey::Other } else { bad }
}

fn read_spki(mut outer: der::Reader<'_>) -> Result<RsaKey, BadKey> {
    let mut algorithm = outer.sequence()?;
    let identifier = algorithm.element(der::OBJECT_IDENTIFIER)?;
    let bits = outer.element(der::BIT_STRING)?;
    let Some((0, content)) = bits.split_first() else {
        return Err(BadKey::Other);
    };
    if !outer.is_empty() {
        return Err(BadKey::Other);
    }
    if identifier == ED25519 {
        return Err(content.try_into().map_or(BadKey::Other, BadKey::WrappedEd25519));
    }
    if identifier != RSA {
        return Err(BadKey::Algorithm);
    }
    // RFC 3279 §2.3.1: the parameters are NULL.
    if !algorithm.element(der::NULL)?.is_empty() || !algorithm.is_empty() {
        return Err(BadKey::Other);
    }
    let mut whole = der::Reader::new(content);
    let mut inner = whole.sequence()?;
    let key = read_rsa(&mut inner, content)?;
    if whole.is_empty() && inner.is_empty() { Ok(key) } else { Err(BadKey::Other) }
}

/// Modulus and exponent; `der` is the SEQUENCE they stand in.
fn read_rsa(reader: &mut der::Reader<'_>, der: &[u8]) -> Result<RsaKey, BadKey> {
    let modulus = reader.unsigned()?;
    let exponent = reader.unsigned()?;
    // A product of two odd primes is odd.
    let (Some(first), Some(1)) = (modulus.first(), modulus.last().map(|last| last & 1)) else {
        return Err(BadKey::Other);
    };
    if exponent.len() > size_of::<u64>() {
        return Err(BadKey::Exponent);
    }
    let exponent = exponent.iter().fold(0u64, |number, &octet| number << 8 | u64::from(octet));
    if exponent <= 1 || exponent % 2 == 0 {
        return Err(BadKey::Exponent);
    }
    let bits = u32::try_from(modulus.len()).unwrap_or(u32::MAX).saturating_mul(8) - first.leading_zeros();
    Ok(RsaKey { bits, exponent, der: der.to_vec() })
}
