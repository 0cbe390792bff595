//! What has been learned about delegations, for a while.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// A bounded map whose entries expire.
///
/// Two generations: new and recently used entries are in `young`; when that is
/// full it becomes `old` and what was old is dropped. Everything is O(1), and
/// an entry used once per generation stays.
pub(super) struct Cache<K, V> {
    generations: Mutex<Generations<K, V>>,
    half: usize,
}

struct Generations<K, V> {
    young: HashMap<K, Entry<V>>,
    old: HashMap<K, Entry<V>>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    learned: Instant,
    expires: Instant,
}

impl<K: Clone + Eq + Hash, V: Clone> Cache<K, V> {
    /// At most `entries`, but at least two.
    pub(super) fn new(entries: usize) -> Self {
        Self {
            generations: Mutex::new(Generations { young: HashMap::new(), old: HashMap::new() }),
            half: (entries / 2).max(1),
        }
    }

    /// What is known about `key`, unless it has expired or was learned before
    /// `since`.
    pub(super) fn get<Q>(&self, key: &Q, since: Option<Instant>) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let now = Instant::now();
        let good = |entry: &Entry<V>| entry.expires > now && since.is_none_or(|since| entry.learned >= since);
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = generations.young.get(key) {
            return good(entry).then(|| entry.value.clone());
        }
        let (key, entry) = generations.old.remove_entry(key)?;
        if !good(&entry) {
            return None;
        }
        let value = entry.value.clone();
        self.put(&mut generations, key, entry);
        Some(value)
    }

    /// Remembers `value`, learned at `learned`, for `ttl` from now.
    pub(super) fn insert(&self, key: K, value: V, learned: Instant, ttl: Duration) {
        let entry = Entry { value, learned, expires: Instant::now() + ttl };
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        self.put(&mut generations, key, entry);
    }

    fn put(&self, generations: &mut Generations<K, V>, key: K, entry: Entry<V>) {
        if generations.young.len() >= self.half && !generations.young.contains_key(&key) {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn entries_expire_and_fresh_readers_pass_old_ones_over() {
        let cache = Cache::new(10);
        cache.insert("a", 1, Instant::now(), HOUR);
        assert_eq!(cache.get("a", None), Some(1));
        tokio::time::advance(HOUR / 2).await;
        assert_eq!(cache.get("a", None), Some(1));
        assert_eq!(cache.get("a", Some(Instant::now())), None);
        tokio::time::advance(HOUR / 2).await;
        assert_eq!(cache.get("a", None), None);
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_bounded_and_keeps_what_is_used() {
        let cache = Cache::new(100);
        for key in 0..1000 {
            cache.insert(key, key, Instant::now(), HOUR);
            assert_eq!(cache.get(&0, None), Some(0), "in use all the time, after {key}");
        }
        let kept = (0..1000).filter(|key| cache.get(key, None).is_some()).count();
        assert!(kept <= 101, "{kept}");
    }
}
