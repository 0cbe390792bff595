//! Stories with real servers on every side.

use crate::{
    scripts::{self, Script},
    step::Count,
    tools,
};

const STORIES: &[Script] = &[
    Script { name: "dns", words: &["dns_story.py"] },
    Script { name: "zone", words: &["zone_story.py"] },
    Script { name: "update", words: &["update_story.py"] },
    Script { name: "connect", words: &["connect_story.py"] },
    Script { name: "rotation", words: &["rotation_story.py"] },
    Script { name: "secondaries", words: &["secondaries_story.py"] },
    Script { name: "scenarios-nsd", words: &["scenarios.py", "nsd"] },
    Script { name: "scenarios-bind", words: &["scenarios.py", "bind"] },
    Script { name: "mail", words: &["mail_story.py"] },
    Script { name: "postfix", words: &["postfix_story.py"] },
    Script { name: "webhooks", words: &["webhook_story.py"] },
    Script { name: "lifecycle-sqlite", words: &["lifecycle_story.py", "sqlite"] },
    Script { name: "lifecycle-postgres", words: &["lifecycle_story.py", "postgres"] },
    Script { name: "messages", words: &["messages_story.py"] },
    Script { name: "keys-sqlite", words: &["keys_story.py", "sqlite"] },
    Script { name: "keys-postgres", words: &["keys_story.py", "postgres"] },
    Script { name: "durability-sqlite", words: &["durability.py", "sqlite"] },
    Script { name: "durability-postgres", words: &["durability.py", "postgres"] },
];

/// Told when asked for alone: the versions of other tools that it judges by
/// are no part of us.
const COMPARISON: &[Script] = &[
    Script { name: "compare", words: &["compare.py"] },
    Script { name: "compare-write", words: &["compare.py", "--write"] },
];

/// Runs all stories, or the one that is named.
///
/// # Errors
/// When one does not go as told.
pub(crate) fn run(only: Option<&str>) -> anyhow::Result<Count> {
    tools::ensure(tools::SCRIPTS)?;
    tools::ensure(tools::STORIES)?;
    let compares = COMPARISON.iter().any(|script| only == Some(script.name));
    scripts::run(if compares { COMPARISON } else { STORIES }, only)
}
