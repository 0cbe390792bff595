//! What every verdict carries: who said what, and what follows when nobody
//! said anything that can be judged.

use super::{Code, Status, Verdict, of_servers};
use crate::{
    names::Name,
    observe::{Answer, Consensus, Failure, Look, Need, RecordType, Seen, Server, Zone},
    plan::PlannedRecord,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// How many servers or records are listed by name at most; a hostile zone may
/// have hundreds.
pub(crate) const LISTED: usize = 16;

/// The answer all servers that answered agree on, and the first of them.
pub(crate) fn agreed(look: &Look) -> Option<(&Server, &Answer)> {
    match look.consensus() {
        Consensus::Agreed { server, answer } => Some((server, answer)),
        _ => None,
    }
}

/// `verdict` with what `look` shows: server, response code, TTL, the records
/// seen, the witnesses, and a remark on every server that did not do its part.
///
/// Where the servers contradict one another or none answered, only what can be
/// said of them is filled in.
pub(crate) fn with_evidence<K>(mut verdict: Verdict<K>, look: &Look) -> Verdict<K> {
    verdict.witnesses.asked = count(look.replies.len());
    match look.consensus() {
        Consensus::Agreed { server, answer } => {
            verdict.server = Some(server.clone());
            verdict.rcode = Some(answer.rcode.as_str().to_string());
            verdict.ttl = answer.ttl();
            verdict.observed = shown(answer);
            // They all say the same, or this would be a split.
            verdict.witnesses.agreeing = count(look.answers().count());
            verdict.remarks.append(&mut server_remarks(look));
        }
        Consensus::Split { .. } => {
            let mut seen: Vec<String> = look
                .answers()
                .take(LISTED)
                .map(|(server, answer)| match shown(answer) {
                    none if none.is_empty() => format!("{server}: nothing"),
                    records => format!("{server}: {}", records.join(", ")),
                })
                .collect();
            verdict.observed.append(&mut seen);
            verdict.remarks.append(&mut server_remarks(look));
        }
        Consensus::Nothing { server, failure } => {
            verdict.server = server.cloned();
            verdict.rcode = failure.rcode();
            let failures =
                look.failures().take(LISTED).map(|(server, failure)| format!("{server} {failure}"));
            verdict.remarks.extend(failures);
        }
        Consensus::NotDelegated(_) => verdict.rcode = Some("NXDOMAIN".to_string()),
    }
    verdict
}

/// The verdict on `record` when the look at it holds no answer that all servers
/// agree on; `None` when it does and there is something to judge.
pub(crate) fn unanswered(record: &PlannedRecord, look: &Look) -> Option<Verdict> {
    unanswered_at(record, look, &record.owner, record.rtype)
}

/// The same for a look at another name that the verdict on `record` rests on.
pub(crate) fn unanswered_at(
    record: &PlannedRecord,
    look: &Look,
    name: &Name,
    rtype: RecordType,
) -> Option<Verdict> {
    let mut verdict = unanswered_about(record.key, look, name, rtype)?;
    verdict.expected = record.value.clone();
    match verdict.code {
        Code::NotDelegated => {}
        Code::ServersDisagree => {
            verdict.fix = format!(
                "Right after a change this is normal and nothing is to be done: we will look again by ourselves. \
                 {SERVERS_DIFFER}"
            );
        }
        _ => verdict.reason.push_str(
            " We will look again by ourselves; nothing is to be done unless your DNS host is down.",
        ),
    }
    Some(verdict)
}

const SERVERS_DIFFER: &str = "If it lasts for hours, ask your DNS host why its servers differ, or whether name servers \
     of an old host are still listed at your registrar.";

/// The same about anything, without a promise that somebody will look again.
pub(crate) fn unanswered_about<K>(key: K, look: &Look, name: &Name, rtype: RecordType) -> Option<Verdict<K>> {
    let verdict = match look.consensus() {
        Consensus::Agreed { .. } => return None,
        Consensus::NotDelegated(undelegated) => not_delegated(key, undelegated),
        Consensus::Split { with, without } => {
            let reason = disagreement(look, name, rtype, &with, &without);
            Verdict::about(key, Status::NetworkError, Code::ServersDisagree, reason).fix(format!(
                "Right after a change this is normal and nothing is to be done. {SERVERS_DIFFER}"
            ))
        }
        Consensus::Nothing { failure, .. } => {
            let reason = silence(look, name, failure);
            Verdict::about(key, Status::NetworkError, failure_code(look, failure), reason)
        }
    };
    Some(with_evidence(verdict, look))
}

fn not_delegated<K>(key: K, name: &Name) -> Verdict<K> {
    let reason = format!(
        "The registry knows no name servers for {name}: the domain is not registered, expired or on hold."
    );
    Verdict::about(key, Status::Missing, Code::NotDelegated, reason).fix(format!(
        "Check at your registrar that {name} is registered, paid for and not on hold, and that name servers are entered there."
    ))
}

fn disagreement(
    look: &Look,
    name: &Name,
    rtype: RecordType,
    with: &[&Server],
    without: &[&Server],
) -> String {
    if without.is_empty() {
        return format!("The name servers have different {rtype} records at {name}.");
    }
    let some = of_servers(with.len(), look.replies.len());
    let have = if with.len() == 1 { "has" } else { "have" };
    let (with, without) = (listed(with), listed(without));
    format!("{some} {have} it: the {rtype} record at {name} is on {with} and not on {without}.")
}

fn silence(look: &Look, name: &Name, failure: &Failure) -> String {
    let Zone::Found(apex) = &look.zone else {
        return format!("The name servers of {name} could not be found: the one asked {failure}.");
    };
    let alike = look.failures().all(|(_, other)| code_of(other) == code_of(failure));
    match look.replies.len() {
        0 => format!("No name server of {apex} has an address that could be asked."),
        1 => format!("The only name server of {apex} {failure}."),
        n if alike && failure.is_silence() => {
            format!("None of the {n} name servers of {apex} answered in time.")
        }
        n if alike => format!("Each of the {n} name servers of {apex} {failure}."),
        n => format!("None of the {n} name servers of {apex} gave an answer; the first {failure}."),
    }
}

/// The machine word for a look without any answer. `refused` and `lame` mean
/// that every server of the zone turned us away, which can amount to proof
/// (`zone_dead`); a resolver that does is no sign of anything.
fn failure_code(look: &Look, failure: &Failure) -> Code {
    let turned_away = |code: &Code| matches!(code, Code::Refused | Code::Lame);
    let by_the_zone = look.replies.iter().all(|reply| reply.server.name.is_some());
    if look.replies.is_empty() || !by_the_zone {
        return match code_of(failure) {
            Code::Refused => Code::ResolverRefused,
            Code::Lame => Code::BadAnswer,
            code => code,
        };
    }
    let mut codes = look.failures().map(|(_, failure)| code_of(failure));
    codes.find(|code| !turned_away(code)).unwrap_or_else(|| code_of(failure))
}

/// The machine word for a failure to answer.
fn code_of(failure: &Failure) -> Code {
    match failure {
        Failure::Timeout | Failure::NotAsked => Code::Timeout,
        Failure::Unreachable(_) | Failure::NoAddress => Code::Unreachable,
        Failure::Refused => Code::Refused,
        Failure::ServFail(_) => Code::Servfail,
        Failure::Lame => Code::Lame,
        Failure::Filtered(_) => Code::Filtered,
        Failure::Truncated => Code::Truncated,
        Failure::Rcode(_) | Failure::Malformed(_) => Code::BadAnswer,
        Failure::PrivateAddress(_) => Code::PrivateAddress,
    }
}

/// The random name beside `name`: a wildcard that answers one answers both.
/// `None` only for a name that has no room for it.
pub(crate) fn sibling(name: &Name, probe: &str) -> Option<Name> {
    name.parent()?.prepend(probe)
}

/// Whether what was found at `name` is a wildcard's: the random sibling has the
/// same. A sibling that cannot be looked at is no sign of one.
///
/// # Errors
/// [`Need`] with the sibling.
pub(crate) fn is_wildcard(seen: &Seen, name: &Name, rtype: RecordType, probe: &str) -> Result<bool, Need> {
    let Some(sibling) = sibling(name, probe) else {
        return Ok(false);
    };
    let beside = agreed(seen.at(&sibling, rtype)?);
    let here = agreed(seen.at(name, rtype)?);
    Ok(match (here, beside) {
        (Some((_, here)), Some((_, beside))) => !here.is_negative() && here.rrset() == beside.rrset(),
        _ => false,
    })
}

/// One remark for each server that failed beside others that answered, or that
/// answered without the AA bit.
fn server_remarks(look: &Look) -> Vec<String> {
    let failed = look.failures().map(|(server, failure)| format!("{server} {failure}"));
    // A configured resolver has no name and never answers with AA.
    let unauthoritative =
        look.answers().filter(|(server, answer)| server.name.is_some() && !answer.authoritative).map(
            |(server, _)| format!("{server} answered without the AA bit: it may not be set up for this zone"),
        );
    failed.chain(unauthoritative).take(LISTED).collect()
}

fn shown(answer: &Answer) -> Vec<String> {
    answer.records.iter().take(LISTED).map(|record| record.data.to_string()).collect()
}

fn listed(servers: &[&Server]) -> String {
    let mut names: Vec<String> = servers.iter().take(LISTED).map(ToString::to_string).collect();
    if servers.len() > LISTED {
        names.push("…".to_string());
    }
    names.join(", ")
}

fn count(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}
