//! Signing as a domain: with which keys, and what is said when there is none.

use super::{raw::Raw, *};
use signet::{
    clock::Clock,
    config::{Config, Sources},
    keys::{KeyFile, make},
    ops::{Actor, Ops, Refused},
};

on_both! {
    a_domain_signs_with_the_keys_that_are_proven
    what_cannot_be_signed_is_said
}

const MESSAGE: &[u8] = b"From: anna@example.com\nTo: bob@example.org\nSubject: Hello\n\nHello Bob\n";

struct World {
    ops: Ops,
    domain: Domain,
    raw: Raw,
    _directory: tempfile::TempDir,
}

impl World {
    /// A domain with an RSA key, and an Ed25519 key beside it, neither proven.
    async fn new(place: &Place) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let flags = [("key_file", directory.path().join("signet.key").display().to_string())];
        let config = Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap();
        let store = place.open().await;
        let ops = Ops::new(store.clone(), Arc::new(config), Clock::manual(at(0)));
        let key = KeyFile::open_or_make(&ops.config.key_file, &ops.random).unwrap();
        let ops = Ops { key: Some(Arc::new(key)), ..ops };
        let account = an_account(&store).await;
        let domain = register(&store, account, "example.com").await;
        let raw = Raw::connect(&place.url).await;
        Self { ops, domain, raw, _directory: directory }
    }

    async fn add_keys(&self) {
        let (file, random) = (self.ops.key.clone().unwrap(), &self.ops.random);
        let owner = Keyless {
            account: self.domain.account,
            domain: self.domain.id,
            record_id: self.domain.record_id.clone(),
        };
        let keys = [(Selector::First, Algorithm::Rsa2048), (Selector::Second, Algorithm::Ed25519)];
        let keys = keys.map(|(selector, algorithm)| {
            let pair = make(algorithm, random).unwrap();
            file.keep(&pair, KeyOrigin::Made, &owner, selector, format!("key {}", fresh()), random)
        });
        assert!(self.ops.store.add_keys(&owner, &keys, &cause(0)).await.unwrap());
    }

    async fn run(&mut self, sql: &'static str) {
        assert_eq!(self.raw.execute(sql).await.unwrap(), 1);
    }

    /// The selectors a message is signed on.
    async fn signed_on(&self) -> Vec<Selector> {
        let signed =
            self.ops.sign(&Actor::operator(self.domain.account), self.domain.id, MESSAGE).await.unwrap();
        let text = String::from_utf8(signed.message).unwrap();
        let sent = String::from_utf8(MESSAGE.to_vec()).unwrap().replace('\n', "\r\n");
        assert_eq!(text, format!("{}{sent}", signed.fields));
        let labels: Vec<&str> =
            signed.fields.split("\ts=").skip(1).map(|rest| rest.split(';').next().unwrap()).collect();
        let label = |selector: &Selector| format!("sg{}-{}", selector.number(), self.domain.record_id);
        assert_eq!(labels, signed.selectors.iter().map(label).collect::<Vec<_>>());
        assert!(signed.fields.matches("d=example.com;").count() == labels.len());
        signed.selectors
    }

    async fn refused(&self, message: &[u8]) -> (String, String) {
        match self.ops.sign(&Actor::operator(self.domain.account), self.domain.id, message).await.unwrap_err()
        {
            Refused::Invalid(fields) => {
                let (field, messages) = fields.first_key_value().unwrap();
                ((*field).to_string(), messages.join("; "))
            }
            other => panic!("{other:?}"),
        }
    }
}

async fn a_domain_signs_with_the_keys_that_are_proven(place: Place) {
    let mut world = World::new(&place).await;
    assert_eq!(world.refused(MESSAGE).await.1, "The domain has no DKIM keys yet.");
    world.add_keys().await;
    let (field, said) = world.refused(MESSAGE).await;
    assert!(field == "base" && said.contains("not proven"), "{said}");

    world.run("UPDATE dkim_key SET stage = 'active' WHERE selector = 1").await;
    assert_eq!(world.signed_on().await, [Selector::First]);
    // Proven, but what was there before may be remembered still.
    world
        .run("UPDATE dkim_key SET clear_at = 1790000001000000, seen_at = 1790000000000000 WHERE selector = 2")
        .await;
    world.ops.clock.advance(jiff::SignedDuration::from_secs(1));
    assert_eq!(world.signed_on().await, [Selector::First], "it was not looked for since");
    world.run("UPDATE dkim_key SET seen_at = 1790000001000000 WHERE selector = 2").await;
    assert_eq!(world.signed_on().await, Selector::BOTH);

    // A key is opened once, and closed when it signs no more.
    let ids: Vec<String> = {
        let ring = world.ops.store.key_ring(world.domain.account, world.domain.id).await.unwrap().unwrap();
        ring.keys.iter().flatten().map(|key| key.id.clone()).collect()
    };
    let now = world.ops.clock.now();
    let open = |world: &World| ids.iter().filter(|id| world.ops.opened.get(id, now).is_some()).count();
    assert_eq!(open(&world), 2);
    // Who had them opened, and why, is in the history, each time.
    let opened = || async {
        let filter = AuditFilter { kinds: vec![EventKind::KeyOpened], ..AuditFilter::default() };
        world.ops.store.audit(&filter, None, 10).await.unwrap()
    };
    let noted = opened().await;
    let mut noted_ids: Vec<&str> = noted.iter().map(|event| event.to.as_deref().unwrap()).collect();
    noted_ids.sort_unstable();
    let mut expected: Vec<&str> = ids.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(noted_ids, expected);
    for event in &noted {
        let said = (event.domain, event.actor.as_str(), event.origin.as_str(), event.reason.as_str());
        assert_eq!(said, (Some(world.domain.id), "operator", "command line", "signing"));
    }
    world.ops.opened.sweep(now.saturating_add(jiff::SignedDuration::from_mins(10)).unwrap());
    assert_eq!(open(&world), 0);
    assert_eq!(world.signed_on().await, Selector::BOTH);
    assert_eq!(opened().await.len(), 4);
    world.run("UPDATE dkim_key SET stage = 'retired' WHERE selector = 2").await;
    assert_eq!(world.signed_on().await, [Selector::First]);
    assert_eq!(open(&world), 1);

    // Another account has no such domain.
    let other = an_account(&world.ops.store).await;
    let refused = world.ops.sign(&Actor::operator(other), world.domain.id, MESSAGE).await.unwrap_err();
    assert!(matches!(refused, Refused::NotFound));

    // A record that was last seen to be wrong: Ed25519 alone is no signature for many.
    world.run("UPDATE dkim_key SET stage = 'companion' WHERE selector = 2").await;
    let store = world.ops.store.clone();
    store.request_check(world.domain.account, world.domain.id, at(2)).await.unwrap().unwrap();
    let due = claim(&store, 2).await;
    let due = due.iter().find(|due| due.domain.id == world.domain.id).unwrap();
    let mut wrong = look(due, DnsState::Verified { at: at(2) }, 2);
    wrong.records[0].key = RecordKey::Dkim1;
    wrong.records[0].shown.status = Status::Missing;
    assert_eq!(store.apply_looks(&[wrong], &cause(2)).await.unwrap(), [true]);
    let (field, said) = world.refused(MESSAGE).await;
    assert!(field == "base" && said.contains("last seen to be wrong"), "{said}");
    let ring = store.key_ring(world.domain.account, world.domain.id).await.unwrap().unwrap();
    let domain = store.domain(world.domain.account, world.domain.id).await.unwrap().unwrap();
    assert!(world.ops.standing(&domain, &ring).keys.iter().all(|key| !key.signs), "and is told so");
    store.request_check(world.domain.account, world.domain.id, at(3)).await.unwrap().unwrap();
    let due = claim(&store, 3).await;
    let due = due.iter().find(|due| due.domain.id == world.domain.id).unwrap();
    let right = look(due, DnsState::Verified { at: at(2) }, 3);
    assert_eq!(store.apply_looks(&[right], &cause(3)).await.unwrap(), [true]);
    assert_eq!(world.signed_on().await, Selector::BOTH);

    // Another key file opens none of it.
    let elsewhere = tempfile::tempdir().unwrap();
    let key = KeyFile::open_or_make(&elsewhere.path().join("signet.key"), &world.ops.random).unwrap();
    let ops = Ops { key: Some(Arc::new(key)), opened: Arc::default(), ..world.ops.clone() };
    let refused =
        ops.sign(&Actor::operator(world.domain.account), world.domain.id, MESSAGE).await.unwrap_err();
    assert!(matches!(refused, Refused::Store(StoreError::Corrupt(_))), "{refused:?}");

    // A public half that somebody has put in its place: nothing is signed with that key,
    // and nothing at all where it is the RSA key.
    world.run("UPDATE dkim_key SET public = (SELECT public FROM dkim_key WHERE selector = 1) WHERE selector = 2").await;
    world.ops.opened.forget(&ids[1]);
    assert_eq!(world.signed_on().await, [Selector::First]);
    world.run("UPDATE dkim_key SET public = wrapped WHERE selector = 1").await;
    world.ops.opened.forget(&ids[0]);
    let actor = Actor::operator(world.domain.account);
    let refused = world.ops.sign(&actor, world.domain.id, MESSAGE).await.unwrap_err();
    assert!(refused.to_string().contains("not the other half"), "{refused}");
}

async fn what_cannot_be_signed_is_said(place: Place) {
    let mut world = World::new(&place).await;
    world.add_keys().await;
    world.run("UPDATE dkim_key SET stage = 'active' WHERE selector = 1").await;
    for message in [&b""[..], b"\0", b"From: a\r\n\n", b"Hello", &[b'\n'; 100_000]] {
        let (field, said) = world.refused(message).await;
        assert!(field == "message" && said.ends_with('.'), "{said}");
    }
}
