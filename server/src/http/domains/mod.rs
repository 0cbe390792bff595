//! The operations on sending domains, one per file.

pub(super) mod check;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod dkim_mode;
pub(super) mod dns;
pub(super) mod domain_connect;
pub(super) mod events;
pub(super) mod get;
pub(super) mod import_key;
pub(super) mod list;
pub(super) mod report;
pub(super) mod send_setup_instructions;
pub(super) mod update;
pub(super) mod zone;
