//! Sealing: what is encrypted, under what, and for whom.

use super::{
    KeyFile, KeyPair,
    file::{Key, fingerprint},
    make,
};
use crate::{
    clock::Randomness,
    store::{KeyOrigin, Keyless, NewKey, NewSecret, SealedKey},
};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use signet_core::rotation::{Algorithm, Selector};
use zeroize::Zeroizing;

/// What is logged about private keys, under this name, is logged whatever `SIGNET_LOG`
/// says ([`crate::telemetry::log`]).
pub const KEYS_LOG: &str = "signet_keys";

/// First byte of a sealed secret.
const SEALED_V1: u8 = 1;
/// Octets of a data key.
const DATA_KEY: usize = 32;
/// Octets of a wrapped data key: nonce, key, tag.
const WRAPPED: usize = NONCE_LEN + DATA_KEY + 16;

impl KeyFile {
    /// Seals a private key (PKCS #8, DER); with the fingerprint of what it lies under.
    pub(super) fn seal(
        &self,
        private: &[u8],
        owner: &KeyOwner<'_>,
        random: &Randomness,
    ) -> (SealedKey, String) {
        let data_key = Zeroizing::new(random.bytes::<DATA_KEY>());
        let owner = owner.bound();
        let sealed = encrypt(&data_key, private, owner.as_bytes(), random);
        let Wrapped { kek, under, wrapped } = self.wrap(&data_key, &owner, random);
        (SealedKey { kek, wrapped, sealed }, under)
    }

    /// Opens what was sealed for the same owner. Each time is counted and logged, with
    /// `why`, and so is each that fails.
    #[must_use]
    pub fn open_sealed(
        &self,
        key: &SealedKey,
        owner: &KeyOwner<'_>,
        why: &'static str,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let bound = owner.bound();
        let data_key = self.unwrap(key.kek, &key.wrapped, &bound);
        let private = data_key.and_then(|data_key| decrypt(&data_key, &key.sealed, bound.as_bytes()));
        let outcome = if private.is_some() { "opened" } else { "failed" };
        metrics::counter!("signet_key_decryptions_total", "why" => why, "outcome" => outcome).increment(1);
        let Keyless { account, domain, .. } = owner.domain;
        match &private {
            Some(_) => {
                tracing::info!(target: KEYS_LOG, key = owner.id, %account, %domain, why, "a DKIM key is decrypted");
            }
            None => {
                let kek = key.kek;
                tracing::error!(target: KEYS_LOG, key = owner.id, %account, %domain, why, kek, "a DKIM key does not open");
            }
        }
        private
    }

    /// The data key of a DKIM key under the version that seals now: version and
    /// wrapped data key. The DKIM key itself is not touched. `None` where the data
    /// key does not open.
    #[must_use]
    pub fn rewrap(
        &self,
        kek: u32,
        wrapped: &[u8],
        owner: &KeyOwner<'_>,
        random: &Randomness,
    ) -> Option<(u32, Vec<u8>)> {
        let owner = owner.bound();
        let data_key = self.unwrap(kek, wrapped, &owner)?;
        let Wrapped { kek, wrapped, .. } = self.wrap(&data_key, &owner, random);
        Some((kek, wrapped))
    }

    /// Seals a secret that is no DKIM key. It opens for the same `purpose` only.
    ///
    /// Three octets say that it is sealed and under which version;
    /// behind them lies the data key, wrapped, and what is sealed with it.
    #[must_use]
    pub fn seal_secret(&self, purpose: &str, plain: &[u8], random: &Randomness) -> NewSecret {
        let data_key = Zeroizing::new(random.bytes::<DATA_KEY>());
        let Wrapped { kek, under, wrapped } = self.wrap(&data_key, SECRET, random);
        let mut sealed = sealed_under(kek).to_vec();
        sealed.extend(wrapped);
        sealed.extend(encrypt(&data_key, plain, secret(purpose).as_bytes(), random));
        NewSecret { under, sealed }
    }

    /// Opens what [`Self::seal_secret`] made for the same purpose.
    #[must_use]
    pub fn open_secret(&self, purpose: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (kek, wrapped, body) = parts(sealed)?;
        let data_key = self.unwrap(kek, wrapped, SECRET)?;
        decrypt(&data_key, body, secret(purpose).as_bytes())
    }

    /// A sealed secret with its data key under the version that seals now.
    #[must_use]
    pub fn rewrap_secret(&self, sealed: &[u8], random: &Randomness) -> Option<Vec<u8>> {
        let (kek, wrapped, body) = parts(sealed)?;
        let data_key = self.unwrap(kek, wrapped, SECRET)?;
        let Wrapped { kek, wrapped, .. } = self.wrap(&data_key, SECRET, random);
        Some([&sealed_under(kek), &wrapped[..], body].concat())
    }

    /// A fresh key for a domain's selector. RSA takes its time (see [`make()`]): not
    /// for an async task.
    ///
    /// # Errors
    /// When the cryptography library cannot make one.
    pub fn make(
        &self,
        domain: &Keyless,
        selector: Selector,
        algorithm: Algorithm,
        id: String,
        random: &Randomness,
    ) -> Result<NewKey, aws_lc_rs::error::Unspecified> {
        Ok(self.keep(&make(algorithm, random)?, KeyOrigin::Made, domain, selector, id, random))
    }

    /// A key as it is kept on a domain's selector under the name `id`.
    #[must_use]
    pub fn keep(
        &self,
        pair: &KeyPair,
        origin: KeyOrigin,
        domain: &Keyless,
        selector: Selector,
        id: String,
        random: &Randomness,
    ) -> NewKey {
        let owner = KeyOwner { domain, selector, id: &id };
        let (private, under) = self.seal(&pair.private, &owner, random);
        let (algorithm, public) = (pair.algorithm, pair.public.clone());
        NewKey { id, selector, algorithm, origin, public, private, under }
    }

    fn wrap(&self, data_key: &Key, owner: &str, random: &Randomness) -> Wrapped {
        self.with_current(|kek, key| {
            let wrapped = encrypt(key, data_key.as_slice(), under(owner, kek).as_bytes(), random);
            Wrapped { kek, under: fingerprint(key), wrapped }
        })
    }

    fn unwrap(&self, kek: u32, wrapped: &[u8], owner: &str) -> Option<Key> {
        let data_key = self.with(kek, |key| decrypt(key, wrapped, under(owner, kek).as_bytes()))??;
        <[u8; DATA_KEY]>::try_from(data_key.as_slice()).ok().map(Zeroizing::new)
    }
}

/// A data key under the version that sealed just then.
struct Wrapped {
    kek: u32,
    /// The version's fingerprint.
    under: String,
    wrapped: Vec<u8>,
}

/// Whose a private key is, and which: bound in as associated data, so that a row
/// moved to another place does not open.
#[derive(Clone, Copy, Debug)]
pub struct KeyOwner<'a> {
    /// The domain.
    pub domain: &'a Keyless,
    /// Where the key stands.
    pub selector: Selector,
    /// What it is called.
    pub id: &'a str,
}

impl KeyOwner<'_> {
    fn bound(&self) -> String {
        let Keyless { account, domain, record_id } = self.domain;
        let selector = self.selector.number();
        format!("signet dkim v{SEALED_V1} {account} {domain} {record_id} {selector} {}", self.id)
    }
}

/// What data keys of secrets are bound to. Their purpose is bound to the secret: so
/// they can be rewrapped by one who does not know it.
const SECRET: &str = "signet secret data key";

fn secret(purpose: &str) -> String {
    format!("signet secret {purpose}")
}

/// A wrapped data key says which version it lies under; that it does is bound in.
fn under(owner: &str, kek: u32) -> String {
    format!("{owner} under {kek}")
}

/// What a secret sealed under a version begins with. Three octets, which are four
/// characters in base64, so that it can be told there, too.
///
/// A key file holds fewer versions than 65,536.
#[must_use]
pub fn sealed_under(kek: u32) -> [u8; 3] {
    let [.., high, low] = kek.to_be_bytes();
    [SEALED_V1, high, low]
}

fn parts(sealed: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (&[SEALED_V1, high, low], rest) = sealed.split_first_chunk::<3>()? else { return None };
    let (wrapped, body) = rest.split_at_checked(WRAPPED)?;
    Some((u32::from(u16::from_be_bytes([high, low])), wrapped, body))
}

/// Nonce, ciphertext, tag. Data keys are used once; of nonces under the
/// key-encryption key, 2^32 random ones may be drawn (NIST SP 800-38D §8.3).
fn encrypt(key: &Key, plain: &[u8], owner: &[u8], random: &Randomness) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random.bytes();
    // The plain text is encrypted where it lies and never moved.
    let mut body = Vec::with_capacity(plain.len() + AES_256_GCM.tag_len());
    body.extend_from_slice(plain);
    cipher(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut body)
        .expect("AES-GCM takes any message that fits into memory");
    [&nonce[..], &body].concat()
}

fn decrypt(key: &Key, sealed: &[u8], owner: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = cipher(key).open_in_place(nonce, Aad::from(owner), &mut body).ok()?.len();
    body.truncate(length);
    Some(body)
}

fn cipher(key: &Key) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice()).expect("a 256-bit key fits AES-256"))
}
