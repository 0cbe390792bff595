//! What several tests of rules start from.

use super::{Found, Result, Sender};
use crate::{
    company::{CompanyInfo, Field, InfoLevel},
    names::Name,
};
use alloc::string::ToString;
use jiff::Timestamp;

/// A sender of whom nothing is known but the name.
pub(super) fn sender(domain: &Name) -> Sender<'_> {
    Sender { domain, company: None, account: None, now: Timestamp::from_second(1_800_000_000).unwrap() }
}

/// A company in order, with these fields changed.
pub(super) fn company(level: InfoLevel, changed: &[(Field, &str)]) -> CompanyInfo {
    let fields = [
        (Field::Name, "Bäckerei Sonnenschein GmbH"),
        (Field::Address, "Ring 1"),
        (Field::City, "Wien"),
        (Field::Country, "Austria"),
        (Field::ZipCode, "1010"),
        (Field::WebsiteUrl, "https://sonnenschein.example/"),
    ];
    let all = fields.iter().chain(changed).map(|&(field, value)| (field, value.to_string()));
    CompanyInfo::stored(all, level)
}

/// The first letter of what was found: fine, against, nothing.
pub(super) fn kind(result: &Result) -> char {
    match result.found {
        Found::Fine(_) => 'f',
        Found::Against(_) => 'a',
        Found::Nothing(_) => 'n',
    }
}

/// The evidence.
pub(super) fn evidence(result: &Result) -> &str {
    match &result.found {
        Found::Fine(text) | Found::Against(text) | Found::Nothing(text) => text,
    }
}
