//! DKIM keys made, as domains are given them.

use crate::{Arguments, report::Row};
use aws_lc_rs::{rsa, signature::Ed25519KeyPair};
use signet::{
    clock::Randomness,
    keys::KeyFile,
    store::{AccountId, DomainId, Keyless},
};
use signet_core::rotation::{Algorithm, Selector};
use std::{
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const TURNS: u32 = 4;

/// Measures it.
///
/// # Errors
/// When a key cannot be made, or there is no openssl.
pub(crate) fn measure(folder: &Path, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let random = Randomness::default();
    let file = KeyFile::open_or_make(&folder.join("keys.key"), &random).map_err(anyhow::Error::msg)?;
    let slice = arguments.slice(TURNS);
    let mut rows = Vec::new();
    for algorithm in Algorithm::ALL {
        let mut rates = [0.0; 3];
        for _ in 0..TURNS {
            rates[0] += rate(slice, || ours(&file, algorithm, &random))?;
            rates[1] += rate(slice, || drawn(algorithm))?;
            rates[2] += rate(slice, || openssl(algorithm))?;
        }
        rows.extend(told(algorithm, rates.map(|sum| sum / f64::from(TURNS))));
    }
    Ok(rows)
}

fn told(algorithm: Algorithm, [ours, drawn, openssl]: [f64; 3]) -> [Row; 2] {
    let name = match algorithm {
        Algorithm::Rsa2048 => "RSA with 2,048 bits",
        Algorithm::Rsa4096 => "RSA with 4,096 bits",
        Algorithm::Ed25519 => "Ed25519",
    };
    let row = |what: String, beside: f64, who: &str| Row {
        what,
        figure: format!("{}/s", rounded(ours)),
        beside: format!("{}/s: {who}", rounded(beside)),
        ratio: Some(ours / beside),
        budget: None,
    };
    [
        row(format!("keys made, {name}, all cores"), drawn, "the cryptography library alone").say(),
        row("the same".to_string(), openssl, "`openssl genpkey`, a process each").say(),
    ]
}

/// Few are worth a digit behind the point.
fn rounded(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { crate::report::grouped(rate) }
}

/// How many a second all cores make together. A thread's time runs until its
/// last one is made.
fn rate(time: Duration, make: impl Fn() -> anyhow::Result<()> + Sync) -> anyhow::Result<f64> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let one = || -> anyhow::Result<f64> {
        let began = Instant::now();
        let mut made = 0u32;
        while made == 0 || began.elapsed() < time {
            make()?;
            made += 1;
        }
        Ok(f64::from(made) / began.elapsed().as_secs_f64())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        let rates = threads.into_iter().map(|thread| match thread.join() {
            Ok(rate) => rate,
            Err(_) => anyhow::bail!("a thread that makes keys died"),
        });
        rates.sum()
    })
}

fn ours(file: &KeyFile, algorithm: Algorithm, random: &Randomness) -> anyhow::Result<()> {
    let domain = Keyless { account: AccountId(1), domain: DomainId(1), record_id: random.record_id() };
    let id = domain.record_id.to_string();
    std::hint::black_box(file.make(&domain, Selector::First, algorithm, id, random)?);
    Ok(())
}

fn drawn(algorithm: Algorithm) -> anyhow::Result<()> {
    match algorithm {
        Algorithm::Rsa2048 => {
            std::hint::black_box(rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?);
        }
        Algorithm::Rsa4096 => {
            std::hint::black_box(rsa::KeyPair::generate(rsa::KeySize::Rsa4096)?);
        }
        Algorithm::Ed25519 => {
            std::hint::black_box(Ed25519KeyPair::generate()?);
        }
    }
    Ok(())
}

fn openssl(algorithm: Algorithm) -> anyhow::Result<()> {
    let words: &[&str] = match algorithm {
        Algorithm::Rsa2048 => &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        Algorithm::Rsa4096 => &["RSA", "-pkeyopt", "rsa_keygen_bits:4096"],
        Algorithm::Ed25519 => &["ED25519"],
    };
    let mut command = Command::new("openssl");
    command.args(["genpkey", "-algorithm"]).args(words).stdout(Stdio::null()).stderr(Stdio::null());
    anyhow::ensure!(command.status()?.success(), "openssl makes no key");
    Ok(())
}
