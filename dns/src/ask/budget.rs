//! How hard any one server address is pressed.
//!
//! Many customers share few DNS hosts. A re-check of all of them must not look
//! like an attack to the host, and one host must not take all our sockets.

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

/// Addresses remembered. Beyond that idle ones are forgotten, and then any.
const ADDRESSES: usize = 65_536;

/// In-flight cap and token bucket per address. Whoever is beyond them waits.
pub(super) struct Budgets {
    in_flight: usize,
    /// Between two tokens; zero when unlimited.
    interval: Duration,
    burst: u32,
    by_address: Mutex<HashMap<IpAddr, Arc<Budget>>>,
}

struct Budget {
    slots: Arc<Semaphore>,
    /// Generic cell rate algorithm: when the bucket will be full again.
    full_at: Mutex<Instant>,
}

impl Budgets {
    pub(super) fn new(in_flight: usize, rate: u32, burst: u32) -> Self {
        let interval = if rate == 0 { Duration::ZERO } else { Duration::from_secs(1) / rate };
        Self {
            in_flight: in_flight.clamp(1, Semaphore::MAX_PERMITS),
            interval,
            burst: burst.max(1),
            by_address: Mutex::new(HashMap::new()),
        }
    }

    /// Waits for a slot and a token; the slot is free again when the permit is
    /// dropped.
    pub(super) async fn enter(&self, address: IpAddr) -> Option<OwnedSemaphorePermit> {
        let budget = self.of(address);
        let slot = Arc::clone(&budget.slots).acquire_owned().await.ok()?;
        if !self.interval.is_zero() {
            let go = self.take_token(&budget);
            if go > Instant::now() {
                tokio::time::sleep_until(go).await;
            }
        }
        Some(slot)
    }

    /// Takes the next token and says when it is there. Only those with a slot
    /// come here, so the queue is never longer than the in-flight cap.
    fn take_token(&self, budget: &Budget) -> Instant {
        let now = Instant::now();
        let mut full_at = budget.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        *full_at = (*full_at).max(now) + self.interval;
        let depth = self.interval * self.burst;
        full_at.checked_sub(depth).map_or(now, |go| go.max(now))
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
    async fn slots_come_back() {
        let budgets = Budgets::new(1, 0, 1);
        let held = budgets.enter(ADDRESS).await.unwrap();
        let second = tokio::time::timeout(Duration::from_secs(60), budgets.enter(ADDRESS)).await;
        assert!(second.is_err());
        drop(held);
        assert!(budgets.enter(ADDRESS).await.is_some());
    }
}
