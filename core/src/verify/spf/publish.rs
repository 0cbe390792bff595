//! The SPF record to write into a zone, if one can be written without deciding
//! anything that is the owner's to decide.

use super::{
    effect::Trial,
    judge::{judge, read},
    mend::mend,
    merge::{joined, mentions, with_include},
    record::{Record, after_version},
};
use crate::{
    observe::{Data, Need, RecordType, Seen},
    plan::PlannedRecord,
    verify::{Code, Context, Status, Verdict, evidence::agreed},
};
use alloc::{string::String, vec::Vec};

/// What is to be written.
pub(crate) enum Publishable {
    /// Nothing: our servers pass as it is.
    Stays(Verdict),
    /// This, in place of every SPF record that is there.
    Text(Verdict, String),
    /// Nothing, since it could not be read, is broken, or would be: only its
    /// owner can say what has to go.
    Not(Verdict),
}

/// Judges the SPF record at the domain, and evaluates what would stand there with
/// ours in it. Only a text that lets our servers pass within the limits, with
/// every term of theirs still in it, is offered.
pub(crate) fn publishable(
    context: &Context<'_>,
    record: &PlannedRecord,
    seen: &Seen,
) -> Result<Publishable, Need> {
    let (verdict, _) = judge(context, record, seen)?;
    if verdict.status.is_right() {
        return Ok(Publishable::Stays(verdict));
    }
    if !verdict.status.is_wrong() || verdict.status == Status::Unchecked {
        return Ok(Publishable::Not(verdict));
    }
    let Some((_, answer)) = agreed(seen.at(&record.owner, RecordType::Txt)?) else {
        return Ok(Publishable::Not(verdict));
    };
    let include = context.provider.spf_include();
    let texts = answer.records.iter().filter_map(|record| Data::txt(&record.data));
    let records: Vec<Vec<u8>> = texts.filter(|text| after_version(text).is_some()).collect();
    let wanted = match &records[..] {
        [] => matches!(verdict.code, Code::NoRecord | Code::NameNotFound | Code::NameAtApex)
            .then(|| with_include(None, &include)),
        [text] if verdict.code != Code::Wildcard => read(text).ok().map(|(_, text)| text),
        [_] => None,
        several => {
            let mut texts: Vec<String> =
                several.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
            // Ours last, as in any merged text; servers give them in any order.
            texts.sort_by_key(|text| {
                (Record::parse(text).is_ok_and(|record| mentions(&record, &include)), text.clone())
            });
            joined(&texts, Some(&include))
        }
    };
    let Some(wanted) = wanted else { return Ok(Publishable::Not(verdict)) };
    let mended = mend(&Trial::of_ours(context, &include), seen, &wanted)?;
    Ok(match mended.filter(|mended| mended.left_out.is_empty()) {
        Some(mended) => Publishable::Text(verdict, mended.text),
        None => Publishable::Not(verdict),
    })
}
