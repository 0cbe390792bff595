//! The store in a SQLite file, for one node.
//!
//! One connection writes (see [`writer`]), some beside it read (see
//! [`readers`]); in WAL mode neither waits for the other. Other processes (the command line) may open the
//! same file.

#[macro_use]
mod dialect;
mod leases;
mod readers;
#[path = "sql/mod.rs"]
mod sql;
mod writer;

use super::{DomainId, Due, Result, StoreError, stored::json};
use jiff::Timestamp;
use leases::Leases;
use readers::{Reader, Readers};
use sqlx::{
    Connection as _, Executor as _, Sqlite, SqliteConnection,
    migrate::Migrate as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    path::Path,
    str::FromStr as _,
    sync::Mutex,
    time::{Duration, Instant},
};
use writer::Work;

type Db = Sqlite;
type Handle = SqliteStore;

const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "initial", include_str!("../../migrations/sqlite/0001_initial.sql"))];

/// How long a statement waits for another process to finish writing.
const BUSY: Duration = Duration::from_secs(10);
const READERS: u32 = 4;

/// See the module.
pub struct SqliteStore {
    readers: Readers,
    writer: Mutex<Option<writer::Sender>>,
    running: tokio::sync::Mutex<Option<tokio::task::JoinHandle<()>>>,
    leases: tokio::sync::Mutex<Leases>,
}

impl SqliteStore {
    /// Whether there is such a file.
    #[must_use]
    pub fn is_there(url: &str) -> bool {
        SqliteConnectOptions::from_str(url).is_ok_and(|options| options.get_filename().exists())
    }

    /// Opens the file `sqlite:PATH` names, making it if there is none, readable
    /// by its owner alone.
    ///
    /// # Errors
    /// When the URL names no file, or the file cannot be opened or brought up
    /// to date.
    pub async fn open(url: &str) -> Result<Self> {
        let options =
            SqliteConnectOptions::from_str(url).map_err(|error| StoreError::Url(error.to_string()))?;
        let in_memory = url.contains(":memory:") || url.contains("mode=memory");
        let file = options.get_filename().to_path_buf();
        if in_memory || file.as_os_str().is_empty() {
            return Err(StoreError::Url(
                "a database in memory is not supported, since several connections share it: name a file, as in \
                 sqlite:signet.db"
                    .to_string(),
            ));
        }
        make_private(&file)?;
        let options = options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .statement_cache_capacity(256);
        let mut conn = connect_first(&options).await?;
        bring_up_to_date(&mut conn).await?;
        // Not opened read-only, so that a reader can recover the log.
        let reading = options.clone().row_buffer_size(256).pragma("query_only", "ON");
        let readers = Readers::new(reading, READERS, BUSY);
        let (sender, running) = writer::start(conn, options);
        Ok(Self {
            readers,
            writer: Mutex::new(Some(sender)),
            running: tokio::sync::Mutex::new(Some(running)),
            leases: tokio::sync::Mutex::default(),
        })
    }

    /// Puts every statement before the database without running it; how many
    /// there are.
    ///
    /// # Errors
    /// The first statement that does not fit the schema.
    pub async fn prepare_statements(&self) -> Result<usize> {
        let mut conn = self.reader().await?;
        sql::prepare_all(&mut conn).await
    }

    /// Runs one statement that reads, with two numbers for its arguments, and
    /// drops what it finds: what whole requests are measured against. Whether
    /// there was a row.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn bare_read(&self, statement: &'static str, arguments: [i64; 2]) -> Result<bool> {
        let [first, second] = arguments;
        let mut conn = self.reader().await?;
        Ok(conn.fetch_optional(sqlx::query(statement).bind(first).bind(second)).await?.is_some())
    }

    async fn reader(&self) -> Result<Reader<'_>> {
        self.readers.acquire().await
    }

    /// A connection in a transaction that sees the database as it is now,
    /// whatever is written.
    async fn snapshot(&self) -> Result<SqliteConnection> {
        let mut conn = self.readers.another().await?;
        conn.execute("BEGIN").await?;
        Ok(conn)
    }

    async fn write<A, T>(&self, args: A, work: Work<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let sender = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        match sender {
            Some(sender) => writer::submit(sender, args, work).await,
            None => Err(StoreError::Database(sqlx::Error::PoolClosed)),
        }
    }

    /// See [`crate::store::Store::claim_due`]. Nothing is written; see
    /// [`leases`].
    async fn take_due(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<Due>> {
        // Held until the claim is noted: what is applied meanwhile is given up
        // afterwards, so that nobody reads it as due and sees it free.
        let mut leases = self.leases.lock().await;
        leases.expire(now);
        let (oldest, newest) = sql::shares(limit);
        let claim = sql::claim().bind(now.as_microsecond()).bind(oldest).bind(newest);
        let mut conn = self.reader().await?;
        let claimed = sql::claimed(&mut conn, claim.bind(json(&leases.held()))).await?;
        leases.take(&claimed, lease_until);
        Ok(claimed)
    }

    /// These are not being looked at any more.
    async fn release(&self, claims: impl Iterator<Item = (DomainId, i64)>) {
        self.leases.lock().await.release(claims);
    }

    /// How many are being looked at whose rows do not tell.
    async fn held(&self, now: Timestamp) -> i64 {
        let mut leases = self.leases.lock().await;
        leases.expire(now);
        i64::try_from(leases.held().len()).unwrap_or(i64::MAX)
    }

    async fn next_turn(&self) -> Result<Option<Timestamp>> {
        let (held, first_end) = {
            let leases = self.leases.lock().await;
            (json(&leases.held()), leases.first_end())
        };
        let mut conn = self.reader().await?;
        let next = sql::next_due(&mut conn, sql::query(dialect::NEXT_DUE).bind(held)).await?;
        Ok(next.into_iter().chain(first_end).min())
    }

    async fn shut(&self) {
        drop(self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take());
        // Readers first: the last connection to close tidies the log away.
        self.readers.close().await;
        if let Some(running) = self.running.lock().await.take()
            && running.await.is_err()
        {
            tracing::error!("the database's writer panicked");
        }
    }
}

/// The connection that writes.
async fn connect_writer(
    options: &SqliteConnectOptions,
) -> std::result::Result<SqliteConnection, sqlx::Error> {
    // 64 MiB of pages, and a log of 64 MiB before it is worked in: looks touch
    // rows all over the file, each twice within moments, and a longer log has
    // more of them written to their place once for several changes.
    let options = options
        .clone()
        .row_buffer_size(512)
        .pragma("cache_size", "-65536")
        // What a savepoint would go back to, else in a file made for each.
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", "16000");
    SqliteConnection::connect_with(&options).await
}

/// The first connection, which turns a new file to WAL mode. SQLite refuses that
/// at once, without the wait it makes elsewhere, while another process reads or
/// turns the file itself.
async fn connect_first(options: &SqliteConnectOptions) -> std::result::Result<SqliteConnection, sqlx::Error> {
    let began = Instant::now();
    loop {
        match connect_writer(options).await {
            Err(error) if is_busy(&error) && began.elapsed() < BUSY => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            connected => return connected,
        }
    }
}

/// SQLITE_BUSY, in one of its extended forms or as it is.
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.is_some_and(|code| code & 0xff == 5)
}

/// Brings the schema up to date. The migrator locks nothing on SQLite: where
/// several processes meet on a new file, one makes the tables in a transaction
/// for which the others wait.
async fn bring_up_to_date(conn: &mut SqliteConnection) -> Result<()> {
    let migrator = sql::migrator();
    conn.ensure_migrations_table(&migrator.table_name).await?;
    let applied = conn.list_applied_migrations(&migrator.table_name).await?.len();
    if applied < MIGRATIONS.len() {
        let mut alone = conn.begin_with("BEGIN IMMEDIATE").await?;
        migrator.run_direct(None, &mut *alone, false).await?;
        alone.commit().await?;
        Ok(())
    } else {
        // Writes nothing; compares.
        Ok(migrator.run_direct(None, conn, false).await?)
    }
}

/// SQLite gives its log and index the mode of the database file.
fn make_private(file: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::Url(format!("{} cannot be made: {error}", file.display()))),
    }
}
