//! The workspace's own tests, counted.

use crate::{
    step::{self, Count},
    tools,
};
use anyhow::ensure;

/// Runs them all, documentation tests too.
///
/// # Errors
/// When one fails, or there is none.
pub(crate) fn run() -> anyhow::Result<Count> {
    let mut count = Count::default();
    let mut tests = step::cargo(&["test", "--workspace", "--locked"]);
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

/// What `test result: ok. 7 passed; 0 failed; …` says.
fn counted(line: &str) -> Option<Count> {
    let (_, counts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
    Count::parse(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_results_count() {
        let line =
            "test result: ok. 7 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.31s";
        assert_eq!(counted(line), Some(Count { passed: 7, failed: 0, skipped: 2 }));
        assert_eq!(counted("test it_works ... ok"), None);
        assert_eq!(counted("7 passed; 0 failed"), None);
    }
}
