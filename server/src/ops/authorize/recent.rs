//! What the gate has read a moment ago of domains that may send.
//!
//! An MTA asks about a message several times, and about a customer's messages
//! one after the other. Nothing is remembered but what lets a message go out
//! uncounted: a refusal is a bounce, which has to be right now, and a demo's
//! allowance changes with every message.

use crate::{clock::Clock, store::AccountId};
use jiff::{SignedDuration, Timestamp};
use signet_core::{authz::Candidate, names::Name};
use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// How old what is remembered may be, from before it was read. A suspension
/// by another process is to hold within 5 s.
pub const MAX_AGE: SignedDuration = SignedDuration::from_secs(2);
/// How many names are remembered.
const CAPACITY: usize = 100_000;

/// The name a message gives, and whose message it is where that is known. A
/// return path's name has its record id in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key(Name, Option<AccountId>);

/// See the module. In two generations: when the younger is full or old it
/// becomes the older, and what was the older is dropped, so that nothing is
/// ever scanned and nothing kept for long.
#[derive(Debug)]
pub struct Recent {
    generations: Mutex<Generations>,
    per_generation: usize,
    /// How often all was forgotten.
    epoch: AtomicU64,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Key, Entry>,
    old: HashMap<Key, Entry>,
    since: Timestamp,
}

#[derive(Clone, Debug)]
struct Entry {
    read: Moment,
    found: Vec<Candidate>,
}

/// When something is read: taken before, so that whatever changes meanwhile
/// makes it older and not newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    at: Timestamp,
    epoch: u64,
}

impl Moment {
    /// Whether what was read at `self` holds at `now`. A clock that was set back
    /// makes nothing younger.
    fn holds(self, now: Self) -> bool {
        let age = now.at.duration_since(self.at);
        self.epoch == now.epoch && (SignedDuration::ZERO..MAX_AGE).contains(&age)
    }
}

impl Default for Recent {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl Recent {
    fn with_capacity(capacity: usize) -> Self {
        Self { generations: Mutex::default(), per_generation: capacity.div_ceil(2), epoch: AtomicU64::new(0) }
    }

    /// This moment.
    pub(super) fn moment(&self, clock: &Clock) -> Moment {
        Moment { at: clock.now(), epoch: self.epoch.load(Ordering::SeqCst) }
    }

    /// What a name was found to be, if that still holds.
    pub(super) fn get(&self, name: &Name, account: Option<AccountId>, now: Moment) -> Option<Vec<Candidate>> {
        let key = Key(name.clone(), account);
        let generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = generations.young.get(&key).or_else(|| generations.old.get(&key))?;
        entry.read.holds(now).then(|| entry.found.clone())
    }

    /// Remembers what a name was found to be. A demo domain is not remembered.
    pub(super) fn put(&self, name: &Name, account: Option<AccountId>, read: Moment, found: Vec<Candidate>) {
        if found.iter().any(|candidate| candidate.facts.demo) {
            return;
        }
        let mut dropped = HashMap::new();
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let age = read.at.duration_since(generations.since);
        let full = generations.young.len() >= self.per_generation;
        if full || !(SignedDuration::ZERO..MAX_AGE).contains(&age) {
            generations.since = read.at;
            let young = std::mem::take(&mut generations.young);
            dropped = std::mem::replace(&mut generations.old, young);
        }
        generations.young.insert(Key(name.clone(), account), Entry { read, found });
        drop(generations);
        // Outside the lock: there may be many.
        drop(dropped);
    }

    /// Forgets all of it, and what is being read just now: something was ruled.
    pub fn forget(&self) {
        self.epoch.fetch_add(1, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: u32) -> Name {
        Name::parse(&format!("d{number}.example")).unwrap()
    }

    fn known(recent: &Recent, number: u32, clock: &Clock) -> bool {
        recent.get(&name(number), None, recent.moment(clock)).is_some()
    }

    #[test]
    fn for_two_seconds_from_before_it_was_read() {
        let clock = Clock::manual("2026-04-28T08:19:31Z".parse().unwrap());
        let recent = Recent::default();
        let before = recent.moment(&clock);
        clock.advance(SignedDuration::from_millis(500));
        recent.put(&name(1), None, before, vec![]);
        assert!(recent.get(&name(1), Some(AccountId(1)), recent.moment(&clock)).is_none(), "another's");
        clock.advance(SignedDuration::from_millis(1499));
        assert!(known(&recent, 1, &clock));
        clock.advance(SignedDuration::from_millis(1));
        assert!(!known(&recent, 1, &clock));
        clock.advance(SignedDuration::from_secs(-10));
        assert!(!known(&recent, 1, &clock), "a clock set back");
    }

    #[test]
    fn what_was_being_read_is_forgotten_too() {
        let clock = Clock::manual("2026-04-28T08:19:31Z".parse().unwrap());
        let recent = Recent::default();
        recent.put(&name(1), None, recent.moment(&clock), vec![]);
        let begun = recent.moment(&clock);
        recent.forget();
        recent.put(&name(2), None, begun, vec![]);
        assert!(!known(&recent, 1, &clock) && !known(&recent, 2, &clock));
        recent.put(&name(2), None, recent.moment(&clock), vec![]);
        assert!(known(&recent, 2, &clock));
    }

    #[test]
    fn it_does_not_grow() {
        let clock = Clock::manual("2026-04-28T08:19:31Z".parse().unwrap());
        let recent = Recent::with_capacity(10);
        for number in 0..1000 {
            recent.put(&name(number), None, recent.moment(&clock), vec![]);
            assert!(known(&recent, number, &clock));
        }
        let kept = (0..1000).filter(|number| known(&recent, *number, &clock)).count();
        assert!((5..=10).contains(&kept), "{kept}");
        // What is old goes without being asked for.
        for seconds in 0..3 {
            clock.advance(MAX_AGE);
            recent.put(&name(2000 + seconds), None, recent.moment(&clock), vec![]);
        }
        let generations = recent.generations.lock().unwrap();
        assert_eq!(generations.young.len() + generations.old.len(), 2);
    }
}
