//! The store, through its trait, on both databases: one body of tests.
//!
//! Each test gets a [`Place`]: a database of its own, which it can open as
//! often as it likes, as several nodes do.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod audit;
mod backup;
mod checks;
mod concurrency;
mod dkim;
mod dns_access;
mod domains;
mod keys;
mod lifecycle;
mod notices;
mod operator;
mod outbox;
#[path = "../support/postgres.rs"]
mod postgres;
mod raw;
mod review;
mod sealed;
mod sender;
mod sending;
mod signing;
mod tenancy;
mod tokens;
mod webhooks;

use jiff::Timestamp;
use signet::store::*;
use signet_core::{
    company::{CompanyInfo, CompanyPatch, Field},
    email::EmailAddress,
    lifecycle::{
        DnsState, Past, Suspension,
        dns::Shown,
        past::{Kind, Trouble},
    },
    names::{DomainName, Name, RecordId},
    plan::{PlannedRecord, Present, RecordKey},
    questionnaire::{self, Answers, Given},
    rotation::{Algorithm, Selector},
    verify::{Code, Status, Verdict, dkim::PublicKey},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// Runs each test on both databases.
macro_rules! on_both {
    ($($test:ident)+) => {
        mod on_sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(crate::Place::sqlite()).await;
            })+
        }
        mod on_postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                if let Some(place) = crate::Place::postgres().await {
                    super::$test(place).await;
                }
            })+
        }
    };
}
pub(crate) use on_both;

/// A database to be opened.
struct Place {
    url: String,
    _directory: Option<tempfile::TempDir>,
}

impl Place {
    fn sqlite() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite:{}/signet.db", directory.path().display()), _directory: Some(directory) }
    }

    async fn postgres() -> Option<Self> {
        postgres::database().await.map(|url| Self { url, _directory: None })
    }

    /// Another database of the same kind (`true`), or of the other.
    async fn another(&self, same_kind: bool) -> Option<Self> {
        if self.is_sqlite() == same_kind { Some(Self::sqlite()) } else { Self::postgres().await }
    }

    fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    async fn open(&self) -> Arc<dyn Store> {
        open(&self.url).await.unwrap()
    }

    /// Another node that looks beside `store`. On SQLite one process looks, in
    /// which everybody shares the store.
    async fn beside(&self, store: &Arc<dyn Store>) -> Arc<dyn Store> {
        if self.is_sqlite() { Arc::clone(store) } else { self.open().await }
    }
}

/// A moment of these tests.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

fn cause(seconds: i64) -> Cause {
    Cause::command_line("because", at(seconds))
}

/// A number no other call has given.
fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn record_id() -> RecordId {
    let mut bytes = [7; 10];
    bytes[2..].copy_from_slice(&fresh().to_be_bytes());
    RecordId::from_random(bytes)
}

fn domain_name(name: &str) -> DomainName {
    DomainName::trusted(Name::parse(name).unwrap())
}

fn email(address: &str) -> EmailAddress {
    EmailAddress::parse(address).unwrap()
}

async fn an_account(store: &Arc<dyn Store>) -> AccountId {
    let n = fresh();
    let new = NewAccount {
        name: format!("Account {n}"),
        owner_email: email("owner@example.org"),
        demo: (domain_name(&format!("d{n}.demo.signet.test")), record_id()),
        demo_allowance: 50,
    };
    store.create_account(&new, &cause(0)).await.unwrap().id
}

async fn register(store: &Arc<dyn Store>, account: AccountId, name: &str) -> Domain {
    let new =
        NewDomain { account, name: domain_name(name), record_id: record_id(), dkim: Default::default() };
    store.create_domain(&new, None, &cause(0)).await.unwrap().unwrap()
}

fn company() -> CompanyInfo {
    let fields = [
        (Field::Name, "Acme GmbH"),
        (Field::Address, "Ring 1"),
        (Field::City, "Wien"),
        (Field::Country, "Austria"),
        (Field::ZipCode, "1010"),
        (Field::WebsiteUrl, "https://acme.example/"),
    ];
    let fields = fields.map(|(field, value)| (field, value.to_string())).into();
    CompanyInfo::create(&CompanyPatch { fields, info_level: None }).unwrap()
}

/// Every question answered.
fn answers() -> Answers {
    use questionnaire::Kind;
    let given = questionnaire::QUESTIONS.iter().map(|question| {
        let given = match question.kind {
            Kind::Line(_) | Kind::Text(_) => Given::Text(format!("On {}", question.id)),
            Kind::Choice(choices) => Given::Text(choices[0].id.to_string()),
            Kind::Number(least, _) => Given::Number(least),
            Kind::YesNo => Given::YesNo(false),
        };
        (question.id.to_string(), given)
    });
    questionnaire::answers(&given.collect()).unwrap()
}

fn verdict(status: Status, code: Code) -> Verdict {
    let record = PlannedRecord {
        key: RecordKey::Verification,
        owner: Name::parse("sg.example.com").unwrap(),
        rtype: signet_core::observe::RecordType::Cname,
        value: "bounce.signet.test".to_string(),
        gates: true,
    };
    let mut verdict = Verdict::new(&record, status, code, "Because \"so\" — \\000 é.").fix("Do that.");
    verdict.observed = vec!["x.example.com".to_string()];
    verdict.server = Some(signet_core::observe::Server {
        name: Some(Name::parse("ns1.example.com").unwrap()),
        address: Some("192.0.2.53".parse().unwrap()),
    });
    verdict.ttl = Some(300);
    verdict.rcode = Some("NOERROR".to_string());
    verdict.witnesses.asked = 2;
    verdict.remarks = vec!["ns2 did not answer".to_string()];
    verdict
}

/// A look at what was claimed that comes to `dns`, a day before the next.
fn look(due: &Due, dns: DnsState, seconds: i64) -> Looked {
    let status = if dns.is_verified() { Status::Pass } else { Status::Missing };
    let code = if dns.is_verified() { Code::Ok } else { Code::NameNotFound };
    Looked {
        domain: due.domain.id,
        account: due.domain.account,
        version: due.version,
        ticket: due.ticket,
        report: Report { checked_at: at(seconds), verdicts: vec![verdict(status, code)] },
        records: vec![RecordState {
            past: Past {
                trouble: Some(Trouble { kind: Kind::Split, since: at(seconds - 60), last: at(seconds) }),
                late_until: Some(at(seconds + 3600)),
            },
            key: RecordKey::Verification,
            shown: Shown { status, trusted_at: Some(at(seconds)) },
            expected: "bounce.signet.test".to_string(),
        }],
        present: Present { spf: Some("v=spf1 -all".to_string()), dmarc: None },
        zone: Some(Name::parse("example.com").unwrap()),
        dns,
        held: None,
        alert: None,
        failures: 1,
        suspicions: 2,
        due_at: at(seconds + 86_400),
        events: vec![],
    }
}

/// Claims everything due at `seconds`, for a minute.
async fn claim(store: &Arc<dyn Store>, seconds: i64) -> Vec<Due> {
    store.claim_due(at(seconds), at(seconds + 60), 1000).await.unwrap()
}

/// Takes a domain to `dns` by a look at `seconds`.
async fn look_at(store: &Arc<dyn Store>, domain: &Domain, dns: DnsState, seconds: i64) {
    store.request_check(domain.account, domain.id, at(seconds)).await.unwrap().unwrap();
    let due = claim(store, seconds).await;
    let due = due.iter().find(|due| due.domain.id == domain.id).expect("it was asked for");
    assert_eq!(store.apply_looks(&[look(due, dns, seconds)], &cause(seconds)).await.unwrap(), [true]);
}

/// A domain's history, oldest first, as `kind from>to`.
async fn history(store: &Arc<dyn Store>, domain: &Domain) -> Vec<String> {
    let mut events = store.events(domain.account, domain.id, None, 1000).await.unwrap();
    events.reverse();
    let shown = |event: &Event| {
        let value = |value: &Option<String>| value.clone().unwrap_or_default();
        format!("{} {}>{}", event.kind, value(&event.from), value(&event.to))
    };
    events.iter().map(shown).collect()
}

/// A key for a selector, sealed by nobody.
fn new_key(selector: Selector) -> NewKey {
    NewKey {
        id: format!("key {}", fresh()),
        selector,
        algorithm: Algorithm::Ed25519,
        origin: KeyOrigin::Made,
        public: ed25519_spki(selector.number()),
        private: SealedKey { kek: 1, wrapped: vec![255, 0], sealed: vec![0, 255] },
        under: "print".to_string(),
    }
}

/// A secret, in a database whose key-encryption key is "print" or has no name.
fn sealed_by_nobody(octets: &[u8]) -> NewSecret {
    NewSecret { under: "print".to_string(), sealed: octets.to_vec() }
}

/// RFC 8410 §4, with a point of the same octet throughout.
fn ed25519_spki(octet: u8) -> Vec<u8> {
    let mut spki = vec![0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    spki.extend([octet; 32]);
    spki
}

fn message(to: &str) -> Message {
    Message {
        to: to.to_string(),
        subject: "Set up".to_string(),
        text: "Text\r\n".to_string(),
        html: "<p>".to_string(),
        attachments: vec![],
        unsubscribe: None,
        message_id: format!("{}@signet.test", fresh()),
    }
}
