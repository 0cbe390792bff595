//! Private keys that nobody can open any more, with the right key file.

use super::*;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signet::{
    clock::Randomness,
    keys,
    ops::rewrap::{Done, Goal},
    store::{Rewrapped, WrappedKey},
};
use signet_core::rotation::Algorithm;
use zeroize::Zeroizing;

const MESSAGE: &[u8] = b"From: a@bakery.test\r\nSubject: Bread\r\n\r\nFresh.\r\n";

impl World {
    /// Damages the private key on `selector`.
    async fn lose(&self, selector: Selector) {
        // Under another version than one that never was: all.
        let all = self.ops.store.wrapped_keys(65_535, None, 100).await.unwrap();
        let of_it = |key: &WrappedKey| key.domain.domain == self.domain.id && key.selector == selector;
        let before = all.into_iter().find(of_it).unwrap();
        let damaged = Rewrapped { kek: before.kek, wrapped: vec![0; before.wrapped.len()], before };
        let under = self.file().fingerprint();
        assert_eq!(self.ops.store.rewrap_keys(&[damaged], &under).await.unwrap(), 1);
    }

    fn file(&self) -> KeyFile {
        KeyFile::open(&self.key_file).unwrap()
    }

    /// The use cases as a server has them.
    fn with_key(&self) -> Ops {
        Ops { key: Some(Arc::new(self.file())), ..self.ops.clone() }
    }

    async fn id(&self, selector: Selector) -> String {
        self.keys().await.unwrap().keys[selector.index()].as_ref().unwrap().id.clone()
    }

    /// Until another key than this is on `selector`.
    async fn until_not(&self, selector: Selector, lost: &str) {
        let other = |keys: &KeyRing| keys.keys[selector.index()].as_ref().is_some_and(|key| key.id != lost);
        self.until("replaced", other).await;
    }

    /// Why a key was published, as the history says.
    async fn why_published(&self) -> Vec<String> {
        let events = self.ops.events(&self.actor, self.domain.id, None, 200).await.unwrap();
        events.into_iter().filter(|event| event.kind == "dkim.published").map(|event| event.reason).collect()
    }

    /// What retiring the old version of the key-encryption key comes to.
    async fn retire_old(&self) -> Result<Vec<Done>, Refused> {
        let file = self.ops.key_file().await.unwrap();
        let mut rewrap = self.ops.rewrap(&file, Goal::RetireOld).await?;
        let mut all = Vec::new();
        while let Some(done) = rewrap.step().await? {
            all.push(done);
        }
        Ok(all)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_lost_is_replaced_and_rotation_goes_on() {
    let world = World::new(&[]).await;
    world.ready().await;
    world.pass(HOUR * 2).await;
    let lost = world.id(Selector::Second).await;
    world.lose(Selector::Second).await;
    let refused = message(world.retire_old().await.unwrap_err());
    assert!(refused.contains(&lost) && refused.contains("signet keys rotate"), "{refused}");

    world.rotate(true).await.unwrap();
    world.until_not(Selector::Second, &lost).await;
    let why = world.why_published().await.join("\n");
    assert!(why.contains(&format!("The private key of {lost} does not open")), "{why}");
    assert_eq!(world.stages().await, ["active", "next"], "the fresh one is to be seen first");
    world.pass(SignedDuration::from_secs(10)).await;
    world.until_clear(Selector::Second).await;
    world.pass(HOUR).await;
    world.until_stages(["revoked", "active"]).await;
    world.with_key().sign(&world.actor, world.domain.id, MESSAGE).await.unwrap();
    assert!(world.retire_old().await.unwrap().contains(&Done::Retired(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_is_lost_is_replaced_whatever_its_record_says() {
    let mut world = World::new(&[]).await;
    world.ready().await;
    world.broken = vec![(2, "sg2-"), (3, "sg2-")];
    world.publish().await;
    world.ops.check_domain(&world.actor, world.domain.id, Duration::from_secs(30)).await.unwrap();
    let lost = world.id(Selector::Second).await;
    world.lose(Selector::Second).await;
    world.with_key().rotate(&world.actor, world.domain.id, false, "it is lost").await.unwrap();
    world.until_not(Selector::Second, &lost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_key_that_is_lost_keeps_none_from_signing() {
    let mut world = World::new(&[]).await;
    world.until("made", |_| true).await;
    world.crash().await;
    let lost = world.id(Selector::First).await;
    world.lose(Selector::First).await;
    world.start_workers().await;
    world.pass(SignedDuration::from_secs(10)).await;
    world.until_not(Selector::First, &lost).await;
    world.pass(HOUR).await;
    world.until_stages(["next", "active"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_taken_while_the_proven_one_is_lost() {
    let mut world = World::new(&[]).await;
    world.ready().await;
    world.crash().await;
    world.rotate(true).await.unwrap();
    let ops = world.with_key();
    let bring = async || {
        let pair = keys::make(Algorithm::Rsa2048, &Randomness::default()).unwrap();
        let pem = STANDARD.encode(&*pair.private);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{pem}\n-----END PRIVATE KEY-----\n");
        ops.import_key(&world.actor, world.domain.id, Zeroizing::new(pem)).await
    };
    let refused = message(bring().await.unwrap_err());
    assert!(refused.contains("the next one is proven"), "{refused}");
    world.lose(Selector::Second).await;
    let (_, key) = bring().await.unwrap();
    assert_eq!(key.selector, Selector::Second);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_signs_and_is_lost_makes_room() {
    let world = World::new(&[]).await;
    world.ready().await;
    world.pass(HOUR * 2).await;
    world.lose(Selector::First).await;
    let ops = world.with_key();
    ops.sign(&world.actor, world.domain.id, MESSAGE).await.unwrap_err();
    world.until_stages(["retired", "active"]).await;
    assert_eq!(ops.sign(&world.actor, world.domain.id, MESSAGE).await.unwrap().selectors, [Selector::Second]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_does_not_open_here_says_nothing_about_elsewhere() {
    let mut world = World::new(&[]).await;
    world.ready().await;
    world.crash().await;
    world.key_file = world.directory.path().join("other.key");
    KeyFile::open_or_make(&world.key_file, &world.ops.random).unwrap();
    let before = world.keys().await;
    world.with_key().sign(&world.actor, world.domain.id, MESSAGE).await.unwrap_err();
    assert_eq!(world.keys().await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ed25519_key_that_is_lost_is_left_out_and_replaced() {
    let world = World::new(&[("dkim_ed25519", "true")]).await;
    world.until("made", |_| true).await;
    world.pass(SignedDuration::from_secs(10)).await;
    world.until_stages(["active", "companion"]).await;
    world.pass(SignedDuration::from_secs(10)).await;
    world.until_clear(Selector::Second).await;
    world.pass(HOUR).await;
    let both = [Some(Selector::First), Some(Selector::Second)];
    world.until("signing", |keys| keys.ring().signing(|_| false) == both).await;
    let lost = world.id(Selector::Second).await;
    world.lose(Selector::Second).await;
    let signed = world.with_key().sign(&world.actor, world.domain.id, MESSAGE).await.unwrap();
    assert_eq!(signed.selectors, [Selector::First]);
    world.until_clear(Selector::Second).await;
    world.pass(HOUR).await;
    world.until_not(Selector::Second, &lost).await;
    assert_eq!(world.stages().await, ["active", "companion"]);
}
