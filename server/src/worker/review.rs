//! Runs the rules on domains whose review is due, and keeps what they come to.
//!
//! A domain is claimed for longer than looking takes. Whatever goes wrong, the
//! store, the process, the machine, it is due again when that is over.

use super::{TICK, pause};
use crate::{
    ops::{Ops, Refused, review::Examiner},
    store::{Case, Cause, Conclusion, DomainId, Ruled, StoreError},
};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use signet_core::review::{self, Decided, Finding, Outcome};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::watch,
    task::{Id, JoinError, JoinSet},
};
use tracing::Instrument as _;

/// How many domains are looked at at once: each fetches a website, and asks
/// some blocklists.
const AT_ONCE: usize = 8;
/// Looking takes 30 s at most; the rest is for the store.
const GIVE_UP_AFTER: Duration = Duration::from_secs(45);
/// Longer than that.
const LEASE: SignedDuration = SignedDuration::from_secs(60);
/// A domain that would be approved but for sources that cannot be reached is
/// looked at again after this,
const AGAIN_AFTER: SignedDuration = SignedDuration::from_secs(10);
/// and no longer than for this: the review is decided within two minutes.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// Characters of a reason. Owners read it.
const MAX_REASON: usize = 900;

/// Since when domains wait for sources that cannot be reached.
type Waiting = Arc<Mutex<HashMap<(DomainId, i64), Timestamp>>>;

pub(super) async fn run(ops: Ops, examiner: Examiner, mut stop: watch::Receiver<bool>) {
    let waiting = Waiting::default();
    let mut running = JoinSet::new();
    let mut claims: HashMap<Id, (DomainId, i64)> = HashMap::new();
    loop {
        while let Some(ended) = running.try_join_next_with_id() {
            claims.remove(&ended_id(&ended));
        }
        let room = u32::try_from(AT_ONCE.saturating_sub(running.len())).unwrap_or(0);
        match claim(&ops, room).await {
            Ok(cases) => {
                for case in cases {
                    let claim = (case.domain.id, case.version);
                    let span = tracing::info_span!("review", domain = case.domain.id.0);
                    let one = one(ops.clone(), examiner.clone(), waiting.clone(), case).instrument(span);
                    claims.insert(running.spawn(one).id(), claim);
                }
            }
            Err(error) => tracing::error!(%error, "reviews that are due cannot be read"),
        }
        if !pause(Some(&ops.review_due), TICK, &mut stop).await {
            break;
        }
    }
    // What is under way is somebody else's, at once.
    running.shutdown().await;
    for (id, version) in claims.into_values() {
        if let Err(error) = ops.store.put_back_review(id, version, ops.clock.now()).await {
            tracing::warn!(%error, domain = id.0, "a review is put back when its claim ends, not now");
        }
    }
}

fn ended_id(ended: &Result<(Id, ()), JoinError>) -> Id {
    match ended {
        Ok((id, ())) => *id,
        Err(error) => {
            tracing::error!(%error, "a review stopped; it is due again when its claim ends");
            error.id()
        }
    }
}

async fn claim(ops: &Ops, room: u32) -> Result<Vec<Case>, StoreError> {
    if room == 0 {
        return Ok(Vec::new());
    }
    let now = ops.clock.now();
    ops.store.claim_reviews(now, later(now, LEASE), room).await
}

fn later(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.saturating_add(span).unwrap_or(Timestamp::MAX)
}

/// Reviews one domain that is claimed.
async fn one(ops: Ops, examiner: Examiner, waiting: Waiting, case: Case) {
    let started = tokio::time::Instant::now();
    let reviewed = tokio::time::timeout(GIVE_UP_AFTER, review(&ops, &examiner, &waiting, &case)).await;
    let outcome = match reviewed {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => {
            tracing::error!(%error, "a review failed; it is due again when its claim ends");
            "failed"
        }
        Err(_) => {
            tracing::error!("a review takes too long; it is due again when its claim ends");
            "failed"
        }
    };
    metrics::counter!("signet_reviews_total", "outcome" => outcome).increment(1);
    metrics::histogram!("signet_review_seconds").record(started.elapsed().as_secs_f64());
}

/// What it came to.
async fn review(
    ops: &Ops,
    examiner: &Examiner,
    waiting: &Waiting,
    case: &Case,
) -> Result<&'static str, Refused> {
    let policy = &ops.config.review_policy.policy;
    let findings = ops.examine(examiner, policy, &case.domain).await?;
    let (questionnaire, card) = (case.domain.questionnaire, case.domain.card);
    let decided = review::decide(&findings, questionnaire, card, case.card_failed, policy);
    let claim = (case.domain.id, case.version);
    let now = ops.clock.now();
    if review::undecided(&findings, decided) && is_to_wait(waiting, claim, now) {
        ops.store.put_back_review(claim.0, claim.1, later(now, AGAIN_AFTER)).await?;
        return Ok("again");
    }
    let conclusion = match decided {
        Decided::Approve => Conclusion::Approve,
        Decided::Reject => Conclusion::Reject,
        Decided::Refer => Conclusion::Refer,
        Decided::Ask { questionnaire, card } => {
            Conclusion::Ask { questionnaire, card: card.then(|| ops.card_reference()) }
        }
    };
    let cause = Cause { reason: reason(&findings, decided, case), ..Cause::signet(now) };
    let evidence = evidence(&findings);
    let ruled = ops.store.conclude_review(claim.0, claim.1, &conclusion, &evidence, &cause).await?;
    waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&claim);
    match ruled {
        Some(Ruled::Done(_)) => {
            tracing::info!(conclusion = conclusion.as_str(), "a review has run");
            ops.noticed.notify_one();
            Ok(conclusion.as_str())
        }
        // Somebody decided meanwhile, or what was looked at has changed.
        Some(Ruled::Stale(_)) | None => Ok("outdated"),
    }
}

/// Whether a domain is worth another look. Those that waited long enough are
/// forgotten, and so is whatever nobody came back for.
fn is_to_wait(waiting: &Waiting, claim: (DomainId, i64), now: Timestamp) -> bool {
    let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
    waiting.retain(|_, since| now.duration_since(*since) < PATIENCE * 10);
    let since = *waiting.entry(claim).or_insert(now);
    now.duration_since(since) < PATIENCE
}

/// Why, for the history, the operator and the owner.
fn reason(findings: &[Finding], decided: Decided, case: &Case) -> String {
    let said = |outcomes: &[Outcome]| {
        let those = findings.iter().filter(|f| f.outcome.is_some_and(|outcome| outcomes.contains(&outcome)));
        those.map(|finding| finding.evidence.as_str()).collect::<Vec<_>>().join(" ")
    };
    let reason = match decided {
        Decided::Approve => {
            let silent = findings.iter().filter(|finding| finding.outcome.is_none());
            let silent: Vec<&str> = silent.map(|finding| finding.rule.as_str()).collect();
            let rest = if silent.is_empty() {
                String::new()
            } else {
                format!(" These could not be looked at: {}.", silent.join(", "))
            };
            format!("The review found nothing that speaks against it.{rest}")
        }
        Decided::Reject => said(&[Outcome::Reject]),
        Decided::Ask { .. } => said(&[Outcome::AskQuestionnaire, Outcome::AskCard]),
        Decided::Refer if case.card_failed => format!("The card check failed. {}", said(&[Outcome::Refer])),
        Decided::Refer => said(&[Outcome::Refer, Outcome::AskQuestionnaire]),
    };
    let reason: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let reason = reason.trim();
    if reason.is_empty() {
        return "The review needs an answer that was asked for before.".to_string();
    }
    if reason.chars().count() <= MAX_REASON {
        return reason.to_string();
    }
    reason.chars().take(MAX_REASON).chain(['…']).collect()
}

#[derive(Serialize)]
struct Evidence<'a> {
    findings: Vec<Shown<'a>>,
}

#[derive(Serialize)]
struct Shown<'a> {
    rule: &'a str,
    outcome: Option<&'static str>,
    evidence: &'a str,
    source: &'a str,
}

/// What is kept for ever.
fn evidence(findings: &[Finding]) -> String {
    let findings = findings.iter().map(|finding| Shown {
        rule: &finding.rule,
        outcome: finding.outcome.map(Outcome::as_str),
        evidence: &finding.evidence,
        source: &finding.source,
    });
    serde_json::to_string(&Evidence { findings: findings.collect() }).expect("texts make JSON")
}
