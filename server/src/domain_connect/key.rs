//! The key that links are signed with (RS256), so that a DNS host can tell ours
//! from one that somebody made up.

use crate::{
    clock::Randomness,
    keys::KeyFile,
    store::{NewSecret, SEALED_VALUE},
};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    error::Unspecified,
    rand::SystemRandom,
    rsa,
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// What it is sealed for.
const PURPOSE: &str = "domain connect";

/// An RSA key, open.
pub struct SigningKey(rsa::KeyPair);

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SigningKey")
    }
}

/// What is stored is no key, or was sealed with another key file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key that Domain Connect links are signed with cannot be opened with this key file")]
pub struct UnusableKey;

/// As it is stored: the private half sealed ([`SEALED_VALUE`]), then the public
/// one, both in base64.
fn parts(stored: &str) -> Option<(&str, &str)> {
    stored.strip_prefix(SEALED_VALUE)?.split_once(' ')
}

impl SigningKey {
    /// Makes one, as it is to be stored, and the fingerprint of what it lies under
    /// ([`NewSecret::under`]). Takes some 75 ms of CPU: not for an async
    /// task.
    ///
    /// # Errors
    /// When the cryptography library cannot make one.
    pub fn make(file: &KeyFile, random: &Randomness) -> Result<(String, String), Unspecified> {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?;
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair)?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
        let NewSecret { under, sealed } = file.seal_secret(PURPOSE, private.as_ref(), random);
        let (sealed, public) = (STANDARD.encode(sealed), STANDARD.encode(public.as_ref()));
        Ok((format!("{SEALED_VALUE}{sealed} {public}"), under))
    }

    /// Opens one.
    ///
    /// # Errors
    /// [`UnusableKey`].
    pub fn open(stored: &str, file: &KeyFile) -> Result<Self, UnusableKey> {
        let (sealed, _) = parts(stored).ok_or(UnusableKey)?;
        let sealed = STANDARD.decode(sealed).map_err(|_| UnusableKey)?;
        let private = file.open_secret(PURPOSE, &sealed).ok_or(UnusableKey)?;
        rsa::KeyPair::from_pkcs8(&private).map(Self).map_err(|_| UnusableKey)
    }

    /// The public half of what is stored: `SubjectPublicKeyInfo` in base64. Needs
    /// no key file.
    #[must_use]
    pub fn public(stored: &str) -> Option<String> {
        parts(stored).map(|(_, public)| public.to_string())
    }

    /// The signature over a query, in base64.
    #[must_use]
    pub fn sign(&self, query: &str) -> String {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), query.as_bytes(), &mut signature)
            .expect("the buffer is as long as the modulus, and PKCS #1 v1.5 has no other way to fail");
        STANDARD.encode(signature)
    }
}
