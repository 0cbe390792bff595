//! What no compiler checks about the files of the repository.

use crate::step;
use anyhow::bail;

/// Lines of a Rust file that holds one idea, with room for an exception.
const LONGEST: usize = 600;
/// Text files, by how their names end; others are left alone.
const TEXT: &[&str] = &[
    ".rs", ".toml", ".md", ".py", ".js", ".json", ".sql", ".html", ".txt", ".yml", ".yaml", ".css", ".ci/run",
];

/// Looks at every file that is, or would be, committed.
///
/// # Errors
/// All that is not tidy, by file and line.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut found = Vec::new();
    let mut files = 0;
    let mut list = std::process::Command::new("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(step::root());
    step::read(&mut list, |path| {
        // Deleted files are listed until that is committed.
        if let Ok(text) = std::fs::read_to_string(step::root().join(path))
            && TEXT.iter().any(|end| path.ends_with(end))
        {
            files += 1;
            found.extend(untidy(path, &text));
        }
    })?;
    println!("{files} files, {} findings", found.len());
    if files == 0 {
        bail!("git lists no files");
    }
    if found.is_empty() { Ok(()) } else { bail!("{}", found.join("\n")) }
}

fn untidy(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.ends_with([' ', '\t']) && !path.ends_with(".md") {
            found.push(format!("{path}:{number}: white space at the end of the line"));
        }
        // Built from parts, so that this file does not find itself.
        for folder in ["work", "root", "home"] {
            if line.contains(&format!(" /{folder}/")) || line.contains(&format!("\"/{folder}/")) {
                found.push(format!("{path}:{number}: a path of somebody's own machine"));
            }
        }
    }
    // The contract is kept byte for byte as it was given.
    if !text.is_empty() && !text.ends_with('\n') && !path.starts_with("contract/") {
        found.push(format!("{path}: no line break at the end"));
    }
    if path.ends_with(".rs") {
        found.extend(untidy_rust(path, text));
    }
    found
}

fn untidy_rust(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let tested = is_test(path);
    let lines = text.lines().count();
    if lines > LONGEST && !tested {
        found.push(format!("{path}: {lines} lines; past {LONGEST} there is a second idea in it"));
    }
    for (number, line) in (1..).zip(text.lines()) {
        let code = line.trim_start();
        let comment = code.starts_with("//");
        let mut banned = vec![(concat!("#[", "allow("), "use #[expect(…, reason = …)]")];
        banned.push((concat!("#![", "allow("), "use #[expect(…, reason = …)]"));
        banned.push((concat!("FIX", "ME"), "do it, or file an issue"));
        banned.push((concat!("XX", "X:"), "do it, or file an issue"));
        if !comment {
            banned.push((concat!("todo", "!("), "nothing unfinished is committed"));
            banned.push((concat!("unimplemented", "!("), "nothing unfinished is committed"));
        }
        for (word, instead) in banned {
            if line.contains(word) {
                found.push(format!("{path}:{number}: {word}: {instead}"));
            }
        }
    }
    found
}

fn is_test(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    parts.iter().any(|part| matches!(*part, "tests" | "testing" | "benches"))
        || parts.last().is_some_and(|file| *file == "tests.rs" || file.ends_with("_tests.rs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tidy_files_pass() {
        assert_eq!(untidy("core/src/a.rs", "//! A.\nfn a() {}\n"), Vec::<String>::new());
        assert_eq!(untidy("README.md", "A line break:  \nhere.\n"), Vec::<String>::new());
    }

    #[test]
    fn untidy_ones_are_named() {
        let one = |path: &str, text: &str| {
            let found = untidy(path, text);
            assert_eq!(found.len(), 1, "{path}: {found:?}");
            found[0].clone()
        };
        assert_eq!(one("a.toml", "a = 1 \n"), "a.toml:1: white space at the end of the line");
        assert_eq!(one("a.toml", "a = 1"), "a.toml: no line break at the end");
        assert!(one("a.md", &format!("see {}\n", concat!(" /ho", "me/me"))).contains("own machine"));
        assert!(one("a.rs", concat!("#[", "allow(x)]\n")).contains("expect"));
        assert!(one("a.rs", concat!("fn a() { todo", "!() }\n")).contains("unfinished"));
        assert!(one("a.rs", &"\n".repeat(LONGEST + 1)).contains("second idea"));
        assert_eq!(untidy("a/tests/a.rs", &"\n".repeat(LONGEST + 1)), Vec::<String>::new());
    }
}
