//! A domain's DKIM keys: how they stand, asking for others, and what follows
//! from each transition of [`signet_core::rotation`].

use super::{Actor, Ops, Refused, Result, checks, review};
use crate::store::{
    About, Cause, DkimKey, Domain, DomainId, DueRotation, EventKind, KeyRing, NewEvent, NewKey, NewNotice,
    Notice, Slot, StoreError, Turn, WrongRecord,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use signet_core::{
    plan::PlannedRecord,
    rotation::{Proven, Refusal, Ring, Rules, Selector, Stage, Step, Why},
    verify::{dkim::Sight, dns_host::Hosting},
};

/// How soon after a key was published it is looked for: until then some of our
/// own servers may still answer from before.
const SETTLES: SignedDuration = SignedDuration::from_secs(10);
/// Between two looks for a key nobody waits for: doubled with each failure,
const PATIENT: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_hours(1)];
/// and for one somebody waits for.
const HURRIED: [SignedDuration; 2] = [SignedDuration::from_secs(10), SignedDuration::from_mins(10)];
/// After so many failures a key nobody waits for is looked for once a day.
const GIVEN_UP: u32 = 48;
const DAILY: SignedDuration = SignedDuration::from_hours(24);
/// What waits for longer is looked at in between,
const IDLE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// and sooner where another node has newer settings, by which it may not wait.
const OUTDATED: SignedDuration = SignedDuration::from_hours(6);
/// How long a rotation may stand still before its owner is told, and between
/// two times that they are.
const STILL: SignedDuration = SignedDuration::from_hours(24);
const REMIND: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Asking for a rotation beside its worker: one of several tries finds the keys
/// unchanged.
const TRIES: usize = 8;

/// What was done in a step.
#[derive(Debug)]
pub(crate) enum Done {
    /// Nothing: it waits.
    Waited,
    /// This key is published; why, where the key before it there would have signed.
    Published(NewKey, Option<String>),
    /// It was looked for.
    Looked(Selector, Sight),
    /// An Ed25519 key signs no more.
    Retired(Selector),
    /// It is revoked.
    Revoked(Selector),
    /// It is gone.
    Removed(Selector),
}

/// How a domain's keys stand, for people.
#[derive(Debug)]
pub struct Standing<'a> {
    /// The keys, by selector.
    pub keys: Vec<StandingKey<'a>>,
    /// When there is something to do.
    pub due_at: Option<Timestamp>,
    /// Why another key is to sign, in a word, if one is.
    pub wanted: Option<&'static str>,
    step: Step,
    stuck: Option<&'a str>,
}

/// A key, as part of [`Standing`].
#[derive(Debug)]
pub struct StandingKey<'a> {
    /// The label of its selector, as in `s=`.
    pub label: String,
    /// The key.
    pub key: &'a DkimKey,
    /// Whether mail is signed with it now.
    pub signs: bool,
}

impl Standing<'_> {
    /// What comes next, in a few words.
    #[must_use]
    pub fn next(&self) -> String {
        if let Some(stuck) = self.stuck {
            return format!("stands still: {stuck}");
        }
        let until = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        match self.step {
            Step::Wait(None) => "nothing, until another key is asked for".to_string(),
            Step::Wait(Some(at)) if self.has(|stage| stage.clear_at() == Some(at)) => {
                format!("what stood there before the next key may be remembered until {}", until(at))
            }
            Step::Wait(Some(at))
                if self.wanted.is_some() && self.has(|stage| matches!(stage, Stage::Retired { .. })) =>
            {
                format!("mail under way is verified with the key before until {}", until(at))
            }
            Step::Wait(Some(at)) => format!("nothing before {}", until(at)),
            Step::Publish { algorithm, .. } => format!("an {algorithm} key is published"),
            Step::Prove(selector) => {
                let label = self.keys.iter().find(|key| key.key.selector == selector);
                format!("everybody is asked for {}", label.map_or("the key", |key| key.label.as_str()))
            }
            Step::Retire(_) => "the Ed25519 key makes room".to_string(),
            Step::Revoke(_) => "the key before is revoked".to_string(),
            Step::Remove(_) => "the record of the key before is removed".to_string(),
        }
    }

    fn has(&self, so: impl Fn(Stage) -> bool) -> bool {
        self.keys.iter().any(|key| so(key.key.held.stage))
    }
}

impl Ops {
    /// How a domain's keys stand.
    #[must_use]
    pub fn standing<'a>(&self, domain: &Domain, keys: &'a KeyRing) -> Standing<'a> {
        let (rules, now, ring) = (self.key_rules(domain), self.clock.now(), keys.ring());
        let signing = ring.signing(|selector| domain.is_wrong(selector.record()));
        let standing = |key: &'a DkimKey| StandingKey {
            label: self.selector_label(domain, key.selector),
            key,
            signs: signing.contains(&Some(key.selector)),
        };
        let step = ring.step(&rules, now);
        Standing {
            keys: keys.keys.iter().flatten().map(standing).collect(),
            due_at: match step {
                Step::Wait(at) => at,
                _ => keys.due_at,
            },
            wanted: ring.wanted(&rules, now).map(|why| match why {
                Why::Asked => "asked",
                Why::Compromised => "compromised",
                Why::Period => "period",
            }),
            step,
            stuck: keys.stuck.as_ref().map(|(_, why)| why.as_str()),
        }
    }

    /// How a domain's keys are to live.
    #[must_use]
    pub fn key_rules(&self, domain: &Domain) -> Rules {
        Rules { delegated: domain.raw_dkim.is_none(), ..self.config.rotation.spread(domain.id.0) }
    }

    /// The label of a selector, as in `s=`.
    #[must_use]
    pub fn selector_label(&self, domain: &Domain, selector: Selector) -> String {
        format!("{}{}-{}", self.config.provider.prefix, selector.number(), domain.record_id)
    }

    /// A domain's keys; `None` where it has none yet.
    ///
    /// # Errors
    /// [`Refused::NotFound`].
    pub async fn keys(&self, actor: &Actor, id: DomainId) -> Result<(Domain, Option<KeyRing>)> {
        let domain = self.domain(actor, id).await?;
        let keys = self.store.key_ring(actor.account, id).await?;
        Ok((domain, keys))
    }

    /// Asks for another key to sign a domain's mail; the keys as they are then. A
    /// key in wrong hands is replaced as soon as the next can be proven, whatever
    /// is in the way now.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`]; [`Refused::Invalid`] without
    /// a reason, and under `base` with what is in the way.
    pub async fn rotate(
        &self,
        actor: &Actor,
        id: DomainId,
        compromised: bool,
        reason: &str,
    ) -> Result<(Domain, KeyRing)> {
        self.domain_to_change(actor, id).await?;
        let reason = review::with_reason(reason)?;
        let why = if compromised { Why::Compromised } else { Why::Asked };
        for _ in 0..TRIES {
            let domain = self.domain_to_change(actor, id).await?;
            let keys = self.store.key_ring(actor.account, id).await?;
            let keys = keys.ok_or_else(|| refusal(Refusal::NoKeys))?;
            let cause = Cause { reason: reason.clone(), ..self.cause(actor) };
            let mut ring = keys.ring();
            ring.ask(why, &self.key_rules(&domain), cause.at).map_err(refusal)?;
            // What is asked for already may be asked for again; what stands in its way is
            // in the answer. A key that is lost is replaced, whatever its record says.
            if !compromised
                && keys.wanted.is_none()
                && let Err(refused) = self.with_standby_right(&domain, &ring).await
                && !self.standby_is_lost(&domain, &keys).await?
            {
                return Err(refused);
            }
            let asked = NewEvent {
                to: Some(if compromised { "compromised" } else { "asked" }.to_string()),
                ..NewEvent::of(EventKind::RotationAsked)
            };
            let same = unchanged(&domain, &keys);
            // What its owner was told was about something else.
            let (stuck, told_at) =
                if ring == keys.ring() { (same.stuck.clone(), same.told_at) } else { (None, None) };
            let turn = Turn {
                slots: kept(&ring),
                wanted: ring.wanted,
                due_at: Some(cause.at),
                failures: 0,
                stuck,
                told_at,
                events: vec![asked],
                ..same
            };
            if self.store.turn_keys(&turn, &cause).await? {
                self.turning.notify_one();
                let keys = self.store.key_ring(actor.account, id).await?.ok_or(Refused::NotFound)?;
                return Ok((domain, keys));
            }
        }
        Err(Refused::outdated("base", "The keys change all the time just now; try again"))
    }

    /// That the record of the selector whose turn is next was right when it was
    /// last looked at.
    async fn with_standby_right(&self, domain: &Domain, ring: &Ring) -> Result<()> {
        let Some(standby) = ring.active().map(Selector::other) else { return Ok(()) };
        let report = self.store.report(domain.account, domain.id).await?;
        let (verdicts, _) = self.verdicts(domain, report);
        let wrong = verdicts.iter().find(|v| v.key == standby.record() && v.status.is_wrong());
        let Some(wrong) = wrong else { return Ok(()) };
        let record = standby.record();
        let reason = format!("The next key could not take over: {record} is not right. {}", wrong.reason);
        Err(Refused::invalid("base", format!("{reason} {}", wrong.fix).trim().to_string()))
    }

    /// What a step comes to: the transition, and one word for it.
    pub(crate) async fn turn_of(
        &self,
        due: &DueRotation,
        done: Done,
    ) -> std::result::Result<(Turn, &'static str), StoreError> {
        let rules = self.rules_to_turn(&due.domain, &due.keys.ring()).await?;
        let now = self.clock.now();
        let mut ring = due.keys.ring();
        let mut turn = unchanged(&due.domain, &due.keys);
        let named = |selector: Selector| self.named(&due.domain, &due.keys, selector);
        let mut put = None;
        let mut still = false;
        let word = match done {
            Done::Waited => {
                still = due.keys.stuck.is_some() && ring.wanted(&rules, now).is_some();
                "waited"
            }
            Done::Published(key, because) => {
                let word = if because.is_some() { "replaced" } else { "published" };
                if ring.publish(key.selector, key.algorithm, &rules, now) {
                    let to = format!("{} {}", self.selector_label(&due.domain, key.selector), key.id);
                    let from = named(key.selector);
                    let record = Some(key.selector.record());
                    let kind = EventKind::KeyPublished;
                    let to = Some(to);
                    turn.events.push(NewEvent { from, to, record, reason: because, ..NewEvent::of(kind) });
                    put = Some(key);
                }
                turn.failures = 0;
                word
            }
            Done::Looked(selector, sight) => {
                let proven = ring.prove(selector, sight.proof, &rules, now);
                turn.events = self.proven(due, selector, proven, &sight);
                still = matches!(proven, Proven::Nothing | Proven::Gone);
                turn.failures = if still { turn.failures.saturating_add(1) } else { 0 };
                if still {
                    self.stand_still(due, &ring, &rules, &sight, now, &mut turn).await?;
                }
                proven_word(proven)
            }
            Done::Retired(selector) => {
                ring.retire(selector, now);
                let from = named(selector);
                turn.events.push(NewEvent { from, ..NewEvent::of(EventKind::KeyRetired) });
                "retired"
            }
            Done::Revoked(selector) => {
                ring.revoke(selector, now);
                let from = named(selector);
                turn.events.push(NewEvent { from, ..NewEvent::of(EventKind::KeyRevoked) });
                "revoked"
            }
            Done::Removed(selector) => {
                ring.remove(selector);
                let from = named(selector);
                turn.events.push(NewEvent { from, ..NewEvent::of(EventKind::KeyRemoved) });
                "removed"
            }
        };
        if !still {
            (turn.stuck, turn.told_at) = (None, None);
        }
        turn.slots = kept(&ring);
        if let Some((key, held)) = put.and_then(|key: NewKey| ring.on(key.selector).map(|held| (key, held))) {
            let index = key.selector.index();
            turn.slots[index] = Slot::Put(key, held);
        }
        turn.wanted = ring.wanted;
        let idle = match ring.step(&rules, now) {
            Step::Wait(_) if self.others_are_noted().await? => OUTDATED,
            _ => IDLE,
        };
        turn.due_at = Some(next_due(&ring, &rules, turn.failures, now, idle));
        Ok((turn, word))
    }

    /// A key with its selector, as the history names it.
    fn named(&self, domain: &Domain, keys: &KeyRing, selector: Selector) -> Option<String> {
        let key: &DkimKey = keys.keys[selector.index()].as_ref()?;
        Some(format!("{} {}", self.selector_label(domain, selector), key.id))
    }

    /// What the history says of a look for a key.
    fn proven(&self, due: &DueRotation, selector: Selector, proven: Proven, sight: &Sight) -> Vec<NewEvent> {
        let this = self.named(&due.domain, &due.keys, selector);
        let other = self.named(&due.domain, &due.keys, selector.other());
        let of = |kind| NewEvent {
            record: Some(selector.record()),
            evidence: Some(json!({ "seen": sight.said }).to_string()),
            ..NewEvent::of(kind)
        };
        let switched = |from: Option<String>, why: &str| NewEvent {
            from,
            to: this.clone(),
            reason: Some(why.to_string()),
            ..of(EventKind::KeysRotated)
        };
        match proven {
            Proven::Nothing | Proven::Again => Vec::new(),
            Proven::Clear(at) => {
                let reason = Some(format!("{} It may sign from {at} on.", sight.said));
                vec![NewEvent { to: this, reason, ..of(EventKind::KeyProven) }]
            }
            Proven::Gone => {
                vec![NewEvent { from: this, reason: Some(sight.said.clone()), ..of(EventKind::KeyUnseen) }]
            }
            Proven::Started if due.keys.restored => {
                vec![switched(None, "Nothing has signed since the backup was restored.")]
            }
            Proven::Started => vec![switched(None, "Nothing signed before it.")],
            Proven::Switched(why) => {
                let because = match why {
                    Why::Asked => "Somebody asked for it.",
                    Why::Compromised => "The key before was in wrong hands; it is revoked.",
                    Why::Period => "The key before has signed for its time.",
                };
                let mut events = vec![switched(other.clone(), because)];
                if why == Why::Compromised {
                    let record = Some(selector.other().record());
                    events.push(NewEvent { from: other, record, ..NewEvent::of(EventKind::KeyRevoked) });
                }
                events
            }
        }
    }

    /// Notes that a rotation stands still, and has its owner told when it has for
    /// long. Nothing stands still while nobody waits for the key, but who is to
    /// publish it is asked for it.
    async fn stand_still(
        &self,
        due: &DueRotation,
        ring: &Ring,
        rules: &Rules,
        sight: &Sight,
        now: Timestamp,
        turn: &mut Turn,
    ) -> std::result::Result<(), StoreError> {
        let wanted = ring.wanted(rules, now);
        if wanted.is_none() {
            turn.stuck = None;
            return self.prompt(due, ring, sight, turn).await;
        }
        let since = turn.stuck.as_ref().map_or(now, |(since, _)| *since);
        turn.stuck = Some((since, sight.said.clone()));
        if sight.ours {
            tracing::error!(domain = %due.domain.name, seen = sight.said, "our own side keeps a DKIM key from signing");
            return Ok(());
        }
        let urgent = wanted == Some(Why::Compromised);
        let tell_at = match turn.told_at {
            Some(told) => later(told, REMIND),
            None if urgent => since,
            None => later(since, STILL),
        };
        if now < tell_at {
            return Ok(());
        }
        if turn.told_at.is_none() {
            let reason = Some(sight.said.clone());
            turn.events.push(NewEvent { reason, ..NewEvent::of(EventKind::RotationStuck) });
        }
        turn.told_at = Some(now);
        turn.notice = self.standby_notice(due, ring, sight, |wrong| About::RotationStuck { wrong }).await?;
        Ok(())
    }

    /// Word to the owner about the record of the key that is next.
    pub(super) async fn standby_notice(
        &self,
        due: &DueRotation,
        ring: &Ring,
        sight: &Sight,
        about: fn(Vec<WrongRecord>) -> About,
    ) -> std::result::Result<Option<NewNotice>, StoreError> {
        let domain = &due.domain;
        let Some(standby) = ring.active().map(Selector::other) else { return Ok(None) };
        let Some(record) = self.key_record(domain, standby) else { return Ok(None) };
        let report = self.store.report(domain.account, domain.id).await?;
        let verdicts = report.map(|report| report.verdicts).unwrap_or_default();
        let wrong = WrongRecord {
            owner: record.owner.to_string(),
            reason: sight.said.clone(),
            fix: sight.fix.clone(),
        };
        Ok(Some(NewNotice {
            account: domain.account,
            domain: Some(domain.id),
            cause: checks::cause(domain, &Hosting::of_verdicts(&verdicts)),
            notice: Notice {
                domain: Some(domain.name.to_string()),
                about: about(vec![wrong]),
                compliance: None,
            },
        }))
    }

    /// The customer's record for a selector.
    pub(crate) fn key_record(&self, domain: &Domain, selector: Selector) -> Option<PlannedRecord> {
        self.plan(domain).into_iter().find(|record| record.key == selector.record())
    }
}

fn refusal(refusal: Refusal) -> Refused {
    Refused::invalid(
        "base",
        match refusal {
            Refusal::NoKeys => {
                "There is no key that signs yet: the first is made when the domain is verified, and signs once \
                 everybody sees it"
                    .to_string()
            }
            Refusal::StillVerifies(until) => format!(
                "The key before is on the other selector until {}, since mail that is under way is verified with \
                 it; ask again then, or say that the key is compromised",
                until.strftime("%Y-%m-%d %H:%M UTC")
            ),
        },
    )
}

/// The transition that changes nothing.
pub(super) fn unchanged(domain: &Domain, keys: &KeyRing) -> Turn {
    Turn {
        account: domain.account,
        domain: domain.id,
        version: keys.version,
        slots: kept(&keys.ring()),
        wanted: keys.wanted,
        due_at: keys.due_at,
        failures: keys.failures,
        stuck: keys.stuck.clone(),
        told_at: keys.told_at,
        notice: None,
        events: Vec::new(),
    }
}

pub(super) fn kept(ring: &Ring) -> [Slot; 2] {
    ring.keys.map(|held| held.map_or(Slot::Clear, Slot::Keep))
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// When a key on `selector` can be looked for at the earliest.
pub(crate) fn settled_at(ring: &Ring, selector: Selector) -> Timestamp {
    match ring.on(selector).map(|held| held.stage) {
        Some(stage @ (Stage::Next(_) | Stage::Companion(_))) => later(stage.since(), SETTLES),
        _ => Timestamp::MIN,
    }
}

/// When there is something to do next; after `idle` at the latest.
fn next_due(ring: &Ring, rules: &Rules, failures: u32, now: Timestamp, idle: SignedDuration) -> Timestamp {
    let idle = later(now, idle);
    match ring.step(rules, now) {
        Step::Wait(None) => idle,
        Step::Wait(Some(at)) => at.min(idle),
        Step::Prove(selector) => {
            let hurried = ring.wanted(rules, now).is_some();
            later(now, backoff(failures, hurried)).max(settled_at(ring, selector))
        }
        _ => now,
    }
}

fn backoff(failures: u32, hurried: bool) -> SignedDuration {
    let [first, most] = if hurried { HURRIED } else { PATIENT };
    match failures {
        0 => SignedDuration::ZERO,
        _ if failures > GIVEN_UP && !hurried => DAILY,
        _ => (first * 2_i32.pow((failures - 1).min(16))).min(most),
    }
}

fn proven_word(proven: Proven) -> &'static str {
    match proven {
        Proven::Nothing => "unproven",
        Proven::Again => "seen",
        Proven::Clear(_) => "proven",
        Proven::Gone => "gone",
        Proven::Switched(_) => "switched",
        Proven::Started => "started",
    }
}
