//! The verdict on the SPF record at the domain (VERDICTS, "SPF at the domain").

use super::{
    absent,
    effect::Effect,
    mend::{Mended, mend},
    merge::{includes_before_all, joined, mentions, repaired, was_meant, with_include},
    record::{Kind, Record, SyntaxError, after_version},
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
    let case = Case { context, record, seen, look, include };
    let Some((_, answer)) = agreed(look) else {
        let verdict = unanswered(record, look).unwrap_or_else(|| Verdict::unchecked(record));
        return Ok((verdict, None));
    };
    let texts: Vec<Vec<u8>> = answer.records.iter().filter_map(|r| Data::txt(&r.data)).collect();
    let (verdict, present) = match answer.cname() {
        Some(target) if texts.is_empty() => (case.is_cname(target), None),
        _ => case.texts(&texts)?,
    };
    Ok((with_evidence(verdict, look), present))
}

/// Everything one judgement needs.
pub(super) struct Case<'a> {
    pub(super) context: &'a Context<'a>,
    pub(super) record: &'a PlannedRecord,
    pub(super) seen: &'a Seen,
    pub(super) look: &'a Look,
    pub(super) include: Name,
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
        let expected = with_include(None, &self.include);
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
                self.place().publish(Value::Text(&with_include(None, &self.include)))
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
            self.place().publish(Value::Text(&with_include(None, &self.include)))
        ))
    }

    fn texts(&self, texts: &[Vec<u8>]) -> Result<(Verdict, Option<String>), Need> {
        let records: Vec<&Vec<u8>> = texts.iter().filter(|text| after_version(text).is_some()).collect();
        let meant = texts.iter().find(|text| after_version(text).is_none() && was_meant(text));
        match (&records[..], meant) {
            ([], None) => Ok((absent::judge(self)?, None)),
            ([], Some(meant)) => Ok((self.malformed(meant)?, None)),
            ([text], meant) => {
                let (mut verdict, present) = match absent::wildcard(self, text)? {
                    Some(found) => found,
                    None => self.single(text)?,
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
        let texts: Vec<String> =
            records.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect();
        let mended = match joined(&texts, &self.include) {
            Some(text) => self.mend(&text)?,
            None => None,
        };
        Ok(match mended {
            Some(Mended { text, left_out }) => {
                let fix = format!(
                    "Delete the SPF records at {owner} and put one in their place. {}{}",
                    self.place().publish(Value::Text(&text)),
                    left_out_text(&left_out)
                );
                Verdict { expected: text, ..verdict }.fix(fix)
            }
            None => verdict.fix(format!(
                "Keep one SPF record at {owner}, with the senders you still use and include:{} before its all, and \
                 delete the others. All of them together would not be valid.",
                self.include
            )),
        })
    }

    /// Exactly one.
    fn single(&self, text: &[u8]) -> Result<(Verdict, Option<String>), Need> {
        let record = match Record::parse(text) {
            Ok(record) => record,
            Err(error) => return Ok((self.syntax(text, &error)?, None)),
        };
        if let Some(error) = record.misspelt() {
            return Ok((self.syntax(text, &error)?, None));
        }
        // A record that can be read is ASCII.
        let text = String::from_utf8_lossy(text).into_owned();
        let (effect, ours_fails) = Effect::whatever_ours_does(self.context, self.seen, &[])?;
        let mut remarks = Vec::new();
        if ours_fails {
            remarks.push(format!(
                "Our own record at {} does not answer as it should at the moment. That is ours to mend and nothing \
                 you have to change.",
                self.include
            ));
        }
        remarks.extend(after_all(&record, &self.include));
        let single = works::Single { case: self, text: &text, record: &record, effect: &effect };
        let mut verdict = single.verdict()?;
        verdict.expected = with_include(Some(&text), &self.include);
        verdict.remarks.append(&mut remarks);
        Ok((verdict, Some(text)))
    }

    fn syntax(&self, text: &[u8], error: &SyntaxError) -> Result<Verdict, Need> {
        let reason = format!(
            "Your SPF record has a mistake, which makes receivers treat SPF as broken for all your mail. It is in \
             {}: {}.",
            error.term, error.problem
        );
        let verdict = self.verdict(Status::Fail, Code::SpfSyntax, reason);
        let mended = match repaired(text) {
            Some(text) => self.mend(&text)?,
            None => None,
        };
        Ok(match mended {
            Some(mended) => self.paste(verdict, &mended),
            None => verdict.fix(format!(
                "Correct {} in the SPF record at {}, and see that include:{} stands before its all; the rest can stay.",
                error.term,
                self.owner(),
                self.include
            )),
        })
    }

    pub(super) fn mend(&self, text: &str) -> Result<Option<Mended>, Need> {
        mend(self.context, self.seen, text)
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

/// What is not in the text offered, and why.
fn left_out_text(left_out: &[String]) -> String {
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
fn after_all(record: &Record, include: &Name) -> Option<String> {
    let all = record.all()?;
    let ignored: Vec<String> = record.terms[all + 1..]
        .iter()
        .filter(|term| matches!(term.kind, Kind::Directive(..)))
        .map(|term| term.text.to_string())
        .collect();
    let ours_alone = mentions(record, include) && !includes_before_all(record, include) && ignored.len() == 1;
    (!ignored.is_empty() && !ours_alone)
        .then(|| format!("Receivers stop at all and ignore what follows it: {}", ignored.join(" ")))
}
