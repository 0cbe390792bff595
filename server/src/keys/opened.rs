//! Keys that sign, opened and parsed.

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rand::SystemRandom,
    rsa,
    signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256},
};
use jiff::{SignedDuration, Timestamp};
use signet_core::rotation::Algorithm;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many are kept at most.
const AT_MOST: usize = 1024;
/// How long one is kept.
const KEPT: SignedDuration = SignedDuration::from_mins(10);

/// A key that signs. The library keeps it, and overwrites it when it goes.
pub enum SigningKey {
    /// `a=rsa-sha256`.
    Rsa(rsa::KeyPair),
    /// `a=ed25519-sha256` (RFC 8463).
    Ed25519(Ed25519KeyPair),
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "SigningKey::Rsa",
            Self::Ed25519(_) => "SigningKey::Ed25519",
        })
    }
}

impl SigningKey {
    /// Reads a private key (PKCS #8, DER). RSA takes 0.17 ms.
    ///
    /// `public` (SPKI, DER) is what is published: `None` where it is not the other half.
    /// The private half is sealed and the public one is not, so that somebody who writes
    /// to the database could have another published than the one that signs.
    #[must_use]
    pub fn read(algorithm: Algorithm, public: &[u8], private: &[u8]) -> Option<Self> {
        let key = match algorithm {
            Algorithm::Rsa2048 | Algorithm::Rsa4096 => Self::Rsa(rsa::KeyPair::from_pkcs8(private).ok()?),
            Algorithm::Ed25519 => Self::Ed25519(Ed25519KeyPair::from_pkcs8_maybe_unchecked(private).ok()?),
        };
        let other_half = match &key {
            Self::Rsa(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
            Self::Ed25519(pair) => AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()),
        };
        other_half.is_ok_and(|half| half.as_ref() == public).then_some(key)
    }

    /// As `a=` says it.
    #[must_use]
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// The signature of a canonicalized header. `None` where the library does not
    /// sign.
    #[must_use]
    pub fn sign(&self, header: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), header, &mut signature);
                signed.ok().map(|()| signature)
            }
            // RFC 8463 §3: what is signed is the hash.
            Self::Ed25519(pair) => {
                let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, header);
                pair.try_sign(hash.as_ref()).ok().map(|signature| signature.as_ref().to_vec())
            }
        }
    }
}

/// The keys opened a short while ago, by what they are called.
#[derive(Debug, Default)]
pub struct OpenedKeys(Mutex<HashMap<String, Opened>>);

#[derive(Debug)]
struct Opened {
    key: Arc<SigningKey>,
    until: Timestamp,
}

impl OpenedKeys {
    /// The key called `id`, if it was opened a short while ago.
    #[must_use]
    pub fn get(&self, id: &str, now: Timestamp) -> Option<Arc<SigningKey>> {
        let mut opened = self.lock();
        if opened.get(id)?.until <= now {
            opened.remove(id);
        }
        opened.get(id).map(|opened| Arc::clone(&opened.key))
    }

    /// Keeps a key for a while.
    pub fn put(&self, id: &str, key: Arc<SigningKey>, now: Timestamp) {
        let mut opened = self.lock();
        if opened.len() >= AT_MOST {
            let first = opened.iter().min_by_key(|(_, opened)| opened.until).map(|(id, _)| id.clone());
            first.and_then(|id| opened.remove(&id));
        }
        opened.insert(
            id.to_string(),
            Opened { key, until: now.saturating_add(KEPT).unwrap_or(Timestamp::MAX) },
        );
    }

    /// Forgets those that were opened too long ago: a key that nobody asks for again
    /// must not stay in memory.
    pub fn sweep(&self, now: Timestamp) {
        self.lock().retain(|_, opened| opened.until > now);
    }

    /// Forgets the key called `id`: it signs no more.
    pub fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Opened>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Randomness, keys::make};

    fn key() -> Arc<SigningKey> {
        let made = make(Algorithm::Ed25519, &Randomness::default()).unwrap();
        Arc::new(SigningKey::read(Algorithm::Ed25519, &made.public, &made.private).unwrap())
    }

    #[test]
    fn it_is_bounded_and_forgets() {
        let at = |second: i64| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let (keys, key) = (OpenedKeys::default(), key());
        keys.put("one", Arc::clone(&key), at(0));
        assert!(keys.get("one", at(599)).is_some());
        assert!(keys.get("one", at(600)).is_none());
        assert!(keys.get("one", at(1)).is_none(), "once too old it is gone");
        keys.put("two", Arc::clone(&key), at(0));
        keys.forget("two");
        assert!(keys.get("two", at(0)).is_none());
        keys.put("three", Arc::clone(&key), at(0));
        keys.put("four", Arc::clone(&key), at(1));
        keys.sweep(at(600));
        assert_eq!(keys.lock().keys().collect::<Vec<_>>(), ["four"], "whether or not it is asked for");
        for number in 0..2000_i32 {
            keys.put(&format!("{number}"), Arc::clone(&key), at(i64::from(number) / 100));
        }
        assert_eq!(keys.lock().len(), AT_MOST);
        assert!(keys.get("1999", at(20)).is_some());
        assert!(keys.get("0", at(20)).is_none());
    }
}
