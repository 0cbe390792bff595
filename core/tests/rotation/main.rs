//! Lives of DKIM keys, made up at random, in a world of servers that lag, answers
//! that are remembered, customers that break and mend what is theirs, crashes and
//! changed minds. Whatever happens, nothing is signed with a key that somebody
//! could be denied, by all that anybody has looked at.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

mod server;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use server::{Content, Server};
use signet_core::rotation::{
    Algorithm, Held, KeyOrigin, Proof, Proven, Published, Refusal, Ring, Rules, Selector, Stage, Step, Why,
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
/// Of our own records, and of there being none.
const OUR_TTL: i64 = 300;
const OUR_NEGATIVE_TTL: i64 = 60;
/// Servers of the customer's zone, and of ours: the primary and two that lag.
const THEIRS: usize = 2;
const OURS: usize = 3;
/// How long a proof waits for what we publish, as its worker does.
const SETTLES: i64 = 10;

/// A key, as the world knows it.
#[derive(Clone, Copy, Debug)]
struct Key {
    id: u32,
    /// When the proof was that it may sign by.
    proven: Option<i64>,
    /// Since when it signs.
    signs: Option<i64>,
    /// It was the first: nobody waits for it.
    first: bool,
    /// It is the first since a restore: what the customer had before is waited for by
    /// nobody.
    again: bool,
    /// It signed before a restore, and has not since.
    stays: bool,
    retired: Option<i64>,
}

#[derive(Clone, Debug)]
enum Act {
    Pass(i64),
    Work {
        crash: bool,
        blind: bool,
    },
    /// A routine look at the record.
    Look {
        selector: usize,
    },
    /// Somebody looks for a key out of turn.
    Prove {
        selector: usize,
    },
    Break {
        selector: usize,
        server: usize,
        other: bool,
        ttl: i64,
    },
    Mend {
        selector: usize,
        server: usize,
    },
    Ask(Why),
    Import,
    Backup,
    /// The last backup takes the place of all that has been since.
    Restore,
    Settings {
        rsa: Algorithm,
        ed25519: bool,
        period: Option<i64>,
        keep: i64,
    },
}

struct World {
    now: i64,
    rules: Rules,
    ring: Ring,
    keys: [Option<Key>; 2],
    backup: (Ring, [Option<Key>; 2]),
    /// Whether the last look found the record to be wrong.
    wrong: [bool; 2],
    made: u32,
    theirs: [[Server; THEIRS]; 2],
    ours: [[Server; OURS]; 2],
    /// When our secondaries have what the primary has.
    lag: [i64; OURS],
    changes: Vec<(i64, usize, usize, Content)>,
    /// Of everything right in the customer's zone.
    their_ttl: i64,
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn seconds(time: Timestamp) -> i64 {
    time.as_second() - 1_800_000_000
}

impl World {
    fn new(delegated: bool, their_ttl: i64, lag: [i64; 2]) -> Self {
        let rules = Rules {
            rsa: Algorithm::Rsa2048,
            ed25519: false,
            period: Some(SignedDuration::from_secs(180 * DAY)),
            keep: SignedDuration::from_secs(7 * DAY),
            revoked: SignedDuration::from_secs(30 * DAY),
            delegated,
        };
        let right = if delegated { Content::Alias } else { Content::Nothing };
        let theirs = || std::array::from_fn(|_| Server::new(right, their_ttl));
        let ours = || std::array::from_fn(|_| Server::new(Content::Nothing, OUR_NEGATIVE_TTL));
        let mut world = Self {
            now: 0,
            rules,
            ring: Ring::default(),
            keys: [None, None],
            backup: Default::default(),
            wrong: [false, false],
            made: 0,
            theirs: [theirs(), theirs()],
            ours: [ours(), ours()],
            lag: [0, lag[0], lag[1]],
            changes: Vec::new(),
            their_ttl,
        };
        for (selector, algorithm) in rules.first_keys() {
            assert!(world.publish(selector, algorithm));
        }
        world
    }

    /// What we publish on a selector.
    fn published(&self, selector: usize) -> Content {
        match (self.ring.keys[selector], self.keys[selector]) {
            (Some(Held { stage: Stage::Revoked { .. }, .. }), _) => Content::Revoked,
            (Some(_), Some(key)) => Content::Key(key.id),
            _ => Content::Nothing,
        }
    }

    /// What the customer is to have there.
    fn right(&self, selector: usize) -> Content {
        if self.rules.delegated { Content::Alias } else { self.published(selector) }
    }

    fn announce(&mut self) {
        for selector in 0..2 {
            if self.ours[selector][0].now.content != self.published(selector) {
                self.transfer(selector);
            }
        }
        self.arrive();
    }

    /// All of our servers come to have what is published on a selector.
    fn transfer(&mut self, selector: usize) {
        let content = self.published(selector);
        let change = |server| (self.now + self.lag[server], selector, server, content);
        self.changes.extend((0..OURS).map(change));
    }

    /// Changes that have come to our servers by now, in their order.
    fn arrive(&mut self) {
        self.changes.sort_by_key(|(when, ..)| *when);
        let now = self.now;
        let arrived = self.changes.iter().take_while(|(when, ..)| *when <= now).count();
        for (when, selector, server, content) in self.changes.drain(..arrived) {
            let ttl = if content == Content::Nothing { OUR_NEGATIVE_TTL } else { OUR_TTL };
            self.ours[selector][server].set(content, ttl, true, when);
        }
    }

    fn pass(&mut self, by: i64) {
        self.now += by;
        self.arrive();
    }

    /// What asking every server comes to, as `verify::dkim::prove` does.
    fn look(&mut self, selector: usize) -> Proof {
        let id = self.keys[selector].unwrap().id;
        let delegated = self.rules.delegated;
        let right = self.right(selector);
        let mut kept = OUR_TTL.max(self.their_ttl);
        let mut wrong = false;
        for server in &mut self.theirs[selector] {
            server.now.known = true;
            server.now.seen.get_or_insert(self.now);
            kept = kept.max(server.now.ttl);
            wrong |= server.now.content != right || (!delegated && right != Content::Key(id));
        }
        for server in self.ours[selector].iter().filter(|_| delegated) {
            wrong |= server.now.content != Content::Key(id);
        }
        let kept_for = SignedDuration::from_secs(kept);
        let ours_for = if delegated { SignedDuration::from_secs(OUR_TTL) } else { kept_for };
        if wrong { Proof::NotSeen { kept_for } } else { Proof::Seen { kept_for, ours_for } }
    }

    fn publish(&mut self, selector: Selector, algorithm: Algorithm) -> bool {
        let before = self.ring.on(selector);
        if !self.ring.publish(selector, algorithm, &self.rules, at(self.now)) {
            return false;
        }
        let brought = before
            .is_some_and(|held| held.origin == KeyOrigin::Imported && matches!(held.stage, Stage::Next(_)));
        assert!(!brought, "a key that was brought never signed: {before:?}");
        self.put(selector, before);
        true
    }

    fn bring(&mut self) {
        let before = self.ring;
        if let Some(selector) = self.ring.bring(Algorithm::Rsa2048, &self.rules, at(self.now)) {
            self.put(selector, before.on(selector));
        }
    }

    /// Another key stands on a selector than before.
    fn put(&mut self, selector: Selector, before: Option<Held>) {
        self.may_go(before, self.keys[selector.index()], "replaced");
        self.made += 1;
        let key = Key {
            id: self.made,
            proven: None,
            signs: None,
            first: false,
            again: false,
            stays: false,
            retired: None,
        };
        self.keys[selector.index()] = Some(key);
        self.announce();
    }

    /// As `store/sql/restore.rs` does.
    fn restore(&mut self) {
        (self.ring, self.keys) = self.backup;
        self.ring.restored = true;
        for (held, key) in self.ring.keys.iter_mut().zip(&mut self.keys) {
            if let Some((held, key)) = held.as_mut().zip(key.as_mut()) {
                held.stage = match held.stage {
                    Stage::Active { since } => {
                        held.old_for = SignedDuration::ZERO;
                        Stage::Next(Published::new(since))
                    }
                    Stage::Next(_) => Stage::Next(Published::new(at(self.now))),
                    Stage::Companion(_) => Stage::Companion(Published::new(at(self.now))),
                    over => over,
                };
                key.stays = key.retired.is_none() && key.signs.is_some();
                (key.proven, key.signs) = (None, None);
            }
        }
        self.wrong = [false, false];
        // What our secondaries do not have yet they never get.
        self.changes.clear();
        for selector in 0..2 {
            self.forget_seen(selector);
            self.transfer(selector);
        }
        self.arrive();
    }

    /// What was seen in place of a key is known no more.
    fn forget_seen(&mut self, selector: usize) {
        for server in &mut self.theirs[selector] {
            for served in server.before.iter_mut().chain([&mut server.now]) {
                (served.known, served.seen) = (served.ttl <= self.their_ttl, None);
            }
        }
    }

    /// A key's record goes: it must have stayed long enough.
    fn may_go(&self, held: Option<Held>, key: Option<Key>, how: &str) {
        let next = held.is_some_and(|held| matches!(held.stage, Stage::Next(_)));
        assert!(!next || !key.unwrap().stays, "what signed before a restore was {how}");
        let Some((Held { stage: Stage::Retired { .. }, algorithm, .. }, key)) = held.zip(key) else {
            assert!(
                !matches!(held, Some(Held { stage: Stage::Active { .. }, .. })),
                "an active key was {how}"
            );
            return;
        };
        let stayed = self.now - key.retired.unwrap();
        // What an Ed25519 key signed, an RSA key did, too.
        let beside = algorithm == Algorithm::Ed25519 && self.ring.wanted.is_some();
        let compromised = self.ring.wanted == Some(Why::Compromised);
        assert!(beside || compromised || stayed >= self.rules.keep.as_secs(), "{how} after {stayed} s");
    }

    /// Does what is to be done, unless it crashes before that is kept.
    fn work(&mut self, crash: bool, blind: bool) {
        let step = self.ring.step(&self.rules, at(self.now));
        if crash {
            return;
        }
        match step {
            Step::Wait(until) => {
                assert!(until.is_none_or(|until| seconds(until) > self.now), "it waits for the past")
            }
            Step::Publish { selector, algorithm } => {
                assert!(self.publish(selector, algorithm), "what it wants to publish it may not");
            }
            Step::Prove(selector) => {
                if self.now < seconds(self.ring.on(selector).unwrap().stage.since()) + SETTLES {
                    return;
                }
                let proof = if blind { Proof::Unknown } else { self.look(selector.index()) };
                if matches!(self.prove(selector, proof), Proven::Switched(Why::Asked | Why::Period)) {
                    let Held { algorithm, origin, .. } = self.ring.on(selector).unwrap();
                    let other = self.rules.delegated && algorithm != self.rules.rsa;
                    assert!(
                        !other || origin == KeyOrigin::Imported,
                        "{algorithm} signs, and is made no more"
                    );
                }
            }
            Step::Retire(selector) => {
                self.ring.retire(selector, at(self.now));
                self.keys[selector.index()].as_mut().unwrap().retired = Some(self.now);
            }
            Step::Revoke(selector) => {
                self.may_go(self.ring.on(selector), self.keys[selector.index()], "revoked");
                self.ring.revoke(selector, at(self.now));
            }
            Step::Remove(selector) => {
                self.ring.remove(selector);
                self.keys[selector.index()] = None;
                // With the key goes what was seen in its place.
                self.forget_seen(selector.index());
            }
        }
        self.announce();
    }

    fn prove(&mut self, selector: Selector, proof: Proof) -> Proven {
        let before = self.ring;
        let outcome = self.ring.prove(selector, proof, &self.rules, at(self.now));
        let signs = |ring: &Ring| ring.on(selector).is_some_and(|held| held.stage.signs());
        let key = self.keys[selector.index()].as_mut().unwrap();
        if signs(&self.ring) && !signs(&before) {
            assert!(matches!(proof, Proof::Seen { .. }), "it signs with a key that nobody saw just now");
            (key.signs, key.stays) = (Some(self.now), false);
            // What a look found before is older than this.
            self.wrong[selector.index()] = false;
        }
        match outcome {
            Proven::Nothing | Proven::Again => {
                let clear = |ring: &Ring| ring.keys.map(|held| held.and_then(|held| held.stage.clear_at()));
                assert_eq!(clear(&before), clear(&self.ring));
            }
            Proven::Clear(_) => key.proven = Some(self.now),
            Proven::Gone => {
                assert!(matches!(proof, Proof::NotSeen { .. }));
                key.proven = None;
            }
            Proven::Started => {
                assert!(before.active().is_none() && matches!(proof, Proof::Seen { .. }));
                key.again = before.restored && self.rules.delegated;
                if !before.restored {
                    (key.proven, key.first) = (Some(self.now), true);
                    let brought = |held: Held| {
                        held.origin == KeyOrigin::Imported && matches!(held.stage, Stage::Next(_))
                    };
                    let other = before.on(selector.other()).is_some_and(brought);
                    assert!(
                        !other || before.on(selector).is_some_and(brought),
                        "not the one that was brought"
                    );
                }
                assert_eq!(self.ring.wanted, before.wanted, "what was asked for is forgotten");
            }
            Proven::Switched(_) => {
                assert!(matches!(proof, Proof::Seen { .. }), "switched to a key that nobody saw just now");
                let clear_at = before.on(selector).unwrap().stage.clear_at().unwrap();
                assert!(seconds(clear_at) <= self.now && key.proven.is_some());
                self.keys[selector.other().index()].as_mut().unwrap().retired = Some(self.now);
            }
        }
        if matches!(proof, Proof::NotSeen { .. }) && self.ring.on(selector).is_some() {
            let stage = self.ring.on(selector).unwrap().stage;
            assert_eq!(stage.clear_at(), None, "it was not seen, and is proven still");
        }
        outcome
    }

    fn act(&mut self, act: &Act) {
        // No two things at one moment.
        self.pass(1);
        match *act {
            Act::Pass(by) => self.pass(by),
            Act::Work { crash, blind } => self.work(crash, blind),
            Act::Look { selector } => {
                if self.keys[selector].is_some() {
                    let proof = self.look(selector);
                    self.wrong[selector] = matches!(proof, Proof::NotSeen { .. });
                    if let Proof::NotSeen { kept_for } = proof
                        && self.ring.unseen(Selector::BOTH[selector], kept_for)
                    {
                        self.keys[selector].as_mut().unwrap().proven = None;
                    }
                }
            }
            Act::Prove { selector } => {
                let stage = self.ring.keys[selector].map(|held| held.stage);
                if matches!(stage, Some(Stage::Next(_) | Stage::Companion(_))) {
                    let proof = self.look(selector);
                    self.prove(Selector::BOTH[selector], proof);
                }
            }
            Act::Break { selector, server, other, ttl } => {
                let content = if other { Content::Other } else { Content::Nothing };
                let known = ttl <= self.their_ttl;
                self.theirs[selector][server].set(content, ttl, known, self.now);
            }
            Act::Mend { selector, server } => {
                let right = self.right(selector);
                self.theirs[selector][server].set(right, self.their_ttl, true, self.now);
            }
            Act::Ask(why) => {
                let before = self.ring;
                let asked = self.ring.ask(why, &self.rules, at(self.now));
                let again = before.wanted.is_some() && before.active().is_some();
                assert!(asked.is_ok() || !again, "what is asked for cannot be asked for again: {asked:?}");
                if matches!(asked, Err(Refusal::StillVerifies(_))) {
                    let standby = before.on(before.active().unwrap().other()).unwrap();
                    assert_ne!(standby.algorithm, Algorithm::Ed25519, "it has an RSA signature beside it");
                }
                self.announce();
            }
            Act::Import => self.bring(),
            // What signed is known until it does again.
            Act::Backup if self.ring.restored => {}
            Act::Backup => self.backup = (self.ring, self.keys),
            Act::Restore => self.restore(),
            Act::Settings { rsa, ed25519, period, keep } => {
                self.rules.rsa = rsa;
                self.rules.ed25519 = ed25519;
                self.rules.period = period.map(SignedDuration::from_secs);
                self.rules.keep = SignedDuration::from_secs(keep);
            }
        }
        self.check();
    }

    /// The property.
    fn check(&self) {
        let active =
            self.ring.keys.iter().flatten().filter(|held| matches!(held.stage, Stage::Active { .. }));
        assert!(active.count() <= 1, "two active keys");
        let wrong = |selector: Selector| self.wrong[selector.index()];
        for selector in self.ring.signing(wrong).into_iter().flatten().map(Selector::index) {
            let key = self.keys[selector].unwrap();
            let proven = key.proven.expect("it signs with a key that was never proven");
            assert!(!matches!(
                self.ring.keys[selector].unwrap().stage,
                Stage::Revoked { .. } | Stage::Retired { .. }
            ));
            let right = if self.rules.delegated { Content::Alias } else { Content::Key(key.id) };
            for told in self.theirs[selector].iter().flat_map(|server| server.told(self.now)) {
                // What the customer broke after the proof without anybody's seeing it is
                // theirs, and so is what nobody could know is remembered for longer
                // than all else.
                let earlier = told.since < proven && (told.until <= proven || told.until == i64::MAX);
                let signs = key.signs.expect("nobody had it sign");
                // What broke a key that signed already is over when it is mended: to go
                // on unsigned until it is forgotten would be no better.
                let seen = told.seen.is_some_and(|seen| seen < signs || told.until == i64::MAX);
                let excused = (key.first || key.again) && told.until != i64::MAX;
                let ours = (earlier || seen) && told.known && !excused;
                assert!(told.content == right || !ours, "{told:?} of key {key:?} at {}", self.now);
            }
            for told in self.ours[selector].iter().flat_map(|server| server.told(self.now)) {
                let first = key.first && told.until != i64::MAX;
                let wrong = self.rules.delegated && !first && told.content != Content::Key(key.id);
                assert!(!wrong, "{told:?} at our own of key {key:?} at {}", self.now);
            }
        }
    }

    /// Everything is right from now on, and the worker comes whenever it is due.
    fn live_on(&mut self, until: impl Fn(&Self) -> bool) {
        for _ in 0..400 {
            for selector in 0..2 {
                for server in 0..THEIRS {
                    self.act(&Act::Mend { selector, server });
                }
            }
            if until(self) {
                return;
            }
            let wait = match self.ring.step(&self.rules, at(self.now)) {
                Step::Wait(Some(at)) => (seconds(at) - self.now).max(1),
                _ => HOUR,
            };
            self.act(&Act::Work { crash: false, blind: false });
            // Long enough for our secondaries, too.
            self.act(&Act::Pass(wait));
        }
        panic!("it comes to no end: {:?} {:?} at {}", self.ring, self.keys, self.now);
    }
}

fn span() -> impl Strategy<Value = i64> {
    prop_oneof![1..20_i64, 60..600_i64, HOUR..(5 * HOUR), DAY..(40 * DAY), Just(180 * DAY)]
}

fn act() -> impl Strategy<Value = Act> {
    let place = (0..2_usize, 0..THEIRS);
    prop_oneof![
        6 => span().prop_map(Act::Pass),
        10 => (prop::bool::weighted(0.15), prop::bool::weighted(0.15))
            .prop_map(|(crash, blind)| Act::Work { crash, blind }),
        3 => (0..2_usize).prop_map(|selector| Act::Look { selector }),
        1 => (0..2_usize).prop_map(|selector| Act::Prove { selector }),
        2 => (place.clone(), any::<bool>(), prop_oneof![Just(60), Just(HOUR), Just(20 * HOUR)])
            .prop_map(|((selector, server), other, ttl)| Act::Break { selector, server, other, ttl }),
        4 => place.prop_map(|(selector, server)| Act::Mend { selector, server }),
        2 => prop_oneof![Just(Why::Asked), Just(Why::Asked), Just(Why::Compromised)].prop_map(Act::Ask),
        2 => Just(Act::Import),
        1 => prop_oneof![2 => Just(Act::Backup), 1 => Just(Act::Restore)],
        1 => (prop_oneof![Just(Algorithm::Rsa2048), Just(Algorithm::Rsa4096)], any::<bool>(), prop::option::weighted(0.8, (20 * DAY)..(200 * DAY)), HOUR..(10 * DAY))
            .prop_map(|(rsa, ed25519, period, keep)| Act::Settings { rsa, ed25519, period, keep }),
    ]
}

fn world() -> impl Strategy<Value = World> {
    let lag = [0..(2 * HOUR), 0..(2 * HOUR)];
    (any::<bool>(), prop_oneof![Just(60), Just(300), Just(HOUR), Just(DAY)], lag)
        .prop_map(|(delegated, ttl, lag)| World::new(delegated, ttl, lag))
        .no_shrink()
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rules, their_ttl, lag, .. } = self;
        write!(f, "delegated {}, TTL {their_ttl}, lag {lag:?}", rules.delegated)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    /// Safety at every moment, and in the end a key that was asked for signs.
    #[test]
    fn nothing_is_signed_that_somebody_could_be_denied(
        mut world in world(),
        acts in prop::collection::vec(act(), 1..120),
    ) {
        for act in &acts {
            world.act(act);
        }
        world.rules.period = None;
        world.live_on(|world| {
            let standby = world.ring.active().and_then(|active| world.ring.on(active.other()));
            let waits = matches!(world.ring.step(&world.rules, at(world.now)), Step::Wait(_));
            world.ring.wanted.is_none() && waits && standby.is_some_and(|held| held.stage.published().is_some())
        });
        let signing = |world: &World| world.ring.active().map(|active| world.keys[active.index()].unwrap().id);
        let (before, asked) = (signing(&world), world.now);
        world.ring.ask(Why::Asked, &world.rules, at(world.now)).unwrap();
        world.live_on(|world| world.ring.wanted.is_none());
        prop_assert_ne!(signing(&world), before);
        // What is remembered is waited for, and nothing else.
        prop_assert!(world.now - asked < 2 * DAY, "it took {} h", (world.now - asked) / HOUR);
    }
}

/// The whole turn without any trouble, by the model: it does not pass for nothing.
#[test]
fn the_model_lives() {
    for delegated in [true, false] {
        let mut world = World::new(delegated, HOUR, [600, 60]);
        let mut signed = Vec::new();
        for _ in 0..4 {
            let before = world.ring.active();
            world.live_on(|world| world.ring.active().is_some() && world.ring.active() != before);
            signed.extend(world.ring.active());
        }
        assert_eq!(signed, [Selector::First, Selector::Second, Selector::First, Selector::Second]);
        assert!(world.now > 3 * 179 * DAY, "{}", world.now / DAY);
    }
}
