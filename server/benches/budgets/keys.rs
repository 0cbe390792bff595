//! DKIM keys made, where none were made ahead.

use crate::{
    Arguments,
    report::{Row, grouped},
};
use aws_lc_rs::rsa;
use futures_util::{StreamExt as _, stream};
use signet::keys::KeyMaker;
use signet_core::rotation::Algorithm;
use std::{
    thread,
    time::{Duration, Instant},
};

/// Measures it.
///
/// # Errors
/// When the cryptography library makes no keys.
pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let cores = thread::available_parallelism()?.get();
    let time = arguments.slice(2);
    let mut rows = Vec::new();
    for algorithm in [Algorithm::Rsa2048, Algorithm::Ed25519] {
        let ours = ours(algorithm, cores, time).await?;
        let bare = (algorithm == Algorithm::Rsa2048).then(|| bare(cores, time)).transpose()?;
        rows.push(
            Row {
                what: format!("{algorithm} keys made on demand, {cores} cores"),
                figure: format!("{} keys/s", grouped(ours)),
                beside: bare.map_or_else(
                    || "–".to_string(),
                    |bare| format!("{} keys/s, aws-lc-rs alone on {cores} threads", grouped(bare)),
                ),
                ratio: bare.map(|bare| ours / bare),
                budget: None,
            }
            .say(),
        );
    }
    Ok(rows)
}

async fn ours(algorithm: Algorithm, cores: usize, time: Duration) -> anyhow::Result<f64> {
    let (maker, begun) = (KeyMaker::default(), Instant::now());
    let made = stream::repeat(())
        .take_while(|()| std::future::ready(begun.elapsed() < time))
        .map(|()| maker.next_key(algorithm))
        .buffer_unordered(2 * cores)
        .filter(|made| std::future::ready(made.is_ok()))
        .count()
        .await;
    anyhow::ensure!(made > 0, "no {algorithm} keys are made");
    Ok(made as f64 / begun.elapsed().as_secs_f64())
}

fn bare(cores: usize, time: Duration) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let made: usize = thread::scope(|scope| {
        let one = || {
            let ended = |_: &()| begun.elapsed() < time;
            std::iter::repeat_n((), usize::MAX)
                .take_while(ended)
                .filter(|()| rsa::KeyPair::generate(rsa::KeySize::Rsa2048).is_ok())
                .count()
        };
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or(0)).sum()
    });
    Ok(made as f64 / begun.elapsed().as_secs_f64())
}
