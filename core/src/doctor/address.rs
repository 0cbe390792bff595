//! What the addresses our mail leaves from are called: the name of each, and
//! the name our mail servers greet with. Many receivers take no mail from an
//! address whose name does not lead back to it (RFC 1912 §2.1).

use super::{Code, Finding, Request, Subject, delegation::address_type};
use crate::{
    names::Name,
    observe::{Data, Look, Need, RecordType, Seen},
    verify::{
        cname::chain::{Chain, End, follow},
        evidence::unanswered_about,
        spf::{Query, SpfResult, check_host, reverse_name},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// Names of one address looked at, as in SPF (RFC 7208 §4.6.4).
const NAMES: usize = 10;

/// Judges one sending address.
pub(super) fn judge(request: &Request<'_>, ip: IpAddr, seen: &Seen) -> Result<Vec<Finding>, Need> {
    let Named { mut findings, greeting } = named(request, ip, seen)?;
    let helo = request.helo.or(greeting.as_ref());
    if let Some(helo) = helo {
        findings.extend(greets(request, helo, ip, seen)?);
    }
    Ok(findings)
}

/// Addresses set aside for documentation or private networks.
pub(super) fn not_public(ip: IpAddr) -> Option<Finding> {
    let (what, never) = match ip {
        IpAddr::V4(ip) if ip.is_documentation() => ("is set aside for documentation (RFC 5737)", true),
        IpAddr::V6(ip) if ip.segments()[..2] == [0x2001, 0xdb8] || ip.segments()[0] == 0x3fff => {
            ("is set aside for documentation (RFC 3849, RFC 9637)", true)
        }
        IpAddr::V4(ip) => {
            ("is for private networks only", ip.is_private() || ip.is_loopback() || ip.is_link_local())
        }
        IpAddr::V6(ip) => (
            "is for private networks only",
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        ),
    };
    never.then(|| {
        let reason = format!("{ip} {what}: no mail can leave from it into the world.");
        let fix = "Set SIGNET_SENDING_IPS to the addresses your mail servers send from.";
        Finding::new(Subject::Ptr, ip, Code::AddressNotPublic, reason).fix(fix)
    })
}

/// What an address is called.
struct Named {
    findings: Vec<Finding>,
    /// The name that a mail server there would greet with.
    greeting: Option<Name>,
}

fn named(request: &Request<'_>, ip: IpAddr, seen: &Seen) -> Result<Named, Need> {
    let nameless = |finding| Named { findings: Vec::from([finding]), greeting: None };
    let Ok(reverse) = Name::parse_queried(&reverse_name(ip)) else {
        return Ok(Named { findings: Vec::new(), greeting: None });
    };
    // A CNAME on the way is how parts of a network are handed on (RFC 2317).
    let (look, answer) = match follow(seen, &reverse, RecordType::Ptr, None)? {
        Chain { end: End::Answer { look, answer }, .. } => (look, Some(answer)),
        Chain { end: End::Unanswered(look), .. } => {
            let what = format!("what {ip} is called");
            return Ok(nameless(untold(Subject::Ptr, &ip, &what, look, (&reverse, RecordType::Ptr))));
        }
        Chain { end: End::NotDelegated | End::Loop, .. } => (seen.at(&reverse, RecordType::Ptr)?, None),
    };
    let names: Vec<&Name> = answer
        .into_iter()
        .flat_map(|answer| &answer.records)
        .filter_map(|record| match &record.data {
            Data::Ptr(name) => Some(name),
            _ => None,
        })
        .take(NAMES)
        .collect();
    let shown = look.answers().next();
    let Some(&first) = names.first() else {
        let finding = missing(request, ip, &reverse);
        return Ok(nameless(match shown {
            Some((server, answer)) => finding.by(server, answer),
            None => finding,
        }));
    };
    let questions: Vec<_> = names.iter().map(|&name| (name, address_type(ip))).collect();
    seen.have_all(&questions)?;
    let (mut confirmed, mut unanswered) = (None, None);
    for &name in &names {
        match has(name, ip, seen)? {
            Held::Yes => confirmed = confirmed.or(Some(name)),
            Held::No => {}
            Held::Untold(look) => unanswered = unanswered.or(Some((name, look))),
        }
    }
    let finding = match (confirmed, unanswered) {
        (Some(name), _) if is_generic(name, ip) => {
            let reason = format!(
                "{ip} is called {name}, which contains the address: it looks like a name given to a home connection, and mail \
                 from such is trusted less."
            );
            let fix = format!("{} A name of your own does better:", where_named());
            Finding::new(Subject::Ptr, ip, Code::PtrGeneric, reason)
                .fix(fix)
                .paste(reverse_line(request, &reverse))
        }
        (Some(name), _) => Finding::new(
            Subject::Ptr,
            ip,
            Code::Ok,
            format!("{ip} is called {name}, which leads back to it."),
        ),
        (None, Some((name, look))) => {
            let what = format!("whether {name}, as {ip} is called, has that address");
            untold(Subject::Ptr, &ip, &what, look, (name, address_type(ip)))
        }
        (None, None) => unconfirmed(request, ip, first, &reverse),
    };
    let finding = match shown {
        Some((server, answer)) if finding.code != Code::Unanswered => finding.by(server, answer),
        _ => finding,
    };
    Ok(Named { findings: Vec::from([finding]), greeting: Some(confirmed.unwrap_or(first).clone()) })
}

/// Whether a name has an address.
enum Held<'a> {
    Yes,
    No,
    Untold(&'a Look),
}

fn has<'a>(name: &Name, ip: IpAddr, seen: &'a Seen) -> Result<Held<'a>, Need> {
    Ok(match follow(seen, name, address_type(ip), None)?.end {
        End::Answer { answer, .. } => {
            let held = answer.records.iter().any(|record| record.data == Data::Address(ip));
            if held { Held::Yes } else { Held::No }
        }
        End::NotDelegated | End::Loop => Held::No,
        End::Unanswered(look) => Held::Untold(look),
    })
}

/// `what` completes "could not tell"; `look` at `asked` is why.
fn untold(
    subject: Subject,
    about: &dyn ToString,
    what: &str,
    look: &Look,
    asked: (&Name, RecordType),
) -> Finding {
    let verdict = unanswered_about((), look, asked.0, asked.1);
    let (why, rcode, server) = verdict.map_or_else(Default::default, |v| (v.reason, v.rcode, v.server));
    let reason = format!("Could not tell {what}. {why}");
    let finding =
        Finding::new(subject, about.to_string(), Code::Unanswered, reason).fix("Run this again later.");
    Finding { rcode, server, ..finding }
}

fn where_named() -> &'static str {
    "The name of an address is set by whoever gave it to you: look for \"reverse DNS\" or \"PTR\" in your hosting \
     provider's panel, or ask them."
}

/// The name an address may well be given: one that our zone answers for, with
/// all sending addresses and an SPF record of its own.
fn suggested(request: &Request<'_>) -> Name {
    request.helo.cloned().unwrap_or_else(|| request.provider.bounce_host())
}

fn reverse_line(request: &Request<'_>, reverse: &Name) -> Vec<String> {
    Vec::from([format!("{reverse}. PTR {}.", suggested(request))])
}

fn missing(request: &Request<'_>, ip: IpAddr, reverse: &Name) -> Finding {
    let reason =
        format!("{ip} has no name (no PTR record): many receivers take no mail from such an address.");
    Finding::new(Subject::Ptr, ip, Code::PtrMissing, reason)
        .fix(format!("{} It has to be a name that has this address, such as:", where_named()))
        .paste(reverse_line(request, reverse))
}

fn unconfirmed(request: &Request<'_>, ip: IpAddr, name: &Name, reverse: &Name) -> Finding {
    let rtype = address_type(ip);
    let reason =
        format!("{ip} is called {name}, but {name} does not have that address: the name counts for nothing.");
    let fix =
        format!("Give {name} the address, or the address another name. {} One of these two:", where_named());
    let mut paste = Vec::from([format!("{name}. {rtype} {ip}")]);
    paste.extend(reverse_line(request, reverse));
    Finding::new(Subject::Ptr, ip, Code::PtrUnconfirmed, reason).fix(fix).paste(paste)
}

/// The name our servers greet with: it has the address (RFC 5321 §4.1.4), and
/// its SPF does not refuse it (RFC 7208 §2.3).
fn greets(request: &Request<'_>, helo: &Name, ip: IpAddr, seen: &Seen) -> Result<Vec<Finding>, Need> {
    let questions = [(helo, address_type(ip)), (helo, RecordType::Txt)];
    seen.have_all(&questions)?;
    let held = has(helo, ip, seen)?;
    let query = Query::new(ip, &format!("postmaster@{helo}"), helo.as_str());
    let evaluation = check_host(seen, &query)?;
    let about = format!("{helo} ({ip})");
    let mut findings = Vec::new();
    match held {
        Held::Yes => {}
        Held::No if request.helo.is_none() => {} // The address's own name: told there.
        Held::No => {
            let reason = format!(
                "Our mail servers greet with {helo} (SIGNET_HELO), which does not have the address {ip}."
            );
            let fix = "Give that name the address as well, or have the server there greet with another one:";
            let paste = Vec::from([format!("{helo}. {} {ip}", address_type(ip))]);
            findings.push(
                Finding::new(Subject::Helo, &about, Code::HeloUnconfirmed, reason).fix(fix).paste(paste),
            );
        }
        Held::Untold(look) => {
            let what = format!("whether {helo}, which our mail servers greet with, has the address {ip}");
            findings.push(untold(Subject::Helo, &about, &what, look, (helo, address_type(ip))));
        }
    }
    let published = evaluation.trace.record.clone();
    findings.extend(
        spf_of(helo, ip, &about, evaluation.result, &evaluation.cause).map(|f| f.observed(published)),
    );
    if findings.is_empty() {
        let reason = if held_by_none(request, ip, helo, seen)? {
            return Ok(findings);
        } else {
            format!("Greeting with {helo}, {ip} passes SPF.")
        };
        findings.push(Finding::new(Subject::Helo, about, Code::Ok, reason));
    }
    Ok(findings)
}

/// Whether the address's own name does not lead back to it; that has been told
/// of the name, and the greeting cannot be called good.
fn held_by_none(request: &Request<'_>, ip: IpAddr, helo: &Name, seen: &Seen) -> Result<bool, Need> {
    Ok(request.helo.is_none() && !matches!(has(helo, ip, seen)?, Held::Yes))
}

fn spf_of(
    helo: &Name,
    ip: IpAddr,
    about: &str,
    result: SpfResult,
    cause: &impl core::fmt::Display,
) -> Option<Finding> {
    let paste = || {
        let kind = if ip.is_ipv4() { "ip4" } else { "ip6" };
        Vec::from([format!("{helo}. TXT \"v=spf1 {kind}:{ip} -all\"")])
    };
    let (code, reason, fix) = match result {
        SpfResult::Pass => return None,
        SpfResult::Temperror => {
            let reason = format!("Could not tell whether SPF lets {ip} greet with {helo}: {cause}.");
            return Some(
                Finding::new(Subject::Helo, about, Code::Unanswered, reason).fix("Run this again later."),
            );
        }
        SpfResult::Fail | SpfResult::Permerror => (
            Code::HeloSpfFails,
            format!(
                "SPF at {helo}, which our mail server at {ip} greets with, gives {result} ({cause}): receivers may refuse the \
                 connection for it (RFC 7208 §2.3)."
            ),
            "Let the address pass there, in the record that is there already, or with this one where there is none:",
        ),
        SpfResult::None => (
            Code::HeloSpfNotPassed,
            format!(
                "{helo}, which our mail server at {ip} greets with, has no SPF record: bounces pass by it alone."
            ),
            "Publish one:",
        ),
        SpfResult::Softfail | SpfResult::Neutral => (
            Code::HeloSpfNotPassed,
            format!("SPF at {helo}, which our mail server at {ip} greets with, gives {result}: {cause}."),
            "Let the address pass in the record that is there, as in:",
        ),
    };
    Some(Finding::new(Subject::Helo, about, code, reason).fix(fix).paste(paste()))
}

/// Whether the name was made of the address: its numbers stand in it, in either
/// order, in decimal or hexadecimal, with anything or nothing between them.
pub(super) fn is_generic(name: &Name, ip: IpAddr) -> bool {
    let text = name.as_str();
    match ip {
        IpAddr::V4(ip) => {
            let octets = ip.octets();
            let mut reversed = octets;
            reversed.reverse();
            [octets, reversed].iter().any(|octets| {
                let hexadecimal: String = octets.iter().map(|o| format!("{o:02x}")).collect();
                let padded: String = octets.iter().map(|o| format!("{o:03}")).collect();
                let label = |wanted: &str| {
                    text.split(['.', '-', '_']).any(|part| {
                        part.trim_start_matches(|c: char| !c.is_ascii_hexdigit()) == wanted || part == wanted
                    })
                };
                in_order(text, octets) || label(&hexadecimal) || text.contains(&padded)
            })
        }
        IpAddr::V6(ip) => {
            let nibbles: String = ip.octets().iter().map(|o| format!("{o:02x}")).collect();
            let backwards: String = nibbles.chars().rev().collect();
            let joined: String = text.chars().filter(|c| !matches!(c, '.' | '-' | '_')).collect();
            let compressed = ip.to_string().replace(':', "-");
            joined.contains(&nibbles) || joined.contains(&backwards) || text.contains(&compressed)
        }
    }
}

/// Whether these four numbers stand one after the other among the numbers of
/// the text.
fn in_order(text: &str, octets: &[u8; 4]) -> bool {
    let numbers: Vec<Option<u8>> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map(|digits| digits.parse().ok())
        .collect();
    numbers.windows(4).any(|window| window.iter().zip(octets).all(|(number, octet)| *number == Some(*octet)))
}
