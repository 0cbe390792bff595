//! DNSSEC: whether the zone is signed, and whether those who check believe it.
//!
//! Nothing is validated here; what a validating resolver says is taken from it.

use super::{Finding, Request, Subject};
use crate::{
    names::Name,
    observe::{Look, Need, Question, RecordType, Seen, Server, View},
    verify::{
        Code, Status, Verdict,
        evidence::{agreed, unanswered_about, with_evidence},
        second_view::is_bogus,
    },
};
use alloc::{format, string::ToString, vec::Vec};

/// Judges the signatures of the zone at `apex`.
pub(crate) fn judge(request: &Request<'_>, apex: &Name, seen: &Seen) -> Result<Finding, Need> {
    // Who may not ask the parent's servers gets DS from a resolver.
    let above = if request.recursive { View::Servers } else { View::Parent };
    let question = |rtype, view| Question { name: apex.clone(), rtype, view };
    seen.have(Vec::from([question(RecordType::Ds, above), question(RecordType::Soa, View::Resolvers)]))?;
    let ds = seen.through(above, apex, RecordType::Ds)?;
    let resolved = seen.through(View::Resolvers, apex, RecordType::Soa)?;
    let signed = agreed(ds).map(|(_, answer)| !answer.is_negative());
    if signed == Some(false) {
        let reason =
            format!("Not signed, which is no problem for mail: the registry has no DS record for {apex}.");
        let finding = Verdict::about(Subject::Dnssec, Status::Pass, Code::Unsigned, reason);
        return Ok(with_evidence(finding, ds));
    }
    if let Some((resolver, _)) = resolved.answers().find(|(_, answer)| answer.authenticated) {
        let reason = format!("Signed, and validated by the resolver {resolver}.");
        return Ok(with_keys(Verdict::about(Subject::Dnssec, Status::Pass, Code::Ok, reason), ds, resolver));
    }
    if let Some(resolver) = bogus(apex, resolved, seen)? {
        let reason = format!(
            "DNSSEC of {apex} is broken: the resolver {resolver}, which checks signatures, refuses to answer for it. So \
             does every receiver that checks them, and finds no record in it at all."
        );
        let fix = format!(
            "Have your DNS host sign {apex} anew, or, if it does not sign it (any more), delete the DS record of {apex} at \
             your registrar; one left over from an old DNS host is the usual cause."
        );
        let finding = Verdict::about(Subject::Dnssec, Status::Fail, Code::DnssecBogus, reason).fix(fix);
        return Ok(with_keys(finding, ds, resolver));
    }
    let unchecked = |reason| {
        let finding = Verdict::about(Subject::Dnssec, Status::Unchecked, Code::DnssecUnchecked, reason);
        with_evidence(finding, ds)
    };
    if signed.is_none() {
        let why = unanswered_about(Subject::Dnssec, ds, apex, RecordType::Ds);
        let why = why.map_or_else(Default::default, |finding| finding.reason);
        return Ok(unchecked(format!("Whether {apex} is signed with DNSSEC could not be found out. {why}")));
    }
    if let Some((resolver, _)) = resolved.answers().next() {
        return Ok(unchecked(format!(
            "{apex} is signed with DNSSEC, but the signatures were not checked: {resolver} does not validate."
        )));
    }
    Ok(unanswered_about(Subject::Dnssec, resolved, apex, RecordType::Soa)
        .unwrap_or_else(|| unchecked(format!("The signatures of {apex} were not checked."))))
}

/// The resolver that finds the signatures wrong. One is enough here, where
/// nothing is taken from anybody because of it.
fn bogus<'a>(apex: &Name, resolved: &'a Look, seen: &Seen) -> Result<Option<&'a Server>, Need> {
    for reply in &resolved.replies {
        if is_bogus(reply, apex, RecordType::Soa, seen)? {
            return Ok(Some(&reply.server));
        }
    }
    Ok(None)
}

/// With the keys the zone above names, and the resolver it rests on.
fn with_keys(mut finding: Finding, ds: &Look, resolver: &Server) -> Finding {
    if let Some((_, answer)) = agreed(ds) {
        finding.observed =
            answer.records.iter().take(8).map(|record| format!("DS {}", record.data)).collect();
        finding.ttl = answer.ttl();
    }
    if finding.status == Status::Fail {
        finding.rcode = Some("SERVFAIL".to_string());
    }
    finding.server = Some(resolver.clone());
    finding
}
