//! What looks and the proofs of keys tell each other, in the transaction of whichever
//! knows something new.

use super::{
    Conn, domains,
    events::{self, Entry},
    keys, query, raw,
};
use crate::store::{AccountId, Cause, DomainId, EventKind, NewEvent, Result, Turn, stored};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    lifecycle::dns::Shown,
    rotation::{Selector, Stage},
};
use sqlx::Executor as _;

statements! {
    // Whoever has a step under way finds another version, and does it again.
    PROVE_AGAIN = "UPDATE rotation SET version = version + 1, lease_until = 0, \
        due_at = CASE WHEN due_at < CAST($3 AS BIGINT) THEN due_at ELSE CAST($3 AS BIGINT) END \
        WHERE domain_id = $1 AND account_id = $2";
    SET_RECORDS = "UPDATE domain SET records = $3 WHERE id = $1 AND account_id = $2";
    // The next look is not taken for one that found nothing new.
    FORGET_FOUND = "UPDATE look SET digest = NULL WHERE domain_id = $1 AND account_id = $2";
}

/// What a look saw in place of a key.
#[derive(Debug)]
pub(super) struct Unseen {
    pub(super) account: AccountId,
    pub(super) domain: DomainId,
    pub(super) selector: Selector,
    /// How long it may be remembered.
    pub(super) kept_for: SignedDuration,
    /// As a sentence.
    pub(super) said: String,
}

/// A look saw something else than the key on a selector: what was proven is no more,
/// and is proven anew at once.
pub(super) async fn unseen(conn: &mut Conn, unseen: &Unseen, cause: &Cause) -> Result<()> {
    let &Unseen { account, domain, selector, kept_for, ref said } = unseen;
    let Some(keys) = keys::ring(conn, account, domain).await? else { return Ok(()) };
    let mut ring = keys.ring();
    let was_proven = ring.unseen(selector, kept_for);
    let Some(held) = ring.on(selector).filter(|_| ring != keys.ring()) else { return Ok(()) };
    keys::keep(conn, account, domain, selector, &held).await?;
    let again = query(PROVE_AGAIN).bind(domain.0).bind(account.0);
    conn.execute(again.bind(cause.at.as_microsecond())).await?;
    if was_proven {
        let event = NewEvent {
            from: keys.keys[selector.index()].as_ref().map(|key| key.id.clone()),
            reason: Some(said.clone()),
            record: Some(selector.record()),
            ..NewEvent::of(EventKind::KeyUnseen)
        };
        events::add_one(conn, cause, Entry::domain(account, domain, event)).await?;
    }
    Ok(())
}

/// What was seen for a transition of a key is newer than the last look. Where that
/// found the record of a key wrong that signs from now on, nothing is known of it until
/// the next, which is made at once.
pub(super) async fn proven(
    conn: &mut Conn,
    turn: &Turn,
    selector: Selector,
    [before, after]: [&Stage; 2],
    now: Timestamp,
) -> Result<()> {
    let signs = after.signs() && !before.signs();
    if signs || (before.clear_at().is_none() && after.clear_at().is_some()) {
        conn.execute(query(FORGET_FOUND).bind(turn.domain.0).bind(turn.account.0)).await?;
    }
    if !signs {
        return Ok(());
    }
    if let Some(domain) = domains::one(conn, turn.account, turn.domain).await? {
        let mut records = domain.records;
        let state = records.iter_mut().find(|state| state.key == selector.record());
        if let Some(state) = state.filter(|state| state.shown.status.is_wrong()) {
            state.shown = Shown::UNCHECKED;
            let checked_at = domain.checked_at.unwrap_or(now);
            let set = query(SET_RECORDS).bind(turn.domain.0).bind(turn.account.0);
            conn.execute(set.bind(stored::records_json(&records, checked_at))).await?;
        }
    }
    conn.execute(query(raw::LOOK_AGAIN).bind(turn.domain.0).bind(now.as_microsecond())).await?;
    Ok(())
}
