//! What an `Idempotency-Key` was used for.

use super::{Conn, query, rows::get, sealed};
use crate::store::{Idempotency, IdempotencyScope, Result, StoredAnswer, stored::corrupt};
use jiff::{SignedDuration, Timestamp};
use sqlx::Executor as _;

statements! {
    // One statement, so that of two requests at once one is new: reserves the
    // key, or takes over what is past keeping.
    BEGIN = "INSERT INTO idempotency (owner, method, path, idem_key, body_hash, reserved_at) \
        VALUES ($1, $2, $3, $4, $5, $6) \
        ON CONFLICT (owner, method, path, idem_key) DO UPDATE SET \
            body_hash = excluded.body_hash, reserved_at = excluded.reserved_at, status = NULL, body = NULL \
        WHERE idempotency.reserved_at <= CASE WHEN idempotency.status IS NULL \
            THEN CAST($7 AS BIGINT) ELSE CAST($8 AS BIGINT) END \
        RETURNING reserved_at";
    SEEN = "SELECT body_hash, status, body FROM idempotency \
        WHERE owner = $1 AND method = $2 AND path = $3 AND idem_key = $4";
    ANSWER = "UPDATE idempotency SET status = $5, body = $6 \
        WHERE owner = $1 AND method = $2 AND path = $3 AND idem_key = $4 AND status IS NULL";
    FREE = "DELETE FROM idempotency \
        WHERE owner = $1 AND method = $2 AND path = $3 AND idem_key = $4 AND status IS NULL";
    SWEEP = "DELETE FROM idempotency WHERE reserved_at <= $1";
}

/// How long an answer is kept.
const ANSWER_KEPT: SignedDuration = SignedDuration::from_hours(24);
/// How long a reservation without an answer holds: its request died.
const RESERVED: SignedDuration = SignedDuration::from_mins(1);

fn before(now: Timestamp, span: SignedDuration) -> i64 {
    now.saturating_sub(span).unwrap_or(Timestamp::MIN).as_microsecond()
}

/// See [`crate::store::Store::idempotency_begin`].
pub(super) async fn begin(
    conn: &mut Conn,
    scope: &IdempotencyScope,
    body_hash: &str,
    now: Timestamp,
) -> Result<Idempotency> {
    let IdempotencyScope { owner, method, path, key } = scope;
    let reserved = conn
        .fetch_optional(
            query(BEGIN)
                .bind(owner)
                .bind(method)
                .bind(path)
                .bind(key)
                .bind(body_hash)
                .bind(now.as_microsecond())
                .bind(before(now, RESERVED))
                .bind(before(now, ANSWER_KEPT)),
        )
        .await?;
    if reserved.is_some() {
        return Ok(Idempotency::New);
    }
    let seen = conn.fetch_optional(query(SEEN).bind(owner).bind(method).bind(path).bind(key)).await?;
    let Some(row) = seen else {
        // Freed between the two statements; the client's next try is new.
        return Ok(Idempotency::InProgress);
    };
    if get::<&str>(&row, "body_hash")? != body_hash {
        return Ok(Idempotency::OtherBody);
    }
    let Some(status) = get::<Option<i64>>(&row, "status")? else {
        return Ok(Idempotency::InProgress);
    };
    Ok(Idempotency::Replay(StoredAnswer {
        status: u16::try_from(status).map_err(|_| corrupt("an answer's status", status))?,
        body: get::<Option<String>>(&row, "body")?.unwrap_or_default(),
    }))
}

/// See [`crate::store::Store::idempotency_end`].
pub(super) async fn end(
    conn: &mut Conn,
    scope: &IdempotencyScope,
    answer: Option<&StoredAnswer>,
    under: Option<&str>,
) -> Result<()> {
    if let Some(under) = under {
        sealed::must_seal(conn, under).await?;
    }
    let IdempotencyScope { owner, method, path, key } = scope;
    let query = match answer {
        None => query(FREE).bind(owner).bind(method).bind(path).bind(key),
        Some(answer) => query(ANSWER)
            .bind(owner)
            .bind(method)
            .bind(path)
            .bind(key)
            .bind(i64::from(answer.status))
            .bind(&answer.body),
    };
    conn.execute(query).await?;
    Ok(())
}

/// See [`crate::store::Store::sweep`].
pub(super) async fn sweep(conn: &mut Conn, now: Timestamp) -> Result<()> {
    conn.execute(query(SWEEP).bind(before(now, ANSWER_KEPT))).await?;
    Ok(())
}
