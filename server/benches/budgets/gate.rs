//! The sending gate, as Postfix asks it.

use crate::{
    Arguments,
    load::{self, Request, Server, millis, quantile},
    report::{Row, grouped},
    rest,
    world::World,
};
use anyhow::Context as _;
use sqlx::{Connection as _, Executor as _};
use std::{process::Command, sync::Arc, time::Duration};

const PER_SECOND: u32 = 1000;
/// As many as Postfix has `smtpd` processes at work.
const CONNECTIONS: usize = 8;
const TURNS: u32 = 4;
const BUDGET: Duration = Duration::from_millis(5);

/// What every domain needs to be allowed to send.
const ALLOW: &str = "UPDATE domain SET decision = 'approved' WHERE NOT demo";
const COMPLETE: &str = "UPDATE account SET company_complete = TRUE";
/// That a domain sends is written down once a day: here it is, as on any day but
/// the first.
const SENT: &str = "UPDATE look SET sent_at = CAST(strftime('%s', 'now') AS INTEGER) * 1000000";

/// Measures it, on a server that has one core to itself.
///
/// # Errors
/// When the server does not start, or refuses a message.
pub(crate) async fn measure(world: &World, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let mut raw = world.raw().await?;
    for statement in [ALLOW, COMPLETE, SENT] {
        raw.execute(statement).await?;
    }
    raw.close().await?;
    let (_server, gate) = start(world)?;
    let all = world.domains;
    let (any, few, none) = (asks("RCPT", all), asks("RCPT", all.min(10)), asks("MAIL", all));

    let slice = arguments.slice(TURNS);
    let (mut took, mut took_by_none) = (Vec::new(), Vec::new());
    let mut rates = [(0u64, Duration::ZERO); 3];
    for turn in 0..=TURNS {
        // The first turn is for warming up and does not count.
        let time = if turn == 0 { slice / 4 } else { slice / 2 };
        let decided = load::open_loop(gate, CONNECTIONS, PER_SECOND, time, any.clone()).await?;
        let passed = load::open_loop(gate, CONNECTIONS, PER_SECOND, time, none.clone()).await?;
        let mut these = rates;
        for (request, rate) in [&any, &few, &none].into_iter().zip(&mut these) {
            let answered = load::closed_loop(gate, CONNECTIONS, time, request.clone()).await?;
            rate.0 += answered.requests;
            rate.1 += answered.elapsed;
        }
        if turn > 0 {
            took.extend(decided);
            took_by_none.extend(passed);
            rates = these;
        }
    }
    let rates = rates.map(|(requests, elapsed)| requests as f64 / elapsed.as_secs_f64());
    Ok(rows(&mut took, &mut took_by_none, rates, all))
}

fn rows(took: &mut [Duration], by_none: &mut [Duration], rates: [f64; 3], domains: u32) -> Vec<Row> {
    took.sort_unstable();
    by_none.sort_unstable();
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| quantile(took, share));
    let beside = [0.5, 0.99, 0.999].map(|share| quantile(by_none, share));
    let [any, few, none] = rates;
    let empty = "the same listener without an opinion";
    let rate = |what: String, rate: f64| {
        let row = Row {
            what,
            figure: format!("{}/s", grouped(rate)),
            beside: format!("{}/s: {empty}", grouped(none)),
            ratio: Some(rate / none),
            budget: None,
        };
        row.say()
    };
    let domains = grouped(f64::from(domains));
    vec![
        Row {
            what: format!(
                "authorizations over the policy port, one core, {domains} domains, {}/s offered, p99",
                grouped(f64::from(PER_SECOND))
            ),
            figure: format!("{} (p50 {}, p99.9 {})", millis(p99), millis(p50), millis(p999)),
            beside: format!(
                "{} (p50 {}, p99.9 {}): {empty}",
                millis(beside[1]),
                millis(beside[0]),
                millis(beside[2])
            ),
            ratio: Some(p99.as_secs_f64() / beside[1].as_secs_f64()),
            budget: Some(("< 5 ms", p99 < BUDGET)),
        }
        .say(),
        rate(format!("as many as it can, from any of {domains} domains"), any),
        rate("as many as it can, from ten domains, remembered for 2 s".to_string(), few),
    ]
}

/// A server on the first core; clients have the others.
fn start(world: &World) -> anyhow::Result<(rest::Server, Server)> {
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", "0", env!("CARGO_BIN_EXE_signet"), "serve", "--json"]);
    command.envs(world.settings()).env("SIGNET_POLICY_LISTEN", "tcp:127.0.0.1:0");
    let (server, line) = rest::Server::start(&mut command).context("taskset (util-linux)")?;
    let said: serde_json::Value =
        serde_json::from_str(&line).with_context(|| format!("the server did not start: {line}"))?;
    let listens = said["policy"].as_str().and_then(|text| text.strip_prefix("tcp:"));
    let address = listens.with_context(|| format!("no policy port: {line}"))?.parse()?;
    Ok((server, Server::policy(address)))
}

/// What Postfix sends in this state, for a message from one of `domains`.
fn asks(state: &'static str, domains: u32) -> Request {
    Arc::new(move |number, buffer| {
        // A prime step: every domain has its turn, and none comes again soon.
        let customer = number as u64 * 7_919 % u64::from(domains);
        let text = format!(
            "request=smtpd_access_policy\nprotocol_state={state}\nprotocol_name=ESMTP\n\
             client_address=192.0.2.25\nclient_name=mail.example.net\nclient_port=41234\n\
             reverse_client_name=mail.example.net\nserver_address=192.0.2.1\nserver_port=587\n\
             helo_name=mail.example.net\nsender=jo@customer-{customer}.example.com\n\
             recipient=ann@example.net\nrecipient_count=0\nqueue_id=\ninstance=7b.6a1f{number:x}.0\nsize=0\n\
             etrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\n\
             ccert_issuer=\nccert_fingerprint=\nccert_pubkey_fingerprint=\nencryption_protocol=\n\
             encryption_cipher=\nencryption_keysize=0\npolicy_context=\n\n"
        );
        buffer.extend_from_slice(text.as_bytes());
    })
}
