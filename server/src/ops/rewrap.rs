//! Replacing the key-encryption key, while servers run.
//!
//! 1. A new version is added to the key file. It does not seal yet.
//! 2. The database is told that it seals from now on, and takes nothing any more that
//!    is sealed under another. Servers notice within a second, or when something is
//!    refused, read the file again, and seal under it.
//! 3. What lies under other versions is moved, page by page: data keys are wrapped
//!    anew; the DKIM keys and secrets under them stay as they are.
//! 4. If that is asked for, the old versions are taken out of the key file.
//!
//! Where it stands is read off the file and the database before each
//! [step](Rewrap::step), so that it can stop anywhere and be gone on with.

use super::{Ops, Refused, Result, installation::NotInstalled};
use crate::{
    keys::{KeyFile, KeyOwner, Locked},
    store::{Cause, DomainId, Rewrapped, SecretPlace, StoreError, WrappedKey},
};
use signet_core::rotation::Selector;

/// Rows moved in one transaction.
const PAGE: u32 = 256;
/// How many rows that do not open are named.
const NAMED: usize = 20;

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
    unreadable: Unreadable,
}

/// What does not open under any version of the file. It stays as it is, and no version
/// is retired while there is any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unreadable {
    /// How many DKIM keys and secrets.
    pub rows: u64,
    /// The first of them, for the operator.
    pub named: Vec<String>,
}

impl Unreadable {
    fn add(&mut self, name: String) {
        tracing::error!(row = name, "something sealed does not open");
        self.rows += 1;
        if self.named.len() < NAMED {
            self.named.push(name);
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    File,
    Keys(Option<(DomainId, Selector)>),
    Secrets,
    Moved,
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
    pub async fn rewrap<'a>(&'a self, file: &'a KeyFile, goal: Goal) -> Result<Rewrap<'a>> {
        let locked = file.lock().map_err(|e| Refused::invalid("base", e))?;
        self.follow_key_file(file).await?;
        let last = file.last();
        let unfinished = file.current() != last
            || match goal {
                Goal::Prepare => false,
                Goal::Rewrap => self.can_be_moved(file, last).await?,
                Goal::RetireOld => file.present().len() > 1,
            };
        let target = if unfinished { last } else { last + 1 };
        let (phase, unreadable) = (Phase::File, Unreadable::default());
        Ok(Rewrap { ops: self, file, locked, goal, target, phase, unreadable })
    }

    /// Whether something lies under another version, and opens: what does not must not
    /// stand in the way of a new version for ever.
    async fn can_be_moved(&self, file: &KeyFile, kek: u32) -> Result<bool> {
        let mut after = None;
        loop {
            let page = self.store.wrapped_keys(kek, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.place());
            if page.iter().any(|key| self.rewrapped(file, key).is_some()) {
                return Ok(true);
            }
        }
        for place in SecretPlace::ALL {
            let mut after: Option<String> = None;
            loop {
                let page = self.store.secrets(place, kek, after.as_deref(), PAGE).await?;
                let Some(last) = page.last() else { break };
                after = Some(last.row.clone());
                if page.iter().any(|secret| file.rewrap_secret(&secret.sealed, &self.random).is_some()) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn rewrapped(&self, file: &KeyFile, key: &WrappedKey) -> Option<(u32, Vec<u8>)> {
        let owner = KeyOwner { domain: &key.domain, selector: key.selector, id: &key.id };
        file.rewrap(key.kek, &key.wrapped, &owner, &self.random)
    }
}

impl Rewrap<'_> {
    /// The version everything is to lie under.
    #[must_use]
    pub fn target(&self) -> u32 {
        self.target
    }

    /// What was not moved.
    #[must_use]
    pub fn unreadable(&self) -> &Unreadable {
        &self.unreadable
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
                Phase::Secrets => {
                    let moved = self.move_secrets().await?;
                    self.phase = Phase::Moved;
                    if moved > 0 {
                        return Ok(Some(Done::Secrets(moved)));
                    }
                }
                Phase::Moved => return self.retire().await,
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
        let cause = Cause::command_line("", self.ops.clock.now());
        let (from, to) = (self.file.fingerprint(), self.target_fingerprint());
        let replaced = self.ops.store.replace_key_fingerprint((before, &from), (self.target, &to), &cause);
        if !replaced.await? || !self.file.select(&to) {
            return Err(overtaken());
        }
        Ok(Some(Done::Seals(self.target)))
    }

    fn target_fingerprint(&self) -> String {
        self.file.fingerprint_of(self.target).unwrap_or_default()
    }

    async fn move_keys(&mut self, after: Option<(DomainId, Selector)>) -> Result<Option<Done>> {
        let page = self.ops.store.wrapped_keys(self.target, after, PAGE).await?;
        let Some(last) = page.last().map(WrappedKey::place) else {
            return Ok(None);
        };
        let mut keys = Vec::with_capacity(page.len());
        for before in page {
            match self.ops.rewrapped(self.file, &before) {
                Some((kek, wrapped)) => keys.push(Rewrapped { before, kek, wrapped }),
                None => {
                    let WrappedKey { domain, id, kek, .. } = &before;
                    self.unreadable.add(format!("DKIM key {id} of domain {}, version {kek}", domain.domain));
                }
            }
        }
        let moved =
            self.ops.store.rewrap_keys(&keys, &self.target_fingerprint()).await.map_err(or_overtaken)?;
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
                let mut secrets = Vec::with_capacity(page.len());
                for before in page {
                    match self.file.rewrap_secret(&before.sealed, &self.ops.random) {
                        Some(after) => secrets.push((before, after)),
                        None => self.unreadable.add(format!("{} {}", place.what(), before.row)),
                    }
                }
                let under = self.target_fingerprint();
                let written = self.ops.store.rewrap_secrets(place, &secrets, &under).await;
                moved += written.map_err(or_overtaken)?;
            }
        }
        Ok(moved)
    }

    async fn retire(&mut self) -> Result<Option<Done>> {
        let old = self.file.present().into_iter().find(|version| *version != self.target);
        let Some(version) = old.filter(|_| self.goal == Goal::RetireOld) else {
            return Ok(None);
        };
        let Unreadable { rows, named } = &self.unreadable;
        if *rows > 0 {
            let message = format!(
                "{rows} rows open under no version of the key file and could not be moved; no version is retired. \
                 Replace what they are (a DKIM key by signet keys rotate, with --compromised where none of the domain's \
                 signs yet; a secret by a new one), then run this again: {}",
                named.join("; ")
            );
            return Err(Refused::invalid("base", message));
        }
        // From here on nothing is taken that lies under another: the database names the
        // target as the one that seals.
        let under = self.target_fingerprint();
        if !self.ops.store.lies_under(self.target, &under).await.map_err(or_overtaken)? {
            let message = "something still lies under an old version, since it was changed while it was moved; no \
                version is retired. Run this again";
            return Err(Refused::invalid("base", message));
        }
        self.locked.retire(version).map_err(|e| Refused::invalid("base", e))?;
        Ok(Some(Done::Retired(version)))
    }
}

fn overtaken() -> Refused {
    Refused::invalid(
        "base",
        "another machine has replaced the key-encryption key just now; bring its key file here",
    )
}

fn or_overtaken(error: StoreError) -> Refused {
    match error {
        StoreError::SealedBefore => overtaken(),
        error => error.into(),
    }
}
