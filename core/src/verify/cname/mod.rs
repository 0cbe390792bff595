//! Records that are a CNAME into our zone: ownership with the return path, the
//! two delegated DKIM selectors, and the tracking host.

pub(crate) mod chain;
mod instead;
#[cfg(test)]
mod tests;

use self::chain::{Chain, End};
use super::{
    Code, Context, Status, Verdict,
    case::{self, Beside},
    dkim, evidence, misplaced,
    paste::Value,
};
use crate::{
    names::Name,
    observe::{Answer, Data, Look, Need, Rcode, RecordType, Seen},
    plan::{PlannedRecord, RecordKey},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Judges one planned CNAME.
///
/// What our own zone answers behind it is our health and no part of this. A
/// right answer takes one question in a routine pass; a thorough look also asks
/// for a random name beside it, which a wildcard would answer as well, and for
/// the TXT that receivers read there.
///
/// # Errors
/// [`Need`] with what has to be looked at before anything can be said.
pub fn judge(context: &Context<'_>, record: &PlannedRecord, seen: &Seen) -> Result<Verdict, Need> {
    let Ok(target) = Name::parse(&record.value) else {
        // Not one of the plan's CNAMEs: there is nothing to compare with.
        return Ok(Verdict::unchecked(record));
    };
    let case = Case::new(context, record, seen, target);
    case.have_first()?;
    let look = seen.at(&record.owner, RecordType::Cname)?;
    if let Some(verdict) = evidence::unanswered(record, look) {
        return Ok(verdict);
    }
    let Some((_, answer)) = evidence::agreed(look) else {
        return Ok(Verdict::unchecked(record));
    };
    if answer.is_negative() {
        return case.absent(look, answer);
    }
    let verdict = case.present(look, answer)?;
    match record.key {
        RecordKey::Dkim1 | RecordKey::Dkim2 => dkim::cut_above(context, record, seen, verdict),
        _ => Ok(verdict),
    }
}

/// One CNAME on trial, and where it must point.
type Case<'a> = case::Case<'a, Name>;

impl<'a> Case<'a> {
    /// There are records.
    fn present(&self, look: &'a Look, answer: &'a Answer) -> Result<Verdict, Need> {
        match self.beside(answer, RecordType::Cname)? {
            Beside::Same => return Ok(self.wildcard(look)),
            Beside::Unknown(verdict) => return Ok(*verdict),
            Beside::Different => {}
        }
        let verdict = match answer.rrset()[..] {
            [Data::Cname(found)] if *found == self.expected => {
                return self.right(look);
            }
            [Data::Cname(found)] if self.is_appended(found) => self.target_appended(look, found),
            [Data::Cname(found)] => return self.elsewhere(look, found),
            [_, _, ..] => {
                let reason = format!(
                    "More than one record stands at {}, where the CNAME must stand alone: resolvers may take \
                     either (RFC 2181 §10.1).",
                    self.record.owner
                );
                let fix = format!("Delete every record with this name. {}", self.publish(look));
                self.verdict(Status::Fail, Code::CnameWithOthers, reason).fix(fix)
            }
            _ => {
                let reason = format!("{} does not point to {}.", self.record.owner, self.expected);
                self.verdict(Status::Fail, Code::WrongTarget, reason).fix(self.replace(look))
            }
        };
        Ok(evidence::with_evidence(verdict, look))
    }

    /// The right CNAME. Receivers ask for TXT through it; a server that has a
    /// text of its own there answers with that, alone or beside the CNAME.
    fn right(&self, look: &Look) -> Result<Verdict, Need> {
        let owner = &self.record.owner;
        if self.context.thorough
            && let Some((_, text)) = evidence::agreed(self.seen.at(owner, RecordType::Txt)?)
            && text.records.iter().any(|record| matches!(record.data, Data::Txt(_)))
        {
            let reason = format!(
                "A TXT record stands at {owner} beside the CNAME, which must stand alone (RFC 1034 §3.6.2): receivers \
                 that ask for TXT get that instead of what the CNAME leads to."
            );
            let verdict = self.verdict(Status::Fail, Code::CnameWithOthers, reason);
            let fix = "Delete the TXT record with this name; the CNAME record can stay.";
            return Ok(evidence::with_evidence(verdict.fix(fix), look));
        }
        let reason = format!("{owner} points to {}.", self.expected);
        Ok(evidence::with_evidence(self.verdict(Status::Pass, Code::Ok, reason), look))
    }

    /// `target.zone`, or `target.` with any name above the record.
    fn is_appended(&self, found: &Name) -> bool {
        let rest = found.as_str().strip_prefix(self.expected.as_str()).and_then(|r| r.strip_prefix('.'));
        rest.and_then(|rest| Name::parse(rest).ok())
            .is_some_and(|above| self.record.owner.is_at_or_below(&above))
    }

    fn target_appended(&self, look: &Look, found: &Name) -> Verdict {
        let above = found.as_str().get(self.expected.as_str().len() + 1..).unwrap_or_default();
        let reason = format!(
            "{} points to {found}: your DNS host appended {above} to the target, since it does not end with a dot.",
            self.record.owner
        );
        let target = Value::TargetWithDot(self.expected.as_str());
        let fix = self.place(look).change("CNAME record", target);
        self.verdict(Status::Fail, Code::TargetAppended, reason).fix(fix)
    }

    /// It points to something that is not ours; what does that lead to?
    fn elsewhere(&self, look: &'a Look, found: &Name) -> Result<Verdict, Need> {
        let owner = &self.record.owner;
        let target = &self.expected;
        let Chain { names, end } = chain::follow(self.seen, owner, RecordType::Cname, Some(target))?;
        let through = names.last().filter(|last| *last != found);
        let verdict = match end {
            _ if names.last() == Some(target) && self.record.key == RecordKey::Verification => {
                // Whoever owns the name in between could take the proof away,
                // or give it to somebody else.
                let reason = format!(
                    "{owner} points to {found}, which leads to {target}. As proof of ownership only a CNAME \
                     straight to {target} counts."
                );
                self.verdict(Status::Fail, Code::WrongTarget, reason).fix(self.replace(look))
            }
            _ if names.last() == Some(target) => {
                let reason = format!("{owner} leads to {target} through {found}.");
                let mut verdict = self.verdict(Status::Pass, Code::Indirect, reason);
                verdict
                    .remarks
                    .push(format!("It breaks when {found} is changed; point it straight to {target}."));
                verdict
            }
            End::Loop => {
                let path = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ");
                let reason = format!("The CNAME leads in a circle or through too many others: {path}.");
                self.verdict(Status::Fail, Code::CnameLoop, reason).fix(self.replace(look))
            }
            // For ownership what lies behind a foreign target decides nothing.
            End::Unanswered(last) if self.record.key != RecordKey::Verification => {
                let name = names.last().unwrap_or(found);
                let verdict = evidence::unanswered_at(self.record, last, name, RecordType::Cname);
                return Ok(verdict.map_or_else(
                    || self.unchecked(),
                    |mut verdict| {
                        verdict.reason = format!("{owner} leads to {name}. {}", verdict.reason);
                        verdict
                    },
                ));
            }
            End::NotDelegated => {
                let name = names.last().unwrap_or(found);
                let reason = format!(
                    "{owner} points to {name} instead of {target}; that domain is not registered, so whoever \
                     registers it takes this name over."
                );
                self.verdict(Status::Fail, Code::WrongTarget, reason).fix(self.replace(look))
            }
            End::Answer { .. } | End::Unanswered(_) => {
                let on = through.map_or_else(String::new, |last| format!(", which leads to {last},"));
                let reason = format!("{owner} points to {found}{on} instead of {target}.");
                self.verdict(Status::Fail, Code::WrongTarget, reason).fix(self.replace(look))
            }
        };
        Ok(evidence::with_evidence(verdict, look))
    }

    /// What to enter where our CNAME stands under a wrong name; `None` when
    /// `answer` is not ours.
    fn entered_elsewhere(&self, answer: &Answer) -> Option<Value<'_>> {
        let target = self.expected.as_str();
        match answer.cname()? {
            found if *found == self.expected => Some(Value::Target(target)),
            // The same host appends to the target as well.
            found if self.is_appended(found) => Some(Value::TargetWithDot(target)),
            _ => None,
        }
    }

    /// There is no CNAME. It may stand under another name, or something else
    /// may stand in its place.
    fn absent(&self, look: &'a Look, answer: &Answer) -> Result<Verdict, Need> {
        let places = misplaced::places(self, look);
        let mut questions = misplaced::questions(&places, RecordType::Cname);
        // Nothing can stand beside a CNAME at a name that does not exist (RFC 8020).
        let others = answer.rcode == Rcode::NoError;
        if others {
            questions.extend(instead::TYPES.map(|rtype| (&self.record.owner, rtype)));
        }
        self.seen.have_all(&questions)?;
        if let Some(verdict) = misplaced::judge(self, look, &places, |answer| self.entered_elsewhere(answer))?
        {
            return Ok(evidence::with_evidence(verdict, look));
        }
        if others && let Some(verdict) = instead::judge(self, look)? {
            return Ok(verdict);
        }
        let owner = &self.record.owner;
        let (code, reason) = match answer.rcode {
            Rcode::NxDomain => (Code::NameNotFound, format!("Nothing is published under {owner}.")),
            Rcode::NoError => (Code::NoRecord, format!("No CNAME record was found under {owner}.")),
        };
        let verdict = self.verdict(Status::Missing, code, reason).fix(self.publish(look));
        Ok(evidence::with_evidence(verdict, look))
    }
}
