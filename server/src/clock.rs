//! Time and randomness, passed in so that tests decide them.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use jiff::Timestamp;
use signet_core::names::RecordId;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Tells the time; whole microseconds, which is what databases keep.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicI64>>);

impl Clock {
    /// The machine's.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// One that stands at `start` until it is [advanced](Self::advance).
    #[must_use]
    pub fn manual(start: Timestamp) -> Self {
        Self(Some(Arc::new(AtomicI64::new(start.as_microsecond()))))
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let micros = match &self.0 {
            Some(manual) => manual.load(Ordering::SeqCst),
            None => {
                #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
                let now = Timestamp::now();
                now.as_microsecond()
            }
        };
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }

    /// Moves a manual clock on. The machine's cannot be moved.
    pub fn advance(&self, by: jiff::SignedDuration) {
        if let Some(manual) = &self.0 {
            manual.fetch_add(i64::try_from(by.as_micros()).unwrap_or(0), Ordering::SeqCst);
        }
    }
}

/// Random bytes from the operating system.
#[derive(Clone, Debug, Default)]
pub struct Randomness(SystemRandom);

impl Randomness {
    /// `N` random bytes.
    ///
    /// # Panics
    /// When the operating system has none to give, in which case no secret can
    /// be made and nothing should go on.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).expect("the operating system gives random bytes");
        bytes
    }

    /// A fresh record id.
    #[must_use]
    pub fn record_id(&self) -> RecordId {
        RecordId::from_random(self.bytes())
    }

    /// A UUID of version 7 (RFC 9562) for the time `now`.
    #[must_use]
    pub fn uuid(&self, now: Timestamp) -> uuid::Uuid {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &self.bytes()).into_uuid()
    }
}
