//! What is remembered of a record from one look to the next, and what time
//! makes of a look that proves nothing by itself.
//!
//! A time-out is evidence of nothing, however long it lasts. But servers that
//! all turn everybody away, or that contradict one another, or an SPF record
//! somebody depends on that is gone, are no passing trouble any more after a
//! day in which every look found the same.

use crate::verify::{Code, Status, Verdict};
use jiff::{SignedDuration, Timestamp};

/// How long trouble must last before it is a verdict (VERDICTS, outages).
const LASTING: SignedDuration = SignedDuration::from_hours(24);
/// Looks further apart than this do not show that it lasted in between: one
/// that fails comes again after 6 hours at most (DESIGN, schedule).
const GAP: SignedDuration = SignedDuration::from_hours(8);

/// Trouble that becomes a verdict when it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every server of the zone refuses, or does not serve it.
    Dead,
    /// The servers contradict one another.
    Split,
    /// SPF needs another party's record, before ours, that cannot be reached.
    Include,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dead, Self::Split, Self::Include];

    /// As stored.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dead => "dead",
            Self::Split => "split",
            Self::Include => "include",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    fn of(verdict: &Verdict) -> Option<Self> {
        match (verdict.status, verdict.code) {
            (Status::NetworkError, Code::Refused | Code::Lame) => Some(Self::Dead),
            (Status::NetworkError, Code::ServersDisagree) => Some(Self::Split),
            (Status::NetworkError, Code::SpfIncludeUnreachable) => Some(Self::Include),
            _ => None,
        }
    }
}

/// Trouble under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What.
    pub kind: Kind,
    /// The first look of those on end that found it.
    pub since: Timestamp,
    /// The last of them.
    pub last: Timestamp,
}

/// What is remembered of one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Past {
    /// Trouble that may become a verdict.
    pub trouble: Option<Trouble>,
    /// Until when some receivers may still see what stood there while the
    /// record was not right: the TTL of that, from when it was last seen
    /// (RFC 2308 §5, RFC 1035 §3.2.1).
    pub late_until: Option<Timestamp>,
}

impl Past {
    /// The verdict of a look at `now` in the light of those before it, and what
    /// the next one is to know.
    ///
    /// `others_answer` says that control domains were answered for at the same
    /// time. Where they were not, nobody can be called dead: it may well be us.
    #[must_use]
    pub fn look(self, verdict: Verdict, others_answer: bool, now: Timestamp) -> (Verdict, Self) {
        let trouble = self.trouble(&verdict, others_answer, now);
        let verdict = match trouble {
            Some(trouble) if Kind::of(&verdict).is_some() && lasted(trouble) => proven(verdict, trouble),
            _ => verdict,
        };
        let late_until = self.late_until(&verdict, now);
        (verdict, Self { trouble, late_until })
    }

    fn trouble(self, verdict: &Verdict, others_answer: bool, now: Timestamp) -> Option<Trouble> {
        let Some(kind) = Kind::of(verdict) else {
            // A look that failed otherwise neither proves it nor ends it.
            return self.trouble.filter(|_| verdict.status == Status::NetworkError);
        };
        if kind == Kind::Dead && !others_answer {
            return None;
        }
        let before = self.trouble.filter(|t| t.kind == kind && now.duration_since(t.last) <= GAP);
        Some(Trouble { kind, since: before.map_or(now, |t| t.since), last: now })
    }

    fn late_until(self, verdict: &Verdict, now: Timestamp) -> Option<Timestamp> {
        let after = |seconds: u32| now.saturating_add(SignedDuration::from_secs(seconds.into())).ok();
        let later = if verdict.status.is_wrong() { verdict.ttl } else { verdict.late };
        let still = self.late_until.filter(|until| *until > now);
        later.and_then(after).max(still)
    }
}

fn lasted(trouble: Trouble) -> bool {
    trouble.last.duration_since(trouble.since) >= LASTING
}

/// What nobody may hold against a customer today is a fact after a day.
fn proven(mut verdict: Verdict, trouble: Trouble) -> Verdict {
    let since = trouble.since.strftime("%Y-%m-%d %H:%M UTC");
    verdict.status = Status::Fail;
    let (code, what, fix) = match trouble.kind {
        Kind::Dead => (
            Code::ZoneDead,
            "every look since then found the same, while other domains were answered for.",
            "Ask your DNS host whether the zone is still set up there and paid for, and check at your registrar that \
             the name servers listed there are the ones your DNS host gives you.",
        ),
        Kind::Split => (
            Code::ServersSplit,
            "the name servers have contradicted one another since then.",
            "Ask your DNS host why its servers differ. If you moved to another DNS host, enter only its name servers \
             at your registrar, and delete the zone at the old one.",
        ),
        Kind::Include => (
            Code::SpfIncludeUnreachable,
            "it could not be reached since then, and until it can, receivers cannot evaluate the record.",
            "If you no longer send through it, remove that term from the SPF record; if you do, tell its operator.",
        ),
    };
    verdict.code = code;
    verdict.reason = alloc::format!("{} This began on {since}: {what}", verdict.reason.trim_end());
    verdict.fix = fix.into();
    // Every server was asked, and each did its part in this.
    verdict.witnesses.agreeing = verdict.witnesses.asked;
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{
        PlannedRecord, Present,
        tests::{planned, provider},
    };
    use alloc::vec::Vec;

    fn record() -> PlannedRecord {
        planned(&provider(), "example.com", &Present::default()).remove(0)
    }

    fn verdict(status: Status, code: Code) -> Verdict {
        let mut verdict = Verdict::new(&record(), status, code, "Seen.");
        verdict.witnesses.asked = 2;
        verdict
    }

    fn hour(hours: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + hours * 3600).unwrap()
    }

    /// What looks at these hours come to, one after the other.
    fn run(looks: &[(i64, Code, bool)]) -> Vec<Code> {
        let mut past = Past::default();
        let mut codes = Vec::new();
        for &(at, code, others_answer) in looks {
            let status = if code == Code::Ok { Status::Pass } else { Status::NetworkError };
            let (verdict, next) = past.look(verdict(status, code), others_answer, hour(at));
            past = next;
            codes.push(verdict.code);
        }
        codes
    }

    #[test]
    fn a_day_of_the_same_trouble_is_a_verdict() {
        for (code, then) in [
            (Code::Refused, Code::ZoneDead),
            (Code::Lame, Code::ZoneDead),
            (Code::ServersDisagree, Code::ServersSplit),
            (Code::SpfIncludeUnreachable, Code::SpfIncludeUnreachable),
        ] {
            let codes = run(&[
                (0, code, true),
                (6, code, true),
                (12, code, true),
                (18, code, true),
                (23, code, true),
                (24, code, true),
            ]);
            assert_eq!(codes, [code, code, code, code, code, then]);
        }
        let before = Trouble { kind: Kind::Dead, since: hour(0), last: hour(20) };
        let past = Past { trouble: Some(before), late_until: None };
        let (verdict, _) = past.look(verdict(Status::NetworkError, Code::Refused), true, hour(24));
        assert_eq!(verdict.status, Status::Fail);
        assert!(verdict.witnesses.corroborate() && !verdict.fix.is_empty());
        assert!(verdict.reason.contains("2023-11-14 22:13 UTC"), "{}", verdict.reason);
    }

    #[test]
    fn time_outs_prove_nothing_however_long() {
        let looks: Vec<(i64, Code, bool)> = (0..200).map(|n| (n, Code::Timeout, true)).collect();
        assert!(run(&looks).iter().all(|code| *code == Code::Timeout));
        let looks: Vec<(i64, Code, bool)> = (0..200).map(|n| (n, Code::Servfail, true)).collect();
        assert!(run(&looks).iter().all(|code| *code == Code::Servfail));
    }

    #[test]
    fn it_starts_again_after_an_answer_a_pause_or_our_own_outage() {
        let dead = |at| (at, Code::Refused, true);
        let last = |looks: &[(i64, Code, bool)]| run(looks).pop();
        assert_eq!(last(&[dead(0), dead(7), (12, Code::Ok, true), dead(17), dead(24)]), Some(Code::Refused));
        assert_eq!(last(&[dead(0), dead(24)]), Some(Code::Refused), "nobody looked in between");
        let ours = (12, Code::Refused, false);
        assert_eq!(last(&[dead(0), dead(7), ours, dead(17), dead(24)]), Some(Code::Refused));
        let silent = (12, Code::Timeout, true);
        assert_eq!(
            last(&[dead(0), dead(8), silent, dead(16), dead(24)]),
            Some(Code::ZoneDead),
            "silence in between is no sign of life"
        );
    }

    #[test]
    fn what_was_seen_before_may_be_seen_for_as_long_as_it_lives() {
        let mut missing = verdict(Status::Missing, Code::NameNotFound);
        missing.ttl = Some(3600);
        let (_, past) = Past::default().look(missing, true, hour(0));
        assert_eq!(past.late_until, Some(hour(1)));
        let right = || verdict(Status::Pass, Code::Ok);
        let (_, soon) = past.look(right(), true, hour(0));
        assert_eq!(soon.late_until, Some(hour(1)), "published, but not seen by all");
        assert_eq!(soon.look(right(), true, hour(1)).1, Past::default());
        let mut late = right();
        late.late = Some(7200);
        assert_eq!(soon.look(late, true, hour(1)).1.late_until, Some(hour(3)), "as resolvers show");
    }
}
