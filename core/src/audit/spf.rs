//! SPF: the record itself, and what it says of the addresses asked about.

use super::{Finding, Request, Subject, mx};
use crate::{
    observe::{Need, Seen},
    verify::{
        Status,
        spf::{AnySpf, Cause, Query, check_host},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// Addresses of mail exchangers that are tried.
const TRIED: usize = 8;

/// Judges the SPF record at the domain.
pub(super) fn judge(request: &Request<'_>, seen: &Seen) -> Result<Finding, Need> {
    let exchanges = mx::of(request.domain, seen);
    let plain = match &exchanges {
        _ if !request.addresses.is_empty() => listing(request.addresses),
        Ok(exchanges) if exchanges.is_empty() => "v=spf1 -all".to_string(),
        _ => "v=spf1 mx ~all".to_string(),
    };
    let spf =
        AnySpf { domain: request.domain, addresses: request.addresses, probe: request.probe, plain: &plain };
    // One round for both.
    let (verdict, exchanges) = match (spf.judge(seen), exchanges) {
        (Ok(verdict), Ok(exchanges)) => (verdict, exchanges),
        (Err(Need(mut questions)), Err(Need(mut more))) => {
            questions.append(&mut more);
            return Err(Need(questions));
        }
        (Err(need), _) | (_, Err(need)) => return Err(need),
    };
    let mut finding = verdict.keyed(Subject::Spf);
    if finding.status == Status::Missing && finding.expected == plain && request.addresses.is_empty() {
        finding.remarks.push(match &exchanges[..] {
            [] => format!("{plain} says that nothing may send as {}.", request.domain),
            _ => format!("{plain} fits where mail leaves by the hosts that also take it."),
        });
    }
    if finding.status.is_right() {
        let tried = match request.addresses {
            [] => exchanges
                .iter()
                .flat_map(|exchange| {
                    exchange.addresses.iter().map(|ip| (*ip, Some(exchange.host.to_string())))
                })
                .take(TRIED)
                .collect(),
            given => given.iter().map(|ip| (*ip, None)).collect::<Vec<_>>(),
        };
        finding.remarks.extend(results(request, seen, &tried)?);
    }
    Ok(finding)
}

/// A record with nothing but these addresses.
fn listing(addresses: &[IpAddr]) -> String {
    let terms = addresses.iter().map(|ip| format!("{}:{ip} ", if ip.is_ipv4() { "ip4" } else { "ip6" }));
    format!("v=spf1 {}~all", terms.collect::<String>())
}

/// What the record says of each address, which need not be one that sends.
fn results(
    request: &Request<'_>,
    seen: &Seen,
    tried: &[(IpAddr, Option<String>)],
) -> Result<Vec<String>, Need> {
    let domain = request.domain;
    let (mut results, mut needed) = (Vec::new(), Vec::new());
    for (ip, host) in tried {
        let query = Query::new(*ip, &format!("postmaster@{domain}"), domain.as_str());
        let whose = host.as_ref().map_or_else(|| ip.to_string(), |host| format!("{host} ({ip})"));
        match check_host(seen, &query) {
            Ok(evaluation) => {
                let why = match &evaluation.cause {
                    Cause::Matched { term, .. } => format!("by {term}"),
                    cause => cause.to_string(),
                };
                results.push(format!("{whose} gets {}, {why}.", evaluation.result));
            }
            Err(Need(mut questions)) => needed.append(&mut questions),
        }
    }
    Need::of_all(needed)?;
    Ok(results)
}
