//! Private keys that nobody can open any more: damaged, or under a version of the
//! key-encryption key that is gone. What was to sign with one is replaced, and what signs
//! with one makes room.
//!
//! A node whose key file is not the one that the database names knows nothing about that:
//! another may open what it cannot.

use super::{Ops, installation::NotInstalled, rotation};
use crate::{
    keys::KeyFile,
    store::{Cause, DkimKey, Domain, EventKind, KeyRing, NewEvent, StoreError, Turn},
};
use jiff::SignedDuration;
use signet_core::rotation::{Selector, Stage, Why};

/// What trying a private key came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// It opens.
    Opens,
    /// It does not open here, and perhaps elsewhere.
    NotHere,
    /// It does not open, and the key file is the one that the database names.
    Lost,
}

/// Why a key is replaced, as a sentence.
pub(crate) fn lost_key(key: &DkimKey) -> String {
    format!("The private key of {} does not open, with the key file that this database names.", key.id)
}

impl Ops {
    /// Tries a private key before it is to sign.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn try_key(
        &self,
        file: &KeyFile,
        domain: &Domain,
        key: &DkimKey,
    ) -> Result<Tried, StoreError> {
        if self.opens(file, domain, key).await? {
            return Ok(Tried::Opens);
        }
        // The key-encryption key may have been replaced while we looked.
        match self.follow_key_file(file).await {
            Ok(()) => {}
            Err(NotInstalled::Store(error)) => return Err(error),
            Err(NotInstalled::Key(_)) => return Ok(Tried::NotHere),
        }
        if self.opens(file, domain, key).await? {
            return Ok(Tried::Opens);
        }
        let named = self.store.key_fingerprint().await?;
        Ok(if named == Some(file.fingerprint()) { Tried::Lost } else { Tried::NotHere })
    }

    /// Whether the key that is next can never sign, as far as this process can tell.
    pub(super) async fn standby_is_lost(&self, domain: &Domain, keys: &KeyRing) -> Result<bool, StoreError> {
        let standby = keys.ring().active().map(Selector::other);
        let key = standby.and_then(|standby| keys.keys[standby.index()].as_ref());
        let Some((file, key)) = self.key.as_ref().zip(key.filter(|key| key.held.stage.published().is_some()))
        else {
            return Ok(false);
        };
        Ok(self.try_key(file, domain, key).await? == Tried::Lost)
    }

    /// Sees to a key that signs and did not open: where it is lost, the next one is to sign
    /// instead, and an Ed25519 key is proven anew, for which it is tried and replaced.
    pub(super) async fn see_to_lost(
        &self,
        file: &KeyFile,
        domain: &Domain,
        keys: &KeyRing,
        key: &DkimKey,
    ) -> Result<(), StoreError> {
        let mut ring = keys.ring();
        let event = match key.held.stage {
            Stage::Active { .. } if ring.wanted.is_none() => {
                // Not asked of the machine, which may say that it cannot be yet: it is done as
                // soon as it can.
                ring.wanted = Some(Why::Asked);
                NewEvent { to: Some("asked".to_string()), ..NewEvent::of(EventKind::RotationAsked) }
            }
            Stage::Companion(_) if ring.unseen(key.selector, SignedDuration::ZERO) => {
                NewEvent { from: Some(key.id.clone()), ..NewEvent::of(EventKind::KeyUnseen) }
            }
            _ => return Ok(()),
        };
        if self.try_key(file, domain, key).await? != Tried::Lost {
            return Ok(());
        }
        let cause = Cause::signet(self.clock.now());
        let record = Some(key.selector.record());
        let turn = Turn {
            slots: rotation::kept(&ring),
            wanted: ring.wanted,
            due_at: Some(cause.at),
            failures: 0,
            events: vec![NewEvent { reason: Some(lost_key(key)), record, ..event }],
            ..rotation::unchanged(domain, keys)
        };
        if self.store.turn_keys(&turn, &cause).await? {
            tracing::error!(key = key.id, domain = %domain.name, "a DKIM key that signs is lost; another is to sign");
            self.turning.notify_one();
        }
        Ok(())
    }
}
