//! What our messages say. How they leave is the mailer's.

mod account;
pub mod health;
pub mod instructions;
mod letter;
pub mod notices;
pub mod operator;
mod status;
mod trouble;
pub mod webhook;

use askama::Template;
use jiff::Timestamp;
use signet_core::names::{DomainName, Name};

fn rendered(template: &impl Template) -> String {
    template.render().expect("rendering into memory from compiled templates cannot fail")
}

/// A time as people read it.
fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A domain's name as people read it.
fn shown(domain: &str) -> String {
    Name::parse(domain).map_or_else(|_| domain.to_string(), |name| DomainName::trusted(name).to_unicode())
}
