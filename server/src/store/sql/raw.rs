//! Domains whose owners publish the DKIM keys themselves.

use super::{
    Conn, dialect, domains,
    events::{self, Entry},
    lock, query,
    rows::get,
    zone,
};
use crate::store::{AccountId, Cause, Domain, DomainId, EventKind, KeyTexts, NewEvent, Result, stored};
use jiff::Timestamp;
use signet_core::{names::RecordId, plan::DkimMode, verify::dkim::PublicKey};
use sqlx::Executor as _;

statements! {
    SET_MODE = "UPDATE domain SET dkim_raw = $3, dkim_text1 = NULL, dkim_text2 = NULL \
        WHERE id = $1 AND account_id = $2 AND NOT demo AND dkim_raw <> $3 RETURNING record_id";
    SET_TEXTS = "UPDATE domain SET dkim_text1 = $2, dkim_text2 = $3 WHERE id = $1 AND dkim_raw \
        AND (dkim_text1 IS DISTINCT FROM CAST($2 AS TEXT) OR dkim_text2 IS DISTINCT FROM CAST($3 AS TEXT))";
    // As if asked for: one that is being looked at now is looked at once more
    // afterwards.
    LOOK_AGAIN = "UPDATE look SET due_at = $2, check_wanted = check_wanted + 1 \
        WHERE domain_id = $1 AND due_at IS NOT NULL";
    // The rules of its rotation are others.
    TURN_AGAIN = "UPDATE rotation SET due_at = $2, version = version + 1 WHERE domain_id = $1";
}

/// See [`crate::store::KeyStore::set_dkim_mode`].
pub(super) async fn set_mode(
    conn: &mut Conn,
    account: AccountId,
    domain: DomainId,
    mode: DkimMode,
    cause: &Cause,
) -> Result<Option<Domain>> {
    lock(conn, dialect::LOCK_DOMAIN, domain.0).await?;
    let set = query(SET_MODE).bind(domain.0).bind(account.0).bind(mode == DkimMode::Raw);
    if let Some(row) = conn.fetch_optional(set).await? {
        let record_id = stored::record_id(get(&row, "record_id")?)?;
        texts(conn, domain, &record_id, cause.at).await?;
        let now = cause.at.as_microsecond();
        conn.execute(query(LOOK_AGAIN).bind(domain.0).bind(now)).await?;
        conn.execute(query(TURN_AGAIN).bind(domain.0).bind(now)).await?;
        let before = DkimMode::ALL.into_iter().find(|other| *other != mode);
        let event = NewEvent {
            from: before.map(|mode| mode.as_str().to_string()),
            to: Some(mode.as_str().to_string()),
            ..NewEvent::of(EventKind::DkimModeChanged)
        };
        events::add_one(conn, cause, Entry::domain(account, domain, event)).await?;
    }
    domains::one(conn, account, domain).await
}

/// What the owner of a domain is to publish, made of its keys as they stand in
/// this transaction; to be called whenever they changed. Nothing happens where
/// we publish them.
pub(super) async fn texts(
    conn: &mut Conn,
    domain: DomainId,
    record_id: &RecordId,
    at: Timestamp,
) -> Result<()> {
    let published = zone::published(conn, record_id).await?.unwrap_or_default();
    // In place of a revoked key comes the next one, which is being made.
    let to_publish = |text: Option<String>| text.filter(|text| PublicKey::from_record(text).is_some());
    let [first, second]: KeyTexts = published.map(to_publish);
    let set = conn.execute(query(SET_TEXTS).bind(domain.0).bind(first).bind(second)).await?;
    if set.rows_affected() > 0 {
        conn.execute(query(LOOK_AGAIN).bind(domain.0).bind(at.as_microsecond())).await?;
    }
    Ok(())
}
