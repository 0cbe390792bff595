//! The one writer: jobs come through a bounded channel, all that wait are run
//! in one transaction, each in a savepoint, and are answered together when it
//! is on disk. Under load that makes one `fsync` serve many writes.

use super::connect_writer;
use crate::store::{Result, StoreError};
use futures_util::{FutureExt as _, future::BoxFuture};
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use std::panic::AssertUnwindSafe;
use tokio::sync::{mpsc, oneshot};

/// How many jobs one transaction takes in at most.
const GROUP: usize = 256;
/// How many jobs wait at most; beyond that callers wait for a place.
const WAITING: usize = 1024;

/// What a job does with the connection.
pub(super) type Work<A, T> = for<'a> fn(&'a mut SqliteConnection, &'a A) -> BoxFuture<'a, Result<T>>;

/// A place in the queue.
pub(super) type Sender = mpsc::Sender<Box<dyn Job>>;

/// Something to be written.
pub(super) trait Job: Send {
    /// Does it; whether it is to be kept.
    fn run<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> BoxFuture<'a, bool>;
    /// Tells the caller; `lost` is why the whole transaction was not kept.
    fn answer(self: Box<Self>, lost: Option<&str>);
}

struct Task<A, T> {
    args: A,
    work: Work<A, T>,
    result: Option<Result<T>>,
    caller: oneshot::Sender<Result<T>>,
}

impl<A: Send + Sync, T: Send> Job for Task<A, T> {
    fn run<'a>(&'a mut self, conn: &'a mut SqliteConnection) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            // A job that panics must not take the others' writer with it.
            let work = AssertUnwindSafe((self.work)(conn, &self.args)).catch_unwind().await;
            let result = work.unwrap_or_else(|_| Err(broken("a write panicked")));
            let keep = result.is_ok();
            self.result = Some(result);
            keep
        })
    }

    fn answer(self: Box<Self>, lost: Option<&str>) {
        let result = match (self.result, lost) {
            (Some(Err(error)), _) => Err(error),
            (_, Some(why)) => Err(broken(why)),
            (Some(result), None) => result,
            (None, None) => Err(broken("the write was not run")),
        };
        // The caller may have gone away; what is written stays written.
        let _ = self.caller.send(result);
    }
}

fn broken(why: &str) -> StoreError {
    StoreError::Database(sqlx::Error::Protocol(why.to_string()))
}

/// Queues a job and waits until it is on disk.
pub(super) async fn submit<A, T>(sender: Sender, args: A, work: Work<A, T>) -> Result<T>
where
    A: Send + Sync + 'static,
    T: Send + 'static,
{
    let (caller, answer) = oneshot::channel();
    let job = Box::new(Task { args, work, result: None, caller });
    if sender.send(job).await.is_err() {
        return Err(broken("the database is closed"));
    }
    // Given up here, else this caller would keep the writer from ending.
    drop(sender);
    answer.await.unwrap_or_else(|_| Err(broken("the database's writer has ended")))
}

/// Starts the writer on its connection. It ends when every sender is gone and
/// the queue is empty.
pub(super) fn start(
    conn: SqliteConnection,
    options: SqliteConnectOptions,
) -> (Sender, tokio::task::JoinHandle<()>) {
    let (sender, jobs) = mpsc::channel(WAITING);
    (sender, tokio::spawn(serve(conn, options, jobs)))
}

async fn serve(
    conn: SqliteConnection,
    options: SqliteConnectOptions,
    mut jobs: mpsc::Receiver<Box<dyn Job>>,
) {
    let mut connection = Some(conn);
    while let Some(first) = jobs.recv().await {
        let conn = match &mut connection {
            Some(conn) => conn,
            none => match connect_writer(&options).await {
                Ok(conn) => none.insert(conn),
                Err(error) => {
                    first.answer(Some(&format!("the database cannot be opened: {error}")));
                    continue;
                }
            },
        };
        let mut group = vec![first];
        let lost = match write_group(conn, &mut group, &mut jobs).await {
            Ok(()) => None,
            Err(error) => {
                tracing::error!(%error, jobs = group.len(), "a group of writes was lost");
                // Closing rolls back whatever is left of the transaction.
                connection = None;
                Some(format!("the transaction was not kept: {error}"))
            }
        };
        for job in group {
            job.answer(lost.as_deref());
        }
    }
    if let Some(conn) = connection
        && let Err(error) = conn.close().await
    {
        tracing::warn!(%error, "the database was not closed cleanly");
    }
}

/// Runs the jobs that wait in one transaction. After an error none is kept and
/// the connection is not to be used again.
async fn write_group(
    conn: &mut SqliteConnection,
    group: &mut Vec<Box<dyn Job>>,
    jobs: &mut mpsc::Receiver<Box<dyn Job>>,
) -> std::result::Result<(), sqlx::Error> {
    conn.execute("BEGIN IMMEDIATE").await?;
    let mut next = 0;
    while let Some(job) = group.get_mut(next) {
        conn.execute("SAVEPOINT job").await?;
        if !job.run(conn).await {
            // Some errors (disk full) end the whole transaction; then this
            // fails, and with it the group.
            conn.execute("ROLLBACK TO job").await?;
        }
        conn.execute("RELEASE job").await?;
        next += 1;
        if group.len() < GROUP
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
    }
    conn.execute("COMMIT").await?;
    Ok(())
}
