//! Who publishes a domain's DKIM keys: we, or its owner.

use super::{Actor, Ops, Refused, Result};
use crate::{
    keys::KeyFile,
    store::{Cause, Domain, DomainId, Keyless, NewKey},
};
use signet_core::{
    plan::DkimMode,
    rotation::{Algorithm, Rules, Selector},
};
use std::sync::Arc;

impl Ops {
    /// Changes who publishes a domain's DKIM keys, and so its records. What is
    /// published already goes on to count until the next look.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`]; [`Refused::Invalid`] under
    /// `base` for the demo domain.
    pub async fn set_dkim_mode(&self, actor: &Actor, id: DomainId, mode: DkimMode) -> Result<Domain> {
        let domain = self.domain_to_change(actor, id).await?;
        if domain.demo {
            return Err(Refused::invalid(
                "base",
                "The demo domain's keys are in our own zone: there is nothing for its owner to publish",
            ));
        }
        if mode == DkimMode::Raw {
            self.first_keys(&domain).await?;
        }
        let changed = self.store.set_dkim_mode(actor.account, id, mode, &self.cause(actor)).await?;
        self.due.notify_one();
        changed.ok_or(Refused::NotFound)
    }

    /// Makes a domain's first keys, unless it has some, so that there is something
    /// to publish. Without the key file they are made a second later by a server.
    async fn first_keys(&self, domain: &Domain) -> Result<()> {
        let Some(file) = self.key.clone() else { return Ok(()) };
        if self.store.key_ring(domain.account, domain.id).await?.is_some() {
            return Ok(());
        }
        let mut keys = Vec::with_capacity(Selector::BOTH.len());
        for selector in Selector::BOTH {
            // The worker that finds the domain without keys says why there are none.
            let Some(key) = self.made(domain, &file, selector).await else { return Ok(()) };
            keys.push(key);
        }
        let keyless =
            Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id.clone() };
        self.store.add_keys(&keyless, &keys, &Cause::signet(self.clock.now())).await?;
        Ok(())
    }

    /// A fresh key for a selector, sealed; `None` where none can be made.
    pub(super) async fn made(&self, domain: &Domain, file: &Arc<KeyFile>, selector: Selector) -> Option<NewKey> {
        let owner =
            Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id.clone() };
        let (file, random) = (Arc::clone(file), self.random.clone());
        let id = random.uuid(self.clock.now()).to_string();
        tokio::task::spawn_blocking(move || file.make(&owner, selector, id, &random)).await.ok()?.ok()
    }

    /// How a domain's keys are to live.
    pub(super) fn key_rules(&self, domain: &Domain) -> Rules {
        Rules {
            rsa: Algorithm::Rsa2048,
            ed25519: false,
            period: None,
            keep: jiff::SignedDuration::from_hours(7 * 24),
            revoked: jiff::SignedDuration::from_hours(30 * 24),
            delegated: domain.raw_dkim.is_none(),
        }
    }

    /// The label of a selector, as in `s=`.
    #[must_use]
    pub fn selector_label(&self, domain: &Domain, selector: Selector) -> String {
        format!("{}{}-{}", self.config.provider.prefix, selector.number(), domain.record_id)
    }
}
