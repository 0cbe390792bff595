//! The operations on accounts, one per file.

pub(super) mod list;
pub(super) mod rule;
