//! The re-check path, whole: a worker, a database and questions over UDP to
//! literal zones with literal faults. Only the clock is the test's.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

mod outages;
mod raw;
mod reviews;
#[path = "../support/waiting.rs"]
mod waiting;

use jiff::SignedDuration;
use signet::{
    clock::Clock,
    config::{Config, Mail, MailRoute, Sources},
    keys::KeyFile,
    mailer::Mailer,
    ops::{Actor, Ops, Refused},
    store::{self, AccountId, Domain, DomainId, Due},
    worker,
};
use signet_core::{
    email::EmailAddress,
    plan::RecordKey,
    verify::{Code, Status, Verdict},
};
use signet_dns::{
    ask::{Asker, Settings},
    testing::{Fake, Fault, Rule, Zone},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{sync::watch, task::JoinSet};

/// The customer's two servers, and ours.
const CUSTOMER: [u8; 2] = [2, 3];
const OURS: [u8; 1] = [4];

struct World {
    fake: Fake,
    ops: Ops,
    actor: Actor,
    workers: Option<(watch::Sender<bool>, JoinSet<()>)>,
    directory: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        Self::with_servers(&[&CUSTOMER[..], &OURS].concat()).await
    }

    /// A world in which these servers can be given zones.
    async fn with_servers(servers: &[u8]) -> Self {
        let everybody = Zone::new("nowhere.test", servers, &[]);
        let fake = Fake::start(vec![everybody], Vec::new()).await;
        fake.set_zones(zones(&[]));
        Self::on(fake).await
    }

    async fn on(fake: Fake) -> Self {
        Self::with_flags(fake, &[]).await
    }

    async fn with_flags(fake: Fake, more: &[(&'static str, String)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("signet.db").display());
        let key_file = directory.path().join("signet.key").display().to_string();
        let flags =
            [("database_url", url.clone()), ("key_file", key_file), ("unverified_limit", "0".to_string())];
        let flags = flags.into_iter().chain(more.iter().cloned());
        let config = Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap();
        let clock = Clock::manual("2026-04-28T08:00:00Z".parse().unwrap());
        let ops = Ops::new(store::open(&url).await.unwrap(), Arc::new(config), clock);
        ops.install().await.unwrap();
        let mut world = Self { fake, ops, actor: Actor::operator(AccountId(1)), workers: None, directory };
        let settings = world.fake.settings();
        world.start_workers_asking(settings).await;
        world
    }

    async fn start_workers(&mut self) {
        self.start_workers_asking(self.fake.settings()).await;
    }

    /// From now on looks wait no longer than this for an answer: where there is
    /// nobody to answer, or hardly.
    async fn give_up_after(&mut self, timeout: Duration) {
        self.stop_workers().await;
        self.start_workers_asking(Settings { timeout, ..self.fake.settings() }).await;
    }

    async fn be_patient_again(&mut self) {
        self.stop_workers().await;
        self.start_workers().await;
    }

    async fn start_workers_asking(&mut self, settings: Settings) {
        let (stop, stopped) = watch::channel(false);
        let route = MailRoute::Directory(self.directory.path().join("outbox"));
        let from = EmailAddress::parse("signet@signet.test").unwrap();
        let equipment = worker::Equipment {
            asker: Asker::new(settings).await.unwrap(),
            mailer: Mailer::new(&Mail { route, from }).unwrap(),
            key: Arc::new(KeyFile::open(&self.ops.config.key_file).unwrap()),
        };
        self.workers = Some((stop.clone(), worker::start(&self.ops, &equipment, &stopped)));
    }

    async fn stop_workers(&mut self) {
        let (stop, mut workers) = self.workers.take().unwrap();
        stop.send(true).unwrap();
        while workers.join_next().await.is_some() {}
    }

    async fn register(&self, name: &str) -> Domain {
        self.ops.create_domain(&self.actor, name).await.unwrap()
    }

    /// Publishes these lines in the customer's zone, in place of all others.
    fn publish(&self, lines: &[String]) {
        self.fake.set_zones(zones(lines));
    }

    async fn check(&self, id: DomainId) -> Domain {
        let (domain, covered) = self.ops.check_domain(&self.actor, id, waiting::PATIENCE).await.unwrap();
        assert!(covered, "nobody looked at the domain");
        domain
    }

    async fn verdicts(&self, id: DomainId) -> Vec<Verdict> {
        self.ops.report(&self.actor, id).await.unwrap().1
    }

    async fn verdict(&self, id: DomainId, key: RecordKey) -> Verdict {
        self.verdicts(id).await.into_iter().find(|verdict| verdict.key == key).unwrap()
    }

    fn shown(&self, domain: &Domain, key: RecordKey) -> Status {
        self.ops.records(domain).into_iter().find(|(record, _)| record.key == key).unwrap().1
    }

    async fn history(&self, id: DomainId) -> Vec<String> {
        let events = self.ops.events(&self.actor, id, None, 100).await.unwrap();
        events.into_iter().rev().map(|event| event.kind).collect()
    }

    /// Waits until everything that is due has been looked at.
    async fn settle(&self) {
        let look = async || {
            if self.is_settled().await {
                return Ok(());
            }
            self.ops.due.notify_one();
            Err((self.ops.store.next_due().await.unwrap(), self.ops.clock.now()))
        };
        waiting::until("all looked at", look).await;
    }

    /// Whether nothing is due, and nothing under way.
    async fn is_settled(&self) -> bool {
        let idle = || self.ops.under_way.load(Ordering::SeqCst) == 0;
        let was_idle = idle();
        let next = self.ops.store.next_due().await.unwrap();
        was_idle && idle() && next.is_none_or(|next| next > self.ops.clock.now())
    }

    /// Subjects of the messages handed over.
    fn subjects(&self) -> Vec<String> {
        self.messages(|message| message.subject().map(ToString::to_string))
    }

    /// Their texts.
    fn texts(&self) -> Vec<String> {
        self.messages(|message| message.body_text(0).map(String::from))
    }

    fn messages(&self, of: impl Fn(&mail_parser::Message<'_>) -> Option<String>) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.directory.path().join("outbox")) else { return Vec::new() };
        let of = |file: std::io::Result<std::fs::DirEntry>| {
            let raw = std::fs::read(file.ok()?.path()).ok()?;
            of(&mail_parser::MessageParser::default().parse(&raw)?)
        };
        files.filter_map(of).collect()
    }

    fn pass_time(&self, span: SignedDuration) {
        self.ops.clock.advance(span);
        self.ops.due.notify_one();
    }
}

fn zones(customer: &[String]) -> Vec<Zone> {
    let lines: Vec<&str> = customer.iter().map(String::as_str).collect();
    let mut zones = our_zone();
    zones.insert(0, Zone::new("bakery.test", &CUSTOMER, &lines));
    zones
}

fn our_zone() -> Vec<Zone> {
    vec![Zone::new(
        "signet.test",
        &OURS,
        &[
            "bounce TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all",
            "bounce A 192.0.2.1",
            "_spf TXT v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all",
            "track A 192.0.2.1",
        ],
    )]
}

/// The records of a plan as zone lines.
fn lines(ops: &Ops, domain: &Domain) -> Vec<String> {
    let plan = ops.plan(domain);
    let quoted = |record: &signet_core::plan::PlannedRecord| match record.rtype.as_str() {
        "TXT" => record.value.clone(),
        _ => format!("{}.", record.value),
    };
    plan.iter().map(|record| format!("{}. {} {}", record.owner, record.rtype, quoted(record))).collect()
}

fn without(lines: &[String], word: &str) -> Vec<String> {
    lines.iter().filter(|line| !line.contains(word)).cloned().collect()
}

fn statuses(verdicts: &[Verdict]) -> Vec<Status> {
    verdicts.iter().map(|verdict| verdict.status).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_registered_to_verified_to_at_risk_to_lost_and_back() {
    let world = World::new().await;
    let domain = world.register("bakery.test").await;
    let id = domain.id;

    assert!(!world.check(id).await.dns.is_verified());
    assert_eq!(statuses(&world.verdicts(id).await), [Status::Missing; 6]);

    let all = lines(&world.ops, &domain);
    world.publish(&all);
    let verified = world.check(id).await;
    assert_eq!(statuses(&world.verdicts(id).await), [Status::Pass; 6]);
    assert_eq!(verified.dns.verified_at(), Some(world.ops.clock.now()));

    // One look finds the return path gone: shown at once, and nothing lost.
    world.publish(&without(&all, "bounce"));
    let suspect = world.check(id).await;
    assert_eq!(world.shown(&suspect, RecordKey::Verification), Status::Missing);
    assert_eq!(suspect.dns.name(), "suspect");

    // Ten minutes later it is confirmed, and the grace runs.
    world.pass_time(SignedDuration::from_mins(10));
    let at_risk = world.check(id).await;
    assert_eq!(at_risk.dns.name(), "at_risk");
    assert!(at_risk.dns.is_verified());

    world.pass_time(SignedDuration::from_hours(71));
    assert!(world.check(id).await.dns.is_verified());
    world.pass_time(SignedDuration::from_hours(1));
    assert!(!world.check(id).await.dns.is_verified());

    world.publish(&all);
    assert!(world.check(id).await.dns.is_verified());
    // Record by record, and whenever the keys are made, is told elsewhere.
    let beside = ["domain.record_changed", "dkim.keys_created"];
    let story: Vec<String> =
        world.history(id).await.into_iter().filter(|kind| !beside.contains(&kind.as_str())).collect();
    assert_eq!(
        story,
        [
            "domain.created",
            "domain.verified",
            "domain.compliance_changed",
            "domain.at_risk",
            "domain.unverified",
            "domain.compliance_changed",
            "domain.recovered",
            "domain.compliance_changed",
        ]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_verified_domain_gets_its_keys() {
    let world = World::new().await;
    let domain = world.register("bakery.test").await;
    world.publish(&lines(&world.ops, &domain));
    world.check(domain.id).await;
    let look = async || match world.ops.store.published_keys(&domain.record_id).await.unwrap() {
        Some([Some(first), Some(second)]) => Ok((first, second)),
        other => Err(other),
    };
    let (first, second) = waiting::until("two keys", look).await;
    assert_ne!(first, second);
    // RSA-2048 as SPKI.
    assert!(first.len() > 290, "{}", first.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_dns_host_changes_no_verification() {
    let mut world = World::new().await;
    let domain = world.register("bakery.test").await;
    let id = domain.id;
    world.publish(&lines(&world.ops, &domain));
    assert!(world.check(id).await.dns.is_verified());

    world.give_up_after(Duration::from_millis(50)).await;
    world.fake.set_rules(CUSTOMER.map(|host| Rule::at(host, Fault::Silent)).to_vec());
    let silent = world.check(id).await;
    assert_eq!(world.verdict(id, RecordKey::Dkim1).await.status, Status::NetworkError);
    assert_eq!(world.shown(&silent, RecordKey::Dkim1), Status::Pass, "the last trustworthy verdict is shown");

    // An hour later it is no longer shown, and a week later nothing is lost.
    world.pass_time(SignedDuration::from_mins(61));
    let silent = world.check(id).await;
    assert_eq!(world.shown(&silent, RecordKey::Dkim1), Status::NetworkError);
    for _ in 0..7 {
        world.pass_time(SignedDuration::from_hours(24));
        assert!(world.check(id).await.dns.is_verified());
    }

    world.fake.set_rules(Vec::new());
    world.be_patient_again().await;
    let back = world.check(id).await;
    assert_eq!(statuses(&world.verdicts(id).await), [Status::Pass; 6]);
    assert_eq!(back.dns.verified_at(), domain_verified_at(&world, id).await);
}

async fn domain_verified_at(world: &World, id: DomainId) -> Option<jiff::Timestamp> {
    world.ops.domain(&world.actor, id).await.unwrap().dns.verified_at()
}

/// What hostile or broken servers do, and what the return-path record's
/// verdict is then. Afterwards the same servers answer right and all is well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_servers_cost_nobody_anything() {
    let waits = [Fault::Silent, Fault::Late(Duration::from_secs(5)), Fault::TruncatedAndStalled];
    let cases = [
        (Fault::WrongId, Status::Pass, Code::Ok),
        (Fault::WrongQuestion, Status::Pass, Code::Ok),
        (Fault::WrongSource, Status::Pass, Code::Ok),
        (Fault::Noise, Status::Pass, Code::Ok),
        (Fault::Garbage, Status::NetworkError, Code::BadAnswer),
        (Fault::Truncated, Status::Pass, Code::Ok),
        (Fault::TruncatedWithoutTcp, Status::NetworkError, Code::Truncated),
        (Fault::Rcode(2), Status::NetworkError, Code::Servfail),
        (Fault::Rcode(5), Status::NetworkError, Code::Refused),
        (Fault::Extended(2, 15), Status::NetworkError, Code::Servfail),
        (Fault::LameReferral, Status::NetworkError, Code::Lame),
        (Fault::NoEdns, Status::Pass, Code::Ok),
        (Fault::LowerCase, Status::Pass, Code::Ok),
    ];
    let mut world = World::new().await;
    let domain = world.register("bakery.test").await;
    let right = lines(&world.ops, &domain);
    world.publish(&right);
    world.give_up_after(world.fake.hasty().timeout).await;
    for fault in waits {
        world.fake.set_rules(CUSTOMER.map(|host| Rule::at(host, fault.clone())).to_vec());
        world.check(domain.id).await;
        let verdict = world.verdict(domain.id, RecordKey::Verification).await;
        let code = if matches!(fault, Fault::TruncatedAndStalled) { Code::Truncated } else { Code::Timeout };
        assert_eq!((verdict.status, verdict.code), (Status::NetworkError, code), "{fault:?}");
    }
    world.be_patient_again().await;
    for (fault, status, code) in cases {
        world.fake.set_rules(CUSTOMER.map(|host| Rule::at(host, fault.clone())).to_vec());
        world.check(domain.id).await;
        let verdict = world.verdict(domain.id, RecordKey::Verification).await;
        assert_eq!((verdict.status, verdict.code), (status, code), "{fault:?}: {}", verdict.reason);
    }
    world.fake.set_rules(Vec::new());
    assert!(world.check(domain.id).await.dns.is_verified());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_zones_get_a_verdict() {
    let world = World::new().await;
    let domain = world.register("bakery.test").await;
    let right = lines(&world.ops, &domain);
    let owner = format!("sg-{}", domain.record_id);
    let huge = format!(
        "@ TXT {}",
        (0..200).map(|_| format!("\"{}\"", "x".repeat(250))).collect::<Vec<_>>().join(" ")
    );
    let loops = [format!("{owner} CNAME loop"), "loop CNAME loop".to_string()];
    let elsewhere = [format!("{owner} CNAME bounce.other.test.")];
    let spf_bomb: Vec<String> = std::iter::once("@ TXT v=spf1 include:s0.bakery.test -all".to_string())
        .chain((0..30).map(|n| format!("s{n} TXT v=spf1 include:s{}.bakery.test -all", n + 1)))
        .collect();
    let cases: [(&[String], RecordKey, Status, Code); 4] = [
        (&loops, RecordKey::Verification, Status::Fail, Code::CnameLoop),
        (&elsewhere, RecordKey::Verification, Status::Fail, Code::WrongTarget),
        (&[huge], RecordKey::Spf, Status::Missing, Code::NoRecord),
        (&spf_bomb, RecordKey::Spf, Status::Fail, Code::SpfTooManyLookups),
    ];
    for (extra, key, status, code) in cases {
        let mut zone: Vec<String> = without(&without(&right, "bounce"), "v=spf1");
        zone.extend(extra.iter().cloned());
        world.publish(&zone);
        world.check(domain.id).await;
        let verdict = world.verdict(domain.id, key).await;
        assert_eq!((verdict.status, verdict.code), (status, code), "{}", verdict.reason);
        assert!(verdict.observed.iter().all(|text| text.len() < 5000));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_that_differ_promote_nobody() {
    let world = World::new().await;
    let domain = world.register("bakery.test").await;
    let all = lines(&world.ops, &domain);
    let one_knows = |lines: &[String]| {
        let (full, none): (Vec<&str>, Vec<&str>) = (lines.iter().map(String::as_str).collect(), vec![]);
        let ns = ["@ NS ns2", "ns2 A 127.0.0.2", "@ NS ns3", "ns3 A 127.0.0.3"];
        let zone = |host, own: Vec<&str>| Zone::new("bakery.test", &[host], &[&ns[..], &own].concat());
        let mut both = vec![zone(2, full), zone(3, none)];
        both.extend(zones(&[]).into_iter().skip(1));
        both
    };
    world.fake.set_zones(one_knows(&all));
    assert!(!world.check(domain.id).await.dns.is_verified());
    let verdict = world.verdict(domain.id, RecordKey::Verification).await;
    assert_eq!((verdict.status, verdict.code), (Status::NetworkError, Code::ServersDisagree));
}

/// Whoever controls DNS proves it: the one whose id is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_moves_to_the_account_that_proves_it() {
    let world = World::new().await;
    let other = world.ops.create_account("other", "other@example.com").await.unwrap();
    let first = world.register("bakery.test").await;
    let newcomer = Actor::operator(other.id);
    let second = world.ops.create_domain(&newcomer, "bakery.test").await.unwrap();
    world.publish(&lines(&world.ops, &first));
    assert!(world.check(first.id).await.dns.is_verified());

    world.publish(&lines(&world.ops, &second));
    let (domain, _) = world.ops.check_domain(&newcomer, second.id, waiting::PATIENCE).await.unwrap();
    assert!(domain.dns.is_verified());
    assert!(world.check(first.id).await.dns.is_verified(), "one look loses nothing");
    world.pass_time(SignedDuration::from_mins(10));
    let lost = world.check(first.id).await;
    assert_eq!(lost.dns.name(), "lost", "confirmed, and another account has proven the name: no grace");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn domains_are_looked_at_by_themselves_and_after_a_restart() {
    let mut world = World::new().await;
    let domain = world.register("bakery.test").await;
    wait_for(&world, domain.id, "a first look", |domain| domain.checked_at.is_some()).await;
    world.stop_workers().await;
    world.publish(&lines(&world.ops, &domain));
    world.pass_time(SignedDuration::from_secs(31));
    world.start_workers().await;
    wait_for(&world, domain.id, "verification without being asked", |domain| domain.dns.is_verified()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_puts_looks_under_way_back() {
    let mut world = World::new().await;
    world.fake.set_rules(CUSTOMER.map(|host| Rule::at(host, Fault::Late(Duration::from_secs(60)))).to_vec());
    world.stop_workers().await;
    let patient = Settings { timeout: Duration::from_secs(60), ..world.fake.settings() };
    world.start_workers_asking(patient).await;
    let domain = world.register("bakery.test").await;
    // The look is under way once somebody has been asked.
    let look = async || {
        let asked = world.fake.asked();
        if asked.iter().any(|asked| CUSTOMER.contains(&asked.host)) { Ok(()) } else { Err(asked) }
    };
    waiting::until("asked", look).await;
    world.stop_workers().await;
    let now = world.ops.clock.now();
    let due: Vec<Due> = world.ops.store.claim_due(now, now + SignedDuration::from_mins(2), 10).await.unwrap();
    assert_eq!(due.iter().map(|due| due.domain.id).collect::<Vec<_>>(), [domain.id]);
}

/// A large DNS operator is down, and its customers' looks take long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn domains_at_a_dead_operator_keep_nobody_else_waiting() {
    const DEAD: usize = 600;
    const WELL: usize = 50;
    let names = |kind: &'static str, count| (0..count).map(move |n| format!("{kind}-{n}.test"));
    let mut all = zones(&[]);
    all.extend(names("dead", DEAD).map(|name| Zone::new(&name, &[7], &[])));
    all.extend(names("well", WELL).map(|name| Zone::new(&name, &[2], &[])));
    let mut world = World::on(Fake::start(all, vec![Rule::at(7, Fault::Silent)]).await).await;
    world.stop_workers().await;
    let mut ids = Vec::new();
    for name in names("dead", DEAD).chain(names("well", WELL)) {
        ids.push(world.register(&name).await.id);
        // Due in the order of registration.
        world.ops.clock.advance(SignedDuration::from_millis(1));
    }
    // So slowly that no question is lost on the way to the resolver, and those to
    // the dead are waited for longer than all this takes.
    let patient = Settings {
        timeout: Duration::from_secs(30),
        patience: Duration::from_secs(120),
        rate_per_resolver: 400,
        in_flight_per_resolver: 64,
        ..world.fake.settings()
    };
    world.start_workers_asking(patient).await;
    let began = std::time::Instant::now();
    for id in &ids[DEAD..] {
        wait_for(&world, *id, "a look at a domain that is well", |domain| domain.checked_at.is_some()).await;
    }
    let took = began.elapsed();
    let mut dead = 0;
    for id in &ids[..DEAD] {
        dead += usize::from(world.ops.domain(&world.actor, *id).await.unwrap().checked_at.is_some());
    }
    assert!(took < Duration::from_secs(60), "{took:?}");
    assert!(dead < DEAD / 2, "the others are still waited for: {dead}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_domains_are_looked_at_when_asked_for() {
    let world = World::new().await;
    let domain = world.register("bakery.test").await;
    world.publish(&lines(&world.ops, &domain));
    assert!(world.check(domain.id).await.dns.is_verified());
    world.register("nowhere.test").await;
    world.pass_time(SignedDuration::from_mins(1));
    let now = world.ops.clock.now();

    assert_eq!(world.ops.check_all(None).await.unwrap(), 2);
    let look = async || match world.ops.store.checks_outstanding(None).await.unwrap() {
        0 => Ok(()),
        outstanding => Err(outstanding),
    };
    waiting::until("all checked", look).await;
    assert_eq!(world.ops.store.checks_outstanding(Some(world.actor.account)).await.unwrap(), 0);
    let checked = world.ops.domain(&world.actor, domain.id).await.unwrap();
    assert_eq!(checked.checked_at, Some(now));
    let tally = world.ops.store.tally(None).await.unwrap();
    assert_eq!((tally.verified, tally.pending, tally.lost), (1, 1, 0));
    assert!(matches!(world.ops.check_all(Some(AccountId(9))).await, Err(Refused::NotFound)));
}

/// A look in turn does not know our keys; what is not right is looked at again
/// with them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_in_turn_knows_a_copy_of_our_key() {
    let world = World::new().await;
    let domain = world.register("bakery.test").await;
    let all = lines(&world.ops, &domain);
    world.publish(&all);
    assert!(world.check(domain.id).await.dns.is_verified());
    let look = async || {
        let keys = world.ops.store.published_keys(&domain.record_id).await.unwrap().unwrap();
        keys[0].clone().ok_or(keys)
    };
    let key = waiting::until("keys, made in the background", look).await;
    let plan = world.ops.plan(&domain);
    let owner = &plan.iter().find(|record| record.key == RecordKey::Dkim1).unwrap().owner;
    let mut copied = without(&all, owner.as_str());
    copied.push(format!("{owner}. TXT {key}"));
    world.publish(&copied);

    world.pass_time(SignedDuration::from_hours(29));
    wait_for(&world, domain.id, "a look in turn", |domain| domain.checked_at == Some(world.ops.clock.now()))
        .await;
    let verdict = world.verdict(domain.id, RecordKey::Dkim1).await;
    assert_eq!((verdict.status, verdict.code), (Status::Softfail, Code::Copied), "{}", verdict.reason);
}

async fn wait_for(world: &World, id: DomainId, what: &str, done: impl Fn(&Domain) -> bool) {
    let look = async || {
        let domain = world.ops.domain(&world.actor, id).await.unwrap();
        if done(&domain) { Ok(()) } else { Err(domain) }
    };
    waiting::until(what, look).await;
}

/// Whoever asks sees a domain that is due, or a look under way, or its verdict.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_domain_is_lost_sight_of_while_it_is_claimed() {
    let world = World::new().await;
    let id = world.register("bakery.test").await.id;
    for _ in 0..300 {
        world.ops.clock.advance(SignedDuration::from_secs(1));
        let now = world.ops.clock.now();
        world.ops.store.request_check(world.actor.account, id, now).await.unwrap().unwrap();
        world.ops.due.notify_one();
        while !world.is_settled().await {
            tokio::task::yield_now().await;
        }
        let domain = world.ops.domain(&world.actor, id).await.unwrap();
        assert_eq!(domain.checked_at, Some(now));
    }
}
