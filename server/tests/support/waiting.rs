//! Waiting for what is to come about: for very long, since machines differ, and
//! no longer than it takes.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

/// What has not come about by then never will.
pub(crate) const PATIENCE: Duration = Duration::from_secs(180);

/// Looks again and again until what is waited for is there; until then `look`
/// says what there is instead.
pub(crate) async fn until<T, E: Debug>(what: &str, mut look: impl AsyncFnMut() -> Result<T, E>) -> T {
    let began = Instant::now();
    loop {
        match look().await {
            Ok(there) => return there,
            Err(instead) => assert!(began.elapsed() < PATIENCE, "never {what}: {instead:?}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
