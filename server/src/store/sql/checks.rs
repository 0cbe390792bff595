//! Whose turn it is to be looked at, and what a look changes.

use super::{
    Conn, Row, dialect,
    domains::{domain_columns, domain_source},
    events::{self, Entry},
    lock, query,
    rows::{self, get, get_time_opt},
    standing::{self, Standing},
};
use crate::store::{
    AccountId, Cause, DomainId, Due, Looked, Result,
    stored::{StateColumns, clean, digest, json, records_json, verdicts_json},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use signet_core::lifecycle::{DnsState, Facts, compliance};
use sqlx::Executor as _;
use std::collections::{BTreeSet, HashMap};

statements! {
    // A demo domain is never due: whoever asks has the answer already.
    REQUEST_CHECK = "UPDATE domain SET check_wanted = check_wanted + 1, \
        check_done = CASE WHEN due_at IS NULL THEN check_wanted + 1 ELSE check_done END, \
        due_at = CASE WHEN due_at > CAST($3 AS BIGINT) THEN CAST($3 AS BIGINT) ELSE due_at END \
        WHERE id = $1 AND account_id = $2 RETURNING check_wanted AS ticket";
    COVERED = "SELECT check_done FROM domain WHERE id = $1 AND account_id = $2";
    CLAIMED = concat!(
        "SELECT ", domain_columns!(), ", d.version, d.check_wanted, d.check_done, d.failures, d.suspicions, \
         d.due_at, EXISTS (SELECT 1 FROM domain r WHERE r.name = d.name AND r.account_id <> d.account_id \
            AND r.dns_verified) AS rival, \
         k1.public AS key1, k2.public AS key2",
        domain_source!(),
        "LEFT JOIN dkim_key k1 ON k1.domain_id = d.id AND k1.selector = 1 \
         LEFT JOIN dkim_key k2 ON k2.domain_id = d.id AND k2.selector = 2 \
         WHERE d.id IN ", ids!("1"), " ORDER BY d.due_at, d.id"
    );
    // One that is being looked at now is looked at once more afterwards.
    WAKE_RIVALS = "UPDATE domain SET due_at = $3, \
        check_wanted = check_wanted + CASE WHEN lease_until > $3 THEN 1 ELSE 0 END \
        WHERE name = $1 AND account_id <> $2 AND due_at IS NOT NULL";
    NEXT_DUE = "SELECT MIN(claim_at) AS next FROM domain WHERE claim_at IS NOT NULL";
    // By id, which is as good as random here: ids say nothing of who is due when.
    SPREAD_OVERDUE = "UPDATE domain SET lease_until = 0, \
        due_at = CAST($1 AS BIGINT) + (id * 7919 % 1000) * (CAST($2 AS BIGINT) / 1000) \
        WHERE claim_at <= $3 AND check_wanted = check_done \
        AND NOT (dns_state = 'pending' AND created_at > $4)";
}

/// Somebody waits for a check that was asked for, so it goes before whatever has
/// been merely due for less than this.
const AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// See [`crate::store::Store::request_check`].
pub(super) async fn request(
    conn: &mut Conn,
    account: AccountId,
    id: DomainId,
    now: Timestamp,
) -> Result<Option<i64>> {
    let ahead = now.saturating_sub(AHEAD).unwrap_or(Timestamp::MIN).as_microsecond();
    let row = conn.fetch_optional(query(REQUEST_CHECK).bind(id.0).bind(account.0).bind(ahead)).await?;
    row.map(|row| get(&row, "ticket")).transpose()
}

/// See [`crate::store::Store::covered`].
pub(super) async fn covered(conn: &mut Conn, account: AccountId, id: DomainId) -> Result<Option<i64>> {
    let row = conn.fetch_optional(query(COVERED).bind(id.0).bind(account.0)).await?;
    row.map(|row| get(&row, "check_done")).transpose()
}

/// See [`crate::store::Store::claim_due`].
pub(super) async fn claim(
    conn: &mut Conn,
    now: Timestamp,
    lease_until: Timestamp,
    limit: u32,
) -> Result<Vec<Due>> {
    let claimed = conn
        .fetch_all(
            query(dialect::CLAIM_DUE)
                .bind(now.as_microsecond())
                .bind(lease_until.as_microsecond())
                .bind(i64::from(limit)),
        )
        .await?;
    if claimed.is_empty() {
        return Ok(Vec::new());
    }
    let ids = claimed.iter().map(|row| get(row, "id")).collect::<Result<Vec<i64>>>()?;
    conn.fetch_all(query(CLAIMED).bind(json(&ids))).await?.iter().map(due).collect()
}

fn due(row: &Row) -> Result<Due> {
    let domain = rows::domain(row)?;
    let ticket: i64 = get(row, "check_wanted")?;
    let due_at = get_time_opt(row, "due_at")?;
    Ok(Due {
        version: get(row, "version")?,
        ticket,
        on_demand: ticket > get(row, "check_done")?,
        rival: get(row, "rival")?,
        waiting_since: match domain.dns {
            DnsState::Lost { at } => at,
            _ => domain.created_at,
        },
        failures: rows::get_u32(row, "failures")?,
        suspicions: rows::get_u32(row, "suspicions")?,
        due_at: due_at.unwrap_or(domain.created_at),
        dkim_keys: [get(row, "key1")?, get(row, "key2")?],
        domain,
    })
}

/// A look as it is handed to the database.
#[derive(Serialize)]
struct Change<'a> {
    id: i64,
    version: i64,
    records: String,
    spf: Option<String>,
    dmarc: Option<String>,
    zone: Option<&'a str>,
    checked_at: i64,
    digest: i64,
    failures: u32,
    suspicions: u32,
    ticket: i64,
    due_at: i64,
}

impl<'a> Change<'a> {
    fn of(look: &'a Looked, digest: i64) -> Self {
        Self {
            id: look.domain.0,
            version: look.version,
            records: records_json(&look.records),
            spf: look.present.spf.as_deref().map(clean),
            dmarc: look.present.dmarc.as_deref().map(clean),
            zone: look.zone.as_ref().map(|zone| zone.as_str()),
            checked_at: look.report.checked_at.as_microsecond(),
            digest,
            failures: look.failures,
            suspicions: look.suspicions,
            ticket: look.ticket,
            due_at: look.due_at.as_microsecond(),
        }
    }
}

/// A new state. Written apart, since four indexes hang on these columns and
/// most looks change none of them.
#[derive(Serialize)]
struct NewState {
    id: i64,
    state: &'static str,
    at: Option<i64>,
    since: Option<i64>,
    deadline: Option<i64>,
    unaligned_since: Option<i64>,
}

impl NewState {
    /// `None` where a look changes nothing.
    fn of(look: &Looked, before: &DnsState) -> Option<Self> {
        let new = StateColumns::of(&look.dns);
        let StateColumns { state, at, since, deadline, unaligned_since } = new;
        let id = look.domain.0;
        (new != StateColumns::of(before)).then_some(Self { id, state, at, since, deadline, unaligned_since })
    }
}

#[derive(Serialize)]
struct Body {
    id: i64,
    body: String,
}

/// See [`crate::store::Store::apply_looks`].
pub(super) async fn apply(conn: &mut Conn, looks: &[Looked], cause: &Cause) -> Result<Vec<bool>> {
    let ids = json(&looks.iter().map(|look| look.domain.0).collect::<Vec<_>>());
    // The locks come in a statement of their own, so that the next one sees
    // what those before us did.
    lock(conn, dialect::LOCK_DOMAINS, ids.as_str()).await?;
    let mut standings: HashMap<DomainId, Standing> =
        standing::of(conn, &ids).await?.into_iter().map(|standing| (standing.id, standing)).collect();

    let mut written = Vec::with_capacity(looks.len());
    let (mut changes, mut states, mut bodies, mut entries) = (vec![], vec![], vec![], vec![]);
    let mut gained = BTreeSet::new();
    for look in looks {
        // Taken out: of two looks at one domain the second comes too late.
        let standing = standings.remove(&look.domain);
        let current =
            standing.filter(|standing| standing.version == look.version && standing.account == look.account);
        written.push(current.is_some());
        let Some(before) = current else { continue };
        let body = verdicts_json(&look.report.verdicts);
        let digest = digest(&body);
        if before.report_digest != Some(digest) {
            bodies.push(Body { id: look.domain.0, body });
        }
        changes.push(Change::of(look, digest));
        states.extend(NewState::of(look, &before.dns));
        let events = look.events.iter().cloned();
        entries.extend(events.map(|event| Entry::domain(look.account, look.domain, event)));
        let facts = Facts { dns_verified: look.dns.is_verified(), ..before.facts };
        let compliance = events::compliance(before.compliance(), compliance::status(&facts));
        entries.extend(compliance.map(|event| Entry::domain(look.account, look.domain, event)));
        if look.dns.is_verified() && !before.dns.is_verified() {
            gained.insert((before.name, look.account));
        }
    }
    let now = cause.at.as_microsecond();
    if !changes.is_empty() {
        conn.fetch_all(query(dialect::APPLY_LOOKS).bind(json(&changes)).bind(now)).await?;
    }
    if !states.is_empty() {
        conn.execute(query(dialect::SET_STATES).bind(json(&states))).await?;
    }
    if !bodies.is_empty() {
        conn.execute(query(dialect::PUT_REPORTS).bind(json(&bodies))).await?;
    }
    events::add(conn, cause, &entries).await?;
    for (name, account) in gained {
        conn.execute(query(WAKE_RIVALS).bind(name).bind(account.0).bind(now)).await?;
    }
    Ok(written)
}

#[derive(Serialize)]
struct Claim {
    id: i64,
    version: i64,
}

/// See [`crate::store::Store::put_back`].
pub(super) async fn put_back(conn: &mut Conn, claims: &[(DomainId, i64)], due_at: Timestamp) -> Result<()> {
    let claims: Vec<Claim> = claims.iter().map(|&(id, version)| Claim { id: id.0, version }).collect();
    conn.execute(query(dialect::PUT_BACK).bind(json(&claims)).bind(due_at.as_microsecond())).await?;
    Ok(())
}

/// See [`crate::store::Store::next_due`].
pub(super) async fn next_due(conn: &mut Conn) -> Result<Option<Timestamp>> {
    let row = conn.fetch_one(query(NEXT_DUE)).await?;
    get_time_opt(&row, "next")
}

/// What has waited less is not worth spreading.
const OVERDUE: SignedDuration = SignedDuration::from_mins(5);
/// Somebody is sitting in front of a domain this young: it stays due at once.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);

/// See [`crate::store::Store::spread_overdue`].
pub(super) async fn spread(conn: &mut Conn, now: Timestamp, until: Timestamp) -> Result<u64> {
    let before = |span| now.saturating_sub(span).unwrap_or(Timestamp::MIN).as_microsecond();
    let window = until.as_microsecond().saturating_sub(now.as_microsecond()).max(0);
    let done = conn
        .execute(
            query(SPREAD_OVERDUE)
                .bind(now.as_microsecond())
                .bind(window)
                .bind(before(OVERDUE))
                .bind(before(YOUNG)),
        )
        .await?;
    Ok(done.rows_affected())
}
