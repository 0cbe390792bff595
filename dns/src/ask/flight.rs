//! One piece of work for everybody who wants the same at the same time.

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, Shared, WeakShared},
};
use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

type Flying<V> = WeakShared<BoxFuture<'static, V>>;

/// Work under way, by key.
///
/// Whoever joins polls the same future; it is dropped, and with it everything
/// it waits for, when the last of them is.
pub(super) struct Flights<K, V: Clone> {
    flying: Mutex<Board<K, V>>,
}

struct Board<K, V: Clone> {
    next: u64,
    by_key: HashMap<K, (u64, Flying<V>)>,
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { flying: Mutex::new(Board { next: 0, by_key: HashMap::new() }) })
    }

    /// Joins the flight for `key`, or starts one; the flag says whether it was
    /// under way already.
    pub(super) fn join<F>(
        self: &Arc<Self>,
        key: K,
        start: impl FnOnce() -> F,
    ) -> (Shared<BoxFuture<'static, V>>, bool)
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut board = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = board.by_key.get(&key).and_then(|(_, weak)| weak.upgrade()) {
            return (flight, true);
        }
        let number = board.next;
        board.next += 1;
        let landing = Landing { flights: Arc::clone(self), key: key.clone(), number };
        let work = start();
        let flight = async move {
            let _landing = landing;
            work.await
        }
        .boxed()
        .shared();
        if let Some(weak) = flight.downgrade() {
            board.by_key.insert(key, (number, weak));
        }
        (flight, false)
    }
}

/// Takes a flight off the board when it ends or is abandoned.
struct Landing<K: Eq + Hash, V: Clone> {
    flights: Arc<Flights<K, V>>,
    key: K,
    number: u64,
}

impl<K: Eq + Hash, V: Clone> Drop for Landing<K, V> {
    fn drop(&mut self) {
        let mut board = self.flights.flying.lock().unwrap_or_else(PoisonError::into_inner);
        // A newer flight for the same key may have taken the place.
        if board.by_key.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            board.by_key.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn board_len(flights: &Flights<u8, usize>) -> usize {
        flights.flying.lock().unwrap().by_key.len()
    }

    #[tokio::test]
    async fn the_same_work_is_done_once_and_again_later() {
        let flights = Flights::new();
        let runs = Arc::new(AtomicUsize::new(0));
        let start = || {
            let runs = Arc::clone(&runs);
            async move {
                tokio::task::yield_now().await;
                runs.fetch_add(1, Ordering::SeqCst)
            }
        };
        let (first, joined) = flights.join(1, start);
        assert!(!joined);
        let (second, joined) = flights.join(1, start);
        assert!(joined);
        assert_eq!(tokio::join!(first, second), (0, 0));
        assert_eq!(board_len(&flights), 0);
        assert_eq!(flights.join(1, start).0.await, 1);
    }

    #[tokio::test]
    async fn abandoned_work_is_dropped_and_survivors_carry_on() {
        let flights: Arc<Flights<u8, usize>> = Flights::new();
        let (tell, told) = tokio::sync::oneshot::channel::<usize>();
        let (first, _) = flights.join(1, || async { told.await.unwrap() });
        let (second, _) = flights.join(1, || async { unreachable!() });
        let abandoned = tokio::spawn(first);
        tokio::task::yield_now().await;
        abandoned.abort();
        tell.send(5).unwrap();
        assert_eq!(second.await, 5);
        let (third, _) = flights.join(1, std::future::pending);
        assert_eq!(board_len(&flights), 1);
        drop(third);
        assert_eq!(board_len(&flights), 0);
    }
}
