//! Which domains there are, all of them, so that a name that does not exist
//! costs no question to the source.

use signet_core::names::Name;
use std::{
    collections::{HashMap, HashSet},
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// A record id's ten bytes: a million of them are some 25 MB in a set.
pub(super) type Id = [u8; 10];

const SHARDS: usize = 64;

/// Ids in shards, so that growing one keeps nobody waiting for long.
pub(super) struct Ids([HashSet<Id>; SHARDS]);

impl Default for Ids {
    fn default() -> Self {
        Self(std::array::from_fn(|_| HashSet::new()))
    }
}

impl Ids {
    pub(super) fn insert(&mut self, id: Id) {
        self.0[shard(&id)].insert(id);
    }
}

/// Ids are drawn at random; any byte spreads them.
fn shard(id: &Id) -> usize {
    usize::from(id[9]) % SHARDS
}

/// Demo domains, one per account.
#[derive(Default)]
pub(super) struct Demos {
    ids: HashMap<Name, Id>,
    names: HashMap<Id, Name>,
}

impl Demos {
    pub(super) fn insert(&mut self, name: Name, id: Id) {
        self.ids.insert(name.clone(), id);
        self.names.insert(id, name);
    }

    fn remove(&mut self, id: &Id) {
        if let Some(name) = self.names.remove(id)
            && self.ids.get(&name) == Some(id)
        {
            self.ids.remove(&name);
        }
    }
}

/// See the module.
pub(super) struct Index {
    ids: [RwLock<HashSet<Id>>; SHARDS],
    demos: RwLock<Demos>,
    complete: AtomicBool,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            ids: std::array::from_fn(|_| RwLock::default()),
            demos: RwLock::default(),
            complete: AtomicBool::new(false),
        }
    }
}

impl Index {
    /// Whether everything there is is in it.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }

    pub(super) fn contains(&self, id: &Id) -> bool {
        self.ids[shard(id)].read().unwrap_or_else(PoisonError::into_inner).contains(id)
    }

    pub(super) fn demo(&self, name: &Name) -> Option<Id> {
        self.demos.read().unwrap_or_else(PoisonError::into_inner).ids.get(name).copied()
    }

    /// How many domains are known of.
    pub(super) fn len(&self) -> usize {
        self.ids.iter().map(|ids| ids.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// These are all there are.
    pub(super) fn replace(&self, ids: Ids, demos: Demos) {
        for (held, ids) in self.ids.iter().zip(ids.0) {
            *held.write().unwrap_or_else(PoisonError::into_inner) = ids;
        }
        *self.demos.write().unwrap_or_else(PoisonError::into_inner) = demos;
        self.complete.store(true, Ordering::Release);
    }

    /// There is a domain with this id, a demo domain if it has a name.
    pub(super) fn add(&self, id: Id, demo: Option<Name>) {
        if let Some(name) = demo {
            self.demos.write().unwrap_or_else(PoisonError::into_inner).insert(name, id);
        }
        self.ids[shard(&id)].write().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// There is none any more.
    pub(super) fn remove(&self, id: &Id) {
        self.ids[shard(id)].write().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.demos.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_demo_domain_made_again_under_its_name_outlives_the_first() {
        let index = Index::default();
        let shop = Name::parse("shop.demo.test").unwrap();
        let (first, second) = ([1; 10], [2; 10]);
        index.add(first, Some(shop.clone()));
        index.add(second, Some(shop.clone()));
        index.remove(&first);
        assert!(!index.contains(&first) && index.contains(&second));
        assert_eq!(index.demo(&shop), Some(second));
        index.remove(&second);
        assert_eq!((index.demo(&shop), index.len()), (None, 0));
    }
}
