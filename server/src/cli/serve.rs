//! `signet serve`.

use super::{Outcome, asking::asker_settings, output};
use crate::{
    clock::Clock,
    config::{Config, PolicyListen, Sources},
    domain_connect::Discovery,
    http::{self, AppState, MetricsPage},
    mailer::Mailer,
    ops::{Ops, installation::FirstStart},
    policy, store, telemetry, worker,
    zone::{published_zone, serving},
};
use anyhow::Context as _;
use axum_server::{Handle, tls_rustls::RustlsConfig};
use clap::Args;
use signet_dns::{ask::Asker, zone};
use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
};

#[derive(Debug, Args)]
pub(super) struct ServeArgs {
    /// Show the settings as they result, secrets hidden, and stop
    #[arg(long)]
    print_config: bool,
}

/// Requests under way have this long to finish after a stop is asked for.
const DRAIN: Duration = Duration::from_secs(30);

pub(super) async fn run(args: &ServeArgs, sources: &Sources, json: bool) -> anyhow::Result<Outcome> {
    let config = Config::from_sources(sources)?;
    if args.print_config {
        config.warnings().iter().for_each(|warning| output::warning(warning));
        let derived = |name: &str| config.derived(name);
        if json {
            output::json(&sources.document(&derived))?;
        } else {
            print!("{}", sources.print(&derived));
        }
        return Ok(Outcome::Good);
    }
    telemetry::log(&config.log).map_err(anyhow::Error::msg)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let metrics = telemetry::metrics().map_err(anyhow::Error::msg)?;
    let store = store::open(&config.database_url).await.context("the database cannot be opened")?;
    let ops = Ops::new(store, Arc::new(config), Clock::system());
    let (server, first) = Server::start(ops.clone(), Some(metrics)).await?;
    // Whoever reads that it listens may stop it at once.
    let mut stop = StopSignals::listen()?;
    announce(&server, first.as_ref(), json)?;
    stop.asked_for().await;
    tracing::info!("stopping: requests under way finish, checks under way are put back");
    server.stop().await;
    Ok(Outcome::Good)
}

/// Everything that runs.
pub(super) struct Server {
    /// Where the API is, as a URL.
    pub(super) url: String,
    /// Where our zone is served, if it is.
    pub(super) dns: Option<SocketAddr>,
    ops: Ops,
    handle: Handle<SocketAddr>,
    stop: watch::Sender<bool>,
    workers: JoinSet<()>,
    listeners: JoinSet<std::io::Result<()>>,
    zone: Option<zone::Bound>,
    policy: Option<policy::Bound>,
}

impl Server {
    /// Starts listening and working. On an empty database the first account and
    /// its token are made.
    pub(super) async fn start(
        ops: Ops,
        metrics: Option<metrics_exporter_prometheus::PrometheusHandle>,
    ) -> anyhow::Result<(Self, Option<FirstStart>)> {
        let (key, first) = ops.install().await?;
        let key = Arc::new(key);
        let config = ops.config.clone();
        let asker = Asker::new(asker_settings(&config)).await.context("no UDP socket for asking DNS")?;
        let ops = Ops { key: Some(key.clone()), asker: Some(asker.clone()), ..ops };
        let discovery = Discovery::new(asker.clone(), config.dns.allow_private);
        let ops = ops.with_discovery(discovery);
        ops.make_link_key().await.context("the key for Domain Connect")?;
        let mailer = Mailer::new(&config.mail).map_err(anyhow::Error::msg)?;
        let (stop, stopped) = watch::channel(false);
        let own = match config.dns.listen {
            Some(listen) => {
                let own = published_zone(&ops, Some(listen.ip())).await;
                Some((listen, own.context("our zone cannot be served")?))
            }
            None => None,
        };
        let serving = own.as_ref().map(|(_, own)| serving(&ops, own));
        let transfers = serving.as_ref().and_then(|serving| serving.transfers.clone());
        let zone = match own.as_ref().zip(serving) {
            Some(((listen, own), serving)) => {
                let bound = zone::serve(*listen, own.clone(), serving, until(stopped.clone())).await;
                Some(bound.with_context(|| format!("SIGNET_DNS_LISTEN {listen}"))?)
            }
            None => None,
        };
        let counted = own
            .as_ref()
            .zip(zone.as_ref())
            .map(|((_, own), bound)| telemetry::Zone { counters: bound.counters(), zone: own.clone() });
        let policy = match &config.policy_listen {
            Some(listen) => {
                let bound =
                    policy::serve(ops.clone(), listen, policy::Limits::default(), stopped.clone()).await;
                Some(bound.with_context(|| format!("SIGNET_POLICY_LISTEN {listen}"))?)
            }
            None => None,
        };
        let listener = TcpListener::bind(config.http.listen)
            .with_context(|| format!("SIGNET_LISTEN {}", config.http.listen))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut server = Self {
            url: format!("{}://{address}", if config.http.tls.is_some() { "https" } else { "http" }),
            dns: zone.as_ref().map(zone::Bound::local_addr),
            handle: Handle::new(),
            workers: worker::start(&ops, &worker::Equipment { asker: asker.clone(), mailer, key }, &stopped),
            listeners: JoinSet::new(),
            ops: ops.clone(),
            stop,
            zone,
            policy,
        };
        if let Some((_, own)) = own {
            if let Some((secondaries, transfers)) = config.dns.secondaries.clone().zip(transfers) {
                let (ops, own) = (ops.clone(), own.clone());
                let telling = worker::secondaries::tell(ops, own, transfers, secondaries, stopped.clone());
                server.workers.spawn(telling);
            }
            server.workers.spawn(own.follow(until(stopped)));
        }
        let page = metrics.map(|handle| telemetry::page(handle, ops, asker, counted));
        server.listen(listener, page).await?;
        Ok((server, first))
    }

    async fn listen(&mut self, listener: TcpListener, metrics: Option<MetricsPage>) -> anyhow::Result<()> {
        let config = self.ops.config.clone();
        let (with_api, alone) = match config.http.metrics_listen {
            Some(address) => (None, metrics.map(|metrics| (address, metrics))),
            None => (metrics, None),
        };
        let router = http::router(AppState::new(self.ops.clone(), with_api));
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let handle = self.handle.clone();
        match &config.http.tls {
            Some((cert, key)) => {
                let tls = RustlsConfig::from_pem_file(cert, key).await.with_context(|| {
                    format!("SIGNET_TLS_CERT {} and SIGNET_TLS_KEY {}", cert.display(), key.display())
                })?;
                let bound = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
                self.listeners.spawn(async move { bound.serve(service).await });
            }
            None => {
                let bound = axum_server::from_tcp(listener)?.handle(handle);
                self.listeners.spawn(async move { bound.serve(service).await });
            }
        }
        if let Some((address, metrics)) = alone {
            let listener =
                TcpListener::bind(address).with_context(|| format!("SIGNET_METRICS_LISTEN {address}"))?;
            listener.set_nonblocking(true)?;
            let bound = axum_server::from_tcp(listener)?.handle(self.handle.clone());
            self.listeners
                .spawn(async move { bound.serve(http::metrics_router(metrics).into_make_service()).await });
        }
        Ok(())
    }

    /// Where the policy server is, if there is one.
    fn policy(&self) -> Option<&PolicyListen> {
        self.policy.as_ref().map(policy::Bound::listen)
    }

    /// Stops listening, lets requests finish, puts checks back, closes the database.
    pub(super) async fn stop(mut self) {
        self.handle.graceful_shutdown(Some(DRAIN));
        while self.listeners.join_next().await.is_some() {}
        let _ = self.stop.send(true);
        while self.workers.join_next().await.is_some() {}
        if let Some(zone) = self.zone.take() {
            zone.finished().await;
        }
        if let Some(policy) = self.policy.take() {
            policy.finished().await;
        }
        self.ops.store.close().await;
    }
}

fn announce(server: &Server, first: Option<&FirstStart>, json: bool) -> std::io::Result<()> {
    if json {
        return output::line(
            &serde_json::json!({
                "listening": server.url,
                "dns": server.dns.map(|address| address.to_string()),
                "policy": server.policy().map(ToString::to_string),
                "account": first.map(|first| first.account.id.0),
                "token": first.map(|first| &first.token),
            })
            .to_string(),
        );
    }
    if let Some(first) = first {
        output::line(&format!(
            "First start: account {} is made for {}. Its admin token, shown this once:\n\n{}\n",
            first.account.id, first.account.owner_email, first.token
        ))?;
    }
    if let Some(dns) = server.dns {
        output::line(&format!("Signet serves its zone at {dns}."))?;
    }
    if let Some(policy) = server.policy() {
        output::line(&format!("Signet answers Postfix at {policy}."))?;
    }
    output::line(&format!("Signet listens at {}.", server.url))
}

/// Completes when `stop` turns true.
pub(super) async fn until(mut stop: watch::Receiver<bool>) {
    // Whoever held the other end is gone: stopped as well.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// SIGTERM from a service manager, SIGINT from a keyboard.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From now on they do not end the program; it is to end itself.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Completes when one has come, if need be since before this was called.
    pub(super) async fn asked_for(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
