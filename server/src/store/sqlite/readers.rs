//! The connections that read.
//!
//! Not sqlx's own pool: that one sends every connection a ping over its thread,
//! from a task of its own, before it takes it back, which costs about as much
//! as a small statement. Nothing is left behind here that a ping would clear
//! away: what a caller that gave up has asked for is run to its end by the
//! connection's thread, before whatever comes next.

use crate::store::{Result, StoreError};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// A connection is asked whether it still answers when this has gone by since.
const TRUSTED: Duration = Duration::from_secs(1);

/// A fixed number of connections, opened when first needed.
pub(super) struct Readers {
    options: SqliteConnectOptions,
    places: Semaphore,
    free: Mutex<Vec<Free>>,
    most: u32,
    patience: Duration,
}

struct Free {
    conn: SqliteConnection,
    tested: Instant,
}

/// A connection lent out.
pub(super) struct Reader<'a> {
    readers: &'a Readers,
    /// There until it is given back.
    free: Option<Free>,
    _place: SemaphorePermit<'a>,
}

impl Readers {
    /// At most `most` connections; whoever wants one waits up to `patience`.
    pub(super) fn new(options: SqliteConnectOptions, most: u32, patience: Duration) -> Self {
        let places = Semaphore::new(most as usize);
        Self { options, places, free: Mutex::default(), most, patience }
    }

    /// The connection that was used last of those that are free.
    pub(super) async fn acquire(&self) -> Result<Reader<'_>> {
        let place = match self.places.try_acquire() {
            Ok(place) => place,
            Err(_) => tokio::time::timeout(self.patience, self.places.acquire())
                .await
                .map_err(|_| StoreError::Database(sqlx::Error::PoolTimedOut))?
                .map_err(|_| StoreError::Database(sqlx::Error::PoolClosed))?,
        };
        let used = self.free().pop();
        let free = match used {
            Some(free) => free.trusted().await,
            None => None,
        };
        let free = match free {
            Some(free) => free,
            None => Free { conn: self.another().await?, tested: Instant::now() },
        };
        Ok(Reader { readers: self, free: Some(free), _place: place })
    }

    /// A connection for somebody who will keep it for long.
    pub(super) async fn another(&self) -> Result<SqliteConnection> {
        Ok(SqliteConnection::connect_with(&self.options).await?)
    }

    /// Waits for those lent out, and closes all.
    pub(super) async fn close(&self) {
        let all = self.places.acquire_many(self.most).await;
        self.places.close();
        drop(all);
        let free = std::mem::take(&mut *self.free());
        for Free { conn, .. } in free {
            if let Err(error) = conn.close().await {
                tracing::warn!(%error, "a connection to the database was not closed cleanly");
            }
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Free>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Free {
    /// Itself, unless its thread has died.
    async fn trusted(mut self) -> Option<Self> {
        if self.tested.elapsed() >= TRUSTED {
            self.conn.ping().await.ok()?;
            self.tested = Instant::now();
        }
        Some(self)
    }
}

impl Deref for Reader<'_> {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.free.as_ref().expect("it is given back by Drop alone").conn
    }
}

impl DerefMut for Reader<'_> {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.free.as_mut().expect("it is given back by Drop alone").conn
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        // Before the place is, which goes with the fields.
        if let Some(free) = self.free.take() {
            self.readers.free().push(free);
        }
    }
}
