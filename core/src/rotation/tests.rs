use super::*;
use alloc::vec::Vec;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

const DAY: i64 = 86_400;

fn rules() -> Rules {
    Rules {
        rsa: Algorithm::Rsa2048,
        ed25519: false,
        period: Some(SignedDuration::from_hours(180 * 24)),
        keep: SignedDuration::from_hours(7 * 24),
        revoked: SignedDuration::from_hours(30 * 24),
        delegated: true,
    }
}

const GONE: Proof = Proof::NotSeen { kept_for: SignedDuration::from_secs(600) };
const SEEN: Proof =
    Proof::Seen { kept_for: SignedDuration::from_secs(300), ours_for: SignedDuration::from_secs(300) };

/// No record was last seen to be wrong.
fn right(_: Selector) -> bool {
    false
}

/// From nothing to a signing key with the next one proven on the standby.
fn ready(rules: &Rules) -> Ring {
    let mut ring = Ring::default();
    assert!(ring.publish(Selector::First, Algorithm::Rsa2048, rules, at(0)));
    assert!(ring.publish(Selector::Second, Algorithm::Rsa2048, rules, at(0)));
    assert_eq!(ring.step(rules, at(1)), Step::Prove(Selector::First));
    assert_eq!(ring.prove(Selector::First, SEEN, rules, at(1)), Proven::Started);
    assert_eq!(ring.prove(Selector::Second, SEEN, rules, at(2)), Proven::Clear(at(302)));
    ring
}

#[test]
fn one_whole_turn() {
    let rules = rules();
    let mut ring = ready(&rules);
    let due = 1 + 180 * DAY;
    assert_eq!(ring.step(&rules, at(400)), Step::Wait(Some(at(due))));
    assert_eq!(ring.step(&rules, at(due)), Step::Prove(Selector::Second));
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(due)), Proven::Switched(Why::Period));
    assert_eq!(ring.signing(right), [Some(Selector::Second), None]);

    let kept = due + 7 * DAY;
    assert_eq!(ring.step(&rules, at(due)), Step::Wait(Some(at(kept))));
    assert_eq!(ring.step(&rules, at(kept)), Step::Revoke(Selector::First));
    ring.revoke(Selector::First, at(kept));
    let gone = kept + 30 * DAY;
    assert_eq!(ring.step(&rules, at(kept)), Step::Wait(Some(at(gone))));
    assert_eq!(ring.step(&rules, at(gone)), Step::Remove(Selector::First));
    ring.remove(Selector::First);
    let again = Step::Publish { selector: Selector::First, algorithm: Algorithm::Rsa2048 };
    assert_eq!(ring.step(&rules, at(gone)), again);
}

#[test]
fn what_was_remembered_is_waited_for() {
    let rules = rules();
    let mut ring = ready(&rules);
    ring.ask(Why::Asked, &rules, at(100)).unwrap();
    assert_eq!(ring.step(&rules, at(100)), Step::Wait(Some(at(302))));
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(301)), Proven::Again);
    assert_eq!(ring.prove(Selector::Second, GONE, &rules, at(302)), Proven::Gone);
    // What was given instead outlives the key's own TTL.
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(303)), Proven::Clear(at(903)));
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(902)), Proven::Again);
    assert_eq!(ring.prove(Selector::Second, Proof::Unknown, &rules, at(903)), Proven::Nothing);
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(904)), Proven::Switched(Why::Asked));
    let refused = ring.ask(Why::Asked, &rules, at(905));
    assert_eq!(refused, Err(Refusal::StillVerifies(at(904 + 7 * DAY))));
    // What is asked for already may be asked for again, also where it has to wait.
    ring.ask(Why::Asked, &rules, at(904 + 7 * DAY)).unwrap();
    let longer = Rules { keep: rules.keep * 2, ..rules };
    ring.ask(Why::Asked, &longer, at(905 + 7 * DAY)).unwrap();
    assert_eq!(ring.step(&longer, at(905 + 7 * DAY)), Step::Wait(Some(at(904 + 14 * DAY))));
}

#[test]
fn what_a_look_finds_wrong_is_proven_anew() {
    let rules = rules();
    let mut ring = ready(&rules);
    ring.ask(Why::Compromised, &rules, at(400)).unwrap();
    // It is known to be missing: it is no use to wait for the time it was to be clear.
    assert!(ring.unseen(Selector::Second, SignedDuration::from_secs(7200)));
    assert!(!ring.unseen(Selector::Second, SignedDuration::from_secs(60)), "once");
    assert!(!ring.unseen(Selector::First, SignedDuration::from_secs(60)), "it signs");
    assert_eq!(ring.step(&rules, at(401)), Step::Prove(Selector::Second));
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(500)), Proven::Clear(at(7700)));
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(7699)), Proven::Again);
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(7700)), Proven::Switched(Why::Compromised));
}

#[test]
fn keys_in_wrong_hands_before_any_signs_are_replaced() {
    let rules = rules();
    let mut ring = Ring::default();
    assert_eq!(ring.ask(Why::Compromised, &rules, at(0)), Err(Refusal::NoKeys));
    for selector in Selector::BOTH {
        assert!(ring.publish(selector, Algorithm::Rsa2048, &rules, at(0)));
    }
    assert_eq!(ring.ask(Why::Asked, &rules, at(1)), Err(Refusal::NoKeys));
    ring.ask(Why::Compromised, &rules, at(1)).unwrap();
    let revoked = Stage::Revoked { since: at(1) };
    assert_eq!(ring.keys.map(|held| held.map(|held| held.stage)), [Some(revoked), Some(revoked)]);
    let fresh = Step::Publish { selector: Selector::First, algorithm: Algorithm::Rsa2048 };
    assert_eq!(ring.step(&rules, at(1)), fresh);
    assert!(ring.publish(Selector::First, Algorithm::Rsa2048, &rules, at(1)));
    assert_eq!(ring.prove(Selector::First, SEEN, &rules, at(20)), Proven::Started);
    assert_eq!(ring.wanted, None);
}

#[test]
fn a_compromised_key_is_revoked_at_once() {
    let rules = rules();
    let mut ring = ready(&rules);
    ring.ask(Why::Compromised, &rules, at(400)).unwrap();
    assert_eq!(ring.step(&rules, at(400)), Step::Prove(Selector::Second));
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(400)), Proven::Switched(Why::Compromised));
    assert!(matches!(ring.on(Selector::First).unwrap().stage, Stage::Revoked { .. }));
    // And again, though the one before has hardly gone.
    ring.ask(Why::Compromised, &rules, at(500)).unwrap();
    let fresh = Step::Publish { selector: Selector::First, algorithm: Algorithm::Rsa2048 };
    assert_eq!(ring.step(&rules, at(500)), fresh);
}

#[test]
fn a_key_that_is_brought_before_any_signs_is_the_first() {
    let rules = Rules { delegated: false, ..rules() };
    let mut ring = Ring::default();
    for selector in Selector::BOTH {
        assert!(ring.publish(selector, Algorithm::Rsa2048, &rules, at(0)));
    }
    assert_eq!(ring.bring(Algorithm::Rsa2048, &rules, at(100)), Some(Selector::First));
    // Whatever is published of those made here, which have been there for longer.
    assert_eq!(ring.step(&rules, at(111)), Step::Prove(Selector::First));
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(111)), Proven::Clear(at(411)));
    assert_eq!(ring.prove(Selector::First, GONE, &rules, at(112)), Proven::Nothing);
    assert_eq!(ring.step(&rules, at(500)), Step::Prove(Selector::First));
    assert_eq!(ring.prove(Selector::First, SEEN, &rules, at(500)), Proven::Started);
    assert_eq!((ring.active(), ring.wanted), (Some(Selector::First), None));
    // The next that is brought takes over.
    assert_eq!(ring.bring(Algorithm::Rsa2048, &rules, at(600)), Some(Selector::Second));
    assert_eq!(ring.wanted, Some(Why::Asked));
}

#[test]
fn a_standby_of_another_kind_than_is_made_now_is_replaced() {
    let before = rules();
    let now = Rules { rsa: Algorithm::Rsa4096, ..before };
    let next = Step::Publish { selector: Selector::Second, algorithm: Algorithm::Rsa4096 };
    let mut ring = ready(&before);
    assert_eq!(ring.step(&now, at(400)), next);
    // Not if its owner publishes it or brought it, or nothing can be waited for.
    let due = Step::Wait(Some(at(1 + 180 * DAY)));
    assert_eq!(ring.step(&Rules { delegated: false, ..now }, at(400)), due);
    let mut brought = ring;
    assert_eq!(brought.bring(Algorithm::Rsa2048, &now, at(400)), Some(Selector::Second));
    assert_eq!(brought.step(&now, at(411)), Step::Prove(Selector::Second));
    let mut compromised = ring;
    compromised.ask(Why::Compromised, &now, at(400)).unwrap();
    assert_eq!(compromised.step(&now, at(400)), Step::Prove(Selector::Second));

    ring.ask(Why::Asked, &now, at(400)).unwrap();
    assert_eq!(ring.step(&now, at(400)), next);
    assert!(ring.publish(Selector::Second, Algorithm::Rsa4096, &now, at(400)));
    assert_eq!(ring.step(&now, at(411)), Step::Prove(Selector::Second));
    assert_eq!(ring.prove(Selector::Second, SEEN, &now, at(411)), Proven::Clear(at(711)));
    assert_eq!(ring.prove(Selector::Second, SEEN, &now, at(711)), Proven::Switched(Why::Asked));
}

/// As it comes out of a backup.
fn restored(ring: Ring, now: Timestamp) -> Ring {
    let anew = |held: Held| {
        let since = if matches!(held.stage, Stage::Active { .. }) { held.stage.since() } else { now };
        Held { stage: Stage::Next(Published::new(since)), ..held }
    };
    Ring { keys: ring.keys.map(|held| held.map(anew)), restored: true, ..ring }
}

#[test]
fn after_a_restore_what_the_world_remembers_is_waited_for() {
    let rules = rules();
    let mut ring = restored(ready(&rules), at(1000));
    assert_eq!(ring.step(&rules, at(1000)), Step::Prove(Selector::First));
    assert_eq!(ring.prove(Selector::First, SEEN, &rules, at(1000)), Proven::Clear(at(1300)));
    assert_eq!(ring.signing(right), [None, None]);
    assert_eq!(ring.step(&rules, at(1000)), Step::Wait(Some(at(1300))));
    assert_eq!(ring.prove(Selector::First, SEEN, &rules, at(1299)), Proven::Again);
    assert_eq!(ring.step(&rules, at(1300)), Step::Prove(Selector::First));
    assert_eq!(ring.prove(Selector::First, SEEN, &rules, at(1300)), Proven::Started);
    assert!(!ring.restored);

    // It is ours that a restore has changed: nobody waits a day for the CNAME.
    let longer =
        Proof::Seen { kept_for: SignedDuration::from_secs(DAY), ours_for: SignedDuration::from_secs(300) };
    let mut ring = restored(ready(&rules), at(1000));
    assert_eq!(ring.prove(Selector::First, longer, &rules, at(1000)), Proven::Clear(at(1300)));
    assert_eq!(ring.prove(Selector::First, longer, &rules, at(1300)), Proven::Started);
    assert_eq!(ring.prove(Selector::Second, longer, &rules, at(1301)), Proven::Clear(at(1301 + DAY)));
}

#[test]
fn what_signed_before_a_restore_is_in_no_brought_keys_way_and_stays() {
    let rules = rules();
    let mut ring = restored(ready(&rules), at(1000));
    let before = ring.on(Selector::First);
    assert_eq!(ring.bring(Algorithm::Rsa2048, &rules, at(1001)), Some(Selector::Second));
    assert_eq!(ring.on(Selector::First), before);
    assert_eq!(ring.step(&rules, at(1011)), Step::Prove(Selector::First));
    assert_eq!(ring.prove(Selector::First, SEEN, &rules, at(1011)), Proven::Clear(at(1311)));
    assert_eq!(ring.prove(Selector::First, SEEN, &rules, at(1311)), Proven::Started);
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(1312)), Proven::Clear(at(1612)));
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(1612)), Proven::Switched(Why::Asked));
}

#[test]
fn where_the_first_selector_is_needed_the_second_takes_the_first_key() {
    let rules = rules();
    let retired = Held::new(Algorithm::Rsa2048, Stage::Retired { since: at(0) });
    let revoked = Held::new(Algorithm::Rsa2048, Stage::Revoked { since: at(0) });
    let ring = Ring { keys: [Some(retired), Some(revoked)], wanted: None, restored: true };
    let publish = |selector| Step::Publish { selector, algorithm: Algorithm::Rsa2048 };
    assert_eq!(ring.step(&rules, at(1)), publish(Selector::Second));
    assert_eq!(ring.step(&rules, at(7 * DAY)), publish(Selector::First));
}

#[test]
fn a_companion_is_in_nobodys_way() {
    let rules = Rules { ed25519: true, ..rules() };
    let mut ring = ready(&rules);
    assert!(ring.publish(Selector::Second, Algorithm::Ed25519, &rules, at(400)));
    let mut due = ring;
    due.retire(Selector::Second, at(500));
    // Also one that makes room already, for nobody who waited.
    for mut ring in [ring, due] {
        let next = Step::Publish { selector: Selector::Second, algorithm: Algorithm::Rsa2048 };
        assert_ne!(ring.step(&rules, at(501)), next);
        ring.ask(Why::Asked, &rules, at(501)).unwrap();
        assert_eq!(ring.step(&rules, at(501)), next);
        assert!(ring.publish(Selector::Second, Algorithm::Rsa2048, &rules, at(501)));
        // As often as one likes.
        ring.ask(Why::Asked, &rules, at(502)).unwrap();
        assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(511)), Proven::Clear(at(811)));
        assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(811)), Proven::Switched(Why::Asked));
    }
}

#[test]
fn a_companion_makes_room_for_the_next_key() {
    let rules = Rules { ed25519: true, ..rules() };
    let mut ring = ready(&rules);
    let companion = Step::Publish { selector: Selector::Second, algorithm: Algorithm::Ed25519 };
    assert_eq!(ring.step(&rules, at(400)), companion);
    assert!(ring.publish(Selector::Second, Algorithm::Ed25519, &rules, at(400)));
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(401)), Proven::Clear(at(701)));
    assert_eq!(ring.step(&rules, at(402)), Step::Wait(Some(at(701))));
    // It may have broken since: it is looked for before it signs, and daily then.
    assert_eq!(ring.step(&rules, at(701)), Step::Prove(Selector::Second));
    assert_eq!(ring.signing(right), [Some(Selector::First), None]);
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(701)), Proven::Again);
    assert_eq!(ring.signing(right), [Some(Selector::First), Some(Selector::Second)]);
    assert_eq!(ring.step(&rules, at(702)), Step::Wait(Some(at(701 + DAY))));
    assert_eq!(ring.step(&rules, at(701 + DAY)), Step::Prove(Selector::Second));
    // One that is seen wrong signs no more until it is proven anew, and never alone.
    assert_eq!(ring.signing(|selector| selector == Selector::Second), [Some(Selector::First), None]);
    assert_eq!(ring.signing(|selector| selector == Selector::First), [None, None]);
    let mut broken = ring;
    assert!(broken.unseen(Selector::Second, SignedDuration::from_secs(7200)));
    assert_eq!(broken.signing(right), [Some(Selector::First), None]);
    assert_eq!(broken.prove(Selector::Second, SEEN, &rules, at(800)), Proven::Clear(at(8000)));
    assert_eq!(broken.signing(right), [Some(Selector::First), None]);

    let due = 1 + 180 * DAY;
    assert_eq!(ring.step(&rules, at(due)), Step::Retire(Selector::Second));
    ring.retire(Selector::Second, at(due));
    assert_eq!(ring.signing(right), [Some(Selector::First), None]);
    let kept = due + 7 * DAY;
    assert_eq!(ring.step(&rules, at(due)), Step::Wait(Some(at(kept))));
    let next = Step::Publish { selector: Selector::Second, algorithm: Algorithm::Rsa2048 };
    assert_eq!(ring.step(&rules, at(kept)), next);
}

#[test]
fn a_customer_who_publishes_the_keys_is_asked_once_for_each() {
    let rules = Rules { delegated: false, ..rules() };
    let mut ring = ready(&rules);
    let due = 1 + 180 * DAY;
    // Never before it is seen, however long that takes.
    for late in [0, 400 * DAY] {
        assert_eq!(ring.step(&rules, at(due + late)), Step::Prove(Selector::Second));
        assert_eq!(ring.prove(Selector::Second, Proof::Unknown, &rules, at(due + late)), Proven::Nothing);
    }
    assert_eq!(ring.prove(Selector::Second, SEEN, &rules, at(due)), Proven::Switched(Why::Period));
    // Neither revoked nor removed: the record of the next key takes its place.
    let next = Step::Publish { selector: Selector::First, algorithm: Algorithm::Rsa2048 };
    let kept = due + 7 * DAY;
    assert_eq!(ring.step(&rules, at(kept - 1)), Step::Wait(Some(at(kept))));
    assert_eq!(ring.step(&rules, at(kept)), next);
    assert!(ring.publish(Selector::First, Algorithm::Rsa2048, &rules, at(kept)));
    assert_eq!(ring.prove(Selector::First, SEEN, &rules, at(kept + 1)), Proven::Clear(at(kept + 301)));
    ring.ask(Why::Compromised, &rules, at(kept + 400)).unwrap();
    let switched = ring.prove(Selector::First, SEEN, &rules, at(kept + 400));
    assert_eq!(switched, Proven::Switched(Why::Compromised));
    let next = Step::Publish { selector: Selector::Second, algorithm: Algorithm::Rsa2048 };
    assert_eq!(ring.step(&rules, at(kept + 400)), next);
}

#[test]
fn domains_of_one_day_have_their_turns_on_many() {
    let period = |domain| rules().spread(domain).period.unwrap();
    let turns: Vec<SignedDuration> = (1..=1000).map(period).collect();
    let whole = rules().period.unwrap();
    assert!(turns.iter().all(|turn| *turn <= whole && *turn >= whole - whole / 10));
    for day in 162..180 {
        let of_day = turns.iter().filter(|turn| turn.as_hours() / 24 == day).count();
        assert!((40..=70).contains(&of_day), "{of_day} of 1000 on day {day}");
    }
    assert_eq!(Rules { period: None, ..rules() }.spread(7).period, None);
}
