//! The card check: what owners are shown of it, and who says how it went.

use super::{Actor, Ops, Refused, Result, review::with_reason};
use crate::{
    card_check::{Callback, CallbackRefused},
    store::{CardCheck, CardOf, Cause, DomainId, Resolved},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use signet_core::lifecycle::Asked;

/// Why a callback was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum CallbackFailed {
    /// It is not from whom it should be; why.
    #[error("unsigned: {0}")]
    Unsigned(&'static str),
    /// As any use case.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl Ops {
    /// The card check of a domain the actor sees, while it is asked for or
    /// passed, and where its owner goes for it.
    ///
    /// # Errors
    /// [`Refused::NotFound`] when none is asked for, or there is no such domain.
    pub async fn card_check(&self, actor: &Actor, id: DomainId) -> Result<(CardCheck, Option<String>)> {
        let domain = self.domain(actor, id).await?;
        if domain.card == Asked::No {
            return Err(Refused::NotFound);
        }
        let check = self.store.card_check(domain.account, id).await?.ok_or(Refused::NotFound)?;
        let url = self.card_check_url(&check);
        Ok((check, url))
    }

    /// Where a domain's owner goes for a card check; `None` where the operator
    /// gets in touch instead.
    #[must_use]
    pub fn card_check_url(&self, check: &CardCheck) -> Option<String> {
        self.config.card.adapter().url(&check.reference)
    }

    /// A name for a new card check. Nobody guesses it.
    #[must_use]
    pub fn card_reference(&self) -> String {
        format!("card_{}", URL_SAFE_NO_PAD.encode(self.random.bytes::<16>()))
    }

    /// Keeps what whoever checks cards says about one, from `origin`. Saying the
    /// same again changes nothing.
    ///
    /// # Errors
    /// [`CallbackFailed::Unsigned`]; [`Refused::NotFound`] without such a check,
    /// and where nobody may call; [`Refused::Invalid`] for what cannot be read;
    /// [`Refused::Outdated`] when the opposite was said before.
    pub async fn card_callback(
        &self,
        reference: &str,
        callback: &Callback<'_>,
        origin: &str,
    ) -> std::result::Result<CardCheck, CallbackFailed> {
        let now = self.clock.now();
        let result = self.config.card.adapter().read(callback, now).map_err(|refused| match refused {
            CallbackRefused::Off => Refused::NotFound.into(),
            CallbackRefused::Unsigned(why) => CallbackFailed::Unsigned(why),
            CallbackRefused::Unreadable(field, why) => Refused::invalid(field, why).into(),
        })?;
        let cause = Cause {
            actor: "card_callback".to_string(),
            origin: origin.to_string(),
            reason: String::new(),
            at: now,
        };
        let of = CardOf::Reference(reference.to_string());
        Ok(self.resolved(&of, result.passed, &result.detail, &cause).await?)
    }

    /// Keeps what the operator says about a domain's card check; it may be
    /// something else than before.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] for whoever is no operator; [`Refused::NotFound`];
    /// [`Refused::Invalid`] without a reason.
    pub async fn resolve_card_check(
        &self,
        actor: &Actor,
        id: DomainId,
        passed: bool,
        reason: &str,
    ) -> Result<CardCheck> {
        actor.with_operator()?;
        let reason = with_reason(reason)?;
        let cause = Cause { reason: reason.clone(), ..self.cause(actor) };
        self.resolved(&CardOf::Domain(id), passed, &reason, &cause).await
    }

    async fn resolved(&self, of: &CardOf, passed: bool, detail: &str, cause: &Cause) -> Result<CardCheck> {
        match self.store.resolve_card_check(of, passed, detail, cause).await?.ok_or(Refused::NotFound)? {
            Resolved::Now(check) => {
                self.review_due.notify_one();
                Ok(check)
            }
            Resolved::Before(check) => Ok(check),
            Resolved::Otherwise(check) => Err(Refused::outdated(
                "result",
                format!("can't be changed: it is {} already", check.state.as_str()),
            )),
        }
    }
}
