//! Keys to the account's own zones, one operation per file.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
mod view;

use super::{AppState, body::Fields, openapi::Operation, path::Family};
use crate::{dns_access::providers::Values, ops::publish::AccessWish};
use axum::{Router, routing};
use serde_json::Value;
use signet_core::company::FieldErrors;

/// Where they are, and the key that bodies about one are wrapped in.
pub(super) const NAME: &str = "dns_access";

/// Every operation, in the order they are shown.
pub(super) fn operations() -> [Operation; 4] {
    [list::operation(), create::operation(), get::operation(), delete::operation()]
        .map(|operation| operation.tag("Zones"))
}

/// The routes of one family.
pub(super) fn routes(family: Family) -> Router<AppState> {
    let base = family.collection(NAME);
    Router::new()
        .route(&base, routing::get(list::list).post(create::create))
        .route(&format!("{base}/{{dns_access_id}}"), routing::get(get::get).delete(delete::delete))
}

/// What a body says of a key, or everything that is wrong with it.
fn wish(app: &AppState, body: &[u8]) -> Result<AccessWish, FieldErrors> {
    let mut fields = Fields::wrapped(body, &[NAME])?;
    let mut wish = AccessWish {
        zone: fields.required_text("zone").unwrap_or_default(),
        provider: fields.required_text("provider").unwrap_or_default(),
        credentials: Values::default(),
        try_out: fields.flag("test").unwrap_or(true),
    };
    if let Some(object) = fields.required_object("credentials") {
        let texts = object.into_iter().map(|(name, value)| match value {
            Value::String(text) => Some((name, text)),
            _ => None,
        });
        match texts.collect() {
            Some(values) => wish.credentials = values,
            None => fields.object_to("credentials", "is invalid: must be an object of texts"),
        }
    }
    let shape = fields.errors();
    let mut errors = wish.judge(app.ops().config.dns.allow_private).err().unwrap_or_default();
    errors.extend(shape);
    if errors.is_empty() { Ok(wish) } else { Err(errors) }
}
