//! Hostile answers and questions, made up by libFuzzer; see fuzz/README.md.

use crate::step;
use anyhow::{Context as _, bail, ensure};
use std::{
    fs,
    process::{Command, Stdio},
};

/// Memory one run may take, in MiB, and seconds one input may.
const LIMITS: [&str; 2] = ["-rss_limit_mb=2048", "-timeout=10"];

/// Runs every target for so many seconds, or one of them. What is new goes to
/// the target folder; the corpus of the repository is only read.
///
/// # Errors
/// When a tool is missing (the message says how to get it), or something is found.
pub(crate) fn run(only: Option<&str>, seconds: u64) -> anyhow::Result<()> {
    ensure!(
        works(&["run", "nightly", "cargo", "--version"]),
        "nightly is missing: rustup toolchain install nightly"
    );
    ensure!(
        works(&["run", "nightly", "cargo", "fuzz", "--version"]),
        "cargo-fuzz is missing: cargo install cargo-fuzz"
    );
    let all = targets()?;
    let chosen: Vec<&String> = all.iter().filter(|name| only.is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        bail!("there is no such target; there are {}", all.join(", "));
    }
    for name in chosen {
        step::step(name, || fuzz(name, seconds))?;
    }
    Ok(())
}

fn fuzz(name: &str, seconds: u64) -> anyhow::Result<()> {
    let folder = step::root().join("fuzz");
    let found = step::target().join("fuzz-corpus").join(name);
    fs::create_dir_all(&found)?;
    // Nothing that is fuzzed has unsafe code of ours, and without a sanitizer
    // it runs several times as fast.
    let mut cargo = nightly(&["run", "nightly", "cargo", "fuzz", "run", "--sanitizer", "none", name]);
    cargo.arg(found).arg(folder.join("corpus").join(name)).arg("--").args(LIMITS);
    cargo.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={}", longest(name)));
    cargo.arg(format!("-dict={}", folder.join("dictionaries").join(dictionary(name)).display()));
    step::run(&mut cargo)
}

/// Octets of one input: of a set of replies, of a question, of a few records.
fn longest(name: &str) -> u32 {
    match name {
        "message" => 4096,
        "zone_query" => 600,
        _ => 2048,
    }
}

fn dictionary(name: &str) -> &'static str {
    if matches!(name, "message" | "zone_query") { "wire.dict" } else { "text.dict" }
}

/// The targets' names, those of their files.
fn targets() -> anyhow::Result<Vec<String>> {
    let folder = step::root().join("fuzz").join("fuzz_targets");
    let mut names = Vec::new();
    for file in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        names
            .extend(file?.file_name().to_str().and_then(|name| name.strip_suffix(".rs")).map(str::to_string));
    }
    names.sort();
    Ok(names)
}

fn works(words: &[&str]) -> bool {
    let status = nightly(words).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A command of rustup. The cargo that runs this names itself and its compiler
/// to what it starts, which would be taken for the nightly one.
fn nightly(words: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(words).current_dir(step::root());
    for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(variable);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_a_corpus_and_a_dictionary() {
        let targets = targets().unwrap();
        assert!(targets.len() >= 5, "{targets:?}");
        for name in targets {
            let fuzz = step::root().join("fuzz");
            let corpus = fuzz.join("corpus").join(&name);
            assert!(fs::read_dir(&corpus).is_ok_and(|files| files.count() > 0), "{}", corpus.display());
            assert!(fuzz.join("dictionaries").join(dictionary(&name)).is_file());
        }
    }
}
