//! Records that are a CNAME into our zone: ownership with the return path, the
//! two delegated DKIM selectors, and the tracking host.

pub(crate) mod chain;
mod instead;
mod key;
mod misplaced;
#[cfg(test)]
mod tests;

use self::chain::{Chain, End};
use super::{Code, Context, Status, Verdict, evidence};
use crate::{
    names::Name,
    observe::{Answer, Data, Look, Need, Rcode, RecordType, Seen, Zone},
    plan::{PlannedRecord, RecordKey},
};
use alloc::{
    boxed::Box,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Judges one planned CNAME.
///
/// What our own zone answers behind it is our health and no part of this. A
/// right answer takes two questions: the record, and a random name beside it
/// that a wildcard would answer as well.
///
/// # Errors
/// [`Need`] with what has to be looked at before anything can be said.
pub fn judge(context: &Context<'_>, record: &PlannedRecord, seen: &Seen) -> Result<Verdict, Need> {
    let Ok(target) = Name::parse(&record.value) else {
        // Not one of the plan's CNAMEs: there is nothing to compare with.
        return Ok(Verdict::unchecked(record));
    };
    // What was right and its own on the last thorough look has not become a
    // wildcard's by the next routine one.
    let sibling = if context.thorough { evidence::sibling(&record.owner, context.probe) } else { None };
    let case = Case { context, record, seen, target, sibling };
    case.have_first()?;
    let look = seen.at(&record.owner, RecordType::Cname)?;
    if let Some(verdict) = evidence::unanswered(record, look) {
        return Ok(verdict);
    }
    let Some((_, answer)) = evidence::agreed(look) else {
        return Ok(Verdict::unchecked(record));
    };
    if answer.is_negative() { case.absent(look, answer) } else { case.present(look, answer) }
}

/// One record on trial.
struct Case<'a> {
    context: &'a Context<'a>,
    record: &'a PlannedRecord,
    seen: &'a Seen,
    /// Where it must point.
    target: Name,
    /// See [`evidence::sibling`].
    sibling: Option<Name>,
}

/// How a look at the sibling compares.
enum Beside {
    /// It has other records or none: the record's own.
    Different,
    /// It has the same: a wildcard's.
    Same,
    /// That could not be found out.
    Unknown(Box<Verdict>),
}

impl<'a> Case<'a> {
    fn have_first(&self) -> Result<(), Need> {
        let owner = (&self.record.owner, RecordType::Cname);
        let mut first = Vec::from([owner]);
        first.extend(self.sibling.as_ref().map(|sibling| (sibling, RecordType::Cname)));
        if self.context.thorough {
            first.push((&self.record.owner, RecordType::Txt));
        }
        self.seen.have_all(&first)
    }

    fn verdict(&self, status: Status, code: Code, reason: impl Into<String>) -> Verdict {
        Verdict::new(self.record, status, code, reason)
    }

    fn unchecked(&self) -> Verdict {
        Verdict::unchecked(self.record)
    }

    /// What the DNS host calls the zone; the sending domain where that is unknown.
    fn zone(&self, look: &Look) -> Name {
        match &look.zone {
            Zone::Found(apex) => apex.clone(),
            _ => self.context.domain.clone(),
        }
    }

    /// The text to paste, as the DNS host of `look`'s zone wants it.
    fn publish(&self, look: &Look) -> String {
        let Self { record, target, .. } = self;
        let name = record.owner.as_entered_in(&self.zone(look));
        format!(
            "Publish a CNAME record named `{name}` (in full: {}) with the value `{target}`.",
            record.owner
        )
    }

    /// Whether the random sibling has the same records of `rtype`.
    fn beside(&self, answer: &Answer, rtype: RecordType) -> Result<Beside, Need> {
        let Some(sibling) = &self.sibling else {
            return Ok(Beside::Different);
        };
        let look = self.seen.at(sibling, rtype)?;
        Ok(match evidence::agreed(look) {
            Some((_, other)) if other.rrset() == answer.rrset() => Beside::Same,
            Some(_) => Beside::Different,
            None => match evidence::unanswered_at(self.record, look, sibling, rtype) {
                Some(verdict) if verdict.status == Status::NetworkError => Beside::Unknown(Box::new(verdict)),
                _ => Beside::Different,
            },
        })
    }

    fn wildcard(&self, look: &Look) -> Verdict {
        let reason = format!(
            "There is no record of its own at {}: a wildcard answers there, and would answer the same for any \
             name. That proves nothing.",
            self.record.owner
        );
        let fix = format!("{} It takes precedence over the wildcard, which can stay.", self.publish(look));
        evidence::with_evidence(self.verdict(Status::Missing, Code::Wildcard, reason).fix(fix), look)
    }

    /// There are records.
    fn present(&self, look: &'a Look, answer: &'a Answer) -> Result<Verdict, Need> {
        match self.beside(answer, RecordType::Cname)? {
            Beside::Same => return Ok(self.wildcard(look)),
            Beside::Unknown(verdict) => return Ok(*verdict),
            Beside::Different => {}
        }
        let verdict = match answer.rrset()[..] {
            [Data::Cname(found)] if *found == self.target => {
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
                let reason = format!("{} does not point to {}.", self.record.owner, self.target);
                self.verdict(Status::Fail, Code::WrongTarget, reason).fix(self.replace(look))
            }
        };
        Ok(evidence::with_evidence(verdict, look))
    }

    /// The right CNAME. Receivers ask for TXT through it; a server that has a
    /// text of its own there answers with that.
    fn right(&self, look: &Look) -> Result<Verdict, Need> {
        let owner = &self.record.owner;
        if self.context.thorough
            && let Some((_, text)) = evidence::agreed(self.seen.at(owner, RecordType::Txt)?)
            && !text.is_negative()
            && text.cname().is_none()
        {
            let reason = format!(
                "A TXT record stands at {owner} beside the CNAME, which must stand alone (RFC 1034 §3.6.2): receivers \
                 that ask for TXT get that instead of what the CNAME leads to."
            );
            let verdict = self.verdict(Status::Fail, Code::CnameWithOthers, reason);
            let fix = "Delete the TXT record with this name; the CNAME record can stay.";
            return Ok(evidence::with_evidence(verdict.fix(fix), look));
        }
        let reason = format!("{owner} points to {}.", self.target);
        Ok(evidence::with_evidence(self.verdict(Status::Pass, Code::Ok, reason), look))
    }

    fn replace(&self, look: &Look) -> String {
        let Self { record, target, .. } = self;
        let name = record.owner.as_entered_in(&self.zone(look));
        format!("Change the CNAME record named `{name}` (in full: {}) to the value `{target}`.", record.owner)
    }

    /// `target.zone`, or `target.` with any name above the record.
    fn is_appended(&self, found: &Name) -> bool {
        let rest = found.as_str().strip_prefix(self.target.as_str()).and_then(|r| r.strip_prefix('.'));
        rest.and_then(|rest| Name::parse(rest).ok())
            .is_some_and(|above| self.record.owner.is_at_or_below(&above))
    }

    fn target_appended(&self, look: &Look, found: &Name) -> Verdict {
        let above = found.as_str().get(self.target.as_str().len() + 1..).unwrap_or_default();
        let reason = format!(
            "{} points to {found}: your DNS host appended {above} to the target, since it does not end with a dot.",
            self.record.owner
        );
        let name = self.record.owner.as_entered_in(&self.zone(look));
        let fix = format!(
            "Change the value of the CNAME record `{name}` to `{}.`, with the dot at its end.",
            self.target
        );
        self.verdict(Status::Fail, Code::TargetAppended, reason).fix(fix)
    }

    /// It points to something that is not ours; what does that lead to?
    fn elsewhere(&self, look: &'a Look, found: &Name) -> Result<Verdict, Need> {
        let owner = &self.record.owner;
        let target = &self.target;
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

    /// There is no CNAME. It may stand under another name, or something else
    /// may stand in its place.
    fn absent(&self, look: &'a Look, answer: &Answer) -> Result<Verdict, Need> {
        let places = misplaced::places(self, look);
        let mut questions: Vec<(&Name, RecordType)> =
            places.iter().map(|place| (&place.name, RecordType::Cname)).collect();
        // Nothing can stand beside a CNAME at a name that does not exist (RFC 8020).
        let others = answer.rcode == Rcode::NoError;
        if others {
            questions.extend(instead::TYPES.map(|rtype| (&self.record.owner, rtype)));
        }
        self.seen.have_all(&questions)?;
        if let Some(verdict) = misplaced::judge(self, look, &places)? {
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
