//! Registering, reading, changing and deleting domains.

use super::{
    Conn, dialect,
    events::{self, Entry},
    lock, query,
    rows::{self, Fields, get, get_time_opt},
    zone,
};
use crate::store::{
    AccountId, Cause, Domain, DomainId, EventKind, Grant, NewAccount, NewDomain, NewEvent, NotRegistered,
    Report, Result, StoreError, TokenHash, TokenScope,
    stored::{self, json},
};
use signet_core::{
    lifecycle::DnsState,
    names::{DomainName, RecordId},
    plan::DkimMode,
    tracking::{Tracking, TrackingPatch},
};
use sqlx::Executor as _;

/// Everything a [`Domain`] is made of, from [`domain_source`], in the order in
/// which [`rows::domain`] reads it.
macro_rules! domain_columns {
    () => {
        "d.id, d.account_id, d.name, d.record_id, d.demo, d.demo_messages_left, d.created_at, \
         d.track_open, d.track_click, d.unsubscribe_link, d.custom_domain, d.health_alerts, \
         d.critical_alerts, d.alert_recipient, d.suspension, d.decision, d.dns_state, d.dns_at, \
         d.dns_since, d.dns_deadline, d.dns_unaligned_since, d.present_spf, d.present_dmarc, d.zone, \
         d.questionnaire, d.card, a.suspension AS account_suspension, a.company_complete, l.checked_at, \
         d.active_selector, d.dkim_raw, d.dkim_text1, d.dkim_text2, d.records"
    };
}

/// Domains with their accounts and the times of their looks.
macro_rules! domain_source {
    () => {
        " FROM domain d JOIN look l ON l.domain_id = d.id JOIN account a ON a.id = d.account_id "
    };
}

macro_rules! select_domains {
    ($rest:expr) => {
        concat!("SELECT ", domain_columns!(), domain_source!(), $rest)
    };
}

pub(super) use {domain_columns, domain_source};

statements! {
    RECORD_ID_USED = "SELECT EXISTS (SELECT 1 FROM retired_record_id WHERE record_id = $1) \
        OR EXISTS (SELECT 1 FROM domain WHERE record_id = $1) AS used";
    NAME_TAKEN = "SELECT EXISTS (SELECT 1 FROM domain WHERE account_id = $1 AND name = $2) AS taken";
    COUNT_UNVERIFIED = "SELECT COUNT(*) AS unverified FROM (SELECT 1 AS one FROM domain \
        WHERE account_id = $1 AND NOT demo AND NOT dns_verified LIMIT $2) AS counted";
    ADD_DOMAIN = "INSERT INTO domain (account_id, name, record_id, demo, demo_messages_left, created_at, \
        track_open, track_click, unsubscribe_link, custom_domain, health_alerts, critical_alerts, \
        dns_state, dns_at, dkim_raw) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
        ON CONFLICT (account_id, name) DO NOTHING RETURNING id";
    ADD_LOOK = "INSERT INTO look (domain_id, account_id, due_at) VALUES ($1, $2, $3)";
    DOMAINS = select_domains!("WHERE d.account_id = $1 AND d.id > $2 ORDER BY d.id LIMIT $3");
    DOMAINS_IN = select_domains!(concat!(
        "WHERE d.account_id = $2 AND d.id > $3 AND d.id IN ", ids!("1"), " ORDER BY d.id LIMIT $4"
    ));
    DOMAIN = select_domains!("WHERE d.id = $1 AND d.account_id = $2");
    // The account of the domain is the token's.
    DOMAIN_WITH_GRANT = concat!(
        "SELECT t.id AS token_id, t.account_id AS token_account, t.access AS token_access, \
         t.domains AS token_domains, t.expires_at AS token_expires_at, t.revoked_at AS token_revoked_at, ",
        domain_columns!(),
        " FROM token t JOIN account a ON a.id = t.account_id \
         LEFT JOIN domain d ON d.id = $2 AND d.account_id = t.account_id \
         LEFT JOIN look l ON l.domain_id = d.id WHERE t.hash = $1"
    );
    DOMAIN_FOR_OPERATOR = select_domains!("WHERE d.id = $1");
    SET_TRACKING = "UPDATE domain SET track_open = $3, track_click = $4, unsubscribe_link = $5, \
        custom_domain = $6, health_alerts = $7, critical_alerts = $8, alert_recipient = $9 \
        WHERE id = $1 AND account_id = $2";
    RETIRE = "INSERT INTO retired_record_id (record_id, account_id, domain_id, name, retired_at) \
        VALUES ($1, $2, $3, $4, $5)";
    DELETE_DOMAIN = "DELETE FROM domain WHERE id = $1 AND account_id = $2";
    REPORT = "SELECT l.checked_at, r.body FROM look l JOIN report r ON r.domain_id = l.domain_id \
        WHERE l.domain_id = $1 AND l.account_id = $2";
}

/// What a row of `domain` begins as.
struct Start<'a> {
    account: AccountId,
    name: &'a DomainName,
    record_id: &'a RecordId,
    demo_messages: Option<u32>,
    dkim: DkimMode,
}

/// Adds a domain; `None` if the account has one of that name. A demo domain is
/// verified by construction, and never looked at.
async fn add(conn: &mut Conn, start: &Start<'_>, cause: &Cause) -> Result<Option<DomainId>> {
    let used = conn.fetch_one(query(RECORD_ID_USED).bind(start.record_id.as_str())).await?;
    if get::<bool>(&used, "used")? {
        return Err(StoreError::RecordIdUsed);
    }
    let now = cause.at.as_microsecond();
    let demo = start.demo_messages.is_some();
    let state = if demo { DnsState::Verified { at: cause.at } } else { DnsState::Pending };
    let state = stored::StateColumns::of(&state);
    let tracking = Tracking::default();
    let row = conn
        .fetch_optional(
            query(ADD_DOMAIN)
                .bind(start.account.0)
                .bind(start.name.as_str())
                .bind(start.record_id.as_str())
                .bind(demo)
                .bind(i64::from(start.demo_messages.unwrap_or(0)))
                .bind(now)
                .bind(tracking.open)
                .bind(tracking.click)
                .bind(tracking.unsubscribe_link)
                .bind(tracking.custom_domain)
                .bind(tracking.health_alerts)
                .bind(tracking.critical_alerts)
                .bind(state.state)
                .bind(state.at)
                .bind(start.dkim == DkimMode::Raw),
        )
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let id = DomainId(get(&row, "id")?);
    let due_at = (!demo).then_some(now);
    conn.execute(query(ADD_LOOK).bind(id.0).bind(start.account.0).bind(due_at)).await?;
    zone::changed(conn, start.record_id, cause.at).await?;
    let event = NewEvent { to: Some(start.name.to_string()), ..NewEvent::of(EventKind::DomainCreated) };
    events::add_one(conn, cause, Entry::domain(start.account, id, event)).await?;
    Ok(Some(id))
}

/// The demo domain of an account just made.
pub(super) async fn create_demo(
    conn: &mut Conn,
    account: AccountId,
    new: &NewAccount,
    cause: &Cause,
) -> Result<()> {
    let (name, record_id) = &new.demo;
    // The records of a demo domain are in our own zone.
    let (demo_messages, dkim) = (Some(new.demo_allowance), DkimMode::Delegated);
    add(conn, &Start { account, name, record_id, demo_messages, dkim }, cause).await?;
    Ok(())
}

/// See [`crate::store::Store::create_domain`].
pub(super) async fn create(
    conn: &mut Conn,
    new: &NewDomain,
    unverified_limit: Option<u32>,
    cause: &Cause,
) -> Result<std::result::Result<Domain, NotRegistered>> {
    // One registration of an account after the other: the limit is counted
    // and the name looked up before the row is there.
    lock(conn, dialect::LOCK_ACCOUNT, new.account.0).await?;
    let taken = conn.fetch_one(query(NAME_TAKEN).bind(new.account.0).bind(new.name.as_str())).await?;
    if get::<bool>(&taken, "taken")? {
        return Ok(Err(NotRegistered::Taken));
    }
    if let Some(limit) = unverified_limit {
        let counted =
            conn.fetch_one(query(COUNT_UNVERIFIED).bind(new.account.0).bind(i64::from(limit))).await?;
        if get::<i64>(&counted, "unverified")? >= i64::from(limit) {
            return Ok(Err(NotRegistered::TooManyUnverified(limit)));
        }
    }
    let start = Start {
        account: new.account,
        name: &new.name,
        record_id: &new.record_id,
        demo_messages: None,
        dkim: new.dkim,
    };
    let Some(id) = add(conn, &start, cause).await? else {
        return Ok(Err(NotRegistered::Taken));
    };
    match one(conn, new.account, id).await? {
        Some(domain) => Ok(Ok(domain)),
        None => Err(StoreError::Corrupt(format!("domain {id} vanished while it was made"))),
    }
}

/// See [`crate::store::Store::domains`].
pub(super) async fn page(
    conn: &mut Conn,
    account: AccountId,
    scope: &TokenScope,
    after: Option<DomainId>,
    limit: Option<u32>,
) -> Result<Vec<Domain>> {
    let after = after.map_or(i64::MIN, |id| id.0);
    let limit = limit.map_or(i64::MAX, i64::from);
    let query = match scope {
        TokenScope::Account => query(DOMAINS).bind(account.0).bind(after).bind(limit),
        TokenScope::Domains(ids) => query(DOMAINS_IN)
            .bind(json(&ids.iter().map(|id| id.0).collect::<Vec<_>>()))
            .bind(account.0)
            .bind(after)
            .bind(limit),
    };
    conn.fetch_all(query).await?.iter().map(rows::whole_domain).collect()
}

/// See [`crate::store::Store::domain`].
pub(super) async fn one(conn: &mut Conn, account: AccountId, id: DomainId) -> Result<Option<Domain>> {
    let row = conn.fetch_optional(query(DOMAIN).bind(id.0).bind(account.0)).await?;
    row.as_ref().map(rows::whole_domain).transpose()
}

/// See [`crate::store::Store::grant_and_domain`].
pub(super) async fn with_grant(
    conn: &mut Conn,
    hash: &TokenHash,
    id: DomainId,
) -> Result<Option<(Grant, Option<Domain>)>> {
    let query = query(DOMAIN_WITH_GRANT).bind(&hash.0[..]).bind(id.0);
    let Some(row) = conn.fetch_optional(query).await? else {
        return Ok(None);
    };
    let mut fields = Fields::from(&row, 0);
    let grant = rows::grant(&mut fields)?;
    let found = get::<Option<i64>>(&row, "id")?.is_some();
    Ok(Some((grant, found.then(|| rows::domain(&mut fields)).transpose()?)))
}

/// See [`crate::store::Store::domain_for_operator`].
pub(super) async fn for_operator(conn: &mut Conn, id: DomainId) -> Result<Option<Domain>> {
    let row = conn.fetch_optional(query(DOMAIN_FOR_OPERATOR).bind(id.0)).await?;
    row.as_ref().map(rows::whole_domain).transpose()
}

/// See [`crate::store::Store::update_tracking`].
pub(super) async fn update_tracking(
    conn: &mut Conn,
    account: AccountId,
    id: DomainId,
    patch: &TrackingPatch,
    cause: &Cause,
) -> Result<Option<Domain>> {
    lock(conn, dialect::LOCK_DOMAIN, id.0).await?;
    let Some(mut domain) = one(conn, account, id).await? else {
        return Ok(None);
    };
    let new = domain.tracking.with(patch);
    if new == domain.tracking {
        return Ok(Some(domain));
    }
    conn.execute(
        query(SET_TRACKING)
            .bind(id.0)
            .bind(account.0)
            .bind(new.open)
            .bind(new.click)
            .bind(new.unsubscribe_link)
            .bind(new.custom_domain)
            .bind(new.health_alerts)
            .bind(new.critical_alerts)
            .bind(new.alert_recipient.as_ref().map(|address| address.as_str())),
    )
    .await?;
    let (from, to) = tracking_difference(&domain.tracking, &new);
    let event = NewEvent { from: Some(from), to: Some(to), ..NewEvent::of(EventKind::DomainUpdated) };
    events::add_one(conn, cause, Entry::domain(account, id, event)).await?;
    domain.tracking = new;
    Ok(Some(domain))
}

/// The settings that differ, as they were and as they are, for the history.
fn tracking_difference(before: &Tracking, after: &Tracking) -> (String, String) {
    let shown = |tracking: &Tracking| {
        let recipient = tracking.alert_recipient.as_ref().map_or("owner", |address| address.as_str());
        [
            format!("open_tracking={}", tracking.open),
            format!("click_tracking={}", tracking.click),
            format!("unsubscribe_link={}", tracking.unsubscribe_link),
            format!("custom_domain={}", tracking.custom_domain),
            format!("health_alerts={}", tracking.health_alerts),
            format!("critical_alerts={}", tracking.critical_alerts),
            format!("alert_recipient={recipient}"),
        ]
    };
    let (before, after): (Vec<_>, Vec<_>) =
        shown(before).into_iter().zip(shown(after)).filter(|(before, after)| before != after).unzip();
    (before.join(" "), after.join(" "))
}

/// See [`crate::store::Store::delete_domain`].
pub(super) async fn delete(conn: &mut Conn, account: AccountId, id: DomainId, cause: &Cause) -> Result<bool> {
    lock(conn, dialect::LOCK_DOMAIN, id.0).await?;
    let Some(domain) = one(conn, account, id).await? else {
        return Ok(false);
    };
    conn.execute(
        query(RETIRE)
            .bind(domain.record_id.as_str())
            .bind(account.0)
            .bind(id.0)
            .bind(domain.name.as_str())
            .bind(cause.at.as_microsecond()),
    )
    .await?;
    // Before it is gone: the history knows its name.
    let event = NewEvent { from: Some(domain.name.to_string()), ..NewEvent::of(EventKind::DomainDeleted) };
    events::add_one(conn, cause, Entry::domain(account, id, event)).await?;
    zone::changed(conn, &domain.record_id, cause.at).await?;
    // Report and keys go with it.
    conn.execute(query(DELETE_DOMAIN).bind(id.0).bind(account.0)).await?;
    Ok(true)
}

/// See [`crate::store::Store::report`].
pub(super) async fn report(conn: &mut Conn, account: AccountId, id: DomainId) -> Result<Option<Report>> {
    let Some(row) = conn.fetch_optional(query(REPORT).bind(id.0).bind(account.0)).await? else {
        return Ok(None);
    };
    let Some(checked_at) = get_time_opt(&row, "checked_at")? else {
        return Err(StoreError::Corrupt(format!("domain {id} has a report but was never looked at")));
    };
    Ok(Some(Report { checked_at, verdicts: stored::verdicts(get(&row, "body")?)? }))
}
