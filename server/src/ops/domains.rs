//! Registering domains, reading them, changing their settings, deleting them.

use super::{Actor, Ops, Refused, Result};
use crate::store::{Domain, DomainId, Event, EventId, NewDomain, NotRegistered, Report, TokenScope};
use signet_core::{names::DomainName, tracking::TrackingPatch, verify::Verdict};

impl Ops {
    /// The domains the actor sees, by number.
    ///
    /// # Errors
    /// [`Refused::Forbidden`] without a right on any.
    pub async fn list_domains(
        &self,
        actor: &Actor,
        after: Option<DomainId>,
        limit: Option<u32>,
    ) -> Result<Vec<Domain>> {
        actor.with_any_right()?;
        let domains = self.store.domains(actor.account, &actor.scope, after, limit).await?;
        if domains.is_empty() && after.is_none() && actor.scope != TokenScope::Account {
            // Its domains are all deleted: no right on any is left.
            return Err(Refused::Forbidden);
        }
        Ok(domains)
    }

    /// Registers a domain. Its first look is due at once and is not waited for.
    ///
    /// # Errors
    /// [`Refused::Invalid`] for a name that cannot be registered.
    pub async fn create_domain(&self, actor: &Actor, name: &str) -> Result<Domain> {
        actor.with_account_admin()?;
        let provider = &self.config.provider;
        let name = DomainName::parse(name, &provider.zone)
            .map_err(|e| Refused::invalid("domain_name", e.to_string()))?;
        if name.name().is_at_or_below(&provider.demo_zone) {
            let refused = signet_core::names::NameRefused::OwnZone(provider.demo_zone.to_string());
            return Err(Refused::invalid("domain_name", refused.to_string()));
        }
        let new = NewDomain {
            account: actor.account,
            name,
            record_id: self.random.record_id(),
            dkim: self.config.dkim_mode,
        };
        let cause = self.cause(actor);
        match self.store.create_domain(&new, self.config.unverified_limit, &cause).await? {
            Ok(domain) => {
                self.due.notify_one();
                Ok(domain)
            }
            Err(NotRegistered::Taken) => Err(Refused::invalid("domain_name", "has already been taken")),
            Err(NotRegistered::TooManyUnverified(limit)) => Err(Refused::invalid(
                "base",
                format!(
                    "The account has {limit} unverified domains, which is the limit; \
                     verify or delete some before adding another"
                ),
            )),
        }
    }

    /// A domain the actor sees.
    ///
    /// # Errors
    /// [`Refused::NotFound`].
    pub async fn domain(&self, actor: &Actor, id: DomainId) -> Result<Domain> {
        actor.with_sight_of(id)?;
        self.store.domain(actor.account, id).await?.ok_or(Refused::NotFound)
    }

    /// A domain the actor sees and may change.
    pub(super) async fn domain_to_change(&self, actor: &Actor, id: DomainId) -> Result<Domain> {
        let domain = self.domain(actor, id).await?;
        actor.with_write()?;
        Ok(domain)
    }

    /// Changes a domain's settings.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`].
    pub async fn update_domain(&self, actor: &Actor, id: DomainId, patch: &TrackingPatch) -> Result<Domain> {
        self.domain_to_change(actor, id).await?;
        let updated = self.store.update_tracking(actor.account, id, patch, &self.cause(actor)).await?;
        updated.ok_or(Refused::NotFound)
    }

    /// Deletes a domain and destroys its keys.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`].
    pub async fn delete_domain(&self, actor: &Actor, id: DomainId) -> Result<()> {
        self.domain_to_change(actor, id).await?;
        let deleted = self.store.delete_domain(actor.account, id, &self.cause(actor)).await?;
        if deleted { Ok(()) } else { Err(Refused::NotFound) }
    }

    /// The last look at a domain: one verdict per record now planned.
    ///
    /// # Errors
    /// [`Refused::NotFound`].
    pub async fn report(
        &self,
        actor: &Actor,
        id: DomainId,
    ) -> Result<(Domain, Vec<Verdict>, Option<jiff::Timestamp>)> {
        let domain = self.domain(actor, id).await?;
        let report = self.store.report(actor.account, id).await?;
        let (verdicts, at) = self.verdicts(&domain, report);
        Ok((domain, verdicts, at))
    }

    /// The verdicts of a report in the plan's order; `unchecked` for what it
    /// does not cover.
    #[must_use]
    pub fn verdicts(
        &self,
        domain: &Domain,
        report: Option<Report>,
    ) -> (Vec<Verdict>, Option<jiff::Timestamp>) {
        let at = report.as_ref().map(|report| report.checked_at);
        let mut known = report.map(|report| report.verdicts).unwrap_or_default();
        let verdicts = self
            .records(domain)
            .into_iter()
            .map(|(record, shown)| {
                use signet_core::verify::{Code, Status};
                if domain.demo {
                    let reason = "This is a demo domain; its records are in our own zone.";
                    return Verdict::new(&record, Status::Pass, Code::Ok, reason);
                }
                let found = known.iter().position(|verdict| verdict.key == record.key);
                match found {
                    Some(index) if shown != Status::Unchecked => known.swap_remove(index),
                    _ => Verdict::unchecked(&record),
                }
            })
            .collect();
        (verdicts, at)
    }

    /// A domain's history, newest first.
    ///
    /// # Errors
    /// [`Refused::NotFound`].
    pub async fn events(
        &self,
        actor: &Actor,
        id: DomainId,
        before: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Event>> {
        self.domain(actor, id).await?;
        Ok(self.store.events(actor.account, id, before, limit).await?)
    }
}
