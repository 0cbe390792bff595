//! Webhooks, and what is on its way to them.

use super::{Conn, dialect, events::Added, query, rows::get};
use crate::store::{
    EventKind, Result,
    stored::{from_json, json},
};
use jiff::Timestamp;
use serde::Serialize;
use sqlx::Executor as _;
use std::collections::BTreeSet;

statements! {
    LISTENING = concat!(
        "SELECT id, account_id, events FROM webhook WHERE enabled AND account_id IN ", ids!("1")
    );
}

#[derive(Serialize)]
struct NewDelivery {
    webhook: i64,
    event: i64,
    account: i64,
    domain: Option<i64>,
}

/// Puts history rows on their way to the webhooks that want them.
pub(super) async fn hand_on(conn: &mut Conn, now: Timestamp, added: &[Added]) -> Result<()> {
    let published = |added: &&Added| EventKind::PUBLISHED.iter().any(|kind| kind.as_str() == added.kind);
    let accounts: BTreeSet<i64> = added.iter().filter(published).map(|added| added.account).collect();
    if accounts.is_empty() {
        return Ok(());
    }
    let mut deliveries = Vec::new();
    for row in conn.fetch_all(query(LISTENING).bind(json(&accounts))).await? {
        let (webhook, account): (i64, i64) = (get(&row, "id")?, get(&row, "account_id")?);
        let wanted: Vec<String> = from_json("a webhook's events", get(&row, "events")?)?;
        let its = added.iter().filter(|added| added.account == account && wanted.contains(&added.kind));
        deliveries.extend(its.map(|added| NewDelivery {
            webhook,
            event: added.id,
            account,
            domain: added.domain,
        }));
    }
    if !deliveries.is_empty() {
        // Numbered in the order of what happened.
        deliveries.sort_by_key(|delivery| (delivery.event, delivery.webhook));
        let add = query(dialect::ADD_DELIVERIES).bind(json(&deliveries)).bind(now.as_microsecond());
        conn.execute(add).await?;
    }
    Ok(())
}
