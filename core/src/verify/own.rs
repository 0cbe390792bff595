//! Our own side: whether what customers' records point at has its effect.
//!
//! A customer's CNAME to our return-path host is right when it points there;
//! that the host then passes SPF and takes bounces is ours to keep. When it does
//! not, that is our incident and never a customer's verdict.

use super::spf::{self, Query, SpfResult};
use crate::{
    names::Name,
    observe::{Consensus, Data, Need, RecordType, Seen},
    plan::Provider,
};
use alloc::{format, string::String, vec::Vec};
use core::net::IpAddr;

/// What is wrong on our own side, as sentences for the operator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnSide {
    /// Proven to be wrong.
    pub problems: Vec<String>,
    /// Could not be seen, which proves nothing.
    pub unanswered: Vec<String>,
}

/// Looks at our own hosts as the world sees them: the return-path host passes
/// SPF for every sending address (RFC 7208 §4) and has a mail exchanger with an
/// address (RFC 5321 §5.1), the include does too, the tracking host has an
/// address.
///
/// # Errors
/// [`Need`] until everything has been looked at.
pub fn judge(provider: &Provider, seen: &Seen) -> Result<OwnSide, Need> {
    let mut own = OwnSide::default();
    let bounce = provider.bounce_host();
    let mut needed = Vec::new();
    let mut keep = |step: Result<(), Need>| {
        if let Err(Need(mut questions)) = step {
            needed.append(&mut questions);
        }
    };
    for host in [&bounce, &provider.spf_include()] {
        for &ip in &provider.sending_ips {
            keep(passes(provider, host, ip, seen, &mut own));
        }
    }
    keep(takes_bounces(&bounce, seen, &mut own));
    keep(has_address(&provider.track_host(), seen, &mut own));
    Need::of_all(needed)?;
    Ok(own)
}

fn passes(provider: &Provider, host: &Name, ip: IpAddr, seen: &Seen, own: &mut OwnSide) -> Result<(), Need> {
    let query = Query::new(ip, &format!("postmaster@{host}"), provider.zone.as_str());
    match spf::check_host(seen, &query)?.result {
        SpfResult::Pass => {}
        SpfResult::Temperror => own.unanswered.push(format!("SPF at {host} for {ip} could not be evaluated")),
        result => {
            own.problems.push(format!("SPF at {host} gives {} for the sending address {ip}", result.as_str()))
        }
    }
    Ok(())
}

fn takes_bounces(bounce: &Name, seen: &Seen, own: &mut OwnSide) -> Result<(), Need> {
    let exchanges: Vec<&Name> = match seen.at(bounce, RecordType::Mx)?.consensus() {
        Consensus::Agreed { answer, .. } => {
            let hosts = answer.records.iter().filter_map(|record| match &record.data {
                Data::Mx(_, Some(host)) => Some(host),
                _ => None,
            });
            hosts.collect()
        }
        Consensus::NotDelegated(_) => Vec::new(),
        Consensus::Split { .. } | Consensus::Nothing { .. } => {
            own.unanswered.push(format!("MX at {bounce} could not be seen"));
            return Ok(());
        }
    };
    if exchanges.is_empty() {
        own.problems.push(format!("{bounce} has no MX record, so that bounces are lost"));
    }
    exchanges.into_iter().take(10).try_for_each(|host| has_address(host, seen, own))
}

fn has_address(host: &Name, seen: &Seen, own: &mut OwnSide) -> Result<(), Need> {
    seen.have_all(&[(host, RecordType::A), (host, RecordType::Aaaa)])?;
    let looks = [seen.at(host, RecordType::A)?, seen.at(host, RecordType::Aaaa)?];
    let answers = looks.map(|look| match look.consensus() {
        Consensus::Agreed { answer, .. } => Some(!answer.is_negative()),
        Consensus::NotDelegated(_) => Some(false),
        Consensus::Split { .. } | Consensus::Nothing { .. } => None,
    });
    if answers.contains(&Some(true)) {
        return Ok(());
    }
    if answers.contains(&None) {
        own.unanswered.push(format!("the addresses of {host} could not be seen"));
    } else {
        own.problems.push(format!("{host} has no address"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        plan::tests::provider,
        verify::literal::{Literal, settle},
    };

    const GOOD: &str = "zone signet.test
        bounce.signet.test TXT \"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all\"
        bounce.signet.test MX 10 bounce.signet.test
        bounce.signet.test A 192.0.2.1
        _spf.signet.test TXT \"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all\"
        track.signet.test AAAA 2001:db8::1";

    fn seen_in(zone: &str) -> OwnSide {
        settle(&Literal::parse(zone), |seen| judge(&provider(), seen)).0
    }

    #[test]
    fn all_is_well() {
        assert_eq!(seen_in(GOOD), OwnSide::default());
    }

    #[test]
    fn what_is_wrong_is_told() {
        let lines: Vec<&str> = GOOD.lines().map(str::trim).collect();
        for (without, problem) in [
            (1, "SPF at bounce.signet.test gives none for the sending address 192.0.2.1"),
            (2, "bounce.signet.test has no MX record, so that bounces are lost"),
            (3, "bounce.signet.test has no address"),
            (4, "SPF at _spf.signet.test gives none for the sending address 192.0.2.1"),
            (5, "track.signet.test has no address"),
        ] {
            let zone: Vec<&str> =
                lines.iter().enumerate().filter(|(n, _)| *n != without).map(|(_, l)| *l).collect();
            let own = seen_in(&zone.join("\n"));
            assert_eq!(own.problems.first().map(String::as_str), Some(problem));
            assert!(own.unanswered.is_empty());
        }
    }

    #[test]
    fn an_outage_proves_nothing() {
        let own = seen_in(&format!("{GOOD}\nfault signet.test timeout"));
        assert!(own.problems.is_empty() && !own.unanswered.is_empty(), "{own:?}");
    }
}
