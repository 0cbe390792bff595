//! What the sending gate reads and counts.

use super::{
    Conn, dialect,
    events::{self, Entry},
    lock, query,
    rows::{self, get, get_u32},
    standing,
};
use crate::store::{
    AccountId, Cause, DomainId, NewEvent, Result, Spent,
    stored::{self, clean, json},
};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    authz::Candidate,
    lifecycle::{ComplianceStatus, Facts, compliance},
    names::{Name, RecordId},
    schedule::{SENDS_FOR, WHILE_SENDING},
};
use sqlx::Executor as _;

statements! {
    // Registering a name is free, so that what is verified or once was comes
    // before the limit.
    SENDING_DOMAINS = "SELECT d.id, d.account_id, d.name, d.demo, d.demo_messages_left, d.suspension, \
        d.decision, d.approved_before, d.questionnaire, d.card, d.dns_verified, \
        a.suspension AS account_suspension, a.company_complete, a.owner_email, \
        EXISTS (SELECT 1 FROM counted_message c WHERE c.domain_id = d.id AND c.instance = $4) AS counted \
        FROM domain d JOIN account a ON a.id = d.account_id \
        WHERE d.name = $1 AND (CAST($2 AS TEXT) IS NULL OR d.record_id = $2) \
        AND (CAST($3 AS BIGINT) IS NULL OR d.account_id = $3) \
        ORDER BY d.dns_verified DESC, d.approved_before DESC, d.id LIMIT 100";
    COUNTED = "SELECT EXISTS (SELECT 1 FROM counted_message WHERE domain_id = $1 AND instance = $2) AS counted";
    COUNT = "INSERT INTO counted_message (domain_id, instance, counted_at) VALUES ($1, $2, $3)";
    SPEND = "UPDATE domain SET demo_messages_left = demo_messages_left - 1 WHERE id = $1";
    // The first of a while brings the next look forward.
    NOTE_SENDING = concat!(
        "UPDATE look SET sent_at = $2, due_at = CASE \
            WHEN due_at > $3 AND (sent_at IS NULL OR sent_at < $4) THEN $3 ELSE due_at END \
         WHERE (sent_at IS NULL OR sent_at < $5) AND domain_id IN ", ids!("1")
    );
    SWEEP = "DELETE FROM counted_message WHERE counted_at < $1";
}

/// How long it is known that a message was counted: longer than any MTA goes on
/// asking about one.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How exactly it is known when a domain last sent.
const NOTED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// See [`crate::store::Store::sending_domains`].
pub(super) async fn domains(
    conn: &mut Conn,
    name: &Name,
    record: Option<&RecordId>,
    account: Option<AccountId>,
    message: Option<&str>,
) -> Result<Vec<Candidate>> {
    let rows = conn
        .fetch_all(
            query(SENDING_DOMAINS)
                .bind(name.as_str())
                .bind(record.map(RecordId::as_str))
                .bind(account.map(|account| account.0))
                .bind(message.map(clean)),
        )
        .await?;
    rows.iter().map(candidate).collect()
}

fn candidate(row: &super::Row) -> Result<Candidate> {
    Ok(Candidate {
        account: get(row, "account_id")?,
        domain: get(row, "id")?,
        name: stored::domain_name(get(row, "name")?)?,
        owner: rows::email(get(row, "owner_email")?)?,
        facts: Facts {
            suspension: standing::suspended(row, "suspension")?
                .max(standing::suspended(row, "account_suspension")?),
            demo: get(row, "demo")?,
            demo_messages_left: get_u32(row, "demo_messages_left")?,
            dns_verified: get(row, "dns_verified")?,
            company_complete: get(row, "company_complete")?,
            decision: get::<Option<&str>>(row, "decision")?.map(stored::decision).transpose()?,
            questionnaire: stored::asked(get(row, "questionnaire")?)?,
            card: stored::asked(get(row, "card")?)?,
        },
        approved_before: get(row, "approved_before")?,
        counted: get(row, "counted")?,
    })
}

/// See [`crate::store::Store::note_sending`].
pub(super) async fn note(conn: &mut Conn, domains: &[DomainId], now: Timestamp) -> Result<()> {
    let domains = json(&domains.iter().map(|id| id.0).collect::<Vec<_>>());
    let moment = |span| now.saturating_add(span).unwrap_or(Timestamp::MAX).as_microsecond();
    let note = query(NOTE_SENDING)
        .bind(domains)
        .bind(now.as_microsecond())
        .bind(moment(WHILE_SENDING))
        .bind(moment(-SENDS_FOR))
        .bind(moment(-NOTED_FOR));
    conn.execute(note).await?;
    Ok(())
}

/// See [`crate::store::Store::spend_demo`].
pub(super) async fn spend(conn: &mut Conn, domain: DomainId, message: &str, cause: &Cause) -> Result<Spent> {
    // One message of a domain after the other: no two spend the last one.
    lock(conn, dialect::LOCK_DOMAIN, domain.0).await?;
    let message = clean(message);
    let counted = conn.fetch_one(query(COUNTED).bind(domain.0).bind(message.as_str())).await?;
    if get::<bool>(&counted, "counted")? {
        return Ok(Spent::Before);
    }
    let before = standing::of(conn, &json(&[domain.0])).await?.pop();
    let Some(before) = before.filter(|before| before.compliance() == ComplianceStatus::Demo) else {
        return Ok(Spent::Not);
    };
    conn.execute(query(SPEND).bind(domain.0)).await?;
    conn.execute(query(COUNT).bind(domain.0).bind(message).bind(cause.at.as_microsecond())).await?;
    let left = before.facts.demo_messages_left.saturating_sub(1);
    let after = compliance::status(&Facts { demo_messages_left: left, ..before.facts });
    if let Some(event) = events::compliance(before.compliance(), after) {
        let reason = Some("the last message of the demo's allowance was sent".to_string());
        events::add_one(conn, cause, Entry::domain(before.account, domain, NewEvent { reason, ..event }))
            .await?;
    }
    Ok(Spent::Now)
}

/// See [`crate::store::Store::sweep`].
pub(super) async fn sweep(conn: &mut Conn, now: Timestamp) -> Result<()> {
    let before = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
    conn.execute(query(SWEEP).bind(before.as_microsecond())).await?;
    Ok(())
}
