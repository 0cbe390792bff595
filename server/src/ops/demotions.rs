//! The brake on mass demotions: when too many domains would lose verification
//! at once, none does until the operator says so or it passes.

use super::Ops;
use crate::{
    notify,
    store::{AccountId, EventKind, Looked, StoreError},
};
use jiff::{SignedDuration, Timestamp};

/// Whom the operator's own messages are counted to: the first account is theirs.
const OPERATOR: AccountId = AccountId(1);

impl Ops {
    /// Takes the losses out of `looks` while too many domains would be lost at
    /// about the same time; they stay as they were and are looked at again.
    ///
    /// # Errors
    /// When the store cannot be asked; then nothing may be written.
    pub async fn hold_back(&self, looks: &mut [Looked]) -> Result<(), StoreError> {
        let losing = looks.iter().filter(|look| look.held.is_some()).count() as u64;
        if losing == 0 {
            return Ok(());
        }
        let now = self.clock.now();
        let mut demotions = self.store.demotions(now).await?;
        demotions.tally.losing = demotions.tally.losing.max(losing);
        if !demotions.are_frozen(now) {
            return Ok(());
        }
        for look in looks {
            if let Some(held) = look.held.take() {
                look.dns = held.dns;
                look.due_at = held.due_at;
                look.events.retain(|event| event.kind != EventKind::DomainUnverified);
            }
        }
        Ok(())
    }

    /// Tells the operator once when demotions are frozen, and that they go on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn watch_demotions(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let demotions = self.store.demotions(now).await?;
        let frozen = demotions.are_frozen(now);
        metrics::gauge!("signet_demotions_frozen").set(f64::from(u8::from(frozen)));
        metrics::gauge!("signet_demotions_imminent").set(demotions.tally.losing as f64);
        if frozen && demotions.frozen_since.is_none() {
            let message_id = format!("{}@{}", self.random.uuid(now), self.config.mail.from.domain());
            let notice =
                notify::operator::demotions_frozen(&demotions.tally, &self.config.owner_email, message_id);
            if self.store.freeze_demotions(OPERATOR, &notice, now).await? {
                let domains = demotions.tally.losing + demotions.tally.lost;
                tracing::error!(
                    domains,
                    verified = demotions.tally.verified,
                    "too many domains would lose verification within an hour: demotions are frozen; \
                     `signet domains release` lets them go ahead"
                );
                self.queued.notify_one();
            }
        } else if !frozen && demotions.frozen_since.is_some() && self.store.thaw_demotions().await? {
            tracing::info!("domains may lose verification again: demotions are no longer frozen");
        }
        Ok(())
    }

    /// Lets demotions go ahead for `span`, however many; until when.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn release_demotions(&self, span: SignedDuration) -> Result<Timestamp, StoreError> {
        let until = self.clock.now().saturating_add(span).unwrap_or(Timestamp::MAX);
        self.store.release_demotions(until).await?;
        Ok(until)
    }
}
