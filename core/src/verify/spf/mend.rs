//! The text that would pass, found by evaluating it.

use super::{
    effect::{Effect, Trial, last_step},
    merge::{with_include, with_include_first, without},
    record::Record,
    result::{Cause, Evaluation, SpfResult},
};
use crate::{
    names::Name,
    observe::{Need, Seen},
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// Terms taken out one after another before giving up.
const MAX_CHANGES: usize = 8;
/// Octets of a text that is offered. RFC 7208 §3.4 wants a reply to fit into 512,
/// which many records that work do not; past 4,000 with the other texts at the name
/// it does not fit into what resolvers take over UDP at all.
const LONGEST: usize = 4000;

/// A replacement that was evaluated and passes.
pub(super) struct Mended {
    /// The whole record.
    pub(super) text: String,
    /// Terms of theirs it does without, because they break or undo the rest.
    pub(super) left_out: Vec<String>,
    /// What could not be read of it, so that it may not even stay within the limits.
    pub(super) unread: Option<String>,
}

/// The least change to `text` with which all sending addresses pass, nobody else
/// does, and no limit is broken. `None` when only the owner can choose what
/// has to go.
pub(super) fn mend(trial: &Trial<'_>, seen: &Seen, text: &str) -> Result<Option<Mended>, Need> {
    let with_ours = |text: String| match trial.include {
        Some(include) => with_include(Some(&text), include),
        None => text,
    };
    let mut candidate = with_ours(text.to_string());
    let mut left_out = vec![];
    let mut in_front = false;
    for _ in 0..MAX_CHANGES {
        if candidate.len() > LONGEST {
            return Ok(None);
        }
        let Ok(record) = Record::parse(&candidate) else { return Ok(None) };
        let (effect, _) = Effect::whatever_ours_does(trial, seen, &[(trial.domain, &candidate)])?;
        if let Some(culprit) = culprit(&effect) {
            let Some(term) = last_step(&culprit.trace).map(|step| step.term.clone()) else { return Ok(None) };
            let is_ours = |include: &Name| term.eq_ignore_ascii_case(&format!("include:{include}"));
            if trial.include.is_some_and(is_ours) || left_out.contains(&term) {
                return Ok(None);
            }
            candidate = with_ours(without(&record, &term));
            left_out.push(term);
        } else if effect.first(SpfResult::Permerror).is_some() {
            // Too many look-ups: what can go is not ours to say.
            return Ok(None);
        } else if passes_as_far_as_known(&effect) {
            let unread = effect.first(SpfResult::Temperror).map(|evaluation| evaluation.cause.to_string());
            return Ok(Some(Mended { text: candidate, left_out, unread }));
        } else if let Some(include) = trial.include.filter(|_| !in_front) {
            // A term of theirs refuses our addresses before ours is reached.
            in_front = true;
            candidate = with_include_first(&record, include);
        } else {
            return Ok(None);
        }
    }
    Ok(None)
}

/// An evaluation that shows a term which has to go.
fn culprit(effect: &Effect) -> Option<&Evaluation> {
    let broken = effect.evaluations().find(|evaluation| {
        evaluation.result == SpfResult::Permerror && !matches!(evaluation.cause, Cause::TooManyLookups)
    });
    effect.anyone().or(broken)
}

/// Another party's record that cannot be reached now is no reason to withhold
/// the text from a person, who reads that beside it.
fn passes_as_far_as_known(effect: &Effect) -> bool {
    effect
        .sending
        .iter()
        .chain(&effect.other_sender)
        .all(|(_, e)| matches!(e.result, SpfResult::Pass | SpfResult::Temperror))
}
