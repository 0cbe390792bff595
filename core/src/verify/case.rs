//! What judges of records with a name of their own have in common: what the
//! owner of the domain is told to enter, and what a wildcard answers.

use super::{
    Code, Context, Status, Verdict, evidence,
    paste::{Paste, Value},
};
use crate::{
    names::Name,
    observe::{Answer, Failure, Look, Need, RecordType, Seen, Zone},
    plan::PlannedRecord,
};
use alloc::{boxed::Box, format, string::String, vec::Vec};

/// One record on trial; `T` is what the planned value amounts to.
pub(super) struct Case<'a, T> {
    pub(super) context: &'a Context<'a>,
    pub(super) record: &'a PlannedRecord,
    pub(super) seen: &'a Seen,
    pub(super) expected: T,
    /// See [`evidence::sibling`].
    sibling: Option<Name>,
}

/// How a look at the sibling compares.
pub(super) enum Beside {
    /// It has other records or none: the record's own.
    Different,
    /// It has the same: a wildcard's.
    Same,
    /// That could not be found out.
    Unknown(Box<Verdict>),
}

impl<'a, T> Case<'a, T> {
    pub(super) fn new(
        context: &'a Context<'a>,
        record: &'a PlannedRecord,
        seen: &'a Seen,
        expected: T,
    ) -> Self {
        // What was right and its own on the last thorough look has not become a
        // wildcard's by the next routine one.
        let sibling = if context.thorough { evidence::sibling(&record.owner, context.probe) } else { None };
        Self { context, record, seen, expected, sibling }
    }

    /// The record, its sibling, and what receivers ask for there, asked for
    /// together.
    pub(super) fn have_first(&self) -> Result<(), Need> {
        let PlannedRecord { owner, rtype, .. } = self.record;
        let mut first = Vec::from([(owner, *rtype)]);
        first.extend(self.sibling.as_ref().map(|sibling| (sibling, *rtype)));
        if self.context.thorough {
            first.push((owner, RecordType::Txt));
        }
        self.seen.have_all(&first)
    }

    pub(super) fn verdict(&self, status: Status, code: Code, reason: impl Into<String>) -> Verdict {
        Verdict::new(self.record, status, code, reason)
    }

    pub(super) fn unchecked(&self) -> Verdict {
        Verdict::unchecked(self.record)
    }

    /// What the DNS host calls the zone; the sending domain where that is unknown.
    pub(super) fn zone(&self, look: &Look) -> Name {
        match &look.zone {
            Zone::Found(apex) => apex.clone(),
            _ => self.context.domain.clone(),
        }
    }

    /// The record's place, at the DNS host of `look`'s zone.
    pub(super) fn place<'l>(&'l self, look: &'l Look) -> Paste<'l> {
        Paste::new(&self.record.owner, look).below(self.context.domain, look)
    }

    /// What the record is to hold.
    pub(super) fn value(&self) -> Value<'a> {
        match self.record.rtype {
            RecordType::Txt => Value::Text(&self.record.value),
            _ => Value::Target(&self.record.value),
        }
    }

    /// The text to paste where nothing is yet.
    pub(super) fn publish(&self, look: &Look) -> String {
        self.place(look).publish(self.value())
    }

    /// The text to paste over what is there.
    pub(super) fn replace(&self, look: &Look) -> String {
        let what = format!("{} record", self.record.rtype);
        self.place(look).change(&what, self.value())
    }

    /// Whether the random sibling has the same records of `rtype`.
    pub(super) fn beside(&self, answer: &Answer, rtype: RecordType) -> Result<Beside, Need> {
        let Some(sibling) = &self.sibling else {
            return Ok(Beside::Different);
        };
        let look = self.seen.at(sibling, rtype)?;
        Ok(match evidence::agreed(look) {
            Some((_, other)) if other.rrset() == answer.rrset() => Beside::Same,
            Some(_) => Beside::Different,
            // Servers that leave AA out everywhere have shown records here,
            // and nothing there: a wildcard would have answered.
            None if !answer.authoritative
                && look.failures().all(|(_, failure)| *failure == Failure::Lame) =>
            {
                Beside::Different
            }
            None => match evidence::unanswered_at(self.record, look, sibling, rtype) {
                Some(verdict) if verdict.status == Status::NetworkError => Beside::Unknown(Box::new(verdict)),
                _ => Beside::Different,
            },
        })
    }

    pub(super) fn wildcard(&self, look: &Look) -> Verdict {
        let reason = format!(
            "There is no record of its own at {}: a wildcard answers there, and would answer the same for any \
             name. That proves nothing.",
            self.record.owner
        );
        let fix = format!("{} It takes precedence over the wildcard, which can stay.", self.publish(look));
        evidence::with_evidence(self.verdict(Status::Missing, Code::Wildcard, reason).fix(fix), look)
    }
}
