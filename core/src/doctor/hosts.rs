//! The hosts that customers' records point to: the return path, which has to
//! pass SPF and take bounces, and the tracking host.

use super::{
    Code, Finding, Request, Subject, caa,
    delegation::address_type,
    finding::{Round, Told, told},
};
use crate::{
    names::Name,
    observe::{Data, Need, RecordType, Seen},
    verify::spf::{Query, SpfResult, check_host},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// Mail exchangers looked at.
const EXCHANGES: usize = 10;

/// The return-path host.
pub(super) fn bounce(request: &Request<'_>, seen: &Seen) -> Result<Vec<Finding>, Need> {
    let provider = request.provider;
    let host = provider.bounce_host();
    let mut round = Round::default();
    let mut findings = Vec::new();
    let mut good = String::new();
    match round.take(addresses(Subject::Bounce, &host, seen)) {
        Some(Ok(addresses)) => good = listed(&addresses),
        Some(Err(finding)) => findings.push(with_addresses(finding, &host, &provider.sending_ips)),
        None => {}
    }
    findings.extend(round.take(takes_mail(Subject::Bounce, &host, seen)).into_iter().flatten());
    for &ip in &provider.sending_ips {
        findings.extend(round.take(passes(Subject::Bounce, request, &host, ip, seen)).flatten());
    }
    round.end()?;
    if findings.is_empty() {
        let many = provider.sending_ips.len();
        let passing = if many == 1 {
            "the sending address".to_string()
        } else {
            format!("all {many} sending addresses")
        };
        let reason = format!("{host} ({good}) takes bounces, and SPF passes there for {passing}.");
        findings.push(Finding::new(Subject::Bounce, &host, Code::Ok, reason));
    }
    Ok(findings)
}

/// The tracking host.
pub(super) fn track(request: &Request<'_>, seen: &Seen) -> Result<Vec<Finding>, Need> {
    let host = request.provider.track_host();
    let mut round = Round::default();
    let mut findings = Vec::new();
    let mut good = String::new();
    match round.take(addresses(Subject::Track, &host, seen)) {
        Some(Ok(addresses)) => good = listed(&addresses),
        Some(Err(finding)) => findings.push(with_addresses(finding, &host, &request.provider.sending_ips)),
        None => {}
    }
    let issue = round.take(caa::judge(&host, seen));
    round.end()?;
    let may = match issue {
        Some(Ok(may)) => may,
        Some(Err(finding)) => {
            findings.push(finding);
            String::new()
        }
        None => String::new(),
    };
    if findings.is_empty() {
        let reason = format!("{host} is at {good}; {may}.");
        findings.push(Finding::new(Subject::Track, &host, Code::Ok, reason));
    }
    Ok(findings)
}

fn listed(addresses: &[IpAddr]) -> String {
    let mut shown: Vec<String> = addresses.iter().take(4).map(ToString::to_string).collect();
    if addresses.len() > shown.len() {
        shown.push("…".to_string());
    }
    shown.join(", ")
}

/// What to publish for a host without an address.
fn with_addresses(finding: Finding, host: &Name, ours: &[IpAddr]) -> Finding {
    if finding.code != Code::NoAddress {
        return finding;
    }
    let lines = ours.iter().take(2).map(|ip| format!("{host}. {} {ip}", address_type(*ip)));
    finding.paste(lines.collect())
}

/// The addresses of `host`, or what is wrong about them. One family is enough;
/// one that could not be looked at beside one that is there is no finding.
pub(super) fn addresses(
    subject: Subject,
    host: &Name,
    seen: &Seen,
) -> Result<Result<Vec<IpAddr>, Finding>, Need> {
    seen.have_all(&[(host, RecordType::A), (host, RecordType::Aaaa)])?;
    let (mut addresses, mut wrong, mut alias) = (Vec::new(), None, None);
    let mut evidence = None;
    for rtype in [RecordType::A, RecordType::Aaaa] {
        match told(subject, host.as_str(), seen.at(host, rtype)?, host, rtype) {
            Told::Answer(server, answer) => {
                alias = alias.or(answer.cname());
                evidence = evidence.or(Some((server, answer)));
                addresses.extend(answer.records.iter().filter_map(|record| match record.data {
                    Data::Address(ip) => Some(ip),
                    _ => None,
                }));
            }
            Told::Nowhere => {}
            Told::Nothing(finding) => wrong = wrong.or(Some(finding)),
        }
    }
    let contradicted = wrong.as_ref().is_some_and(|finding| finding.code == Code::ServersDisagree);
    if let Some(finding) = wrong.filter(|_| contradicted || addresses.is_empty()) {
        return Ok(Err(finding));
    }
    if !addresses.is_empty() {
        return Ok(Ok(addresses));
    }
    let reason = match alias {
        Some(target) => format!("{host} is an alias of {target}; it has to have an address itself."),
        None => format!("{host} has no address."),
    };
    let fix = "Publish one. `signet zone export` has all that belongs into our zone.";
    let finding = Finding::new(subject, host, Code::NoAddress, reason).fix(fix);
    Ok(Err(match evidence {
        Some((server, answer)) => finding.by(server, answer),
        None => finding,
    }))
}

/// Whether mail for `host` has somewhere to go (RFC 5321 §5.1).
pub(super) fn takes_mail(subject: Subject, host: &Name, seen: &Seen) -> Result<Option<Finding>, Need> {
    let look = seen.at(host, RecordType::Mx)?;
    let (server, answer) = match told(subject, host.as_str(), look, host, RecordType::Mx) {
        Told::Answer(server, answer) => (server, answer),
        Told::Nowhere => {
            return Ok(Some(no_exchanger(
                subject,
                host,
                format!("{host} is nobody's name: mail to it is lost."),
            )));
        }
        Told::Nothing(finding) => return Ok(Some(finding)),
    };
    let exchanges: Vec<&Name> = answer
        .records
        .iter()
        .filter_map(|record| match &record.data {
            Data::Mx(_, Some(exchange)) => Some(exchange),
            _ => None,
        })
        .take(EXCHANGES)
        .collect();
    if exchanges.is_empty() {
        let reason = format!("{host} has no MX record that names a host: mail to it is lost.");
        return Ok(Some(no_exchanger(subject, host, reason).by(server, answer)));
    }
    let questions: Vec<_> =
        exchanges.iter().flat_map(|&name| [(name, RecordType::A), (name, RecordType::Aaaa)]).collect();
    seen.have_all(&questions)?;
    let mut why = None;
    for &exchange in &exchanges {
        match addresses(subject, exchange, seen)? {
            Ok(_) => return Ok(None),
            Err(finding) => why = why.or(Some(finding)),
        }
    }
    Ok(why.map(|finding| match finding.code {
        Code::NoAddress => {
            let reason = format!("No mail exchanger of {host} has an address: mail to it is lost.");
            no_exchanger(subject, host, reason).by(server, answer)
        }
        _ => finding,
    }))
}

fn no_exchanger(subject: Subject, host: &Name, reason: String) -> Finding {
    Finding::new(subject, host, Code::NoMailExchanger, reason)
        .fix("Publish an MX record there, to a host that takes this mail; our own zone has it so:")
        .paste(Vec::from([format!("{host}. MX 10 {host}.")]))
}

/// Whether SPF at `host` lets our address `ip` send (RFC 7208 §4).
pub(super) fn passes(
    subject: Subject,
    request: &Request<'_>,
    host: &Name,
    ip: IpAddr,
    seen: &Seen,
) -> Result<Option<Finding>, Need> {
    let helo = request.helo.unwrap_or(&request.provider.zone);
    let evaluation = check_host(seen, &Query::new(ip, &format!("postmaster@{host}"), helo.as_str()))?;
    let observed = evaluation.trace.record.clone();
    let finding = match evaluation.result {
        SpfResult::Pass => return Ok(None),
        SpfResult::Temperror => {
            let reason =
                format!("Could not tell whether SPF at {host} passes for {ip}: {}.", evaluation.cause);
            Finding::new(subject, host, Code::Unanswered, reason).fix("Run this again later.")
        }
        result => {
            let reason = format!(
                "SPF at {host} gives {result} for our own sending address {ip}: {}. Every customer's mail from there fails with \
                 it.",
                evaluation.cause
            );
            let kind = if ip.is_ipv4() { "ip4" } else { "ip6" };
            let fix = format!(
                "Publish the record that `signet zone export` has; if {ip} sends no mail (any more), take it out of \
                 SIGNET_SENDING_IPS instead. What has to be in it:"
            );
            Finding::new(subject, host, Code::SpfNotPassed, reason)
                .fix(fix)
                .paste(Vec::from([format!("{kind}:{ip}")]))
        }
    };
    Ok(Some(finding.observed(observed)))
}
