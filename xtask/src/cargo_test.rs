//! The workspace's own tests, counted.

use crate::{
    step::{self, Count},
    tools,
};
use anyhow::ensure;
use std::{ffi::OsString, process::Command};

/// Where proptest begins to draw its cases, so that CI tries the same ones each
/// time and fails for what was changed alone. New ones are drawn by `cargo test`,
/// or from another seed.
const SEED: (&str, &str) = ("PROPTEST_RNG_SEED", "1");

/// Runs them all, documentation tests too.
///
/// # Errors
/// When one fails, or there is none.
pub(crate) fn run() -> anyhow::Result<Count> {
    let mut count = Count::default();
    let mut tests = tests(std::env::var_os(SEED.0));
    if let Some(suite) = tools::spf_suite()? {
        tests.env("SIGNET_SPF_SUITE", suite);
    }
    step::read(&mut tests, |line| {
        println!("{line}");
        count += counted(line).unwrap_or_default();
    })?;
    ensure!(count.passed > 0 && count.failed == 0, "{count:?}");
    Ok(count)
}

fn tests(seed: Option<OsString>) -> Command {
    let mut tests = step::cargo(&["test", "--workspace", "--locked"]);
    tests.env(SEED.0, seed.unwrap_or_else(|| SEED.1.into()));
    tests
}

/// What `test result: ok. 7 passed; 0 failed; …` says.
fn counted(line: &str) -> Option<Count> {
    let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    Count::parse(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_cases_each_time_unless_others_are_asked_for() {
        for (given, used) in [(None, "1"), (Some("7"), "7")] {
            let command = tests(given.map(OsString::from));
            let seed = command.get_envs().find(|(name, _)| *name == "PROPTEST_RNG_SEED");
            assert_eq!(seed.and_then(|(_, value)| value), Some(used.as_ref()));
        }
    }

    #[test]
    fn only_results_count() {
        let line =
            "test result: ok. 7 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.31s";
        assert_eq!(counted(line), Some(Count { passed: 7, failed: 0, skipped: 2 }));
        assert_eq!(counted("test it_works ... ok"), None);
        assert_eq!(counted("7 passed; 0 failed"), None);
    }
}
