//! The key-encryption key, and DKIM keys sealed with it.
//!
//! Each private key is encrypted under a data key of its own, and the data key
//! under the key-encryption key of `SIGNET_KEY_FILE` (AES-256-GCM both). Who
//! the key belongs to is bound in as associated data, so that a row moved to
//! another domain does not open.

mod der;
pub mod import;
mod make;

pub use make::{KeyPair, make};

use crate::{
    clock::Randomness,
    store::{KeyOrigin, Keyless, NewKey, SealedKey},
};
use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    hmac, rsa,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};
use signet_core::rotation::{Algorithm, Selector};
use std::{
    fs,
    io::Write as _,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};
use zeroize::Zeroizing;

/// First line of a key file.
const HEADER: &str = "signet-key-v1";
/// First byte of a sealed key.
const SEALED_V1: u8 = 1;
/// The version of the key-encryption key that wraps.
const KEK: u32 = 1;

/// The key-encryption key.
pub struct KeyFile(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyFile({})", self.fingerprint())
    }
}

impl KeyFile {
    /// Reads the file.
    ///
    /// # Errors
    /// A sentence for the operator: not there, not a key, readable by others.
    pub fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                return Err(format!(
                    "the key file {shown} is missing; it was made together with the database and must be \
                     restored from where you keep it, or be named in SIGNET_KEY_FILE"
                ));
            }
            Err(e) => return Err(format!("the key file {shown} cannot be read: {e}")),
        };
        let mode = fs::metadata(path).map_err(|e| format!("{shown}: {e}"))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(format!("the key file {shown} can be read by others; run: chmod 600 {shown}"));
        }
        let mut lines = text.lines();
        let key = (lines.next() == Some(HEADER)).then(|| lines.next()).flatten();
        let bytes = key.and_then(|line| STANDARD.decode(line.trim()).ok()).map(Zeroizing::new);
        let key = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        key.map(|key| Self(Zeroizing::new(key))).ok_or_else(|| format!("{shown} is not a Signet key file"))
    }

    /// Reads the file, or makes it (mode 0600) if there is none. Only for an
    /// empty database: a new key opens nothing that exists.
    ///
    /// # Errors
    /// As [`Self::open`], or when it cannot be written.
    pub fn open_or_make(path: &Path, random: &Randomness) -> Result<Self, String> {
        let key = Zeroizing::new(random.bytes::<32>());
        let text = Zeroizing::new(format!("{HEADER}\n{}\n", STANDARD.encode(key.as_slice())));
        let opened = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        match opened {
            Ok(mut file) => {
                let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
                written.map_err(|e| format!("the key file {} cannot be written: {e}", path.display()))?;
                Ok(Self(key))
            }
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Self::open(path),
            Err(e) => Err(format!("the key file {} cannot be made: {e}", path.display())),
        }
    }

    /// Tells keys apart without giving anything away.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(b"signet key-encryption key fingerprint");
        hash.update(self.0.as_slice());
        hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    }

    /// Seals a private key (PKCS #8, DER).
    #[must_use]
    pub fn seal(&self, private: &[u8], owner: &KeyOwner<'_>, random: &Randomness) -> SealedKey {
        let data_key = Zeroizing::new(random.bytes::<32>());
        let owner = owner.bound();
        SealedKey {
            kek: KEK,
            wrapped: encrypt(&self.0, data_key.as_slice(), &owner, random),
            sealed: encrypt(&data_key, private, &owner, random),
        }
    }

    /// Opens what [`Self::seal`] made for the same owner.
    #[must_use]
    pub fn open_sealed(&self, key: &SealedKey, owner: &KeyOwner<'_>) -> Option<Zeroizing<Vec<u8>>> {
        if key.kek != KEK {
            return None;
        }
        let owner = owner.bound();
        let data_key = decrypt(&self.0, &key.wrapped, &owner)?;
        let data_key = Zeroizing::new(<[u8; 32]>::try_from(data_key.as_slice()).ok()?);
        decrypt(&data_key, &key.sealed, &owner)
    }

    /// Seals a secret that is no DKIM key. It opens for the same `purpose` only.
    #[must_use]
    pub fn seal_secret(&self, purpose: &str, plain: &[u8], random: &Randomness) -> Vec<u8> {
        let mut sealed = vec![SEALED_V1];
        sealed.extend(encrypt(&self.0, plain, secret(purpose).as_bytes(), random));
        sealed
    }

    /// Opens what [`Self::seal_secret`] made for the same purpose.
    #[must_use]
    pub fn open_secret(&self, purpose: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&version, body) = sealed.split_first()?;
        (version == SEALED_V1).then(|| decrypt(&self.0, body, secret(purpose).as_bytes())).flatten()
    }

    /// A key for authenticating what we give away and get back, like links.
    #[must_use]
    pub fn mac_key(&self, purpose: &str) -> hmac::Key {
        let master = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        let derived = hmac::sign(&master, format!("signet mac {purpose}").as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    }

    /// A fresh RSA-2048 key for a domain's selector. Takes some 75 ms of CPU:
    /// not for an async task.
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
        let of_rsa = |size| -> Result<_, aws_lc_rs::error::Unspecified> {
            let pair = rsa::KeyPair::generate(size)?;
            let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?;
            let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
            Ok((Zeroizing::new(private.as_ref().to_vec()), public.as_ref().to_vec()))
        };
        let (private, public) = match algorithm {
            Algorithm::Rsa2048 => of_rsa(rsa::KeySize::Rsa2048)?,
            Algorithm::Rsa4096 => of_rsa(rsa::KeySize::Rsa4096)?,
            Algorithm::Ed25519 => {
                let pair = Ed25519KeyPair::generate()?;
                let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?;
                let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
                (Zeroizing::new(private.as_ref().to_vec()), public.as_ref().to_vec())
            }
        };
        let owner = KeyOwner { domain, selector, id: &id };
        let private = self.seal(&private, &owner, random);
        let origin = KeyOrigin::Made;
        Ok(NewKey { id, selector, algorithm, origin, public, private })
    }
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
    fn bound(&self) -> Vec<u8> {
        let Keyless { account, domain, record_id } = self.domain;
        let selector = self.selector.number();
        format!("signet dkim v{SEALED_V1} {account} {domain} {record_id} {selector} {}", self.id).into_bytes()
    }
}

fn secret(purpose: &str) -> String {
    format!("signet secret {purpose}")
}

/// Nonce, ciphertext, tag. Data keys are used once; of nonces under the
/// key-encryption key, 2^32 random ones may be drawn (NIST SP 800-38D §8.3).
fn encrypt(key: &[u8; 32], plain: &[u8], owner: &[u8], random: &Randomness) -> Vec<u8> {
    let nonce: [u8; NONCE_LEN] = random.bytes();
    let mut out = nonce.to_vec();
    let mut body = plain.to_vec();
    cipher(key)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(owner), &mut body)
        .expect("AES-GCM takes any message that fits into memory");
    out.extend(body);
    out
}

fn decrypt(key: &[u8; 32], sealed: &[u8], owner: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut body = Zeroizing::new(body.to_vec());
    let length = cipher(key).open_in_place(nonce, Aad::from(owner), &mut body).ok()?.len();
    body.truncate(length);
    Some(body)
}

fn cipher(key: &[u8; 32]) -> LessSafeKey {
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).expect("a 256-bit key fits AES-256"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{AccountId, DomainId};

    #[test]
    fn the_file_is_private_and_stays_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("signet.key");
        let random = Randomness::default();
        assert!(KeyFile::open(&path).unwrap_err().contains("is missing"));
        let made = KeyFile::open_or_make(&path, &random).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(KeyFile::open_or_make(&path, &random).unwrap().fingerprint(), made.fingerprint());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(KeyFile::open(&path).unwrap_err().contains("chmod 600"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "hello").unwrap();
        assert!(KeyFile::open(&path).unwrap_err().contains("is not a Signet key file"));
    }

    #[test]
    fn a_sealed_secret_opens_for_its_purpose_only() {
        let random = Randomness::default();
        let file = KeyFile(Zeroizing::new(random.bytes()));
        let sealed = file.seal_secret("webhook 1", b"whsec", &random);
        assert_eq!(file.open_secret("webhook 1", &sealed).unwrap().as_slice(), b"whsec");
        assert!(file.open_secret("webhook 2", &sealed).is_none());
        for cut in 0..sealed.len() {
            assert!(file.open_secret("webhook 1", &sealed[..cut]).is_none());
        }
        let mac = |purpose| hmac::sign(&file.mac_key(purpose), b"x").as_ref().to_vec();
        assert_eq!(mac("links"), mac("links"));
        assert_ne!(mac("links"), mac("others"));
    }

    #[test]
    fn a_sealed_key_opens_for_its_owner_only() {
        let random = Randomness::default();
        let file = KeyFile(Zeroizing::new(random.bytes()));
        let domain = Keyless { account: AccountId(1), domain: DomainId(2), record_id: random.record_id() };
        let key =
            file.make(&domain, Selector::First, Algorithm::Rsa2048, "one".to_string(), &random).unwrap();
        let owner = KeyOwner { domain: &domain, selector: Selector::First, id: "one" };
        let private = file.open_sealed(&key.private, &owner).unwrap();
        let pair = rsa::KeyPair::from_pkcs8(&private).unwrap();
        let public =
            AsDer::<PublicKeyX509Der<'_>>::as_der(aws_lc_rs::signature::KeyPair::public_key(&pair)).unwrap();
        assert_eq!(public.as_ref(), key.public);
        let others = [
            Keyless { account: AccountId(9), ..domain.clone() },
            Keyless { domain: DomainId(9), ..domain.clone() },
            Keyless { record_id: random.record_id(), ..domain.clone() },
        ];
        for other in &others {
            assert!(file.open_sealed(&key.private, &KeyOwner { domain: other, ..owner }).is_none());
        }
        let moved = KeyOwner { selector: Selector::Second, ..owner };
        assert!(file.open_sealed(&key.private, &moved).is_none());
        assert!(file.open_sealed(&key.private, &KeyOwner { id: "two", ..owner }).is_none());
        assert!(KeyFile(Zeroizing::new(random.bytes())).open_sealed(&key.private, &owner).is_none());
        for cut in 0..key.private.sealed.len() {
            let cut = SealedKey { sealed: key.private.sealed[..cut].to_vec(), ..key.private.clone() };
            assert!(file.open_sealed(&cut, &owner).is_none());
        }
    }
}
