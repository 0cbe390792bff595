//! Replacing the key-encryption key: everything moves, whoever works meanwhile and
//! wherever it stops, and the DKIM keys stay as they lie.

use super::{raw::Raw, *};
use signet::{
    clock::{Clock, Randomness},
    config::{Config, Sources},
    keys::{KeyFile, KeyOwner, make},
    ops::{
        Actor, Ops, Refused,
        rewrap::{Done, Goal, Unreadable},
        webhooks::WebhookWish,
    },
};
use std::{fs, path::PathBuf};
use zeroize::Zeroizing;

on_both! {
    everything_moves_and_keys_stay_as_they_lie
    it_goes_on_wherever_it_stopped
    servers_go_on_meanwhile
    another_machine_is_not_overruled
    a_node_that_lags_seals_nothing
    a_server_seals_anew_what_was_refused
    nothing_is_retired_while_something_lies_under_it
    what_does_not_open_stays
    what_does_not_open_is_in_no_new_versions_way
    a_version_that_was_retired_is_forgotten
    the_file_is_prepared_first
}

/// Two pages and a bit of DKIM keys.
const DOMAINS: usize = 290;

struct World {
    ops: Ops,
    account: AccountId,
    path: PathBuf,
    domains: Vec<Keyless>,
    directory: tempfile::TempDir,
}

fn purpose(account: AccountId) -> String {
    format!("test {account}")
}

fn scope() -> IdempotencyScope {
    let text = |text: &str| text.to_string();
    IdempotencyScope { owner: text("o"), method: text("POST"), path: text("/it's"), key: text("k%_") }
}

const PEM: &str = include_str!("../../src/keys/import/pem/rsa2048.pem");

const ANSWER: &str = "{\"token\": \"secret\"}";

impl World {
    async fn new(place: &Place, domains: usize) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signet.key");
        let ops = ops(place, &path).await;
        let (key, first) = ops.install().await.unwrap();
        let account = first.unwrap().account.id;
        let ops = Ops { key: Some(Arc::new(key)), ..ops };
        let mut world = Self { ops, account, path, domains: vec![], directory };
        for _ in 0..domains {
            world.add_domain(&world.file()).await;
        }
        world.add_secrets().await;
        world
    }

    fn file(&self) -> Arc<KeyFile> {
        self.ops.key.clone().unwrap()
    }

    /// A domain with two keys, sealed by whoever has `file`.
    async fn add_domain(&mut self, file: &KeyFile) {
        self.try_add_domain(file).await.unwrap();
    }

    async fn try_add_domain(&mut self, file: &KeyFile) -> Result<()> {
        let random = Randomness::default();
        let domain = register(&self.ops.store, self.account, &format!("d{}.example.com", fresh())).await;
        let keyless =
            Keyless { account: self.account, domain: domain.id, record_id: domain.record_id.clone() };
        let keys = Selector::BOTH.map(|selector| {
            let pair = make(Algorithm::Ed25519, &random).unwrap();
            file.keep(&pair, KeyOrigin::Made, &keyless, selector, format!("key {}", fresh()), &random)
        });
        assert!(self.ops.store.add_keys(&keyless, &keys, &cause(0)).await?);
        self.domains.push(keyless);
        Ok(())
    }

    async fn add_secrets(&self) {
        let (file, random) = (self.file(), &self.ops.random);
        let seal = |secret: &[u8]| file.seal_secret(&purpose(self.account), secret, random);
        let new = NewWebhook {
            account: self.account,
            url: "https://example.com/".to_string(),
            description: String::new(),
            events: EventKind::PUBLISHED.to_vec(),
            active: true,
            secret: seal(b"before"),
        };
        let webhook = self.ops.store.create_webhook(&new, 10, &cause(0)).await.unwrap().unwrap();
        let (now, cause) = (seal(b"now"), cause(1));
        let rotated =
            self.ops.store.rotate_webhook_secret(self.account, webhook.id, &now, at(86_400), &cause);
        rotated.await.unwrap().unwrap();
        let access = NewDnsAccess {
            account: self.account,
            zone: Name::parse("example.com").unwrap(),
            provider: "rfc2136".to_string(),
            settings: std::collections::BTreeMap::new(),
            secret: seal(b"tsig"),
        };
        self.ops.store.give_dns_access(&access, 10, &cause).await.unwrap().unwrap();
        let answer = StoredAnswer { status: 200, body: ANSWER.to_string() };
        assert!(matches!(self.ops.idempotency_begin(&scope(), "hash").await.unwrap(), Idempotency::New));
        self.ops.idempotency_end(&scope(), Some(&answer), true).await.unwrap();
        self.ops.make_link_key().await.unwrap();
    }

    /// All private keys, sealed as they lie; each opens with `file`.
    async fn sealed(&self, file: &KeyFile) -> Vec<SealedKey> {
        let mut all = Vec::new();
        for domain in &self.domains {
            let ring = self.ops.store.key_ring(domain.account, domain.domain).await.unwrap().unwrap();
            for key in ring.keys.iter().flatten() {
                let (store, cause) = (&self.ops.store, cause(0));
                let sealed =
                    store.sealed_key(domain.account, domain.domain, key.selector, &key.id, &cause).await;
                let sealed = sealed.unwrap().unwrap();
                let owner = KeyOwner { domain, selector: key.selector, id: &key.id };
                assert!(file.open_sealed(&sealed, &owner, "test").is_some(), "{owner:?}");
                all.push(sealed);
            }
        }
        all
    }

    /// Each of the other secrets opens with `file`.
    async fn secrets_open(&self, file: KeyFile) {
        let places = [
            (SecretPlace::Webhook, &b"now"[..]),
            (SecretPlace::WebhookBefore, b"before"),
            (SecretPlace::DnsAccess, b"tsig"),
        ];
        for (place, expected) in places {
            // Under another version than one that never was: all.
            let found = self.ops.store.secrets(place, 65_535, None, 10).await.unwrap();
            assert_eq!(found.len(), 1);
            let opened = file.open_secret(&purpose(self.account), &found[0].sealed).unwrap();
            assert_eq!(opened.as_slice(), expected);
        }
        let ops = Ops { key: Some(Arc::new(file)), ..self.ops.clone() };
        ops.make_link_key().await.expect("the one that is kept opens");
        assert!(!ops.link_key_texts().await.unwrap().is_empty(), "and is published as before");
        let Idempotency::Replay(kept) = ops.idempotency_begin(&scope(), "hash").await.unwrap() else {
            panic!("the answer was kept");
        };
        assert_eq!(ops.opened_answer(kept).unwrap().body, ANSWER);
    }

    /// What a server that starts now has; it starts.
    async fn started(&self) -> KeyFile {
        self.ops.key_file().await.unwrap()
    }

    /// What `signet keys rewrap` does, to its end.
    async fn rewrap(&self, goal: Goal) -> Vec<Done> {
        let file = self.started().await;
        let mut rewrap = self.ops.rewrap(&file, goal).await.unwrap();
        let mut all = Vec::new();
        while let Some(done) = rewrap.step().await.unwrap() {
            all.push(done);
            assert!(all.len() < 100, "{all:?}");
        }
        all
    }
}

async fn ops(place: &Place, path: &std::path::Path) -> Ops {
    let flags = [("key_file", path.display().to_string())];
    let config = Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap();
    Ops::new(place.open().await, Arc::new(config), Clock::manual(at(0)))
}

fn base(refused: Refused) -> String {
    match refused {
        Refused::Invalid(fields) => fields["base"].join("; "),
        other => panic!("{other:?}"),
    }
}

async fn everything_moves_and_keys_stay_as_they_lie(place: Place) {
    let world = World::new(&place, DOMAINS).await;
    let before = world.sealed(&world.started().await).await;
    let link = world.ops.link_url(signet::ops::links::Link::MuteHealth(world.account)).unwrap();
    let done = world.rewrap(Goal::Rewrap).await;
    let all = 2 * DOMAINS as u64;
    let expected = [
        Done::Added(2),
        Done::Seals(2),
        Done::Keys { moved: 256, left: all - 256 },
        Done::Keys { moved: 256, left: all - 512 },
        Done::Keys { moved: all - 512, left: 0 },
        Done::Secrets(5),
    ];
    assert_eq!(done, expected);
    let file = world.started().await;
    assert_eq!((file.current(), file.present()), (2, vec![1, 2]));
    let after = world.sealed(&file).await;
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        assert_eq!(before.sealed, after.sealed, "the DKIM key is as it lay");
        assert_ne!(before.wrapped, after.wrapped);
        assert_eq!((before.kek, after.kek), (1, 2));
    }
    world.secrets_open(file).await;
    assert_eq!(world.ops.store.count_wrapped(2).await.unwrap(), (all, 0));
    let token = link.rsplit('/').next().unwrap();
    let with = |file| Ops { key: Some(Arc::new(file)), ..world.ops.clone() };
    assert!(with(world.started().await).read_link(token).is_some(), "links outlive a version");
    let filter = AuditFilter { kinds: vec![EventKind::KeyReplaced], ..AuditFilter::default() };
    let noted = world.ops.store.audit(&filter, None, 10).await.unwrap();
    assert_eq!(noted.len(), 1);
    assert_eq!((noted[0].from.as_deref(), noted[0].to.as_deref()), (Some("1"), Some("2")));

    // The old version is kept until it is asked for; then nothing needs it.
    assert_eq!(world.rewrap(Goal::RetireOld).await, [Done::Retired(1)]);
    let file = world.started().await;
    assert_eq!(file.present(), [2]);
    assert_eq!(world.sealed(&file).await, after);
    world.secrets_open(file).await;
    assert!(with(world.started().await).read_link(token).is_some(), "even one that was retired");
    // And again, at once.
    let again = world.rewrap(Goal::RetireOld).await;
    assert_eq!((again.first(), again.last()), (Some(&Done::Added(3)), Some(&Done::Retired(2))));
    world.sealed(&world.started().await).await;
}

/// Each step is done by a process that is killed behind it.
async fn it_goes_on_wherever_it_stopped(place: Place) {
    let world = World::new(&place, DOMAINS).await;
    let mut all = Vec::new();
    loop {
        // Half a file, from one that was killed while it wrote.
        fs::write(world.directory.path().join("signet.key.new"), "signet-key").unwrap();
        let file = world.started().await;
        let mut rewrap = world.ops.rewrap(&file, Goal::RetireOld).await.unwrap();
        // Once the old version is gone, one more would begin anew.
        let Some(done) = rewrap.step().await.unwrap() else { break };
        all.push(done);
        drop(rewrap);
        let started = world.started().await;
        world.sealed(&started).await;
        world.secrets_open(started).await;
        if matches!(done, Done::Retired(_)) {
            break;
        }
        assert!(all.len() < 20, "{all:?}");
    }
    let keys = all.iter().filter(|done| matches!(done, Done::Keys { .. })).count();
    assert_eq!((all[0], all[1], keys), (Done::Added(2), Done::Seals(2), 3), "{all:?}");
    assert_eq!(all.last(), Some(&Done::Retired(1)));
    assert_eq!(world.started().await.present(), [2]);
}

async fn servers_go_on_meanwhile(place: Place) {
    let mut world = World::new(&place, 3).await;
    // One that looks every second, and one that has not looked for long.
    let (server, late) = (world.started().await, world.started().await);
    let other = ops(&place, &world.path).await;
    let file = other.key_file().await.unwrap();
    let mut rewrap = other.rewrap(&file, Goal::RetireOld).await.unwrap();
    assert!(base(other.rewrap(&file, Goal::Rewrap).await.err().unwrap()).contains("another"));
    let mut retired = false;
    while let Some(done) = rewrap.step().await.unwrap() {
        world.ops.follow_key_file(&server).await.unwrap();
        retired |= matches!(done, Done::Retired(_));
        if !retired {
            world.add_domain(&server).await;
        }
        if matches!(done, Done::Secrets(_)) {
            // What it seals is not taken, so that nothing has to be waited for.
            assert_eq!(late.current(), 1);
            assert!(matches!(world.try_add_domain(&late).await, Err(StoreError::SealedBefore)));
            world.ops.follow_key_file(&late).await.unwrap();
            world.add_domain(&late).await;
        }
        assert_eq!(server.current(), if matches!(done, Done::Added(_)) { 1 } else { 2 });
    }
    assert!(retired);
    drop(rewrap);
    assert_eq!(file.present(), [2]);
    for file in [&file, &server, &late] {
        let keys = world.sealed(file).await;
        assert!(keys.iter().all(|key| key.kek == 2));
    }
}

async fn another_machine_is_not_overruled(place: Place) {
    let world = World::new(&place, 1).await;
    let elsewhere = world.directory.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let copy = elsewhere.join("signet.key");
    fs::copy(&world.path, &copy).unwrap();
    let other = ops(&place, &copy).await;
    let (ours, theirs) = (world.started().await, other.key_file().await.unwrap());
    let mut here = world.ops.rewrap(&ours, Goal::Rewrap).await.unwrap();
    let mut there = other.rewrap(&theirs, Goal::Rewrap).await.unwrap();
    assert_eq!(here.step().await.unwrap(), Some(Done::Added(2)));
    assert_eq!(there.step().await.unwrap(), Some(Done::Added(2)));
    assert_eq!(here.step().await.unwrap(), Some(Done::Seals(2)));
    assert!(base(there.step().await.unwrap_err()).contains("another machine"));
    while here.step().await.unwrap().is_some() {}
    // The node with the other file says so, until it gets the right one.
    let outdated = other.follow_key_file(&theirs).await.unwrap_err().to_string();
    assert!(outdated.contains("signet keys rewrap"), "{outdated}");
    assert!(other.key_file().await.is_err());
    fs::copy(&world.path, &copy).unwrap();
    other.follow_key_file(&theirs).await.unwrap();
    world.sealed(&theirs).await;
}

/// A node with the key file as it was, which nobody has brought the new one.
async fn a_node_that_lags_seals_nothing(place: Place) {
    let mut world = World::new(&place, 1).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copy = elsewhere.path().join("signet.key");
    fs::copy(&world.path, &copy).unwrap();
    let node = ops(&place, &copy).await;
    let node = Ops { key: Some(Arc::new(node.key_file().await.unwrap())), ..node };
    world.rewrap(Goal::RetireOld).await;

    let actor = Actor::operator(world.account);
    let wish = WebhookWish { url: Some("https://example.com/".to_string()), ..WebhookWish::default() };
    let refused = |refused: Refused| assert!(matches!(refused, Refused::Store(StoreError::SealedBefore)));
    refused(node.create_webhook(&actor, &wish).await.unwrap_err());
    let webhook = world.ops.webhooks(&actor).await.unwrap().remove(0);
    refused(node.rotate_webhook_secret(&actor, webhook.id).await.unwrap_err());
    let domain = world.domains[0].domain;
    refused(node.import_key(&actor, domain, Zeroizing::new(PEM.to_string())).await.unwrap_err());
    let file = node.key.clone().unwrap();
    assert!(matches!(world.try_add_domain(&file).await, Err(StoreError::SealedBefore)));
    let secret = |purpose: &str| file.seal_secret(purpose, b"x", &node.random);
    let access = NewDnsAccess {
        account: world.account,
        zone: Name::parse("example.org").unwrap(),
        provider: "rfc2136".to_string(),
        settings: std::collections::BTreeMap::new(),
        secret: secret("x"),
    };
    let given = node.store.give_dns_access(&access, 10, &cause(2)).await;
    assert!(matches!(given, Err(StoreError::SealedBefore)));
    let kept = node.store.keep_first("x", "sealed:", &secret("x").under).await;
    assert!(matches!(kept, Err(StoreError::SealedBefore)));
    let another = IdempotencyScope { key: "another".to_string(), ..scope() };
    let answer = StoredAnswer { status: 200, body: ANSWER.to_string() };
    node.idempotency_begin(&another, "hash").await.unwrap();
    refused(node.idempotency_end(&another, Some(&answer), true).await.unwrap_err());
    node.idempotency_end(&another, Some(&answer), false).await.expect("what is not sealed is kept");

    // Everything that is there opens, and as soon as it has the file the node works.
    world.sealed(&world.started().await).await;
    world.secrets_open(world.started().await).await;
    fs::copy(&world.path, &copy).unwrap();
    node.create_webhook(&actor, &wish).await.unwrap();
    node.import_key(&actor, domain, Zeroizing::new(PEM.to_string())).await.unwrap();
    assert!(world.ops.store.lies_under(2, &file.fingerprint()).await.unwrap());
}

/// One that shares the file and has not looked for a while.
async fn a_server_seals_anew_what_was_refused(place: Place) {
    let world = World::new(&place, 1).await;
    world.rewrap(Goal::RetireOld).await;
    assert_eq!(world.file().current(), 1);
    let actor = Actor::operator(world.account);
    let wish = WebhookWish { url: Some("https://example.com/".to_string()), ..WebhookWish::default() };
    world.ops.create_webhook(&actor, &wish).await.unwrap();
    assert_eq!((world.file().current(), world.file().present()), (2, vec![2]));
    assert!(world.ops.store.lies_under(2, &world.file().fingerprint()).await.unwrap());
}

async fn nothing_is_retired_while_something_lies_under_it(place: Place) {
    let world = World::new(&place, 1).await;
    let file = world.started().await;
    let mut rewrap = world.ops.rewrap(&file, Goal::RetireOld).await.unwrap();
    while !matches!(rewrap.step().await.unwrap(), Some(Done::Secrets(_))) {}
    // Whoever wrote that, and however: it counts.
    let mut raw = Raw::connect(&place.url).await;
    let put_back = "UPDATE dkim_key SET kek = 1 WHERE selector = 1";
    assert_eq!(raw.execute(put_back).await.unwrap(), 1);
    assert!(base(rewrap.step().await.unwrap_err()).contains("no version is retired"));
    assert_eq!(file.present(), [1, 2]);
    drop(rewrap);

    // Nor when another machine has replaced the key meanwhile.
    assert_eq!(raw.execute("UPDATE dkim_key SET kek = 2 WHERE selector = 1").await.unwrap(), 1);
    let mut rewrap = world.ops.rewrap(&file, Goal::RetireOld).await.unwrap();
    let seals = (2, file.fingerprint());
    assert!(world.ops.store.replace_key_fingerprint((2, &seals.1), (3, "theirs"), &cause(3)).await.unwrap());
    assert!(base(rewrap.step().await.unwrap_err()).contains("another machine"));
    assert_eq!(file.present(), [1, 2]);
}

const NO_SECRET: &str =
    "UPDATE webhook SET old_secret = (SELECT sealed FROM dkim_key ORDER BY domain_id, selector LIMIT 1)";

const DAMAGED: &str = "UPDATE dkim_key SET wrapped = sealed WHERE selector = 1 AND domain_id = \
    (SELECT MAX(domain_id) FROM dkim_key)";

async fn what_does_not_open_stays(place: Place) {
    let world = World::new(&place, 2).await;
    let mut raw = Raw::connect(&place.url).await;
    assert_eq!(raw.execute(DAMAGED).await.unwrap(), 1);
    let file = world.started().await;
    let mut rewrap = world.ops.rewrap(&file, Goal::RetireOld).await.unwrap();
    let refused = loop {
        match rewrap.step().await {
            Ok(done) => assert!(done.is_some(), "it must not retire"),
            Err(refused) => break base(refused),
        }
    };
    assert!(refused.starts_with("1 rows open under no version"), "{refused}");
    let last = world.domains.last().unwrap();
    let ring = world.ops.store.key_ring(last.account, last.domain).await.unwrap().unwrap();
    let id = &ring.keys[0].as_ref().unwrap().id;
    let named = format!("DKIM key {id} of domain {}, version 1", last.domain);
    assert!(refused.ends_with(&named), "{refused}");
    assert_eq!(rewrap.unreadable(), &Unreadable { rows: 1, named: vec![named] });
    assert_eq!(file.present(), [1, 2]);
    assert_eq!(world.ops.store.count_wrapped(2).await.unwrap(), (4, 1));
}

async fn what_does_not_open_is_in_no_new_versions_way(place: Place) {
    let world = World::new(&place, 2).await;
    let mut raw = Raw::connect(&place.url).await;
    assert_eq!(raw.execute(DAMAGED).await.unwrap(), 1);
    assert_eq!(raw.execute(NO_SECRET).await.unwrap(), 1);
    for version in [2, 3] {
        let file = world.started().await;
        let mut rewrap = world.ops.rewrap(&file, Goal::Rewrap).await.unwrap();
        assert_eq!(rewrap.step().await.unwrap(), Some(Done::Added(version)));
        while rewrap.step().await.unwrap().is_some() {}
        assert_eq!(rewrap.unreadable().rows, 2, "{:?}", rewrap.unreadable());
        assert!(rewrap.unreadable().named[1].starts_with("former secret of webhook "));
    }
    // What is prepared is one that nothing uses yet.
    assert_eq!(world.rewrap(Goal::Prepare).await, [Done::Added(4)]);
    assert_eq!(world.rewrap(Goal::Prepare).await, []);
    assert_eq!(world.started().await.current(), 3);
}

/// A server that runs on has no use for it, and must not keep it in memory.
async fn a_version_that_was_retired_is_forgotten(place: Place) {
    let world = World::new(&place, 1).await;
    let server = world.started().await;
    world.rewrap(Goal::Rewrap).await;
    world.ops.follow_key_file(&server).await.unwrap();
    assert_eq!(server.present(), [1, 2]);
    assert_eq!(world.rewrap(Goal::RetireOld).await, [Done::Retired(1)]);
    world.ops.follow_key_file(&server).await.unwrap();
    assert_eq!(server.present(), [2]);
}

async fn the_file_is_prepared_first(place: Place) {
    let world = World::new(&place, 1).await;
    assert_eq!(world.rewrap(Goal::Prepare).await, [Done::Added(2)]);
    assert_eq!(world.rewrap(Goal::Prepare).await, []);
    let file = world.started().await;
    assert_eq!((file.current(), file.last()), (1, 2));
    let done = world.rewrap(Goal::Rewrap).await;
    assert_eq!(done[..2], [Done::Seals(2), Done::Keys { moved: 2, left: 0 }]);
}
