//! Running a program as a step: a heading, its output, how long it took.

use anyhow::{Context as _, bail};
use std::{
    ffi::OsString,
    io::{BufRead as _, BufReader, Write as _},
    ops::AddAssign,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// A cargo command in the workspace.
pub(crate) fn cargo(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    command.args(words).current_dir(root());
    command
}

/// Does `work` under a heading, and says how long it took.
///
/// # Errors
/// What `work` fails with.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    println!("\n== {name}");
    let began = Instant::now();
    let result = work().with_context(|| format!("{name} failed"))?;
    println!("== {name}: {:.1} s", began.elapsed().as_secs_f64());
    Ok(result)
}

/// Runs a command to its end, its output shown.
///
/// # Errors
/// When it does not start, or does not end well.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    // What it prints must stand below the heading, also in a pipe.
    std::io::stdout().flush()?;
    let status =
        command.stdin(Stdio::null()).status().with_context(|| format!("{} does not start", told(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", told(command));
    }
    Ok(())
}

/// The same, and `line` is given every line of its standard output.
///
/// # Errors
/// When it does not start, or does not end well.
pub(crate) fn read(command: &mut Command, mut line: impl FnMut(&str)) -> anyhow::Result<()> {
    std::io::stdout().flush()?;
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} does not start", told(command)))?;
    if let Some(output) = child.stdout.take() {
        for text in BufReader::new(output).split(b'\n') {
            line(&String::from_utf8_lossy(&text?));
        }
    }
    let status = child.wait()?;
    if !status.success() {
        bail!("{} ended with {status}", told(command));
    }
    Ok(())
}

fn told(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// How many tests there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl Count {
    /// Reads `3 passed, 0 failed` and, with semicolons and more behind,
    /// cargo's own form of it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut count = Self::default();
        let mut words = text.split([' ', ',', ';']).filter(|word| !word.is_empty());
        let mut said = false;
        while let (Some(number), Some(what)) = (words.next(), words.next()) {
            let Ok(number) = number.parse() else { break };
            match what {
                "passed" => count.passed = number,
                "failed" => count.failed = number,
                "skipped" | "ignored" => count.skipped = number,
                _ => continue,
            }
            said |= what == "passed";
        }
        said.then_some(count)
    }
}

/// The closing line, alone on it.
pub(crate) fn closing(count: &Count) {
    print!("\n{} passed, {} failed", count.passed, count.failed);
    if count.skipped > 0 {
        print!(", {} skipped", count.skipped);
    }
    println!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_read() {
        let counted = |passed, failed, skipped| Some(Count { passed, failed, skipped });
        assert_eq!(Count::parse("12 passed, 1 failed"), counted(12, 1, 0));
        assert_eq!(
            Count::parse("7 passed; 0 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.31s"),
            counted(7, 0, 2)
        );
        assert_eq!(Count::parse("nothing passed"), None);
        assert_eq!(Count::parse("3 failed"), None);
        assert_eq!(Count::parse(""), None);
    }
}
