//! Webhooks. What goes to them is in [`super::deliveries`].

use super::{
    Conn, Row, deliveries, dialect,
    events::{self, Entry},
    lock, notices, query,
    rows::{get, get_time, get_time_opt},
    sealed,
};
use crate::store::{
    About, AccountId, Cause, EventKind, NewEvent, NewNotice, NewSecret, NewWebhook, Notice, Result, Webhook,
    WebhookId, WebhookPatch,
    stored::{clean, corrupt, from_json, json},
};
use jiff::Timestamp;
use sqlx::Executor as _;

/// What [`webhook`] reads.
macro_rules! webhook_columns {
    () => {
        "id, account_id, url, description, events, enabled, disabled_reason, failing_since, old_secret_until, \
         created_at, updated_at"
    };
}

statements! {
    COUNT = "SELECT COUNT(*) AS webhooks FROM webhook WHERE account_id = $1";
    ADD = concat!(
        "INSERT INTO webhook (account_id, url, description, events, enabled, secret, enabled_at, created_at, \
            updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $7) RETURNING ",
        webhook_columns!()
    );
    OF_ACCOUNT = concat!("SELECT ", webhook_columns!(), " FROM webhook WHERE account_id = $1 ORDER BY id");
    ONE = concat!("SELECT ", webhook_columns!(), " FROM webhook WHERE id = $1 AND account_id = $2");
    CHANGE = concat!(
        "UPDATE webhook SET url = $2, description = $3, events = $4, updated_at = $5 WHERE id = $1 RETURNING ",
        webhook_columns!()
    );
    SWITCH = "UPDATE webhook SET enabled = $2, disabled_reason = $3, enabled_at = $4, updated_at = $4, \
        failing_since = NULL, retry_at = NULL WHERE id = $1";
    ROTATE = concat!(
        "UPDATE webhook SET old_secret = secret, secret = $3, old_secret_until = $4, updated_at = $5 \
         WHERE id = $1 AND account_id = $2 RETURNING ",
        webhook_columns!()
    );
    DELETE = concat!(
        "DELETE FROM webhook WHERE id = $1 AND account_id = $2 RETURNING ", webhook_columns!()
    );
}

fn webhook(row: &Row) -> Result<Webhook> {
    let events: Vec<String> = from_json("a webhook's events", get(row, "events")?)?;
    let kind = |word: String| EventKind::parse(&word).ok_or_else(|| corrupt("a webhook's event", word));
    Ok(Webhook {
        id: WebhookId(get(row, "id")?),
        account: AccountId(get(row, "account_id")?),
        url: get(row, "url")?,
        description: get(row, "description")?,
        events: events.into_iter().map(kind).collect::<Result<_>>()?,
        active: get(row, "enabled")?,
        disabled_reason: get(row, "disabled_reason")?,
        failing_since: get_time_opt(row, "failing_since")?,
        old_secret_until: get_time_opt(row, "old_secret_until")?,
        created_at: get_time(row, "created_at")?,
        updated_at: get_time(row, "updated_at")?,
    })
}

fn words(events: &[EventKind]) -> String {
    json(&events.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
}

/// What the history says of a webhook.
async fn note(
    conn: &mut Conn,
    webhook: &Webhook,
    kind: EventKind,
    reason: Option<String>,
    cause: &Cause,
) -> Result<()> {
    let event = NewEvent { reason, to: Some(webhook.url.clone()), ..NewEvent::of(kind) };
    events::add_one(conn, cause, Entry::account(webhook.account, event)).await
}

/// See [`crate::store::WebhookStore::create_webhook`].
pub(super) async fn create(
    conn: &mut Conn,
    new: &NewWebhook,
    limit: u32,
    cause: &Cause,
) -> Result<Option<Webhook>> {
    // One after the other, so that the count is still right when the row is there.
    lock(conn, dialect::LOCK_ACCOUNT, new.account.0).await?;
    let counted = conn.fetch_one(query(COUNT).bind(new.account.0)).await?;
    if get::<i64>(&counted, "webhooks")? >= i64::from(limit) {
        return Ok(None);
    }
    sealed::must_seal(conn, &new.secret.under).await?;
    let row = conn
        .fetch_one(
            query(ADD)
                .bind(new.account.0)
                .bind(clean(&new.url))
                .bind(clean(&new.description))
                .bind(words(&new.events))
                .bind(new.active)
                .bind(new.secret.sealed.clone())
                .bind(cause.at.as_microsecond()),
        )
        .await?;
    let made = webhook(&row)?;
    note(conn, &made, EventKind::WebhookCreated, None, cause).await?;
    Ok(Some(made))
}

/// See [`crate::store::WebhookStore::webhooks`].
pub(super) async fn all(conn: &mut Conn, account: AccountId) -> Result<Vec<Webhook>> {
    conn.fetch_all(query(OF_ACCOUNT).bind(account.0)).await?.iter().map(webhook).collect()
}

/// See [`crate::store::WebhookStore::webhook`].
pub(super) async fn one(conn: &mut Conn, account: AccountId, id: WebhookId) -> Result<Option<Webhook>> {
    let row = conn.fetch_optional(query(ONE).bind(id.0).bind(account.0)).await?;
    row.as_ref().map(webhook).transpose()
}

/// See [`crate::store::WebhookStore::update_webhook`].
pub(super) async fn update(
    conn: &mut Conn,
    account: AccountId,
    id: WebhookId,
    patch: &WebhookPatch,
    cause: &Cause,
) -> Result<Option<Webhook>> {
    lock(conn, dialect::LOCK_WEBHOOK, id.0).await?;
    let Some(before) = one(conn, account, id).await? else {
        return Ok(None);
    };
    let after = Webhook {
        url: patch.url.clone().unwrap_or_else(|| before.url.clone()),
        description: patch.description.clone().unwrap_or_else(|| before.description.clone()),
        events: patch.events.clone().unwrap_or_else(|| before.events.clone()),
        active: patch.active.unwrap_or(before.active),
        ..before.clone()
    };
    if after == before {
        return Ok(Some(before));
    }
    let now = cause.at.as_microsecond();
    let change = query(CHANGE).bind(id.0).bind(clean(&after.url)).bind(clean(&after.description));
    conn.fetch_one(change.bind(words(&after.events)).bind(now)).await?;
    if after.active != before.active {
        switch(conn, id, after.active, None, cause.at).await?;
    }
    let reason = match (before.active, after.active) {
        (false, true) => Some("activated".to_string()),
        (true, false) => Some("deactivated".to_string()),
        _ => None,
    };
    note(conn, &after, EventKind::WebhookUpdated, reason, cause).await?;
    one(conn, account, id).await
}

async fn switch(
    conn: &mut Conn,
    id: WebhookId,
    active: bool,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<()> {
    let switch = query(SWITCH).bind(id.0).bind(active).bind(reason.map(clean)).bind(now.as_microsecond());
    conn.execute(switch).await?;
    if active { deliveries::hurry_all(conn, id, now).await } else { Ok(()) }
}

/// Disables a webhook that nobody asked to be disabled.
pub(super) async fn disable(conn: &mut Conn, of: &Webhook, reason: &str, cause: &Cause) -> Result<()> {
    switch(conn, of.id, false, Some(reason), cause.at).await?;
    note(conn, of, EventKind::WebhookDisabled, Some(reason.to_string()), cause).await?;
    let about = About::WebhookDisabled { url: of.url.clone(), why: reason.to_string() };
    let notice = Notice { domain: None, about, compliance: None };
    let cause_of_notice = format!("webhook {}", of.id);
    let notice = NewNotice { account: of.account, domain: None, cause: cause_of_notice, notice };
    notices::add(conn, &[notice], cause.at).await
}

/// See [`crate::store::WebhookStore::rotate_webhook_secret`].
pub(super) async fn rotate(
    conn: &mut Conn,
    account: AccountId,
    id: WebhookId,
    secret: &NewSecret,
    old_until: Timestamp,
    cause: &Cause,
) -> Result<Option<Webhook>> {
    sealed::must_seal(conn, &secret.under).await?;
    let rotate = query(ROTATE).bind(id.0).bind(account.0).bind(secret.sealed.clone());
    let rotate = rotate.bind(old_until.as_microsecond()).bind(cause.at.as_microsecond());
    let Some(row) = conn.fetch_optional(rotate).await? else {
        return Ok(None);
    };
    let after = webhook(&row)?;
    let reason = "its signing secret was replaced".to_string();
    note(conn, &after, EventKind::WebhookUpdated, Some(reason), cause).await?;
    Ok(Some(after))
}

/// See [`crate::store::WebhookStore::delete_webhook`].
pub(super) async fn delete(
    conn: &mut Conn,
    account: AccountId,
    id: WebhookId,
    cause: &Cause,
) -> Result<Option<Webhook>> {
    let Some(row) = conn.fetch_optional(query(DELETE).bind(id.0).bind(account.0)).await? else {
        return Ok(None);
    };
    let gone = webhook(&row)?;
    note(conn, &gone, EventKind::WebhookDeleted, None, cause).await?;
    Ok(Some(gone))
}
