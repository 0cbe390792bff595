//! The budgets, measured, and docs/benchmarks.md with what came of it.

use crate::{step, tools};
use anyhow::Context as _;
use std::{fs, path::Path};

/// A section of the page, and the rows of the benchmark that it shows.
struct Section {
    name: &'static str,
    title: &'static str,
    rows: &'static str,
}

const SECTIONS: &[Section] = &[
    Section { name: "api", title: "the API and its store", rows: "get,create,recheck,rest" },
    Section { name: "gate", title: "the sending gate", rows: "gate" },
    Section { name: "verify", title: "looking at domains", rows: "verify" },
    Section { name: "zone", title: "our zone", rows: "zone" },
    Section { name: "keys", title: "making keys", rows: "keys" },
];

/// Measures everything, or the section that comes first in `arguments`. The
/// others go to the benchmark; a run that is cut down by one is shown and not
/// written down.
///
/// # Errors
/// When something cannot be measured. A budget that is not met is a finding and
/// no error.
pub(crate) fn run(arguments: &[String]) -> anyhow::Result<()> {
    let named = arguments.first().and_then(|name| SECTIONS.iter().find(|section| section.name == name));
    let arguments = &arguments[usize::from(named.is_some())..];
    for section in SECTIONS.iter().filter(|section| named.is_none_or(|named| named.name == section.name)) {
        measure(section, arguments)?;
    }
    Ok(())
}

fn measure(section: &Section, arguments: &[String]) -> anyhow::Result<()> {
    let report = step::target().join(format!("bench-{}.md", section.name));
    step::step(section.title, || {
        let mut cargo =
            step::cargo(&["bench", "--package", "signet", "--bench", "budgets", "--", "--report"]);
        cargo.arg(&report);
        if !arguments.iter().any(|argument| argument == "--only") {
            cargo.args(["--only", section.rows]);
        }
        match section.name {
            "verify" => {
                tools::ensure(tools::LOOKING)?;
                cargo.arg("--python").arg(tools::checkdmarc()?);
            }
            "zone" => tools::ensure(tools::ANSWERING)?,
            _ => {}
        }
        step::run(cargo.args(arguments))
    })?;
    if !arguments.is_empty() {
        println!("\nWith arguments nothing is written down.");
        return Ok(());
    }
    let page = step::root().join("docs").join("benchmarks.md");
    write_down(&page, section.name, &fs::read_to_string(&report)?)?;
    println!("\nWritten to {}.", page.display());
    Ok(())
}

fn write_down(page: &Path, section: &str, table: &str) -> anyhow::Result<()> {
    let before = fs::read_to_string(page).with_context(|| page.display().to_string())?;
    let after = replaced(&before, section, table)
        .with_context(|| format!("{} has no place for {section}", page.display()))?;
    Ok(fs::write(page, after)?)
}

/// The page with `table` between the section's two marks.
fn replaced(page: &str, section: &str, table: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {section}: begin -->"), format!("<!-- {section}: end -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", table.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page = "a\n<!-- x: begin -->\nold\n<!-- x: end -->\nb\n<!-- y: begin -->\n<!-- y: end -->\n";
        let once = replaced(page, "x", "new\n");
        let expected = page.replace("old", "new");
        assert_eq!(once.as_deref(), Some(expected.as_str()));
        assert_eq!(replaced(&expected, "x", "new").as_deref(), Some(expected.as_str()), "and again");
        assert_eq!(replaced(page, "z", "new"), None);
    }
}
