//! Response-rate limiting: whoever is sent the same answer over and over did
//! most likely not ask for it, since resolvers remember. A flood of questions
//! under a victim's address must not become a flood of answers to the victim.
//!
//! As BIND, Knot and NSD have it: answers of one kind to one network are counted
//! in a bucket that fills by the rate each second. While it is empty every
//! second answer is dropped and every other one cut short, so that a client that
//! is really there asks again over TCP.

use super::answer::Response;
use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RecordType},
};
use std::{
    hash::{BuildHasher as _, Hash, Hasher as _, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// How many seconds of answers a bucket may be short of: how long a client goes
/// on being limited after it stopped, at most.
const WINDOW: i64 = 15;
/// One of so many answers over the rate is sent, cut short.
const SLIP: u32 = 2;
/// Buckets in all: some 4 MB.
const SETS: usize = 1 << 15;
const WAYS: usize = 4;
/// Bits of an address that make a network: what one customer of a provider has.
const PREFIX_4: u32 = 24;
const PREFIX_6: u32 = 56;

/// What becomes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    /// An empty answer with TC instead.
    Truncate,
    Drop,
}

/// See the module.
pub(super) struct Limiter {
    /// Answers per second, in thousandths.
    rate: i64,
    sets: Box<[Mutex<[Bucket; WAYS]>]>,
    hasher: RandomState,
}

#[derive(Clone, Copy, Default)]
struct Bucket {
    /// Of network and kind; 0: free. Two with one are limited together.
    key: u64,
    /// In milliseconds since the start.
    filled_at: u64,
    /// In thousandths of an answer.
    level: i64,
    /// Answers over the rate, on end.
    over: u32,
}

impl Limiter {
    /// `rate` answers of a kind per second and network.
    pub(super) fn new(rate: u32) -> Self {
        let sets = (0..SETS).map(|_| Mutex::new([Bucket::default(); WAYS])).collect();
        Self { rate: i64::from(rate) * 1_000, sets, hasher: RandomState::new() }
    }

    /// What becomes of this answer, `now` after the start.
    pub(super) fn judge(
        &self,
        now: Duration,
        client: IpAddr,
        asked: Option<(&Name, RecordType)>,
        response: &Response,
    ) -> Verdict {
        let mut hasher = self.hasher.build_hasher();
        network(client).hash(&mut hasher);
        match (response.rcode, asked) {
            // All names that do not exist in a zone are one kind.
            (ResponseCode::NXDomain, _) => {
                1u8.hash(&mut hasher);
                response.authorities.first().map(|soa| &soa.name).hash(&mut hasher);
            }
            (ResponseCode::NoError, Some((name, rtype))) => {
                2u8.hash(&mut hasher);
                // Case is ignored by both.
                match &response.wildcard {
                    Some(wildcard) => wildcard.hash(&mut hasher),
                    None => name.hash(&mut hasher),
                }
                // There are as many types that a name does not have as anybody likes.
                (!response.answers.is_empty()).then_some(rtype).hash(&mut hasher);
            }
            _ => 3u8.hash(&mut hasher),
        }
        // 0 is for places that are free.
        self.count(now, hasher.finish() | 1)
    }

    fn count(&self, now: Duration, key: u64) -> Verdict {
        let now = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let set = usize::try_from(key >> 32).unwrap_or_default() % SETS;
        let mut buckets = self.sets[set].lock().unwrap_or_else(PoisonError::into_inner);
        let held = buckets.iter().position(|bucket| bucket.key == key);
        let place = held.unwrap_or_else(|| {
            // Who is being limited keeps the place: else a flood of addresses
            // would set its own victims free.
            let ease = |bucket: &Bucket| self.level(bucket, now).min(self.rate);
            let easiest = (0..WAYS).max_by_key(|&way| (buckets[way].key == 0, ease(&buckets[way])));
            easiest.unwrap_or_default()
        });
        let bucket = &mut buckets[place];
        if held.is_none() {
            *bucket = Bucket { key, filled_at: now, level: self.rate, over: 0 };
        }
        let level = self.level(bucket, now);
        bucket.filled_at = now;
        bucket.level = (level - 1_000).max(-WINDOW * self.rate);
        if level >= 1_000 {
            bucket.over = 0;
            return Verdict::Send;
        }
        bucket.over = bucket.over.wrapping_add(1);
        if bucket.over.is_multiple_of(SLIP) { Verdict::Truncate } else { Verdict::Drop }
    }

    /// What a bucket has come to hold.
    fn level(&self, bucket: &Bucket, now: u64) -> i64 {
        // A minute fills any.
        let elapsed = i64::try_from(now.saturating_sub(bucket.filled_at).min(60_000)).unwrap_or(60_000);
        (bucket.level + elapsed * (self.rate / 1_000)).min(self.rate)
    }
}

/// The address without its end; an IPv4 address in IPv6 clothes is one.
pub(super) fn network(client: IpAddr) -> u128 {
    match client.to_canonical() {
        IpAddr::V4(ip) => u128::from(ip.to_bits() >> (32 - PREFIX_4)),
        // Told apart from the former, which is short.
        IpAddr::V6(ip) => 1 << 127 | ip.to_bits() >> (128 - PREFIX_6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: u32 = 50;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn ask(limiter: &Limiter, ms: u64, client: &str, asked: &str) -> Verdict {
        let asked = name(asked);
        let asked = Some((&asked, RecordType::TXT));
        limiter.judge(Duration::from_millis(ms), ip(client), asked, &Response::empty())
    }

    fn flood(limiter: &Limiter, times: usize, client: &str) {
        for _ in 0..times {
            ask(limiter, 0, client, "a.test.");
        }
    }

    fn sent(verdicts: impl Iterator<Item = Verdict>) -> usize {
        verdicts.filter(|verdict| *verdict == Verdict::Send).count()
    }

    #[test]
    fn a_flood_gets_the_rate_and_every_other_of_the_rest_is_cut_short() {
        let limiter = Limiter::new(RATE);
        let verdicts: Vec<_> = (0..1_000).map(|_| ask(&limiter, 0, "192.0.2.1", "a.test.")).collect();
        assert_eq!(sent(verdicts.iter().copied()), 50);
        let cut = verdicts.iter().filter(|verdict| **verdict == Verdict::Truncate).count();
        assert_eq!(cut, 475);
        assert_eq!(verdicts[50..54], [Verdict::Drop, Verdict::Truncate, Verdict::Drop, Verdict::Truncate]);
    }

    #[test]
    fn who_goes_on_gets_nothing_and_who_stops_is_free_after_the_window() {
        let limiter = Limiter::new(RATE);
        // Twenty times the rate for a minute: after the first second, nothing.
        let during = |from: u64, to: u64| {
            sent(
                (from..to)
                    .map(|ms| ask(&limiter, ms, "192.0.2.1", "a.test."))
                    .collect::<Vec<_>>()
                    .into_iter(),
            )
        };
        assert!((50..=53).contains(&during(0, 1_000)));
        assert_eq!(during(1_000, 60_000), 0);
        assert_ne!(ask(&limiter, 74_000, "192.0.2.1", "a.test."), Verdict::Send, "14 s later");
        assert_eq!(ask(&limiter, 75_100, "192.0.2.1", "a.test."), Verdict::Send, "15 s later");
    }

    #[test]
    fn networks_names_and_kinds_are_counted_apart() {
        let limiter = Limiter::new(RATE);
        flood(&limiter, 100, "192.0.2.1");
        assert_ne!(ask(&limiter, 0, "192.0.2.200", "A.Test."), Verdict::Send, "same /24, other case");
        assert_ne!(ask(&limiter, 0, "::ffff:192.0.2.9", "a.test."), Verdict::Send, "mapped");
        assert_eq!(ask(&limiter, 0, "192.0.3.1", "a.test."), Verdict::Send, "another network");
        assert_eq!(ask(&limiter, 0, "192.0.2.1", "b.test."), Verdict::Send, "another name");
        flood(&limiter, 100, "2001:db8:1:100::1");
        assert_ne!(ask(&limiter, 0, "2001:db8:1:1ff::2", "a.test."), Verdict::Send, "same /56");
        assert_eq!(ask(&limiter, 0, "2001:db8:1:200::1", "a.test."), Verdict::Send, "another /56");
    }

    #[test]
    fn random_names_are_one_kind_where_they_do_not_exist_or_a_wildcard_is_them() {
        let limiter = Limiter::new(RATE);
        let soa = |zone: &str| {
            let mut response = Response::with_code(ResponseCode::NXDomain);
            let data = hickory_proto::rr::RData::A(hickory_proto::rr::rdata::A::new(192, 0, 2, 1));
            response.authorities.push(hickory_proto::rr::Record::from_rdata(name(zone), 60, data));
            response
        };
        let mut made = Response::empty();
        made.wildcard = Some(name("*.a.test."));
        for response in [soa("test."), made, Response::refused()] {
            let verdicts = (0..100).map(|number| {
                let asked = name(&format!("x{number}.a.test."));
                limiter.judge(Duration::ZERO, ip("192.0.2.1"), Some((&asked, RecordType::A)), &response)
            });
            assert_eq!(sent(verdicts), 50, "{response:?}");
        }
    }

    #[test]
    fn a_flood_of_networks_frees_nobody() {
        let limiter = Limiter::new(RATE);
        flood(&limiter, 1_000, "192.0.2.1");
        for number in 0..200_000u32 {
            let client = IpAddr::from(std::net::Ipv4Addr::from_bits(0x0a00_0000 + (number << 8)));
            let asked = name("a.test.");
            let asked = Some((&asked, RecordType::TXT));
            limiter.judge(Duration::ZERO, client, asked, &Response::empty());
        }
        assert_ne!(ask(&limiter, 0, "192.0.2.1", "a.test."), Verdict::Send);
    }

    proptest! {
        /// No more is ever sent than the rate allows, whenever it is asked for;
        /// and what stays within the rate is always sent.
        #[test]
        fn no_more_than_the_rate(gaps in proptest::collection::vec(0u64..200, 1..400), rate in 1u32..20) {
            let limiter = Limiter::new(rate);
            let (mut now, mut count) = (0, 0);
            for gap in &gaps {
                now += gap;
                count += u64::from(ask(&limiter, now, "192.0.2.1", "a.test.") == Verdict::Send);
            }
            prop_assert!(count * 1_000 <= u64::from(rate) * (now + 1_000));

            let limiter = Limiter::new(rate);
            let mut now = 0;
            for gap in gaps {
                now += gap + 1_000_u64.div_ceil(u64::from(rate));
                prop_assert_eq!(ask(&limiter, now, "192.0.2.1", "a.test."), Verdict::Send);
            }
        }
    }
}
