//! Domains whose owners publish the DKIM keys themselves.

use super::*;
use signet::store::KeyRing;
use signet_core::{
    plan::DkimMode,
    rotation::{Selector, Stage},
};
use zeroize::Zeroizing;

const STEP: SignedDuration = SignedDuration::from_mins(1);

/// Lets time pass until the keys are as wanted.
async fn keys_until(
    world: &World,
    id: DomainId,
    step: SignedDuration,
    wanted: impl Fn(&KeyRing) -> bool,
) -> KeyRing {
    let look = async || {
        let ring = world.ops.store.key_ring(AccountId(1), id).await.unwrap();
        if ring.as_ref().is_some_and(&wanted) {
            return Ok(ring.unwrap());
        }
        world.pass_time(step);
        world.ops.turning.notify_one();
        Err(ring)
    };
    waiting::until("as wanted", look).await
}

/// A domain in raw mode, and its records once the keys are made.
async fn raw(world: &World) -> (DomainId, Vec<String>) {
    let id = world.register("bakery.test").await.id;
    world.ops.set_dkim_mode(&world.actor, id, DkimMode::Raw).await.unwrap();
    keys_until(world, id, SignedDuration::ZERO, |ring| ring.keys.iter().all(Option::is_some)).await;
    (id, planned(world, id).await)
}

async fn planned(world: &World, id: DomainId) -> Vec<String> {
    lines(&world.ops, &world.ops.domain(&world.actor, id).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_keys_are_needed_once_and_the_standby_demotes_nobody() {
    let world = World::new().await;
    let (id, all) = raw(&world).await;
    assert_eq!(all.iter().filter(|line| line.contains("TXT v=DKIM1; k=rsa; p=MII")).count(), 2);

    world.publish(&without(&all, "sg2-"));
    assert!(!world.check(id).await.dns.is_verified(), "one of two gains nothing");
    assert_eq!(world.verdict(id, RecordKey::Dkim1).await.status, Status::Pass);
    let missing = world.verdict(id, RecordKey::Dkim2).await;
    let text = all[3].split_once(" TXT ").unwrap().1;
    assert_eq!(missing.status, Status::Missing);
    assert!(missing.fix.contains(text), "the exact text is in the fix: {}", missing.fix);

    world.publish(&all);
    assert!(world.check(id).await.dns.is_verified());
    assert_eq!(statuses(&world.verdicts(id).await), [Status::Pass; 6]);

    // A routine look knows the keys as well, and so finds nothing new.
    let looked_at = world.ops.clock.now();
    world.pass_time(SignedDuration::from_hours(30));
    world.settle().await;
    let domain = world.ops.domain(&world.actor, id).await.unwrap();
    assert!(domain.checked_at > Some(looked_at), "nobody looked");
    assert_eq!(statuses(&world.verdicts(id).await), [Status::Pass; 6]);

    // A bad standby keeps its true status, and nothing follows from it.
    world.publish(&without(&all, "sg2-"));
    for _ in 0..3 {
        let domain = world.check(id).await;
        assert_eq!(world.shown(&domain, RecordKey::Dkim2), Status::Missing);
        assert_eq!(domain.dns.name(), "verified");
        world.pass_time(SignedDuration::from_hours(24));
    }
    // The key that signs is another matter.
    world.publish(&without(&all, "sg1-"));
    world.check(id).await;
    world.pass_time(SignedDuration::from_mins(10));
    assert_eq!(world.check(id).await.dns.name(), "at_risk");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_brought_is_the_first_to_sign() {
    let world = World::new().await;
    let (id, made) = raw(&world).await;
    world.pass_time(STEP);
    let mut ops = world.ops.clone();
    ops.key = Some(Arc::new(KeyFile::open(&ops.config.key_file).unwrap()));
    let pem = include_str!("../../src/keys/import/pem/rsa2048.pem").to_string();
    let (_, brought) = ops.import_key(&world.actor, id, Zeroizing::new(pem)).await.unwrap();
    let all = planned(&world, id).await;
    assert!(all[2] != made[2] && all[3] == made[3], "{all:?}");

    // The one made here, which has waited for longer, is all that is there.
    world.publish(&without(&all, "sg1-"));
    let ring = keys_until(&world, id, STEP, |ring| ring.failures > 1).await;
    assert_eq!(ring.ring().active(), None);
    world.publish(&all);
    let ring = keys_until(&world, id, STEP, |ring| ring.ring().active().is_some()).await;
    let active = ring.ring().active().unwrap();
    assert_eq!(ring.keys[active.index()].as_ref().unwrap().id, brought.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switching_costs_nobody_the_verification() {
    let world = World::new().await;
    let (id, keys) = raw(&world).await;
    world.publish(&keys);
    assert!(world.check(id).await.dns.is_verified());

    // To CNAMEs: what was seen of the keys says nothing of those.
    let domain = world.ops.set_dkim_mode(&world.actor, id, DkimMode::Delegated).await.unwrap();
    assert_eq!(world.shown(&domain, RecordKey::Dkim1), Status::Unchecked);
    assert_eq!(world.shown(&domain, RecordKey::Spf), Status::Pass);
    let domain = world.check(id).await;
    assert!(domain.dns.is_verified());
    let copied = world.verdict(id, RecordKey::Dkim1).await;
    assert_eq!((copied.status, copied.code), (Status::Softfail, Code::Copied));
    let kinds = world.history(id).await;
    assert_eq!(kinds.iter().filter(|kind| *kind == "dkim.mode_changed").count(), 2, "{kinds:?}");

    // And back: the same keys are to be there again.
    world.ops.set_dkim_mode(&world.actor, id, DkimMode::Raw).await.unwrap();
    assert_eq!(planned(&world, id).await, keys);
    world.check(id).await;
    assert_eq!(statuses(&world.verdicts(id).await), [Status::Pass; 6]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_key_is_asked_for_and_signs_only_once_it_is_seen() {
    let world = World::new().await;
    let (id, first) = raw(&world).await;
    world.publish(&first);
    assert!(world.check(id).await.dns.is_verified());
    let proven = |selector: Selector| {
        move |ring: &KeyRing| ring.ring().on(selector).is_some_and(|held| held.stage.clear_at().is_some())
    };
    keys_until(&world, id, STEP, |ring| ring.ring().active() == Some(Selector::First)).await;
    keys_until(&world, id, STEP, proven(Selector::Second)).await;
    assert!(!asked(&world), "all is published");

    world.ops.rotate(&world.actor, id, false, "because").await.unwrap();
    keys_until(&world, id, STEP, |ring| ring.ring().active() == Some(Selector::Second)).await;

    // A week later the next key takes the place of the one before.
    let before = planned(&world, id).await;
    let hour = SignedDuration::from_hours(1);
    keys_until(&world, id, hour, |ring| {
        ring.ring().on(Selector::First).is_some_and(|held| matches!(held.stage, Stage::Next(_)))
    })
    .await;
    let next = planned(&world, id).await;
    assert_ne!(next[2], before[2]);
    assert_eq!(next[3], before[3]);
    for _ in 0..600 {
        if asked(&world) {
            break;
        }
        world.pass_time(STEP);
        world.ops.turning.notify_one();
        world.ops.noticed.notify_one();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(asked(&world), "{:?}", world.subjects());
    let text = next[2].split_once(" TXT ").unwrap().1;
    assert!(world.texts().iter().any(|message| message.contains(text)), "with the text to publish");
    let domain = world.check(id).await;
    assert!(domain.dns.is_verified());
    let wrong = world.verdict(id, RecordKey::Dkim1).await;
    assert_eq!((wrong.status, wrong.code), (Status::Fail, Code::OtherKey));
    assert!(wrong.fix.contains(text), "{}", wrong.fix);

    // Nobody can have it sign, and it does not by itself, however long that takes.
    let refused = world.ops.rotate(&world.actor, id, false, "because").await.unwrap_err();
    assert!(matches!(&refused, Refused::Invalid(errors) if errors.contains_key("base")), "{refused}");
    for _ in 0..20 {
        world.pass_time(SignedDuration::from_hours(24 * 10));
        world.ops.turning.notify_one();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let ring = world.ops.store.key_ring(AccountId(1), id).await.unwrap().unwrap();
        assert_eq!(ring.ring().active(), Some(Selector::Second));
    }
    // Published at last.
    world.publish(&next);
    keys_until(&world, id, hour, |ring| ring.ring().active() == Some(Selector::First)).await;
}

fn asked(world: &World) -> bool {
    world.subjects().iter().any(|subject| subject.contains("please publish the next DKIM key"))
}
