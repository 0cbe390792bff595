//! Which domains send: those are looked at more often.

use crate::{
    ops::Ops,
    store::{DomainId, StoreError},
};
use signet_core::authz::Candidate;
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// Kept until they are written down; more send again.
const MOST: usize = 100_000;
/// Written in one transaction: others wait for it.
const AT_ONCE: usize = 256;

/// Domains whose mail the gate has let pass since they were last written down.
#[derive(Debug, Default)]
pub struct Sending(Mutex<BTreeSet<i64>>);

impl Sending {
    /// Notes the verified ones of those a message was found to be from.
    pub(super) fn note<'a>(&self, found: impl Iterator<Item = &'a Candidate>) {
        let mut sending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for candidate in found.filter(|candidate| candidate.facts.dns_verified) {
            if sending.len() < MOST {
                sending.insert(candidate.domain);
            }
        }
    }

    fn take(&self) -> Vec<DomainId> {
        let sending = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        sending.into_iter().map(DomainId).collect()
    }
}

impl Ops {
    /// Writes down which domains have sent.
    ///
    /// # Errors
    /// When the store fails; those noted are noted anew with their next message.
    pub async fn flush_sending(&self) -> Result<(), StoreError> {
        for some in self.sending.take().chunks(AT_ONCE) {
            self.store.note_sending(some, self.clock.now()).await?;
        }
        Ok(())
    }
}
