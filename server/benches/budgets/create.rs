//! Registering a domain: durable before it is answered.

use crate::{
    Arguments, bare,
    load::{self, Arrivals, Request, millis, quantile},
    report::Row,
    world::Open,
};
use signet::http::{AppState, router};
use sqlx::{
    Connection as _, Executor as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

const PER_SECOND: u32 = 500;
/// Callers, not a limit: enough that an arrival never waits for one.
const CONNECTIONS: usize = 128;
const TURNS: u32 = 4;
const BUDGET: Duration = Duration::from_millis(20);

/// Measures it.
///
/// # Errors
/// When an answer is wrong.
pub(crate) async fn measure(
    open: &Open<'_>,
    folder: &Path,
    arguments: &Arguments,
) -> anyhow::Result<Vec<Row>> {
    let product = bare::serve(router(AppState::new(open.ops.clone(), None)))?;
    let mut bare = bare_database(folder).await?;
    let slice = arguments.slice(TURNS);
    let (mut created, mut inserted) = (Vec::new(), Vec::new());
    for turn in 0..TURNS {
        let request = request(&open.world.token, turn);
        created.extend(load::open_loop(product, CONNECTIONS, PER_SECOND, slice, request).await?);
        inserted.extend(inserts(&mut bare, slice).await?);
    }
    bare.close().await?;
    created.sort_unstable();
    inserted.sort_unstable();
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| quantile(&created, share));
    let beside = [0.5, 0.99, 0.999].map(|share| quantile(&inserted, share));
    Ok(vec![
        Row {
            what: format!("create over HTTP, synchronous=FULL, {PER_SECOND}/s offered, p99"),
            figure: format!("{} (p50 {}, p99.9 {})", millis(p99), millis(p50), millis(p999)),
            beside: format!(
                "{} (p50 {}, p99.9 {}): one INSERT with its fsync, at the same rate on one connection",
                millis(beside[1]),
                millis(beside[0]),
                millis(beside[2])
            ),
            ratio: Some(p99.as_secs_f64() / beside[1].as_secs_f64()),
            budget: Some(("< 20 ms", p99 < BUDGET)),
        }
        .say(),
    ])
}

fn request(token: &str, turn: u32) -> Request {
    let head = format!(
        "POST /api/domains HTTP/1.1\r\nHost: localhost\r\nApi-Token: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: "
    );
    Arc::new(move |number, buffer| {
        let body = format!(r#"{{"domain":{{"domain_name":"created-{turn}-{number}.example.net"}}}}"#);
        buffer.extend_from_slice(head.as_bytes());
        buffer.extend_from_slice(format!("{}\r\n\r\n{body}", body.len()).as_bytes());
    })
}

async fn bare_database(folder: &Path) -> anyhow::Result<SqliteConnection> {
    let options = SqliteConnectOptions::new()
        .filename(folder.join("bare.db"))
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut conn = SqliteConnection::connect_with(&options).await?;
    conn.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT NOT NULL)").await?;
    Ok(conn)
}

async fn inserts(conn: &mut SqliteConnection, time: Duration) -> anyhow::Result<Vec<Duration>> {
    let arrivals = Arrivals::start(Instant::now() + Duration::from_millis(50), PER_SECOND, time);
    let mut took = Vec::new();
    while let Some((number, due)) = arrivals.next().await {
        let name = format!("created-{number}.example.net");
        conn.execute(sqlx::query("INSERT INTO thing (name) VALUES ($1)").bind(name)).await?;
        took.push(due.elapsed());
    }
    Ok(took)
}
