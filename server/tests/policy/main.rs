//! The sending gate as an MTA meets it: Postfix's protocol over real sockets,
//! real databases behind it. Only the clock is the test's.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod connections;
mod decisions;
mod load;
mod memory;
#[path = "../support/postgres.rs"]
mod postgres;

use jiff::SignedDuration;
use signet::{
    clock::Clock,
    config::{Config, PolicyListen, Sources},
    ops::{
        Actor, Ops,
        authorize::{MAX_AGE, Outgoing},
    },
    policy::{self, Bound, Limits},
    store::{self, AccountId, Cause, Domain, DomainId, Looked, NewDomain, Report, Ruling, TokenScope},
};
use signet_core::{
    company::{CompanyInfo, CompanyPatch, Field},
    lifecycle::{DnsState, Suspension},
    names::{DomainName, Name},
};
use std::{path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
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

/// Whoever rules here, over all accounts.
fn operator() -> Actor {
    Actor::operator(AccountId(0))
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

    fn clock(&self) -> &Clock {
        &self.ops.clock
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
        let new =
            NewDomain { account, name, record_id: self.ops.random.record_id(), dkim: Default::default() };
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

    async fn rule(&self, id: DomainId, ruling: Ruling) {
        self.ops.rule(&operator(), id, ruling, None, "because").await.unwrap();
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
    node_with(url, directory, 3).await
}

/// A node whose accounts have so many messages for their demo.
async fn node_with(url: &str, directory: &Path, allowance: usize) -> Ops {
    let key = directory.join("signet.key").display().to_string();
    let allowance = allowance.to_string();
    let settings = [("SIGNET_KEY_FILE", key.as_str()), ("SIGNET_DEMO_ALLOWANCE", &allowance)];
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
