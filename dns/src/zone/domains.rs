//! What is known of domains: an index of all of them, a cache of those in use,
//! and the reading of the others, many at a time.

use super::{
    cache::{Cache, Kept},
    contents,
    index::{Id, Index},
    node::Node,
    source::{BATCH, Keys, SourceFailed, ZoneDomainView, ZoneSource},
};
use signet_core::{
    names::{Name, RecordId},
    plan::Provider,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque, hash_map::Entry},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::Instant,
};

/// How old an answer's data may be when nobody says what has changed.
const UNWATCHED: Duration = Duration::from_secs(5);
/// How long ago the last word of changes may be for them to be known of.
const WATCHED: Duration = Duration::from_secs(5);
/// How long an entry is believed even so, less a quarter by id, so that what
/// was read together is not read again together.
const BELIEVED: Duration = Duration::from_secs(3600);
/// How long the cache answers for a source that fails: as long as a secondary
/// would for us (the SOA's expire).
pub(super) const EXPIRE: Duration = Duration::from_secs(14 * 24 * 3600);
/// After a failure, what is in the cache does not wait for the next try.
const SPARED: Duration = Duration::from_secs(1);
/// How many questions may wait for the source at one time.
const WAITING: usize = 1_024;
/// How long a question waits for the source. Resolvers give up after some
/// seconds; SERVFAIL before that sends them to another server.
const PATIENCE: Duration = Duration::from_secs(2);
/// How many reads are under way at one time, of up to [`BATCH`] domains each.
const READERS: usize = 4;

/// One domain's part of the zone.
pub(super) struct Domain {
    pub(super) keys: [Option<Box<str>>; 2],
    /// A demo domain's names.
    pub(super) demo: Option<BTreeMap<Name, Node>>,
}

impl Domain {
    fn new(keys: Keys, demo: Option<BTreeMap<Name, Node>>) -> Self {
        Self { keys: keys.map(|text| text.map(String::into_boxed_str)), demo }
    }

    /// Bytes it takes, about.
    pub(super) fn weight(&self) -> usize {
        let keys: usize = self.keys.iter().flatten().map(|text| text.len() + 16).sum();
        size_of::<Self>() + keys + self.demo.as_ref().map_or(0, |nodes| nodes.len() * 512)
    }
}

/// What a read came to; `None`: there is no such domain.
pub(super) type Answer = Result<Option<Arc<Domain>>, SourceFailed>;

/// See the module.
pub(super) struct Domains {
    pub(super) source: Arc<dyn ZoneSource>,
    provider: Provider,
    pub(super) index: Index,
    cache: Cache,
    reads: Mutex<Reads>,
    waiting: Semaphore,
    started: Instant,
    /// Milliseconds from `started`, plus one; 0: never. Up to when all changes
    /// are known, and when a read failed last with none succeeding after it.
    watched: AtomicU64,
    failed: AtomicU64,
    pub(super) hits: AtomicU64,
    pub(super) misses: AtomicU64,
}

#[derive(Default)]
struct Reads {
    queue: VecDeque<Id>,
    pending: HashMap<Id, Pending>,
    readers: usize,
}

#[derive(Default)]
struct Pending {
    waiters: Vec<oneshot::Sender<Answer>>,
    /// It has changed since the read began, perhaps: not to be kept.
    outdated: bool,
}

impl Domains {
    /// With a cache of about `bytes`.
    pub(super) fn new(source: Arc<dyn ZoneSource>, provider: Provider, bytes: usize) -> Self {
        Self {
            source,
            provider,
            index: Index::default(),
            cache: Cache::new(bytes),
            reads: Mutex::default(),
            waiting: Semaphore::new(WAITING),
            started: Instant::now(),
            watched: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The domain with this id.
    pub(super) async fn get(self: &Arc<Self>, id: Id) -> Answer {
        let kept = self.cache.get(&id);
        let watched = self.since(&self.watched).is_some_and(|since| since < WATCHED);
        if let Some(kept) = &kept {
            let age = kept.read_at.elapsed();
            if age < UNWATCHED || (watched && age < believed(&id)) {
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Ok(kept.domain.clone());
            }
        } else if watched && self.index.is_complete() && !self.index.contains(&id) {
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(None);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let usable = kept.filter(|kept| self.is_usable(kept));
        if let Some(kept) = &usable
            && self.since(&self.failed).is_some_and(|since| since < SPARED)
        {
            return Ok(kept.domain.clone());
        }
        match (self.read(id).await, usable) {
            (Err(SourceFailed), Some(kept)) => Ok(kept.domain),
            (read, _) => read,
        }
    }

    /// The domain that is the demo domain with this name.
    pub(super) async fn get_demo(self: &Arc<Self>, name: &Name) -> Answer {
        // Until all are known, and while that may have changed unseen, one that
        // is not among them may be one all the same.
        let known = self.index.demo(name);
        let watched = self.since(&self.watched).is_some_and(|since| since < WATCHED);
        let id = match known {
            Some(id) => Some(id),
            None if watched && self.index.is_complete() => None,
            None => self.patiently(self.source.demo(name)).await?.map(|id| id.to_bytes()),
        };
        match id {
            Some(id) => self.get(id).await,
            None => Ok(None),
        }
    }

    /// Better than nothing when the source fails.
    fn is_usable(&self, kept: &Kept) -> bool {
        kept.read_at.elapsed() < EXPIRE || self.since(&self.watched).is_some_and(|since| since < EXPIRE)
    }

    /// Everything up to `at` is known of: what is kept is right as of then.
    pub(super) fn watched_until(&self, at: Instant) {
        self.watched.store(self.stamp(at), Ordering::Release);
    }

    /// Whatever is kept may be wrong.
    pub(super) fn forget_all(&self) {
        self.watched.store(0, Ordering::Release);
        self.cache.clear();
        self.reads().pending.values_mut().for_each(|pending| pending.outdated = true);
    }

    /// What is kept of these may be wrong.
    pub(super) fn forget(&self, ids: &[Id]) {
        let mut reads = self.reads();
        for id in ids {
            self.cache.remove(id);
            if let Some(pending) = reads.pending.get_mut(id) {
                pending.outdated = true;
            }
        }
    }

    /// Waits for the source, but neither long nor in an endless queue.
    async fn patiently<T>(
        &self,
        answer: impl Future<Output = Result<T, SourceFailed>>,
    ) -> Result<T, SourceFailed> {
        let _place = self.waiting.try_acquire().map_err(|_| SourceFailed)?;
        tokio::time::timeout(PATIENCE, answer).await.map_err(|_| SourceFailed)?
    }

    async fn read(self: &Arc<Self>, id: Id) -> Answer {
        let (waiter, answer) = oneshot::channel();
        // Taken before the queue, so that the queue is no longer than it.
        let answer = self.patiently(async {
            self.enqueue(id, waiter);
            answer.await.unwrap_or(Err(SourceFailed))
        });
        answer.await
    }

    fn enqueue(self: &Arc<Self>, id: Id, waiter: oneshot::Sender<Answer>) {
        let mut reads = self.reads();
        match reads.pending.entry(id) {
            Entry::Occupied(pending) => return pending.into_mut().waiters.push(waiter),
            Entry::Vacant(place) => place.insert(Pending { waiters: vec![waiter], outdated: false }),
        };
        reads.queue.push_back(id);
        if reads.readers < READERS {
            reads.readers += 1;
            tokio::spawn(self.clone().read_queued());
        }
    }

    /// Reads what is queued, as much at a time as there is, until nothing is.
    async fn read_queued(self: Arc<Self>) {
        while let Some(batch) = self.next_batch() {
            let read_at = Instant::now();
            let ids: Vec<RecordId> = batch.iter().map(|id| RecordId::from_random(*id)).collect();
            let read = tokio::time::timeout(PATIENCE, self.source.domains(&ids)).await;
            match read {
                Ok(Ok(views)) => self.deliver(&batch, read_at, views),
                Ok(Err(SourceFailed)) | Err(_) => self.fail(&batch),
            }
        }
    }

    fn next_batch(&self) -> Option<Vec<Id>> {
        let mut reads = self.reads();
        if reads.queue.is_empty() {
            reads.readers -= 1;
            return None;
        }
        let size = reads.queue.len().min(BATCH);
        Some(reads.queue.drain(..size).collect())
    }

    fn deliver(&self, batch: &[Id], read_at: Instant, views: Vec<ZoneDomainView>) {
        if self.failed.swap(0, Ordering::Relaxed) != 0 {
            tracing::info!("the zone's data can be read again");
        }
        let mut found: HashMap<Id, Arc<Domain>> = views
            .into_iter()
            .map(|view| {
                let demo = view.demo.map(|name| contents::demo(&self.provider, &name, &view.id));
                (view.id.to_bytes(), Arc::new(Domain::new(view.keys, demo)))
            })
            .collect();
        let mut reads = self.reads();
        for id in batch {
            let domain = found.remove(id);
            let Some(pending) = reads.pending.remove(id) else { continue };
            if !pending.outdated {
                self.cache.put(*id, Kept { read_at, domain: domain.clone() });
            }
            pending.waiters.into_iter().for_each(|waiter| drop(waiter.send(Ok(domain.clone()))));
        }
    }

    /// Those who wait in the queue would fare no better.
    fn fail(&self, batch: &[Id]) {
        if self.failed.swap(self.stamp(Instant::now()), Ordering::Relaxed) == 0 {
            tracing::error!("the zone's data cannot be read: answering what is remembered");
        }
        let mut reads = self.reads();
        let queued = std::mem::take(&mut reads.queue);
        for id in batch.iter().chain(&queued) {
            let pending = reads.pending.remove(id).unwrap_or_default();
            pending.waiters.into_iter().for_each(|waiter| drop(waiter.send(Err(SourceFailed))));
        }
    }

    fn reads(&self) -> MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamp(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.started).as_millis()).unwrap_or(u64::MAX - 1) + 1
    }

    fn since(&self, stamp: &AtomicU64) -> Option<Duration> {
        let at = stamp.load(Ordering::Acquire).checked_sub(1)?;
        Some(self.started.elapsed().saturating_sub(Duration::from_millis(at)))
    }
}

fn believed(id: &Id) -> Duration {
    BELIEVED - BELIEVED / 4 * u32::from(id[1]) / 255
}
