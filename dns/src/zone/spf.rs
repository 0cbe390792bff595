//! The SPF records that list our sending addresses.

use super::own::ZoneError;
use signet_core::{names::Name, plan::Provider};
use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
};

/// The longest record text: with its name, its question and EDNS it stays
/// below the 512 bytes that reach everybody over UDP (RFC 7208 §3.4).
const MAX_TEXT: usize = 450;

/// How many records the addresses may be spread over. Each costs everyone who
/// includes us one of their ten look-ups (RFC 7208 §4.6.4).
const MAX_PARTS: usize = 6;

/// The texts, by owner.
pub(super) struct SpfTexts {
    pub(super) records: Vec<(Name, String)>,
}

/// How many look-ups our include takes of the ten that a customer's whole record may
/// take: itself, and one for each part where the addresses do not fit into one
/// record.
///
/// # Errors
/// [`ZoneError::TooManyAddresses`] when there is no such record.
pub fn spf_lookups(provider: &Provider) -> Result<usize, ZoneError> {
    // Beside the parts there are the records at the include target and at the
    // return-path host.
    Ok(texts(provider)?.records.len() - 1)
}

/// The record at the include target, the one at the return-path host (which
/// lists the addresses itself and so needs no look-up), and parts to include
/// where the addresses do not fit into one record.
///
/// # Errors
/// [`ZoneError::TooManyAddresses`] when even the parts are not enough.
pub(super) fn texts(provider: &Provider) -> Result<SpfTexts, ZoneError> {
    let mechanisms = mechanisms(&provider.sending_ips);
    let whole = record(&mechanisms, "~all");
    let include = provider.spf_include();
    let bounce = provider.bounce_host();
    if whole.len() <= MAX_TEXT {
        let records = vec![(include, whole), (bounce, record(&mechanisms, "-all"))];
        return Ok(SpfTexts { records });
    }

    let mut records = Vec::new();
    let mut includes = Vec::new();
    let mut rest = mechanisms.as_slice();
    while !rest.is_empty() {
        let mut fits = 0;
        let mut length = record(&[], "~all").len();
        while let Some(mechanism) = rest.get(fits)
            && length + 1 + mechanism.len() <= MAX_TEXT
        {
            length += 1 + mechanism.len();
            fits += 1;
        }
        let (part, left) = rest.split_at(fits);
        rest = left;
        let label = format!("{}{}", include.first_label(), includes.len() + 1);
        let owner = include.parent().and_then(|zone| zone.prepend(&label)).ok_or(ZoneError::TooLong)?;
        includes.push(format!("include:{owner}"));
        records.push((owner, record(part, "~all")));
    }
    if includes.len() > MAX_PARTS || record(&includes, "~all").len() > MAX_TEXT {
        return Err(ZoneError::TooManyAddresses);
    }
    records.push((include, record(&includes, "~all")));
    records.push((bounce, record(&includes, "-all")));
    Ok(SpfTexts { records })
}

fn record(terms: &[String], all: &str) -> String {
    let mut text = "v=spf1".to_owned();
    for term in terms.iter().map(String::as_str).chain([all]) {
        text.push(' ');
        text.push_str(term);
    }
    text
}

/// `ip4:` and `ip6:` terms for exactly these addresses, neighbours joined.
fn mechanisms(addresses: &[IpAddr]) -> Vec<String> {
    let v4 = addresses.iter().filter_map(|ip| match ip {
        IpAddr::V4(ip) => Some(u128::from(ip.to_bits())),
        IpAddr::V6(_) => None,
    });
    let v6 = addresses.iter().filter_map(|ip| match ip {
        IpAddr::V4(_) => None,
        IpAddr::V6(ip) => Some(ip.to_bits()),
    });
    let mut terms = Vec::new();
    for (first, length) in blocks(v4, 32) {
        let ip = std::net::Ipv4Addr::from_bits(first as u32);
        terms.push(if length == 32 { format!("ip4:{ip}") } else { format!("ip4:{ip}/{length}") });
    }
    for (first, length) in blocks(v6, 128) {
        let ip = Ipv6Addr::from_bits(first);
        terms.push(if length == 128 { format!("ip6:{ip}") } else { format!("ip6:{ip}/{length}") });
    }
    terms
}

/// The fewest prefixes that cover these addresses and no other.
fn blocks(addresses: impl Iterator<Item = u128>, bits: u32) -> Vec<(u128, u32)> {
    let mut at_length: BTreeSet<u128> = addresses.collect();
    let mut done = Vec::new();
    for length in (1..=bits).rev() {
        let size = 1u128 << (bits - length);
        let mut wider = BTreeSet::new();
        for &first in &at_length {
            if at_length.contains(&(first ^ size)) {
                wider.insert(first & !size);
            } else {
                done.push((first, length));
            }
        }
        at_length = wider;
    }
    done.sort_unstable();
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn terms(addresses: &[&str]) -> Vec<String> {
        mechanisms(&addresses.iter().map(|a| a.parse().unwrap()).collect::<Vec<_>>())
    }

    #[test]
    fn neighbours_are_joined_and_nothing_else_is_covered() {
        assert_eq!(terms(&["192.0.2.1", "2001:db8::1"]), ["ip4:192.0.2.1", "ip6:2001:db8::1"]);
        assert_eq!(terms(&["192.0.2.3", "192.0.2.2", "192.0.2.2"]), ["ip4:192.0.2.2/31"]);
        assert_eq!(terms(&["192.0.2.1", "192.0.2.2"]), ["ip4:192.0.2.1", "ip4:192.0.2.2"]);
        assert_eq!(terms(&["2001:db8::", "2001:db8::1"]), ["ip6:2001:db8::/127"]);
    }

    proptest! {
        #[test]
        fn blocks_hold_exactly_the_addresses(addresses in proptest::collection::btree_set(0u128..64, 0..40)) {
            let mut covered = BTreeSet::new();
            for (first, length) in blocks(addresses.iter().copied(), 32) {
                for address in first..first + (1 << (32 - length)) {
                    prop_assert!(covered.insert(address));
                }
            }
            prop_assert_eq!(covered, addresses);
        }
    }
}
