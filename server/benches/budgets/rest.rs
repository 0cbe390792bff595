//! A server that has nothing to do.

use crate::{
    Arguments, machine,
    report::{Row, grouped},
    world::World,
};
use anyhow::Context as _;
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// MiB.
const BUDGET: f64 = 300.0;

/// Measures it.
///
/// # Errors
/// When the server does not start.
pub(crate) async fn measure(world: &World, arguments: &Arguments) -> anyhow::Result<Vec<Row>> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signet"));
    let (server, line) = Server::start(command.arg("serve").envs(world.settings()))?;
    anyhow::ensure!(line.contains("listens at"), "the server did not start: {line}");
    // Long enough for what a start brings, and for every timer to have rung.
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    let (now, peak) = (server.mebibytes("VmRSS:")?, server.mebibytes("VmHWM:")?);
    Ok(vec![
        Row {
            what: format!("server at rest, {} domains", grouped(f64::from(world.domains))),
            figure: format!("{now:.0} MiB resident, {peak:.0} MiB at most since the start"),
            beside: "–".to_string(),
            ratio: None,
            budget: Some(("< 300 MB", now < BUDGET)),
        }
        .say(),
    ])
}

/// A server in a process of its own, ended with the measurement, whatever
/// comes of it.
pub(crate) struct Server(Child);

impl Server {
    /// Starts it; the first line it says, which is when it listens.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<(Self, String)> {
        let mut server = Self(command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?);
        let mut line = String::new();
        let output = server.0.stdout.take().context("no standard output")?;
        BufReader::new(output).read_line(&mut line)?;
        Ok((server, line))
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    /// What the kernel says of its memory.
    ///
    /// # Errors
    /// When it says nothing of this.
    pub(crate) fn mebibytes(&self, key: &str) -> anyhow::Result<f64> {
        let status = format!("/proc/{}/status", self.0.id());
        let text = machine::value(&status, key).with_context(|| format!("{status} has no {key}"))?;
        Ok(text.trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
