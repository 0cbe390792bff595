//! The first start, and the key file that belongs to the database.

use super::{Ops, Refused, Result as Outcome, authn};
use crate::{
    keys::KeyFile,
    store::{Cause, StoreError},
};
use std::sync::Arc;

/// What the first start made.
#[derive(Debug)]
pub struct FirstStart {
    /// The first account.
    pub account: crate::store::Account,
    /// An admin token for it, shown once.
    pub token: String,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum NotInstalled {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key file is missing, damaged or not the one.
    #[error("{0}")]
    Key(String),
}

impl Ops {
    /// Sees that database and key file belong together. An empty database gets
    /// its first account and token, and a key file if there is none yet.
    ///
    /// # Errors
    /// When the key file is not the one the database was made with.
    pub async fn install(&self) -> Result<(KeyFile, Option<FirstStart>), NotInstalled> {
        let path = &self.config.key_file;
        if self.store.is_empty().await? {
            let key = KeyFile::open_or_make(path, &self.random).map_err(NotInstalled::Key)?;
            let account = self.new_account("default".to_string(), self.config.owner_email.clone());
            let token = self.new_secret();
            let cause = Cause { reason: "first start".to_string(), ..Cause::signet(self.clock.now()) };
            let kept = Some((authn::token_hash(&token), authn::last4(&token)));
            if let Some(account) = self.store.initialise(&account, kept, &key.fingerprint(), &cause).await? {
                return Ok((key, Some(FirstStart { account, token })));
            }
            // Another node was first; its key file must be ours too.
        }
        Ok((self.key_file().await?, None))
    }

    /// The key file, with the version sealing that the database names.
    ///
    /// # Errors
    /// When it is not the one of this database.
    pub async fn key_file(&self) -> Result<KeyFile, NotInstalled> {
        let path = &self.config.key_file;
        let key = KeyFile::open(path).map_err(NotInstalled::Key)?;
        match self.store.key_fingerprint().await? {
            Some(noted) if key.select(&noted) => Ok(key),
            _ => Err(NotInstalled::Key(format!(
                "{} is not the key this database was made with, or no longer holds the version that it lies \
                 under; put the right key file there or name it in SIGNET_KEY_FILE",
                path.display()
            ))),
        }
    }

    /// Makes a write that keeps something sealed. Where the key-encryption key was
    /// replaced meanwhile, it is sealed anew under the one that seals now, once.
    ///
    /// # Errors
    /// What the write says; [`StoreError::SealedBefore`] where this node's key file
    /// lacks the version that seals, and nothing was written.
    pub(super) async fn sealing<T, F>(&self, write: impl Fn(Arc<KeyFile>) -> F) -> Outcome<T>
    where
        F: Future<Output = Outcome<T>>,
    {
        let no_key = || Refused::invalid("base", "This process has no key file to seal with");
        let file = self.key.as_ref().ok_or_else(no_key)?;
        match write(file.clone()).await {
            Err(Refused::Store(StoreError::SealedBefore)) => {}
            done => return done,
        }
        match self.follow_key_file(file).await {
            Ok(()) => write(file.clone()).await,
            Err(NotInstalled::Store(error)) => Err(error.into()),
            Err(NotInstalled::Key(error)) => {
                tracing::error!(%error, "nothing can be sealed");
                Err(StoreError::SealedBefore.into())
            }
        }
    }

    /// Has the version of the key file seal that the database names by now. Another
    /// process may have replaced it (`signet keys rewrap`), and retired others in the
    /// file, which are forgotten.
    ///
    /// # Errors
    /// When the store fails, and for the operator where this node's key file lacks
    /// that version.
    pub async fn follow_key_file(&self, key: &KeyFile) -> Result<(), NotInstalled> {
        let noted = self.store.key_fingerprint().await?;
        key.read_if_changed().map_err(NotInstalled::Key)?;
        let Some(noted) = noted.filter(|noted| *noted != key.fingerprint()) else {
            return Ok(());
        };
        if !key.select(&noted) {
            return Err(NotInstalled::Key(format!(
                "the key file {} lacks the version that the database lies under by now: bring this node the \
                 file that signet keys rewrap has changed",
                self.config.key_file.display()
            )));
        }
        tracing::info!(version = key.current(), "another version of the key file seals from now on");
        Ok(())
    }
}
