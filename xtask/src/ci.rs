//! What CI runs: the quick things first, the tests last.

use crate::{
    cargo_test, conformance, e2e, licences,
    step::{self, step},
    tidy, tools,
};

/// Runs everything, or with `quick` what takes a build alone.
///
/// # Errors
/// The first thing that is not right.
pub(crate) fn run(quick: bool) -> anyhow::Result<()> {
    step("rustfmt", || step::run(&mut step::cargo(&["fmt", "--all", "--check"])))?;
    step("tidy", tidy::run)?;
    step("licences and bans", licences::run)?;
    step("clippy", || {
        let words = ["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
        step::run(&mut step::cargo(&words))
    })?;
    step("documentation", || {
        // Its readers are those who work on it: private items are documented, and linked to.
        let words = ["doc", "--workspace", "--no-deps", "--document-private-items", "--locked"];
        let mut doc = step::cargo(&words);
        step::run(doc.env("RUSTDOCFLAGS", "--deny warnings --allow rustdoc::private_intra_doc_links"))
    })?;
    let mut count = step("tests", || {
        tools::ensure(tools::TESTS)?;
        cargo_test::run()
    })?;
    if !quick {
        count += step("conformance", || conformance::run(None))?;
        count += step("end to end", || e2e::run(None))?;
    }
    step::closing(&count);
    Ok(())
}
