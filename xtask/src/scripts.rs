//! The Python scripts of `e2e/`, with all they need.

use crate::{
    step::{self, Count, step},
    tools,
};
use anyhow::{Context as _, bail, ensure};
use std::{path::PathBuf, process::Command};

/// A script with its arguments, and how it is called on the command line.
pub(crate) struct Script {
    /// What people call it.
    pub(crate) name: &'static str,
    /// The file in `e2e/`, then its arguments.
    pub(crate) words: &'static [&'static str],
}

/// Runs `scripts`, or the one that is called `only`, one after the other.
///
/// # Errors
/// When what they need cannot be had, one fails, or there is no such script.
pub(crate) fn run(scripts: &[Script], only: Option<&str>) -> anyhow::Result<Count> {
    let chosen: Vec<&Script> =
        scripts.iter().filter(|script| only.is_none_or(|name| name == script.name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = scripts.iter().map(|script| script.name).collect();
        bail!("there is no such script; there is {}", names.join(", "));
    }
    let python = tools::python()?;
    let node_modules = tools::node_modules()?;
    // As it ships: the build for tests turns features on that they need.
    step::run(&mut step::cargo(&["build", "--package", "signet", "--locked"]))?;
    let mut count = Count::default();
    for script in chosen {
        count += step(script.name, || {
            let [file, words @ ..] = script.words else { bail!("{} has no file", script.name) };
            let mut command = Command::new(&python);
            command.arg("-u").arg(step::root().join("e2e").join(file)).args(words);
            command.env("SIGNET_BINARY", signet()).env("SIGNET_NODE_MODULES", &node_modules);
            // Nothing is written beside the sources.
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            counted(&mut command)
        })?;
    }
    Ok(count)
}

/// The program under test, as just built.
fn signet() -> PathBuf {
    step::target().join("debug").join("signet")
}

fn counted(command: &mut Command) -> anyhow::Result<Count> {
    let mut last = None;
    step::read(command, |line| {
        // Told once, at the end, for all of them.
        match line.starts_with(|first: char| first.is_ascii_digit()).then(|| Count::parse(line)).flatten() {
            Some(count) => last = Some(count),
            None => println!("{line}"),
        }
    })?;
    let count = last.context("it did not say what passed")?;
    ensure!(count.passed > 0 && count.failed == 0, "{count:?}");
    Ok(count)
}
