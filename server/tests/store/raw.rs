//! Past the store, to what it has written.

use signet::store::AccountId;
use sqlx::{Connection as _, Row as _};

/// A connection past the store.
pub(crate) enum Raw {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Raw {
    pub(crate) async fn connect(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            Self::Sqlite(sqlx::SqliteConnection::connect(url).await.unwrap())
        } else {
            Self::Postgres(sqlx::PgConnection::connect(url).await.unwrap())
        }
    }

    /// The rows of two numbers a statement on an account gives.
    pub(crate) async fn run(&mut self, sql: &'static str, account: AccountId) -> Vec<(i64, i64)> {
        macro_rules! rows {
            ($conn:expr) => {
                sqlx::query(sql)
                    .bind(account.0)
                    .fetch_all($conn)
                    .await
                    .unwrap()
                    .iter()
                    .map(|row| (row.get(0), row.get(1)))
                    .collect()
            };
        }
        match self {
            Self::Sqlite(conn) => rows!(conn),
            Self::Postgres(conn) => rows!(conn),
        }
    }

    /// Runs a statement for what it does.
    pub(crate) async fn execute(&mut self, sql: &'static str) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(conn) => Ok(sqlx::query(sql).execute(conn).await?.rows_affected()),
            Self::Postgres(conn) => Ok(sqlx::query(sql).execute(conn).await?.rows_affected()),
        }
    }
}
