//! The demo's world: a little internet on one loopback port, and a server that
//! knows no other.

use crate::{
    cli::serve::{Server, until},
    clock::Clock,
    config::{Config, Sources},
    ops::Ops,
    store,
    zone::published_zone,
};
use anyhow::Context as _;
use signet_core::names::Name;
use signet_dns::zone::{self, Internet, Serving};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::watch;

/// Where everything is.
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Taken if it is free, since it is what the documentation says.
const PORT: u16 = 8080;

pub(super) struct Stage {
    /// The customer's DNS, to be edited.
    pub(super) internet: Arc<Internet>,
    /// Where the API is.
    pub(super) url: String,
    /// Where the little internet answers.
    pub(super) dns: SocketAddr,
    /// For what the operator does.
    pub(super) ops: Ops,
    server: Server,
    world: zone::Bound,
    stop: watch::Sender<bool>,
    directory: Directory,
}

enum Directory {
    Kept,
    Temporary(PathBuf),
}

impl Stage {
    /// Builds the world and starts the server in it; the first account's token.
    pub(super) async fn build(directory: Option<PathBuf>) -> anyhow::Result<(Self, String)> {
        let (path, directory) = make_directory(directory)?;
        let internet = Internet::new();
        let at = |name: &str| -> anyhow::Result<(Name, IpAddr)> { Ok((name.parse()?, HERE)) };
        internet.zone(&"test".parse()?, &[at("a.nic.test")?]);
        internet.zone(&super::DOMAIN.parse()?, &[at("ns1.bakery.test")?, at("ns2.bakery.test")?]);
        let (stop, stopped) = watch::channel(false);
        let somewhere = SocketAddr::new(HERE, 0);
        let resolver = internet.resolver_at(HERE);
        let world = zone::serve(somewhere, resolver, Serving::default(), until(stopped.clone())).await?;
        let dns = world.local_addr();

        let config = Config::from_sources(&Sources::read(None, [], settings(&path, dns))?)?;
        let store = store::open(&config.database_url).await?;
        let ops = Ops::new(store, Arc::new(config), Clock::system());
        let own = published_zone(&ops, Some(HERE)).await?;
        let provider = &ops.config.provider;
        internet.mount(&provider.zone, &[at(&format!("ns1.{}", provider.zone))?], own.clone());
        tokio::spawn(own.follow(until(stopped)));
        let (server, first) = Server::start(ops.clone(), None).await?;
        let token = first.context("the demo's directory holds a database already; name an empty one")?.token;
        let url = server.url.clone();
        Ok((Self { internet, url, dns, ops, server, world, stop, directory }, token))
    }

    /// Stops everything and leaves nothing behind that was not asked for.
    pub(super) async fn strike(self) {
        self.server.stop().await;
        let _ = self.stop.send(true);
        self.world.finished().await;
        if let Directory::Temporary(path) = self.directory {
            // What is left of it, the system's own sweep removes.
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn settings(path: &Path, dns: SocketAddr) -> Vec<(&'static str, String)> {
    let at = |name: &str| path.join(name).display().to_string();
    // 8080 is free if it can be had; it is given back at once.
    let port = TcpListener::bind((HERE, PORT)).map_or(0, |_| PORT);
    vec![
        ("listen", SocketAddr::new(HERE, port).to_string()),
        ("database_url", format!("sqlite:{}", at("signet.db"))),
        ("key_file", at("signet.key")),
        ("mail_dir", at("outbox")),
        ("zone", "signet.test".to_string()),
        ("dns_resolvers", dns.to_string()),
        ("dns_authority_port", dns.port().to_string()),
        ("dns_allow_private", "true".to_string()),
    ]
}

fn make_directory(wanted: Option<PathBuf>) -> anyhow::Result<(PathBuf, Directory)> {
    match wanted {
        Some(path) => {
            std::fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
            let empty = std::fs::read_dir(&path)?.next().is_none();
            anyhow::ensure!(empty, "{} is not empty; name an empty directory for the demo", path.display());
            Ok((path, Directory::Kept))
        }
        None => {
            let random = crate::clock::Randomness::default().record_id();
            let path = std::env::temp_dir().join(format!("signet-demo-{random}"));
            let mut builder = std::fs::DirBuilder::new();
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&path).with_context(|| path.display().to_string())?;
            Ok((path.clone(), Directory::Temporary(path)))
        }
    }
}
