//! Keys made ahead, so that nobody waits for one.

use super::make::{KeyPair, make};
use crate::clock::Randomness;
use aws_lc_rs::error::Unspecified;
use signet_core::rotation::Algorithm;
use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use tokio::sync::Semaphore;

/// How many keys wait at first. As many are made when the server starts.
const AT_FIRST: usize = 8;
/// How many wait at most: for each that had to be waited for, twice as many are
/// kept, up to this.
const AT_MOST: usize = 64;
/// What `nice(1)` would say: others go first.
const NICENESS: i32 = 15;

/// Makes DKIM keys, ahead where somebody [fills](Self::fill) the pool.
///
/// The pool holds keys of the kinds that are asked for, in memory alone; they are
/// overwritten when the process ends in good order.
#[derive(Debug)]
pub struct KeyMaker {
    random: Randomness,
    shelves: Mutex<[Shelf; KINDS]>,
    /// Rung when a key was taken, or nothing more is to be made.
    taken: Condvar,
    /// No more at once than the machine has cores.
    making: Semaphore,
}

/// The kinds that take long enough to be made ahead: the two of RSA.
const KINDS: usize = 2;

#[derive(Debug, Default)]
struct Shelf {
    keys: Vec<KeyPair>,
    /// How many there are to be; none of a kind nobody has asked for.
    wanted: usize,
}

fn shelf(algorithm: Algorithm) -> Option<usize> {
    match algorithm {
        Algorithm::Rsa2048 => Some(0),
        Algorithm::Rsa4096 => Some(1),
        Algorithm::Ed25519 => None,
    }
}

impl Default for KeyMaker {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self {
            random: Randomness::default(),
            shelves: Mutex::default(),
            taken: Condvar::new(),
            making: Semaphore::new(cores),
        }
    }
}

impl KeyMaker {
    /// A fresh key: one made ahead, or else one made now on another thread.
    ///
    /// # Errors
    /// When the cryptography library cannot make one.
    pub async fn next_key(&self, algorithm: Algorithm) -> Result<KeyPair, Unspecified> {
        if shelf(algorithm).is_none() {
            // Ten microseconds.
            count(algorithm, "on_demand");
            return make(algorithm, &self.random);
        }
        if let Some(key) = self.take(algorithm) {
            return Ok(key);
        }
        let _turn = self.making.acquire().await.map_err(|_| Unspecified)?;
        let random = self.random.clone();
        let made = tokio::task::spawn_blocking(move || make(algorithm, &random)).await;
        count(algorithm, "on_demand");
        made.unwrap_or(Err(Unspecified))
    }

    /// One made ahead, if there is one. What is missing is made again, and more of
    /// it where none was there.
    fn take(&self, algorithm: Algorithm) -> Option<KeyPair> {
        let index = shelf(algorithm)?;
        let mut shelves = self.lock();
        let shelf = &mut shelves[index];
        let key = shelf.keys.pop();
        shelf.wanted = match (&key, shelf.wanted) {
            (_, 0) => AT_FIRST,
            (None, wanted) => (wanted * 2).min(AT_MOST),
            (Some(_), wanted) => wanted,
        };
        show(algorithm, shelf.keys.len());
        drop(shelves);
        self.taken.notify_all();
        key
    }

    /// Fills the pool, with keys of `first` to begin with and of every other kind as
    /// soon as one of it was asked for, on a thread that lets others go first. Ends
    /// when what is returned is dropped.
    #[must_use]
    pub fn fill(self: &Arc<Self>, first: Algorithm) -> Filling {
        if let Some(index) = shelf(first) {
            let wanted = &mut self.lock()[index].wanted;
            *wanted = (*wanted).max(AT_FIRST);
        }
        let filling = Filling { maker: Arc::clone(self), stop: Arc::default() };
        let (maker, stop) = (Arc::clone(self), Arc::clone(&filling.stop));
        let begun = thread::Builder::new().name("signet-keys".to_string()).spawn(move || {
            // This thread's alone on Linux; where it fails, others wait a little.
            let _ = rustix::process::nice(NICENESS);
            maker.keep_filling(&stop);
        });
        if let Err(error) = begun {
            tracing::warn!(%error, "no thread for making keys ahead; they are made when needed");
        }
        filling
    }

    fn keep_filling(&self, stop: &AtomicBool) {
        while let Some(algorithm) = self.missing(stop) {
            let Ok(key) = make(algorithm, &self.random) else {
                tracing::error!(%algorithm, "the cryptography library makes no keys");
                return;
            };
            count(algorithm, "ahead");
            let mut shelves = self.lock();
            if let Some(index) = shelf(algorithm) {
                shelves[index].keys.push(key);
                show(algorithm, shelves[index].keys.len());
            }
        }
    }

    /// Waits until there are too few of a kind; `None` when nothing more is to be
    /// made.
    fn missing(&self, stop: &AtomicBool) -> Option<Algorithm> {
        let mut shelves = self.lock();
        loop {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            let missing = Algorithm::ALL.into_iter().find(|&algorithm| {
                shelf(algorithm).is_some_and(|index| shelves[index].keys.len() < shelves[index].wanted)
            });
            if missing.is_some() {
                return missing;
            }
            shelves = self.taken.wait(shelves).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, [Shelf; KINDS]> {
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That the pool is being filled.
#[derive(Debug)]
pub struct Filling {
    maker: Arc<KeyMaker>,
    stop: Arc<AtomicBool>,
}

impl Drop for Filling {
    fn drop(&mut self) {
        // Under the lock: it is not between looking and waiting then.
        let shelves = self.maker.lock();
        self.stop.store(true, Ordering::Relaxed);
        drop(shelves);
        self.maker.taken.notify_all();
    }
}

fn count(algorithm: Algorithm, when: &'static str) {
    metrics::counter!("signet_keys_made_total", "algorithm" => algorithm.as_str(), "when" => when)
        .increment(1);
}

fn show(algorithm: Algorithm, keys: usize) {
    metrics::gauge!("signet_key_pool", "algorithm" => algorithm.as_str()).set(keys as f64);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    fn ready(maker: &KeyMaker) -> usize {
        maker.lock()[0].keys.len()
    }

    fn wait_for(maker: &KeyMaker, keys: usize) {
        let begun = Instant::now();
        while ready(maker) < keys {
            assert!(begun.elapsed() < Duration::from_secs(600), "{} of {keys} keys", ready(maker));
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[tokio::test]
    async fn keys_are_made_ahead_and_more_where_too_few_were() {
        let maker = Arc::new(KeyMaker::default());
        let made = maker.next_key(Algorithm::Rsa2048).await.unwrap();
        assert_eq!(made.algorithm, Algorithm::Rsa2048);
        // Nobody fills: none is made behind our back.
        assert_eq!(ready(&maker), 0);
        let filling = maker.fill(Algorithm::Rsa2048);
        wait_for(&maker, AT_FIRST);
        let first = maker.next_key(Algorithm::Rsa2048).await.unwrap();
        let second = maker.next_key(Algorithm::Rsa2048).await.unwrap();
        assert_ne!(first.public, second.public);
        wait_for(&maker, AT_FIRST);
        drop(filling);
        maker.lock()[0].keys.clear();
        for times in 1..6 {
            assert!(maker.take(Algorithm::Rsa2048).is_none());
            assert_eq!(maker.lock()[0].wanted, (AT_FIRST << times).min(AT_MOST));
        }
        thread::sleep(Duration::from_millis(300));
        assert!(ready(&maker) <= 1, "the one under way when it was stopped");
    }

    #[tokio::test]
    async fn an_ed25519_key_is_made_at_once() {
        let key = KeyMaker::default().next_key(Algorithm::Ed25519).await.unwrap();
        assert_eq!((key.algorithm, key.public.len(), key.private.len()), (Algorithm::Ed25519, 44, 48));
    }
}
