//! Messages waiting to leave, and how many may.

use super::{
    Conn, dialect,
    events::{self, Entry},
    lock, query,
    rows::{get, get_time, get_u32},
};
use crate::store::{
    AccountId, CapReached, Cause, DomainId, EventKind, InstructionCaps, Message, NewEvent, OutboxId,
    OutboxItem, Result,
    stored::{clean, from_json, json},
};
use jiff::{SignedDuration, Timestamp};
use sqlx::Executor as _;

statements! {
    DOMAIN_PRESENT = "SELECT EXISTS (SELECT 1 FROM domain WHERE id = $1 AND account_id = $2) AS present";
    COUNT_FROM_ACCOUNT = "SELECT COUNT(*) AS sent FROM instruction WHERE account_id = $1 AND queued_at > $2";
    COUNT_TO_RECIPIENT = "SELECT COUNT(*) AS sent FROM instruction WHERE recipient = $1 AND queued_at > $2";
    ADD_INSTRUCTION = "INSERT INTO instruction (account_id, recipient, queued_at) VALUES ($1, $2, $3)";
    ADD_MESSAGE = "INSERT INTO outbox (account_id, domain_id, message, queued_at, due_at) \
        VALUES ($1, $2, $3, $4, $4)";
    SENT = "UPDATE outbox SET sent_at = $2, due_at = NULL, lease_until = 0, last_error = NULL \
        WHERE id = $1 AND sent_at IS NULL";
    FAILED = "UPDATE outbox SET last_error = $2, due_at = $3, lease_until = 0 \
        WHERE id = $1 AND sent_at IS NULL";
    SWEEP_MESSAGES = "DELETE FROM outbox WHERE due_at IS NULL AND queued_at < $1";
    SWEEP_INSTRUCTIONS = "DELETE FROM instruction WHERE queued_at <= $1";
}

/// The time the caps are for.
const CAP_WINDOW: SignedDuration = SignedDuration::from_hours(24);
/// How long messages sent or given up are kept for the operator to look at.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

fn before(now: Timestamp, span: SignedDuration) -> i64 {
    now.saturating_sub(span).unwrap_or(Timestamp::MIN).as_microsecond()
}

/// See [`crate::store::Store::queue_instructions`].
pub(super) async fn queue_instructions(
    conn: &mut Conn,
    (account, domain): (AccountId, DomainId),
    recipient: &str,
    message: &Message,
    caps: InstructionCaps,
    cause: &Cause,
) -> Result<Option<std::result::Result<(), CapReached>>> {
    let recipient = clean(&recipient.to_ascii_lowercase());
    // Account before recipient, always, so that two cannot wait for each other.
    lock(conn, dialect::LOCK_ACCOUNT, account.0).await?;
    lock(conn, dialect::LOCK_RECIPIENT, recipient.as_str()).await?;
    let present = conn.fetch_one(query(DOMAIN_PRESENT).bind(domain.0).bind(account.0)).await?;
    if !get::<bool>(&present, "present")? {
        return Ok(None);
    }
    let since = before(cause.at, CAP_WINDOW);
    let sent = conn.fetch_one(query(COUNT_FROM_ACCOUNT).bind(account.0).bind(since)).await?;
    if get::<i64>(&sent, "sent")? >= i64::from(caps.per_account) {
        return Ok(Some(Err(CapReached::Account)));
    }
    let sent = conn.fetch_one(query(COUNT_TO_RECIPIENT).bind(recipient.as_str()).bind(since)).await?;
    if get::<i64>(&sent, "sent")? >= i64::from(caps.per_recipient) {
        return Ok(Some(Err(CapReached::Recipient)));
    }
    let now = cause.at.as_microsecond();
    conn.execute(query(ADD_INSTRUCTION).bind(account.0).bind(recipient.as_str()).bind(now)).await?;
    add(conn, account, Some(domain), message, now).await?;
    let event = NewEvent { to: Some(recipient), ..NewEvent::of(EventKind::InstructionsSent) };
    events::add_one(conn, cause, Entry::domain(account, domain, event)).await?;
    Ok(Some(Ok(())))
}

/// Queues a message about a domain, or about the account.
pub(super) async fn add(
    conn: &mut Conn,
    account: AccountId,
    domain: Option<DomainId>,
    message: &Message,
    now: i64,
) -> Result<()> {
    conn.execute(
        query(ADD_MESSAGE).bind(account.0).bind(domain.map(|id| id.0)).bind(json(message)).bind(now),
    )
    .await?;
    Ok(())
}

/// See [`crate::store::Store::claim_outbox`].
pub(super) async fn claim(
    conn: &mut Conn,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<OutboxItem>> {
    let rows = conn
        .fetch_all(
            query(dialect::CLAIM_OUTBOX)
                .bind(now.as_microsecond())
                .bind(lease_until.as_microsecond())
                .bind(i64::from(limit)),
        )
        .await?;
    let items = rows.iter().map(|row| {
        Ok(OutboxItem {
            id: OutboxId(get(row, "id")?),
            message: from_json::<Message>("a message", get(row, "message")?)?,
            attempts: get_u32(row, "attempts_before")?,
            queued_at: get_time(row, "queued_at")?,
        })
    });
    let mut items = items.collect::<Result<Vec<_>>>()?;
    items.sort_by_key(|item| item.id);
    Ok(items)
}

/// See [`crate::store::Store::outbox_sent`].
pub(super) async fn sent(conn: &mut Conn, id: OutboxId, now: Timestamp) -> Result<()> {
    conn.execute(query(SENT).bind(id.0).bind(now.as_microsecond())).await?;
    Ok(())
}

/// See [`crate::store::Store::outbox_failed`].
pub(super) async fn failed(
    conn: &mut Conn,
    id: OutboxId,
    error: &str,
    retry_at: Option<Timestamp>,
) -> Result<()> {
    let retry_at = retry_at.map(Timestamp::as_microsecond);
    conn.execute(query(FAILED).bind(id.0).bind(clean(error)).bind(retry_at)).await?;
    Ok(())
}

/// See [`crate::store::Store::sweep`].
pub(super) async fn sweep(conn: &mut Conn, now: Timestamp) -> Result<()> {
    conn.execute(query(SWEEP_MESSAGES).bind(before(now, KEPT))).await?;
    conn.execute(query(SWEEP_INSTRUCTIONS).bind(before(now, CAP_WINDOW))).await?;
    Ok(())
}
