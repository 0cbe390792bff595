//! Following CNAMEs from name to name, each at its own servers.

use crate::{
    names::Name,
    observe::{Answer, Consensus, Look, Need, RecordType, Seen},
};
use alloc::vec::Vec;

/// How many CNAMEs are followed (VERDICTS). Resolvers give up at between 8 and
/// 16; RFC 1034 §3.6.2 names no number.
const HOPS: usize = 8;

/// Where a chain of CNAMEs ends.
#[derive(Debug)]
pub(crate) enum End<'a> {
    /// At a name where no CNAME stands: records of the type, or none.
    Answer {
        /// The look at that name.
        look: &'a Look,
        /// What its servers agree on.
        answer: &'a Answer,
    },
    /// At a name nobody has been given.
    NotDelegated,
    /// Nowhere: it comes back to a name it went through, or takes too many steps.
    Loop,
    /// Unknown: the servers of the last name gave no answer that can be judged.
    Unanswered(&'a Look),
}

/// A name and the CNAMEs that lead on from it.
#[derive(Debug)]
pub(crate) struct Chain<'a> {
    /// The names gone through, the first being where it started. Never empty.
    pub(crate) names: Vec<Name>,
    /// How it ends.
    pub(crate) end: End<'a>,
}

impl Chain<'_> {
    /// The name where it ends.
    pub(crate) fn last(&self) -> Option<&Name> {
        self.names.last()
    }

    /// Whether there was any CNAME.
    pub(crate) fn is_alias(&self) -> bool {
        self.names.len() > 1
    }
}

/// Follows CNAMEs from `start`, asking each name for `rtype`, and stops early
/// at `goal` without asking there.
///
/// # Errors
/// [`Need`] with the next name that has not been looked at.
pub(crate) fn follow<'a>(
    seen: &'a Seen,
    start: &Name,
    rtype: RecordType,
    goal: Option<&Name>,
) -> Result<Chain<'a>, Need> {
    let mut names = Vec::from([start.clone()]);
    let mut look = seen.at(start, rtype)?;
    for _ in 0..=HOPS {
        let answer = match look.consensus() {
            Consensus::Agreed { answer, .. } => answer,
            Consensus::NotDelegated(_) => return Ok(Chain { names, end: End::NotDelegated }),
            Consensus::Split { .. } | Consensus::Nothing { .. } => {
                return Ok(Chain { names, end: End::Unanswered(look) });
            }
        };
        let Some(target) = answer.cname() else {
            return Ok(Chain { names, end: End::Answer { look, answer } });
        };
        if names.len() > HOPS {
            break;
        }
        let circle = names.contains(target);
        names.push(target.clone());
        if circle {
            return Ok(Chain { names, end: End::Loop });
        }
        if goal == Some(target) {
            return Ok(Chain { names, end: End::Answer { look, answer } });
        }
        look = seen.at(target, rtype)?;
    }
    Ok(Chain { names, end: End::Loop })
}
