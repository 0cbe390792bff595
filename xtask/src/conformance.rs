//! Whether the API is what it says it is, and what its clients take it for.

use crate::{
    scripts::{self, Script},
    step::Count,
    tools,
};

const SCRIPTS: &[Script] =
    &[Script { name: "clients", words: &["clients.py"] }, Script { name: "schemas", words: &["schemas.py"] }];

/// Runs both scripts, or one.
///
/// # Errors
/// When something does not conform.
pub(crate) fn run(only: Option<&str>) -> anyhow::Result<Count> {
    tools::ensure(tools::SCRIPTS)?;
    scripts::run(SCRIPTS, only)
}
