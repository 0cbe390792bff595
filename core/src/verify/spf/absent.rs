//! No SPF record at the domain: where it was entered instead.

use super::{
    judge::{Case, left_out_text, read},
    mend::Mended,
    merge::{includes_before_all, mentions, repaired},
    record::{Record, after_version},
};
use crate::{
    names::Name,
    observe::{Data, Need, Rcode, RecordType},
    verify::{
        Code, Status, Verdict,
        evidence::{agreed, is_wildcard, sibling},
        paste::Value,
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The verdict when there is no SPF record at the domain.
pub(super) fn judge(case: &Case<'_>) -> Result<Verdict, Need> {
    let owner = case.owner();
    // A wildcard below the domain would answer at each of these as well.
    let below = owner.prepend(case.trial.probe);
    let doubled = case.apex().and_then(|apex| owner.append(apex));
    // One at the apex answers at the doubled name and beside it, whatever it does below.
    let beside_doubled = doubled.as_ref().and_then(|name| sibling(name, case.trial.probe));
    let aside = ["_spf", "spf"].map(|label| owner.prepend(label));
    let organizational = owner.organizational().filter(|organizational| organizational != owner);
    let places: Vec<(&Name, RecordType)> = below
        .iter()
        .chain(&doubled)
        .chain(&beside_doubled)
        .chain(aside.iter().flatten())
        .chain(&organizational)
        .map(|name| (name, RecordType::Txt))
        .collect();
    let retired = (owner, RecordType::Spf);
    case.seen.have_all(&[&places[..], &[retired]].concat())?;
    if let Some(name) = &doubled
        && let Some(text) = record_at(case, Some(name))?
        && !is_wildcard(case.seen, name, RecordType::Txt, case.trial.probe)?
    {
        return name_doubled(case, name, &text);
    }
    let wild = record_at(case, below.as_ref())?;
    for name in aside.iter().flatten() {
        if let Some(text) = record_at(case, Some(name))?.filter(|text| wild.as_ref() != Some(text)) {
            return wrong_name(case, name, &text);
        }
    }
    if let Some(name) = &organizational
        && let Some(text) = record_at(case, Some(name))?
        && Record::parse(&text)
            .is_ok_and(|record| case.trial.include.is_some_and(|include| mentions(&record, include)))
    {
        return Ok(at_apex(case, name));
    }
    if let Some(text) = text_at(case, owner, RecordType::Spf)? {
        return retired_type(case, &text);
    }
    Ok(nothing(case))
}

/// The one SPF record that can be read at a name, if it is known to be there.
fn record_at(case: &Case<'_>, name: Option<&Name>) -> Result<Option<String>, Need> {
    match name {
        Some(name) => text_at(case, name, RecordType::Txt),
        None => Ok(None),
    }
}

fn text_at(case: &Case<'_>, name: &Name, rtype: RecordType) -> Result<Option<String>, Need> {
    let look = case.seen.at(name, rtype)?;
    let Some((_, answer)) = agreed(look) else { return Ok(None) };
    let texts: Vec<Vec<u8>> = answer.records.iter().filter_map(|r| Data::txt(&r.data)).collect();
    Ok(texts
        .into_iter()
        .find(|text| after_version(text).is_some() && Record::parse(text).is_ok())
        .and_then(|text| String::from_utf8(text).ok()))
}

/// A record of theirs from another place, as it works at the domain.
enum Moved {
    /// The text to publish, and what about it is not theirs.
    To(String, String),
    /// It would not work as it is, and what has to go is not ours to say.
    Unfit,
}

/// In its place the record has had no effect, so that nobody knows yet whether
/// it works.
fn moved(case: &Case<'_>, text: &str) -> Result<Moved, Need> {
    let readable =
        if read(text.as_bytes()).is_ok() { Some(text.to_string()) } else { repaired(text.as_bytes()) };
    let mended = match readable {
        Some(text) => case.mend(&text)?,
        None => None,
    };
    Ok(match mended {
        Some(Mended { text, left_out, .. }) => Moved::To(text, left_out_text(&left_out)),
        None => Moved::Unfit,
    })
}

/// What to do with a record that is `Moved::Unfit` where it stands now.
fn write_anew(case: &Case<'_>, from: &str) -> String {
    let ours = case
        .trial
        .include
        .map_or_else(String::new, |include| format!(", with include:{include} before its all"));
    format!(
        "Publish an SPF record (TXT) at {}{ours}. The one {from} would not work there as it is: receivers could not \
         evaluate it, or it would not do what it is for. Take only what you still need from it.",
        case.owner()
    )
}

fn name_doubled(case: &Case<'_>, name: &Name, text: &str) -> Result<Verdict, Need> {
    let owner = case.owner();
    let reason = format!(
        "The SPF record stands at {name}: your DNS host appends the domain to what you enter. There is none at {owner}."
    );
    let verdict = case.verdict(Status::Missing, Code::NameDoubled, reason);
    Ok(match moved(case, text)? {
        Moved::To(text, note) => {
            let then = format!("delete the record at {name}");
            let fix = format!("{}{note}", case.place().undouble(Some(Value::Text(&text)), &then));
            Verdict { expected: text, ..verdict }.fix(fix)
        }
        Moved::Unfit => verdict.fix(write_anew(case, &format!("at {name}"))),
    })
}

fn wrong_name(case: &Case<'_>, name: &Name, text: &str) -> Result<Verdict, Need> {
    let owner = case.owner();
    let reason = format!(
        "There is an SPF record at {name}, but none at {owner}. Receivers look at {owner} itself, never below it."
    );
    let verdict = case.verdict(Status::Missing, Code::SpfWrongName, reason);
    add_moved(case, verdict, text, &format!("at {name}"))
}

fn retired_type(case: &Case<'_>, text: &str) -> Result<Verdict, Need> {
    let owner = case.owner();
    let reason = format!(
        "The SPF record at {owner} has the type SPF, which was retired; receivers ask for TXT only (RFC 7208 §3.1)."
    );
    let verdict = case.verdict(Status::Missing, Code::SpfType99, reason);
    add_moved(case, verdict, text, "of that type")
}

fn add_moved(case: &Case<'_>, verdict: Verdict, text: &str, from: &str) -> Result<Verdict, Need> {
    Ok(match moved(case, text)? {
        Moved::To(text, note) => {
            let mut verdict = add(case, Verdict { expected: text, ..verdict });
            verdict.fix.push_str(&note);
            verdict
        }
        Moved::Unfit => verdict.fix(write_anew(case, from)),
    })
}

fn at_apex(case: &Case<'_>, name: &Name) -> Verdict {
    let owner = case.owner();
    let reason = format!(
        "{name} has an SPF record with our include, but {owner} has none, and names below {name} do not inherit it."
    );
    add(case, case.verdict(Status::Missing, Code::NameAtApex, reason))
}

fn nothing(case: &Case<'_>) -> Verdict {
    let owner = case.owner();
    let (code, reason) = match agreed(case.look).map(|(_, answer)| (answer.rcode, answer.is_negative())) {
        Some((Rcode::NxDomain, _)) => (Code::NameNotFound, format!("Nothing is published at {owner}.")),
        Some((Rcode::NoError, false)) => {
            (Code::NoRecord, format!("{owner} has TXT records, but none of them is an SPF record."))
        }
        _ => (Code::NoRecord, format!("{owner} has no SPF record.")),
    };
    add(case, case.verdict(Status::Missing, code, reason))
}

fn add(case: &Case<'_>, verdict: Verdict) -> Verdict {
    let fix = case.place().publish(Value::Text(&verdict.expected));
    verdict.fix(fix)
}

/// The verdict when any name beside the domain answers with the same record.
/// The record is in effect, and given back to be merged with ours, but nobody
/// has entered it for this domain.
pub(super) fn wildcard(case: &Case<'_>, text: &[u8]) -> Result<Option<(Verdict, Option<String>)>, Need> {
    let owner = case.owner();
    if !case.trial.thorough {
        return Ok(None);
    }
    // Beside the apex of a zone lies somebody else's name.
    let Some(apex) = case.apex().filter(|apex| *apex != owner) else { return Ok(None) };
    let sibling = owner.parent().filter(|parent| parent.is_at_or_below(apex));
    let Some(sibling) = sibling.and_then(|parent| parent.prepend(case.trial.probe)) else {
        return Ok(None);
    };
    let (Some((_, here)), Some((_, there))) =
        (agreed(case.look), agreed(case.seen.at(&sibling, RecordType::Txt)?))
    else {
        return Ok(None);
    };
    if here.rrset() != there.rrset() {
        return Ok(None);
    }
    let readable = Record::parse(text).ok().filter(|record| record.misspelt().is_none());
    let present = readable.as_ref().map(|_| String::from_utf8_lossy(text).into_owned());
    let verdict = case.verdict(
        Status::Missing,
        Code::Wildcard,
        format!(
            "The SPF record seen at {owner} comes from a wildcard, which gives it to any name beside it."
        ),
    );
    let mut verdict = match &present {
        Some(text) => add_moved(case, verdict, text, "of the wildcard")?,
        None => add(case, verdict),
    };
    let ours =
        |record: Record| case.trial.include.is_some_and(|include| includes_before_all(&record, include));
    if readable.is_some_and(ours) {
        verdict
            .remarks
            .push("The wildcard's record has our include, so mail passes SPF through it today.".to_string());
    }
    Ok(Some((verdict, present)))
}
