//! A domain's records, to be taken into the owner's DNS.

use super::{Actor, Ops, Result};
use crate::{
    export::Export,
    store::{Domain, DomainId, Report},
};
use signet_core::{
    handout::Handout,
    verify::{Verdict, dns_host::Hosting},
};

impl Ops {
    /// The records of a domain, with the zone they go into and who runs it, as far
    /// as the last look has shown that.
    ///
    /// # Errors
    /// [`super::Refused::NotFound`].
    pub async fn export(&self, actor: &Actor, id: DomainId) -> Result<Export> {
        let domain = self.domain(actor, id).await?;
        let report = self.store.report(domain.account, domain.id).await?;
        let hosting = hosting_of(report.as_ref());
        Ok(Export {
            records: self.handouts(&domain, report),
            host: hosting.host().cloned(),
            domain: domain.name.name().clone(),
            zone: domain.zone.filter(|zone| domain.name.name().is_at_or_below(zone)),
        })
    }

    /// The records of a domain as its owner is given them, in the light of the last
    /// look's report.
    pub(super) fn handouts(&self, domain: &Domain, report: Option<Report>) -> Vec<Handout> {
        let plan = self.plan(domain);
        if domain.demo {
            return plan.into_iter().map(Handout::as_planned).collect();
        }
        let (verdicts, _) = self.verdicts(domain, report);
        let handout = |(record, verdict): (_, &Verdict)| Handout::of(record, verdict, &domain.present);
        plan.into_iter().zip(&verdicts).map(handout).collect()
    }

    /// Who runs a domain's DNS, as of the last look.
    pub(super) async fn hosting(&self, domain: &Domain) -> Result<Hosting> {
        Ok(hosting_of(self.store.report(domain.account, domain.id).await?.as_ref()))
    }
}

/// Who runs the DNS of the domain that was looked at.
pub(super) fn hosting_of(report: Option<&Report>) -> Hosting {
    report.map_or(Hosting::Unknown, |report| Hosting::of_verdicts(&report.verdicts))
}
