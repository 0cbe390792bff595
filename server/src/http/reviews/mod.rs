//! What operators do with reviews, one per file.

pub(super) mod card_check;
pub(super) mod get;
pub(super) mod list;
pub(super) mod rule;
mod view;

pub(super) use view::{AccountView, ReviewFileView, ReviewView};

use super::body::Fields;
use serde_json::{Value, json};
use signet_core::company::FieldErrors;

/// The key that bodies are wrapped in.
const WRAPPERS: [&str; 1] = ["review"];

/// What a ruling is made with.
pub(super) struct Because {
    pub(super) reason: String,
    pub(super) version: i64,
    /// Of a suspension: mail waits instead of being refused.
    pub(super) hold: bool,
}

/// Reads a ruling's body.
pub(super) fn because(body: &[u8], suspends: bool) -> Result<Because, FieldErrors> {
    let mut fields = Fields::wrapped(body, &WRAPPERS)?;
    let reason = fields.required_text("reason");
    let version = fields.required_number("version");
    let hold = if suspends { fields.flag("hold") } else { None };
    fields.none_wrong()?;
    let (Some(reason), Some(version)) = (reason, version) else {
        return Err(fields.errors());
    };
    Ok(Because { reason, version, hold: hold.unwrap_or(false) })
}

/// A ruling's body in the OpenAPI document, with an example.
pub(super) fn because_schema(suspends: bool) -> (Value, Value) {
    let mut properties = json!({
        "reason": {
            "type": "string", "minLength": 1, "maxLength": 1000,
            "description": "Why, on one line. It goes into the history and to the owner.",
            "examples": ["Their customers confirm they signed up"],
        },
        "version": {
            "type": "integer",
            "description": "The version that was read: if somebody has decided since, nothing is done.",
            "examples": [3],
        },
    });
    let mut example = json!({"reason": "Their customers confirm they signed up", "version": 3});
    if suspends {
        properties["hold"] = json!({
            "type": "boolean", "default": false,
            "description": "Let mail wait, while you look into something, instead of refusing it.",
            "examples": [true],
        });
        example["hold"] = true.into();
    }
    let wrapped = json!({
        "type": "object", "required": ["review"],
        "properties": {"review": {
            "type": "object", "description": "The ruling.",
            "required": ["reason", "version"], "properties": properties,
        }},
    });
    (wrapped, json!({"review": example}))
}
