//! The account's company information, which any of its domains reads and writes.

use super::{Actor, Ops, Refused, Result};
use crate::store::DomainId;
use signet_core::company::{CompanyInfo, CompanyPatch};

/// How often a change is tried again when others change the same at once.
const TRIES: usize = 5;

impl Ops {
    /// The company information of the account the domain belongs to.
    ///
    /// # Errors
    /// [`Refused::NotFound`] when there is none, or no such domain.
    pub async fn company(&self, actor: &Actor, id: DomainId) -> Result<CompanyInfo> {
        self.domain(actor, id).await?;
        self.store.company(actor.account).await?.ok_or(Refused::NotFound)
    }

    /// Stores company information where there is none.
    ///
    /// # Errors
    /// [`Refused::Invalid`] by field, or under `base` when there is some.
    pub async fn create_company(
        &self,
        actor: &Actor,
        id: DomainId,
        patch: &CompanyPatch,
    ) -> Result<CompanyInfo> {
        self.domain(actor, id).await?;
        actor.with_account_admin()?;
        let there_is_some = || Refused::invalid("base", "Company info already exists; update it instead");
        if self.store.company(actor.account).await?.is_some() {
            return Err(there_is_some());
        }
        let info = CompanyInfo::create(patch).map_err(Refused::Invalid)?;
        let created = self.store.create_company(actor.account, &info, &self.cause(actor)).await?;
        if created { Ok(info) } else { Err(there_is_some()) }
    }

    /// Changes company information.
    ///
    /// # Errors
    /// [`Refused::NotFound`] when there is none, [`Refused::Invalid`] by field.
    pub async fn update_company(
        &self,
        actor: &Actor,
        id: DomainId,
        patch: &CompanyPatch,
    ) -> Result<CompanyInfo> {
        self.domain(actor, id).await?;
        actor.with_account_admin()?;
        for _ in 0..TRIES {
            let before = self.store.company(actor.account).await?.ok_or(Refused::NotFound)?;
            let after = before.update(patch).map_err(Refused::Invalid)?;
            let cause = self.cause(actor);
            if after == before || self.store.replace_company(actor.account, &before, &after, &cause).await? {
                return Ok(after);
            }
        }
        Err(Refused::invalid("base", "Company info is being changed by others at the same time; try again"))
    }
}
