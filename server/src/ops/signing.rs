//! Signing messages with a domain's DKIM keys. A private key is opened here, and what
//! leaves is a signature.

use super::{Ops, Refused, Result};
use crate::{
    dkim::{self, Message, Signer},
    keys::{KeyFile, KeyOwner, SigningKey},
    store::{AccountId, DkimKey, Domain, DomainId, KeyRing, Keyless, SealedKey, StoreError},
};
use jiff::Timestamp;
use signet_core::rotation::Selector;
use std::sync::Arc;

/// A message that is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// The signatures, as header fields with their line ends.
    pub fields: String,
    /// The message as it is to be sent, signatures and all.
    pub message: Vec<u8>,
    /// The selectors it is signed on.
    pub selectors: Vec<Selector>,
}

impl Ops {
    /// Signs a message as a domain: with the key that signs, and with the Ed25519 key
    /// beside it where that is proven (RFC 8463 §3). A key is left out whose record was
    /// last seen to be wrong, and the Ed25519 key with the other.
    ///
    /// # Errors
    /// [`Refused::NotFound`], or [`Refused::Invalid`] under `message` for one that
    /// cannot be signed, under `base` where no key can sign.
    pub async fn sign(&self, account: AccountId, id: DomainId, message: &[u8]) -> Result<Signed> {
        let now = self.clock.now();
        let domain = self.store.domain(account, id).await?.ok_or(Refused::NotFound)?;
        let message = Message::read(message).map_err(|e| Refused::invalid("message", e.to_string()))?;
        let ring = self.store.key_ring(account, id).await?;
        let ring = ring.ok_or_else(|| Refused::invalid("base", "The domain has no DKIM keys yet."))?;
        let mut signers = Vec::new();
        for key in self.signing_keys(&domain, &ring) {
            if let Some(opened) = self.signing_key(&domain, key, now).await? {
                signers.push((key.selector, self.selector(&domain, key.selector), opened));
            }
        }
        if signers.is_empty() {
            return Err(Refused::invalid("base", NO_KEY_SIGNS));
        }
        let name = domain.name.as_str().to_string();
        // A long message takes its time, and RSA its own.
        let signed = tokio::task::spawn_blocking(move || {
            let mut fields = String::new();
            for (_, selector, key) in &signers {
                let signer = Signer { domain: &name, selector, key };
                fields.push_str(&dkim::sign(&message, &signer, now)?);
            }
            let selectors = signers.iter().map(|(selector, ..)| *selector).collect();
            let message = [fields.as_bytes(), message.text()].concat();
            Some(Signed { fields, message, selectors })
        });
        let failed = || StoreError::Corrupt("the cryptography library does not sign".to_string());
        Ok(signed.await.ok().flatten().ok_or_else(failed)?)
    }

    /// The keys to sign with. What no longer signs is closed.
    fn signing_keys<'a>(&self, domain: &Domain, ring: &'a KeyRing) -> Vec<&'a DkimKey> {
        let signing = ring.ring().signing(|selector| domain.is_wrong(selector.record()));
        for key in ring.keys.iter().flatten().filter(|key| !signing.contains(&Some(key.selector))) {
            self.opened.forget(&key.id);
        }
        signing.into_iter().flatten().filter_map(|selector| ring.keys[selector.index()].as_ref()).collect()
    }

    /// A key, opened; `None` where it was replaced just now.
    async fn signing_key(
        &self,
        domain: &Domain,
        key: &DkimKey,
        now: Timestamp,
    ) -> Result<Option<Arc<SigningKey>>> {
        if let Some(opened) = self.opened.get(&key.id, now) {
            return Ok(Some(opened));
        }
        let file =
            self.key.as_ref().ok_or_else(|| Refused::invalid("base", "This process has no key file."))?;
        let sealed = self.store.sealed_key(domain.account, domain.id, key.selector, &key.id).await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let opened = open(file, domain, key, &sealed, "signing");
        let opened =
            opened.ok_or_else(|| StoreError::Corrupt(format!("the key {} does not open", key.id)))?;
        let opened = Arc::new(opened);
        self.opened.put(&key.id, Arc::clone(&opened), now);
        Ok(Some(opened))
    }

    /// Whether a key could be signed with: tried before it is to.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn opens(
        &self,
        file: &KeyFile,
        domain: &Domain,
        key: &DkimKey,
    ) -> std::result::Result<bool, StoreError> {
        let sealed = self.store.sealed_key(domain.account, domain.id, key.selector, &key.id).await?;
        Ok(sealed.is_some_and(|sealed| open(file, domain, key, &sealed, "before it signs").is_some()))
    }

    /// `s=` for a selector of a domain: what its record's owner says.
    fn selector(&self, domain: &Domain, selector: Selector) -> String {
        let record = self.plan(domain).into_iter().find(|record| record.key == selector.record());
        let owner = record.map(|record| record.owner.as_str().to_string()).unwrap_or_default();
        owner.split("._domainkey.").next().unwrap_or_default().to_string()
    }
}

const NO_KEY_SIGNS: &str = "No DKIM key of the domain can sign: its records are not proven, or were last seen to \
    be wrong. Signet looks again by itself; the domain's report says what is wrong.";

/// A key, opened; `None` where it does not open, or is none to sign with.
fn open(
    file: &KeyFile,
    domain: &Domain,
    key: &DkimKey,
    sealed: &SealedKey,
    why: &'static str,
) -> Option<SigningKey> {
    let keyless = Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id.clone() };
    let owner = KeyOwner { domain: &keyless, selector: key.selector, id: &key.id };
    SigningKey::read(key.held.algorithm, &file.open_sealed(sealed, &owner, why)?)
}
