//! Looking at a domain's DNS: asking for it, and deciding on what was found.

use super::{Actor, Ops, Refused, Result};
use crate::store::{
    About, AccountId, Alert, Domain, DomainId, Due, EventKind, Held, Looked, NewEvent, RecordState, Report,
    WrongRecord,
};
use jiff::{SignedDuration, Timestamp};
use signet_core::{
    lifecycle::{Change, DnsState, Gate, Past, Rules, dns},
    plan::{PlannedRecord, Present, RecordKey},
    schedule::{self, Pace, SENDS_FOR},
    verify::{Findings, Status, Verdict, dns_host::Hosting},
};
use std::time::Duration;

/// How often a waiting request looks whether its check is done, should the
/// worker that does it be in another process.
const POLL: Duration = Duration::from_millis(250);

/// How soon a domain is looked at again whose loss is held back.
const LOOK_AT_HELD: SignedDuration = SignedDuration::from_mins(15);

impl Ops {
    /// Makes a domain due at once and waits up to `wait` for a look that began
    /// after this call. The domain as it is then, and whether it was looked at.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`].
    pub async fn check_domain(&self, actor: &Actor, id: DomainId, wait: Duration) -> Result<(Domain, bool)> {
        let domain = self.domain_to_change(actor, id).await?;
        if domain.demo {
            return Ok((domain, true));
        }
        let deadline = tokio::time::Instant::now() + wait;
        let ticket =
            self.store.request_check(actor.account, id, self.clock.now()).await?.ok_or(Refused::NotFound)?;
        self.due.notify_one();
        loop {
            let looked = self.looked.notified();
            tokio::pin!(looked);
            looked.as_mut().enable();
            let covered = self.store.covered(actor.account, id).await?.ok_or(Refused::NotFound)? >= ticket;
            let now = tokio::time::Instant::now();
            if covered || now >= deadline {
                return Ok((self.domain(actor, id).await?, covered));
            }
            let _ = tokio::time::timeout_at(deadline.min(now + POLL), looked).await;
        }
    }

    /// Makes every domain due, or every one of an account; how many there are.
    /// They are looked at as fast as can be, whoever waits for them or not.
    ///
    /// # Errors
    /// [`Refused::NotFound`] when there is no such account.
    pub async fn check_all(&self, account: Option<AccountId>) -> Result<u64> {
        if let Some(account) = account {
            self.store.account(account).await?.ok_or(Refused::NotFound)?;
        }
        let asked = self.store.request_check_all(account, self.clock.now()).await?;
        self.due.notify_one();
        Ok(asked)
    }

    /// What a look at a claimed domain means.
    #[must_use]
    pub fn decide(&self, due: &Due, plan: &[PlannedRecord], observed: Observed) -> Looked {
        let rules = Rules { grace: self.config.grace, ..Rules::default() };
        let now = self.clock.now();
        let (looked, gate) = decide(due, plan, observed, now, &rules);
        self.sight.note(&gate, now);
        looked
    }
}

/// What a look found, and how far it went.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The verdicts.
    pub findings: Findings,
    /// Whether every server of the zone was asked.
    pub whole: bool,
    /// Whether control domains were answered for. Only asked where it matters:
    /// when all servers of the zone turned us away.
    pub others_answer: bool,
}

/// What the verdicts mean for a claimed domain's verification.
#[must_use]
pub fn gate(due: &Due, plan: &[PlannedRecord], findings: &Findings) -> Gate {
    dns::gate(plan, &findings.verdicts, &due.domain.dns, due.domain.active_selector.record())
}

fn decide(
    due: &Due,
    plan: &[PlannedRecord],
    observed: Observed,
    now: Timestamp,
    rules: &Rules,
) -> (Looked, Gate) {
    let Observed { mut findings, whole, others_answer } = observed;
    let pasts = over_time(&due.domain, plan, &mut findings, others_answer, now);
    let gate = gate(due, plan, &findings);
    let (dns, change) = due.domain.dns.after(&gate, whole, due.rival, now, rules);
    let failures = if gate == Gate::Unknown { due.failures.saturating_add(1) } else { 0 };
    let wrong = matches!(gate, Gate::Wrong(_)) && dns.is_verified();
    let suspicions = match gate {
        Gate::Unknown => due.suspicions,
        _ if wrong => due.suspicions.saturating_add(1),
        _ => 0,
    };
    let waiting_since = match dns {
        DnsState::Lost { at } => at,
        _ => due.waiting_since,
    };
    let held = (change == Some(Change::Lost) && !due.rival).then(|| Held {
        dns: due.domain.dns,
        due_at: now.saturating_add(LOOK_AT_HELD).unwrap_or(Timestamp::MAX),
    });
    let alert = change.and_then(|change| alert(change, &due.domain, plan, &gate, &findings));
    let (records, mut events) = record_states(&due.domain, plan, &findings, &pasts, now);
    events.extend(change.map(|change| event(change, &gate, &findings)));
    let sends = due.sent_at.is_some_and(|at| now.duration_since(at) < SENDS_FOR);
    let pace = Pace { domain: due.domain.id.0, state: dns, waiting_since, failures, suspicions, sends };
    let looked = Looked {
        domain: due.domain.id,
        account: due.domain.account,
        version: due.version,
        ticket: due.ticket,
        due_at: schedule::next_look(&pace, now),
        present: still_present(&due.domain.present, &findings),
        report: Report { checked_at: now, verdicts: findings.verdicts },
        records,
        zone: findings.zone.or_else(|| due.domain.zone.clone()),
        dns,
        held,
        alert,
        failures,
        suspicions,
        events,
    };
    (looked, gate)
}

/// What could not be read now is not forgotten; what is proven absent is.
fn still_present(before: &Present, findings: &Findings) -> Present {
    let unread = |key| findings.verdicts.iter().any(|v| v.key == key && v.status == Status::NetworkError);
    let kept = |key, before: &Option<String>, now: &Option<String>| {
        if unread(key) { now.clone().or_else(|| before.clone()) } else { now.clone() }
    };
    Present {
        spf: kept(RecordKey::Spf, &before.spf, &findings.present.spf),
        dmarc: kept(RecordKey::Dmarc, &before.dmarc, &findings.present.dmarc),
    }
}

/// What time makes of the verdicts; beside it, what to remember of each.
fn over_time(
    domain: &Domain,
    plan: &[PlannedRecord],
    findings: &mut Findings,
    others_answer: bool,
    now: Timestamp,
) -> Vec<Past> {
    let verdicts = std::mem::take(&mut findings.verdicts);
    let looked = verdicts.into_iter().map(|verdict| {
        let record = plan.iter().find(|record| record.key == verdict.key);
        let before = record.and_then(|record| domain.state_of(record));
        before.map(|state| state.past).unwrap_or_default().look(verdict, others_answer, now)
    });
    let (verdicts, pasts) = looked.unzip();
    findings.verdicts = verdicts;
    pasts
}

/// The statuses now shown, with a history row for each that changed.
fn record_states(
    domain: &Domain,
    plan: &[PlannedRecord],
    findings: &Findings,
    pasts: &[Past],
    now: Timestamp,
) -> (Vec<RecordState>, Vec<NewEvent>) {
    let mut events = Vec::new();
    let states = plan
        .iter()
        .filter_map(|record| {
            let mut looked = findings.verdicts.iter().zip(pasts);
            let (verdict, &past) = looked.find(|(verdict, _)| verdict.key == record.key)?;
            let before = domain.state_of(record);
            let before = before.map_or(dns::Shown::UNCHECKED, |state| state.shown);
            let shown = before.after(verdict.status, now);
            if shown.status != before.status {
                events.push(NewEvent {
                    kind: EventKind::RecordChanged,
                    reason: Some(verdict.reason.clone()),
                    from: Some(before.status.to_string()),
                    to: Some(shown.status.to_string()),
                    record: Some(record.key),
                    evidence: None,
                });
            }
            Some(RecordState { key: record.key, shown, past, expected: record.value.clone() })
        })
        .collect();
    (states, events)
}

/// What the owner is told; nothing of the first verification, which changes the
/// compliance status and is told as that.
fn alert(
    change: Change,
    domain: &Domain,
    plan: &[PlannedRecord],
    gate: &Gate,
    findings: &Findings,
) -> Option<Alert> {
    let wrong = match gate {
        Gate::Wrong(found) => {
            let found = findings.verdicts.iter().filter(|verdict| found.records.contains(&verdict.key));
            wrong(plan, found)
        }
        Gate::Right | Gate::Unknown => Vec::new(),
    };
    let about = match change {
        Change::Verified => return None,
        Change::AtRisk { deadline } => About::AtRisk { deadline, wrong },
        Change::DeadlineMoved { deadline } => About::DeadlineMoved { deadline, wrong },
        Change::Lost => About::Lost { wrong },
        Change::Mended => About::Mended,
        Change::Recovered => About::Recovered,
    };
    Some(Alert { about, cause: cause(domain, &Hosting::of_verdicts(&findings.verdicts)) })
}

/// What a domain's trouble may have in common with others': the DNS host.
pub(super) fn cause(domain: &Domain, hosting: &Hosting) -> String {
    hosting.host().map_or_else(|| domain.name.to_string(), |host| host.name.to_string())
}

/// What is wrong by a stored report.
pub(super) fn still_wrong(due: &Domain, plan: &[PlannedRecord], verdicts: &[Verdict]) -> Vec<WrongRecord> {
    match dns::gate(plan, verdicts, &due.dns, due.active_selector.record()) {
        Gate::Wrong(found) => {
            wrong(plan, verdicts.iter().filter(|verdict| found.records.contains(&verdict.key)))
        }
        Gate::Right | Gate::Unknown => Vec::new(),
    }
}

/// For people: these verdicts, in the plan's order.
fn wrong<'a>(
    plan: &[PlannedRecord],
    verdicts: impl Iterator<Item = &'a Verdict> + Clone,
) -> Vec<WrongRecord> {
    let wrong = |record: &PlannedRecord| {
        let verdict = verdicts.clone().find(|verdict| verdict.key == record.key)?;
        Some(WrongRecord {
            owner: record.owner.to_string(),
            reason: verdict.reason.clone(),
            fix: verdict.fix.clone(),
        })
    };
    plan.iter().filter_map(wrong).collect()
}

fn event(change: Change, gate: &Gate, findings: &Findings) -> NewEvent {
    let (kind, to) = match change {
        Change::Verified => (EventKind::DomainVerified, None),
        Change::AtRisk { deadline } | Change::DeadlineMoved { deadline } => {
            (EventKind::DomainAtRisk, Some(deadline.to_string()))
        }
        Change::Mended => (EventKind::DomainMended, None),
        Change::Lost => (EventKind::DomainUnverified, None),
        Change::Recovered => (EventKind::DomainRecovered, None),
    };
    let (reason, record) = match gate {
        Gate::Wrong(wrong) => {
            let first = findings.verdicts.iter().find(|v| wrong.records.contains(&v.key));
            (first.map(|v| v.reason.clone()), first.map(|v| v.key))
        }
        _ => (None, None),
    };
    NewEvent { reason, to, record, ..NewEvent::of(kind) }
}
