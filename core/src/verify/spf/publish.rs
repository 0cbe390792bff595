//! The SPF record to write into a zone, if one can be written without deciding
//! anything that is the owner's to decide.

use super::{
    judge::{Case, judge, read},
    record::after_version,
};
use crate::{
    observe::{Answer, Data, Need, Seen},
    plan::PlannedRecord,
    verify::{Code, Context, Verdict},
};
use alloc::{format, string::String, vec::Vec};

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

/// Judges the SPF record at the domain, and says what is to be written there.
pub(crate) fn publishable(
    context: &Context<'_>,
    record: &PlannedRecord,
    seen: &Seen,
) -> Result<Publishable, Need> {
    let (verdict, _) = judge(context, record, seen)?;
    Ok(match verdict.offer.clone() {
        _ if verdict.status.is_right() => Publishable::Stays(verdict),
        Some(text) => Publishable::Text(verdict, text),
        None => Publishable::Not(verdict),
    })
}

/// `verdict` on what `answer` has, with the text to publish in place of it
/// ([`Verdict::offer`]). What would stand there with ours in it is evaluated: only
/// a text that lets our servers pass within the limits, with every term of theirs
/// still in it, is offered, and only when all it needs could be read.
pub(super) fn with_offer(case: &Case<'_>, answer: &Answer, verdict: Verdict) -> Result<Verdict, Need> {
    // A name that is a CNAME holds no text.
    if !verdict.status.is_wrong() || answer.cname().is_some() {
        return Ok(verdict);
    }
    let texts: Vec<Vec<u8>> = answer.records.iter().filter_map(|record| Data::txt(&record.data)).collect();
    let records: Vec<&Vec<u8>> = texts.iter().filter(|text| after_version(text).is_some()).collect();
    let wanted = match &records[..] {
        [] => matches!(verdict.code, Code::NoRecord | Code::NameNotFound | Code::NameAtApex)
            .then(|| case.plain.clone()),
        [text] if verdict.code != Code::Wildcard => read(text).ok().map(|(_, text)| text),
        [_] => None,
        several => case.joined(several),
    };
    let mended = match wanted {
        Some(wanted) => case.mend(&wanted)?.filter(|mended| mended.left_out.is_empty()),
        None => None,
    };
    Ok(match mended {
        None => verdict,
        Some(mended) => match mended.unread {
            None => Verdict { offer: Some(mended.text), ..verdict },
            Some(unread) => {
                let mut verdict = verdict;
                verdict.remarks.push(format!(
                    "Whether the text with ours in it would work could not be found out now: {unread}."
                ));
                verdict
            }
        },
    })
}
