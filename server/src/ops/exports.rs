//! A domain's records, to be taken into the owner's DNS.

use super::{Actor, Ops, Result};
use crate::{
    export::Export,
    store::{Domain, DomainId},
};
use signet_core::{plan::PlannedRecord, verify::dns_host::Hosting};

impl Ops {
    /// The records of a domain, with the zone they go into and who runs it, as far
    /// as the last look has shown that.
    ///
    /// # Errors
    /// [`super::Refused::NotFound`].
    pub async fn export(&self, actor: &Actor, id: DomainId) -> Result<Export> {
        let domain = self.domain(actor, id).await?;
        let hosting = self.hosting(&domain).await?;
        Ok(Export {
            // A key that its owner publishes and that is not made yet has no text.
            records: self.plan(&domain).into_iter().filter(PlannedRecord::is_made).collect(),
            zone: domain.zone.filter(|zone| domain.name.name().is_at_or_below(zone)),
            host: hosting.host().cloned(),
            domain: domain.name.name().clone(),
        })
    }

    /// Who runs a domain's DNS, as of the last look.
    pub(super) async fn hosting(&self, domain: &Domain) -> Result<Hosting> {
        let report = self.store.report(domain.account, domain.id).await?;
        Ok(report.map_or(Hosting::Unknown, |report| Hosting::of_verdicts(&report.verdicts)))
    }
}
