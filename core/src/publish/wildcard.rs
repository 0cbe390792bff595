//! A wildcard that answers for the domain, until the first record is there.
//!
//! Where a domain below the zone's apex has no records, neither of its own nor
//! below it, what is read at it may be a wildcard's: its website and its mail. Any
//! record at or below the domain makes the name exist, and the wildcard no longer
//! answers for it (RFC 4592 §2.2.2, §3.3.1).

use super::standing::who_said_what;
use crate::{
    names::Name,
    observe::{Data, Look, Need, RecordType, Seen, Zone},
    plan::RecordKey,
    verify::{
        Context,
        evidence::{agreed, sibling},
    },
};
use alloc::{format, string::String, vec::Vec};

/// What would be missed. A CNAME comes first: it is the answer to all others.
const MISSED: [RecordType; 5] =
    [RecordType::Cname, RecordType::A, RecordType::Aaaa, RecordType::Mx, RecordType::Txt];
/// Records that are listed.
const LISTED: usize = 8;

/// Why nothing may be written at or below the domain, if so: a wildcard answers
/// for it, or whether one does could not be read.
pub(super) fn in_the_way(context: &Context<'_>, key: RecordKey, seen: &Seen) -> Result<Option<String>, Need> {
    let domain = context.domain;
    // A wildcard above that answers at the domain answers beside it; and below it,
    // unless the domain exists.
    let (Some(beside), Some(below)) = (sibling(domain, context.probe), domain.prepend(context.probe)) else {
        return Ok(None);
    };
    if matches!(&seen.at(domain, RecordType::Cname)?.zone, Zone::Found(apex) if apex == domain) {
        return Ok(None);
    }
    let names = [domain, &beside, &below];
    seen.have_all(&names.map(|name| MISSED.map(|rtype| (name, rtype))).concat())?;

    let mut missed = Vec::new();
    for rtype in MISSED {
        let looks = [seen.at(domain, rtype)?, seen.at(&beside, rtype)?, seen.at(&below, rtype)?];
        let [here, others @ ..] = looks.map(records);
        match (here, others) {
            // The wildcard has none of these, or there is none.
            (here, [Some(a), Some(b)]) if a.is_empty() || b.is_empty() => {
                if here.is_some_and(|here| !here.is_empty()) {
                    return Ok(None);
                }
            }
            (Some(here), [Some(a), Some(b)]) if here != a || here != b => return Ok(None),
            (Some(here), [Some(_), Some(_)]) => missed.extend(here.into_iter().map(|data| (rtype, data))),
            _ => return Ok(unread(key, names, looks, rtype)),
        }
        if matches!(rtype, RecordType::Cname) && !missed.is_empty() {
            break;
        }
    }
    Ok((!missed.is_empty()).then(|| enter_first(domain, &missed)))
}

fn records(look: &Look) -> Option<Vec<&Data>> {
    agreed(look).map(|(_, answer)| answer.rrset())
}

fn unread(key: RecordKey, names: [&Name; 3], looks: [&Look; 3], rtype: RecordType) -> Option<String> {
    let (name, look) = names.into_iter().zip(looks).find(|(_, look)| agreed(look).is_none())?;
    Some(who_said_what(key, look, name, rtype))
}

fn enter_first(domain: &Name, missed: &[(RecordType, &Data)]) -> String {
    let lines: Vec<String> =
        missed.iter().take(LISTED).map(|(rtype, data)| format!("`{domain} {rtype} {data}`")).collect();
    format!(
        "{domain} has no records of its own: a wildcard answers for it, and would stop as soon as there is any record \
         at this name or below it (RFC 4592 §2.2.2). Enter first at {domain} itself what is to stay: {}, and what \
         else the wildcard has. Then plan again.",
        lines.join(", ")
    )
}
