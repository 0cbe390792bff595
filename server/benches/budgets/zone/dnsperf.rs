//! dnsperf, and what it found.

use anyhow::Context as _;
use std::{net::SocketAddr, path::Path, process::Command, time::Duration};

/// As many clients as several resolvers are, more questions under way than
/// either server needs to be busy and fewer than a socket's buffer holds, and a
/// thread for each of two cores, which one alone would not do for NSD.
const OPTIONS: [&str; 7] = ["-c8", "-T2", "-q256", "-t5", "-e", "-mudp", "-finet"];

/// What came of a run, or of several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    /// Questions that were answered.
    pub(super) answered: u64,
    /// Questions that were not.
    pub(super) lost: u64,
    /// How long it took.
    pub(super) time: Duration,
    /// CPU time of whoever was asked.
    pub(super) cpu: Duration,
}

impl std::ops::AddAssign for Run {
    fn add_assign(&mut self, more: Self) {
        self.answered += more.answered;
        self.lost += more.lost;
        self.time += more.time;
        self.cpu += more.cpu;
    }
}

impl Run {
    /// Answers per second.
    pub(super) fn rate(&self) -> f64 {
        self.answered as f64 / self.time.as_secs_f64()
    }

    /// CPU time of one answer, µs.
    pub(super) fn micros(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.answered as f64
    }

    /// Questions of a thousand that were not answered.
    pub(super) fn per_mille_lost(&self) -> f64 {
        self.lost as f64 * 1000.0 / (self.answered + self.lost) as f64
    }
}

/// Asks `server` the questions in this file, again and again for as long as
/// `time`. Every answer must have this response code.
///
/// # Errors
/// When there is no dnsperf, or an answer is another.
pub(super) fn run(server: SocketAddr, questions: &Path, rcode: &str, time: Duration) -> anyhow::Result<Run> {
    let mut command = Command::new("dnsperf");
    command.args(OPTIONS).arg("-s").arg(server.ip().to_string()).arg("-p").arg(server.port().to_string());
    command.arg("-d").arg(questions).arg("-l").arg(time.as_secs().max(1).to_string());
    let output = command.output().context("dnsperf (on Debian: apt-get install dnsperf)")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = || format!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
    let value = |key: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(key));
        line.map(str::trim).with_context(|| format!("dnsperf says nothing of {key}\n{}", told()))
    };
    let first = |key: &str| -> anyhow::Result<f64> {
        let number = value(key)?.split([' ', '(']).next().unwrap_or_default();
        number.parse().with_context(|| format!("{key} {number}"))
    };
    // `NOERROR 412 (100.00%)`, and nothing after it.
    let codes = value("Response codes:")?;
    anyhow::ensure!(codes.starts_with(rcode) && !codes.contains(','), "{rcode} wanted\n{}", told());
    Ok(Run {
        answered: first("Queries completed:")? as u64,
        lost: first("Queries lost:")? as u64,
        time: Duration::from_secs_f64(first("Run time (s):")?),
        cpu: Duration::ZERO,
    })
}
