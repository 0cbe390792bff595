//! How many requests a token may make.

use crate::ops::Actor;
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock as _, DefaultClock},
    middleware::StateInformationMiddleware,
};
use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// The time in which a whole limit comes back.
const WINDOW: Duration = Duration::from_secs(10);
/// How often callers that have their whole limit again are forgotten, in requests.
const FORGET_EVERY: u32 = 4096;

/// A limit per caller: so many requests at once, coming back over ten seconds.
///
/// Callers are counted after authentication and by who they are, so that
/// made-up tokens take no room and a fresh JWT brings no fresh limit.
pub(super) struct RateLimiter {
    limit: NonZeroU32,
    callers: DefaultKeyedRateLimiter<String, StateInformationMiddleware>,
    clock: DefaultClock,
    requests: AtomicU32,
}

impl RateLimiter {
    /// `None` when zero, which is no limit.
    pub(super) fn new(limit: u32) -> Option<Self> {
        let limit = NonZeroU32::new(limit)?;
        let quota = Quota::with_period(WINDOW / limit.get())?.allow_burst(limit);
        Some(Self {
            limit,
            callers: DefaultKeyedRateLimiter::keyed(quota).with_middleware(),
            clock: DefaultClock::default(),
            requests: AtomicU32::new(0),
        })
    }

    /// The most requests at once.
    pub(super) fn limit(&self) -> u32 {
        self.limit.get()
    }

    /// Counts a request; how many more there may be at once.
    ///
    /// # Errors
    /// The whole seconds to wait, at least one.
    pub(super) fn check(&self, actor: &Actor) -> Result<u32, u64> {
        if self.requests.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.callers.retain_recent();
        }
        let outcome = self.callers.check_key(&format!("{}/{}", actor.account, actor.label));
        match outcome {
            Ok(state) => Ok(state.remaining_burst_capacity()),
            Err(not_until) => {
                let wait = not_until.wait_time_from(self.clock.now());
                Err(wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1))
            }
        }
    }
}
