//! Replacing the key-encryption key, while servers run.
//!
//! 1. A new version is added to the key file. It does not seal yet.
//! 2. The database is told that it seals from now on. Servers notice within a
//!    second, reading the file again, and seal under it.
//! 3. What lies under other versions is moved, page by page: data keys are wrapped
//!    anew; the DKIM keys and secrets under them stay as they are.
//! 4. If that is asked for, the old versions are taken out of the key file.
//!
//! Where it stands is read off the file and the database before each
//! [step](Rewrap::step), so that it can stop anywhere and be gone on with.

use super::{Ops, Refused, Result, installation::NotInstalled};
use crate::{
    keys::{KeyFile, KeyOwner, Locked},
    store::{Cause, DomainId, Rewrapped, SecretPlace},
};
use signet_core::rotation::Selector;
use std::time::Duration;

/// Rows moved in one transaction.
const PAGE: u32 = 256;
/// Servers look which version seals every second; after twice that none seals under
/// an old one.
pub const SETTLE: Duration = Duration::from_secs(2);

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// A new version is in the file, and nothing else is changed: for bringing the
    /// file to other nodes first.
    Prepare,
    /// Everything lies under a new version.
    Rewrap,
    /// And the old ones are gone. Where something lies under an old one from before, or
    /// one is still in the file, that is finished instead.
    RetireOld,
}

/// One thing done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// A version was added to the file.
    Added(u32),
    /// It seals from now on.
    Seals(u32),
    /// So many DKIM keys' data keys were moved, and so many are to come.
    Keys {
        /// Moved just now.
        moved: u64,
        /// Still to be moved.
        left: u64,
    },
    /// So many other secrets were moved.
    Secrets(u64),
    /// A version was taken out of the file.
    Retired(u32),
}

/// A replacement under way. Only one runs on a machine, and only one comes through
/// where several machines have tried.
pub struct Rewrap<'a> {
    ops: &'a Ops,
    file: &'a KeyFile,
    locked: Locked<'a>,
    goal: Goal,
    /// The version everything is to lie under.
    target: u32,
    phase: Phase,
    /// How long it is waited for servers to notice.
    settle: Duration,
    /// What does not open under any version of the file.
    unreadable: u64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    File,
    Keys(Option<(DomainId, Selector)>),
    Secrets,
    Settled,
}

impl From<NotInstalled> for Refused {
    fn from(error: NotInstalled) -> Self {
        match error {
            NotInstalled::Store(error) => Self::Store(error),
            NotInstalled::Key(message) => Self::invalid("base", message),
        }
    }
}

impl Ops {
    /// Begins to replace the key-encryption key in `file`, or goes on with that.
    ///
    /// # Errors
    /// [`Refused::Invalid`] when somebody else does, or the file is not this
    /// database's.
    pub async fn rewrap<'a>(&'a self, file: &'a KeyFile, goal: Goal, settle: Duration) -> Result<Rewrap<'a>> {
        let locked = file.lock().map_err(|e| Refused::invalid("base", e))?;
        self.follow_key_file(file).await?;
        let (current, last) = (file.current(), file.last());
        let (_, others) = self.store.count_wrapped(last).await?;
        let unfinished = current != last
            || others > 0
            || self.secrets_elsewhere(last).await?
            || (goal == Goal::RetireOld && file.present().len() > 1);
        let target = if unfinished { last } else { last + 1 };
        let phase = Phase::File;
        Ok(Rewrap { ops: self, file, locked, goal, target, phase, settle, unreadable: 0 })
    }

    /// Whether a secret lies under another version.
    async fn secrets_elsewhere(&self, kek: u32) -> Result<bool> {
        for place in SecretPlace::ALL {
            if !self.store.secrets(place, kek, None, 1).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Rewrap<'_> {
    /// The version everything is to lie under.
    #[must_use]
    pub fn target(&self) -> u32 {
        self.target
    }

    /// How many DKIM keys and secrets no version of the file opens. They stay as they
    /// are, and no version is retired while there are any.
    #[must_use]
    pub fn unreadable(&self) -> u64 {
        self.unreadable
    }

    /// Does the next thing; `None` when there is nothing more to do.
    ///
    /// # Errors
    /// When the file or the database cannot be written, or another machine was
    /// faster.
    pub async fn step(&mut self) -> Result<Option<Done>> {
        loop {
            match self.phase {
                Phase::File => {
                    if let Some(done) = self.seal_with_target().await? {
                        return Ok(Some(done));
                    }
                    if self.goal == Goal::Prepare {
                        return Ok(None);
                    }
                    self.phase = Phase::Keys(None);
                }
                Phase::Keys(after) => match self.move_keys(after).await? {
                    Some(done) => return Ok(Some(done)),
                    None => self.phase = Phase::Secrets,
                },
                Phase::Secrets => match self.move_secrets().await? {
                    0 if self.settle.is_zero() => self.phase = Phase::Settled,
                    // Once more, for what servers have sealed that had not noticed yet.
                    0 => {
                        tokio::time::sleep(std::mem::take(&mut self.settle)).await;
                        (self.phase, self.unreadable) = (Phase::Keys(None), 0);
                    }
                    moved => return Ok(Some(Done::Secrets(moved))),
                },
                Phase::Settled => return self.retire(),
            }
        }
    }

    async fn seal_with_target(&self) -> Result<Option<Done>> {
        if self.file.last() < self.target {
            // Sealed secrets tell versions apart by two octets.
            if self.target > u32::from(u16::MAX) {
                return Err(Refused::invalid("base", "the key file has had as many versions as it can"));
            }
            let added = self.locked.add(&self.ops.random).map_err(|e| Refused::invalid("base", e))?;
            return Ok(Some(Done::Added(added)));
        }
        if self.goal == Goal::Prepare || self.file.current() == self.target {
            return Ok(None);
        }
        let before = self.file.current();
        let print = |version| self.file.fingerprint_of(version).unwrap_or_default();
        let cause = Cause::command_line("", self.ops.clock.now());
        let (from, to) = (print(before), print(self.target));
        let replaced = self.ops.store.replace_key_fingerprint((before, &from), (self.target, &to), &cause);
        if !replaced.await? || !self.file.select(&to) {
            let message =
                "another machine has replaced the key-encryption key just now; bring its key file here";
            return Err(Refused::invalid("base", message));
        }
        Ok(Some(Done::Seals(self.target)))
    }

    async fn move_keys(&mut self, after: Option<(DomainId, Selector)>) -> Result<Option<Done>> {
        let page = self.ops.store.wrapped_keys(self.target, after, PAGE).await?;
        let Some(last) = page.last().map(crate::store::WrappedKey::place) else {
            return Ok(None);
        };
        let found = page.len();
        let keys: Vec<Rewrapped> = page
            .into_iter()
            .filter_map(|before| {
                let owner = KeyOwner { domain: &before.domain, selector: before.selector, id: &before.id };
                let moved = self.file.rewrap(before.kek, &before.wrapped, &owner, &self.ops.random);
                if moved.is_none() {
                    tracing::error!(key = before.id, domain = %before.domain.domain, "a data key does not open");
                }
                moved.map(|(kek, wrapped)| Rewrapped { before, kek, wrapped })
            })
            .collect();
        self.unreadable += (found - keys.len()) as u64;
        let moved = self.ops.store.rewrap_keys(&keys).await?;
        self.phase = Phase::Keys(Some(last));
        let (_, left) = self.ops.store.count_wrapped(self.target).await?;
        Ok(Some(Done::Keys { moved, left }))
    }

    /// Moves all of them: there are few.
    async fn move_secrets(&mut self) -> Result<u64> {
        let mut moved = 0;
        for place in SecretPlace::ALL {
            let mut after: Option<String> = None;
            loop {
                let page = self.ops.store.secrets(place, self.target, after.as_deref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.row.clone());
                let found = page.len();
                let random = &self.ops.random;
                let secrets: Vec<_> = page
                    .into_iter()
                    .filter_map(|before| {
                        let after = self.file.rewrap_secret(&before.sealed, random)?;
                        Some((before, after))
                    })
                    .collect();
                if secrets.len() < found {
                    tracing::error!(?place, rows = found - secrets.len(), "sealed secrets do not open");
                }
                self.unreadable += (found - secrets.len()) as u64;
                moved += self.ops.store.rewrap_secrets(place, &secrets).await?;
            }
        }
        Ok(moved)
    }

    fn retire(&mut self) -> Result<Option<Done>> {
        let old = self.file.present().into_iter().find(|version| *version != self.target);
        let Some(version) = old.filter(|_| self.goal == Goal::RetireOld) else {
            return Ok(None);
        };
        if self.unreadable > 0 {
            let message = format!("{} rows could not be moved; no version is retired", self.unreadable);
            return Err(Refused::invalid("base", message));
        }
        self.locked.retire(version).map_err(|e| Refused::invalid("base", e))?;
        Ok(Some(Done::Retired(version)))
    }
}
