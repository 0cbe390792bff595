//! The verdict on the SPF record at the domain (VERDICTS, "SPF at the domain").

use super::{
    absent,
    effect::{Effect, Trial},
    mend::{Mended, mend},
    merge::{includes_before_all, joined, mentions, repaired, was_meant, with_include},
    publish,
    record::{Kind, Record, SyntaxError, after_version},
    single::Single,
    works,
};
use crate::{
    names::Name,
    observe::{Data, Look, Need, RecordType, Seen, Zone, printable},
    plan::PlannedRecord,
    verify::{
        Code, Context, Status, Verdict,
        evidence::{agreed, unanswered, with_evidence},
        paste::{Paste, Value},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Judges the SPF record at the domain. Beside the verdict: the owner's
/// present record, if it is valid and the only one.
///
/// The verdict's `expected` is the complete text to publish, given what is
/// there now; the plan's own value may be older.
///
/// # Errors
/// [`Need`] when something has not been looked at yet.
pub fn judge(
    context: &Context<'_>,
    record: &PlannedRecord,
    seen: &Seen,
) -> Result<(Verdict, Option<String>), Need> {
    let include = context.provider.spf_include();
    // Ours together with theirs, since it nearly always leads there.
    seen.have_all(&[(&record.owner, RecordType::Txt), (&include, RecordType::Txt)])?;
    let look = seen.at(&record.owner, RecordType::Txt)?;
    let plain = with_include(None, &include);
    let case = Case { trial: Trial::of_ours(context, &include), record, seen, look, plain };
    let Some((_, answer)) = agreed(look) else {
        let verdict = unanswered(record, look).unwrap_or_else(|| Verdict::unchecked(record));
        return Ok((verdict, None));
    };
    let texts: Vec<Vec<u8>> = answer.records.iter().filter_map(|r| Data::txt(&r.data)).collect();
    let (verdict, present) = match answer.cname() {
        Some(target) if texts.is_empty() => (case.is_cname(target), None),
        _ => case.texts(&texts, |text| case.single(text, &include))?,
    };
    let verdict = publish::with_offer(&case, answer, verdict)?;
    Ok((with_evidence(verdict, look), present))
}

/// Everything one judgement needs.
pub(super) struct Case<'a> {
    pub(super) trial: Trial<'a>,
    pub(super) record: &'a PlannedRecord,
    pub(super) seen: &'a Seen,
    pub(super) look: &'a Look,
    /// The text to publish where nothing of theirs is there.
    pub(super) plain: String,
}

impl Case<'_> {
    pub(super) fn owner(&self) -> &Name {
        &self.record.owner
    }

    /// Where the record is entered.
    pub(super) fn place(&self) -> Paste<'_> {
        Paste::new(self.owner(), self.look)
    }

    /// The zone cut above the domain.
    pub(super) fn apex(&self) -> Option<&Name> {
        match &self.look.zone {
            Zone::Found(apex) => Some(apex),
            _ => None,
        }
    }

    /// A verdict that expects the record without anything of theirs.
    pub(super) fn verdict(&self, status: Status, code: Code, reason: impl Into<String>) -> Verdict {
        let expected = self.plain.clone();
        Verdict { expected, ..Verdict::new(self.record, status, code, reason) }
    }

    fn is_cname(&self, target: &Name) -> Verdict {
        let owner = self.owner();
        if self.apex() == Some(owner) {
            let reason = format!(
                "A CNAME to {target} stands at {owner}, the apex of its zone, where none may stand (RFC 1912 §2.4): it \
                 hides the SPF record, the MX records and everything else there from some receivers."
            );
            return self.verdict(Status::Fail, Code::CnameAtApex, reason).fix(format!(
                "Replace the CNAME at {owner} by A and AAAA records with the addresses of {target} (some DNS hosts call \
                 that ALIAS, ANAME or flattening). Then: {}",
                self.place().publish(Value::Text(&self.plain))
            ));
        }
        self.verdict(
            Status::Fail,
            Code::NameIsCname,
            format!("{owner} is a CNAME to {target}, and a name that is a CNAME cannot have an SPF record of its own."),
        )
        .fix(format!(
            "If you can, replace the CNAME at {owner} by A and AAAA records with the addresses of {target}. If you \
             cannot, leave it as it is: your mail still passes SPF through our return path. Once the CNAME is gone: {}",
            self.place().publish(Value::Text(&self.plain))
        ))
    }

    /// The verdict on the texts at the domain; `single` is for the SPF record
    /// that is the only one.
    pub(super) fn texts(
        &self,
        texts: &[Vec<u8>],
        single: impl Fn(&[u8]) -> Result<(Verdict, Option<String>), Need>,
    ) -> Result<(Verdict, Option<String>), Need> {
        let records: Vec<&Vec<u8>> = texts.iter().filter(|text| after_version(text).is_some()).collect();
        let meant = texts.iter().find(|text| after_version(text).is_none() && was_meant(text));
        match (&records[..], meant) {
            ([], None) => Ok((absent::judge(self)?, None)),
            ([], Some(meant)) => Ok((self.malformed(meant)?, None)),
            ([text], meant) => {
                let (mut verdict, present) = match absent::wildcard(self, text)? {
                    Some(found) => found,
                    None => single(text)?,
                };
                if let Some(meant) = meant {
                    verdict.remarks.push(format!(
                        "Beside it stands a text that looks like SPF but is none, and is ignored: {}",
                        printable(meant)
                    ));
                }
                Ok((verdict, present))
            }
            (several, _) => Ok((self.several(several)?, None)),
        }
    }

    /// A text that begins wrong, so that nobody takes it for SPF.
    fn malformed(&self, text: &[u8]) -> Result<Verdict, Need> {
        let owner = self.owner();
        let reason = format!(
            "{owner} has a TXT record that was meant as SPF but does not begin with v=spf1 and a blank, so that \
             nobody reads it as SPF: {}",
            printable(text)
        );
        let verdict = self.verdict(Status::Fail, Code::Malformed, reason);
        let mended = match repaired(text) {
            Some(text) => self.mend(&text)?,
            None => None,
        };
        Ok(match mended {
            Some(mended) => self.paste(verdict, &mended),
            None => {
                let plain = verdict.expected.clone();
                verdict.fix(format!(
                    "Correct that TXT record: without quotation marks, beginning with v=spf1. If nothing else sends \
                     mail as {owner}, replace it by: `{plain}`"
                ))
            }
        })
    }

    /// §4.5: more than one is a permanent error.
    fn several(&self, records: &[&Vec<u8>]) -> Result<Verdict, Need> {
        let owner = self.owner();
        let reason = format!(
            "{owner} has {} SPF records. Only one is allowed; with more, receivers treat SPF as broken for all your \
             mail.",
            records.len()
        );
        let verdict = self.verdict(Status::Fail, Code::SpfMultiple, reason);
        let mended = match self.joined(records) {
            Some(text) => self.mend(&text)?,
            None => None,
        };
        Ok(match mended {
            Some(Mended { text, left_out, .. }) => {
                let fix = format!(
                    "Delete the SPF records at {owner} and put one in their place. {}{}",
                    self.place().publish(Value::Text(&text)),
                    left_out_text(&left_out)
                );
                Verdict { expected: text, ..verdict }.fix(fix)
            }
            None => verdict.fix(format!(
                "Keep one SPF record at {owner}, with the senders you still use{}, and delete the others. All of them \
                 together would not be valid.",
                self.trial.include.map_or_else(String::new, |include| format!(
                    " and include:{include} before its all"
                ))
            )),
        })
    }

    /// Several records as one.
    pub(super) fn joined(&self, records: &[&Vec<u8>]) -> Option<String> {
        let mut texts: Vec<String> =
            records.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
        // Servers give records of one name in any order; the text to paste must
        // not change from look to look. Theirs first, ours as in any merged text.
        texts.sort_by_key(|text| {
            let has_ours = |include| Record::parse(text).is_ok_and(|record| mentions(&record, include));
            let ours = self.trial.include.is_some_and(has_ours);
            (ours, text.clone())
        });
        joined(&texts, self.trial.include)
    }

    /// Exactly one.
    fn single(&self, text: &[u8], include: &Name) -> Result<(Verdict, Option<String>), Need> {
        let (record, text) = match read(text) {
            Ok(read) => read,
            Err(error) => return Ok((self.syntax(text, &error)?, None)),
        };
        let (effect, ours_fails) = Effect::whatever_ours_does(&self.trial, self.seen, &[])?;
        let mut remarks = Vec::new();
        if ours_fails {
            remarks.push(format!(
                "Our own record at {} does not answer as it should at the moment. That is ours to mend and nothing \
                 you have to change.",
                include
            ));
        }
        remarks.extend(after_all(&record, Some(include)));
        let single = Single { case: self, text: &text, record: &record, effect: &effect };
        let mut verdict = works::Works { single, include }.verdict()?;
        verdict.expected = with_include(Some(&text), include);
        verdict.lookups = u8::try_from(effect.lookups()).ok();
        verdict.remarks.append(&mut remarks);
        Ok((verdict, Some(text)))
    }

    pub(super) fn syntax(&self, text: &[u8], error: &SyntaxError) -> Result<Verdict, Need> {
        let SyntaxError { term, problem } = error;
        // A mechanism with an equals sign is a modifier nobody knows, and
        // those are ignored (§6); anything else breaks the whole record (§4.6).
        let reason = match Record::parse(text) {
            Ok(_) => format!(
                "Your SPF record has a mistake in {term}: {problem}. Receivers ignore that term, so it lets nobody send."
            ),
            Err(_) => format!(
                "Your SPF record has a mistake, which makes receivers treat SPF as broken for all your mail. It is in \
                 {term}: {problem}."
            ),
        };
        let verdict = self.verdict(Status::Fail, Code::SpfSyntax, reason);
        let mended = match repaired(text) {
            Some(text) => self.mend(&text)?,
            None => None,
        };
        Ok(match mended {
            Some(mended) => self.paste(verdict, &mended),
            None => verdict.fix(format!(
                "Correct {} in the SPF record at {}{}; the rest can stay.",
                error.term,
                self.owner(),
                self.trial.include.map_or_else(String::new, |include| format!(
                    ", and see that include:{include} stands before its all"
                ))
            )),
        })
    }

    pub(super) fn mend(&self, text: &str) -> Result<Option<Mended>, Need> {
        mend(&self.trial, self.seen, text)
    }

    /// `verdict` with the text to publish instead.
    pub(super) fn paste(&self, verdict: Verdict, mended: &Mended) -> Verdict {
        let fix = format!(
            "{}{}",
            self.place().change("SPF record (TXT)", Value::Text(&mended.text)),
            left_out_text(&mended.left_out)
        );
        Verdict { expected: mended.text.clone(), ..verdict }.fix(fix)
    }
}

/// The record in `text`, without a mistake that would undo it; one that can be
/// read is ASCII.
pub(super) fn read(text: &[u8]) -> Result<(Record, String), SyntaxError> {
    let record = Record::parse(text)?;
    match record.misspelt() {
        Some(error) => Err(error),
        None => Ok((record, String::from_utf8_lossy(text).into_owned())),
    }
}

/// What is not in the text offered, and why.
pub(super) fn left_out_text(left_out: &[String]) -> String {
    let alls = |term: &&String| term.trim_start_matches(['+', '?']).eq_ignore_ascii_case("all");
    let mut notes: Vec<String> =
        left_out.iter().filter(alls).map(|all| format!("has ~all instead of {all}")).collect();
    let gone: Vec<&str> = left_out.iter().filter(|term| !alls(term)).map(String::as_str).collect();
    if !gone.is_empty() {
        notes.push(format!("leaves out {}, which breaks or undoes the rest", gone.join(" and ")));
    }
    if notes.is_empty() { String::new() } else { format!(" This text {}.", notes.join(" and ")) }
}

/// Mechanisms after `all` are never looked at (§5.1).
pub(super) fn after_all(record: &Record, include: Option<&Name>) -> Option<String> {
    let all = record.all()?;
    let ignored: Vec<String> = record.terms[all + 1..]
        .iter()
        .filter(|term| matches!(term.kind, Kind::Directive(..)))
        .map(|term| term.text.to_string())
        .collect();
    let ours_alone = include
        .is_some_and(|include| mentions(record, include) && !includes_before_all(record, include))
        && ignored.len() == 1;
    (!ignored.is_empty() && !ours_alone)
        .then(|| format!("Receivers stop at all and ignore what follows it: {}", ignored.join(" ")))
}
