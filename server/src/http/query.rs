//! Parameters after the `?`.

use super::AppState;
use axum::{extract::FromRequestParts, http::request::Parts};
use jiff::Timestamp;
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

    /// A text; of several the last counts.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let text = self.texts(name).pop()?;
        if text.chars().any(char::is_control) {
            self.object_to(name, "is invalid: it may not have line breaks or control characters");
            return None;
        }
        Some(text)
    }

    /// A time in RFC 3339; of several the last counts.
    pub(super) fn time(&mut self, name: &'static str) -> Option<Timestamp> {
        let text = self.texts(name).pop()?;
        let time = text.parse().ok();
        if time.is_none() {
            self.object_to(name, "is invalid: must be a time like 2026-04-28T08:19:31Z");
        }
        time
    }

    /// All values of a parameter that may be given several times.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let pairs = url::form_urlencoded::parse(self.text.as_bytes());
        pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }

    /// Notes what is wrong with a parameter.
    pub(super) fn object_to(&mut self, name: &'static str, message: impl Into<String>) {
        self.errors.insert(name, vec![message.into()]);
    }

    /// The query as it came, with `name` set to `value`: the link to another page.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let mut pairs = url::form_urlencoded::Serializer::new(String::new());
        for (key, other) in url::form_urlencoded::parse(self.text.as_bytes()) {
            if key != name {
                pairs.append_pair(&key, &other);
            }
        }
        pairs.append_pair(name, value).finish()
    }

    /// One of these words, given once: with several it would be anybody's guess
    /// which is meant, and a word may decide what is deleted.
    pub(super) fn word(&mut self, name: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let mut values = self.texts(name);
        let value = values.pop()?;
        if !values.is_empty() {
            self.object_to(name, "is given more than once");
            return None;
        }
        let word = words.iter().copied().find(|&word| word == value);
        if word.is_none() {
            self.errors.insert(name, vec![format!("is invalid: must be one of {}", words.join(", "))]);
        }
        word
    }

    /// What was wrong with what has been read.
    pub(super) fn errors(&self) -> Result<(), FieldErrors> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors.clone()) }
    }
}
