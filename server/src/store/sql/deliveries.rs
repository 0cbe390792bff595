//! What goes to webhooks.
//!
//! The deliveries to a webhook stand in lines, one per domain, in the order of
//! what happened. A row of `delivery_line` stands for each line in which
//! something waits; it says when the first in it is due and who has it, so that
//! the others need not be looked at. Whoever adds to a line writes that row, and
//! whoever closes the line has it locked, so that nothing is left in a line that
//! is closed.

use super::{
    Conn, Row, dialect,
    events::{self, Added},
    query,
    rows::{get, get_time, get_time_opt, get_u32},
    webhooks,
};
use crate::store::{
    AccountId, Cause, Delivery, DeliveryId, DeliveryState, DueDelivery, DueWebhook, Event, EventId,
    EventKind, NotQueued, Replay, Replayed, Result, Settled, Tried, TryOutcome, WEBHOOK_PATIENCE, Webhook,
    WebhookId,
    stored::{clean, corrupt, from_json, json},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sqlx::Executor as _;
use std::collections::{BTreeSet, HashMap};

/// Columns of `delivery` as `d` and of its line as `l`, as [`delivery`] reads them.
macro_rules! select_deliveries {
    ($rest:expr) => {
        concat!(
            "SELECT d.id, d.event_id, d.state, d.created_at, d.attempts, d.tried_at, d.last_status, d.last_error, \
                d.finished_at, CASE WHEN d.state = 'waiting' AND d.attempts > 0 THEN l.due_at END AS next_try_at \
             FROM delivery d LEFT JOIN delivery_line l ON l.webhook_id = d.webhook_id AND l.lane = d.lane ",
            $rest
        )
    };
}

statements! {
    LISTENING = concat!(
        "SELECT id, account_id, events FROM webhook WHERE enabled AND account_id IN ", ids!("1")
    );
    ADD_TEST = "INSERT INTO delivery (webhook_id, account_id, lane, created_at, queued_at) \
        VALUES ($1, $2, $3, $4, $4) RETURNING id";
    HURRY = concat!(
        "UPDATE delivery_line SET due_at = $2 WHERE webhook_id = $1 AND due_at > $2 AND lane IN ", ids!("3")
    );
    HURRY_ALL = "UPDATE delivery_line SET due_at = $2 WHERE webhook_id = $1 AND due_at > $2";

    // From one webhook that has lines to the next, past all their lines.
    DUE_WEBHOOKS = "WITH RECURSIVE waited_for (id) AS (\
            SELECT MIN(webhook_id) FROM delivery_line \
            UNION ALL \
            SELECT (SELECT MIN(webhook_id) FROM delivery_line WHERE webhook_id > waited_for.id) FROM waited_for \
            WHERE waited_for.id IS NOT NULL) \
        SELECT w.id, w.failing_since IS NOT NULL AS failing FROM waited_for JOIN webhook w ON w.id = waited_for.id \
        WHERE w.enabled AND (w.retry_at IS NULL OR w.retry_at <= $1) AND EXISTS \
            (SELECT 1 FROM delivery_line l WHERE l.webhook_id = waited_for.id AND l.claim_at <= $1) \
        ORDER BY CASE WHEN w.id > $2 THEN 0 ELSE 1 END, w.id LIMIT 1000";
    RECEIVER = "SELECT url, secret, old_secret, old_secret_until, enabled_at FROM webhook \
        WHERE id = $1 AND enabled";
    TRY_FIRSTS = concat!(
        "UPDATE delivery SET attempts = attempts + 1, tried_at = $3 WHERE id IN (\
            SELECT (SELECT d.id FROM delivery d \
                WHERE d.webhook_id = $1 AND d.lane = line.value AND d.state = 'waiting' \
                ORDER BY d.event_id, d.id LIMIT 1) \
            FROM ", ids!("2"), " AS line) \
         RETURNING id, account_id, lane, event_id, created_at, queued_at, attempts"
    );

    FAILED_TRY = "UPDATE delivery SET last_status = $3, last_error = $4 \
        WHERE id = $1 AND attempts = $2 AND state = 'waiting'";
    FINISH = "UPDATE delivery SET last_status = $3, last_error = $4, state = $5, finished_at = $6 \
        WHERE id = $1 AND attempts = $2 AND state = 'waiting'";
    ACCEPTS = "UPDATE webhook SET failing_since = NULL, retry_at = NULL \
        WHERE id = $1 AND failing_since IS NOT NULL";
    FAILS = "UPDATE webhook SET failing_since = $2, retry_at = $3 WHERE id = $1";
    TRY_NOW = "UPDATE webhook SET retry_at = NULL WHERE id = $1 AND retry_at IS NOT NULL";
    // Ordered, so that it is looked for where the line is.
    CLOSE_LINE = "DELETE FROM delivery_line WHERE webhook_id = $1 AND lane = $2 AND \
        (SELECT d.id FROM delivery d WHERE d.webhook_id = $1 AND d.lane = $2 AND d.state = 'waiting' \
            ORDER BY d.event_id, d.id LIMIT 1) IS NULL";
    FREE_LINE = "UPDATE delivery_line SET due_at = $3, lease_until = 0 WHERE webhook_id = $1 AND lane = $2";

    PAGE = select_deliveries!(
        "WHERE d.webhook_id = $1 AND d.account_id = $2 AND d.id < $3 ORDER BY d.id DESC LIMIT $4"
    );
    PAGE_OF_STATE = select_deliveries!(
        "WHERE d.webhook_id = $1 AND d.account_id = $2 AND d.id < $3 AND d.state = $5 ORDER BY d.id DESC LIMIT $4"
    );
    FIRST_SINCE = "SELECT MIN(id) AS id FROM event WHERE account_id = $1 AND at >= $2";
    EVENTS_FROM = concat!(
        "SELECT id, domain_id FROM event WHERE account_id = $1 AND id >= $2 AND kind IN ", words!("3"),
        " ORDER BY id LIMIT $4"
    );
    THESE = concat!(
        "SELECT event_id AS id, lane AS domain_id FROM delivery \
         WHERE webhook_id = $1 AND event_id IS NOT NULL AND id IN ", ids!("2"), " ORDER BY event_id"
    );

    COUNT_LINES = "SELECT COUNT(*) AS lines, MIN(l.due_at) AS oldest \
        FROM delivery_line l JOIN webhook w ON w.id = l.webhook_id WHERE w.enabled AND l.lane >= 0";
    SWEEP_FINISHED = "DELETE FROM delivery WHERE id IN \
        (SELECT id FROM delivery WHERE finished_at < $1 ORDER BY finished_at LIMIT $2)";
    SWEEP_FORSAKEN = "DELETE FROM delivery WHERE id IN \
        (SELECT id FROM delivery WHERE state = 'waiting' AND webhook_id IN \
            (SELECT id FROM webhook WHERE NOT enabled AND enabled_at < $1) LIMIT $2)";
}

/// The line of what is about the account.
const ACCOUNT_LANE: i64 = 0;
/// The line of tests.
const TEST_LANE: i64 = -1;
/// The last try of a delivery comes when its time is over, its first a moment
/// after it was queued: this much less than [`WEBHOOK_PATIENCE`] between them is
/// as good as all of it.
const SLACK: SignedDuration = SignedDuration::from_mins(5);
/// A webhook that accepts nothing is left alone for an eighth of the time it has
/// done so, but no longer than this; else thousands of lines would knock at a
/// receiver that is down, one after the other.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(5);
/// How long deliveries are kept that are done, and those that wait for a webhook
/// that is disabled.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How many are deleted at once.
const SWEPT: i64 = 5000;

#[derive(Serialize)]
struct NewDelivery {
    webhook: i64,
    event: i64,
    account: i64,
    lane: i64,
}

/// Puts history rows on their way to the webhooks that want them.
pub(super) async fn hand_on(conn: &mut Conn, now: Timestamp, added: &[Added]) -> Result<()> {
    let published = |added: &&Added| EventKind::PUBLISHED.iter().any(|kind| kind.as_str() == added.kind);
    let accounts: BTreeSet<i64> = added.iter().filter(published).map(|added| added.account).collect();
    if accounts.is_empty() {
        return Ok(());
    }
    let mut new = Vec::new();
    for row in conn.fetch_all(query(LISTENING).bind(json(&accounts))).await? {
        let (webhook, account): (i64, i64) = (get(&row, "id")?, get(&row, "account_id")?);
        let wanted: Vec<String> = from_json("a webhook's events", get(&row, "events")?)?;
        let its = added.iter().filter(|added| added.account == account && wanted.contains(&added.kind));
        new.extend(its.map(|added| NewDelivery {
            webhook,
            event: added.id,
            account,
            lane: added.domain.unwrap_or(ACCOUNT_LANE),
        }));
    }
    // Numbered in the order of what happened.
    new.sort_by_key(|delivery| (delivery.event, delivery.webhook));
    enqueue(conn, &new, now).await?;
    Ok(())
}

/// Queues deliveries and opens their lines; how many did not wait already.
async fn enqueue(conn: &mut Conn, new: &[NewDelivery], now: Timestamp) -> Result<u64> {
    if new.is_empty() {
        return Ok(0);
    }
    let add = query(dialect::QUEUE_DELIVERIES).bind(json(&new)).bind(now.as_microsecond());
    let queued = conn.execute(add).await?.rows_affected();
    let lines: BTreeSet<[i64; 2]> = new.iter().map(|new| [new.webhook, new.lane]).collect();
    open_lines(conn, &lines, now).await?;
    Ok(queued)
}

async fn open_lines(conn: &mut Conn, lines: &BTreeSet<[i64; 2]>, now: Timestamp) -> Result<()> {
    conn.execute(query(dialect::OPEN_LINES).bind(json(lines)).bind(now.as_microsecond())).await?;
    Ok(())
}

/// Makes all lines of a webhook due.
pub(super) async fn hurry_all(conn: &mut Conn, webhook: WebhookId, now: Timestamp) -> Result<()> {
    conn.execute(query(HURRY_ALL).bind(webhook.0).bind(now.as_microsecond())).await?;
    Ok(())
}

/// See [`crate::store::WebhookStore::test_webhook`].
pub(super) async fn test(
    conn: &mut Conn,
    account: AccountId,
    id: WebhookId,
    now: Timestamp,
) -> Result<Option<std::result::Result<DeliveryId, NotQueued>>> {
    let Some(webhook) = webhooks::one(conn, account, id).await? else {
        return Ok(None);
    };
    if !webhook.active {
        return Ok(Some(Err(NotQueued::Inactive)));
    }
    let add = query(ADD_TEST).bind(id.0).bind(account.0).bind(TEST_LANE).bind(now.as_microsecond());
    let delivery = DeliveryId(get(&conn.fetch_one(add).await?, "id")?);
    // Before everything else.
    open_lines(conn, &BTreeSet::from([[id.0, TEST_LANE]]), Timestamp::UNIX_EPOCH).await?;
    conn.execute(query(TRY_NOW).bind(id.0)).await?;
    Ok(Some(Ok(delivery)))
}

/// See [`crate::store::WebhookStore::due_webhooks`].
pub(super) async fn due_webhooks(
    conn: &mut Conn,
    now: Timestamp,
    after: WebhookId,
) -> Result<Vec<DueWebhook>> {
    let rows = conn.fetch_all(query(DUE_WEBHOOKS).bind(now.as_microsecond()).bind(after.0)).await?;
    rows.iter()
        .map(|row| Ok(DueWebhook { id: WebhookId(get(row, "id")?), failing: get(row, "failing")? }))
        .collect()
}

/// See [`crate::store::WebhookStore::claim_deliveries`].
pub(super) async fn claim(
    conn: &mut Conn,
    webhook: WebhookId,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<DueDelivery>> {
    let Some(receiver) = conn.fetch_optional(query(RECEIVER).bind(webhook.0)).await? else {
        return Ok(Vec::new());
    };
    let claim = query(dialect::CLAIM_LINES).bind(webhook.0).bind(now.as_microsecond());
    let claim = claim.bind(lease_until.as_microsecond()).bind(i64::from(limit));
    let lanes = conn.fetch_all(claim).await?;
    let mut lanes = lanes.iter().map(|row| get(row, "lane")).collect::<Result<BTreeSet<i64>>>()?;
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    let firsts = query(TRY_FIRSTS).bind(webhook.0).bind(json(&lanes)).bind(now.as_microsecond());
    let firsts = conn.fetch_all(firsts).await?;
    let mut events = events_of(conn, &firsts).await?;
    let mut claimed = Vec::with_capacity(firsts.len());
    for row in &firsts {
        let due = due(row, &receiver, webhook, now, &mut events)?;
        lanes.remove(&due.lane);
        claimed.push(due);
    }
    for lane in lanes {
        // What waited there has been swept away.
        conn.execute(query(CLOSE_LINE).bind(webhook.0).bind(lane)).await?;
    }
    Ok(claimed)
}

fn due(
    row: &Row,
    receiver: &Row,
    webhook: WebhookId,
    now: Timestamp,
    events: &mut HashMap<i64, Event>,
) -> Result<DueDelivery> {
    let event_id: Option<i64> = get(row, "event_id")?;
    let old_in_use = get_time_opt(receiver, "old_secret_until")?.is_some_and(|until| until > now);
    let old: Option<Vec<u8>> = get(receiver, "old_secret")?;
    Ok(DueDelivery {
        id: DeliveryId(get(row, "id")?),
        webhook,
        account: AccountId(get(row, "account_id")?),
        lane: get(row, "lane")?,
        event: event_id.map(|id| event(id, events)).transpose()?,
        created_at: get_time(row, "created_at")?,
        since: get_time(row, "queued_at")?.max(get_time(receiver, "enabled_at")?),
        attempts: get_u32(row, "attempts")?,
        url: get(receiver, "url")?,
        secret: get(receiver, "secret")?,
        old_secret: old.filter(|_| old_in_use),
    })
}

/// The history rows that deliveries are about.
async fn events_of(conn: &mut Conn, deliveries: &[Row]) -> Result<HashMap<i64, Event>> {
    let ids = deliveries.iter().map(|row| get::<Option<i64>>(row, "event_id"));
    let ids: Vec<i64> = ids.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let events = events::these(conn, &ids).await?;
    Ok(events.into_iter().map(|event| (event.id.0, event)).collect())
}

fn event(id: i64, events: &mut HashMap<i64, Event>) -> Result<Event> {
    // The history is never deleted.
    events.remove(&id).ok_or_else(|| corrupt("a delivery's event", id))
}

/// See [`crate::store::WebhookStore::settle_delivery`].
pub(super) async fn settle(
    conn: &mut Conn,
    due: &DueDelivery,
    tried: &Tried,
    cause: &Cause,
) -> Result<Settled> {
    if let Some(statement) = dialect::LOCK_LINE {
        conn.fetch_all(query(statement).bind(due.webhook.0).bind(due.lane)).await?;
    }
    let Some(webhook) = webhooks::one(conn, due.account, due.webhook).await? else {
        return Ok(Settled::Outdated);
    };
    let now = cause.at.as_microsecond();
    let disable = disable(due, tried, &webhook, cause.at);
    let finished = match tried.outcome {
        TryOutcome::Accepted => Some(DeliveryState::Delivered),
        TryOutcome::GivenUp if disable.is_none() => Some(DeliveryState::Failed),
        // Nobody waits for a test.
        _ if due.event.is_none() => Some(DeliveryState::Failed),
        _ => None,
    };
    let statement = if finished.is_some() { FINISH } else { FAILED_TRY };
    let write = query(statement).bind(due.id.0).bind(i64::from(due.attempts));
    let mut write = write.bind(tried.status.map(i64::from)).bind(tried.error.as_deref().map(clean));
    if let Some(state) = finished {
        write = write.bind(state.as_str()).bind(now);
    }
    if conn.execute(write).await?.rows_affected() == 0 {
        return Ok(Settled::Outdated);
    }
    if tried.outcome == TryOutcome::Accepted {
        conn.execute(query(ACCEPTS).bind(due.webhook.0)).await?;
    } else if due.event.is_some() {
        let since = webhook.failing_since.unwrap_or(cause.at);
        let pause = (cause.at.duration_since(since) / 8).min(LONGEST_PAUSE);
        let until = cause.at.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let fails = query(FAILS).bind(due.webhook.0).bind(since.as_microsecond());
        conn.execute(fails.bind(until.as_microsecond())).await?;
    }
    let due_at = match tried.outcome {
        TryOutcome::Again(at) if finished.is_none() => at.as_microsecond(),
        _ => now,
    };
    free(conn, due, finished.is_some(), due_at).await?;
    match disable {
        Some(reason) => {
            webhooks::disable(conn, &webhook, &reason, cause).await?;
            Ok(Settled::Disabled)
        }
        None => Ok(Settled::Done),
    }
}

/// Gives a line back, due at `due_at`, or closes it where nothing waits in it.
async fn free(conn: &mut Conn, due: &DueDelivery, moved_on: bool, due_at: i64) -> Result<()> {
    if moved_on {
        let close = query(CLOSE_LINE).bind(due.webhook.0).bind(due.lane);
        if conn.execute(close).await?.rows_affected() > 0 {
            return Ok(());
        }
    }
    conn.execute(query(FREE_LINE).bind(due.webhook.0).bind(due.lane).bind(due_at)).await?;
    Ok(())
}

/// Why the webhook is disabled with this try, if it is.
fn disable(due: &DueDelivery, tried: &Tried, webhook: &Webhook, now: Timestamp) -> Option<String> {
    if !webhook.active || tried.outcome == TryOutcome::Accepted {
        return None;
    }
    if tried.outcome == TryOutcome::Gone {
        return Some("It answered 410 Gone, which says that nothing more is wanted there.".to_string());
    }
    let failing_since = webhook.failing_since.filter(|_| due.event.is_some())?;
    let failed_for = now.duration_since(failing_since);
    (failed_for >= WEBHOOK_PATIENCE - SLACK).then(|| {
        let last = tried.error.as_deref().unwrap_or("unknown");
        format!("It accepted nothing for three days. What was wrong the last time: {last}")
    })
}

/// See [`crate::store::WebhookStore::deliveries`].
pub(super) async fn page(
    conn: &mut Conn,
    account: AccountId,
    id: WebhookId,
    state: Option<DeliveryState>,
    before: Option<DeliveryId>,
    limit: u32,
) -> Result<Vec<Delivery>> {
    let statement = if state.is_some() { PAGE_OF_STATE } else { PAGE };
    let mut page = query(statement).bind(id.0).bind(account.0);
    page = page.bind(before.map_or(i64::MAX, |id| id.0)).bind(i64::from(limit));
    if let Some(state) = state {
        page = page.bind(state.as_str());
    }
    let rows = conn.fetch_all(page).await?;
    let mut events = events_of(conn, &rows).await?;
    rows.iter().map(|row| delivery(row, &mut events)).collect()
}

fn delivery(row: &Row, events: &mut HashMap<i64, Event>) -> Result<Delivery> {
    let state: &str = get(row, "state")?;
    let status = get::<Option<i64>>(row, "last_status")?;
    Ok(Delivery {
        id: DeliveryId(get(row, "id")?),
        event: get::<Option<i64>>(row, "event_id")?.map(|id| event(id, events)).transpose()?,
        state: DeliveryState::parse(state).ok_or_else(|| corrupt("a delivery's state", state))?,
        created_at: get_time(row, "created_at")?,
        attempts: get_u32(row, "attempts")?,
        tried_at: get_time_opt(row, "tried_at")?,
        next_try_at: get_time_opt(row, "next_try_at")?,
        last_status: status
            .map(|status| u16::try_from(status).map_err(|_| corrupt("an HTTP status", status)))
            .transpose()?,
        last_error: get(row, "last_error")?,
        finished_at: get_time_opt(row, "finished_at")?,
    })
}

/// See [`crate::store::WebhookStore::first_event_since`].
pub(super) async fn first_since(
    conn: &mut Conn,
    account: AccountId,
    since: Timestamp,
) -> Result<Option<EventId>> {
    let first = conn.fetch_one(query(FIRST_SINCE).bind(account.0).bind(since.as_microsecond())).await?;
    Ok(get::<Option<i64>>(&first, "id")?.map(EventId))
}

/// See [`crate::store::WebhookStore::replay`].
pub(super) async fn replay(
    conn: &mut Conn,
    account: AccountId,
    id: WebhookId,
    what: &Replay,
    limit: u32,
    now: Timestamp,
) -> Result<Option<std::result::Result<Replayed, NotQueued>>> {
    let Some(webhook) = webhooks::one(conn, account, id).await? else {
        return Ok(None);
    };
    let (limit, most) = (usize::try_from(limit).unwrap_or(usize::MAX), i64::from(limit) + 1);
    let select = match what {
        Replay::From(first) => {
            let wanted: Vec<&str> = webhook.events.iter().map(|kind| kind.as_str()).collect();
            query(EVENTS_FROM).bind(account.0).bind(first.0).bind(json(&wanted)).bind(most)
        }
        Replay::Deliveries(ids) => {
            let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
            query(THESE).bind(id.0).bind(json(&ids))
        }
    };
    let rows = conn.fetch_all(select).await?;
    if let Replay::Deliveries(ids) = what
        && rows.len() < ids.iter().collect::<BTreeSet<_>>().len()
    {
        return Ok(Some(Err(NotQueued::UnknownDeliveries)));
    }
    let new = rows.iter().take(limit).map(|row| {
        let lane = get::<Option<i64>>(row, "domain_id")?.unwrap_or(ACCOUNT_LANE);
        Ok(NewDelivery { webhook: id.0, event: get(row, "id")?, account: account.0, lane })
    });
    let new = new.collect::<Result<Vec<_>>>()?;
    let queued = enqueue(conn, &new, now).await?;
    let lanes: BTreeSet<i64> = new.iter().map(|new| new.lane).collect();
    conn.execute(query(HURRY).bind(id.0).bind(now.as_microsecond()).bind(json(&lanes))).await?;
    conn.execute(query(TRY_NOW).bind(id.0)).await?;
    let next = rows.get(limit).map(|row| get(row, "id")).transpose()?.map(EventId);
    Ok(Some(Ok(Replayed { queued, next })))
}

/// Lines in which something waits for a webhook that is active, and when the
/// first of them was due.
pub(super) async fn count_lines(conn: &mut Conn) -> Result<(i64, Option<Timestamp>)> {
    let row = conn.fetch_one(query(COUNT_LINES)).await?;
    Ok((get(&row, "lines")?, get_time_opt(&row, "oldest")?))
}

/// See [`crate::store::Store::sweep`]. Whether there may be more.
pub(super) async fn sweep(conn: &mut Conn, now: Timestamp) -> Result<bool> {
    let before = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN).as_microsecond();
    let mut more = false;
    for statement in [SWEEP_FINISHED, SWEEP_FORSAKEN] {
        let swept = conn.execute(query(statement).bind(before).bind(SWEPT)).await?.rows_affected();
        more |= i64::try_from(swept).is_ok_and(|swept| swept >= SWEPT);
    }
    Ok(more)
}
