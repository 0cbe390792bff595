//! Stories with real servers on every side.

use crate::{
    scripts::{self, Script},
    step::Count,
    tools,
};

const STORIES: &[Script] = &[
    Script { name: "dns", words: &["dns_story.py"] },
    Script { name: "scenarios-nsd", words: &["scenarios.py", "nsd"] },
    Script { name: "scenarios-bind", words: &["scenarios.py", "bind"] },
    Script { name: "mail", words: &["mail_story.py"] },
    Script { name: "durability-sqlite", words: &["durability.py", "sqlite"] },
    Script { name: "durability-postgres", words: &["durability.py", "postgres"] },
];

/// Runs all stories, or one.
///
/// # Errors
/// When one does not go as told.
pub(crate) fn run(only: Option<&str>) -> anyhow::Result<Count> {
    tools::ensure(tools::SCRIPTS)?;
    tools::ensure(tools::STORIES)?;
    scripts::run(STORIES, only)
}
