//! One GET of a domain.

use crate::{
    Arguments, bare,
    load::{self, Connection, Request},
    report::{Row, grouped},
    world::Open,
};
use signet::{
    http::{AppState, router},
    store::{Store as _, sqlite::SqliteStore},
};
use sqlx::{
    Executor as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteSynchronous},
};
use std::{net::SocketAddr, str::FromStr as _, sync::Arc, time::Duration};

const CONNECTIONS: usize = 32;
const TURNS: u32 = 5;
/// At least this much of a bare handler with one statement.
const BUDGET: f64 = 0.70;

/// What the product reads for this request, bare.
const STATEMENT: &str = "SELECT d.id, d.account_id, d.name, d.record_id, d.demo, d.demo_messages_left, d.created_at, \
    d.track_open, d.track_click, d.unsubscribe_link, d.custom_domain, d.health_alerts, d.critical_alerts, \
    d.alert_recipient, d.suspended, d.decision, d.dns_state, d.dns_at, d.dns_since, d.dns_deadline, \
    d.dns_unaligned_since, d.present_spf, d.present_dmarc, d.zone, \
    a.suspended AS account_suspended, a.company_complete, l.checked_at, d.records \
    FROM domain d JOIN look l ON l.domain_id = d.id JOIN account a ON a.id = d.account_id \
    WHERE d.id = $1 AND d.account_id = $2";

/// Measures it.
///
/// # Errors
/// When an answer is wrong.
pub(crate) async fn measure(open: &Open<'_>, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let world = open.world;
    let product = bare::serve(router(AppState::new(open.ops.clone(), None)))?;
    let request: Request = {
        let rest = format!(
            " HTTP/1.1\r\nHost: localhost\r\nApi-Token: {}\r\nAccept: application/json\r\n\r\n",
            world.token
        );
        let first = (0..1 << 16).map(|seed| world.any_domain(seed).to_string()).collect::<Vec<_>>();
        Arc::new(move |number, buffer| {
            buffer.extend_from_slice(b"GET /api/domains/");
            buffer.extend_from_slice(first[number % first.len()].as_bytes());
            buffer.extend_from_slice(rest.as_bytes());
        })
    };
    let canned = bare::Canned::of(Connection::open(product).await?.ask(|buffer| request(0, buffer)).await?)?;
    let path = "/api/domains/{domain_id}";
    let account = world.account.0;
    let store = Arc::new(SqliteStore::open(&world.url).await?);
    let through_store: bare::Read = {
        let store = store.clone();
        Arc::new(move |id| {
            let store = store.clone();
            Box::pin(async move { Ok(store.bare_read(STATEMENT, [id, account]).await?) })
        })
    };
    let pool = sqlx_pool(&world.url).await?;
    let through_pool: bare::Read = {
        let pool = pool.clone();
        Arc::new(move |id| {
            let pool = pool.clone();
            Box::pin(async move {
                Ok(pool.fetch_optional(sqlx::query(STATEMENT).bind(id).bind(account)).await?.is_some())
            })
        })
    };
    let one = bare::serve(bare::with_statement(path, through_store, canned.clone()))?;
    let pooled = bare::serve(bare::with_statement(path, through_pool, canned.clone()))?;
    let none = bare::serve(bare::without_statement(path, canned))?;

    let contenders = [product, one, pooled, none];
    let [product, one, pooled, none] = in_turns(contenders, &request, arguments.slice(TURNS)).await?;
    pool.close().await;
    store.close().await;
    let row = |what: String, beside: f64, how: &str, budget| {
        let row = Row {
            what,
            figure: format!("{}/s", grouped(product)),
            beside: format!("{}/s: a bare handler {how}", grouped(beside)),
            ratio: Some(product / beside),
            budget,
        };
        row.say()
    };
    let what = format!("one GET of a domain, {} domains", grouped(f64::from(world.domains)));
    let met = product / one >= BUDGET;
    let same = || "the same".to_string();
    Ok(vec![
        row(what, one, "with one such statement through the same connections", Some(("≥ 0.70", met))),
        row(same(), pooled, "with one such statement through sqlx's own pool", None),
        row(same(), none, "with no statement", None),
    ])
}

/// As many connections as the store's, kept as sqlx keeps them.
async fn sqlx_pool(url: &str) -> anyhow::Result<SqlitePool> {
    let options = SqliteConnectOptions::from_str(url)?
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .row_buffer_size(256)
        .statement_cache_capacity(256)
        .pragma("query_only", "ON");
    let pool = SqlitePoolOptions::new().max_connections(4).test_before_acquire(false);
    Ok(pool.connect_with(options).await?)
}

/// Requests per second of each contender; they take turns, so that whatever
/// else the machine does disturbs all of them.
async fn in_turns<const N: usize>(
    contenders: [SocketAddr; N],
    request: &Request,
    slice: Duration,
) -> anyhow::Result<[f64; N]> {
    // The first turn is for warming up and does not count.
    let mut totals = [(0u64, Duration::ZERO); N];
    for turn in 0..=TURNS {
        let time = if turn == 0 { slice / 4 } else { slice };
        for (address, total) in contenders.iter().zip(&mut totals) {
            let rate = load::closed_loop(*address, CONNECTIONS, time, request.clone()).await?;
            if turn > 0 {
                total.0 += rate.requests;
                total.1 += rate.elapsed;
            }
        }
    }
    Ok(totals.map(|(requests, elapsed)| requests as f64 / elapsed.as_secs_f64()))
}
