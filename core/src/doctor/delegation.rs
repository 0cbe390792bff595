//! How the zone above leads to ours: that it does, to the same servers that we
//! name ourselves, and at their right addresses.

use super::{
    Code, Finding, Request, Subject,
    finding::{Told, told},
};
use crate::{
    audit::{self, dnssec},
    names::Name,
    observe::{Answer, Data, Look, Need, Question, RecordType, Seen, View, Zone},
    verify::{
        self, Status,
        second_view::{listed, name_servers},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// A delegation is read no further than this.
const NAME_SERVERS: usize = 13;

/// Where the delegation leads.
pub(super) struct Led {
    pub(super) findings: Vec<Finding>,
    /// Whether anybody answers for the names in the zone.
    pub(super) reachable: bool,
    /// Whether the zone is one of its own, whose servers can be judged.
    pub(super) has_servers: bool,
}

/// Judges the delegation of `zone`; `look` is at its SOA.
pub(super) fn judge(request: &Request<'_>, zone: &Name, look: &Look, seen: &Seen) -> Result<Led, Need> {
    let lost = |finding| Led { findings: Vec::from([finding]), reachable: false, has_servers: false };
    let apex = match &look.zone {
        Zone::NotDelegated { name } => return Ok(lost(not_delegated(request, zone, name))),
        Zone::Unknown(failure) => return unknown(request, zone, &failure.to_string(), seen).map(lost),
        Zone::Found(apex) => apex,
    };
    let reachable = look.answers().next().is_some();
    if apex != zone {
        return no_cut(request, zone, apex, seen);
    }
    if request.recursive {
        let reason = format!(
            "Only resolvers are asked (SIGNET_DNS_MODE=recursive), so the delegation and the name servers of {zone} were \
             not looked at."
        );
        let finding = Finding::new(Subject::NameServers, zone, Code::ServersUnchecked, reason)
            .fix("Run it with --dns-mode authoritative where questions to the world's name servers get out.");
        return Ok(Led { findings: Vec::from([finding]), reachable, has_servers: false });
    }
    let mut findings = signatures(request, zone, seen)?;
    findings.extend(compared(request, zone, seen)?);
    Ok(Led { findings, reachable, has_servers: true })
}

/// The lines that the zone above needs: who serves ours, and the addresses of
/// those that lie inside it (glue, RFC 1034 §4.2.1).
fn wanted(request: &Request<'_>, zone: &Name) -> Vec<String> {
    let servers = request.name_servers.iter().take(NAME_SERVERS);
    let names = servers.clone().map(|(name, _)| format!("{zone}. NS {name}."));
    let glue = servers.filter(|(name, _)| name.is_at_or_below(zone)).flat_map(|(name, addresses)| {
        addresses.iter().map(move |ip| format!("{name}. {} {ip}", address_type(*ip)))
    });
    names.chain(glue).collect()
}

/// The type of the record that holds such an address.
pub(super) fn address_type(ip: IpAddr) -> RecordType {
    if ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa }
}

/// Where the zone above is edited, in the operator's words.
fn where_above(zone: &Name) -> String {
    match (zone.organizational(), zone.parent()) {
        (Some(registered), Some(parent)) if registered != *zone => {
            format!("In the zone {parent}, where its DNS is kept, add these records")
        }
        _ => format!(
            "At the registrar of {zone}, enter these name servers; those inside {zone} with their addresses (\"glue\" or \
             \"host records\")"
        ),
    }
}

fn how_served(request: &Request<'_>, zone: &Name) -> String {
    if request.serves {
        return "Signet serves the zone already (SIGNET_DNS_LISTEN).".to_string();
    }
    format!(
        "Nothing here serves the zone yet: set SIGNET_DNS_LISTEN ([::]:53), or load `signet zone export --apex {zone}` \
         into your own name server."
    )
}

fn not_delegated(request: &Request<'_>, zone: &Name, gone: &Name) -> Finding {
    let (reason, fix) = if zone.is_never_public() {
        (
            format!(
                "{zone} is a name for trying things out: nobody outside can ever look up what is in it (RFC 6761). None of \
                 the records that customers are asked for would lead anywhere."
            ),
            format!(
                "Choose a name in a domain of yours, such as signet.<your domain>, and set SIGNET_ZONE to it before customers \
                 publish anything. The zone above has to lead to it: enter there, with your name in place of {zone}, the \
                 records below. {}",
                how_served(request, zone)
            ),
        )
    } else {
        let whose = if gone == zone {
            "nobody has registered it, or no name servers are entered".to_string()
        } else {
            format!("{gone} is not registered, or has no name servers")
        };
        (
            format!(
                "The world does not know {zone}: {whose}. Nothing that customers' records point to can be found until then."
            ),
            format!("{}. {}", where_above(zone), how_served(request, zone)),
        )
    };
    Finding::new(Subject::Delegation, zone, Code::NotDelegated, reason).fix(fix).paste(wanted(request, zone))
}

/// The name is known to the zone above, which has not handed it on.
fn no_cut(request: &Request<'_>, zone: &Name, apex: &Name, seen: &Seen) -> Result<Led, Need> {
    let bounce = request.provider.bounce_host();
    let there = [RecordType::A, RecordType::Aaaa, RecordType::Mx];
    seen.have(there.iter().map(|&rtype| Question::new(&bounce, rtype)).collect())?;
    let mut published = false;
    for rtype in there {
        published |= seen.at(&bounce, rtype)?.answers().any(|(_, answer)| !answer.is_negative());
    }
    let of_ours = bounce.is_at_or_below(zone);
    let finding = if published && of_ours {
        let reason = format!(
            "{zone} is no zone of its own: {apex} answers for what is in it. That works as long as every record of `signet \
             zone export` is kept there, each new DKIM key included."
        );
        let fix = format!(
            "To have Signet keep them itself, hand {zone} on: {}.",
            in_the_middle(&where_above(zone))
        );
        Finding::new(Subject::Delegation, zone, Code::NoZoneCut, reason).fix(fix)
    } else {
        let reason = format!(
            "{zone} is not delegated: {apex}, which it lies in, answers for it and knows of none of the names that customers' \
             records point to."
        );
        let fix = format!("{}. {}", where_above(zone), how_served(request, zone));
        Finding::new(Subject::Delegation, zone, Code::NotDelegated, reason).fix(fix)
    };
    let finding = finding.paste(wanted(request, zone));
    Ok(Led { findings: Vec::from([finding]), reachable: published && of_ours, has_servers: false })
}

/// The same text behind a colon.
fn in_the_middle(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Nobody could say where the zone is. Broken signatures look like that.
fn unknown(request: &Request<'_>, zone: &Name, failure: &str, seen: &Seen) -> Result<Finding, Need> {
    if let Some(bogus) = signatures(request, zone, seen)?.into_iter().find(|f| f.code == Code::DnssecBogus) {
        return Ok(bogus);
    }
    // Whatever the resolver does with such a name, the world cannot know it.
    if zone.is_never_public() {
        return Ok(not_delegated(request, zone, zone));
    }
    let reason =
        format!("Could not tell: the name servers of {zone} could not be found. The one asked {failure}.");
    let fix = "See that SIGNET_DNS_RESOLVERS names resolvers that answer; then run this again.";
    Ok(Finding::new(Subject::Delegation, zone, Code::Unanswered, reason).fix(fix))
}

/// What those who check signatures make of the zone. A zone without any is
/// nothing to speak of.
fn signatures(request: &Request<'_>, zone: &Name, seen: &Seen) -> Result<Vec<Finding>, Need> {
    let request = audit::Request {
        domain: zone,
        selectors: &[],
        addresses: &[],
        probe: request.probe,
        recursive: request.recursive,
    };
    let verdict = dnssec::judge(&request, zone, seen)?;
    let code = match (verdict.status, verdict.code) {
        (Status::Fail, _) => Code::DnssecBogus,
        (Status::Pass, verify::Code::Ok) => Code::Ok,
        _ => return Ok(Vec::new()),
    };
    let finding = Finding::new(Subject::Delegation, zone, code, verdict.reason).fix(verdict.fix);
    let (server, rcode) = (verdict.server, verdict.rcode);
    Ok(Vec::from([Finding { server, rcode, observed: verdict.observed, ..finding }]))
}

/// The delegation beside what the zone says of itself.
fn compared(request: &Request<'_>, zone: &Name, seen: &Seen) -> Result<Vec<Finding>, Need> {
    let ask = |view| Question { name: zone.clone(), rtype: RecordType::Ns, view };
    seen.have(Vec::from([ask(View::Parent), ask(View::Servers)]))?;
    let above = seen.through(View::Parent, zone, RecordType::Ns)?;
    let own = seen.at(zone, RecordType::Ns)?;
    let about = zone.as_str();
    let (parent, delegation) = match told(Subject::Delegation, about, above, zone, RecordType::Ns) {
        Told::Answer(parent, delegation) => (parent, delegation),
        Told::Nowhere => return Ok(Vec::new()),
        Told::Nothing(finding) => return Ok(Vec::from([finding])),
    };
    // What the servers themselves fail to say is told of them.
    let (Some(above), Some(own)) = (name_servers(above), name_servers(own)) else { return Ok(Vec::new()) };
    let mut findings = Vec::new();
    // Where one of them lists more than is read, they cannot be compared.
    if above != own && own.len() < NAME_SERVERS {
        findings.push(differs(zone, &above, &own).by(parent, delegation));
    }
    // Servers of the zone above that serve ours, too, give no delegation.
    if !delegation.authoritative {
        findings.extend(
            glue(request, zone, &above, delegation, seen)?.into_iter().map(|f| f.by(parent, delegation)),
        );
    }
    if findings.is_empty() {
        let reason = format!("The zone above leads to {}, as our zone does itself.", listed(&own));
        findings.push(Finding::new(Subject::Delegation, zone, Code::Ok, reason).by(parent, delegation));
    }
    Ok(findings)
}

fn differs(zone: &Name, above: &[&Name], own: &[&Name]) -> Finding {
    let only = |these: &[&Name], those: &[&Name]| -> Vec<String> {
        these.iter().filter(|name| !those.contains(name)).map(ToString::to_string).collect()
    };
    let said: Vec<String> = [("the zone above", only(above, own)), ("our zone", only(own, above))]
        .into_iter()
        .filter(|(_, only)| !only.is_empty())
        .map(|(who, only)| format!("only {who} lists {}", only.join(", ")))
        .collect();
    let reason = format!("The zone above and {zone} itself name different servers: {}.", said.join("; "));
    let fix = format!(
        "Both lists should be the same (RFC 1034 §4.2.2). If ours is right, {}:",
        in_the_middle(&where_above(zone))
    );
    let paste = own.iter().map(|name| format!("{zone}. NS {name}.")).collect();
    Finding::new(Subject::Delegation, zone, Code::DelegationDiffers, reason).fix(fix).paste(paste)
}

/// The addresses that the zone above tells of servers inside ours, beside
/// those that our zone has (RFC 9471: without them nobody finds it).
fn glue(
    request: &Request<'_>,
    zone: &Name,
    names: &[&Name],
    delegation: &Answer,
    seen: &Seen,
) -> Result<Vec<Finding>, Need> {
    let inside: Vec<&Name> =
        names.iter().copied().filter(|name| name.is_at_or_below(zone)).take(NAME_SERVERS).collect();
    let questions: Vec<(&Name, RecordType)> =
        inside.iter().flat_map(|&name| [(name, RecordType::A), (name, RecordType::Aaaa)]).collect();
    seen.have_all(&questions)?;
    let mut findings = Vec::new();
    for name in inside {
        let glued: Vec<IpAddr> =
            delegation.glue.iter().filter(|(owner, _)| owner == name).map(|&(_, ip)| ip).collect();
        let Some(own) = own_addresses(name, seen)? else { continue };
        findings.extend(of_server(request, zone, name, &glued, &own));
    }
    Ok(findings)
}

/// The addresses that our zone has for a server; `None` when that cannot be
/// told, or there are none, which the servers' own judge tells.
fn own_addresses(name: &Name, seen: &Seen) -> Result<Option<Vec<IpAddr>>, Need> {
    let mut addresses = Vec::new();
    for rtype in [RecordType::A, RecordType::Aaaa] {
        let Told::Answer(_, answer) = told(Subject::Delegation, "", seen.at(name, rtype)?, name, rtype)
        else {
            return Ok(None);
        };
        addresses.extend(answer.records.iter().filter_map(|record| match record.data {
            Data::Address(ip) => Some(ip),
            _ => None,
        }));
    }
    Ok((!addresses.is_empty()).then_some(addresses))
}

fn of_server(
    request: &Request<'_>,
    zone: &Name,
    name: &Name,
    glued: &[IpAddr],
    own: &[IpAddr],
) -> Option<Finding> {
    let of = |addresses: &[IpAddr]| addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let missing: Vec<IpAddr> = own.iter().copied().filter(|ip| !glued.contains(ip)).collect();
    let (code, reason) = if glued.is_empty() {
        let reason = format!(
            "The zone above does not tell the address of {name}, which lies inside {zone}: whoever looks for it goes round in \
             circles."
        );
        (Code::GlueMissing, reason)
    } else if glued.iter().any(|ip| !own.contains(ip)) {
        let reason = format!(
            "The zone above says that {name} is at {}, our zone that it is at {}.",
            of(glued),
            of(own)
        );
        (Code::GlueDiffers, reason)
    } else if !missing.is_empty() {
        let reason = format!("The zone above leaves out that {name} is at {}, too.", of(&missing));
        (Code::GlueIncomplete, reason)
    } else {
        return None;
    };
    let inside =
        request.name_servers.iter().find(|(known, addresses)| known == name && !addresses.is_empty());
    let right = inside.map_or(own, |(_, addresses)| addresses);
    let paste = right.iter().map(|ip| format!("{name}. {} {ip}", address_type(*ip))).collect();
    let fix =
        "Give the zone above these addresses (\"glue\" or \"host records\"), and no others for that name:";
    Some(Finding::new(Subject::Delegation, name, code, reason).fix(fix).paste(paste))
}
