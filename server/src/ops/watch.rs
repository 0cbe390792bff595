//! What concerns the operator and no single owner: too many domains that would
//! lose verification at once, and looks that see nothing at all.

use super::Ops;
use crate::{
    notify,
    store::{AccountId, EventKind, Looked, Matter, Message, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use signet_core::lifecycle::Gate;
use std::sync::{Mutex, PoisonError};

/// Whom the operator's own messages are counted to: the first account is theirs.
const OPERATOR: AccountId = AccountId(1);
/// So many looks on end, over so long, that saw nothing are told.
const BLIND_LOOKS: u32 = 5;
const BLIND_FOR: SignedDuration = SignedDuration::from_hours(1);

/// Whether looks see anything, in this process.
#[derive(Debug, Default)]
pub struct Sight {
    blind: Mutex<Option<Blind>>,
}

#[derive(Clone, Copy, Debug)]
struct Blind {
    since: Timestamp,
    looks: u32,
}

impl Sight {
    /// Notes what a look came to.
    pub(super) fn note(&self, gate: &Gate, now: Timestamp) {
        let mut blind = self.blind.lock().unwrap_or_else(PoisonError::into_inner);
        *blind = match (*blind, gate) {
            (_, Gate::Right | Gate::Wrong(_)) => None,
            (None, Gate::Unknown) => Some(Blind { since: now, looks: 1 }),
            (Some(before), Gate::Unknown) => Some(Blind { looks: before.looks.saturating_add(1), ..before }),
        };
    }

    /// Since when nothing is seen, if that is worth telling.
    fn lost_since(&self, now: Timestamp) -> Option<Timestamp> {
        let blind = (*self.blind.lock().unwrap_or_else(PoisonError::into_inner))?;
        let lasting = blind.looks >= BLIND_LOOKS && now.duration_since(blind.since) >= BLIND_FOR;
        lasting.then_some(blind.since)
    }

    /// Whether the last look saw something.
    fn is_clear(&self) -> bool {
        self.blind.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }
}

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
        demotions.at_stake.losing = demotions.at_stake.losing.max(losing);
        if !demotions.are_frozen(now) {
            return Ok(());
        }
        for look in looks {
            if let Some(held) = look.held.take() {
                look.dns = held.dns;
                look.due_at = held.due_at;
                look.alert = None;
                look.events.retain(|event| event.kind != EventKind::DomainUnverified);
            }
        }
        Ok(())
    }

    /// Tells the operator, once, when demotions are frozen or looks see nothing;
    /// and notes when that is over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn watch(&self) -> Result<(), StoreError> {
        self.watch_demotions().await?;
        self.watch_sight().await
    }

    async fn watch_demotions(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let demotions = self.store.demotions(now).await?;
        let frozen = demotions.are_frozen(now);
        metrics::gauge!("signet_demotions_frozen").set(f64::from(u8::from(frozen)));
        metrics::gauge!("signet_demotions_imminent").set(demotions.at_stake.losing as f64);
        if !frozen {
            return self.over(Matter::DemotionsFrozen).await;
        }
        let (to, message_id) = (&self.config.owner_email, self.message_id());
        let notice = notify::operator::demotions_frozen(&demotions.at_stake, to, message_id);
        self.tell(Matter::DemotionsFrozen, &notice, now).await
    }

    async fn watch_sight(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let lost_since = self.sight.lost_since(now);
        metrics::gauge!("signet_blind").set(f64::from(u8::from(lost_since.is_some())));
        match lost_since {
            Some(since) => {
                let notice = notify::operator::blind(since, &self.config.owner_email, self.message_id());
                self.tell(Matter::Blind, &notice, now).await
            }
            None if self.sight.is_clear() => self.over(Matter::Blind).await,
            None => Ok(()),
        }
    }

    async fn tell(&self, matter: Matter, notice: &Message, now: Timestamp) -> Result<(), StoreError> {
        if self.store.raise(matter, OPERATOR, notice, now).await? {
            tracing::error!(matter = matter.as_str(), "{}; the operator is told", notice.subject);
            self.queued.notify_one();
        }
        Ok(())
    }

    async fn over(&self, matter: Matter) -> Result<(), StoreError> {
        if self.store.settle(matter).await? {
            tracing::info!(matter = matter.as_str(), "over");
        }
        Ok(())
    }

    pub(super) fn message_id(&self) -> String {
        format!("{}@{}", self.random.uuid(self.clock.now()), self.config.mail.from.domain())
    }

    /// Lets demotions go ahead for `span`, however many; until when.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn release_demotions(&self, span: SignedDuration) -> Result<Timestamp, StoreError> {
        let until = self.clock.now().saturating_add(span).unwrap_or(Timestamp::MAX);
        self.store.release_demotions(until, &self.operator_cause()).await?;
        Ok(until)
    }
}
