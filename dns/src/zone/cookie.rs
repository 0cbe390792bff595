//! DNS cookies (RFC 7873, in the form of RFC 9018): a client that shows the one
//! it was given here is where it says it is.

use aws_lc_rs::{constant_time, hmac, rand::SystemRandom};
use hickory_proto::{
    op::Edns,
    rr::rdata::opt::{EdnsCode, EdnsOption},
};
use std::{net::IpAddr, time::Duration};

/// The option's number, which the wire library has no form for.
const OPTION: u16 = 10;
const CLIENT: usize = 8;
/// Version, reserved, time, hash (RFC 9018 §4).
const SERVER: usize = 16;
const HASH: usize = 8;
/// How long a cookie holds (RFC 9018 §4.3). A new one comes with every answer.
const HOLDS: u32 = 3600;

/// What a message's cookie is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// There is none.
    None,
    /// It has an impossible length (RFC 7873 §5.2.2).
    Malformed,
    /// One to be answered with this; whether the client is where it says it is.
    Given { answer: EdnsOption, proven: bool },
}

/// Makes and knows our cookies. Servers beside this one do not know them, which
/// costs their clients nothing but a new one.
pub(super) struct Baker(hmac::Key);

impl Baker {
    /// With a secret of its own.
    ///
    /// # Panics
    /// When the operating system has no random bytes.
    pub(super) fn new() -> Self {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        Self(key.expect("the operating system has random bytes"))
    }

    /// The cookie in a message from `client`, `now` after our start.
    pub(super) fn judge(&self, edns: &Edns, client: IpAddr, now: Duration) -> Cookie {
        let Some(EdnsOption::Unknown(OPTION, octets)) = edns.option(EdnsCode::Cookie) else {
            return Cookie::None;
        };
        let Some((theirs, ours)) = octets.split_at_checked(CLIENT) else { return Cookie::Malformed };
        if !ours.is_empty() && !(8..=32).contains(&ours.len()) {
            return Cookie::Malformed;
        }
        let now = u32::try_from(now.as_secs()).unwrap_or(u32::MAX);
        let proven = self.is_ours(theirs, ours, client, now);
        let fresh = self.bake(theirs, client, now);
        let answer = EdnsOption::Unknown(OPTION, [theirs, &fresh[..]].concat());
        Cookie::Given { answer, proven }
    }

    fn is_ours(&self, theirs: &[u8], ours: &[u8], client: IpAddr, now: u32) -> bool {
        let Ok(ours) = <&[u8; SERVER]>::try_from(ours) else { return false };
        let baked_at = u32::from_be_bytes([ours[4], ours[5], ours[6], ours[7]]);
        let in_time = now.checked_sub(baked_at).is_some_and(|age| age <= HOLDS);
        in_time && constant_time::verify_slices_are_equal(&self.bake(theirs, client, baked_at), ours).is_ok()
    }

    fn bake(&self, theirs: &[u8], client: IpAddr, now: u32) -> [u8; SERVER] {
        let mut cookie = [0; SERVER];
        cookie[0] = 1;
        cookie[4..8].copy_from_slice(&now.to_be_bytes());
        let mut context = hmac::Context::with_key(&self.0);
        context.update(theirs);
        context.update(&cookie[..8]);
        match client.to_canonical() {
            IpAddr::V4(ip) => context.update(&ip.octets()),
            IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        cookie[8..].copy_from_slice(&context.sign().as_ref()[..HASH]);
        cookie
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const AWAY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    fn with(octets: &[u8]) -> Edns {
        let mut edns = Edns::new();
        edns.options_mut().insert(EdnsOption::Unknown(OPTION, octets.to_vec()));
        edns
    }

    fn given(cookie: Cookie) -> (Vec<u8>, bool) {
        let Cookie::Given { answer: EdnsOption::Unknown(OPTION, octets), proven } = cookie else {
            panic!("{cookie:?}")
        };
        (octets, proven)
    }

    #[test]
    fn a_cookie_proves_its_client_for_an_hour_here() {
        let baker = Baker::new();
        let at = Duration::from_secs;
        let (first, proven) = given(baker.judge(&with(b"12345678"), HOME, at(100)));
        assert!(!proven && first.starts_with(b"12345678") && first.len() == 24);
        assert!(given(baker.judge(&with(&first), HOME, at(100))).1);
        let (second, proven) = given(baker.judge(&with(&first), HOME, at(3_700)));
        assert!(proven && second != first);
        assert!(!given(baker.judge(&with(&first), HOME, at(3_701))).1, "too old");
        assert!(!given(baker.judge(&with(&first), HOME, at(99))).1, "from the future");
        assert!(!given(baker.judge(&with(&first), AWAY, at(100))).1, "another's");
        assert!(!given(Baker::new().judge(&with(&first), HOME, at(100))).1, "another server's");
        for changed in 0..first.len() {
            let mut other = first.clone();
            other[changed] ^= 1;
            assert!(!given(baker.judge(&with(&other), HOME, at(100))).1, "octet {changed}");
        }
    }

    #[test]
    fn lengths() {
        let baker = Baker::new();
        assert_eq!(baker.judge(&Edns::new(), HOME, Duration::ZERO), Cookie::None);
        for length in 0..50 {
            let cookie = baker.judge(&with(&vec![7; length]), HOME, Duration::ZERO);
            let legal = length == 8 || (16..=40).contains(&length);
            assert_eq!(cookie == Cookie::Malformed, !legal, "{length}");
        }
    }
}
