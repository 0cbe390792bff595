//! Runs a judge until it has seen enough.

use super::{Ask, Asker, look::unknown};
use futures_util::{StreamExt as _, stream};
use signet_core::observe::{Failure, Need, Question, Seen};
use tokio::time::Instant;

/// Rounds after those of the settings, in which everything needed is filled in
/// as timed out.
const FILLS: usize = 64;
/// Questions a judge may need in one round of those.
const FILLED: usize = 10_000;

/// What a judge came to, and what it rests on.
#[derive(Debug)]
pub struct Settled<T> {
    /// What the judge returned.
    pub value: Result<T, Unsettled>,
    /// Every look it was given.
    pub seen: Seen,
    /// Whether a bound was reached: some looks are then
    /// [`Failure::Timeout`] without anybody having been asked.
    pub cut_short: bool,
}

/// A judge that always needs more, whatever it is told. A mistake in the
/// judge, since the names that DNS can lead it to have been cut off by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no verdict after {looks} looks: the judge keeps asking")]
pub struct Unsettled {
    /// How many questions it had been given a look for.
    pub looks: usize,
}

impl Asker {
    /// Runs `judge` until it needs nothing more, asking what it needs, the
    /// questions of one [`Need`] together.
    ///
    /// It always comes to an end: after as many [rounds](super::Settings::rounds)
    /// and [questions](super::Settings::questions) as the settings allow, or
    /// when their [patience](super::Settings::patience) is over, every further question
    /// is answered with a time-out, and a judge that is not content even with
    /// that is [`Unsettled`].
    ///
    /// With [`Ask::fresh`] no delegation learned before the call is used; those
    /// learned during it are.
    pub async fn settle<T>(&self, ask: Ask, mut judge: impl FnMut(&Seen) -> Result<T, Need>) -> Settled<T> {
        let settings = &self.inner.settings;
        let start = Instant::now();
        let deadline = start + settings.patience;
        let since = ask.fresh.then_some(start);
        let mut seen = Seen::new();
        let mut cut_short = false;
        let mut asked = 0;
        for round in 0..settings.rounds.saturating_add(FILLS) {
            let mut needed = match judge(&seen) {
                Ok(value) => return Settled { value: Ok(value), seen, cut_short },
                Err(Need(needed)) => needed,
            };
            needed.sort();
            needed.dedup();
            needed.truncate(FILLED);
            if round < settings.rounds && Instant::now() < deadline {
                let rest = needed.split_off(needed.len().min(settings.questions.saturating_sub(asked)));
                asked += needed.len();
                if round == 0 {
                    needed = self.inner.volley(needed, ask, deadline, &mut seen).await;
                }
                needed = self.ask_together(needed, ask, since, deadline, &mut seen).await;
                needed.extend(rest);
            }
            cut_short |= !needed.is_empty();
            for question in needed {
                seen.add(question, unknown(Failure::Timeout));
            }
        }
        let value = Err(Unsettled { looks: seen.len() });
        Settled { value, seen, cut_short: true }
    }

    /// Looks at all of `questions`, some at a time, and returns those that the
    /// deadline left over.
    async fn ask_together(
        &self,
        mut questions: Vec<Question>,
        ask: Ask,
        since: Option<Instant>,
        deadline: Instant,
        seen: &mut Seen,
    ) -> Vec<Question> {
        let mut looks = stream::iter(questions.clone())
            .map(|question| async move {
                let look = self.inner.look(&question, ask, since).await;
                (question, look)
            })
            .buffer_unordered(self.inner.settings.concurrency.max(1));
        while let Ok(Some((question, look))) = tokio::time::timeout_at(deadline, looks.next()).await {
            questions.retain(|left| *left != question);
            seen.add(question, look);
        }
        questions
    }
}
