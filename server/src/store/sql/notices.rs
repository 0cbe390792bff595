//! What owners are to be told: written with what it is about, taken by the
//! worker that makes messages of it.

use super::{
    Conn, Row, dialect,
    domains::{domain_columns, domain_source},
    events::Entry,
    lock, outbox, query,
    rows::{self, get, get_time, get_time_opt},
};
use crate::store::{
    About, AccountId, Cause, Domain, DomainId, EventKind, HealthDue, Listener, Message, NewNotice, Notice,
    NoticeGroup, NoticeId, Result, StatusChange, Telling, Waiting,
    stored::{clean, from_json, json, time},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use signet_core::{alert, email::EmailAddress, health::Reported};
use sqlx::Executor as _;
use std::collections::{BTreeMap, HashMap};

statements! {
    NAMES = concat!("SELECT id, name FROM domain WHERE id IN ", ids!("1"));
    DUE = "SELECT n.account_id, n.kind, n.cause, \
        (SELECT MAX(t.told_at) FROM notice t WHERE t.account_id = n.account_id AND t.kind = n.kind \
            AND t.cause = n.cause AND t.told_at IS NOT NULL) AS told_at \
        FROM notice n WHERE n.due_at <= $1 GROUP BY n.account_id, n.kind, n.cause \
        ORDER BY MIN(n.due_at), MIN(n.id) LIMIT $2";
    OF_GROUP = "SELECT n.id AS notice_id, n.domain_id, n.body, d.id AS present, d.dns_state, d.dns_at, \
        d.dns_since, d.dns_deadline, d.dns_unaligned_since, d.critical_alerts, d.alert_recipient, d.informed \
        FROM notice n LEFT JOIN domain d ON d.id = n.domain_id \
        WHERE n.account_id = $1 AND n.kind = $2 AND n.cause = $3 AND n.due_at IS NOT NULL \
        ORDER BY n.id LIMIT $4";
    HOLD = "UPDATE notice SET due_at = $4 WHERE account_id = $1 AND kind = $2 AND cause = $3 \
        AND due_at IS NOT NULL AND due_at < $4";
    STILL_WAITING = concat!("SELECT COUNT(*) AS waiting FROM notice WHERE due_at IS NOT NULL AND id IN ", ids!("1"));
    TOLD = concat!("UPDATE notice SET due_at = NULL, told_at = $2 WHERE id IN ", ids!("1"));
    DROPPED = concat!("UPDATE notice SET due_at = NULL WHERE id IN ", ids!("1"));
    TO_REMIND = concat!(
        "SELECT ", domain_columns!(), domain_source!(),
        "WHERE d.dns_state = 'at_risk' AND d.dns_deadline > $1 AND d.dns_deadline <= $2 \
         AND d.dns_deadline - d.dns_since > $3 \
         AND (d.reminded_deadline IS NULL OR d.reminded_deadline <> d.dns_deadline) \
         ORDER BY d.dns_deadline LIMIT $4"
    );
    REMINDED = "UPDATE domain SET reminded_deadline = $3 WHERE id = $1 AND account_id = $2 \
        AND dns_state = 'at_risk' AND dns_deadline = $3 \
        AND (reminded_deadline IS NULL OR reminded_deadline <> $3)";
    HEALTH_DUE = "SELECT id, health_due_at, health_told FROM account WHERE health_due_at <= $1 \
        ORDER BY health_due_at LIMIT $2";
    KEY_AGES = "SELECT k.domain_id, k.since AS made FROM dkim_key k \
        JOIN domain d ON d.id = k.domain_id WHERE d.account_id = $1 AND k.stage = 'active'";
    HEALTH_TOLD = "UPDATE account SET health_due_at = $3, health_told = $4 \
        WHERE id = $1 AND health_due_at = $2";
    SWEEP = "DELETE FROM notice WHERE due_at IS NULL AND at < $1";
}

/// How long notices are kept after they were told.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

#[derive(Serialize)]
struct Stored {
    account: i64,
    domain: Option<i64>,
    kind: &'static str,
    cause: String,
    body: String,
    due: i64,
}

/// Keeps notices, to be told from `at` on, or soon after where they wait for
/// others of their cause.
pub(super) async fn add(conn: &mut Conn, notices: &[NewNotice], at: Timestamp) -> Result<()> {
    let stored = notices.iter().map(|new| Stored {
        account: new.account.0,
        domain: new.domain.map(|id| id.0),
        kind: new.notice.about.kind(),
        cause: clean(&new.cause),
        body: clean(&json(&new.notice)),
        due: at.saturating_add(new.notice.about.wait()).unwrap_or(Timestamp::MAX).as_microsecond(),
    });
    let stored: Vec<_> = stored.collect();
    if !stored.is_empty() {
        let add = query(dialect::ADD_NOTICES).bind(json(&stored)).bind(at.as_microsecond());
        conn.execute(add).await?;
    }
    Ok(())
}

/// Has owners told of compliance statuses that changed and nothing else with them.
pub(super) async fn of_compliance(conn: &mut Conn, cause: &Cause, entries: &[Entry]) -> Result<()> {
    let changed =
        entries.iter().filter(|entry| entry.event.kind == EventKind::ComplianceChanged && !entry.told);
    let changed: Vec<(&Entry, DomainId)> = changed.filter_map(|entry| Some((entry, entry.domain?))).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = changed.iter().map(|(_, id)| id.0).collect();
    let rows = conn.fetch_all(query(NAMES).bind(json(&ids))).await?;
    let names = rows.iter().map(|row| Ok((get::<i64>(row, "id")?, get::<String>(row, "name")?)));
    let names = names.collect::<Result<HashMap<_, _>>>()?;
    let notice = |(entry, domain): &(&Entry, DomainId)| {
        let event = &entry.event;
        let (from, to) = (event.from.clone()?, event.to.clone()?);
        let reason = event.reason.clone().unwrap_or_else(|| cause.reason.clone());
        // What one transaction changes to one status is one message, and what
        // another does is another.
        let together = format!("{to} {}", cause.at.as_microsecond());
        let notice = Notice {
            domain: Some(names.get(&domain.0)?.clone()),
            about: About::Compliance { reason },
            compliance: Some(StatusChange { from, to }),
        };
        Some(NewNotice { account: entry.account, domain: Some(*domain), cause: together, notice })
    };
    let notices: Vec<_> = changed.iter().filter_map(notice).collect();
    add(conn, &notices, cause.at).await
}

/// See [`crate::store::NoticeStore::due_notices`].
pub(super) async fn due(conn: &mut Conn, now: Timestamp, limit: u32) -> Result<Vec<NoticeGroup>> {
    let rows = conn.fetch_all(query(DUE).bind(now.as_microsecond()).bind(i64::from(limit))).await?;
    let group = |row| {
        Ok(NoticeGroup {
            account: AccountId(get(row, "account_id")?),
            kind: get(row, "kind")?,
            cause: get(row, "cause")?,
            told_at: get_time_opt(row, "told_at")?,
        })
    };
    rows.iter().map(group).collect()
}

/// See [`crate::store::NoticeStore::notices`].
pub(super) async fn of_group(conn: &mut Conn, group: &NoticeGroup, limit: u32) -> Result<Vec<Waiting>> {
    let of = query(OF_GROUP).bind(group.account.0).bind(group.kind.clone()).bind(group.cause.clone());
    conn.fetch_all(of.bind(i64::from(limit))).await?.iter().map(waiting).collect()
}

fn waiting(row: &Row) -> Result<Waiting> {
    let present = get::<Option<i64>>(row, "present")?.is_some();
    Ok(Waiting {
        id: NoticeId(get(row, "notice_id")?),
        domain: get::<Option<i64>>(row, "domain_id")?.map(DomainId),
        notice: from_json("a notice", get(row, "body")?)?,
        standing: present.then(|| listener(row)).transpose()?,
    })
}

fn listener(row: &Row) -> Result<Listener> {
    let informed: Vec<String> = from_json("who was told", get(row, "informed")?)?;
    Ok(Listener {
        dns: rows::dns_state(row)?,
        critical_alerts: get(row, "critical_alerts")?,
        recipient: get::<Option<&str>>(row, "alert_recipient")?.map(rows::email).transpose()?,
        informed: informed.iter().map(|address| rows::email(address)).collect::<Result<_>>()?,
    })
}

/// See [`crate::store::NoticeStore::hold_notices`].
pub(super) async fn hold(conn: &mut Conn, group: &NoticeGroup, until: Timestamp) -> Result<()> {
    let hold = query(HOLD).bind(group.account.0).bind(group.kind.clone()).bind(group.cause.clone());
    conn.execute(hold.bind(until.as_microsecond())).await?;
    Ok(())
}

#[derive(Serialize)]
struct Informed {
    id: i64,
    informed: String,
}

/// See [`crate::store::NoticeStore::tell`].
pub(super) async fn tell(
    conn: &mut Conn,
    account: AccountId,
    telling: &Telling,
    now: Timestamp,
) -> Result<bool> {
    let ids = |ids: &[NoticeId]| json(&ids.iter().map(|id| id.0).collect::<Vec<_>>());
    let all = [&telling.told[..], &telling.dropped].concat();
    lock(conn, dialect::LOCK_NOTICES, ids(&all)).await?;
    let waiting = conn.fetch_one(query(STILL_WAITING).bind(ids(&all))).await?;
    if usize::try_from(get::<i64>(&waiting, "waiting")?) != Ok(all.len()) {
        return Ok(false);
    }
    let now = now.as_microsecond();
    conn.execute(query(TOLD).bind(ids(&telling.told)).bind(now)).await?;
    conn.execute(query(DROPPED).bind(ids(&telling.dropped))).await?;
    let informed = telling.informed.iter().map(|(domain, addresses)| Informed {
        id: domain.0,
        informed: json(&addresses.iter().map(EmailAddress::as_str).collect::<Vec<_>>()),
    });
    let informed: Vec<_> = informed.collect();
    if !informed.is_empty() {
        conn.execute(query(dialect::SET_INFORMED).bind(json(&informed))).await?;
    }
    for (domain, message) in &telling.messages {
        outbox::add(conn, account, *domain, message, now).await?;
    }
    Ok(true)
}

/// See [`crate::store::NoticeStore::to_remind`].
pub(super) async fn to_remind(conn: &mut Conn, now: Timestamp, limit: u32) -> Result<Vec<Domain>> {
    let soon = now.saturating_add(alert::REMIND_BEFORE).unwrap_or(Timestamp::MAX);
    let short = i64::try_from(alert::SHORT_GRACE.as_micros()).unwrap_or(i64::MAX);
    let due = query(TO_REMIND).bind(now.as_microsecond()).bind(soon.as_microsecond()).bind(short);
    conn.fetch_all(due.bind(i64::from(limit))).await?.iter().map(rows::whole_domain).collect()
}

/// See [`crate::store::NoticeStore::remind`].
pub(super) async fn remind(
    conn: &mut Conn,
    notice: &NewNotice,
    deadline: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    let Some(domain) = notice.domain else { return Ok(false) };
    let reminded = query(REMINDED).bind(domain.0).bind(notice.account.0).bind(deadline.as_microsecond());
    if conn.execute(reminded).await?.rows_affected() == 0 {
        return Ok(false);
    }
    add(conn, std::slice::from_ref(notice), now).await?;
    Ok(true)
}

#[derive(Serialize, Deserialize)]
struct StoredReport {
    at: i64,
    gist: String,
}

/// See [`crate::store::NoticeStore::health_due`].
pub(super) async fn health_due(conn: &mut Conn, now: Timestamp, limit: u32) -> Result<Vec<HealthDue>> {
    let rows = conn.fetch_all(query(HEALTH_DUE).bind(now.as_microsecond()).bind(i64::from(limit))).await?;
    let due = |row| {
        let stored: BTreeMap<String, StoredReport> = from_json("health reports", get(row, "health_told")?)?;
        let reported = stored.into_iter().map(|(to, report)| {
            Ok((to, Reported { at: time("a health report's time", report.at)?, gist: report.gist }))
        });
        Ok(HealthDue {
            account: AccountId(get(row, "id")?),
            due_at: get_time(row, "health_due_at")?,
            reported: reported.collect::<Result<_>>()?,
        })
    };
    rows.iter().map(due).collect()
}

/// See [`crate::store::NoticeStore::key_ages`].
pub(super) async fn key_ages(conn: &mut Conn, account: AccountId) -> Result<BTreeMap<DomainId, Timestamp>> {
    let rows = conn.fetch_all(query(KEY_AGES).bind(account.0)).await?;
    rows.iter().map(|row| Ok((DomainId(get(row, "domain_id")?), get_time(row, "made")?))).collect()
}

/// See [`crate::store::NoticeStore::report_health`].
pub(super) async fn report_health(
    conn: &mut Conn,
    due: &HealthDue,
    reported: &BTreeMap<String, Reported>,
    messages: &[Message],
    next: Timestamp,
    now: Timestamp,
) -> Result<bool> {
    let stored = reported.iter().map(|(to, Reported { at, gist })| {
        (to, StoredReport { at: at.as_microsecond(), gist: gist.clone() })
    });
    let told = query(HEALTH_TOLD)
        .bind(due.account.0)
        .bind(due.due_at.as_microsecond())
        .bind(next.as_microsecond())
        .bind(json(&stored.collect::<BTreeMap<_, _>>()));
    if conn.execute(told).await?.rows_affected() == 0 {
        return Ok(false);
    }
    for message in messages {
        outbox::add(conn, due.account, None, message, now.as_microsecond()).await?;
    }
    Ok(true)
}

/// See [`crate::store::Store::sweep`].
pub(super) async fn sweep(conn: &mut Conn, now: Timestamp) -> Result<()> {
    let before = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
    conn.execute(query(SWEEP).bind(before.as_microsecond())).await?;
    Ok(())
}
