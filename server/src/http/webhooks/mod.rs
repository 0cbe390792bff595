//! The operations on webhooks, one per file. Shapes and paths are those of the
//! hosted service's webhooks, where it has them.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod deliveries;
pub(super) mod get;
pub(super) mod list;
pub(super) mod replay;
pub(super) mod rotate_secret;
pub(super) mod test;
pub(super) mod update;
mod view;

use super::{
    AppState,
    body::{Fields, Given},
    error::Failure,
    openapi::Operation,
    path::Family,
};
use crate::{
    ops::{Actor, webhooks::WebhookWish},
    store::WebhookId,
};
use axum::{
    Router,
    routing::{get, post},
};
use signet_core::company::FieldErrors;

/// The key that bodies about a webhook are wrapped in.
const WRAPPER: &str = "webhook";
/// The only type of webhook there is; the hosted service has others.
const TYPE: &str = "domains";
/// The only format of what is sent.
const FORMAT: &str = "json";
/// The most event types a body may name.
const MAX_EVENTS: usize = 100;

/// Every operation, in the order they are shown.
pub(super) fn operations() -> [Operation; 9] {
    [
        list::operation(),
        create::operation(),
        get::operation(),
        update::operation(),
        delete::operation(),
        test::operation(),
        deliveries::operation(),
        replay::operation(),
        rotate_secret::operation(),
    ]
}

/// The routes of one family.
pub(super) fn routes(family: Family) -> Router<AppState> {
    let base = family.webhooks();
    let webhook = format!("{base}/{{webhook_id}}");
    Router::new()
        .route(base, get(list::list).post(create::create))
        .route(&webhook, get(get::get).patch(update::update).delete(delete::delete))
        .route(&format!("{webhook}/test"), post(test::test))
        .route(&format!("{webhook}/deliveries"), get(deliveries::deliveries))
        .route(&format!("{webhook}/replay"), post(replay::replay))
        .route(&format!("{webhook}/rotate_secret"), post(rotate_secret::rotate_secret))
}

/// What a body says of a webhook, and what is wrong with its shape.
fn read(body: &[u8], new: bool) -> Result<(WebhookWish, FieldErrors), FieldErrors> {
    let mut fields = Fields::wrapped(body, &[WRAPPER])?;
    let url = match fields.text("url") {
        Given::Text(url) => Some(url),
        Given::Wrong => None,
        Given::Nothing if !new => None,
        Given::Nothing | Given::Null => {
            fields.object_to("url", "can't be blank");
            None
        }
    };
    let description = match fields.text("description") {
        Given::Text(description) => Some(description),
        Given::Nothing | Given::Wrong => None,
        Given::Null => {
            fields.object_to("description", "can't be null: send \"\" to clear it");
            None
        }
    };
    for (field, only) in [("webhook_type", TYPE), ("payload_format", FORMAT)] {
        match fields.text(field) {
            Given::Text(text) if text != only => {
                fields.object_to(field, format!("is invalid: must be {only:?}"))
            }
            Given::Null => fields.object_to(field, format!("can't be null: must be {only:?}")),
            _ => {}
        }
    }
    let wish = WebhookWish {
        url,
        description,
        events: fields.texts("event_types", MAX_EVENTS),
        active: fields.flag("active"),
    };
    Ok((wish, fields.errors()))
}

/// What a body says of a webhook, or everything that is wrong with it.
fn wish(app: &AppState, body: &[u8], new: bool) -> Result<WebhookWish, FieldErrors> {
    let (wish, shape) = read(body, new)?;
    let mut errors = wish.judge(app.ops().config.webhook_allow_private).err().unwrap_or_default();
    errors.extend(shape);
    if errors.is_empty() { Ok(wish) } else { Err(errors) }
}

/// The answer to a request to change a webhook that is wrong in itself: a caller
/// who may not change it, or cannot see it, is told that.
async fn refusal(app: &AppState, actor: &Actor, id: WebhookId, errors: FieldErrors) -> Failure {
    match app.ops().webhook_to_change(actor, id).await {
        Ok(_) => Failure::Invalid(errors),
        Err(refused) => refused.into(),
    }
}
