//! Signing messages with a domain's DKIM keys. A private key is opened here, and what
//! leaves is a signature.

use super::{Actor, Ops, Refused, Result};
use crate::{
    dkim::{self, Message, Signer},
    keys::{KeyFile, KeyOwner, SigningKey},
    store::{Cause, DkimKey, Domain, DomainId, KeyRing, Keyless, StoreError},
};
use signet_core::rotation::{Selector, Stage};
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
    pub async fn sign(&self, actor: &Actor, id: DomainId, message: &[u8]) -> Result<Signed> {
        let (now, account) = (self.clock.now(), actor.account);
        let domain = self.store.domain(account, id).await?.ok_or(Refused::NotFound)?;
        let message = Message::read(message).map_err(|e| Refused::invalid("message", e.to_string()))?;
        let ring = self.store.key_ring(account, id).await?;
        let ring = ring.ok_or_else(|| Refused::invalid("base", "The domain has no DKIM keys yet."))?;
        let mut signers = Vec::new();
        for key in self.signing_keys(&domain, &ring) {
            match self.signing_key(&domain, key, &self.cause(actor)).await {
                Ok(Some(opened)) => {
                    signers.push((key.selector, self.selector(&domain, key.selector), opened));
                }
                Ok(None) => {}
                Err(Refused::Store(StoreError::Corrupt(why))) => {
                    if let Some(file) = &self.key {
                        self.see_to_lost(file, &domain, &ring, key).await?;
                    }
                    // Without the Ed25519 key there is the RSA signature still.
                    if matches!(key.held.stage, Stage::Active { .. }) {
                        return Err(StoreError::Corrupt(why).into());
                    }
                }
                Err(refused) => return Err(refused),
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

    /// A key that signs, opened; `None` where it was replaced just now.
    async fn signing_key(
        &self,
        domain: &Domain,
        key: &DkimKey,
        cause: &Cause,
    ) -> Result<Option<Arc<SigningKey>>> {
        if let Some(opened) = self.opened.get(&key.id, cause.at) {
            return Ok(Some(opened));
        }
        let file =
            self.key.as_ref().ok_or_else(|| Refused::invalid("base", "This process has no key file."))?;
        let Some(opened) = self.open_key(file, domain, key, "signing", cause).await? else {
            return Ok(None);
        };
        let opened = Arc::new(opened);
        self.opened.put(&key.id, Arc::clone(&opened), cause.at);
        Ok(Some(opened))
    }

    /// Decrypts a private key, and sees that it is the other half of what is published.
    /// Each time is counted, logged, and written into the history. `None` where the key
    /// was replaced or destroyed just now.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] where it does not open.
    pub async fn open_key(
        &self,
        file: &KeyFile,
        domain: &Domain,
        key: &DkimKey,
        why: &'static str,
        cause: &Cause,
    ) -> std::result::Result<Option<SigningKey>, StoreError> {
        let cause = Cause { reason: why.to_string(), ..cause.clone() };
        let sealed = self.store.sealed_key(domain.account, domain.id, key.selector, &key.id, &cause).await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let keyless =
            Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id.clone() };
        let owner = KeyOwner { domain: &keyless, selector: key.selector, id: &key.id };
        let corrupt = |what: &str| StoreError::Corrupt(format!("the DKIM key {} {what}", key.id));
        let private = file.open_sealed(&sealed, &owner, why).ok_or_else(|| corrupt("does not open"))?;
        let opened = SigningKey::read(key.held.algorithm, &key.public, &private);
        Ok(Some(opened.ok_or_else(|| corrupt("is not the other half of what is published"))?))
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
        let cause = Cause::signet(self.clock.now());
        match self.open_key(file, domain, key, "before it signs", &cause).await {
            Ok(opened) => Ok(opened.is_some()),
            Err(StoreError::Corrupt(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// `s=` for a selector of a domain: what its record's owner says.
    pub(crate) fn selector(&self, domain: &Domain, selector: Selector) -> String {
        let record = self.plan(domain).into_iter().find(|record| record.key == selector.record());
        let owner = record.map(|record| record.owner.as_str().to_string()).unwrap_or_default();
        owner.split("._domainkey.").next().unwrap_or_default().to_string()
    }
}

const NO_KEY_SIGNS: &str = "No DKIM key of the domain can sign: its records are not proven, or were last seen to \
    be wrong. Signet looks again by itself; the domain's report says what is wrong.";
