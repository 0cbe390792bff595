//! A bounded memory of what the source said of domains.

use super::{domains::Domain, index::Id};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::time::Instant;

const SHARDS: usize = 16;

/// What was read of an id; `None`: there is no such domain.
#[derive(Clone)]
pub(super) struct Kept {
    /// When the source was asked, not when it answered.
    pub(super) read_at: Instant,
    pub(super) domain: Option<Arc<Domain>>,
}

impl Kept {
    /// Bytes it takes, its place in the table included, about.
    fn weight(&self) -> usize {
        128 + self.domain.as_ref().map_or(0, |domain| domain.weight())
    }
}

/// Two generations: when the younger is full it becomes the older and what was
/// the older is dropped, so that names in use survive a flood of names that are
/// not, and nothing is ever scanned.
pub(super) struct Cache {
    shards: [Mutex<Generations>; SHARDS],
    /// Bytes.
    per_generation: usize,
}

#[derive(Default)]
struct Generations {
    young: HashMap<Id, Kept>,
    old: HashMap<Id, Kept>,
    /// Of the young, in bytes.
    weight: usize,
}

impl Cache {
    /// At most about `bytes` of memory.
    pub(super) fn new(bytes: usize) -> Self {
        let shards = std::array::from_fn(|_| Mutex::default());
        Self { shards, per_generation: bytes / (2 * SHARDS) }
    }

    pub(super) fn get(&self, id: &Id) -> Option<Kept> {
        let mut shard = self.shard(id);
        if let Some(kept) = shard.young.get(id) {
            return Some(kept.clone());
        }
        let kept = shard.old.remove(id)?;
        shard.put(*id, kept.clone(), self.per_generation);
        Some(kept)
    }

    pub(super) fn put(&self, id: Id, kept: Kept) {
        let mut shard = self.shard(&id);
        shard.put(id, kept, self.per_generation);
    }

    pub(super) fn remove(&self, id: &Id) {
        let mut shard = self.shard(id);
        if let Some(kept) = shard.young.remove(id) {
            shard.weight -= kept.weight().min(shard.weight);
        }
        shard.old.remove(id);
    }

    pub(super) fn clear(&self) {
        for shard in &self.shards {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = Generations::default();
        }
    }

    fn shard(&self, id: &Id) -> MutexGuard<'_, Generations> {
        self.shards[usize::from(id[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn put(&mut self, id: Id, kept: Kept, limit: usize) {
        let weight = kept.weight();
        if self.weight + weight > limit && !self.young.is_empty() {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.old.remove(&id);
        let before = self.young.insert(id, kept);
        self.weight = self.weight + weight - before.map_or(0, |before| before.weight()).min(self.weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> Id {
        let mut id = [0; 10];
        id[..4].copy_from_slice(&number.swap_bytes().to_be_bytes());
        id
    }

    fn kept(text: &str) -> Kept {
        let domain = Domain { keys: [Some(text.into()), None], demo: None };
        Kept { read_at: Instant::now(), domain: Some(Arc::new(domain)) }
    }

    #[test]
    fn it_holds_no_more_than_its_bytes_and_what_is_asked_for_stays() {
        let bytes = 1 << 20;
        let cache = Cache::new(bytes);
        for number in 0..100_000 {
            cache.put(id(number), kept(&"x".repeat(400)));
            assert!(number == 0 || cache.get(&id(0)).is_some(), "at {number}");
        }
        let held: usize = cache
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock().unwrap();
                shard.young.values().chain(shard.old.values()).map(Kept::weight).sum::<usize>()
            })
            .sum();
        assert!(held <= bytes && held > bytes / 3, "{held}");
    }

    #[test]
    fn what_is_removed_is_gone_from_both_generations() {
        let cache = Cache::new(SHARDS * 2 * 1_000);
        for number in 0..SHARDS as u32 * 2 {
            // All in one shard, since the first byte is the same.
            let mut id = id(number);
            id[0] = 0;
            id[9] = number as u8;
            cache.put(id, kept("text"));
        }
        for number in 0..SHARDS as u8 * 2 {
            let mut id = [0; 10];
            id[9] = number;
            cache.remove(&id);
            assert!(cache.get(&id).is_none());
        }
        let shard = cache.shards[0].lock().unwrap();
        assert_eq!((shard.weight, shard.young.len(), shard.old.len()), (0, 0, 0));
    }
}
