//! What others than the zone's own servers see: resolvers, which stand between
//! a record and the receivers of mail, and the zone above.
//!
//! Resolvers are asked only about what is right at the zone's own servers, so
//! that our questions plant no negative answer for a record that is about to be
//! published (RFC 2308). What they say changes a verdict in one case alone:
//! DNSSEC proven broken, which hides a perfect zone from every receiver that
//! validates.

use super::{Code, Context, Findings, Status, Verdict};
use crate::{
    names::Name,
    observe::{Answer, Consensus, Data, Failure, Look, Need, Question, RecordType, Reply, Seen, View, Zone},
    plan::PlannedRecord,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Validators that must agree before DNSSEC counts as proven broken.
const VALIDATORS: usize = 2;
/// Name servers of a list that are named.
const LISTED: usize = 6;

/// Adds what is seen from elsewhere to the verdicts of the zone's own servers.
///
/// # Errors
/// [`Need`] until everybody has been asked.
pub(super) fn look(
    context: &Context<'_>,
    plan: &[PlannedRecord],
    seen: &Seen,
    findings: &mut Findings,
) -> Result<(), Need> {
    if !context.second_view {
        return Ok(());
    }
    let doubtful: Vec<&PlannedRecord> = plan
        .iter()
        .zip(&findings.verdicts)
        .filter(|(record, verdict)| verdict.status.is_right() || is_servfail(seen, record))
        .map(|(record, _)| record)
        .collect();
    let mut needed: Vec<Question> = doubtful.iter().map(|record| through(View::Resolvers, record)).collect();
    needed.extend(around_the_cut(findings.zone.as_ref()));
    seen.have(needed)?;
    let mut needed = Vec::new();
    for record in &doubtful {
        for reply in &seen.through(View::Resolvers, &record.owner, record.rtype)?.replies {
            if let Err(Need(more)) = is_bogus(reply, &record.owner, record.rtype, seen) {
                needed.extend(more);
            }
        }
    }
    Need::of_all(needed)?;

    for (record, verdict) in plan.iter().zip(&mut findings.verdicts) {
        if doubtful.iter().any(|doubtful| doubtful.key == record.key) {
            beside(record, verdict, seen)?;
        }
    }
    if let Some(apex) = &findings.zone {
        let remarks = [lists_differ(apex, seen)?, unvalidated(apex, &doubtful, seen)?];
        if let Some(first) = findings.verdicts.first_mut() {
            first.remarks.extend(remarks.into_iter().flatten());
        }
    }
    Ok(())
}

fn through(view: View, record: &PlannedRecord) -> Question {
    Question { name: record.owner.clone(), rtype: record.rtype, view }
}

/// The name servers in both lists, and the keys the zone above vouches for.
fn around_the_cut(apex: Option<&Name>) -> Vec<Question> {
    let Some(apex) = apex.filter(|apex| apex.parent().is_some()) else { return Vec::new() };
    let ask = |rtype, view| Question { name: apex.clone(), rtype, view };
    Vec::from([
        ask(RecordType::Ns, View::Servers),
        ask(RecordType::Ns, View::Parent),
        ask(RecordType::Ds, View::Parent),
    ])
}

/// Whether the zone could not even be found, for a failure that broken DNSSEC
/// would explain.
fn is_servfail(seen: &Seen, record: &PlannedRecord) -> bool {
    let look = seen.at(&record.owner, record.rtype);
    look.is_ok_and(|look| matches!(look.zone, Zone::Unknown(Failure::ServFail(_))))
}

/// What resolvers say of one record.
fn beside(record: &PlannedRecord, verdict: &mut Verdict, seen: &Seen) -> Result<(), Need> {
    let resolvers = seen.through(View::Resolvers, &record.owner, record.rtype)?;
    let mut bogus = 0;
    for reply in &resolvers.replies {
        bogus += usize::from(is_bogus(reply, &record.owner, record.rtype, seen)?);
    }
    if bogus > 0 {
        *verdict = broken(record, core::mem::take(&mut verdict.remarks), resolvers, bogus, seen);
        return Ok(());
    }
    let Consensus::Agreed { answer: own, .. } = seen.at(&record.owner, record.rtype)?.consensus() else {
        return Ok(());
    };
    late(verdict, own, resolvers);
    Ok(())
}

/// What a resolver's SERVFAIL tells of its cause.
enum Cause {
    /// Validation failed.
    Signatures,
    /// It may have been that.
    Untold,
    /// Something else, which passes: nobody who could have been asked, too much
    /// to do.
    Other,
}

/// The cause by the extended error (RFC 8914 §4); `None` for any other reply.
fn cause(reply: &Reply) -> Option<Cause> {
    let Err(Failure::ServFail(extended)) = reply.outcome else { return None };
    Some(match extended {
        Some(6..=12) => Cause::Signatures,
        // Other, algorithms it does not know, Indeterminate, Cached Error; IANA
        // has Signature Expired before Valid and NSEC3 iterations besides.
        None | Some(0 | 1 | 2 | 5 | 13 | 25 | 27) => Cause::Untold,
        Some(_) => Cause::Other,
    })
}

/// Whether `reply`, a resolver's, means that signatures do not hold: it says so
/// itself, or it is a SERVFAIL without a cause that turns into an answer when
/// nobody checks (CD, RFC 4035 §3.2.2) and is still there after that. A failure
/// that passes can be over by the time of the second question.
///
/// # Errors
/// [`Need`] of those questions.
pub(crate) fn is_bogus(reply: &Reply, name: &Name, rtype: RecordType, seen: &Seen) -> Result<bool, Need> {
    match cause(reply) {
        Some(Cause::Signatures) => return Ok(true),
        Some(Cause::Untold) => {}
        Some(Cause::Other) | None => return Ok(false),
    }
    let unchecked = seen.through(View::Unchecked, name, rtype)?;
    if !unchecked.answers().any(|(server, _)| *server == reply.server) {
        return Ok(false);
    }
    let again = seen.through(View::ResolversAgain, name, rtype)?;
    let still = again.replies.iter().find(|later| later.server == reply.server).and_then(cause);
    Ok(matches!(still, Some(Cause::Signatures | Cause::Untold)))
}

fn broken(
    record: &PlannedRecord,
    remarks: Vec<String>,
    resolvers: &Look,
    bogus: usize,
    seen: &Seen,
) -> Verdict {
    let zone = match seen.at(&record.owner, record.rtype).map(|look| &look.zone) {
        Ok(Zone::Found(apex)) => apex.to_string(),
        _ => record.owner.organizational().unwrap_or_else(|| record.owner.clone()).to_string(),
    };
    let asked = resolvers.replies.len();
    let fix = format!(
        "DNSSEC of {zone} has to be mended where it is broken: have your DNS host sign the zone anew, or, if it does \
         not sign it (any more), delete the DS record of {zone} at your registrar. The records themselves can stay."
    );
    let mut verdict = if bogus >= VALIDATORS {
        let reason = format!(
            "DNSSEC of {zone} is broken: {bogus} of {asked} resolvers refuse {} because its signatures do not hold, \
             and so do all receivers that check them.",
            record.owner
        );
        Verdict::new(record, Status::Fail, Code::DnssecBogus, reason)
    } else {
        let reason = format!(
            "DNSSEC of {zone} seems to be broken: a resolver that checks signatures refuses {}. A second one would be \
             proof.",
            record.owner
        );
        Verdict::new(record, Status::NetworkError, Code::DnssecSuspect, reason)
    }
    .fix(fix);
    let refusing = resolvers.replies.iter().find(|reply| reply.outcome.is_err());
    verdict.server = refusing.map(|reply| reply.server.clone());
    verdict.rcode = Some("SERVFAIL".to_string());
    verdict.witnesses.asked = u16::try_from(asked).unwrap_or(u16::MAX);
    verdict.witnesses.agreeing = u16::try_from(bogus).unwrap_or(u16::MAX);
    verdict.remarks = remarks;
    verdict
}

/// Says until when receivers may still see what stood there before, as far as
/// the resolvers asked do.
fn late(verdict: &mut Verdict, own: &Answer, resolvers: &Look) {
    let before = resolvers.answers().filter(|(_, answer)| answer.rrset() != own.rrset());
    let seconds = before.map(|(_, answer)| answer.ttl().unwrap_or(0)).max();
    verdict.late = seconds.max(verdict.late);
    if seconds.is_some() {
        let old = resolvers.answers().filter(|(_, answer)| answer.rrset() != own.rrset()).count();
        verdict.remarks.push(format!(
            "Published; {old} of {} resolvers asked still {} what was there before, and so may some receivers.",
            resolvers.replies.len(),
            if old == 1 { "has" } else { "have" },
        ));
    }
}

/// The list of name servers at the registry and the zone's own, where they differ.
fn lists_differ(apex: &Name, seen: &Seen) -> Result<Option<String>, Need> {
    if apex.parent().is_none() {
        return Ok(None);
    }
    let above = name_servers(seen.through(View::Parent, apex, RecordType::Ns)?);
    let own = name_servers(seen.at(apex, RecordType::Ns)?);
    let (Some(above), Some(own)) = (above, own) else { return Ok(None) };
    Ok((above != own).then(|| {
        format!(
            "The zone above lists {} as name servers of {apex}, the zone itself lists {}. After a move to another DNS \
             host the old one may stay in use for 48 hours; in the end both lists should be the same.",
            listed(&above),
            listed(&own)
        )
    }))
}

/// The names in a list, sorted; `None` where nobody told.
pub(crate) fn name_servers(look: &Look) -> Option<Vec<&Name>> {
    let Consensus::Agreed { answer, .. } = look.consensus() else { return None };
    let mut names: Vec<&Name> = answer
        .records
        .iter()
        .filter_map(|record| match &record.data {
            Data::Ns(name) => Some(name),
            _ => None,
        })
        .collect();
    names.sort();
    (!names.is_empty()).then_some(names)
}

pub(crate) fn listed(names: &[&Name]) -> String {
    let mut listed: Vec<String> = names.iter().take(LISTED).map(ToString::to_string).collect();
    if names.len() > LISTED {
        listed.push("…".to_string());
    }
    listed.join(", ")
}

/// A signed zone that none of our resolvers checks.
fn unvalidated(apex: &Name, right: &[&PlannedRecord], seen: &Seen) -> Result<Option<String>, Need> {
    if apex.parent().is_none() {
        return Ok(None);
    }
    let keys = seen.through(View::Parent, apex, RecordType::Ds)?;
    let Consensus::Agreed { answer, .. } = keys.consensus() else { return Ok(None) };
    if answer.is_negative() {
        return Ok(None);
    }
    let mut asked = false;
    for record in right.iter().filter(|record| record.owner.is_at_or_below(apex)) {
        for (_, answer) in seen.through(View::Resolvers, &record.owner, record.rtype)?.answers() {
            asked = true;
            if answer.authenticated {
                return Ok(None);
            }
        }
    }
    Ok(asked.then(|| {
        format!(
            "{apex} is signed with DNSSEC, but none of the resolvers configured here checks signatures, so whether \
             they hold was not checked."
        )
    }))
}

#[cfg(test)]
mod tests;
