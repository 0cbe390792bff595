//! Who publishes a domain's DKIM keys: we, or its owner.

use super::{Actor, Ops, Refused, Result};
use crate::store::{Cause, Domain, DomainId, Keyless, NewKey};
use signet_core::{plan::DkimMode, rotation::Selector};

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
        let owner = Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id.clone() };
        let (random, now) = (self.random.clone(), self.clock.now());
        let keyless = owner.clone();
        let make = move || -> std::result::Result<Vec<NewKey>, aws_lc_rs::error::Unspecified> {
            let id = || random.uuid(now).to_string();
            Selector::BOTH.into_iter().map(|selector| file.make(&owner, selector, id(), &random)).collect()
        };
        match tokio::task::spawn_blocking(make).await {
            Ok(Ok(keys)) => {
                self.store.add_keys(&keyless, &keys, &Cause::signet(now)).await?;
            }
            // The worker that finds the domain without keys says what it is.
            _ => tracing::error!(domain = %domain.name, "its DKIM keys could not be made"),
        }
        Ok(())
    }
}
