//! When to look again.

use crate::lifecycle::DnsState;
use jiff::{SignedDuration, Timestamp};

/// What the next look depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The domain's number, which decides at what time of the day its turn is.
    pub domain: i64,
    /// The state after the last look.
    pub state: DnsState,
    /// When the wait for the records began: registration, or loss.
    pub waiting_since: Timestamp,
    /// Looks on end that gave no trustworthy answer.
    pub failures: u32,
    /// Looks on end that found a verified domain wrong.
    pub suspicions: u32,
    /// Whether mail was sent from it of late, see [`SENDS_FOR`].
    pub sends: bool,
}

/// For how long a domain counts as one that sends, after it has.
pub const SENDS_FOR: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How soon a domain that sends is looked at again.
pub const WHILE_SENDING: SignedDuration = SignedDuration::from_hours(6);

/// When to look next after a look at `now`.
#[must_use]
pub fn next_look(pace: &Pace, now: Timestamp) -> Timestamp {
    let mut wait = match pace.state {
        DnsState::Pending | DnsState::Lost { .. } => while_pending(now.duration_since(pace.waiting_since)),
        DnsState::Verified { .. } => about(if pace.sends { DAY / 4 } else { DAY }, pace.domain, now),
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

/// How many domains with numbers on end have their turn together. A store that
/// keeps them side by side then reads and writes a few pages for all of them.
pub const BLOCK: i64 = 16;

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// A verified domain's turn comes once in a period, a day or a quarter of one: in
/// that time, and up to a fifth sooner or later where that brings it nearer to its
/// place in the period. Within five looks it is there and stays, so that domains
/// registered together part and the load is even, whatever came between.
fn about(period: i64, domain: i64, now: Timestamp) -> SignedDuration {
    let ahead = (turn(domain) - now.as_microsecond()).rem_euclid(period);
    let off = if ahead > period / 2 { ahead - period } else { ahead };
    // From farther away a share of the way, the fifth from half a period: were the
    // steps longer, all who are far would meet at their end.
    let step = if off.abs() <= period / 10 { off } else { off * 2 / 5 };
    SignedDuration::from_micros(period + step)
}

/// The time of the day when the block has its turn, in microseconds.
fn turn(domain: i64) -> i64 {
    let block = domain.div_euclid(BLOCK).cast_unsigned();
    (scattered(block) % DAY.cast_unsigned()).cast_signed()
}

/// A number that looks drawn, never the same for two (splitmix64, Steele, Lea
/// and Flood 2014).
fn scattered(number: u64) -> u64 {
    let x = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn wait(pace: Pace, now: i64) -> i64 {
        next_look(&pace, at(now)).duration_since(at(now)).as_secs()
    }

    const PENDING: DnsState = DnsState::Pending;

    #[test]
    fn pending_domains_slow_down_with_age() {
        let pace = Pace {
            domain: 1,
            state: PENDING,
            waiting_since: at(0),
            failures: 0,
            suspicions: 0,
            sends: false,
        };
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

    fn verified(domain: i64) -> Pace {
        let state = DnsState::Verified { at: at(0) };
        Pace { domain, state, waiting_since: at(0), failures: 0, suspicions: 0, sends: false }
    }

    const HOUR: i64 = 3600;

    /// The looks at a domain first verified at second `begin`, each made a
    /// little after it was due.
    fn looks(domain: i64, begin: i64) -> impl Iterator<Item = Timestamp> {
        let late = SignedDuration::from_millis(700);
        core::iter::successors(Some(at(begin)), move |&now| Some(next_look(&verified(domain), now) + late))
    }

    #[test]
    fn a_verified_domains_day_is_never_off_by_more_than_a_fifth() {
        for domain in 0..2_000 {
            let wait = next_look(&verified(domain * 7), at(domain * 61)).duration_since(at(domain * 61));
            let hours = wait.as_secs_f64() / 3600.0;
            assert!((19.2..=28.8).contains(&hours), "domain {domain}: {hours} h");
        }
    }

    #[test]
    fn one_that_sends_has_its_turn_four_times_a_day() {
        for domain in 0..2_000 {
            let now = at(domain * 61);
            let sends = Pace { sends: true, ..verified(domain * 7) };
            let hours = next_look(&sends, now).duration_since(now).as_secs_f64() / 3600.0;
            assert!((4.8..=7.2).contains(&hours), "domain {domain}: {hours} h");
        }
    }

    #[test]
    fn neighbours_settle_on_one_time_of_the_day_and_keep_it() {
        let mut turns = alloc::collections::BTreeSet::new();
        for domain in 0..640 {
            // Registered over a week, in no order.
            let begin = domain * 7_919 % (7 * 24 * HOUR);
            let settled: alloc::vec::Vec<i64> =
                looks(domain, begin).skip(5).take(3).map(|at| at.as_microsecond() % DAY).collect();
            assert!(settled.iter().all(|&turn| turn == settled[0]), "domain {domain}: {settled:?}");
            turns.insert(settled[0]);
        }
        assert_eq!(turns.len(), 640 / 16, "one time for each block, another for every other");
    }

    #[test]
    fn the_load_is_even_over_the_day_however_domains_came() {
        // All of 4,000 blocks within one hour: from the fifth round on no hour
        // has much more than its 24th.
        let hour_of = |block: i64| {
            let settled = looks(block * 16, block % HOUR).nth(5).unwrap();
            settled.as_second() % (24 * HOUR) / HOUR
        };
        let mut hours = [0u32; 24];
        (0..4_000).for_each(|block| hours[hour_of(block) as usize] += 1);
        assert!(hours.iter().all(|blocks| (120..=215).contains(blocks)), "{hours:?}");
        // And in the second no quarter of an hour has more than five times its
        // share, though all lie within two fifths of a day.
        let mut quarters = [0u32; 4 * 30];
        for block in 0..4_000 {
            let second = looks(block * 16, block % HOUR).nth(1).unwrap();
            quarters[(second.duration_since(at(0)).as_secs() / 900) as usize] += 1;
        }
        assert!(quarters.iter().all(|&blocks| blocks <= 5 * 4_000 / (4 * 24)), "{quarters:?}");
    }

    #[test]
    fn suspicion_looks_closer_and_never_past_the_deadline() {
        let suspect = DnsState::Suspect { at: at(0), since: at(0), unaligned_since: None };
        let pace = |suspicions| Pace {
            domain: 1,
            state: suspect,
            waiting_since: at(0),
            failures: 0,
            suspicions,
            sends: false,
        };
        assert_eq!([1, 2, 3, 4, 9].map(|n| wait(pace(n), 0)), [60, 300, 900, 3600, 3600]);
        let at_risk = DnsState::AtRisk { at: at(0), since: at(0), deadline: at(100), unaligned_since: None };
        let pace = Pace {
            domain: 1,
            state: at_risk,
            waiting_since: at(0),
            failures: 0,
            suspicions: 9,
            sends: false,
        };
        assert_eq!(wait(pace, 0), 100);
    }

    #[test]
    fn failures_back_off_to_six_hours() {
        let verified = DnsState::Verified { at: at(0) };
        let pace = |failures| Pace {
            domain: 1,
            state: verified,
            waiting_since: at(0),
            failures,
            suspicions: 0,
            sends: false,
        };
        assert_eq!([1, 2, 5, 20, u32::MAX].map(|n| wait(pace(n), 0) / 60), [1, 2, 16, 360, 360]);
    }
}
