//! The statements and what is done with them: one source, compiled once for
//! SQLite (inside [`crate::store::sqlite`]) and once for PostgreSQL (inside
//! [`crate::store::pg`]).
//!
//! The parent module gives the names `Db`, `Handle` and `dialect`. Functions
//! take a connection and are run inside a transaction that `Handle` begins and
//! ends; on PostgreSQL they may be run again when they lose against another.

mod accounts;
mod api;
mod apply;
mod asked;
mod audit;
mod backup;
mod checks;
mod company;
mod conclude;
mod deliveries;
mod dns_access;
mod docket;
mod domains;
mod events;
mod idempotency;
mod kept;
mod keys;
mod notices;
mod operator;
mod outbox;
mod proofs;
mod raw;
mod restore;
mod review;
mod rows;
mod sealed;
mod sender;
mod sending;
mod standing;
mod tokens;
mod turns;
mod webhooks;
mod zone;

use super::{Db, Handle, MIGRATIONS, dialect};
use crate::store::Result;
use sqlx::{
    Database, Executor as _, SqlSafeStr as _,
    migrate::{Migration, MigrationType, Migrator},
};

type Conn = <Db as Database>::Connection;
type Row = <Db as Database>::Row;

pub(super) type Query = sqlx::query::Query<'static, Db, <Db as Database>::Arguments>;

pub(super) use checks::{claim, claimed, next_due, shares};

/// A statement to bind arguments to.
pub(super) fn query(sql: &'static str) -> Query {
    sqlx::query(sql)
}

/// Takes a lock for the rest of the transaction, where the database needs one.
async fn lock<'a, T>(conn: &mut Conn, statement: Option<&'static str>, of: T) -> Result<()>
where
    T: sqlx::Encode<'a, Db> + sqlx::Type<Db>,
{
    if let Some(statement) = statement {
        // Fetched to the end: a lock is taken on each row as it is read.
        conn.fetch_all(query(statement).bind(of)).await?;
    }
    Ok(())
}

/// Puts every statement before the database, without running it, and says how
/// many there are.
pub(super) async fn prepare_all(conn: &mut Conn) -> Result<usize> {
    let locks = [
        dialect::LOCK_ACCOUNT,
        dialect::LOCK_DOMAIN,
        dialect::LOCK_DOMAINS,
        dialect::LOCK_DOMAINS_OF_ACCOUNT,
        dialect::LOCK_INSTALLATION,
        dialect::LOCK_LINE,
        dialect::LOCK_META,
        dialect::LOCK_NOTICES,
        dialect::LOCK_RECIPIENT,
        dialect::LOCK_WEBHOOK,
        dialect::LOCK_ZONE,
    ];
    let fixed = [
        accounts::STATEMENTS,
        asked::STATEMENTS,
        audit::STATEMENTS,
        backup::STATEMENTS,
        checks::STATEMENTS,
        company::STATEMENTS,
        conclude::STATEMENTS,
        deliveries::STATEMENTS,
        dialect::STATEMENTS,
        dns_access::STATEMENTS,
        docket::STATEMENTS,
        domains::STATEMENTS,
        events::STATEMENTS,
        idempotency::STATEMENTS,
        kept::STATEMENTS,
        keys::STATEMENTS,
        proofs::STATEMENTS,
        raw::STATEMENTS,
        notices::STATEMENTS,
        operator::STATEMENTS,
        outbox::STATEMENTS,
        restore::STATEMENTS,
        review::STATEMENTS,
        sealed::STATEMENTS,
        sender::STATEMENTS,
        sending::STATEMENTS,
        standing::STATEMENTS,
        tokens::STATEMENTS,
        turns::STATEMENTS,
        webhooks::STATEMENTS,
        zone::STATEMENTS,
    ];
    let fixed = fixed.into_iter().flatten().map(|&(name, sql)| (name, sql.into_sql_str()));
    let locks = locks.into_iter().flatten().map(|sql| ("a lock", sql.into_sql_str()));
    let mut count = 0;
    for (name, sql) in fixed.chain(locks).chain(backup::table_statements()) {
        conn.prepare(sql).await.map_err(|error| {
            sqlx::Error::Protocol(format!("the statement {name} does not fit the schema: {error}"))
        })?;
        count += 1;
    }
    Ok(count)
}

/// The version of the schema this program works with.
fn schema() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, ..)| *version)
}

/// What brings the schema up to date.
pub(super) fn migrator() -> Migrator {
    let migrations = MIGRATIONS.iter().map(|&(version, description, sql)| {
        Migration::new(version, description.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}
