//! The sending gate: may this message go out?

mod recent;
mod sending;

pub use recent::{MAX_AGE, Recent};
pub use sending::Sending;

use super::{Actor, Ops, Refused};
use crate::store::{AccountId, Cause, DomainId, Spent, StoreError};
use signet_core::{
    authz::{Answer, Candidate, Request, Source, authorize, return_path},
    names::Name,
};

/// A message at the gate.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// What it says of itself.
    pub message: Request,
    /// The MTA's name for this very message, when it is complete and is to be
    /// counted; `None` for a look that counts nothing. The same name counts once.
    pub count: Option<String>,
}

impl Ops {
    /// [`authorize`](Self::authorize), for somebody who asks over the API: a
    /// message of their own account, or for the operator of any, or of whichever
    /// it is.
    ///
    /// # Errors
    /// [`Refused::NotFound`] when the message is said to be of an account that
    /// is not theirs; [`Refused::Forbidden`] without admin access to the account,
    /// since messages are counted. The store's failures are an answer.
    pub async fn authorize_for(&self, actor: &Actor, mut outgoing: Outgoing) -> super::Result<Answer> {
        if !actor.is_operator() {
            if outgoing.message.account.is_some_and(|account| account != actor.account.0) {
                return Err(Refused::NotFound);
            }
            actor.with_account_admin()?;
            outgoing.message.account = Some(actor.account.0);
        }
        Ok(self.authorize(&outgoing).await)
    }

    /// Whether a message may go out. That it may is remembered for a moment
    /// ([`MAX_AGE`]); that it may not, and what is counted, is read afresh, so
    /// that a suspension by whatever process holds within that time and its end
    /// at once. A store that fails makes it a deferral.
    pub async fn authorize(&self, outgoing: &Outgoing) -> Answer {
        let answer = self.judge_and_count(outgoing).await.unwrap_or_else(|error| {
            tracing::error!(%error, "the sending gate cannot decide");
            Answer::trouble()
        });
        let answered = match &answer {
            Answer::Allow { .. } => "allow",
            Answer::Defer(_) => "defer",
            Answer::Reject(_) => "reject",
        };
        let stage = if outgoing.count.is_some() { "count" } else { "look" };
        metrics::counter!("signet_gate_answers_total", "answer" => answered, "stage" => stage).increment(1);
        answer
    }

    async fn judge_and_count(&self, outgoing: &Outgoing) -> Result<Answer, StoreError> {
        if let Some(answer) = self.judge_by_memory(&outgoing.message) {
            return Ok(answer);
        }
        let answer = self.judge(outgoing).await?;
        let (Answer::Allow { spends: Some(domain) }, Some(instance)) = (&answer, &outgoing.count) else {
            return Ok(answer);
        };
        let cause = Cause::signet(self.clock.now());
        match self.store.spend_demo(DomainId(*domain), instance, &cause).await? {
            Spent::Now | Spent::Before => Ok(answer),
            // Another message was faster, or the operator: what holds now says why.
            Spent::Not => match self.judge(outgoing).await? {
                Answer::Allow { .. } => Ok(Answer::trouble()),
                refused => Ok(refused),
            },
        }
    }

    /// What everything the message names was found to be a moment ago, if by
    /// that it may go out, uncounted. Nothing else is answered from memory.
    fn judge_by_memory(&self, message: &Request) -> Option<Answer> {
        let sources = message.sources();
        if sources.is_empty() {
            return None;
        }
        let (account, now) = (message.account.map(AccountId), self.recent.moment(&self.clock));
        let found = sources.into_iter().map(|source| match source {
            Source::Domain(name) => self.recent.get(name, account, now),
            Source::Null | Source::Other(_) => None,
        });
        let answer = found.collect::<Option<Vec<_>>>().map(|found| authorize(message, &found));
        let answer = answer.filter(|answer| *answer == Answer::Allow { spends: None });
        let result = if answer.is_some() { "hit" } else { "miss" };
        metrics::counter!("signet_gate_cache_total", "result" => result).increment(1);
        answer
    }

    async fn judge(&self, outgoing: &Outgoing) -> Result<Answer, StoreError> {
        let (sources, read) = (outgoing.message.sources(), self.recent.moment(&self.clock));
        let mut found = Vec::new();
        for source in &sources {
            found.push(match source {
                Source::Domain(name) => self.candidates(name, outgoing).await?,
                Source::Null | Source::Other(_) => Vec::new(),
            });
        }
        let answer = authorize(&outgoing.message, &found);
        if answer == (Answer::Allow { spends: None }) {
            self.sending.note(found.iter().flatten());
            for (source, found) in sources.into_iter().zip(found) {
                if let Source::Domain(name) = source {
                    self.recent.put(name, outgoing.message.account.map(AccountId), read, found);
                }
            }
        }
        Ok(answer)
    }

    /// The domains a name may be: the one whose return path it is, or else
    /// those of that name.
    async fn candidates(&self, name: &Name, outgoing: &Outgoing) -> Result<Vec<Candidate>, StoreError> {
        let account = outgoing.message.account.map(AccountId);
        let message = outgoing.count.as_deref();
        if let Some((id, domain)) = return_path(name, &self.config.provider.prefix) {
            let found = self.store.sending_domains(&domain, Some(&id), account, message).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        self.store.sending_domains(name, None, account, message).await
    }
}
