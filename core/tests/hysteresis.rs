//! Random weeks of outages, flaps and real changes, through everything that
//! decides about them: the verdicts over time, the gate, the state machine, the
//! schedule and the brake on mass demotions. No DNS: each look's verdicts are
//! made from what really is the case at that moment.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking, and so do what they are made of")]

use jiff::{SignedDuration, Timestamp};
use proptest::{collection::vec, prelude::*};
use signet_core::{
    lifecycle::{
        Change, DnsState, Gate, Past, Rules,
        dns::gate,
        freeze::{AtStake, WINDOW},
    },
    names::{DomainName, Name, RecordId},
    plan::{Dkim, PlannedRecord, Present, Provider, RecordKey, SpfMode, Subject, plan},
    schedule::{Pace, next_look},
    verify::{Code, Status, Verdict},
};

/// What a record's servers do for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Fine,
    Silent,
    ServFail,
    /// Every server refuses; whether others are answered for at the time.
    Refusing(bool),
    /// They differ.
    Split,
    /// The record is gone, says one server; the others are silent.
    GoneByOne,
    /// It is gone from all of them.
    Gone,
    NotDelegated,
}

use Weather::*;

impl Weather {
    /// Whether it can ever cost a domain its verification.
    fn is_evidence(self) -> bool {
        !matches!(self, Fine | Silent | ServFail | GoneByOne | Refusing(false))
    }

    fn verdict(self, record: &PlannedRecord) -> Verdict {
        let (status, code, agreeing) = match self {
            Fine => (Status::Pass, Code::Ok, 2),
            Silent => (Status::NetworkError, Code::Timeout, 0),
            ServFail => (Status::NetworkError, Code::Servfail, 0),
            Refusing(_) => (Status::NetworkError, Code::Refused, 0),
            Split => (Status::NetworkError, Code::ServersDisagree, 0),
            GoneByOne => (Status::Missing, Code::NameNotFound, 1),
            Gone => (Status::Missing, Code::NameNotFound, 2),
            NotDelegated => (Status::Missing, Code::NotDelegated, 0),
        };
        let mut verdict = Verdict::new(record, status, code, "As it is.");
        verdict.witnesses.asked = 2;
        verdict.witnesses.agreeing = agreeing;
        verdict
    }
}

/// For so many minutes: what the return path's servers do, and DKIM's.
#[derive(Clone, Copy, Debug)]
struct Spell {
    minutes: i64,
    path: Weather,
    dkim: Weather,
}

fn any_weather() -> impl Strategy<Value = Weather> {
    prop_oneof![
        5 => Just(Fine),
        2 => Just(Silent),
        1 => Just(ServFail),
        2 => any::<bool>().prop_map(Refusing),
        1 => Just(Split),
        1 => Just(GoneByOne),
        3 => Just(Gone),
        1 => Just(NotDelegated),
    ]
}

fn any_spell() -> impl Strategy<Value = Spell> {
    // From a flap to days; half of the time both fare alike.
    let minutes = prop_oneof![1i64..30, 30i64..600, 600i64..6000];
    (minutes, any_weather(), any_weather(), any::<bool>()).prop_map(|(minutes, path, other, alike)| {
        // A domain is undelegated as a whole.
        let alike = alike || NotDelegated == path || NotDelegated == other;
        Spell { minutes, path, dkim: if alike { path } else { other } }
    })
}

fn provider() -> Provider {
    Provider {
        zone: Name::parse("signet.test").unwrap(),
        prefix: "sg".to_string(),
        demo_zone: Name::parse("demo.signet.test").unwrap(),
        spf_mode: SpfMode::Off,
        dmarc_rua: None,
        sending_ips: vec!["192.0.2.1".parse().unwrap()],
    }
}

fn planned() -> Vec<PlannedRecord> {
    let domain = DomainName::trusted(Name::parse("example.com").unwrap());
    let id = RecordId::parse("abcdefghijklmnop").unwrap();
    plan(
        &provider(),
        &Subject { domain: &domain, id: &id, demo: false, dkim: Dkim::Delegated },
        &Present::default(),
    )
}

fn minute(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + minutes * 60).unwrap()
}

/// A domain and everything that is remembered of it.
struct Life {
    plan: Vec<PlannedRecord>,
    state: DnsState,
    pasts: Vec<Past>,
    failures: u32,
    suspicions: u32,
}

/// One look and what came of it.
struct Step {
    gate: Gate,
    before: DnsState,
    after: DnsState,
    change: Option<Change>,
}

impl Life {
    fn new() -> Self {
        let plan = planned();
        let pasts = vec![Past::default(); plan.len()];
        Self { plan, state: DnsState::Verified { at: minute(0) }, pasts, failures: 0, suspicions: 0 }
    }

    /// What a look under `spell` comes to, and when the next one is; nothing is
    /// remembered yet.
    fn look(&self, spell: Spell, now: Timestamp) -> (Step, Vec<Past>) {
        let mut verdicts = Vec::new();
        let mut pasts = Vec::new();
        for (record, past) in self.plan.iter().zip(&self.pasts) {
            let weather = match record.key {
                RecordKey::Dkim1 | RecordKey::Dkim2 => spell.dkim,
                _ => spell.path,
            };
            let answers = weather != Refusing(false);
            let (verdict, past) = past.look(weather.verdict(record), answers, now);
            verdicts.push(verdict);
            pasts.push(past);
        }
        let gate = gate(&self.plan, &verdicts, &self.state, RecordKey::Dkim1);
        let (after, change) = self.state.after(&gate, true, false, now, &Rules::default());
        (Step { gate, before: self.state, after, change }, pasts)
    }

    fn remember(&mut self, step: &Step, pasts: Vec<Past>) {
        self.failures = if step.gate == Gate::Unknown { self.failures + 1 } else { 0 };
        self.suspicions = match step.gate {
            Gate::Unknown => self.suspicions,
            Gate::Wrong(_) => self.suspicions + 1,
            Gate::Right => 0,
        };
        (self.state, self.pasts) = (step.after, pasts);
    }

    fn next(&self, now: Timestamp) -> Timestamp {
        let waiting_since = match self.state {
            DnsState::Lost { at } => at,
            _ => minute(0),
        };
        let Self { state, failures, suspicions, .. } = *self;
        next_look(&Pace { domain: 7, state, waiting_since, failures, suspicions, sends: false }, now)
    }
}

/// Lives through `spells`, and hands every look to `each`.
fn live(spells: &[Spell], mut each: impl FnMut(Timestamp, Spell, &Step)) -> (Life, Timestamp) {
    let mut life = Life::new();
    let mut now = minute(1);
    let mut end = minute(0);
    for spell in spells {
        end += SignedDuration::from_mins(spell.minutes);
        while now < end {
            let (step, pasts) = life.look(*spell, now);
            each(now, *spell, &step);
            life.remember(&step, pasts);
            now = life.next(now);
        }
    }
    (life, now.max(end))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    /// Every loss: two looks ten minutes apart at least, nothing right between
    /// them, evidence at the last; not before the deadline told, unless nothing
    /// aligned any more, and that is confirmed as well.
    #[test]
    fn nothing_is_lost_without_confirmed_evidence(spells in vec(any_spell(), 1..40)) {
        let mut wrong_since = None;
        let mut told: Option<Timestamp> = None;
        let mut failed: Option<String> = None;
        live(&spells, |now, spell, step| {
            let fail = |what: &str| Some(format!("{what} at {now}: {:?} -> {:?}", step.before, step.after));
            match &step.gate {
                Gate::Right => (wrong_since, told) = (None, None),
                Gate::Wrong(_) if step.before.is_verified() => { wrong_since.get_or_insert(now); }
                _ => {}
            }
            match step.change {
                Some(Change::AtRisk { deadline }) => told = Some(deadline),
                Some(Change::DeadlineMoved { deadline }) => {
                    if told.is_none_or(|before| deadline >= before) || deadline <= now {
                        failed = fail("a deadline that is no nearer one");
                    }
                    told = Some(deadline);
                }
                Some(Change::Lost) => {
                    let evidence = spell.path.is_evidence() || spell.dkim.is_evidence();
                    let confirmed = wrong_since.is_some_and(|since| now.duration_since(since) >= Rules::default().confirm_after);
                    let Gate::Wrong(wrong) = &step.gate else { return failed = fail("lost by no wrong look") };
                    if !evidence || !confirmed || !wrong.corroborated {
                        failed = fail("lost without confirmed evidence");
                    }
                    if told.is_some_and(|deadline| now < deadline) && wrong.aligned {
                        failed = fail("lost before the deadline told");
                    }
                    (wrong_since, told) = (None, None);
                }
                _ => {}
            }
        });
        prop_assert!(failed.is_none(), "{}", failed.unwrap_or_default());
    }

    /// Whatever came before: silence, SERVFAIL, one server alone and our own
    /// outage leave the state as it was.
    #[test]
    fn outages_change_nothing(
        before in vec(any_spell(), 0..10),
        outage in prop_oneof![Just(Silent), Just(ServFail), Just(Refusing(false))],
        days in 1i64..30,
    ) {
        let (_, start) = live(&before, |_, _, _| ());
        let spell = Spell { minutes: days * 1440, path: outage, dkim: outage };
        let mut changed = None;
        let all: Vec<Spell> = before.iter().copied().chain([spell]).collect();
        live(&all, |now, _, step| {
            if now >= start && step.before != step.after {
                changed = Some((now, step.before, step.after));
            }
        });
        prop_assert!(changed.is_none(), "{changed:?}");
    }

    /// Servers that differ never promote: neither a new domain nor a lost one.
    #[test]
    fn a_split_never_promotes(spells in vec(any_spell(), 1..40)) {
        let mut promoted = false;
        live(&spells, |_, spell, step| {
            let gained = !step.before.is_verified() && step.after.is_verified();
            promoted |= gained && (spell.path != Fine || spell.dkim != Fine);
        });
        prop_assert!(!promoted);
        let life = Life { state: DnsState::Pending, ..Life::new() };
        let split = Spell { minutes: 1, path: Split, dkim: Fine };
        let (step, _) = life.look(split, minute(1));
        prop_assert_eq!(step.after, DnsState::Pending);
    }

    /// After anything at all, one good look of a verified or lost domain mends
    /// everything, within the schedule's own time.
    #[test]
    fn recovery_is_automatic(spells in vec(any_spell(), 1..40)) {
        let fine = Spell { minutes: 3 * 1440, path: Fine, dkim: Fine };
        let all: Vec<Spell> = spells.iter().copied().chain([fine]).collect();
        let (life, _) = live(&all, |_, _, _| ());
        prop_assert!(matches!(life.state, DnsState::Verified { .. }), "{:?}", life.state);
        prop_assert!(life.pasts.iter().all(|past| past.trouble.is_none()));
    }
}

proptest! {
    // Each case is thousands of looks.
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Many domains whose resolvers begin to lie at one moment: no more than a
    /// hundredth, or twenty, are lost within any hour, however long it goes on.
    #[test]
    fn a_failure_of_everything_is_held_back(domains in 40usize..120, hours in 2i64..10) {
        let gone = Spell { minutes: hours * 60, path: Gone, dkim: Gone };
        let mut lives: Vec<Life> = (0..domains).map(|_| Life::new()).collect();
        // All are looked at within ten minutes of one another.
        let mut due: Vec<Timestamp> =
            (0..domains).map(|n| minute(1) + SignedDuration::from_secs(600 * n as i64 / domains as i64)).collect();
        let mut lost: Vec<Timestamp> = Vec::new();
        while let Some((n, now)) = due.iter().copied().enumerate().min_by_key(|(_, at)| *at) {
            if now > minute(gone.minutes) {
                break;
            }
            let (mut step, pasts) = lives[n].look(gone, now);
            if step.change == Some(Change::Lost) {
                let soon = now + WINDOW;
                let losing = lives.iter().filter(|life| match life.state {
                    DnsState::AtRisk { deadline, .. } => deadline <= soon,
                    DnsState::Suspect { unaligned_since, .. } => unaligned_since.is_some(),
                    _ => false,
                });
                let tally = AtStake {
                    lost: lost.iter().filter(|at| **at > now - WINDOW).count() as u64,
                    losing: losing.count() as u64,
                    verified: lives.iter().filter(|life| life.state.is_verified()).count() as u64,
                };
                if tally.is_frozen() {
                    step.after = step.before;
                } else {
                    lost.push(now);
                }
            }
            lives[n].remember(&step, pasts);
            due[n] = if step.change == Some(Change::Lost) && lives[n].state.is_verified() {
                now + SignedDuration::from_mins(15)
            } else {
                lives[n].next(now)
            };
        }
        prop_assert!(lost.len() <= 20.max(domains / 100), "{} of {domains} were lost", lost.len());
    }
}

#[test]
fn a_dead_zone_takes_a_day_then_the_whole_grace() {
    let spell = |hours: i64, weather| Spell { minutes: hours * 60, path: weather, dkim: weather };
    let mut changes = Vec::new();
    live(&[spell(1, Fine), spell(24 * 8, Refusing(true))], |now, _, step| {
        changes.extend(step.change.map(|change| (now, change)));
    });
    let [(told_at, Change::AtRisk { deadline }), (lost_at, Change::Lost)] = changes[..] else {
        panic!("{changes:?}");
    };
    assert!(told_at >= minute(25 * 60), "a day is evidence of nothing: {told_at}");
    assert_eq!(deadline, told_at + SignedDuration::from_hours(72));
    assert_eq!(lost_at, deadline, "the deadline told is the deadline kept");
}
