//! Databases as they are after years, made in a minute.
//!
//! One domain goes the product's own way; all others are copies of its rows
//! with names and record ids of their own.

use anyhow::Context as _;
use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    rsa,
    signature::KeyPair as _,
};
use jiff::SignedDuration;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use signet::{
    clock::Clock,
    config::{Config, Sources},
    ops::{Actor, Ops, checks::Observed},
    store::{self, AccountId, Cause, Due, Looked},
};
use signet_core::{
    lifecycle::DnsState,
    names::Name,
    observe::Server,
    schedule::{self, Pace},
    verify::{Code, Findings, Status, Verdict, Witnesses},
};
use sqlx::{
    Connection as _, Executor as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{
    path::{Path, PathBuf},
    str::FromStr as _,
    sync::Arc,
    time::Instant,
};

/// Domains that one statement copies.
const CHUNK: u32 = 20_000;
/// The numbers of the demo domain and the template come first.
const FIRST: i64 = 3;

/// A database that has been filled.
pub(crate) struct World {
    /// Where its files are.
    pub(crate) folder: PathBuf,
    population: &'static Population,
    /// How it is opened.
    pub(crate) url: String,
    /// Whose the domains are.
    pub(crate) account: AccountId,
    /// An admin token of theirs.
    pub(crate) token: String,
    /// How many domains there are. All are verified, have been looked at for
    /// days, and are due within the day that begins at `due`.
    pub(crate) domains: u32,
    /// Before the first of them is due.
    pub(crate) due: jiff::Timestamp,
}

/// What the domains are called, and how they were last looked at.
pub(crate) struct Population {
    /// The one that all others are copies of; its name stands nowhere else.
    pub(crate) template: &'static str,
    /// Their names, by number.
    pub(crate) name: fn(u32) -> String,
    /// The look at the template, at all servers or at one.
    pub(crate) look: fn(&Ops, &Due, bool) -> Looked,
}

/// Domains that nobody looks at.
pub(crate) const PLAIN: Population = Population {
    template: "template.example.com",
    name: |number| format!("customer-{number}.example.com"),
    look: looked,
};

/// What a world's clock shows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Time {
    /// The time.
    Real,
    /// The beginning of the day on which all are due; moved on by hand.
    Due,
}

/// A world that has been opened.
pub(crate) struct Open<'a> {
    /// What it is.
    pub(crate) world: &'a World,
    /// Its use cases.
    pub(crate) ops: Ops,
}

impl World {
    /// Makes a database with so many domains.
    ///
    /// # Errors
    /// When the database cannot be made.
    pub(crate) async fn make(
        folder: &Path,
        name: &str,
        domains: u32,
        population: &'static Population,
    ) -> anyhow::Result<Self> {
        let began = Instant::now();
        let folder = folder.join(name);
        std::fs::create_dir(&folder)?;
        let url = format!("sqlite:{}", folder.join("signet.db").display());
        let clock = Clock::system();
        let due = clock.now() + SignedDuration::from_hours(1);
        let (account, token) = (AccountId(0), String::new());
        let mut world = Self { folder, population, url, account, token, domains, due };
        let open = world.open(Time::Real).await?;
        let (_, first) = open.ops.install().await?;
        let first = first.context("the database was not empty")?;
        let account = first.account.id;
        let template = open.template(account).await?;
        open.ops.store.close().await;
        world.account = account;
        world.token = first.token;
        world.fill(&template).await?;
        println!("{domains} domains made in {:.0} s", began.elapsed().as_secs_f64());
        Ok(world)
    }

    /// The settings, as variables of the environment.
    pub(crate) fn settings(&self) -> Vec<(String, String)> {
        let at = |name: &str| self.folder.join(name).display().to_string();
        let settings = [
            ("DATABASE_URL", self.url.clone()),
            ("KEY_FILE", at("signet.key")),
            ("MAIL_DIR", at("outbox")),
            ("LISTEN", "127.0.0.1:0".to_string()),
            ("RATE_LIMIT", "0".to_string()),
            ("UNVERIFIED_LIMIT", "0".to_string()),
            ("LOG_FORMAT", "json".to_string()),
        ];
        settings.into_iter().map(|(name, value)| (format!("SIGNET_{name}"), value)).collect()
    }

    /// Opens the database the way the server does.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub(crate) async fn open(&self, time: Time) -> anyhow::Result<Open<'_>> {
        let sources = Sources::read(None, self.settings(), [])?;
        let config = Config::from_sources(&sources)?;
        let store = store::open(&self.url).await?;
        let clock = match time {
            Time::Real => Clock::system(),
            Time::Due => Clock::manual(self.due),
        };
        Ok(Open { world: self, ops: Ops::new(store, Arc::new(config), clock) })
    }

    /// A connection past the store, for filling and for looking behind it.
    ///
    /// # Errors
    /// When the database cannot be opened.
    pub(crate) async fn raw(&self) -> anyhow::Result<SqliteConnection> {
        let options = SqliteConnectOptions::from_str(&self.url)?;
        Ok(SqliteConnection::connect_with(&options).await?)
    }

    /// A domain's number, any of them; the same for the same `seed`.
    pub(crate) fn any_domain(&self, seed: usize) -> i64 {
        FIRST + i64::from(u32::try_from(scrambled(seed as u64) % u64::from(self.domains)).unwrap_or(0))
    }

    /// Copies the template, in one transaction.
    async fn fill(&self, template: &Template) -> anyhow::Result<()> {
        let options = SqliteConnectOptions::from_str(&self.url)?
            .journal_mode(SqliteJournalMode::Off)
            .synchronous(SqliteSynchronous::Off)
            .pragma("cache_size", "-1000000");
        let mut conn = SqliteConnection::connect_with(&options).await?;
        conn.execute("BEGIN").await?;
        conn.execute("UPDATE domain SET keyed = TRUE").await?;
        conn.execute("UPDATE look SET due_at = NULL").await?;
        let mut numbers = 0..self.domains;
        loop {
            let copies: Vec<Copy> =
                numbers.by_ref().take(CHUNK as usize).map(|number| self.copy(number, template)).collect();
            if copies.is_empty() {
                break;
            }
            let copies = serde_json::to_string(&copies)?;
            for statement in [COPY, COPY_LOOK] {
                conn.execute(sqlx::query(statement).bind(&copies).bind(template.id)).await?;
            }
        }
        conn.execute(sqlx::query(COPY_REPORT).bind(template.id)).await?;
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key())?;
        conn.execute(sqlx::query(MAKE_KEYS).bind(template.id).bind(public.as_ref())).await?;
        conn.execute(sqlx::query(MAKE_ROTATIONS).bind(template.id)).await?;
        conn.execute("COMMIT").await?;
        conn.close().await?;
        Ok(())
    }

    fn copy(&self, number: u32, template: &Template) -> Copy {
        let record_id = record_id(number);
        let name = (self.population.name)(number);
        let found =
            template.found.replace(&template.record_id, &record_id).replace(self.population.template, &name);
        let hash = Sha256::digest(found.as_bytes());
        // As the store tells looks apart; `recheck` sees that it is so.
        let digest = hash.iter().take(8).fold(0, |digest, &byte| digest << 8 | i64::from(byte));
        let id = FIRST + i64::from(number);
        Copy { id, name, record_id, digest, due_at: self.turn(id) }
    }

    /// When a domain is due that was first verified at some time of some day and
    /// has been looked at daily since, as the product's own schedule has it.
    fn turn(&self, id: i64) -> i64 {
        let mut at = self.due - SignedDuration::from_hours(24 * 9);
        at += SignedDuration::from_secs(i64::try_from(scrambled(id.unsigned_abs()) % 86_400).unwrap_or(0));
        let state = DnsState::Verified { at };
        let pace = Pace { domain: id, state, waiting_since: at, failures: 0, suspicions: 0, sends: false };
        while at < self.due {
            at = schedule::next_look(&pace, at);
        }
        at.as_microsecond()
    }
}

/// What copies are made of.
struct Template {
    id: i64,
    record_id: String,
    /// What a look at it finds.
    found: String,
}

impl Open<'_> {
    /// Registers a domain and has it verified, and looked at once more.
    async fn template(&self, account: AccountId) -> anyhow::Result<Template> {
        let actor = Actor::operator(account);
        let population = self.world.population;
        let domain = self.ops.create_domain(&actor, population.template).await?;
        anyhow::ensure!(domain.id.0 == FIRST - 1, "the template has another number than thought");
        let mut found = String::new();
        for whole in [true, false] {
            let now = self.ops.clock.now();
            self.ops.store.request_check(account, domain.id, now).await?;
            let due = self.ops.store.claim_due(now, now, 1).await?.pop().context("nothing is due")?;
            let looked = (population.look)(&self.ops, &due, whole);
            found = looked.found();
            let cause = Cause::signet(now);
            let written = self.ops.store.apply_looks(&[looked], &cause).await?;
            anyhow::ensure!(written == [true], "the template was not written");
        }
        Ok(Template { id: domain.id.0, record_id: domain.record_id.to_string(), found })
    }
}

/// A look that found everything right.
pub(crate) fn looked(ops: &Ops, due: &Due, whole: bool) -> Looked {
    let plan = ops.plan(&due.domain);
    let server = Server {
        name: Name::parse("ns1.dns-host.example").ok(),
        address: Some(std::net::Ipv4Addr::new(192, 0, 2, 53).into()),
    };
    let verdicts = plan.iter().map(|record| Verdict {
        observed: vec![record.value.clone()],
        server: Some(server.clone()),
        rcode: Some("NOERROR".to_string()),
        ttl: Some(300),
        witnesses: Witnesses { agreeing: 1, asked: 1 },
        ..Verdict::new(record, Status::Pass, Code::Ok, "The record is as it should be.")
    });
    let findings = Findings { verdicts: verdicts.collect(), ..Findings::default() };
    ops.decide(due, &plan, Observed { findings, whole, others_answer: true })
}

#[derive(Serialize)]
struct Copy {
    id: i64,
    name: String,
    record_id: String,
    digest: i64,
    due_at: i64,
}

const COPY: &str = "INSERT INTO domain (id, account_id, name, record_id, demo, demo_messages_left, keyed, created_at, \
    track_open, track_click, unsubscribe_link, custom_domain, health_alerts, critical_alerts, dns_state, dns_at, \
    records, present_spf, present_dmarc, zone) \
    SELECT c.value->>'id', t.account_id, c.value->>'name', c.value->>'record_id', t.demo, t.demo_messages_left, \
    t.keyed, t.created_at, t.track_open, t.track_click, t.unsubscribe_link, t.custom_domain, t.health_alerts, \
    t.critical_alerts, t.dns_state, t.dns_at, replace(t.records, t.record_id, c.value->>'record_id'), \
    t.present_spf, t.present_dmarc, t.zone \
    FROM json_each($1) c JOIN domain t ON t.id = $2";

const COPY_LOOK: &str = "INSERT INTO look (domain_id, account_id, due_at, version, checked_at, digest, check_wanted, \
    check_done) \
    SELECT c.value->>'id', t.account_id, c.value->>'due_at', t.version, t.checked_at, c.value->>'digest', \
    t.check_wanted, t.check_done FROM json_each($1) c JOIN look t ON t.domain_id = $2";

const COPY_REPORT: &str = "INSERT INTO report (domain_id, body) \
    SELECT d.id, replace(replace(r.body, t.record_id, d.record_id), t.name, d.name) FROM domain d \
    JOIN domain t ON t.id = $1 JOIN report r ON r.domain_id = t.id WHERE d.id > t.id ORDER BY d.id";

/// A key of 2,048 bits each, the same for all, and next to it as many octets as
/// its private half has under seal.
const MAKE_KEYS: &str = "INSERT INTO dkim_key (domain_id, selector, account_id, key_id, algorithm, origin, public, \
    kek, wrapped, sealed, stage, since, created_at) \
    SELECT d.id, s.value, d.account_id, d.id || '-' || s.value, 'rsa2048', 'made', $2, 1, zeroblob(60), \
    zeroblob(1246), CASE s.value WHEN 1 THEN 'active' ELSE 'next' END, d.created_at, d.created_at \
    FROM domain d, json_each('[1, 2]') s WHERE d.id >= $1 ORDER BY d.id, s.value";

/// Rotation is due in half a year, as if each key had begun to sign now.
const MAKE_ROTATIONS: &str = "INSERT INTO rotation (domain_id, account_id, due_at) \
    SELECT d.id, d.account_id, d.created_at + 15552000000000 FROM domain d WHERE d.id >= $1 ORDER BY d.id";

/// A record id for a number, never the same for two. Drawn ones are just as
/// scattered.
pub(crate) fn record_id(number: u32) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut rest = u128::from(scrambled(u64::from(number))) << 16 | 0x5a5a;
    let mut text = String::with_capacity(16);
    for _ in 0..16 {
        text.push(char::from(LETTERS[(rest % 32) as usize]));
        rest /= 32;
    }
    text
}

/// A number that looks drawn; never the same for two (splitmix64).
pub(crate) fn scrambled(number: u64) -> u64 {
    let mut x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
