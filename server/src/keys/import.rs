//! Keys that customers bring.
//!
//! What is taken is what Signet makes itself: RSA of 2048 or 4096 bits, or
//! Ed25519, alone in one PEM. Everything else is refused with what it is and how
//! to get there, since whoever uploads a key has mostly just run `openssl`.

use super::{
    der::{self, Reader},
    make::{self, KeyPair, SEED},
};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256},
    signature::{UnparsedPublicKey, VerificationAlgorithm},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signet_core::rotation::Algorithm;
use zeroize::Zeroizing;

/// A PEM that is longer holds no key we take: RSA-4096 has some 3,300 characters.
const LONGEST: usize = 16 * 1024;

/// rsaEncryption (RFC 8017 appendix A.1).
const OID_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
/// id-RSASSA-PSS (RFC 8017 appendix A.2.3).
const OID_RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
/// id-ecPublicKey (RFC 5480 §2.1.1).
const OID_EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
/// id-Ed25519 (RFC 8410 §3).
const OID_ED25519: &[u8] = &[0x2b, 0x65, 0x70];

/// How a fitting key is made, for those who brought another.
const MAKE_RSA: &str = "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out dkim.pem";

/// Why a key is not taken. As text it is a whole sentence for whoever brought it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    /// Nothing, or no PEM.
    #[error(
        "This is not a private key in PEM. Paste the whole file, from the line -----BEGIN PRIVATE KEY----- to \
         the line -----END PRIVATE KEY-----. To turn a DER file into PEM: openssl pkey -inform DER -in key.der \
         -out dkim.pem"
    )]
    NoPem,
    /// More than any key takes.
    #[error("This is longer than any key Signet takes ({LONGEST} characters). Paste one private key alone.")]
    TooLong,
    /// The end of the PEM is missing, or what is in it is no base64.
    #[error("The PEM is damaged: {0}. Copy the whole file again, from its first line to its last.")]
    Damaged(&'static str),
    /// Under a passphrase.
    #[error(
        "This key is encrypted with a passphrase, which Signet does not ask for. Decrypt it: openssl pkey -in \
         key.pem -out dkim.pem"
    )]
    Encrypted,
    /// The wrong half.
    #[error(
        "This is a public key. Signet needs the private key that belongs to it, which is what openssl genpkey \
         wrote; its first line is -----BEGIN PRIVATE KEY-----."
    )]
    Public,
    /// Or something else that is PEM.
    #[error("This is {0}, not a private key. The private key begins with -----BEGIN PRIVATE KEY-----.")]
    Other(&'static str),
    /// A key DKIM has no use for.
    #[error("This is {0}, with which mail cannot be signed (RFC 6376, RFC 8463). Make one: {MAKE_RSA}")]
    Unsuitable(&'static str),
    /// More than one.
    #[error("There are {0} PEM blocks. Paste one private key alone, without certificates and other keys.")]
    Several(usize),
    /// Text around it.
    #[error(
        "There is something {0} the key. Paste the key alone, from its line -----BEGIN to its line -----END."
    )]
    Around(&'static str),
    /// RSA of a size that is refused.
    #[error("This RSA key has {0} bits. {1} Make one: {MAKE_RSA}")]
    Size(usize, &'static str),
    /// RSA with an unusual public exponent.
    #[error(
        "The public exponent of this RSA key is not what verifiers take: an odd number from 65537 to \
         2147483647. Make another key: {MAKE_RSA}"
    )]
    Exponent,
    /// Its parts do not belong together, or it cannot be read.
    #[error(
        "This key cannot be used: {0}. To see what is wrong with it: openssl pkey -in key.pem -check -noout"
    )]
    Inconsistent(&'static str),
    /// Anybody could find the private half out.
    #[error("This key is weak: {0}. Make another key, elsewhere: {MAKE_RSA}")]
    Weak(&'static str),
}

/// Reads the private key in `pem`: PKCS #8 (RFC 5958, RFC 8410) or PKCS #1
/// (RFC 8017). What is returned has been checked and has signed for a try.
///
/// # Errors
/// [`ImportError`], for whoever brought it.
pub fn read(pem: &str) -> Result<KeyPair, ImportError> {
    let (label, body) = only_block(pem)?;
    let der = match label {
        "PRIVATE KEY" => pkcs8(&decoded(body)?)?,
        // OpenSSL's own encryption is in headers before the base64 (RFC 1421 §4.6).
        _ if body.contains("ENCRYPTED") || label == "ENCRYPTED PRIVATE KEY" => {
            return Err(ImportError::Encrypted);
        }
        "RSA PRIVATE KEY" => rsa_key(&decoded(body)?)?,
        "PUBLIC KEY" | "RSA PUBLIC KEY" | "SSH2 PUBLIC KEY" => return Err(ImportError::Public),
        "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => {
            return Err(ImportError::Other("a certificate"));
        }
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {
            return Err(ImportError::Other("a certificate request"));
        }
        "EC PRIVATE KEY" | "EC PARAMETERS" => return Err(ImportError::Unsuitable("an elliptic-curve key")),
        "DSA PRIVATE KEY" | "DSA PARAMETERS" => return Err(ImportError::Unsuitable("a DSA key")),
        "OPENSSH PRIVATE KEY" => {
            return Err(ImportError::Other(
                "a key in OpenSSH's own format (ssh-keygen -p -m PKCS8 -f key rewrites an RSA key in PEM)",
            ));
        }
        _ => return Err(ImportError::Other("some other PEM")),
    };
    prove(&der)?;
    Ok(der)
}

/// The label and the body of the one block there is.
fn only_block(pem: &str) -> Result<(&str, &str), ImportError> {
    if pem.len() > LONGEST {
        return Err(ImportError::TooLong);
    }
    let pem = pem.trim_start_matches('\u{feff}');
    let blocks = pem.matches("-----BEGIN ").count();
    if blocks > 1 {
        return Err(ImportError::Several(blocks));
    }
    let (before, rest) = pem.split_once("-----BEGIN ").ok_or(ImportError::NoPem)?;
    let (label, rest) = rest.split_once("-----").ok_or(ImportError::Damaged("its first line is cut off"))?;
    let (body, rest) =
        rest.split_once("-----END ").ok_or(ImportError::Damaged("its last line, -----END …, is missing"))?;
    let after = rest
        .strip_prefix(label)
        .and_then(|rest| rest.strip_prefix("-----"))
        .ok_or(ImportError::Damaged("its last line does not fit its first"))?;
    for (place, text) in [("before", before), ("behind", after)] {
        // What it is is not said: it may be the other half of a key.
        if !text.trim().is_empty() {
            return Err(ImportError::Around(place));
        }
    }
    Ok((label, body))
}

/// Lines may end in whatever way (RFC 7468 §2).
fn decoded(body: &str) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    let mut text = Zeroizing::new(String::with_capacity(body.len()));
    text.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    STANDARD
        .decode(text.as_bytes())
        .map(Zeroizing::new)
        .map_err(|_| ImportError::Damaged("what is between its first and last line is not base64"))
}

const NOT_DER: ImportError = ImportError::Inconsistent("what is in the PEM is no key, or is cut off");

fn pkcs8(der: &[u8]) -> Result<KeyPair, ImportError> {
    let mut whole = Reader::new(der);
    let mut info = whole.sequence().ok_or(NOT_DER)?;
    if !whole.is_empty() {
        return Err(ImportError::Inconsistent("something follows behind the key"));
    }
    info.element(der::INTEGER).ok_or(NOT_DER)?;
    let oid = info.sequence().and_then(|mut algorithm| algorithm.element(der::OID)).ok_or(NOT_DER)?;
    let key = info.element(der::OCTETS).ok_or(NOT_DER)?;
    match oid {
        OID_RSA => rsa_key(key),
        OID_ED25519 => ed25519_key(der, key),
        OID_RSA_PSS => Err(ImportError::Unsuitable("an RSA key for PSS signatures only")),
        OID_EC => Err(ImportError::Unsuitable("an elliptic-curve key")),
        // The arcs of RFC 8410 beside Ed25519.
        [0x2b, 0x65, 0x6e..=0x71] => Err(ImportError::Unsuitable("a key of another curve than Ed25519")),
        _ => Err(ImportError::Unsuitable("a key of another algorithm")),
    }
}

/// RSAPrivateKey (RFC 8017 appendix A.1.2).
fn rsa_key(der: &[u8]) -> Result<KeyPair, ImportError> {
    let mut whole = Reader::new(der);
    let mut key = whole.sequence().ok_or(NOT_DER)?;
    if !whole.is_empty() {
        return Err(ImportError::Inconsistent("something follows behind the key"));
    }
    if !key.unsigned().ok_or(NOT_DER)?.is_empty() {
        return Err(ImportError::Inconsistent("it has more than two primes"));
    }
    let modulus = key.unsigned().ok_or(NOT_DER)?;
    let exponent = key.unsigned().ok_or(NOT_DER)?;
    let algorithm = match bits(modulus) {
        2048 => Algorithm::Rsa2048,
        4096 => Algorithm::Rsa4096,
        // RFC 8301 §3.2.
        size @ ..2048 => return Err(ImportError::Size(size, "Fewer than 2048 can be broken.")),
        size => return Err(ImportError::Size(size, "Signet takes 2048 (best) or 4096.")),
    };
    let exponent =
        exponent.iter().try_fold(0_u64, |sum, &octet| sum.checked_mul(256)?.checked_add(octet.into()));
    if !exponent.is_some_and(|e| (65_537..=0x7fff_ffff).contains(&e) && e % 2 == 1) {
        return Err(ImportError::Exponent);
    }
    let _private_exponent = key.unsigned().ok_or(NOT_DER)?;
    let (p, q) = (key.unsigned().ok_or(NOT_DER)?, key.unsigned().ok_or(NOT_DER)?);
    if has_roca_fingerprint(modulus) {
        return Err(ImportError::Weak("it comes from a chip with the flaw CVE-2017-15361 (ROCA)"));
    }
    // FIPS 186-5 appendix A.1.3: |p − q| > 2^(bits/2 − 100). Primes that begin
    // with the same 100 bits are found by Fermat's method (CVE-2022-26320).
    if p.len() == q.len() && p.len() > 13 && p[..13] == q[..13] {
        return Err(ImportError::Weak("its two primes are too close to one another"));
    }
    // The library sees to it that the parts belong together.
    let pair = rsa::KeyPair::from_der(der)
        .map_err(|_| ImportError::Inconsistent("its parts do not belong together"))?;
    make::of_rsa(algorithm, &pair).map_err(|_| NOT_DER)
}

fn ed25519_key(whole: &[u8], key: &[u8]) -> Result<KeyPair, ImportError> {
    let seed = Reader::new(key).element(der::OCTETS).and_then(|seed| <&[u8; SEED]>::try_from(seed).ok());
    let seed = seed.ok_or(ImportError::Inconsistent("an Ed25519 key has 32 octets"))?;
    // Where the public half is with it (RFC 5958 §2), it must be this one's.
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(whole)
        .map_err(|_| ImportError::Inconsistent("its parts do not belong together"))?;
    make::of_seed(seed).map_err(|_| NOT_DER)
}

/// Signs with it and verifies: no key is taken that cannot do that.
fn prove(key: &KeyPair) -> Result<(), ImportError> {
    const TRY: &[u8] = b"Signet tries whether this key signs.";
    const FAILS: ImportError = ImportError::Inconsistent("what it signs does not verify");
    let (public, signature, by): (Vec<u8>, Vec<u8>, &'static dyn VerificationAlgorithm) = match key.algorithm
    {
        Algorithm::Rsa2048 | Algorithm::Rsa4096 => {
            let pair = rsa::KeyPair::from_pkcs8(&key.private).map_err(|_| FAILS)?;
            let mut signature = vec![0; pair.public_modulus_len()];
            let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), TRY, &mut signature);
            signed.map_err(|_| FAILS)?;
            (pair.public_key().as_ref().to_vec(), signature, &RSA_PKCS1_2048_8192_SHA256)
        }
        Algorithm::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&key.private).map_err(|_| FAILS)?;
            (pair.public_key().as_ref().to_vec(), pair.sign(TRY).as_ref().to_vec(), &ED25519)
        }
    };
    UnparsedPublicKey::new(by, public).verify(TRY, &signature).map_err(|_| FAILS)
}

fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// Keys of the flawed library (Nemec et al., 2017) have a modulus that is a power
/// of 65537 modulo each of these primes; of others one in some 2^27 has.
fn has_roca_fingerprint(modulus: &[u8]) -> bool {
    const PRIMES: [u32; 38] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101,
        103, 107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ];
    PRIMES.iter().all(|&prime| {
        let rest = modulus.iter().fold(0, |rest, &octet| (rest * 256 + u32::from(octet)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * (65_537 % prime) % prime));
        powers.take(prime as usize).any(|power| power == rest)
    })
}

#[cfg(test)]
#[path = "import/tests.rs"]
mod tests;
