//! How hard any one server address is pressed, and any one DNS operator.
//!
//! Many customers share few DNS hosts. A re-check of all of them must not look
//! like an attack to the host, and one host must not take all our sockets. A
//! host has many addresses; all of them together have a bucket too.

use signet_core::names::Name;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// Addresses remembered, and operators. Beyond that idle ones are forgotten,
/// and then any.
const ADDRESSES: usize = 65_536;

/// A token bucket (generic cell rate algorithm).
#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Between two tokens; zero when unlimited.
    interval: Duration,
    burst: u32,
}

impl Bucket {
    fn new(rate: u32, burst: u32) -> Self {
        let interval = if rate == 0 { Duration::ZERO } else { Duration::from_secs(1) / rate };
        Self { interval, burst: burst.max(1) }
    }

    fn is_unlimited(self) -> bool {
        self.interval.is_zero()
    }

    /// Takes a token if one is there.
    fn try_take(self, full_at: &mut Instant) -> bool {
        let now = Instant::now();
        let then = (*full_at).max(now) + self.interval;
        let there = then.checked_sub(self.interval * self.burst).is_none_or(|go| go <= now);
        if there {
            *full_at = then;
        }
        there
    }

    /// Takes the next token and says when it is there; `full_at` is when the
    /// bucket will be full again.
    fn take(self, full_at: &mut Instant) -> Instant {
        let now = Instant::now();
        *full_at = (*full_at).max(now) + self.interval;
        full_at.checked_sub(self.interval * self.burst).map_or(now, |go| go.max(now))
    }
}

/// A token bucket per DNS operator.
pub(super) struct Rates {
    bucket: Bucket,
    full_at: Mutex<HashMap<Name, Instant>>,
}

impl Rates {
    pub(super) fn new(rate: u32, burst: u32) -> Self {
        Self { bucket: Bucket::new(rate, burst), full_at: Mutex::new(HashMap::new()) }
    }

    /// Waits for a token. Only those with a slot at one of its addresses come
    /// here, which bounds the queue.
    pub(super) async fn wait(&self, operator: &Name) {
        if self.bucket.is_unlimited() {
            return;
        }
        let go = self.with(operator, |full_at| self.bucket.take(full_at));
        if go > Instant::now() {
            tokio::time::sleep_until(go).await;
        }
    }

    /// A token, if one is there.
    pub(super) fn try_take(&self, operator: &Name) -> bool {
        self.bucket.is_unlimited() || self.with(operator, |full_at| self.bucket.try_take(full_at))
    }

    fn with<T>(&self, operator: &Name, take: impl FnOnce(&mut Instant) -> T) -> T {
        let mut all = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = all.get_mut(operator) {
            return take(full_at);
        }
        if all.len() >= ADDRESSES {
            let now = Instant::now();
            all.retain(|_, full_at| *full_at > now);
            if all.len() >= ADDRESSES {
                all.clear();
            }
        }
        take(all.entry(operator.clone()).or_insert_with(Instant::now))
    }
}

/// In-flight cap and token bucket per address. Whoever is beyond them waits.
pub(super) struct Budgets {
    in_flight: usize,
    bucket: Bucket,
    by_address: Mutex<HashMap<IpAddr, Arc<Budget>>>,
}

struct Budget {
    slots: Arc<Semaphore>,
    full_at: Mutex<Instant>,
}

impl Budgets {
    pub(super) fn new(in_flight: usize, rate: u32, burst: u32) -> Self {
        Self {
            in_flight: in_flight.clamp(1, Semaphore::MAX_PERMITS),
            bucket: Bucket::new(rate, burst),
            by_address: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for a slot and a token; the slot is free again when the permit is
    /// dropped.
    pub(super) async fn enter(&self, address: IpAddr) -> Option<OwnedSemaphorePermit> {
        let budget = self.of(address);
        let slot = Arc::clone(&budget.slots).acquire_owned().await.ok()?;
        if !self.bucket.is_unlimited() {
            let go = self.take_token(&budget);
            if go > Instant::now() {
                tokio::time::sleep_until(go).await;
            }
        }
        Some(slot)
    }

    /// A slot and a token, if both are there.
    pub(super) fn try_enter(&self, address: IpAddr) -> Option<OwnedSemaphorePermit> {
        let budget = self.of(address);
        let slot = Arc::clone(&budget.slots).try_acquire_owned().ok()?;
        let taken = self.bucket.is_unlimited()
            || self.bucket.try_take(&mut budget.full_at.lock().unwrap_or_else(PoisonError::into_inner));
        taken.then_some(slot)
    }

    /// Only those with a slot come here, so the queue is never longer than the
    /// in-flight cap.
    fn take_token(&self, budget: &Budget) -> Instant {
        self.bucket.take(&mut budget.full_at.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn of(&self, address: IpAddr) -> Arc<Budget> {
        let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(budget) = by_address.get(&address) {
            return Arc::clone(budget);
        }
        if by_address.len() >= ADDRESSES {
            let now = Instant::now();
            by_address.retain(|_, budget| {
                Arc::strong_count(budget) > 1
                    || *budget.full_at.lock().unwrap_or_else(PoisonError::into_inner) > now
            });
            if by_address.len() >= ADDRESSES {
                by_address.clear();
            }
        }
        let budget = Arc::new(Budget {
            slots: Arc::new(Semaphore::new(self.in_flight)),
            full_at: Mutex::new(Instant::now()),
        });
        by_address.insert(address, Arc::clone(&budget));
        budget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let budgets = Budgets::new(1000, 10, 5);
        let start = Instant::now();
        for _ in 0..5 {
            drop(budgets.enter(ADDRESS).await.unwrap());
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        for _ in 0..10 {
            drop(budgets.enter(ADDRESS).await.unwrap());
        }
        assert_eq!(start.elapsed().as_millis(), 1000);
        let other = "192.0.2.1".parse().unwrap();
        drop(budgets.enter(other).await.unwrap());
        assert_eq!(start.elapsed().as_millis(), 1000, "another address has a budget of its own");
    }

    #[tokio::test(start_paused = true)]
    async fn an_operator_has_a_bucket_for_all_its_servers() {
        let operators = Rates::new(10, 5);
        let [busy, other] = ["dns-host.test", "other.test"].map(|name| Name::parse(name).unwrap());
        let start = Instant::now();
        for _ in 0..15 {
            operators.wait(&busy).await;
        }
        assert_eq!(start.elapsed().as_millis(), 1000);
        operators.wait(&other).await;
        assert_eq!(start.elapsed().as_millis(), 1000, "nobody else waits for it");
    }

    #[tokio::test(start_paused = true)]
    async fn slots_come_back() {
        let budgets = Budgets::new(1, 0, 1);
        let held = budgets.enter(ADDRESS).await.unwrap();
        let second = tokio::time::timeout(Duration::from_secs(60), budgets.enter(ADDRESS)).await;
        assert!(second.is_err());
        drop(held);
        assert!(budgets.enter(ADDRESS).await.is_some());
    }
}
