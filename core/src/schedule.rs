//! When to look again.

use crate::lifecycle::DnsState;
use jiff::{SignedDuration, Timestamp};

/// What the next look depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The state after the last look.
    pub state: DnsState,
    /// When the wait for the records began: registration, or loss.
    pub waiting_since: Timestamp,
    /// Looks on end that gave no trustworthy answer.
    pub failures: u32,
    /// Looks on end that found a verified domain wrong.
    pub suspicions: u32,
}

/// When to look next after a look at `now`.
///
/// `spread` (0 to 1,000, random) moves a verified domain's next look by up to
/// ±20 %, so that domains registered together part.
#[must_use]
pub fn next_look(pace: &Pace, now: Timestamp, spread: u16) -> Timestamp {
    let mut wait = match pace.state {
        DnsState::Pending | DnsState::Lost { .. } => while_pending(now.duration_since(pace.waiting_since)),
        DnsState::Verified { .. } => spread_by_a_fifth(SignedDuration::from_hours(24), spread),
        DnsState::Suspect { .. } | DnsState::AtRisk { .. } => match pace.suspicions {
            0 | 1 => SignedDuration::from_mins(1),
            2 => SignedDuration::from_mins(5),
            3 => SignedDuration::from_mins(15),
            _ => SignedDuration::from_hours(1),
        },
    };
    if pace.failures > 0 {
        let backoff = after_failures(pace.failures);
        // Nobody is lost by a failure to look, so it may wait; but a verified
        // domain is looked at again before its day is over.
        wait = match pace.state {
            DnsState::Verified { .. } => backoff,
            _ => wait.max(backoff),
        };
    }
    let next = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
    match pace.state {
        DnsState::AtRisk { deadline, .. } if deadline > now => next.min(deadline),
        _ => next,
    }
}

/// When a domain that was due while nobody looked is looked at: at once, spread
/// over `window`, so that a restart is no flood.
#[must_use]
pub fn after_downtime(now: Timestamp, window: SignedDuration, spread: u16) -> Timestamp {
    let share = window * i32::from(spread.min(1000)) / 1000;
    now.saturating_add(share).unwrap_or(Timestamp::MAX)
}

fn while_pending(age: SignedDuration) -> SignedDuration {
    let steps = [
        (SignedDuration::from_mins(5), SignedDuration::from_secs(30)),
        (SignedDuration::from_mins(30), SignedDuration::from_mins(2)),
        (SignedDuration::from_hours(6), SignedDuration::from_mins(10)),
        (SignedDuration::from_hours(72), SignedDuration::from_hours(1)),
        (SignedDuration::from_hours(14 * 24), SignedDuration::from_hours(6)),
    ];
    steps.iter().find(|(until, _)| age < *until).map_or(SignedDuration::from_hours(24), |&(_, every)| every)
}

fn after_failures(failures: u32) -> SignedDuration {
    let minutes = 1i64 << failures.saturating_sub(1).min(9);
    SignedDuration::from_mins(minutes).min(SignedDuration::from_hours(6))
}

fn spread_by_a_fifth(wait: SignedDuration, spread: u16) -> SignedDuration {
    wait * (800 + 2 * i32::from(spread.min(1000)) / 5) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn wait(pace: Pace, now: i64) -> i64 {
        next_look(&pace, at(now), 500).duration_since(at(now)).as_secs()
    }

    const PENDING: DnsState = DnsState::Pending;

    #[test]
    fn pending_domains_slow_down_with_age() {
        let pace = Pace { state: PENDING, waiting_since: at(0), failures: 0, suspicions: 0 };
        let hour = 3600;
        for (age, expected) in [
            (0, 30),
            (299, 30),
            (300, 120),
            (1800, 600),
            (6 * hour, hour),
            (72 * hour, 6 * hour),
            (14 * 24 * hour, 24 * hour),
        ] {
            assert_eq!(wait(pace, age), expected, "at age {age}");
        }
    }

    #[test]
    fn verified_domains_are_spread_over_the_day() {
        let pace = Pace {
            state: DnsState::Verified { at: at(0) },
            waiting_since: at(0),
            failures: 0,
            suspicions: 0,
        };
        let hours = |spread| next_look(&pace, at(0), spread).duration_since(at(0)).as_secs_f64() / 3600.0;
        assert!((hours(0) - 19.2).abs() < 0.1, "{}", hours(0));
        assert!((hours(500) - 24.0).abs() < 0.1, "{}", hours(500));
        assert!((hours(1000) - 28.8).abs() < 0.1, "{}", hours(1000));
    }

    #[test]
    fn suspicion_looks_closer_and_never_past_the_deadline() {
        let suspect = DnsState::Suspect { at: at(0), since: at(0), unaligned_since: None };
        let pace = |suspicions| Pace { state: suspect, waiting_since: at(0), failures: 0, suspicions };
        assert_eq!([1, 2, 3, 4, 9].map(|n| wait(pace(n), 0)), [60, 300, 900, 3600, 3600]);
        let at_risk = DnsState::AtRisk { at: at(0), since: at(0), deadline: at(100), unaligned_since: None };
        let pace = Pace { state: at_risk, waiting_since: at(0), failures: 0, suspicions: 9 };
        assert_eq!(wait(pace, 0), 100);
    }

    #[test]
    fn failures_back_off_to_six_hours() {
        let verified = DnsState::Verified { at: at(0) };
        let pace = |failures| Pace { state: verified, waiting_since: at(0), failures, suspicions: 0 };
        assert_eq!([1, 2, 5, 20, u32::MAX].map(|n| wait(pace(n), 0) / 60), [1, 2, 16, 360, 360]);
    }
}
