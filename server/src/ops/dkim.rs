//! Who publishes a domain's DKIM keys: we, or its owner.

use super::{Actor, Ops, Refused, Result};
use crate::{
    keys::KeyFile,
    store::{About, Cause, Domain, DomainId, DueRotation, KeyOrigin, Keyless, NewKey, StoreError, Turn},
};
use jiff::SignedDuration;
use signet_core::{
    plan::DkimMode,
    rotation::{Algorithm, Proof, Ring, Selector},
    verify::dkim::Sight,
};

/// Between two times that an owner is asked to publish the same key.
const PROMPT_AGAIN: SignedDuration = SignedDuration::from_hours(7 * 24);

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
        self.turning.notify_one();
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
        for (selector, algorithm) in self.config.rotation.first_keys() {
            // The worker that finds the domain without keys says why there are none.
            let Some(key) = self.made(domain, &file, selector, algorithm).await else { return Ok(()) };
            keys.push(key);
        }
        let keyless =
            Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id.clone() };
        match self.store.add_keys(&keyless, &keys, &Cause::signet(self.clock.now())).await {
            Ok(true) => self.turning.notify_one(),
            // The worker makes them, under what seals by then.
            Ok(false) | Err(StoreError::SealedBefore) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// A fresh key for a selector, sealed; `None` where none can be made.
    pub(super) async fn made(
        &self,
        domain: &Domain,
        file: &KeyFile,
        selector: Selector,
        algorithm: Algorithm,
    ) -> Option<NewKey> {
        let owner =
            Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id.clone() };
        let made = self.maker.next_key(algorithm).await.ok()?;
        let id = self.random.uuid(self.clock.now()).to_string();
        Some(file.keep(&made, KeyOrigin::Made, &owner, selector, id, &self.random))
    }

    /// Asks a domain's owner who publishes the keys for the next one, which some
    /// server does not give yet: at once, and once a week until all do. Who has not
    /// set the domain up yet has the instructions.
    pub(super) async fn prompt(
        &self,
        due: &DueRotation,
        ring: &Ring,
        sight: &Sight,
        turn: &mut Turn,
    ) -> std::result::Result<(), StoreError> {
        let now = self.clock.now();
        let domain = &due.domain;
        if domain.dkim_mode() == DkimMode::Delegated || ring.active().is_none() || !domain.dns.is_verified() {
            turn.told_at = None;
            return Ok(());
        }
        let told = turn.told_at.is_some_and(|told| now.duration_since(told) < PROMPT_AGAIN);
        if !told && matches!(sight.proof, Proof::NotSeen { .. }) {
            turn.told_at = Some(now);
            turn.notice = self.standby_notice(due, ring, sight, |wrong| About::PublishKey { wrong }).await?;
        }
        Ok(())
    }
}
