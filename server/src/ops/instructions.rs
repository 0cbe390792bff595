//! Set-up instructions by e-mail: what to publish, ready to copy.

use super::{Actor, Ops, Refused, Result, exports::hosting_of};
use crate::{
    notify,
    store::{CapReached, DomainId, InstructionCaps},
};
use signet_core::email::EmailAddress;

/// Within any 24 hours. Anybody with a token can name any recipient, so that
/// these keep Signet from being a way to flood people.
pub const CAPS: InstructionCaps = InstructionCaps { per_account: 50, per_recipient: 5 };

impl Ops {
    /// Queues the set-up instructions of a domain for `email`.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`]; [`Refused::Invalid`] under
    /// `email` for no address, or when a day's cap is reached.
    pub async fn send_instructions(&self, actor: &Actor, id: DomainId, email: &str) -> Result<()> {
        let domain = self.domain_to_change(actor, id).await?;
        let recipient = EmailAddress::parse(email).map_err(|e| Refused::invalid("email", e.to_string()))?;
        if domain.demo {
            return Err(Refused::invalid(
                "base",
                "The demo domain needs no set-up: its records are in our own zone",
            ));
        }
        let cause = self.cause(actor);
        let message_id = format!("{}@{}", self.random.uuid(cause.at), self.config.mail.from.domain());
        let statuses = self.records(&domain).into_iter().map(|(_, status)| status);
        let report = self.store.report(domain.account, domain.id).await?;
        let hosting = hosting_of(report.as_ref());
        let records: Vec<_> = self.handouts(&domain, report).into_iter().zip(statuses).collect();
        let message = notify::instructions::compose(
            &domain,
            &records,
            hosting.host(),
            &recipient,
            message_id,
            &self.config.http.public_url,
        );
        let counted = recipient.for_counting();
        let queued =
            self.store.queue_instructions(actor.account, id, &counted, &message, CAPS, &cause).await?;
        match queued.ok_or(Refused::NotFound)? {
            Ok(()) => {
                self.queued.notify_one();
                Ok(())
            }
            Err(CapReached::Account) => Err(Refused::invalid(
                "email",
                format!(
                    "can't be sent: the account has sent {} set-up instructions within 24 hours",
                    CAPS.per_account
                ),
            )),
            Err(CapReached::Recipient) => Err(Refused::invalid(
                "email",
                format!(
                    "has been sent {} set-up instructions within 24 hours; try again later",
                    CAPS.per_recipient
                ),
            )),
        }
    }
}
