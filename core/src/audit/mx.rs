//! Where mail for the domain goes (RFC 5321 §5.1).

use super::{Finding, Subject};
use crate::{
    names::Name,
    observe::{Answer, Data, Look, Need, RecordType, Seen},
    verify::{
        Code, Status, Verdict,
        cname::chain::{self, End},
        evidence::{unanswered_about, with_evidence},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// Mail exchangers looked at.
const EXCHANGES: usize = 16;

/// What is known of a host that takes mail.
pub(super) struct Exchange {
    pub(super) host: Name,
    pub(super) addresses: Vec<IpAddr>,
    /// Whether everything that was asked of it was answered.
    known: bool,
    alias: bool,
}

/// Judges the mail exchangers of `domain`.
pub(super) fn judge(domain: &Name, seen: &Seen) -> Result<Finding, Need> {
    let chain = chain::follow(seen, domain, RecordType::Mx, None)?;
    let last = chain.last().unwrap_or(domain);
    let about = |status, code, reason: String| Verdict::about(Subject::Mx, status, code, reason);
    let (look, answer) = match chain.end {
        End::Answer { look, answer } => (look, answer),
        End::Unanswered(look) => {
            let finding = unanswered_about(Subject::Mx, look, last, RecordType::Mx);
            return Ok(finding.unwrap_or_else(|| {
                about(Status::Unchecked, Code::Unchecked, "It was not looked at.".to_string())
            }));
        }
        End::NotDelegated | End::Loop => {
            let reason = format!("{domain} is a CNAME that leads nowhere, so it takes no mail.");
            let finding = about(Status::Missing, Code::NoRecord, reason);
            return Ok(finding.fix(format!("Correct or remove the CNAME at {domain}.")));
        }
    };
    let hosts = hosts(answer);
    let null = answer.records.iter().any(|record| matches!(record.data, Data::Mx(_, None)));
    let finding = match (answer.is_negative(), null) {
        (true, _) => implicit(domain, seen)?,
        // RFC 7505 §3: alone, or not at all.
        (false, true) if answer.records.len() == 1 => {
            let reason = format!("{domain} takes no mail: it has a null MX (RFC 7505).");
            about(Status::Pass, Code::MxNull, reason)
        }
        (false, true) => {
            let reason =
                format!("Beside the null MX, which says that {domain} takes no mail, it has others.");
            let fix = format!("Delete the MX record 0 . at {domain}, or all others.");
            about(Status::Fail, Code::MxUnusable, reason).fix(fix)
        }
        (false, false) => exchangers(domain, answer, &exchanges(&hosts, seen)?),
    };
    Ok(with_evidence(finding, look))
}

/// The hosts in MX records, most preferred first.
fn hosts(answer: &Answer) -> Vec<Name> {
    let mut hosts: Vec<(u16, Name)> = answer
        .records
        .iter()
        .filter_map(|record| match &record.data {
            Data::Mx(preference, Some(host)) => Some((*preference, host.clone())),
            _ => None,
        })
        .collect();
    hosts.sort();
    hosts.truncate(EXCHANGES);
    hosts.into_iter().map(|(_, host)| host).collect()
}

/// The exchangers of `domain` as far as they are known, for others to try.
pub(super) fn of(domain: &Name, seen: &Seen) -> Result<Vec<Exchange>, Need> {
    match chain::follow(seen, domain, RecordType::Mx, None)?.end {
        End::Answer { answer, .. } => exchanges(&hosts(answer), seen),
        _ => Ok(Vec::new()),
    }
}

fn exchanges(hosts: &[Name], seen: &Seen) -> Result<Vec<Exchange>, Need> {
    let mut needed = Vec::new();
    let mut exchanges = Vec::new();
    for host in hosts {
        match exchange(host, seen) {
            Ok(exchange) => exchanges.push(exchange),
            Err(Need(mut questions)) => needed.append(&mut questions),
        }
    }
    Need::of_all(needed)?;
    Ok(exchanges)
}

fn exchange(host: &Name, seen: &Seen) -> Result<Exchange, Need> {
    let mut exchange = Exchange { host: host.clone(), addresses: Vec::new(), known: true, alias: false };
    if address_literal(host).is_some() {
        return Ok(exchange);
    }
    seen.have_all(&[(host, RecordType::A), (host, RecordType::Aaaa)])?;
    for rtype in [RecordType::A, RecordType::Aaaa] {
        let chain = chain::follow(seen, host, rtype, None)?;
        exchange.alias |= chain.is_alias();
        match chain.end {
            End::Answer { answer, .. } => exchange.addresses.extend(addresses(answer)),
            End::Unanswered(_) => exchange.known = false,
            End::NotDelegated | End::Loop => {}
        }
    }
    Ok(exchange)
}

fn addresses(answer: &Answer) -> impl Iterator<Item = IpAddr> {
    answer.records.iter().take(EXCHANGES).filter_map(|record| match record.data {
        Data::Address(address) => Some(address),
        _ => None,
    })
}

/// RFC 5321 §5.1 takes a host name; an address there leads nowhere.
fn address_literal(host: &Name) -> Option<IpAddr> {
    host.as_str().parse().ok()
}

/// No MX record: the domain's own address takes the mail, if there is one.
fn implicit(domain: &Name, seen: &Seen) -> Result<Finding, Need> {
    let itself = exchange(domain, seen)?;
    let about = |status, code, reason| Verdict::about(Subject::Mx, status, code, reason);
    if !itself.addresses.is_empty() {
        let reason = format!(
            "{domain} has no MX record. Mail for it goes to its own address (RFC 5321 section 5.1), which is often a \
             web server that takes none."
        );
        let fix = format!(
            "Add an MX record at {domain} with the host that takes its mail, or, if it takes none, the MX record: 0 ."
        );
        return Ok(about(Status::Softfail, Code::MxImplicit, reason).fix(fix));
    }
    if !itself.known {
        let look: &Look = seen.at(domain, RecordType::A)?;
        if let Some(finding) = unanswered_about(Subject::Mx, look, domain, RecordType::A) {
            return Ok(finding);
        }
    }
    let reason = format!(
        "{domain} has no MX record and no address: replies and bounces cannot be delivered, and many receivers refuse \
         mail from it."
    );
    let fix = format!(
        "Add an MX record at {domain} with the host that takes its mail, or, if it neither takes nor sends any, the MX \
         record: 0 ."
    );
    Ok(about(Status::Missing, Code::NoRecord, reason).fix(fix))
}

fn exchangers(domain: &Name, answer: &Answer, exchanges: &[Exchange]) -> Finding {
    let about = |status, code, reason| Verdict::about(Subject::Mx, status, code, reason);
    let mut unusable: Vec<String> = Vec::new();
    for exchange in exchanges {
        let host = &exchange.host;
        if address_literal(host).is_some() {
            unusable.push(format!("{host} is an address, and an MX record takes the name of a host"));
        } else if exchange.known && exchange.addresses.is_empty() {
            unusable.push(format!("{host} has no address"));
        }
    }
    let odd = answer.records.iter().filter(|record| matches!(record.data, Data::Other(_))).take(EXCHANGES);
    unusable.extend(odd.map(|record| format!("{} is no host name", record.data)));
    let working = exchanges.iter().filter(|exchange| !exchange.addresses.is_empty()).count();
    let unknown: Vec<String> = exchanges
        .iter()
        .filter(|exchange| !exchange.known)
        .map(|exchange| exchange.host.to_string())
        .collect();
    let aliases: Vec<String> = exchanges
        .iter()
        .filter(|exchange| exchange.alias)
        .map(|exchange| exchange.host.to_string())
        .collect();
    let mut finding = if !unusable.is_empty() {
        let status = if working == 0 && unknown.is_empty() { Status::Fail } else { Status::Softfail };
        let reason = format!("Mail for {domain} cannot be delivered everywhere: {}.", unusable.join("; "));
        let fix = format!("Let every MX record of {domain} name a host that has an A or AAAA record.");
        about(status, Code::MxUnusable, reason).fix(fix)
    } else if working == 0 {
        let reason = format!("The addresses of {} could not be looked up now.", unknown.join(", "));
        return about(Status::NetworkError, Code::Unreachable, reason);
    } else if !aliases.is_empty() {
        let reason = format!(
            "{} is a CNAME, and a mail exchanger must not be one (RFC 2181 section 10.3); some senders refuse it.",
            aliases.join(" and ")
        );
        let fix = format!("Let the MX record of {domain} name the host that the CNAME leads to.");
        about(Status::Softfail, Code::MxIsCname, reason).fix(fix)
    } else {
        let reason = match working {
            1 => format!("One host takes mail for {domain}, and has an address."),
            working => format!("{working} hosts take mail for {domain}, and all have addresses."),
        };
        about(Status::Pass, Code::Ok, reason)
    };
    if !unknown.is_empty() {
        finding.remarks.push(format!("The addresses of {} could not be looked up now.", unknown.join(", ")));
    }
    finding
}
