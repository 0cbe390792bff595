//! Our zone's name servers: that each answers, over UDP and TCP, with
//! authority, and with the same version of the zone.

use super::{Code, Finding, Request, Subject};
use crate::{
    names::Name,
    observe::{Answer, Failure, Look, Need, RecordType, Seen, Server, View},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// What was found of the servers.
pub(super) struct Servers {
    pub(super) findings: Vec<Finding>,
    /// The newest version any of them has.
    pub(super) newest: Option<u32>,
}

/// Judges the servers of `zone`; `look` is at its SOA.
pub(super) fn judge(request: &Request<'_>, zone: &Name, look: &Look, seen: &Seen) -> Result<Servers, Need> {
    let stream = seen.through(View::Stream, zone, RecordType::Soa)?;
    let newest = look.answers().filter_map(|(_, answer)| answer.serial).reduce(newer);
    let mut findings = Vec::new();
    if look.answers().next().is_none() && look.failures().all(|(_, failure)| is_silence(failure)) {
        // Then it may as well be our own line.
        findings.push(silent(zone, look));
        return Ok(Servers { findings, newest });
    }
    findings.extend(look.failures().map(|(server, failure)| failing(zone, server, failure, stream)));
    findings.extend(look.answers().filter_map(|(server, _)| without_tcp(zone, server, stream)));
    for (server, answer) in look.answers() {
        findings.extend(manners(zone, server, answer));
    }
    let earlier = request.earlier.iter().find(|(known, _)| known == zone).map(|&(_, serial)| serial);
    findings.extend(behind(zone, look, newest, earlier));
    findings.extend(alone(zone, look));
    if findings.is_empty() {
        let version = newest.map_or_else(String::new, |serial| format!(", all with version {serial}"));
        let all = match look.replies.len() {
            2 => "Both".to_string(),
            many => format!("All {many}"),
        };
        let reason = format!("{all} name servers answer with authority, over UDP and TCP{version}.");
        findings.push(about(zone, Code::Ok, reason).observed(versions(look)));
    }
    Ok(Servers { findings, newest })
}

fn about(zone: &Name, code: Code, reason: String) -> Finding {
    Finding::new(Subject::NameServers, zone, code, reason)
}

fn is_silence(failure: &Failure) -> bool {
    failure.is_silence() || matches!(failure, Failure::Unreachable(_))
}

/// Nobody answered at all.
fn silent(zone: &Name, look: &Look) -> Finding {
    let reason = format!(
        "Could not tell: no name server of {zone} answered. They are down or cut off, or this machine's questions do not get \
         out."
    );
    let fix = "See that something serves the zone at these addresses and that port 53 is open for UDP and TCP, from outside \
               as well.";
    let observed = look.failures().map(|(server, failure)| format!("{server} {failure}"));
    about(zone, Code::Unanswered, reason).fix(fix).observed(observed)
}

/// One that gave no answer where others did, or that spoke and gave none.
fn failing(zone: &Name, server: &Server, failure: &Failure, stream: &Look) -> Finding {
    let rcode = failure.rcode();
    let (code, fix) = match failure {
        Failure::NoAddress | Failure::PrivateAddress(_) => (
            Code::ServerAddress,
            format!(
                "Give {server} an address that the world can reach, or take it out of the NS records of {zone}."
            ),
        ),
        failure if is_silence(failure) => (
            Code::ServerSilent,
            format!(
                "See that it runs and that port 53 is open for UDP and TCP, or take it out of the NS records of {zone}."
            ),
        ),
        _ => (
            Code::ServerLame,
            format!(
                "Have it serve {zone} (see what its log says of the transfer), or take it out of the NS records."
            ),
        ),
    };
    let over_tcp = stream.answers().any(|(other, _)| other == server);
    let but = if over_tcp { " Over TCP it does answer." } else { "" };
    let finding = about(zone, code, format!("The name server {server} {failure}.{but}")).fix(fix);
    Finding { server: Some(server.clone()), rcode, ..finding }
}

/// RFC 7766 §5: answers that do not fit into a datagram are fetched over TCP.
fn without_tcp(zone: &Name, server: &Server, stream: &Look) -> Option<Finding> {
    let failure = stream.failures().find(|(other, _)| *other == server).map(|(_, failure)| failure)?;
    let finding = if failure.is_silence() && stream.answers().next().is_none() {
        let reason = format!(
            "Could not tell whether {server} answers over TCP: no name server of {zone} did. They are closed to it, or this \
             machine's own connections to port 53 do not get out."
        );
        about(zone, Code::Unanswered, reason).fix("Try it from elsewhere: dig +tcp SOA, at that server.")
    } else {
        let reason = format!("The name server {server} answers over UDP, and over TCP it {failure}.");
        let fix = "Open port 53 for TCP as well (RFC 7766): answers that do not fit into a datagram are fetched that way.";
        about(zone, Code::NoTcp, reason).fix(fix)
    };
    Some(Finding { server: Some(server.clone()), ..finding })
}

/// How a server answers.
fn manners(zone: &Name, server: &Server, answer: &Answer) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !answer.authoritative {
        let reason = format!(
            "The name server {server} answers without authority (AA): it repeats what it has from others, and is not set up \
             for {zone}."
        );
        let fix = format!("Make it a primary or secondary of {zone}, or take it out of the NS records.");
        findings.push(about(zone, Code::NotAuthoritative, reason).fix(fix).by(server, answer));
    }
    if answer.recursion {
        let reason = format!(
            "The name server {server} offers to look up other people's names for anybody (RA). Open resolvers are abused to \
             flood others, and get listed for it."
        );
        let fix = "Switch recursion off there, or allow it to your own networks only.";
        findings.push(about(zone, Code::RecursionOffered, reason).fix(fix).by(server, answer));
    }
    findings
}

/// Of two versions the newer one (RFC 1982 §3.2).
fn newer(one: u32, other: u32) -> u32 {
    if is_older(one, other) { other } else { one }
}

fn is_older(serial: u32, than: u32) -> bool {
    let ahead = than.wrapping_sub(serial);
    ahead != 0 && ahead <= 1 << 31
}

fn behind(zone: &Name, look: &Look, newest: Option<u32>, earlier: Option<u32>) -> Vec<Finding> {
    let Some(newest) = newest else { return Vec::new() };
    // A newest version of only now has to get round first.
    let due = earlier.unwrap_or(newest);
    let late = look.answers().filter_map(|(server, answer)| {
        let serial = answer.serial.filter(|&serial| is_older(serial, due))?;
        Some((server, answer, serial))
    });
    late.map(|(server, answer, serial)| {
        let by = newest.wrapping_sub(serial);
        let reason = format!("The name server {server} has version {serial} of {zone}, {by} behind the newest, {newest}.");
        let (code, reason, fix) = match earlier {
            None => (
                Code::SerialsDiffer,
                reason,
                "Shortly after a change that is normal; run this again in a moment.",
            ),
            Some(_) => (
                Code::ServerBehind,
                format!("{reason} Some seconds were not enough for it to catch up."),
                "See that it is told of changes (NOTIFY) and may transfer the zone (AXFR, with the right TSIG key).",
            ),
        };
        about(zone, code, reason).fix(fix).observed(versions(look)).by(server, answer)
    })
    .collect()
}

fn versions(look: &Look) -> impl Iterator<Item = String> {
    look.replies.iter().map(|reply| match &reply.outcome {
        Ok(Answer { serial: Some(serial), .. }) => format!("{}: version {serial}", reply.server),
        Ok(_) => format!("{}: answered", reply.server),
        Err(failure) => format!("{} {failure}", reply.server),
    })
}

/// RFC 2182 §5 wants two at least, apart from one another.
fn alone(zone: &Name, look: &Look) -> Option<Finding> {
    let mut addresses: Vec<IpAddr> = look.replies.iter().filter_map(|reply| reply.server.address).collect();
    addresses.sort();
    addresses.dedup();
    let mut names: Vec<&Name> = look.replies.iter().filter_map(|reply| reply.server.name.as_ref()).collect();
    names.sort();
    names.dedup();
    if addresses.len() > 1 && names.len() > 1 {
        return None;
    }
    let only = look.replies.first().map_or_else(|| "one".to_string(), |reply| reply.server.to_string());
    let reason = format!(
        "{zone} has only one name server, {only}: while it is down, no customer's mail can be checked (RFC 2182)."
    );
    let fix = "Add a second one on another network: any name server that takes the zone by transfer.";
    Some(about(zone, Code::OneServer, reason).fix(fix))
}
