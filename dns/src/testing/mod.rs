//! A literal DNS on loopback: zones and faults as lists in the test.
//!
//! Servers are `127.0.0.2`, `127.0.0.3` and so on, named by their last octet,
//! all on one port that no other [`Fake`] uses; `127.0.0.1` is a resolver that
//! knows every zone there is, and so is `127.0.0.253`. (Needs a system whose loopback is all of
//! 127.0.0.0/8.)
//!
//! ```
//! # async fn example() {
//! use signet_dns::testing::{Fake, Fault, Rule, Zone};
//!
//! let fake = Fake::start(
//!     vec![Zone::new("example.test", &[2, 3], &["@ MX 10 mail", "mail A 192.0.2.1"])],
//!     vec![Rule::at(3, Fault::Silent)],
//! )
//! .await;
//! let asker = signet_dns::ask::Asker::new(fake.settings()).await;
//! # }
//! ```

mod faults;
mod zone;

pub use faults::{Fault, Rule};
pub use zone::Zone;

use crate::ask::Settings;
use faults::Reply;
use hickory_proto::op::Message;
use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UdpSocket},
    task::JoinSet,
};

/// The resolver's last octet.
pub const RESOLVER: u8 = 1;
/// The last octet of another one, for those who put it in their settings.
pub const SECOND_RESOLVER: u8 = 253;

/// A question that a server of the fake was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Last octet of the server's address.
    pub host: u8,
    /// Lower case, no final dot.
    pub name: String,
    /// Mnemonic of the type.
    pub rtype: String,
    /// Over TCP.
    pub tcp: bool,
    /// With EDNS.
    pub edns: bool,
    /// With upper-case letters in it.
    pub mixed_case: bool,
    /// RD.
    pub recursion: bool,
}

/// The running servers; they stop when this is dropped.
pub struct Fake {
    port: u16,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

struct State {
    zones: Vec<Zone>,
    rules: Vec<Rule>,
    asked: Vec<Asked>,
}

impl Fake {
    /// Starts the resolver and every server that a zone or a rule names.
    ///
    /// # Panics
    /// When loopback has no port for them.
    pub async fn start(zones: Vec<Zone>, rules: Vec<Rule>) -> Self {
        let hosts: BTreeSet<u8> = zones
            .iter()
            .flat_map(|zone| zone.servers().iter().copied())
            .chain(rules.iter().map(|rule| rule.host))
            .chain([RESOLVER, SECOND_RESOLVER])
            .collect();
        let (port, bound) = bind_all(&hosts).await;
        let state = Arc::new(Mutex::new(State { zones, rules, asked: Vec::new() }));
        let mut tasks = JoinSet::new();
        for Bound { host, udp, tcp } in bound {
            tasks.spawn(serve_udp(host, udp, Arc::clone(&state)));
            tasks.spawn(serve_tcp(host, tcp, Arc::clone(&state)));
        }
        Self { port, state, _tasks: tasks }
    }

    /// Settings that ask this fake and nobody else, and wait for it as long as a
    /// busy machine may take: for servers that all answer.
    #[must_use]
    pub fn settings(&self) -> Settings {
        Settings {
            resolvers: vec![self.address(RESOLVER)],
            authority_port: self.port,
            allow_private: true,
            timeout: Duration::from_secs(5),
            sockets: 2,
            failures_kept: Duration::ZERO,
            rate_per_address: 0,
            rate_per_operator: 0,
            rate_per_resolver: 0,
            ..Settings::default()
        }
    }

    /// The same for servers that are silent, late or stalled: who asks gives up
    /// soon. What is asked how often is then for the machine to say.
    #[must_use]
    pub fn hasty(&self) -> Settings {
        Settings { timeout: Duration::from_millis(300), ..self.settings() }
    }

    /// Where a server listens.
    #[must_use]
    pub fn address(&self, host: u8) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(loopback(host)), self.port)
    }

    /// Replaces the zones. Servers that were not there at the start are not
    /// started.
    pub fn set_zones(&self, zones: Vec<Zone>) {
        lock(&self.state).zones = zones;
    }

    /// Replaces the faults.
    pub fn set_rules(&self, rules: Vec<Rule>) {
        lock(&self.state).rules = rules;
    }

    /// What has been asked since the start or the last call, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut lock(&self.state).asked)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn loopback(host: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 0, host)
}

struct Bound {
    host: u8,
    udp: UdpSocket,
    tcp: TcpListener,
}

/// One port for all of them, UDP and TCP; the kernel proposes, and where one of
/// them is taken the next is tried.
async fn bind_all(hosts: &BTreeSet<u8>) -> (u16, Vec<Bound>) {
    for _ in 0..50 {
        let Ok(first) = TcpListener::bind((loopback(RESOLVER), 0)).await else { continue };
        let Ok(port) = first.local_addr().map(|address| address.port()) else { continue };
        drop(first);
        if let Ok(bound) = bind_at(hosts, port).await {
            return (port, bound);
        }
    }
    panic!("no port is free on all of {hosts:?}");
}

async fn bind_at(hosts: &BTreeSet<u8>, port: u16) -> io::Result<Vec<Bound>> {
    let mut bound = Vec::new();
    for &host in hosts {
        let address = (loopback(host), port);
        bound.push(Bound {
            host,
            udp: UdpSocket::bind(address).await?,
            tcp: TcpListener::bind(address).await?,
        });
    }
    Ok(bound)
}

impl State {
    /// What `host` has to send for `query`.
    fn reply(&mut self, host: u8, query: &Message, tcp: bool) -> Reply {
        let Some(question) = query.queries.first() else { return Reply::default() };
        let spelled = question.name().to_ascii();
        let name = spelled.trim_end_matches('.').to_ascii_lowercase();
        self.asked.push(Asked {
            host,
            rtype: question.query_type().to_string(),
            tcp,
            edns: query.edns.is_some(),
            mixed_case: spelled.bytes().any(|b| b.is_ascii_uppercase()),
            recursion: query.metadata.recursion_desired,
            name: name.clone(),
        });
        let honest = zone::answer(&self.zones, host, query);
        match self.rules.iter_mut().find_map(|rule| rule.strike(host, &name)) {
            Some(fault) => faults::apply(&fault, query, honest, tcp),
            None => faults::fit(query, honest, tcp),
        }
    }
}

async fn serve_udp(host: u8, udp: UdpSocket, state: Arc<Mutex<State>>) {
    let udp = Arc::new(udp);
    let mut buffer = vec![0; 4096];
    loop {
        let Ok((length, from)) = udp.recv_from(&mut buffer).await else { continue };
        let Ok(query) = Message::from_vec(&buffer[..length]) else { continue };
        let reply = lock(&state).reply(host, &query, false);
        let udp = Arc::clone(&udp);
        tokio::spawn(async move {
            tokio::time::sleep(reply.after).await;
            if let Some(elsewhere) = reply.from_another_port
                && let Ok(other) = UdpSocket::bind((loopback(host), 0)).await
            {
                let _ = other.send_to(&elsewhere, from).await;
            }
            for message in &reply.messages {
                let _ = udp.send_to(message, from).await;
            }
        });
    }
}

async fn serve_tcp(host: u8, tcp: TcpListener, state: Arc<Mutex<State>>) {
    loop {
        let Ok((stream, _)) = tcp.accept().await else { continue };
        let state = Arc::clone(&state);
        tokio::spawn(async move { converse(host, stream, &state).await });
    }
}

async fn converse(host: u8, mut stream: TcpStream, state: &Mutex<State>) -> io::Result<()> {
    let mut query = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut query).await?;
    let Ok(query) = Message::from_vec(&query) else { return Ok(()) };
    let reply = lock(state).reply(host, &query, true);
    tokio::time::sleep(reply.after).await;
    for message in &reply.messages {
        let length = u16::try_from(message.len()).map_err(io::Error::other)?;
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(message).await?;
    }
    Ok(())
}
