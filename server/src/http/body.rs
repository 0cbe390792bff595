//! Request bodies: JSON, read field by field so that everything that is wrong
//! is told at once.

use super::{
    AppState,
    error::{Failure, Result},
};
use axum::{
    body::Bytes,
    extract::{
        FromRequest, Request,
        rejection::{BytesRejection, FailedToBufferBody},
    },
};
use serde_json::{Map, Value};
use signet_core::company::FieldErrors;
use std::{collections::BTreeMap, time::Duration};

/// The longest body taken.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body as it came.
#[derive(Clone, Debug)]
pub(super) struct RawBody(pub(super) Bytes);

impl FromRequest<AppState> for RawBody {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &AppState) -> Result<Self> {
        match tokio::time::timeout(PATIENCE, Bytes::from_request(request, app)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)))) => {
                Err(Failure::TooLarge)
            }
            Ok(Err(_)) => Err(Failure::invalid("base", "The body broke off")),
            Err(_) => Err(Failure::TooSlow),
        }
    }
}

/// The fields of a body, taken out one by one. Fields nobody takes are ignored.
#[derive(Debug)]
pub(super) struct Fields {
    object: Map<String, Value>,
    errors: FieldErrors,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    /// The field is not there.
    Nothing,
    /// It is `null`.
    Null,
    /// It is text without control characters.
    Text(String),
    /// It is something else, and this has been noted.
    Wrong,
}

impl Given {
    /// The text, if it is one.
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Nothing | Self::Null | Self::Wrong => None,
        }
    }
}

impl Fields {
    /// The top-level object of a body.
    pub(super) fn plain(body: &[u8]) -> std::result::Result<Self, FieldErrors> {
        let base = |message: &str| BTreeMap::from([("base", vec![message.to_string()])]);
        if body.iter().all(u8::is_ascii_whitespace) {
            return Err(base("The body is empty; send a JSON object"));
        }
        // Nesting is bounded by the parser, at 128 levels.
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Ok(Self { object, errors: FieldErrors::new() }),
            Ok(_) => Err(base("The body is not a JSON object")),
            Err(problem) => Err(base(&format!("The body is not valid JSON: {problem}"))),
        }
    }

    /// The top-level object of a body that may be left out.
    pub(super) fn optional(body: &[u8]) -> std::result::Result<Self, FieldErrors> {
        if body.iter().all(u8::is_ascii_whitespace) { Self::plain(b"{}") } else { Self::plain(body) }
    }

    /// The object under the first of `wrappers` that is there.
    pub(super) fn wrapped(body: &[u8], wrappers: &[&'static str]) -> std::result::Result<Self, FieldErrors> {
        let mut outer = Self::plain(body)?.object;
        let found = wrappers.iter().find_map(|&wrapper| Some((wrapper, outer.remove(wrapper)?)));
        match found {
            Some((_, Value::Object(object))) => Ok(Self { object, errors: FieldErrors::new() }),
            Some((wrapper, _)) => Err(BTreeMap::from([(wrapper, vec!["must be an object".to_string()])])),
            None => {
                let wrapper = wrappers.first().copied().unwrap_or("base");
                let message = format!("is missing: wrap the fields as {{\"{wrapper}\": {{…}}}}");
                Err(BTreeMap::from([(wrapper, vec![message])]))
            }
        }
    }

    /// Notes what is wrong with a field.
    pub(super) fn object_to(&mut self, field: &'static str, message: impl Into<String>) {
        self.errors.insert(field, vec![message.into()]);
    }

    /// A field of any kind, for the caller to judge.
    pub(super) fn value(&mut self, field: &'static str) -> Option<Value> {
        self.object.remove(field)
    }

    /// A text field.
    pub(super) fn text(&mut self, field: &'static str) -> Given {
        match self.object.remove(field) {
            None => Given::Nothing,
            Some(Value::Null) => Given::Null,
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                self.object_to(field, "is invalid: it may not have line breaks or control characters");
                Given::Wrong
            }
            Some(Value::String(text)) => Given::Text(text),
            Some(_) => {
                self.object_to(field, "is invalid: must be text");
                Given::Wrong
            }
        }
    }

    /// A text field that must be there.
    pub(super) fn required_text(&mut self, field: &'static str) -> Option<String> {
        match self.text(field) {
            Given::Text(text) => Some(text),
            Given::Wrong => None,
            Given::Nothing | Given::Null => {
                self.object_to(field, "can't be blank");
                None
            }
        }
    }

    /// A true-or-false field that may be left out.
    pub(super) fn flag(&mut self, field: &'static str) -> Option<bool> {
        match self.object.remove(field)? {
            Value::Bool(flag) => return Some(flag),
            Value::Null => self.object_to(field, "can't be null: must be true or false"),
            _ => self.object_to(field, "is invalid: must be true or false"),
        }
        None
    }

    /// A whole number that may be left out.
    pub(super) fn number(&mut self, field: &'static str) -> Option<i64> {
        let number = self.object.remove(field)?;
        if number.as_i64().is_none() {
            self.object_to(field, "is invalid: must be a whole number");
        }
        number.as_i64()
    }

    /// A whole number that must be there.
    pub(super) fn required_number(&mut self, field: &'static str) -> Option<i64> {
        if self.object.get(field).is_none_or(Value::is_null) {
            self.object_to(field, "can't be blank");
            return None;
        }
        self.number(field)
    }

    /// An object that must be there, as it is.
    pub(super) fn required_object(&mut self, field: &'static str) -> Option<Map<String, Value>> {
        match self.object.remove(field) {
            Some(Value::Object(object)) => Some(object),
            None | Some(Value::Null) => {
                self.object_to(field, "can't be blank");
                None
            }
            Some(_) => {
                self.object_to(field, "is invalid: must be an object");
                None
            }
        }
    }

    /// A list of texts that may be left out, `most` at most, each without
    /// control characters.
    pub(super) fn texts(&mut self, field: &'static str, most: usize) -> Option<Vec<String>> {
        match self.object.remove(field)? {
            Value::Array(list) if list.len() > most => {
                self.object_to(field, format!("is too long: at most {most}"));
                None
            }
            Value::Array(list) => {
                let text = |value: Value| match value {
                    Value::String(text) if !text.chars().any(char::is_control) => Some(text),
                    _ => None,
                };
                let texts: Option<Vec<String>> = list.into_iter().map(text).collect();
                if texts.is_none() {
                    self.object_to(field, "is invalid: must be a list of texts without control characters");
                }
                texts
            }
            _ => {
                self.object_to(field, "is invalid: must be a list");
                None
            }
        }
    }

    /// The same, or a single text.
    pub(super) fn text_or_texts(&mut self, field: &'static str, most: usize) -> Option<Vec<String>> {
        match self.object.get(field)? {
            Value::Array(_) => self.texts(field, most),
            Value::Null => {
                self.object_to(field, "can't be null: leave it out");
                None
            }
            _ => self.text(field).into_text().map(|text| vec![text]),
        }
    }

    /// A list of whole numbers that may be left out, `most` at most.
    pub(super) fn numbers(&mut self, field: &'static str, most: usize) -> Option<Vec<i64>> {
        let numbers = match self.object.remove(field)? {
            Value::Array(list) if list.len() > most => {
                self.object_to(field, format!("is too long: at most {most}"));
                return None;
            }
            Value::Array(list) => list.iter().map(Value::as_i64).collect(),
            _ => None,
        };
        if numbers.is_none() {
            self.object_to(field, "is invalid: must be a list of whole numbers");
        }
        numbers
    }

    /// Notes what is wrong with a field, unless something is already.
    pub(super) fn object_unless_noted(&mut self, field: &'static str, message: &str) {
        self.errors.entry(field).or_insert_with(|| vec![message.to_string()]);
    }

    /// What was wrong with what has been taken, if anything was.
    pub(super) fn none_wrong(&self) -> std::result::Result<(), FieldErrors> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.errors.clone()) }
    }

    /// What was wrong with what has been taken.
    pub(super) fn errors(self) -> FieldErrors {
        self.errors
    }
}
