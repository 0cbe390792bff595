//! Making DKIM keys.

use crate::clock::Randomness;
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    error::Unspecified,
    rsa,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use signet_core::rotation::Algorithm;
use zeroize::Zeroizing;

/// Octets of an Ed25519 private key (RFC 8032 §5.1.5).
pub(super) const SEED: usize = 32;
/// What stands before them in PKCS #8 (RFC 8410 §7).
const BEFORE_SEED: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A key with its private half in the open. It lives in memory only, for as
/// short as can be, and is overwritten when it goes.
pub struct KeyPair {
    /// What it was made with.
    pub algorithm: Algorithm,
    /// SPKI, DER.
    pub public: Vec<u8>,
    /// PKCS #8, DER.
    pub private: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// Makes a key. RSA-2048 takes some 75 ms of CPU, RSA-4096 a second: not for an
/// async task. [`super::KeyMaker`] has them made elsewhere and ahead.
///
/// # Errors
/// When the cryptography library cannot make one.
pub fn make(algorithm: Algorithm, random: &Randomness) -> Result<KeyPair, Unspecified> {
    match algorithm {
        Algorithm::Rsa2048 => of_rsa(algorithm, &rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?),
        Algorithm::Rsa4096 => of_rsa(algorithm, &rsa::KeyPair::generate(rsa::KeySize::Rsa4096)?),
        Algorithm::Ed25519 => of_seed(&Zeroizing::new(random.bytes())),
    }
}

pub(super) fn of_rsa(algorithm: Algorithm, pair: &rsa::KeyPair) -> Result<KeyPair, Unspecified> {
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(pair)?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
    let private = Zeroizing::new(private.as_ref().to_vec());
    Ok(KeyPair { algorithm, public: public.as_ref().to_vec(), private })
}

pub(super) fn of_seed(seed: &[u8; SEED]) -> Result<KeyPair, Unspecified> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed)?;
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
    // Room for all of it at once: a vector that grows leaves copies behind.
    let mut private = Zeroizing::new(Vec::with_capacity(BEFORE_SEED.len() + SEED));
    private.extend(BEFORE_SEED);
    private.extend(seed);
    Ok(KeyPair { algorithm: Algorithm::Ed25519, public: public.as_ref().to_vec(), private })
}
