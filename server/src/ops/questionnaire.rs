//! The questionnaire: read and answered by the owner's clients, or by whoever
//! has been sent its link.

use super::{Actor, Ops, Refused, Result, links::Link};
use crate::store::{Answered, Cause, Domain, DomainId, Questionnaire};
use signet_core::{
    lifecycle::Asked,
    questionnaire::{self, Given},
};
use std::collections::BTreeMap;

impl Ops {
    /// The questionnaire of a domain the actor sees, while it is asked for or
    /// answered.
    ///
    /// # Errors
    /// [`Refused::NotFound`] when it is not asked for, or there is no such domain.
    pub async fn questionnaire(&self, actor: &Actor, id: DomainId) -> Result<Questionnaire> {
        let domain = self.domain(actor, id).await?;
        self.questionnaire_of(&domain).await
    }

    async fn questionnaire_of(&self, domain: &Domain) -> Result<Questionnaire> {
        if domain.questionnaire == Asked::No {
            return Err(Refused::NotFound);
        }
        self.store.questionnaire(domain.account, domain.id).await?.ok_or(Refused::NotFound)
    }

    /// Answers it, with which the review goes on.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`]; [`Refused::Invalid`] by
    /// question, or under `base` when it is answered already.
    pub async fn answer_questionnaire(
        &self,
        actor: &Actor,
        id: DomainId,
        given: &BTreeMap<String, Given>,
    ) -> Result<Questionnaire> {
        let domain = self.domain_to_change(actor, id).await?;
        self.answer(&domain, given, &self.cause(actor)).await
    }

    async fn answer(
        &self,
        domain: &Domain,
        given: &BTreeMap<String, Given>,
        cause: &Cause,
    ) -> Result<Questionnaire> {
        let before = || Refused::invalid("base", "The questionnaire is answered already");
        match domain.questionnaire {
            Asked::No => return Err(Refused::NotFound),
            Asked::Met => return Err(before()),
            Asked::Open => {}
        }
        let answers = questionnaire::answers(given).map_err(Refused::Invalid)?;
        match self.store.answer_questionnaire(domain.account, domain.id, &answers, cause).await? {
            Answered::Now(questionnaire) => {
                self.review_due.notify_one();
                Ok(questionnaire)
            }
            Answered::Before => Err(before()),
            Answered::NotAsked => Err(Refused::NotFound),
        }
    }

    /// The domain a link's questionnaire is about; `None` for a link that is not
    /// ours, or whose domain is gone.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn domain_of_link(&self, token: &str) -> Result<Option<Domain>> {
        match self.read_link(token) {
            Some(Link::Questionnaire(id)) => Ok(self.store.domain_for_operator(id).await?),
            _ => Ok(None),
        }
    }

    /// Answers the questionnaire of a domain whose link somebody has followed,
    /// from `origin`.
    ///
    /// # Errors
    /// As [`Self::answer_questionnaire`].
    pub async fn answer_by_link(
        &self,
        domain: &Domain,
        given: &BTreeMap<String, Given>,
        origin: &str,
    ) -> Result<Questionnaire> {
        let (actor, origin) = ("link".to_string(), origin.to_string());
        let cause = Cause { actor, origin, reason: String::new(), at: self.clock.now() };
        self.answer(domain, given, &cause).await
    }
}
