//! A single record that can be read: what is wrong or weak about it, whoever
//! sends.

use super::{
    effect::{Effect, last_step},
    eval::MAX_LOOKUPS,
    judge::Case,
    mend::Mended,
    merge::{includes_before_all, without},
    record::{Kind, Mechanism, Record},
    result::{Cause, Evaluation, SpfResult},
};
use crate::{
    names::Name,
    observe::Need,
    verify::{Code, Status, Verdict},
};
use alloc::{
    format,
    string::{String, ToString},
};

/// From here on the next include may be one too many.
const NEAR_LIMIT: usize = MAX_LOOKUPS - 1;

/// The record and what it was seen to do.
pub(super) struct Single<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) text: &'a str,
    pub(super) record: &'a Record,
    pub(super) effect: &'a Effect,
}

/// Something that works today and may not tomorrow.
pub(super) struct Weakness {
    pub(super) code: Code,
    pub(super) reason: String,
    /// The record without it, before it is evaluated.
    pub(super) better: Option<String>,
    /// What to do when no text can be offered.
    pub(super) advice: String,
}

impl Single<'_> {
    pub(super) fn allows_anyone(&self, control: &Evaluation) -> Result<Verdict, Need> {
        let term = last_step(&control.trace).map_or("", |step| step.term.as_str());
        let reason = format!(
            "Your SPF record lets anybody send as {}: by {term} it passes addresses that have nothing to do with you.",
            self.case.owner()
        );
        let verdict = self.case.verdict(Status::Fail, Code::SpfAllowsAnyone, reason);
        self.with_text(
            verdict,
            self.text,
            format!("Take {term} out of the SPF record at {}.", self.case.owner()),
        )
    }

    /// Evaluating breaks off before one of our addresses passes.
    pub(super) fn broken(&self, evaluation: &Evaluation, v6_only: bool) -> Result<Verdict, Need> {
        let code = code_of(&evaluation.cause);
        let (status, scope) = match v6_only {
            true => (Status::Softfail, " for mail over IPv6"),
            false => (Status::Fail, ""),
        };
        let reason = format!(
            "Receivers cannot evaluate your SPF record{scope}: {}.{}",
            evaluation.cause,
            self.where_it_breaks(evaluation)
        );
        let verdict = self.case.verdict(status, code, reason);
        self.with_text(verdict, self.text, self.what_to_remove(evaluation))
    }

    pub(super) fn where_it_breaks(&self, evaluation: &Evaluation) -> String {
        last_step(&evaluation.trace)
            .filter(|step| step.result.is_some_and(SpfResult::is_error))
            .filter(|step| !evaluation.cause.to_string().contains(&step.term))
            .map_or_else(String::new, |step| format!(" It happens at {}.", step.term))
    }

    pub(super) fn what_to_remove(&self, evaluation: &Evaluation) -> String {
        let owner = self.case.owner();
        match &evaluation.cause {
            Cause::TooManyLookups => {
                let missing = |include: &&Name| !includes_before_all(self.record, include);
                let with_ours = match self.case.trial.include.filter(missing) {
                    None => String::new(),
                    Some(include) => format!(" with include:{include} put before its all"),
                };
                format!(
                    "Remove senders you no longer use from the SPF record at {owner}, until it needs no more than \
                     {MAX_LOOKUPS} look-ups{with_ours}. What takes look-ups: {}.",
                    self.effect.costs()
                )
            }
            _ => match last_step(&evaluation.trace) {
                Some(step) => format!("Correct {} in the SPF record at {owner}, or take it out.", step.term),
                None => format!("Correct the SPF record at {owner}."),
            },
        }
    }

    pub(super) fn near_limit(&self) -> Option<Weakness> {
        let lookups = self.effect.lookups();
        (lookups >= NEAR_LIMIT && self.effect.first(SpfResult::Permerror).is_none()).then(|| Weakness {
            code: Code::SpfNearLimit,
            reason: format!(
                "Your SPF record needs {lookups} of the {MAX_LOOKUPS} look-ups allowed. If another sender's record \
                 grows, SPF breaks for all your mail."
            ),
            better: None,
            advice: format!("Remove senders you no longer use. What takes look-ups: {}.", self.effect.costs()),
        })
    }

    pub(super) fn says_nothing_of_others(&self) -> Option<Weakness> {
        self.effect.controls.iter().find(|(_, e)| e.result == SpfResult::Neutral)?;
        let all = self.record.all().map(|at| self.record.terms[at].text.clone());
        let better = match (all, self.record.redirect()) {
            (Some(all), _) => Some(without(self.record, &all)),
            (None, None) => Some(format!("{} ~all", self.text.trim_end())),
            // It is the other record that has no policy.
            (None, Some(_)) => None,
        };
        Some(Weakness {
            code: Code::SpfNeutral,
            reason: "Your SPF record says nothing about servers it does not list, so it does not protect your name."
                .to_string(),
            better,
            advice: "Let the record end in ~all.".to_string(),
        })
    }

    pub(super) fn uses_ptr(&self) -> Option<Weakness> {
        let end = self.record.all().unwrap_or(self.record.terms.len());
        let ptr = self.record.terms[..end]
            .iter()
            .find(|term| matches!(term.kind, Kind::Directive(_, Mechanism::Ptr(_))))?;
        Some(Weakness {
            code: Code::SpfPtr,
            reason: format!(
                "Your SPF record uses {}, which is slow, should not be used any more (RFC 7208 section 5.5) and is \
                 ignored by many receivers.",
                ptr.text
            ),
            better: Some(without(self.record, &ptr.text)),
            advice: format!("Replace {} by the addresses of the servers it stands for.", ptr.text),
        })
    }

    /// `verdict` with the least change to `text` that passes, or with `advice`
    /// where there is none.
    pub(super) fn with_text(&self, verdict: Verdict, text: &str, advice: String) -> Result<Verdict, Need> {
        let mended: Option<Mended> = self.case.mend(text)?;
        Ok(match mended {
            Some(mended) => self.case.paste(verdict, &mended),
            None => verdict.fix(advice),
        })
    }
}

pub(super) fn code_of(cause: &Cause) -> Code {
    match cause {
        Cause::TooManyLookups | Cause::TooManyNames(_) => Code::SpfTooManyLookups,
        Cause::TooManyVoids(_) => Code::SpfTooManyVoidLookups,
        Cause::Loop(_) => Code::SpfLoop,
        Cause::Unreachable { .. } => Code::SpfIncludeUnreachable,
        // The domain's own record is one that can be read.
        Cause::Matched { .. }
        | Cause::NoMatch
        | Cause::NoRecord(_)
        | Cause::InvalidDomain(_)
        | Cause::Multiple(_)
        | Cause::Syntax { .. }
        | Cause::NothingThere { .. } => Code::SpfBrokenInclude,
    }
}
