//! What a policy makes of a domain of an account.

use super::{Examiner, Ops, Result};
use crate::store::Domain;
use jiff::SignedDuration;
use signet_core::review::{AccountFacts, Finding, Policy, Sender};

impl Ops {
    /// What every rule of the policy finds about a domain now. Nothing is stored.
    ///
    /// # Errors
    /// When the store fails; whatever else fails is a finding.
    pub async fn examine(
        &self,
        examiner: &Examiner,
        policy: &Policy,
        domain: &Domain,
    ) -> Result<Vec<Finding>> {
        let now = self.clock.now();
        let mut facts = AccountFacts::default();
        // Once at least, for the rejected one.
        let windows = policy.wanted().windows;
        for days in windows.into_iter().chain([0]) {
            let since = now - SignedDuration::from_hours(24 * i64::from(days));
            let record = self.store.account_record(domain.account, domain.id, since).await?;
            facts.created.insert(days, record.created);
            facts.rejected = record.rejected;
        }
        let company = self.store.company(domain.account).await?;
        let sender =
            Sender { domain: domain.name.name(), company: company.as_ref(), account: Some(&facts), now };
        Ok(examiner.examine(policy, &sender).await)
    }
}
