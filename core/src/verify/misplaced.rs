//! The right record under a wrong name.

use super::{Code, Status, Verdict, case::Case, evidence, paste::Value};
use crate::{
    names::Name,
    observe::{Answer, Look, Need, RecordType},
    plan::RecordKey,
};
use alloc::{format, vec::Vec};

/// A name the record may have been entered under by mistake.
pub(super) struct Place {
    name: Name,
    code: Code,
}

/// Where to look for a record that is not at its name.
pub(super) fn places<T>(case: &Case<'_, T>, look: &Look) -> Vec<Place> {
    let owner = &case.record.owner;
    let domain = case.context.domain;
    let apex = case.zone(look);
    let mut places: Vec<Place> = Vec::with_capacity(4);
    let mut add = |name: Option<Name>, code| {
        if let Some(name) = name
            && name != *owner
            && places.iter().all(|place| place.name != name)
        {
            places.push(Place { name, code });
        }
    };
    // The DNS host appends the zone to what was already a full name; some
    // call the sending domain the zone though it is none of its own.
    add(owner.append(&apex), Code::NameDoubled);
    add(owner.append(domain), Code::NameDoubled);
    // The part before the sending domain, entered relative to a zone above it.
    // `sg-link` holds no id: above the domain it may well be the record of
    // another sending domain, so it proves no mistake.
    if case.record.key != RecordKey::LinkVerification
        && let Some(labels) = owner.relative_to(domain).filter(|labels| !labels.is_empty())
    {
        add(apex.prepend(labels), Code::NameAtApex);
        add(domain.organizational().and_then(|above| above.prepend(labels)), Code::NameAtApex);
    }
    places
}

/// The questions that [`judge`] reads from.
pub(super) fn questions(places: &[Place], rtype: RecordType) -> Vec<(&Name, RecordType)> {
    places.iter().map(|place| (&place.name, rtype)).collect()
}

/// Whether our record stands at one of `places`: `ours` is the value to enter, for an answer that holds our record. A place that could not
/// be looked at says nothing.
pub(super) fn judge<'a, T>(
    case: &Case<'_, T>,
    look: &Look,
    places: &[Place],
    ours: impl Fn(&Answer) -> Option<Value<'a>>,
) -> Result<Option<Verdict>, Need> {
    let rtype = case.record.rtype;
    for Place { name, code } in places {
        let Some((_, answer)) = evidence::agreed(case.seen.at(name, rtype)?) else {
            continue;
        };
        // Only ours: another record there is a wildcard's, or none of our business.
        let Some(value) = ours(answer) else {
            continue;
        };
        if evidence::is_wildcard(case.seen, name, rtype, case.context.probe)? {
            continue;
        }
        let owner = &case.record.owner;
        let place = case.place(look);
        let then = format!("delete the record at {name}");
        let (reason, fix) = if *code == Code::NameDoubled {
            (
                format!(
                    "The record stands at {name} instead of {owner}: your DNS host appends the domain to what is entered."
                ),
                place.undouble(Some(value), &then),
            )
        } else {
            (
                format!(
                    "The record stands at {name} instead of {owner}: it was entered without the part for {}.",
                    case.context.domain
                ),
                place.enter(Some(value), &then),
            )
        };
        return Ok(Some(case.verdict(Status::Missing, *code, reason).fix(fix)));
    }
    Ok(None)
}
