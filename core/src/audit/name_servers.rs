//! The zone's name servers: whether each answers for it, and whether they and
//! the zone above agree.

use super::{Finding, Request, Subject};
use crate::{
    names::Name,
    observe::{Look, Need, Question, RecordType, Seen, View},
    verify::{
        Code, Status, Verdict,
        evidence::{LISTED, agreed, unanswered_about},
        of_servers,
        second_view::{listed, name_servers},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// Name servers compared with the zone above; a delegation is read no further.
const COMPARED: usize = 13;

/// Something about the servers that works and should be better.
struct Weakness(Code, String, String);

/// The finding where nobody answered for the zone.
pub(super) fn absent(request: &Request<'_>, look: &Look) -> Option<Finding> {
    let mut finding = unanswered_about(Subject::NameServers, look, request.domain, RecordType::Soa)?;
    finding.remarks.push("Nothing else could be looked at.".to_string());
    Some(finding)
}

/// Judges the servers of the zone at `apex`.
pub(super) fn judge(request: &Request<'_>, apex: &Name, seen: &Seen) -> Result<Finding, Need> {
    if request.recursive {
        let reason = "Only resolvers were asked, so the zone's own name servers were not looked at.";
        return Ok(Verdict::about(Subject::NameServers, Status::Unchecked, Code::Unchecked, reason));
    }
    let above = Question { name: apex.clone(), rtype: RecordType::Ns, view: View::Parent };
    seen.have(Vec::from([
        Question::new(apex, RecordType::Soa),
        Question::new(apex, RecordType::Ns),
        above.clone(),
    ]))?;
    let look = seen.at(apex, RecordType::Soa)?;
    if let Some(finding) = unanswered_about(Subject::NameServers, look, apex, RecordType::Soa) {
        return Ok(finding);
    }
    let own = seen.at(apex, RecordType::Ns)?;
    let delegated = seen.through(View::Parent, apex, RecordType::Ns)?;
    let weaknesses = [lame(apex, look), differs(apex, delegated, own), few(apex, look), serials(look)];
    let mut weaknesses = weaknesses.into_iter().flatten();
    let answering = match look.replies.len() {
        1 => "The only name server".to_string(),
        2 => "Both name servers".to_string(),
        many => format!("All {many} name servers"),
    };
    let finding = match weaknesses.next() {
        Some(Weakness(code, reason, fix)) => {
            Verdict::about(Subject::NameServers, Status::Softfail, code, reason).fix(fix)
        }
        None => {
            let version = look.answers().find_map(|(_, answer)| answer.serial);
            let version = version.map_or_else(String::new, |serial| format!(", with version {serial}"));
            let reason = format!("{answering} of {apex} answer{version}.");
            Verdict::about(Subject::NameServers, Status::Pass, Code::Ok, reason)
        }
    };
    Ok(with_servers(finding, look, weaknesses.map(|Weakness(_, reason, _)| reason)))
}

/// With what each server said.
fn with_servers(mut finding: Finding, look: &Look, more: impl Iterator<Item = String>) -> Finding {
    finding.remarks.extend(more);
    finding.observed = look
        .replies
        .iter()
        .take(LISTED)
        .map(|reply| match &reply.outcome {
            Ok(answer) => match answer.serial {
                Some(serial) => format!("{}: serial {serial}", reply.server),
                None => format!("{}: answered", reply.server),
            },
            Err(failure) => format!("{}: {failure}", reply.server),
        })
        .collect();
    let unauthoritative = look.answers().filter(|(_, answer)| !answer.authoritative).take(LISTED);
    finding.remarks.extend(unauthoritative.map(|(server, _)| {
        format!("{server} answered without the AA bit: it may not be set up for this zone")
    }));
    if let Some((server, answer)) = agreed(look) {
        finding.server = Some(server.clone());
        finding.rcode = Some(answer.rcode.as_str().to_string());
        finding.ttl = answer.ttl();
    }
    finding
}

/// Servers that are listed and do not answer for the zone (RFC 1912 §2.8).
fn lame(apex: &Name, look: &Look) -> Option<Weakness> {
    let failing: Vec<String> =
        look.failures().take(LISTED).map(|(server, failure)| format!("{server} {failure}")).collect();
    if failing.is_empty() {
        return None;
    }
    let reason = format!(
        "Only {} of {apex} answer for it; each look-up that meets one of the others is slow or fails. {}.",
        of_servers(look.answers().count(), look.replies.len()),
        failing.join("; ")
    );
    let fix =
        format!("Have these servers serve {apex} again, or take them out of its delegation and NS records.");
    Some(Weakness(Code::NameServersLame, reason, fix))
}

/// RFC 2182 §5 wants two at least, apart from one another.
fn few(apex: &Name, look: &Look) -> Option<Weakness> {
    let mut addresses: Vec<IpAddr> = look.replies.iter().filter_map(|reply| reply.server.address).collect();
    addresses.sort();
    addresses.dedup();
    let [only] = addresses[..] else { return None };
    let reason = format!(
        "All name servers of {apex} have one address, {only}: when it fails, the domain is gone (RFC 2182)."
    );
    let fix = format!("Add a second name server for {apex}, on another network.");
    Some(Weakness(Code::NameServersFew, reason, fix))
}

fn serials(look: &Look) -> Option<Weakness> {
    let mut serials: Vec<u32> = look.answers().filter_map(|(_, answer)| answer.serial).collect();
    serials.sort_unstable();
    serials.dedup();
    if serials.len() < 2 {
        return None;
    }
    let reason =
        "The name servers have different versions of the zone. Shortly after a change that is normal.";
    let fix = "If it lasts, ask your DNS host why its servers are not brought up to date.";
    Some(Weakness(Code::SerialsDiffer, reason.to_string(), fix.to_string()))
}

/// The delegation and the zone's own NS records must be the same (RFC 1034
/// §4.2.2).
fn differs(apex: &Name, above: &Look, own: &Look) -> Option<Weakness> {
    let (above, own) = (name_servers(above)?, name_servers(own)?);
    // A delegation is read no further than that.
    if own.len() >= COMPARED {
        return None;
    }
    let missing = |from: &[&Name], them: &[&Name]| -> Vec<Name> {
        them.iter().filter(|name| !from.contains(name)).map(|name| (*name).clone()).collect()
    };
    let said: Vec<String> = [("registry", missing(&own, &above)), ("zone itself", missing(&above, &own))]
        .into_iter()
        .filter(|(_, only)| !only.is_empty())
        .map(|(who, only)| format!("only the {who} lists {}", listed(&only.iter().collect::<Vec<_>>())))
        .collect();
    if said.is_empty() {
        return None;
    }
    let reason = format!(
        "The registry and the zone name different servers for {apex}: {}. A server of an old host may still answer.",
        said.join("; ")
    );
    let fix = format!(
        "Enter the same name servers at the registrar and in the NS records of {apex}; after a move, remove the old ones."
    );
    Some(Weakness(Code::DelegationDiffers, reason, fix))
}
