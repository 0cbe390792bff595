//! Keys that nobody has to touch: workers, a database, and questions over UDP to
//! literal zones. Only the clock is the test's.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

mod lost;
mod settings;
#[path = "../support/waiting.rs"]
mod waiting;

use jiff::SignedDuration;
use signet::{
    clock::Clock,
    config::{Config, Mail, MailRoute, Sources},
    keys::KeyFile,
    mailer::Mailer,
    ops::{Actor, Ops, Refused},
    store::{self, AccountId, Cause, Domain, KeyRing, Slot, Turn},
    worker,
};
use signet_core::{
    email::EmailAddress,
    rotation::{Selector, Stage, Why},
};
use signet_dns::{
    ask::Asker,
    testing::{Fake, Zone},
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet};

/// The customer's two servers, and ours: a primary and a secondary.
const CUSTOMER: [u8; 2] = [2, 3];
const OURS: [u8; 2] = [4, 5];

const DAY: SignedDuration = SignedDuration::from_hours(24);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

struct World {
    fake: Fake,
    ops: Ops,
    actor: Actor,
    domain: Domain,
    workers: Option<(watch::Sender<bool>, JoinSet<()>)>,
    directory: tempfile::TempDir,
    /// What the customer's servers have instead of what they should have, by host.
    broken: Vec<(u8, &'static str)>,
    /// The secondary of ours that is stuck with this.
    lagging: Option<Vec<String>>,
    /// What the workers have for a key file.
    key_file: PathBuf,
}

impl World {
    /// A domain whose records are right.
    async fn new(more: &[(&'static str, &str)]) -> Self {
        let servers = [&CUSTOMER[..], &OURS].concat();
        let fake = Fake::start(vec![Zone::new("nowhere.test", &servers, &[])], Vec::new()).await;
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", directory.path().join("signet.db").display());
        let key_file = directory.path().join("signet.key").display().to_string();
        let flags = [("database_url", url.clone()), ("key_file", key_file)];
        let flags = flags.into_iter().chain(more.iter().map(|(name, value)| (*name, (*value).to_string())));
        let config = Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap();
        let clock = Clock::manual("2026-04-28T08:00:00Z".parse().unwrap());
        let ops = Ops::new(store::open(&url).await.unwrap(), Arc::new(config), clock);
        ops.install().await.unwrap();
        let actor = Actor::operator(AccountId(1));
        let domain = ops.create_domain(&actor, "bakery.test").await.unwrap();
        let (broken, lagging, key_file) = (Vec::new(), None, ops.config.key_file.clone());
        let mut world =
            Self { fake, ops, actor, domain, workers: None, directory, broken, lagging, key_file };
        world.publish().await;
        world.start_workers().await;
        let (domain, covered) =
            world.ops.check_domain(&world.actor, world.domain.id, waiting::PATIENCE).await.unwrap();
        assert!(covered && domain.dns.is_verified());
        world
    }

    async fn start_workers(&mut self) {
        let (stop, stopped) = watch::channel(false);
        let route = MailRoute::Directory(self.directory.path().join("outbox"));
        let from = EmailAddress::parse("signet@signet.test").unwrap();
        let equipment = worker::Equipment {
            asker: Asker::new(self.fake.settings()).await.unwrap(),
            mailer: Mailer::new(&Mail { route, from }).unwrap(),
            key: Arc::new(KeyFile::open(&self.key_file).unwrap()),
        };
        self.workers = Some((stop, worker::start(&self.ops, &equipment, &stopped)));
    }

    /// As `kill -9`: nothing is put back.
    async fn crash(&mut self) {
        let (_, mut workers) = self.workers.take().unwrap();
        workers.shutdown().await;
    }

    /// Has every server serve what it has now.
    async fn publish(&self) {
        let texts = self.ops.store.published_keys(&self.domain.record_id).await.unwrap();
        let texts = texts.unwrap_or_default();
        let provider = &self.ops.config.provider;
        let keys: Vec<String> = Selector::BOTH
            .iter()
            .zip(texts)
            .filter_map(|(selector, text)| {
                let target = provider.dkim_target(selector.number(), &self.domain.record_id);
                Some(format!("{target}. TXT {}", text?))
            })
            .collect();
        let lines: Vec<String> = self
            .ops
            .plan(&self.domain)
            .iter()
            .map(|record| match record.rtype.as_str() {
                "TXT" => format!("{}. TXT {}", record.owner, record.value),
                rtype => format!("{}. {rtype} {}.", record.owner, record.value),
            })
            .collect();
        let mut zones = Vec::new();
        for host in CUSTOMER {
            let servers = ["@ NS ns2", "ns2 A 127.0.0.2", "@ NS ns3", "ns3 A 127.0.0.3"].map(String::from);
            let own = lines.iter().filter(|line| {
                !self.broken.iter().any(|(broken, word)| *broken == host && line.contains(word))
            });
            zones.push(zone("bakery.test", host, servers.iter().chain(own)));
        }
        for host in OURS {
            let servers = ["@ NS ns4", "ns4 A 127.0.0.4", "@ NS ns5", "ns5 A 127.0.0.5"].map(String::from);
            let own = self.lagging.as_ref().filter(|_| host == OURS[1]).unwrap_or(&keys);
            zones.push(zone("signet.test", host, servers.iter().chain(own)));
        }
        self.fake.set_zones(zones);
    }

    async fn keys(&self) -> Option<KeyRing> {
        self.ops.keys(&self.actor, self.domain.id).await.unwrap().1
    }

    /// The stages, by selector.
    async fn stages(&self) -> [&'static str; 2] {
        let keys = self.keys().await.map(|keys| keys.ring().keys).unwrap_or_default();
        keys.map(|held| held.map_or("none", |held| held.stage.as_str()))
    }

    /// Waits until the keys are so, with all servers up to date.
    async fn until(&self, what: &str, so: impl Fn(&KeyRing) -> bool) -> KeyRing {
        let look = async || {
            self.publish().await;
            let keys = self.keys().await;
            if keys.as_ref().is_some_and(&so) {
                return Ok(keys.unwrap());
            }
            self.ops.turning.notify_one();
            Err((keys, self.ops.clock.now()))
        };
        waiting::until(what, look).await
    }

    async fn until_stages(&self, stages: [&'static str; 2]) -> KeyRing {
        let so = |keys: &KeyRing| {
            keys.ring().keys.map(|held| held.map_or("none", |held| held.stage.as_str())) == stages
        };
        self.until(&format!("{stages:?}"), so).await
    }

    /// Until what is on `selector` is proven.
    async fn until_clear(&self, selector: Selector) -> KeyRing {
        let clear =
            |keys: &KeyRing| keys.ring().on(selector).is_some_and(|held| held.stage.clear_at().is_some());
        self.until("proven", clear).await
    }

    /// With all servers up to date before.
    async fn pass(&self, span: SignedDuration) {
        self.publish().await;
        self.ops.clock.advance(span);
        self.ops.turning.notify_one();
    }

    /// From verified to a key that signs with the next one proven beside it.
    async fn ready(&self) -> KeyRing {
        self.until("made", |_| true).await;
        self.pass(SignedDuration::from_secs(10)).await;
        self.until_stages(["active", "next"]).await;
        self.until_clear(Selector::Second).await
    }

    async fn rotate(&self, compromised: bool) -> Result<(), Refused> {
        self.ops.rotate(&self.actor, self.domain.id, compromised, "test").await.map(drop)
    }

    /// What happened to keys.
    async fn history(&self) -> Vec<String> {
        let events = self.ops.events(&self.actor, self.domain.id, None, 200).await.unwrap();
        let mut dkim: Vec<String> =
            events.into_iter().map(|event| event.kind).filter(|kind| kind.starts_with("dkim.")).collect();
        dkim.reverse();
        dkim
    }

    async fn text(&self, selector: Selector) -> Option<String> {
        let texts = self.ops.store.published_keys(&self.domain.record_id).await.unwrap().unwrap();
        texts[selector.index()].clone()
    }

    fn subjects(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(self.directory.path().join("outbox")) else { return Vec::new() };
        let subject = |file: std::io::Result<std::fs::DirEntry>| {
            let raw = std::fs::read(file.ok()?.path()).ok()?;
            let message = mail_parser::MessageParser::default().parse(&raw)?;
            message.subject().map(ToString::to_string)
        };
        files.filter_map(subject).collect()
    }
}

fn zone<'a>(apex: &str, host: u8, lines: impl Iterator<Item = &'a String>) -> Zone {
    let lines: Vec<&str> = lines.map(String::as_str).collect();
    Zone::new(apex, &[host], &lines)
}

fn message(refused: Refused) -> String {
    match refused {
        Refused::Invalid(errors) => errors["base"].join(" "),
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_turn_from_asked_to_gone() {
    let world = World::new(&[]).await;
    let before = world.ready().await;
    let old = world.text(Selector::First).await.unwrap();
    world.rotate(false).await.unwrap();
    let asked_for = world.until("asked for", |keys| keys.wanted.is_some()).await;
    assert!(asked_for.version > before.version);
    // The fake's records may be kept for an hour.
    world.pass(HOUR - SignedDuration::from_secs(1)).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(world.stages().await, ["active", "next"], "answers from before may be remembered");
    world.pass(SignedDuration::from_secs(1)).await;
    world.until_stages(["retired", "active"]).await;
    let domain = world.ops.domain(&world.actor, world.domain.id).await.unwrap();
    assert_eq!(domain.active_selector, Selector::Second);
    assert_eq!(world.text(Selector::First).await, Some(old));
    let refused = message(world.rotate(false).await.unwrap_err());
    assert!(refused.contains("on the other selector until 2026-05-05"), "{refused}");

    world.pass(DAY * 7).await;
    world.until_stages(["revoked", "active"]).await;
    assert_eq!(world.text(Selector::First).await.as_deref(), Some("v=DKIM1; k=rsa; p="));
    world.pass(DAY * 30).await;
    world.until_stages(["next", "active"]).await;
    world.pass(SignedDuration::from_secs(10)).await;
    world.until_clear(Selector::First).await;
    assert_eq!(
        world.history().await,
        [
            "dkim.keys_created",
            "dkim.opened",
            "dkim.rotated",
            "dkim.proven",
            "dkim.rotation_asked",
            "dkim.opened",
            "dkim.rotated",
            "dkim.revoked",
            "dkim.removed",
            "dkim.published",
            "dkim.proven",
        ]
    );
    // And by itself when the period is over.
    world.pass(DAY * 143).await;
    world.until_stages(["active", "retired"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_step_is_gone_on_from() {
    let mut world = World::new(&[]).await;
    world.until("made", |_| true).await;
    let steps = [
        (SignedDuration::from_secs(10), ["active", "next"]),
        (DAY * 180, ["retired", "active"]),
        (DAY * 7, ["revoked", "active"]),
        (DAY * 30, ["next", "active"]),
        (DAY * 180, ["active", "retired"]),
    ];
    for (span, stages) in steps {
        world.crash().await;
        world.pass(span).await;
        // Somebody takes it, and is no more before anything is written.
        let mut claimed = Vec::new();
        for _ in 0..3 {
            let now = world.ops.clock.now();
            claimed.extend(world.ops.store.claim_rotations(now, now + HOUR, 100).await.unwrap());
            if claimed.iter().any(|due| due.domain.id == world.domain.id) {
                break;
            }
            // The worker had it when it crashed.
            world.pass(SignedDuration::from_mins(2)).await;
        }
        world.start_workers().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let keys = world.keys().await.unwrap();
        let same = claimed.iter().find(|due| due.domain.id == world.domain.id);
        assert_eq!(Some(keys.version), same.map(|due| due.keys.version), "it is somebody else's");
        world.pass(HOUR).await;
        world.until_stages(stages).await;
        if stages.contains(&"next") {
            let next =
                Selector::BOTH.into_iter().find(|selector| stages[selector.index()] == "next").unwrap();
            world.pass(SignedDuration::from_secs(10)).await;
            world.until_clear(next).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stands_in_the_way_is_told_and_when_mended_it_goes_on() {
    let mut world = World::new(&[]).await;
    world.ready().await;
    world.pass(HOUR).await;
    // One of the two servers loses the CNAME before the switch.
    world.broken = vec![(3, "sg2-")];
    world.publish().await;
    world.rotate(false).await.unwrap();
    let keys = world.until("stuck", |keys| keys.stuck.is_some()).await;
    assert!(
        matches!(keys.ring().on(Selector::Second).unwrap().stage, Stage::Next(next) if next.clear_at.is_none())
    );
    assert_eq!(keys.told_at, None);
    let (_, why) = keys.stuck.unwrap();
    assert!(why.contains("ns3"), "{why}");
    world.pass(DAY).await;
    let told = world.until("told", |keys| keys.told_at.is_some()).await;
    world.pass(SignedDuration::from_mins(10)).await;
    // A look under way would see it broken still, and the next would be a while off.
    world.until("looked for again", |keys| keys.failures > told.failures).await;
    let told = async || {
        let subjects = world.subjects();
        if subjects.iter().any(|subject| subject.contains("DKIM")) { Ok(()) } else { Err(subjects) }
    };
    waiting::until("told by mail", told).await;

    world.broken.clear();
    world.pass(HOUR).await;
    let proven = world.until_clear(Selector::Second).await;
    assert_eq!((proven.stuck, proven.told_at), (None, None));
    world.pass(HOUR).await;
    world.until_stages(["retired", "active"]).await;
    assert!(world.history().await.contains(&"dkim.rotation_stuck".to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_not_right_is_a_reason_to_refuse() {
    let mut world = World::new(&[]).await;
    world.ready().await;
    world.broken = vec![(2, "sg2-"), (3, "sg2-")];
    world.publish().await;
    world.ops.check_domain(&world.actor, world.domain.id, waiting::PATIENCE).await.unwrap();
    let refused = message(world.rotate(false).await.unwrap_err());
    assert!(refused.contains("dkim2 is not right") && refused.contains("CNAME"), "{refused}");
    // A key in wrong hands is to go, whatever is in the way, and at once it is told.
    world.pass(HOUR).await;
    world.rotate(true).await.unwrap();
    world.until("told", |keys| keys.told_at.is_some()).await;
    // What is asked for already may be asked for again.
    world.rotate(false).await.unwrap();
    assert_eq!(world.keys().await.unwrap().wanted, Some(Why::Compromised));
    world.broken.clear();
    world.pass(HOUR).await;
    world.until_clear(Selector::Second).await;
    world.pass(HOUR).await;
    world.until_stages(["revoked", "active"]).await;
    assert_eq!(world.text(Selector::First).await.as_deref(), Some("v=DKIM1; k=rsa; p="));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_look_finds_is_waited_out_before_the_switch() {
    let mut world = World::new(&[]).await;
    world.ready().await;
    world.pass(HOUR * 2).await;
    // Proven, clear, and broken since: a look sees it, and it is mended.
    world.broken = vec![(2, "sg2-"), (3, "sg2-")];
    world.publish().await;
    world.ops.check_domain(&world.actor, world.domain.id, waiting::PATIENCE).await.unwrap();
    let unseen = |keys: &KeyRing| keys.ring().on(Selector::Second).unwrap().stage.clear_at().is_none();
    world.until("unseen", unseen).await;
    world.broken.clear();
    world.publish().await;
    world.rotate(true).await.unwrap();
    world.pass(SignedDuration::from_mins(20)).await;
    world.until_clear(Selector::Second).await;
    world.pass(SignedDuration::from_mins(30)).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(world.stages().await, ["active", "next"], "that it was missing may be remembered");
    world.pass(SignedDuration::from_mins(30)).await;
    world.until_stages(["revoked", "active"]).await;
    // And no older look keeps it from signing, which is told as it is.
    let (domain, keys) = world.ops.keys(&world.actor, world.domain.id).await.unwrap();
    let keys = keys.unwrap();
    let signs: Vec<bool> = world.ops.standing(&domain, &keys).keys.iter().map(|key| key.signs).collect();
    assert_eq!(signs, [false, true]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_told_of_something_else_is_told_of_a_compromise() {
    let mut world = World::new(&[]).await;
    world.ready().await;
    world.broken = vec![(2, "sg2-"), (3, "sg2-")];
    world.publish().await;
    let told_before = world.ops.clock.now();
    let keys = world.keys().await.unwrap();
    let turn = Turn {
        account: world.domain.account,
        domain: world.domain.id,
        version: keys.version,
        slots: keys.ring().keys.map(|held| Slot::Keep(held.unwrap())),
        wanted: None,
        due_at: None,
        failures: 0,
        stuck: None,
        told_at: Some(told_before),
        notice: None,
        events: vec![],
    };
    assert!(world.ops.store.turn_keys(&turn, &Cause::signet(told_before)).await.unwrap());
    world.pass(HOUR * 2).await;
    world.rotate(true).await.unwrap();
    world.until("told", |keys| keys.told_at.is_some_and(|told| told > told_before)).await;
    assert!(world.history().await.contains(&"dkim.rotation_stuck".to_string()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_does_not_open_never_signs() {
    let mut world = World::new(&[]).await;
    world.ready().await;
    world.crash().await;
    let right = world.key_file.clone();
    world.key_file = world.directory.path().join("other.key");
    KeyFile::open_or_make(&world.key_file, &world.ops.random).unwrap();
    world.start_workers().await;
    world.pass(HOUR * 2).await;
    world.rotate(false).await.unwrap();
    let keys = world.until("stuck", |keys| keys.stuck.is_some()).await;
    assert!(keys.stuck.unwrap().1.contains("does not open"));
    assert_eq!(world.stages().await, ["active", "next"]);
    // The right file again: nothing is lost.
    world.crash().await;
    world.key_file = right;
    world.start_workers().await;
    world.pass(HOUR).await;
    world.until_stages(["retired", "active"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secondary_of_ours_that_lags_is_waited_for_and_is_nobody_elses_matter() {
    let mut world = World::new(&[]).await;
    world.until("made", |_| true).await;
    world.lagging = Some(Vec::new());
    world.publish().await;
    world.pass(SignedDuration::from_secs(10)).await;
    world.until("looked for", |keys| keys.failures > 0).await;
    assert_eq!(world.stages().await, ["next", "next"]);
    world.pass(DAY * 3).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let keys = world.keys().await.unwrap();
    assert_eq!((world.stages().await, keys.told_at), (["next", "next"], None));
    world.lagging = None;
    world.pass(HOUR).await;
    world.until_stages(["active", "next"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ed25519_signs_beside_rsa_and_makes_room() {
    let world = World::new(&[("dkim_ed25519", "true")]).await;
    world.until("made", |_| true).await;
    world.pass(SignedDuration::from_secs(10)).await;
    world.until_stages(["active", "companion"]).await;
    world.pass(SignedDuration::from_secs(10)).await;
    world.until_clear(Selector::Second).await;
    let signing = |keys: &KeyRing| keys.ring().signing(|_| false);
    assert_eq!(signing(&world.keys().await.unwrap()), [Some(Selector::First), None]);
    // Nobody remembers anything else by then, and everybody gives it still.
    world.pass(HOUR).await;
    let both = [Some(Selector::First), Some(Selector::Second)];
    world.until("signing", |keys| signing(keys) == both).await;
    assert!(world.text(Selector::Second).await.unwrap().starts_with("v=DKIM1; k=ed25519; p="));
    world.rotate(false).await.unwrap();
    // What it signed has an RSA signature as well.
    world.until_stages(["active", "next"]).await;
    world.pass(SignedDuration::from_secs(10)).await;
    world.until_clear(Selector::Second).await;
    world.pass(HOUR).await;
    world.until_stages(["retired", "active"]).await;
}
