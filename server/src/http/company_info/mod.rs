//! The operations on company information, one per file.

pub(super) mod create;
pub(super) mod get;
pub(super) mod update;

use super::body::{Fields, Given};
use signet_core::company::{CompanyPatch, Field, FieldErrors, InfoLevel};

/// The key that bodies are wrapped in, on both families.
const WRAPPERS: [&str; 1] = ["company_info"];

/// The fields a body names, and what is wrong with its shape. Values are
/// judged by core.
fn read(body: &[u8]) -> Result<(CompanyPatch, FieldErrors), FieldErrors> {
    let mut fields = Fields::wrapped(body, &WRAPPERS)?;
    let mut patch = CompanyPatch::default();
    for field in Field::ALL {
        match fields.text(field.as_str()) {
            Given::Nothing | Given::Wrong => {}
            Given::Null if field.required() => fields.object_to(field.as_str(), "can't be null"),
            Given::Null => fields.object_to(field.as_str(), "can't be null: send \"\" to clear it"),
            Given::Text(text) => {
                patch.fields.insert(field, text);
            }
        }
    }
    patch.info_level = info_level(&mut fields);
    Ok((patch, fields.errors()))
}

fn info_level(fields: &mut Fields) -> Option<InfoLevel> {
    let choices = "must be \"business\" or \"individual\"";
    match fields.text("info_level") {
        Given::Nothing | Given::Wrong => None,
        Given::Null => {
            fields.object_to("info_level", format!("can't be null: {choices}"));
            None
        }
        Given::Text(text) => {
            let level = InfoLevel::parse(&text);
            if level.is_none() {
                fields.object_to("info_level", format!("is invalid: {choices}"));
            }
            level
        }
    }
}

/// What is wrong with the shape, and with the values that could be read.
fn all_errors(patch: &CompanyPatch, shape: FieldErrors, named_only: bool) -> FieldErrors {
    let mut errors = signet_core::company::CompanyInfo::create(patch).err().unwrap_or_default();
    if named_only {
        errors.retain(|name, _| patch.fields.keys().any(|field| field.as_str() == *name));
    }
    errors.extend(shape);
    errors
}
