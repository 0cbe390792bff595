//! Parameters after the `?`.

use super::AppState;
use axum::{extract::FromRequestParts, http::request::Parts};
use signet_core::company::FieldErrors;
use std::{convert::Infallible, ops::RangeInclusive};

/// The query, read parameter by parameter; what is wrong is gathered. Unknown
/// parameters are left alone.
#[derive(Debug)]
pub(super) struct Query {
    text: String,
    errors: FieldErrors,
}

impl FromRequestParts<AppState> for Query {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Infallible> {
        let text = parts.uri.query().unwrap_or_default().to_string();
        Ok(Self { text, errors: FieldErrors::new() })
    }
}

impl Query {
    /// A whole number within `range`; of several the last counts.
    pub(super) fn number(&mut self, name: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let (_, value) =
            url::form_urlencoded::parse(self.text.as_bytes()).filter(|(key, _)| key == name).last()?;
        let digits = !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit());
        let number = value.parse().ok().filter(|number| digits && range.contains(number));
        if number.is_none() {
            let message = match (*range.start(), *range.end()) {
                (low, i64::MAX) => format!("is invalid: must be a whole number of at least {low}"),
                (low, high) => format!("is invalid: must be a whole number from {low} to {high}"),
            };
            self.errors.insert(name, vec![message]);
        }
        number
    }

    /// One of these words; of several the last counts.
    pub(super) fn word(&mut self, name: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let (_, value) =
            url::form_urlencoded::parse(self.text.as_bytes()).filter(|(key, _)| key == name).last()?;
        let word = words.iter().copied().find(|&word| word == value);
        if word.is_none() {
            self.errors.insert(name, vec![format!("is invalid: must be one of {}", words.join(", "))]);
        }
        word
    }

    /// What was wrong with what has been read.
    pub(super) fn errors(self) -> Result<(), FieldErrors> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors) }
    }
}
