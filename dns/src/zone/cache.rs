//! A small, bounded memory of what the source said last.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

const SHARDS: usize = 16;

/// Values no older than a given age, in two generations: when the younger is
/// full it becomes the older and what was the older is dropped, so that names
/// in use survive a flood of names that are not, and nothing is ever scanned.
pub(super) struct Cache<K, V> {
    shards: [Mutex<Generations<K, V>>; SHARDS],
    hasher: RandomState,
    max_age: Duration,
    per_generation: usize,
}

struct Generations<K, V> {
    young: HashMap<K, (Instant, V)>,
    old: HashMap<K, (Instant, V)>,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// At most `capacity` values (rounded up to a multiple of 32).
    pub(super) fn new(capacity: usize, max_age: Duration) -> Self {
        let empty = || Mutex::new(Generations { young: HashMap::new(), old: HashMap::new() });
        Self {
            shards: std::array::from_fn(|_| empty()),
            hasher: RandomState::new(),
            max_age,
            per_generation: capacity.div_ceil(2 * SHARDS).max(1),
        }
    }

    pub(super) fn get(&self, key: &K) -> Option<V> {
        let mut shard = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |(at, _): &&(Instant, V)| at.elapsed() < self.max_age;
        if let Some((_, value)) = shard.young.get(key).filter(fresh) {
            return Some(value.clone());
        }
        let (at, value) = shard.old.get(key).filter(fresh)?.clone();
        shard.put(key.clone(), (at, value.clone()), self.per_generation);
        Some(value)
    }

    /// `read_at` is when the source was asked, not when it answered.
    pub(super) fn put(&self, key: K, read_at: Instant, value: V) {
        let mut shard = self.shard(&key).lock().unwrap_or_else(PoisonError::into_inner);
        shard.put(key, (read_at, value), self.per_generation);
    }

    fn shard(&self, key: &K) -> &Mutex<Generations<K, V>> {
        let hash = self.hasher.hash_one(key);
        &self.shards[(hash % SHARDS as u64) as usize]
    }
}

impl<K: Hash + Eq, V> Generations<K, V> {
    fn put(&mut self, key: K, value: (Instant, V), limit: usize) {
        if self.young.len() >= limit && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nothing_is_older_than_its_age_or_more_than_the_bound() {
        let cache = Cache::new(64, Duration::from_secs(5));
        cache.put(1, Instant::now(), "one");
        assert_eq!(cache.get(&1), Some("one"));
        tokio::time::advance(Duration::from_millis(4_900)).await;
        assert_eq!(cache.get(&1), Some("one"));
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(cache.get(&1), None);

        for key in 0..10_000 {
            cache.put(key, Instant::now(), "flood");
        }
        let held = (0..10_000).filter(|key| cache.get(key).is_some()).count();
        assert!(held <= 64, "{held}");
        let entries: usize = cache.shards.iter().map(|s| s.lock().unwrap().young.len()).sum();
        assert!(entries <= 32, "{entries}");
    }

    #[tokio::test(start_paused = true)]
    async fn being_asked_for_does_not_make_a_value_younger() {
        let cache = Cache::new(1, Duration::from_secs(5));
        cache.put(0, Instant::now(), 0);
        for other in 1..6 {
            tokio::time::advance(Duration::from_secs(1)).await;
            cache.get(&0);
            cache.put(other, Instant::now(), other);
        }
        assert_eq!(cache.get(&0), None);
    }
}
