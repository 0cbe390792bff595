//! The sending gate as an MTA meets it: Postfix's protocol over real sockets,
//! real databases behind it. Only the clock is the test's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/postgres.rs"]
mod postgres;

use futures_util::future::join_all;
use signet::{
    clock::Clock,
    config::{Config, PolicyListen, Sources},
    ops::Ops,
    policy::{self, Bound, Limits},
    store::{self, AccountId, Cause, Domain, DomainId, Looked, NewDomain, Report, Ruling, TokenScope},
};
use signet_core::{
    company::{CompanyInfo, CompanyPatch, Field},
    lifecycle::{DnsState, Suspension},
    names::{DomainName, Name},
};
use std::{os::unix::fs::PermissionsExt as _, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixListener, UnixStream},
    sync::watch,
};

const DUNNO: &str = "action=DUNNO";

/// A policy server over a database, with one account.
struct World {
    ops: Ops,
    account: AccountId,
    policy: Option<Bound>,
    stop: watch::Sender<bool>,
    url: String,
    directory: tempfile::TempDir,
}

impl World {
    async fn sqlite() -> Self {
        Self::with(None, Limits::default()).await
    }

    async fn postgres() -> Option<Self> {
        Some(Self::with(Some(postgres::database().await?), Limits::default()).await)
    }

    async fn with(url: Option<String>, limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = url.unwrap_or_else(|| format!("sqlite:{}/signet.db", directory.path().display()));
        let ops = node(&url, directory.path()).await;
        let account = ops.create_account("first", "owner@example.org").await.unwrap().id;
        let (stop, stopped) = watch::channel(false);
        let listen = "127.0.0.1:0".parse().unwrap();
        let policy = Some(policy::serve(ops.clone(), &listen, limits, stopped).await.unwrap());
        Self { ops, account, policy, stop, url, directory }
    }

    fn cause(&self) -> Cause {
        Cause::signet(self.ops.clock.now())
    }

    async fn client(&self) -> Client<TcpStream> {
        let Some(PolicyListen::Tcp(address)) = self.policy.as_ref().map(Bound::listen) else {
            panic!("the test's server listens on TCP")
        };
        Client(TcpStream::connect(address).await.unwrap())
    }

    /// One request on a connection of its own.
    async fn asks(&self, lines: &str) -> String {
        self.client().await.asks(lines).await
    }

    async fn sends_from(&self, sender: &str) -> String {
        self.asks(&rcpt(sender, "ann@example.net")).await
    }

    async fn register(&self, account: AccountId, name: &str) -> DomainId {
        let name = DomainName::trusted(Name::parse(name).unwrap());
        let new = NewDomain { account, name, record_id: self.ops.random.record_id() };
        self.ops.store.create_domain(&new, None, &self.cause()).await.unwrap().unwrap().id
    }

    /// A domain with verified DNS.
    async fn verified(&self, account: AccountId, name: &str) -> DomainId {
        let id = self.register(account, name).await;
        self.look(account, id, DnsState::Verified { at: self.ops.clock.now() }).await;
        id
    }

    /// A domain that may send.
    async fn compliant(&self, account: AccountId, name: &str) -> DomainId {
        let id = self.verified(account, name).await;
        self.rule(id, Ruling::Approve).await;
        id
    }

    fn because(&self) -> Cause {
        Cause::command_line("because", self.ops.clock.now())
    }

    async fn rule(&self, id: DomainId, ruling: Ruling) {
        self.ops.rule(id, ruling, None, &self.because()).await.unwrap();
    }

    async fn look(&self, account: AccountId, id: DomainId, dns: DnsState) {
        let (store, now) = (&self.ops.store, self.ops.clock.now());
        store.request_check(account, id, now).await.unwrap().unwrap();
        let due = store.claim_due(now, now, 100).await.unwrap();
        let due = due.into_iter().find(|due| due.domain.id == id).unwrap();
        let looked = Looked {
            domain: id,
            account,
            version: due.version,
            ticket: due.ticket,
            report: Report { checked_at: now, verdicts: vec![] },
            records: vec![],
            present: due.domain.present,
            zone: None,
            dns,
            held: None,
            alert: None,
            failures: 0,
            suspicions: 0,
            due_at: now,
            events: vec![],
        };
        assert_eq!(store.apply_looks(&[looked], &self.cause()).await.unwrap(), [true]);
    }

    async fn fill_in_company(&self, account: AccountId) {
        let fields = [
            (Field::Name, "Acme GmbH"),
            (Field::Address, "Ring 1"),
            (Field::City, "Wien"),
            (Field::Country, "Austria"),
            (Field::ZipCode, "1010"),
            (Field::WebsiteUrl, "https://acme.example/"),
        ];
        let fields = fields.map(|(field, value)| (field, value.to_string())).into();
        let info = CompanyInfo::create(&CompanyPatch { fields, info_level: None }).unwrap();
        assert!(self.ops.store.create_company(account, &info, &self.cause()).await.unwrap());
    }

    async fn demo(&self) -> Domain {
        let all = self.ops.store.domains(self.account, &TokenScope::Account, None, None).await.unwrap();
        all.into_iter().find(|domain| domain.demo).unwrap()
    }

    /// What the demo domain may still send.
    async fn left(&self) -> u32 {
        self.demo().await.demo_messages_left
    }
}

async fn node(url: &str, directory: &Path) -> Ops {
    let key = directory.join("signet.key").display().to_string();
    let settings = [("SIGNET_KEY_FILE", key.as_str()), ("SIGNET_DEMO_ALLOWANCE", "3")];
    let settings = settings.map(|(name, value)| (name.to_string(), value.to_string()));
    let config = Config::from_sources(&Sources::read(None, settings, []).unwrap()).unwrap();
    let clock = Clock::manual("2026-04-28T08:19:31Z".parse().unwrap());
    Ops::new(store::open(url).await.unwrap(), Arc::new(config), clock)
}

/// The MTA's end of a connection.
struct Client<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    /// One request and its answer, without the empty line.
    async fn asks(&mut self, lines: &str) -> String {
        self.0.write_all(format!("request=smtpd_access_policy\n{lines}\n").as_bytes()).await.unwrap();
        self.answer().await.unwrap()
    }

    /// The next answer; `None` when the server closes without one.
    async fn answer(&mut self) -> Option<String> {
        let mut answer = Vec::new();
        let whole = async {
            while !answer.ends_with(b"\n\n") {
                let byte = self.0.read_u8().await.ok()?;
                answer.push(byte);
            }
            Some(String::from_utf8(answer).unwrap().trim_end().to_string())
        };
        tokio::time::timeout(Duration::from_secs(20), whole).await.expect("the server answers or closes")
    }
}

fn rcpt(sender: &str, recipient: &str) -> String {
    format!("protocol_state=RCPT\nprotocol_name=ESMTP\nsender={sender}\nrecipient={recipient}\ninstance=1\n")
}

fn end(sender: &str, recipient: &str, instance: &str) -> String {
    let count = if recipient.is_empty() { 2 } else { 1 };
    format!(
        "protocol_state=END-OF-MESSAGE\nsender={sender}\nrecipient={recipient}\nrecipient_count={count}\n\
         instance={instance}\n"
    )
}

fn refused(domain: &str, why: &str) -> String {
    format!("action=550 5.7.1 Sending from domain {domain} is not allowed: {why}")
}

fn deferred(domain: &str, why: &str) -> String {
    format!("action=450 4.7.1 Sending from domain {domain} is not allowed at the moment: {why}")
}

#[tokio::test]
async fn the_table_on_sqlite() {
    the_table(World::sqlite().await).await;
}

#[tokio::test]
async fn the_table_on_postgres() {
    if let Some(world) = World::postgres().await {
        the_table(world).await;
    }
}

async fn the_table(world: World) {
    let (account, name) = (world.account, "example.com");
    let sends = || world.sends_from("jo@Example.COM");
    assert_eq!(sends().await, refused(name, "it is not registered"));
    let id = world.register(account, name).await;
    assert_eq!(sends().await, refused(name, "its DNS records are not verified"));
    let verified = DnsState::Verified { at: world.ops.clock.now() };
    world.look(account, id, verified).await;
    assert_eq!(sends().await, refused(name, "the company information of its account is not complete"));
    world.fill_in_company(account).await;
    assert_eq!(sends().await, refused(name, "its review has not decided yet"));
    world.rule(id, Ruling::Approve).await;
    assert_eq!(sends().await, DUNNO);
    assert_eq!(world.asks(&end("jo@example.com", "", "1")).await, DUNNO, "to several");

    world.look(account, id, DnsState::Lost { at: world.ops.clock.now() }).await;
    assert_eq!(sends().await, deferred(name, "its DNS records are not verified"));
    world.look(account, id, verified).await;
    world.rule(id, Ruling::Suspend(Suspension::Abuse)).await;
    assert_eq!(sends().await, refused(name, "it is suspended"), "at once");
    world.rule(id, Ruling::Lift).await;
    world.ops.suspend_account(account, Some(Suspension::Abuse), None, &world.because()).await.unwrap();
    assert_eq!(sends().await, refused(name, "it is suspended"), "by its account");
    world.ops.suspend_account(account, None, None, &world.because()).await.unwrap();
    assert_eq!(sends().await, DUNNO);
    world.rule(id, Ruling::Reject).await;
    assert_eq!(sends().await, refused(name, "a review has rejected it"));

    assert_eq!(
        world.sends_from("jo@sub.example.com").await,
        refused("sub.example.com", "it is not registered")
    );
    assert_eq!(world.sends_from("jo@[192.0.2.1]").await, refused("[192.0.2.1]", "it is not registered"));
    assert_eq!(world.sends_from("").await, DUNNO, "a bounce");
    let hidden = world.asks(&format!("{}sasl_username=jo\n", rcpt("", "ann@example.net"))).await;
    assert!(hidden.starts_with("action=550 5.7.1 Sending is not allowed: the null sender"), "{hidden}");
    for state in ["CONNECT", "HELO", "MAIL", "VRFY", "ETRN", "XYZ"] {
        let lines = rcpt("jo@nobody.example", "ann@example.net").replace("RCPT", state);
        assert_eq!(world.asks(&lines).await, DUNNO, "{state}");
    }
}

#[tokio::test]
async fn names_accounts_and_return_paths() {
    let world = World::sqlite().await;
    let other = world.ops.create_account("other", "owner@example.net").await.unwrap().id;
    for account in [world.account, other] {
        world.fill_in_company(account).await;
    }
    let ours = world.compliant(world.account, "example.com").await;
    let theirs = world.register(other, "example.com").await;
    let path = async |account, id| {
        let domain = world.ops.store.domain(account, id).await.unwrap().unwrap();
        format!("bounce+1@sg-{}.example.com", domain.record_id)
    };
    let (our_path, their_path) = (path(world.account, ours).await, path(other, theirs).await);
    assert_eq!(world.sends_from("jo@example.com").await, DUNNO, "the one that is verified");
    assert_eq!(world.sends_from(&our_path).await, DUNNO);
    let unverified = refused("example.com", "its DNS records are not verified");
    assert_eq!(world.sends_from(&their_path).await, unverified);
    let below = our_path.replace("@", "@x.");
    assert!(world.sends_from(&below).await.contains("is not registered"));
    let elsewhere = our_path.replace("example.com", "sub.example.com");
    assert!(world.sends_from(&elsewhere).await.contains("is not registered"));

    let as_user = async |user: &str| {
        world.asks(&format!("{}sasl_username={user}\n", rcpt("jo@example.com", "ann@example.net"))).await
    };
    assert_eq!(as_user(&world.account.to_string()).await, DUNNO);
    assert_eq!(as_user(&other.to_string()).await, unverified);
    assert_eq!(as_user("999").await, refused("example.com", "it is not registered in account 999"));
    assert_eq!(as_user("jo").await, DUNNO);

    // Both have proven the name: one's suspension is not got round by the other.
    world.look(other, theirs, DnsState::Verified { at: world.ops.clock.now() }).await;
    world.rule(theirs, Ruling::Suspend(Suspension::Abuse)).await;
    assert_eq!(world.sends_from("jo@example.com").await, refused("example.com", "it is suspended"));
    assert_eq!(world.sends_from(&our_path).await, DUNNO);
    assert_eq!(as_user(&world.account.to_string()).await, DUNNO);
}

#[tokio::test]
async fn the_demo_on_sqlite() {
    the_demo(World::sqlite().await).await;
}

#[tokio::test]
async fn the_demo_on_postgres() {
    if let Some(world) = World::postgres().await {
        the_demo(world).await;
    }
}

async fn the_demo(world: World) {
    let demo = world.demo().await;
    let (name, sender) = (demo.name.to_string(), format!("jo@{}", demo.name));
    let mut client = world.client().await;
    let owner_only = refused(&name, "a demo domain may write to its account's owner only");
    assert_eq!(client.asks(&rcpt(&sender, "ann@example.net")).await, owner_only);
    for recipient in ["owner@example.org", "OWNER@example.org"] {
        assert_eq!(client.asks(&rcpt(&sender, recipient)).await, DUNNO);
    }
    assert_eq!(world.left().await, 3, "a look counts nothing");
    for _ in 0..4 {
        assert_eq!(client.asks(&end(&sender, "owner@example.org", "a")).await, DUNNO);
    }
    assert_eq!(world.left().await, 2, "asked again, counted once");
    assert!(client.asks(&end(&sender, "", "b")).await.starts_with(&owner_only), "who they are is not told");
    assert!(client.asks(&end(&sender, "ann@example.net", "b")).await.starts_with(&owner_only));
    assert_eq!(world.left().await, 2, "what is refused is not counted");
    for instance in ["b", "c"] {
        assert_eq!(client.asks(&end(&sender, "owner@example.org", instance)).await, DUNNO);
    }
    let used_up = refused(&name, "the demo domain has used up its messages");
    assert_eq!(client.asks(&rcpt(&sender, "owner@example.org")).await, used_up);
    assert_eq!(client.asks(&end(&sender, "owner@example.org", "d")).await, used_up);
    assert_eq!(client.asks(&end(&sender, "owner@example.org", "c")).await, DUNNO, "it was counted");
    let unnamed = client.asks(&end(&sender, "owner@example.org", "")).await;
    assert_eq!(unnamed, used_up, "without an instance each counts");

    let events = world.ops.store.events(world.account, demo.id, None, 10).await.unwrap();
    let changes: Vec<_> = events.iter().filter(|event| event.kind == "domain.compliance_changed").collect();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].to.as_deref(), Some("demo_exhausted"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_allowance_on_sqlite() {
    no_more_than_the_allowance(World::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_the_allowance_on_postgres() {
    if let Some(world) = World::postgres().await {
        no_more_than_the_allowance(world).await;
    }
}

/// Two nodes, many connections, every message asked about twice at once.
async fn no_more_than_the_allowance(world: World) {
    let sender = format!("jo@{}", world.demo().await.name);
    let second = node(&world.url, world.directory.path()).await;
    let listen = "127.0.0.1:0".parse().unwrap();
    let (_stop, stopped) = watch::channel(false);
    let bound = policy::serve(second, &listen, Limits::default(), stopped).await.unwrap();
    let PolicyListen::Tcp(address) = *bound.listen() else { panic!("TCP was asked for") };
    let asked = (0..40).map(|n| {
        let (world, lines) = (&world, end(&sender, "owner@example.org", &format!("m{}", n / 2)));
        async move {
            let mut client = match n % 2 {
                0 => world.client().await,
                _ => Client(TcpStream::connect(address).await.unwrap()),
            };
            (n / 2, client.asks(&lines).await)
        }
    });
    let answers = join_all(asked).await;
    let allowed = answers.iter().filter(|(_, answer)| answer == DUNNO);
    let messages: std::collections::BTreeSet<_> = allowed.clone().map(|(message, _)| message).collect();
    assert_eq!((messages.len(), allowed.count()), (3, 6), "three messages, both times: {answers:?}");
    assert!(
        answers.iter().all(|(_, answer)| answer == DUNNO || answer.contains("has used up")),
        "{answers:?}"
    );
    assert_eq!(world.left().await, 0);
}

#[tokio::test]
async fn a_unix_socket() {
    let world = World::sqlite().await;
    let path = world.directory.path().join("policy.sock");
    let listen = PolicyListen::Unix(path.clone());
    let start = async || {
        let (stop, stopped) = watch::channel(false);
        policy::serve(world.ops.clone(), &listen, Limits::default(), stopped).await.map(|bound| (bound, stop))
    };
    // What a killed server leaves behind.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let (bound, stop) = start().await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(start().await.map(drop).unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    let mut client = Client(UnixStream::connect(&path).await.unwrap());
    for _ in 0..3 {
        let answer = client.asks(&rcpt("jo@nobody.example", "ann@example.net")).await;
        assert_eq!(answer, refused("nobody.example", "it is not registered"));
    }
    stop.send(true).unwrap();
    bound.finished().await;
    assert_eq!(client.answer().await, None, "closed between requests");
    assert!(!path.exists());

    std::fs::write(&path, "mine").unwrap();
    assert_eq!(start().await.map(drop).unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    std::fs::remove_file(&path).unwrap();

    // Somebody else's socket in our place is not ours to remove.
    let (bound, stop) = start().await.unwrap();
    std::fs::remove_file(&path).unwrap();
    let _theirs = UnixListener::bind(&path).unwrap();
    stop.send(true).unwrap();
    bound.finished().await;
    assert!(path.exists());
}

#[tokio::test]
async fn hostile_input() {
    let limits = Limits { request: Duration::from_millis(600), ..Limits::default() };
    let world = World::with(None, limits).await;
    let malformed = |answer: Option<String>| {
        answer.is_some_and(|answer| answer.starts_with("action=451 4.3.0 malformed policy request: "))
    };
    for (what, bytes) in [
        ("an endless line", vec![b'a'; 1 << 20]),
        ("an endless value", [b"sender=".to_vec(), vec![b'a'; 1 << 20]].concat()),
        ("thousands of attributes", b"a=b\n".repeat(5000)),
        ("a very long request", [b"a=".to_vec(), vec![b'x'; 3000], b"\n".to_vec()].concat().repeat(100)),
        ("binary", (0..=255).collect::<Vec<u8>>().repeat(4)),
        ("no attribute", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("nothing", b"\n".to_vec()),
        (
            "a sender twice",
            format!("request=smtpd_access_policy\nsender=x\n{}\n", rcpt("a@b.example", "c@d.example")).into(),
        ),
        (
            "an endless instance",
            format!("request=smtpd_access_policy\n{}\n", end("", "", &"i".repeat(300))).into(),
        ),
    ] {
        let mut client = world.client().await;
        // The server may close before it has read all of it.
        let _ = client.0.write_all(&bytes).await;
        assert!(malformed(client.answer().await), "{what}");
        assert_eq!(client.answer().await, None, "{what}: closed");
    }
    let mut client = world.client().await;
    let bytes = b"request=smtpd_access_policy\nprotocol_state=RCPT\nhelo_name=\x00\xff\r\nsender=a@\xff\x00\x1b[0m\n\n";
    client.0.write_all(bytes).await.unwrap();
    assert_eq!(
        client.answer().await.unwrap(),
        refused("???[0m", "it is not registered"),
        "nothing is echoed"
    );
    assert_eq!(client.asks(&rcpt("", "ann@example.net")).await, DUNNO, "and the connection goes on");

    for begun in ["request=smtpd_access_policy\nsend", "request=smtpd_access_policy\n", "r"] {
        let mut client = world.client().await;
        client.0.write_all(begun.as_bytes()).await.unwrap();
        assert_eq!(client.answer().await, None, "silence after {begun:?} is not waited out");
    }
    assert_eq!(world.sends_from("").await, DUNNO);
}

#[tokio::test]
async fn silence_and_crowds() {
    let limits = Limits { connections: 2, idle: Duration::from_millis(800), ..Limits::default() };
    let world = World::with(None, limits).await;
    let (mut first, mut second) = (world.client().await, world.client().await);
    let bounce = rcpt("", "ann@example.net");
    assert_eq!(first.asks(&bounce).await, DUNNO);
    assert_eq!(second.asks(&bounce).await, DUNNO);
    assert_eq!(world.client().await.answer().await, None, "no room");
    assert_eq!(first.asks(&bounce).await, DUNNO, "those inside are not disturbed");
    assert_eq!(first.answer().await, None, "closed for its silence");
    assert_eq!(second.answer().await, None);
    assert_eq!(world.sends_from("").await, DUNNO, "there is room again");
}

#[tokio::test]
async fn without_a_database() {
    let world = World::sqlite().await;
    let sender = format!("jo@{}", world.demo().await.name);
    let mut client = world.client().await;
    world.ops.store.close().await;
    for lines in [rcpt(&sender, "owner@example.org"), end(&sender, "owner@example.org", "a")] {
        let answer = client.asks(&lines).await;
        assert_eq!(answer, "action=451 4.3.0 The sending gate cannot decide at the moment; try again later");
    }
    assert_eq!(client.asks(&rcpt("", "ann@example.net")).await, DUNNO, "which needs no database");
}

#[tokio::test]
async fn a_stop_is_not_waited_for_by_idle_connections() {
    let mut world = World::sqlite().await;
    let mut client = world.client().await;
    assert_eq!(client.asks(&rcpt("", "ann@example.net")).await, DUNNO);
    world.stop.send(true).unwrap();
    let stopped = tokio::time::timeout(Duration::from_secs(5), world.policy.take().unwrap().finished());
    stopped.await.expect("it stops");
    assert_eq!(client.answer().await, None);
}
