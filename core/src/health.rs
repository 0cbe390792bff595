//! How a verified domain does: what is fine, and what works today and may not
//! tomorrow. It makes the weekly report.

use crate::{
    lifecycle::DnsState,
    plan::{Present, RecordKey},
    verify::{
        Code, Status, Verdict,
        dmarc::policy::{Policy, Record},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write as _;
use jiff::{SignedDuration, Timestamp};

/// Between two reports.
pub const EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Between two that say the same, of something fragile.
const UNCHANGED_EVERY: SignedDuration = SignedDuration::from_hours(28 * 24);
/// A DKIM key that signs for so much longer than its period should have been
/// replaced by another.
const OVERDUE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// The same where keys have no period.
const KEY_AGE: SignedDuration = SignedDuration::from_hours(365 * 24);
/// Look-ups an SPF record may need (RFC 7208 §4.6.4).
const LOOKUPS: u8 = 10;
/// So few left are too few: many senders' records need two.
const FEW_LEFT: u8 = 2;

/// What is known of a domain.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Where its verification stands.
    pub dns: &'a DnsState,
    /// What the last look found.
    pub verdicts: &'a [Verdict],
    /// What its owner publishes.
    pub present: &'a Present,
    /// Until when some receivers may still see what a record was before.
    pub late: &'a [(RecordKey, Timestamp)],
    /// Whether rewritten links use the domain's own host.
    pub own_links: bool,
    /// Since when the DKIM key signs that does.
    pub signs_since: Option<Timestamp>,
    /// For how long one is to sign; `None`: until another is asked for.
    pub key_period: Option<SignedDuration>,
}

/// What there is to say of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The records that are as they should be.
    pub fine: Vec<RecordKey>,
    /// What is not, worst first.
    pub fragile: Vec<Concern>,
    /// SPF look-ups left of ten, where there is a record that can be evaluated.
    pub spf_left: Option<u8>,
    /// The DMARC policy, where it is the domain's own.
    pub dmarc: Option<Posture>,
    /// For how many days the DKIM key signs that does.
    pub keys_days: Option<i64>,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concern {
    /// What it is about, in a word or two.
    pub subject: &'static str,
    /// What is the matter.
    pub reason: String,
    /// What to do; empty where nothing is to be done.
    pub fix: String,
    /// The same for two that say the same, whatever numbers are in the text.
    word: &'static str,
}

/// What a domain's own DMARC record asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posture {
    /// What receivers do with mail that fails.
    pub policy: Policy,
    /// Whether they are asked to apply the policy one step below.
    pub testing: bool,
    /// Whether SPF must be for exactly the domain in From.
    pub strict_spf: bool,
    /// Whether a signature must be of exactly the domain in From.
    pub strict_dkim: bool,
    /// Where reports go.
    pub rua: Vec<String>,
}

impl Health {
    /// Looks through the facts.
    #[must_use]
    pub fn of(facts: &Facts<'_>, now: Timestamp) -> Self {
        let judged = |verdict: &&Verdict| {
            verdict.key != RecordKey::LinkVerification || facts.own_links || verdict.status.is_right()
        };
        let verdicts = || facts.verdicts.iter().filter(judged);
        let spf_left =
            verdicts().find_map(|verdict| verdict.lookups).map(|used| LOOKUPS.saturating_sub(used));
        let dmarc = facts.present.dmarc.as_deref().and_then(posture);
        let mut fragile = Vec::new();
        fragile.extend(deadline(facts.dns));
        fragile.extend(verdicts().filter(|verdict| verdict.status != Status::Pass).map(of_verdict));
        fragile.extend(spf_left.filter(|_| !has(facts.verdicts, Code::SpfNearLimit)).and_then(room));
        fragile.extend(dmarc.iter().flat_map(of_posture));
        fragile.extend(
            facts.late.iter().filter(|(_, until)| *until > now).map(|&(key, until)| late(key, until)),
        );
        let age = facts.signs_since.map(|since| now.duration_since(since));
        let most = facts.key_period.map_or(KEY_AGE, |period| period.saturating_add(OVERDUE));
        fragile.extend(age.filter(|age| *age > most).map(old_keys));
        let right = verdicts().filter(|verdict| verdict.status == Status::Pass).map(|verdict| verdict.key);
        let concerns = |key: &RecordKey| fragile.iter().any(|concern| concern.subject == key.purpose());
        Self {
            fine: right.filter(|key| !concerns(key)).collect(),
            fragile,
            spf_left,
            dmarc,
            keys_days: age.map(|age| (age.as_hours() / 24).max(0)),
        }
    }

    /// What it comes to, as text; the same for two of which the second is no news.
    #[must_use]
    pub fn gist(&self) -> String {
        let mut gist = String::new();
        // Writing to a string does not fail.
        for key in &self.fine {
            let _ = write!(gist, "{} ", key.as_str());
        }
        for concern in &self.fragile {
            let _ = write!(gist, "{}:{} ", concern.subject, concern.word);
        }
        if let Some(left) = self.spf_left {
            let _ = write!(gist, "spf_left:{left} ");
        }
        if let Some(posture) = &self.dmarc {
            let _ = write!(gist, "dmarc:{}", posture.policy);
        }
        gist
    }
}

/// What was reported last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// When.
    pub at: Timestamp,
    /// The [`Health::gist`] of all domains in it.
    pub gist: String,
}

/// Whether there is something to report: the first time, when something has
/// changed, and of what stays fragile once in four weeks.
#[must_use]
pub fn is_news(last: Option<&Reported>, gist: &str, fragile: bool, now: Timestamp) -> bool {
    match last {
        None => true,
        Some(last) if now.duration_since(last.at) < EVERY => false,
        Some(last) if last.gist != gist => true,
        Some(last) => fragile && now.duration_since(last.at) >= UNCHANGED_EVERY,
    }
}

fn has(verdicts: &[Verdict], code: Code) -> bool {
    verdicts.iter().any(|verdict| verdict.code == code)
}

fn posture(text: &str) -> Option<Posture> {
    let record = Record::parse(text.as_bytes()).filter(Record::is_applied)?;
    Some(Posture {
        policy: record.own_policy(),
        testing: record.testing,
        strict_spf: record.strict_spf,
        strict_dkim: record.strict_dkim,
        rua: record.rua,
    })
}

fn deadline(state: &DnsState) -> Option<Concern> {
    let DnsState::AtRisk { deadline, .. } = state else { return None };
    Some(Concern {
        subject: "Verification",
        reason: format!(
            "DNS records are wrong. Sending stops on {} unless they are right again by then.",
            deadline.strftime("%Y-%m-%d %H:%M UTC")
        ),
        fix: String::new(),
        word: "at_risk",
    })
}

fn of_verdict(verdict: &Verdict) -> Concern {
    Concern {
        subject: verdict.key.purpose(),
        reason: verdict.reason.clone(),
        fix: verdict.fix.clone(),
        word: verdict.code.as_str(),
    }
}

fn room(left: u8) -> Option<Concern> {
    (left <= FEW_LEFT).then(|| Concern {
        subject: "SPF",
        reason: format!(
            "Your SPF record needs {} of the {LOOKUPS} look-ups allowed. One more sender may be one too many, and then \
             SPF breaks for all your mail.",
            LOOKUPS - left
        ),
        fix: "Before you add a sender, remove one you no longer use.".to_string(),
        word: "few_lookups_left",
    })
}

fn of_posture(posture: &Posture) -> Vec<Concern> {
    let mut concerns = Vec::new();
    if posture.policy == Policy::None {
        concerns.push(Concern {
            subject: "DMARC",
            reason: "The policy is p=none: receivers deliver mail that only pretends to be yours."
                .to_string(),
            fix: "Once the reports show nothing but your own mail, set `p=quarantine` in your DMARC record."
                .to_string(),
            word: "policy_none",
        });
    }
    if posture.rua.is_empty() {
        concerns.push(Concern {
            subject: "DMARC",
            reason: "No address gets reports, so nobody sees who sends in your name.".to_string(),
            fix: "Add `rua=mailto:` with an address of yours to your DMARC record.".to_string(),
            word: "no_reports",
        });
    }
    concerns
}

fn late(key: RecordKey, until: Timestamp) -> Concern {
    Concern {
        subject: key.purpose(),
        reason: format!(
            "The record is right, but until {} some receivers may still see what was there before.",
            until.strftime("%Y-%m-%d %H:%M UTC")
        ),
        fix: String::new(),
        word: "late",
    }
}

fn old_keys(age: SignedDuration) -> Concern {
    Concern {
        subject: "DKIM",
        reason: format!("The key that signs your mail has done so for {} days.", age.as_hours() / 24),
        fix: String::new(),
        word: "old_keys",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn at(days: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + days * 86_400).unwrap()
    }

    fn verdict(key: RecordKey, status: Status, code: Code) -> Verdict {
        Verdict::about(key, status, code, "Seen.").fix("Do.")
    }

    const STRICT: &str = "v=DMARC1; p=reject; rua=mailto:d@shop.example";

    fn dmarc(text: &str) -> Present {
        Present { spf: None, dmarc: Some(text.to_string()) }
    }

    /// Of a domain about which nothing else is to be said.
    fn facts<'a>(verdicts: &'a [Verdict], present: &'a Present) -> Facts<'a> {
        Facts {
            dns: &DnsState::Pending,
            verdicts,
            present,
            late: &[],
            own_links: false,
            signs_since: Some(at(0)),
            key_period: None,
        }
    }

    fn health(verdicts: &[Verdict]) -> Health {
        Health::of(&facts(verdicts, &dmarc(STRICT)), at(30))
    }

    fn words(health: &Health) -> Vec<&str> {
        health.fragile.iter().map(|concern| concern.word).collect()
    }

    #[test]
    fn all_is_well() {
        let all = RecordKey::ALL.map(|key| verdict(key, Status::Pass, Code::Ok));
        let health = health(&all);
        assert_eq!(health.fine, RecordKey::ALL);
        assert_eq!(health.fragile, vec![]);
        assert_eq!(health.keys_days, Some(30));
        assert_eq!(health.dmarc.unwrap().policy, Policy::Reject);
    }

    #[test]
    fn what_is_fragile() {
        let soft = [verdict(RecordKey::Dkim1, Status::Softfail, Code::Copied)];
        assert_eq!(words(&health(&soft)), ["copied"]);
        let weak = Health::of(&facts(&[], &dmarc("v=DMARC1; p=none")), at(30));
        assert_eq!(words(&weak), ["policy_none", "no_reports"]);
        let present = dmarc(STRICT);
        let old = Facts { signs_since: Some(at(-400)), ..facts(&[], &present) };
        assert_eq!(words(&Health::of(&old, at(30))), ["old_keys"]);
        let half_a_year = Some(SignedDuration::from_hours(180 * 24));
        let late = Facts { signs_since: Some(at(-200)), key_period: half_a_year, ..facts(&[], &present) };
        assert_eq!(words(&Health::of(&late, at(30))), ["old_keys"]);
        assert_eq!(words(&Health::of(&late, at(5))), [""; 0], "its turn is about now");
        let late = [(RecordKey::Spf, at(31)), (RecordKey::Dmarc, at(29))];
        assert_eq!(words(&Health::of(&Facts { late: &late, ..facts(&[], &present) }, at(30))), ["late"]);
        let state = DnsState::AtRisk { at: at(0), since: at(29), deadline: at(32), unaligned_since: None };
        let at_risk = Health::of(&Facts { dns: &state, ..facts(&[], &present) }, at(30));
        assert_eq!(words(&at_risk), ["at_risk"]);
        assert!(at_risk.fragile[0].reason.contains("Sending stops on 2026-"), "{:?}", at_risk.fragile);
    }

    #[test]
    fn look_ups_left_are_counted_and_said_once() {
        let spf =
            |used, status, code| [Verdict { lookups: Some(used), ..verdict(RecordKey::Spf, status, code) }];
        for (used, left, expected) in [(0, 10, vec![]), (7, 3, vec![]), (8, 2, vec!["few_lookups_left"])] {
            let health = health(&spf(used, Status::Pass, Code::Ok));
            assert_eq!((health.spf_left, words(&health)), (Some(left), expected), "{used}");
        }
        let near = health(&spf(9, Status::Softfail, Code::SpfNearLimit));
        assert_eq!((near.spf_left, words(&near)), (Some(1), vec!["spf_near_limit"]));
    }

    #[test]
    fn the_link_record_matters_to_those_who_use_it() {
        let links = [verdict(RecordKey::LinkVerification, Status::Missing, Code::NameNotFound)];
        assert_eq!(words(&health(&links)), [""; 0]);
        let present = dmarc(STRICT);
        let own = Facts { own_links: true, ..facts(&links, &present) };
        assert_eq!(words(&Health::of(&own, at(30))), ["name_not_found"]);
    }

    #[test]
    fn quiet_when_nothing_changed() {
        let last = Reported { at: at(0), gist: "a".to_string() };
        assert!(is_news(None, "a", false, at(0)), "the first");
        assert!(!is_news(Some(&last), "b", true, at(6)), "one a week at most");
        assert!(is_news(Some(&last), "b", false, at(7)));
        assert!(!is_news(Some(&last), "a", false, at(400)), "fine and unchanged");
        assert!(!is_news(Some(&last), "a", true, at(27)));
        assert!(is_news(Some(&last), "a", true, at(28)), "fragile once in four weeks");
    }

    #[test]
    fn age_and_times_are_no_news() {
        let at_risk = |hours: i64| DnsState::AtRisk {
            at: at(0),
            since: at(29),
            deadline: at(31) + SignedDuration::from_hours(hours),
            unaligned_since: None,
        };
        let present = dmarc(STRICT);
        let gist = |dns: &DnsState, made| {
            Health::of(&Facts { dns, signs_since: Some(made), ..facts(&[], &present) }, at(30)).gist()
        };
        assert_eq!(gist(&at_risk(0), at(0)), gist(&at_risk(5), at(3)));
        assert_ne!(gist(&at_risk(0), at(0)), gist(&DnsState::Verified { at: at(0) }, at(0)));
    }
}
