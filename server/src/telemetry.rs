//! Logs and metrics.

use crate::{config::Log, http::MetricsPage, keys::KEYS_LOG, ops::Ops};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use signet_dns::{
    ask::Asker,
    zone::{Counters, OwnZone},
};
use std::sync::{Arc, atomic::Ordering};
use tracing_subscriber::EnvFilter;

/// Starts logging to standard error, for the rest of the process. That a DKIM key is
/// decrypted is logged whatever the filter says.
///
/// # Errors
/// When the filter cannot be read.
pub fn log(settings: &Log) -> Result<(), String> {
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter(&settings.filter)?).with_writer(std::io::stderr);
    let started = if settings.json {
        lines.json().flatten_event(true).with_span_list(false).try_init()
    } else {
        lines.with_target(false).with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init()
    };
    // Already started, as in tests: the first one stays.
    drop(started);
    Ok(())
}

/// What is set, and what is logged or not whatever is set.
fn filter(setting: &str) -> Result<EnvFilter, String> {
    let mut filter = EnvFilter::try_new(setting).map_err(|e| format!("SIGNET_LOG: {e}"))?;
    // sqlx warns of a parameter it does not know with the value: `?pasword=…`.
    for directive in [format!("{KEYS_LOG}=info"), "sqlx_postgres::options=error".to_string()] {
        filter = filter.add_directive(directive.parse().map_err(|e| format!("SIGNET_LOG: {e}"))?);
    }
    Ok(filter)
}

/// Starts counting, for the rest of the process.
///
/// # Errors
/// When another recorder is in place.
pub fn metrics() -> Result<PrometheusHandle, String> {
    let seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(
            metrics_exporter_prometheus::Matcher::Suffix("_seconds".to_string()),
            &seconds,
        )
        .and_then(PrometheusBuilder::install_recorder)
        .map_err(|e| e.to_string())?;
    describe();
    Ok(handle)
}

fn describe() {
    metrics::describe_counter!("signet_messages_total", "Messages by what became of them.");
    metrics::describe_counter!("signet_gate_answers_total", "Answers of the sending gate, looks and counts.");
    metrics::describe_counter!(
        "signet_gate_cache_total",
        "Whether what the gate needs was read a moment ago: hit, miss."
    );
    metrics::describe_counter!(
        "signet_reviews_total",
        "Runs of the review by what they came to: approve, reject, ask, refer; again, outdated, failed."
    );
    metrics::describe_histogram!("signet_review_seconds", "How long a run of the review took.");
    metrics::describe_gauge!("signet_reviews_waiting", "Reviews under way: due, open, referred.");
    metrics::describe_counter!("signet_looks_total", "Looks at domains: applied, or outdated by then.");
    metrics::describe_counter!("signet_looks_claimed_total", "Domains taken to be looked at.");
    metrics::describe_counter!(
        "signet_look_results_total",
        "Looks by what they found: right, wrong, unknown."
    );
    metrics::describe_gauge!(
        "signet_looks_in_flight",
        "Domains claimed by this process and not yet written."
    );
    metrics::describe_histogram!("signet_look_seconds", "How long a look at a domain took.");
    metrics::describe_histogram!("signet_look_questions", "DNS questions one look needed.");
    metrics::describe_gauge!("signet_domains", "Domains by DNS state.");
    metrics::describe_gauge!("signet_due", "Domains due and not being looked at.");
    metrics::describe_gauge!(
        "signet_due_oldest_seconds",
        "How long the longest overdue domain has been due."
    );
    metrics::describe_gauge!("signet_blind", "1 while no look gets an answer.");
    metrics::describe_gauge!("signet_demotions_frozen", "1 while mass demotions are held back.");
    metrics::describe_gauge!(
        "signet_demotions_imminent",
        "Domains that would lose verification within the hour."
    );
    metrics::describe_gauge!("signet_outbox", "Messages waiting to be handed over.");
    metrics::describe_counter!(
        "signet_webhook_deliveries_total",
        "Tries to tell a webhook something: accepted, retry, given_up, gone."
    );
    metrics::describe_histogram!("signet_webhook_seconds", "How long a webhook's receiver took to answer.");
    metrics::describe_gauge!(
        "signet_webhook_lines",
        "Domains of which an active webhook is still to be told."
    );
    metrics::describe_gauge!(
        "signet_webhook_oldest_seconds",
        "How long the one of them has been due that has waited longest."
    );
    metrics::describe_gauge!(
        "signet_own_side_problems",
        "What is wrong with our own DNS, as the world sees it."
    );
    metrics::describe_gauge!("signet_key_pool", "DKIM keys made ahead.");
    metrics::describe_counter!("signet_keys_made_total", "DKIM keys made: ahead, on_demand.");
    metrics::describe_counter!(
        "signet_key_decryptions_total",
        "DKIM keys decrypted, by why and outcome: opened, failed. A key that signs is kept open for a while."
    );
    metrics::describe_gauge!(
        "signet_key_file_outdated",
        "1 while this node's key file lacks the version that the database lies under."
    );
    metrics::describe_counter!("signet_dns_queries_total", "DNS queries sent, by transport.");
    metrics::describe_counter!("signet_dns_timeouts_total", "DNS tries without an answer in time.");
    metrics::describe_counter!(
        "signet_zone_answers_total",
        "Answers of the zone server, by transport and response code."
    );
    metrics::describe_counter!(
        "signet_zone_rate_limited_total",
        "Answers that rate limiting dropped, or cut short so that they are asked for over TCP."
    );
    metrics::describe_counter!(
        "signet_zone_cache_total",
        "Whether what the zone server needed was in memory: hit, miss."
    );
    metrics::describe_gauge!("signet_zone_domains", "Domains the zone server knows of.");
    metrics::describe_gauge!("signet_zone_serial", "The serial of our zone, as served here.");
    metrics::describe_gauge!("signet_zone_connections", "TCP connections to the zone server.");
    metrics::describe_counter!(
        "signet_zone_connections_turned_away_total",
        "TCP connections for which there was no place."
    );
}

/// The zone server, to read numbers off.
#[derive(Clone)]
pub struct Zone {
    /// What its listener has done.
    pub counters: Arc<Counters>,
    /// What it serves.
    pub zone: Arc<OwnZone>,
}

/// The metrics page: whatever was counted, and what is read off the store, the
/// asker and the zone server when somebody looks.
#[must_use]
pub fn page(handle: PrometheusHandle, ops: Ops, asker: Asker, zone: Option<Zone>) -> MetricsPage {
    Arc::new(move || {
        let (handle, ops, asker, zone) = (handle.clone(), ops.clone(), asker.clone(), zone.clone());
        Box::pin(async move {
            gather(&ops, &asker).await;
            zone.as_ref().inspect(|zone| zone.gather());
            handle.run_upkeep();
            handle.render()
        })
    })
}

async fn gather(ops: &Ops, asker: &Asker) {
    let now = ops.clock.now();
    if let Ok(counts) = ops.store.counts(now).await {
        for (state, domains) in counts.domains {
            metrics::gauge!("signet_domains", "state" => state).set(domains as f64);
        }
        for (state, domains) in counts.reviews {
            metrics::gauge!("signet_reviews_waiting", "state" => state.as_str()).set(domains as f64);
        }
        metrics::gauge!("signet_due").set(counts.due as f64);
        let oldest = counts.oldest_due.map_or(0.0, |due| now.duration_since(due).as_secs_f64());
        metrics::gauge!("signet_due_oldest_seconds").set(oldest);
        metrics::gauge!("signet_outbox").set(counts.outbox as f64);
        metrics::gauge!("signet_webhook_lines").set(counts.webhook_lines as f64);
        let oldest =
            counts.oldest_webhook_line.map_or(0.0, |due| now.duration_since(due).as_secs_f64().max(0.0));
        metrics::gauge!("signet_webhook_oldest_seconds").set(oldest);
    }
    metrics::gauge!("signet_looks_in_flight").set(ops.under_way.load(Ordering::Relaxed) as f64);
    let stats = asker.stats();
    metrics::counter!("signet_dns_queries_total", "transport" => "udp").absolute(stats.udp);
    metrics::counter!("signet_dns_queries_total", "transport" => "tcp").absolute(stats.tcp);
    metrics::counter!("signet_dns_timeouts_total").absolute(stats.timeouts);
}

impl Zone {
    fn gather(&self) {
        for (transport, rcode, count) in self.counters.answers() {
            let answers =
                metrics::counter!("signet_zone_answers_total", "transport" => transport, "rcode" => rcode);
            answers.absolute(count);
        }
        let limited =
            |what: &'static str| metrics::counter!("signet_zone_rate_limited_total", "what" => what);
        limited("dropped").absolute(self.counters.rate_dropped());
        limited("cut_short").absolute(self.counters.rate_slipped());
        let away = self.counters.connections_turned_away();
        metrics::counter!("signet_zone_connections_turned_away_total").absolute(away);
        metrics::gauge!("signet_zone_connections").set(self.counters.connections() as f64);
        let cache = self.zone.cache_stats();
        metrics::counter!("signet_zone_cache_total", "result" => "hit").absolute(cache.hits);
        metrics::counter!("signet_zone_cache_total", "result" => "miss").absolute(cache.misses);
        metrics::gauge!("signet_zone_domains").set(cache.known as f64);
        metrics::gauge!("signet_zone_serial").set(f64::from(self.zone.serial()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::Write,
        str::FromStr as _,
        sync::{Mutex, PoisonError},
    };

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_database_url_with_a_slip_is_not_logged() {
        let lines = Lines::default();
        let to = lines.clone();
        let logging = tracing_subscriber::fmt()
            .with_env_filter(filter("trace").unwrap())
            .with_writer(move || to.clone())
            .finish();
        tracing::subscriber::with_default(logging, || {
            let url = "postgres://jo@db.example/signet?pasword=hunter2";
            sqlx::postgres::PgConnectOptions::from_str(url).unwrap();
            tracing::info!("read");
        });
        let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(logged.contains("read") && !logged.contains("hunter2"), "{logged}");
    }
}
