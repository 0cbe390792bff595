//! The domain as a name: that it exists, is no alias, and is its own.

use super::{Finding, Request, Subject};
use crate::{
    names::Name,
    observe::{Need, Rcode, RecordType, Seen},
    verify::{
        Code, Status, Verdict,
        evidence::{agreed, is_wildcard, sibling, unanswered_about, with_evidence},
    },
};
use alloc::{format, string::String, vec::Vec};

/// The types that mail is found by.
const TYPES: [RecordType; 2] = [RecordType::Txt, RecordType::Mx];

/// Judges the name, in the zone at `apex`.
pub(super) fn judge(request: &Request<'_>, apex: &Name, seen: &Seen) -> Result<Finding, Need> {
    let domain = request.domain;
    let below = domain.prepend(request.probe);
    // Beside the apex of a zone lies somebody else's name.
    let beside = sibling(domain, request.probe).filter(|_| domain != apex);
    let names = [Some(domain), below.as_ref(), beside.as_ref()];
    let questions: Vec<(&Name, RecordType)> =
        names.into_iter().flatten().flat_map(|name| TYPES.map(|rtype| (name, rtype))).collect();
    seen.have_all(&questions)?;

    let look = seen.at(domain, RecordType::Txt)?;
    let Some((_, answer)) = agreed(look) else {
        let finding = unanswered_about(Subject::Name, look, domain, RecordType::Txt);
        return Ok(finding.unwrap_or_else(|| {
            Verdict::about(Subject::Name, Status::Unchecked, Code::Unchecked, "It was not looked at.")
        }));
    };
    let mut finding = match answer.cname() {
        Some(target) => alias(domain, apex, target),
        None if answer.rcode == Rcode::NxDomain => {
            let reason = format!("{domain} does not exist in the zone {apex}.");
            let fix = format!("Check the spelling; if it is right, publish the records of {domain}.");
            Verdict::about(Subject::Name, Status::Missing, Code::NameNotFound, reason).fix(fix)
        }
        None => {
            let reason = format!("A name of its own, in the zone {apex}.");
            Verdict::about(Subject::Name, Status::Pass, Code::Ok, reason)
        }
    };
    if beside.is_some() {
        for rtype in TYPES {
            if is_wildcard(seen, domain, rtype, request.probe)? {
                finding
                    .remarks
                    .push(format!("The {rtype} records come from a wildcard, which gives them to any name."));
            }
        }
    }
    if let Some(below) = &below {
        finding.remarks.extend(wildcard_below(domain, below, seen)?);
    }
    finding = with_evidence(finding, look);
    // The texts are for the subjects that read them.
    if answer.cname().is_none() {
        finding.observed.clear();
    }
    Ok(finding)
}

fn alias(domain: &Name, apex: &Name, target: &Name) -> Finding {
    if domain == apex {
        // RFC 1034 §3.6.2: nothing may stand beside it, and SOA and NS must.
        let reason = format!(
            "{domain} is a CNAME to {target}. At the top of a zone that breaks mail and everything else there."
        );
        let fix =
            format!("Replace the CNAME at {domain} by A and AAAA records with the addresses of {target}.");
        return Verdict::about(Subject::Name, Status::Fail, Code::CnameAtApex, reason).fix(fix);
    }
    let reason = format!(
        "{domain} is a CNAME to {target}: its MX and SPF records are those of {target}, and it cannot have its own."
    );
    let fix = format!(
        "If {domain} is to have mail records of its own, replace the CNAME by A and AAAA records with the addresses \
         of {target}."
    );
    Verdict::about(Subject::Name, Status::Softfail, Code::Alias, reason).fix(fix)
}

/// What a wildcard gives to names below the domain that do not exist.
fn wildcard_below(domain: &Name, below: &Name, seen: &Seen) -> Result<Option<String>, Need> {
    let mut found = Vec::new();
    for rtype in TYPES {
        if let Some((_, answer)) = agreed(seen.at(below, rtype)?)
            && let Some(record) = answer.records.first()
        {
            found.push(format!("{rtype} {}", record.data));
        }
    }
    found.dedup();
    let told = format!("Any name below {domain} exists, by a wildcard: {}", found.join(", "));
    Ok((!found.is_empty()).then_some(told))
}
