//! How many looks are under way, and that slow ones keep nobody waiting.
//!
//! A look whose servers answer takes milliseconds; one whose servers are
//! silent, or whose DNS operator we may ask no faster, takes many seconds. When
//! a large operator is down, its customers' looks would soon fill every place
//! there is. So a look that takes long moves to a lane of its own, and gives
//! its place to the next; when that lane is full too it is broken off, and its
//! domain waits.

use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Looks that have just begun, at the same time.
const FAST: usize = 512;
/// Looks that take long, at the same time.
const SLOW: usize = 2048;
/// What takes longer is slow: more than one try with a server that is silent.
const PATIENCE: Duration = Duration::from_secs(2);

/// The two lanes.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    fast: Arc<Semaphore>,
    slow: Arc<Semaphore>,
    patience: Duration,
}

/// A place in one of the lanes.
pub(super) type Place = OwnedSemaphorePermit;

impl Default for Lanes {
    fn default() -> Self {
        Self::of(FAST, SLOW, PATIENCE)
    }
}

impl Lanes {
    fn of(fast: usize, slow: usize, patience: Duration) -> Self {
        Self { fast: Arc::new(Semaphore::new(fast)), slow: Arc::new(Semaphore::new(slow)), patience }
    }

    /// How many looks may begin now.
    pub(super) fn free(&self) -> usize {
        self.fast.available_permits()
    }

    /// A place in the fast lane for a look that begins; there is one as long as [`Self::free`]
    /// says so and nobody else takes places.
    pub(super) fn enter(&self) -> Option<Place> {
        Arc::clone(&self.fast).try_acquire_owned().ok()
    }

    /// Waits until several looks may begin at once, or a moment longer than
    /// until one may: claiming them one by one would be a transaction each.
    pub(super) async fn some_free(&self, several: u32) {
        const MOMENT: Duration = Duration::from_millis(20);
        let several = several.min(u32::try_from(FAST).unwrap_or(u32::MAX));
        let _ = tokio::time::timeout(MOMENT, self.fast.acquire_many(several)).await;
        let _ = self.fast.acquire().await;
    }

    /// Runs a look that has a place; what comes of it and the place it then
    /// has, to be kept until that has been dealt with. `None` when it has been
    /// broken off for want of a place in the slow lane.
    pub(super) async fn run<T>(&self, place: Place, look: impl Future<Output = T>) -> Option<(T, Place)> {
        tokio::pin!(look);
        if let Ok(done) = tokio::time::timeout(self.patience, &mut look).await {
            return Some((done, place));
        }
        let slow = Arc::clone(&self.slow).try_acquire_owned().ok()?;
        drop(place);
        Some((look.await, slow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{task::JoinHandle, time::sleep};

    /// Begins a look as soon as there is place; whether it was done in the end, or
    /// broken off.
    async fn begin(lanes: &Lanes, look: impl Future<Output = ()> + Send + 'static) -> JoinHandle<bool> {
        while lanes.free() == 0 {
            lanes.some_free(1).await;
        }
        let (lanes, place) = (lanes.clone(), lanes.enter().unwrap());
        tokio::spawn(async move { lanes.run(place, look).await.is_some() })
    }

    #[tokio::test]
    async fn slow_ones_give_their_place_to_the_next_and_beyond_their_lane_are_broken_off() {
        let lanes = Lanes::of(2, 3, Duration::from_millis(200));
        let answers = Arc::new(Semaphore::new(0));
        let mut slow = Vec::new();
        for _ in 0..5 {
            let answers = Arc::clone(&answers);
            let look = async move { answers.acquire().await.unwrap().forget() };
            slow.push(begin(&lanes, look).await);
        }
        for _ in 0..2 {
            let quick = begin(&lanes, std::future::ready(())).await;
            assert!(quick.await.unwrap(), "done while the others wait for their answers");
        }
        while slow.iter().filter(|look| look.is_finished()).count() < 2 {
            sleep(Duration::from_millis(5)).await;
        }
        answers.add_permits(5);
        let mut done = Vec::new();
        for look in slow {
            done.push(look.await.unwrap());
        }
        assert_eq!(done.iter().filter(|done| !**done).count(), 2, "{done:?}");
        assert_eq!(done[..2], [true, true], "{done:?}");
        assert_eq!((lanes.free(), lanes.slow.available_permits()), (2, 3), "every place is free again");
    }
}
