//! What looks change.
//!
//! Most find what was there: the same verdicts, the same state. These write the
//! narrow row of `look` alone, by a statement that compares what it is given
//! with what is there. Whatever that statement does not write is taken to
//! pieces: facts are read, history is written.

use super::{
    Conn, checks, dialect,
    events::{self, Entry},
    lock, notices,
    proofs::{self, Unseen},
    query,
    rows::Fields,
    standing::{self, Standing},
};
use crate::store::{
    Cause, DomainId, Looked, NewNotice, Notice, Result, StatusChange,
    stored::{StateColumns, clean, digest, json, records_json, verdicts_json},
};
use jiff::Timestamp;
use serde::Serialize;
use signet_core::{
    lifecycle::{DnsState, Facts, compliance},
    rotation::Selector,
    verify::dkim::seen_wrong,
};
use sqlx::Executor as _;
use std::collections::{BTreeSet, HashMap, HashSet};

/// What a look changes in `look`: an array, whose places the dialects' `turns!`
/// name. Millions a day are handed over, and names would be most of it.
#[derive(Clone, Copy, Debug)]
struct Turn {
    id: i64,
    account: i64,
    version: i64,
    checked_at: i64,
    digest: i64,
    failures: u32,
    suspicions: u32,
    ticket: i64,
    due_at: i64,
}

impl Serialize for Turn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let Self { id, account, version, checked_at, digest, failures, suspicions, ticket, due_at } = self;
        (id, account, version, checked_at, digest, failures, suspicions, ticket, due_at).serialize(serializer)
    }
}

impl Turn {
    fn of(look: &Looked, digest: i64) -> Self {
        Self {
            id: look.domain.0,
            account: look.account.0,
            version: look.version,
            checked_at: look.report.checked_at.as_microsecond(),
            digest,
            failures: look.failures,
            suspicions: look.suspicions,
            ticket: look.ticket,
            due_at: look.due_at.as_microsecond(),
        }
    }
}

/// Looks about to be applied.
pub(super) struct Batch {
    /// By the looks' order; `None` for one that comes too late for certain, since
    /// there is another at the same domain before it.
    turns: Vec<Option<Turn>>,
}

impl Batch {
    pub(super) fn of(looks: &[Looked]) -> Self {
        let mut domains = HashSet::with_capacity(looks.len());
        let turns = looks
            .iter()
            .map(|look| domains.insert(look.domain).then(|| Turn::of(look, digest(&look.found()))));
        Self { turns: turns.collect() }
    }

    /// Those that may have found nothing new, for [`quiet`].
    pub(super) fn perhaps_quiet(&self, looks: &[Looked]) -> Option<String> {
        let quiet = self.turns.iter().zip(looks).filter(|(_, look)| look.events.is_empty());
        let mut turns: Vec<Turn> = quiet.filter_map(|(turn, _)| *turn).collect();
        // Rows side by side are then written one after the other, and nodes
        // take their locks in the same order.
        turns.sort_unstable_by_key(|turn| turn.id);
        (!turns.is_empty()).then(|| json(&turns))
    }

    /// Those that `written` leaves, with their digests.
    pub(super) fn rest(&self, looks: &[Looked], written: &HashSet<DomainId>) -> Vec<(Looked, i64)> {
        let turns = self.turns.iter().zip(looks).filter(|(_, look)| !written.contains(&look.domain));
        turns.filter_map(|(turn, look)| Some((look.clone(), (*turn)?.digest))).collect()
    }

    /// For each look whether it was written, where `written` has their domains.
    pub(super) fn outcome(&self, looks: &[Looked], written: &HashSet<DomainId>) -> Vec<bool> {
        let turns = self.turns.iter().zip(looks);
        turns.map(|(turn, look)| turn.is_some() && written.contains(&look.domain)).collect()
    }
}

/// Writes those that found nothing new, and says which.
pub(super) async fn quiet(conn: &mut Conn, turns: &str, now: Timestamp) -> Result<HashSet<DomainId>> {
    let rows = conn.fetch_all(query(dialect::QUIET_LOOKS).bind(turns).bind(now.as_microsecond())).await?;
    rows.iter().map(|row| Ok(DomainId(Fields::from(row, 0).get()?))).collect()
}

/// What a look leaves in `domain` but for the state.
#[derive(Serialize)]
struct Found<'a> {
    id: i64,
    records: String,
    spf: Option<String>,
    dmarc: Option<String>,
    zone: Option<&'a str>,
}

impl<'a> Found<'a> {
    fn of(look: &'a Looked) -> Self {
        Self {
            id: look.domain.0,
            records: records_json(&look.records, look.report.checked_at),
            spf: look.present.spf.as_deref().map(clean),
            dmarc: look.present.dmarc.as_deref().map(clean),
            zone: look.zone.as_ref().map(|zone| zone.as_str()),
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

/// What there is to write for several looks.
#[derive(Default)]
struct Changes<'a> {
    turns: Vec<Turn>,
    found: Vec<Found<'a>>,
    states: Vec<NewState>,
    bodies: Vec<Body>,
    entries: Vec<Entry>,
    /// What was seen in place of DKIM keys.
    unseen: Vec<Unseen>,
    /// Names that have been proven, and by which account.
    gained: BTreeSet<(String, i64)>,
    notices: Vec<NewNotice>,
}

impl<'a> Changes<'a> {
    fn add(&mut self, look: &'a Looked, digest: i64, before: Standing, digest_before: Option<i64>) {
        self.turns.push(Turn::of(look, digest));
        if digest_before != Some(digest) {
            self.found.push(Found::of(look));
            self.bodies.push(Body { id: look.domain.0, body: verdicts_json(&look.report.verdicts) });
        }
        self.states.extend(NewState::of(look, &before.dns));
        let entry = |event| Entry::domain(look.account, look.domain, event);
        self.entries.extend(look.events.iter().cloned().map(entry));
        self.unseen.extend(look.report.verdicts.iter().filter_map(|verdict| {
            Some(Unseen {
                account: look.account,
                domain: look.domain,
                selector: Selector::of_record(verdict.key)?,
                kept_for: seen_wrong(verdict)?,
                said: verdict.reason.clone(),
            })
        }));
        let facts = Facts { dns_verified: look.dns.is_verified(), ..before.facts };
        let (was, is) = (before.compliance(), compliance::status(&facts));
        let changed = events::compliance(was, is).map(entry);
        self.entries.extend(changed.map(|entry| Entry { told: look.alert.is_some(), ..entry }));
        self.notices.extend(look.alert.as_ref().map(|alert| NewNotice {
            account: look.account,
            domain: Some(look.domain),
            cause: alert.cause.clone(),
            notice: Notice {
                domain: Some(before.name.clone()),
                about: alert.about.clone(),
                compliance: (was != is).then(|| StatusChange { from: was.to_string(), to: is.to_string() }),
            },
        }));
        if look.dns.is_verified() && !before.dns.is_verified() {
            self.gained.insert((before.name, look.account.0));
        }
    }

    async fn write(mut self, conn: &mut Conn, cause: &Cause) -> Result<()> {
        let now = cause.at.as_microsecond();
        if !self.turns.is_empty() {
            conn.execute(query(dialect::APPLY_LOOKS).bind(json(&self.turns)).bind(now)).await?;
        }
        if !self.found.is_empty() {
            conn.execute(query(dialect::SET_FOUND).bind(json(&self.found))).await?;
            conn.execute(query(dialect::PUT_REPORTS).bind(json(&self.bodies))).await?;
        }
        if !self.states.is_empty() {
            conn.execute(query(dialect::SET_STATES).bind(json(&self.states))).await?;
        }
        events::add(conn, cause, &self.entries).await?;
        notices::add(conn, &self.notices, cause.at).await?;
        // In the order in which others take the same rows.
        self.unseen.sort_unstable_by_key(|unseen| (unseen.domain, unseen.selector));
        for unseen in &self.unseen {
            proofs::unseen(conn, unseen, cause).await?;
        }
        for (name, account) in self.gained {
            conn.execute(query(checks::WAKE_RIVALS).bind(name).bind(account).bind(now)).await?;
        }
        Ok(())
    }
}

/// Writes looks, one at each domain, with all that follows from them, and says
/// which.
pub(super) async fn changed(
    conn: &mut Conn,
    looks: &[(Looked, i64)],
    cause: &Cause,
) -> Result<HashSet<DomainId>> {
    let ids = json(&looks.iter().map(|(look, _)| look.domain.0).collect::<Vec<_>>());
    // The locks come in statements of their own, so that what is read next is
    // what those before us left.
    lock(conn, dialect::LOCK_DOMAINS, ids.as_str()).await?;
    let mut turns = HashMap::new();
    for row in &conn.fetch_all(query(dialect::LOCK_TURNS).bind(ids.as_str())).await? {
        let mut fields = Fields::from(row, 0);
        let turn: (i64, i64, Option<i64>) = (fields.get()?, fields.get()?, fields.get()?);
        turns.insert(DomainId(turn.0), (turn.1, turn.2));
    }
    let mut standings: HashMap<DomainId, Standing> =
        standing::of(conn, &ids).await?.into_iter().map(|standing| (standing.id, standing)).collect();

    let mut written = HashSet::new();
    let mut changes = Changes::default();
    for (look, digest) in looks {
        let Some((version, digest_before)) = turns.remove(&look.domain) else { continue };
        let standing = standings.remove(&look.domain);
        let standing = standing.filter(|at| at.account == look.account && version == look.version);
        let Some(before) = standing else { continue };
        written.insert(look.domain);
        changes.add(look, *digest, before, digest_before);
    }
    changes.write(conn, cause).await?;
    Ok(written)
}
