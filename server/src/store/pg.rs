//! The store in PostgreSQL, for any number of nodes.

#[macro_use]
mod dialect;
#[expect(clippy::duplicate_mod, reason = "one source for two databases is the point: it cannot drift apart")]
#[path = "sql/mod.rs"]
mod sql;

use super::{DomainId, Due, Result, StoreError, stored::json};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use sqlx::{
    Connection as _, Executor as _, PgConnection, PgPool, Postgres, Row as _,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use std::{str::FromStr as _, time::Duration};

type Db = Postgres;
type Handle = PgStore;

const MIGRATIONS: &[(i64, &str, &str)] =
    &[(1, "initial", include_str!("../../migrations/postgres/0001_initial.sql"))];

/// How long for one of the pool's connections. A burst on one account or one
/// demo domain stands behind one row and takes all of them: those who come then
/// wait their turn, which on a slow disk is many seconds away.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a transaction that lost against another is run in all.
const TRIES: u32 = 5;

/// See the module.
pub struct PgStore {
    pool: PgPool,
}

/// What a transaction does.
type Work<A, T> = for<'a> fn(&'a mut PgConnection, &'a A) -> BoxFuture<'a, Result<T>>;

impl PgStore {
    /// Opens the database the URL names, which must exist.
    ///
    /// # Errors
    /// When the URL is malformed, or the database cannot be reached or brought
    /// up to date.
    pub async fn open(url: &str) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| StoreError::Url(error.to_string()))?
            .application_name("signet");
        // The pool tries again until its patience is over and then says only
        // that; why there is no connection, the first one says.
        PgConnection::connect_with(&options).await?.close().await?;
        let pool =
            PgPoolOptions::new().max_connections(10).acquire_timeout(PATIENCE).connect_with(options).await?;
        let mut conn = pool.acquire().await?;
        sql::migrator().run_direct(None, &mut *conn, false).await?;
        drop(conn);
        Ok(Self { pool })
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

    async fn reader(&self) -> Result<PoolConnection<Postgres>> {
        Ok(self.pool.acquire().await?)
    }

    /// A transaction that sees the database as it is now, whatever is written.
    async fn snapshot(&self) -> Result<sqlx::Transaction<'static, Postgres>> {
        Ok(self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
    }

    async fn write<A, T>(&self, args: A, work: Work<A, T>) -> Result<T>
    where
        A: Send + Sync + 'static,
        T: Send + 'static,
    {
        let mut tries = 1;
        loop {
            let result = self.transaction(&args, work).await;
            match result {
                Err(error) if tries < TRIES && lost_to_another(&error) => tries += 1,
                result => return result,
            }
        }
    }

    async fn transaction<A, T>(&self, args: &A, work: Work<A, T>) -> Result<T> {
        let mut transaction = self.pool.begin().await?;
        let value = work(&mut transaction, args).await?;
        transaction.commit().await?;
        Ok(value)
    }

    /// See [`crate::store::Store::claim_due`]. The lease is in the row, where
    /// every node sees it.
    async fn take_due(&self, now: Timestamp, lease_until: Timestamp, limit: u32) -> Result<Vec<Due>> {
        self.write((now, lease_until, limit), |conn, &(now, until, limit)| {
            Box::pin(take_due(conn, now, until, limit))
        })
        .await
    }

    /// The rows say themselves when nobody holds them any more.
    async fn release(&self, _: impl Iterator<Item = (DomainId, i64)>) {}

    /// Nobody whom the rows do not tell of.
    async fn held(&self, _: Timestamp) -> i64 {
        0
    }

    async fn next_turn(&self) -> Result<Option<Timestamp>> {
        let mut conn = self.reader().await?;
        sql::next_due(&mut conn, sql::query(dialect::NEXT_DUE)).await
    }

    async fn shut(&self) {
        self.pool.close().await;
    }
}

async fn take_due(
    conn: &mut PgConnection,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<Due>> {
    let (oldest, newest) = sql::shares(limit);
    let claim = sql::query(dialect::CLAIM_DUE).bind(now.as_microsecond()).bind(lease_until.as_microsecond());
    let claimed = conn.fetch_all(claim.bind(oldest).bind(newest)).await?;
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let ids = claimed.iter().map(|row| Ok(row.try_get(0)?)).collect::<Result<Vec<i64>>>()?;
    sql::claimed(conn, sql::claim().bind(json(&ids))).await
}

/// A serialization failure or a deadlock: nothing was written, and the same
/// again will do.
fn lost_to_another(error: &StoreError) -> bool {
    match error {
        StoreError::Database(sqlx::Error::Database(error)) => {
            matches!(error.code().as_deref(), Some("40001" | "40P01"))
        }
        _ => false,
    }
}
