//! Turning messages off by a link in one of them (RFC 8058). Whoever has the
//! link may, without a token; that is what it is for.

use super::{Ops, Refused, Result, links::Link};
use crate::store::{Cause, Domain, TokenScope};
use signet_core::tracking::TrackingPatch;

/// Domains read at once.
const PAGE: u32 = 200;

/// What a link turns off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mute {
    /// Alerts about this domain.
    Alerts(String),
    /// Health reports about this domain.
    Reports(String),
    /// Health reports about all domains of an account.
    AllReports,
}

impl Ops {
    /// What a link would turn off; nothing is changed.
    ///
    /// # Errors
    /// [`Refused::NotFound`] for a link that is not ours or leads to nothing.
    pub async fn muted_by(&self, token: &str) -> Result<Mute> {
        let (mute, _) = self.find_mute(token).await?;
        Ok(mute)
    }

    /// Turns off what the link is for. Again is nothing more.
    ///
    /// # Errors
    /// As [`Self::muted_by`].
    pub async fn mute(&self, token: &str, origin: &str) -> Result<Mute> {
        let (mute, domain) = self.find_mute(token).await?;
        let cause = Cause {
            actor: "link".to_string(),
            origin: origin.to_string(),
            reason: "turned off by the link in a message".to_string(),
            at: self.clock.now(),
        };
        let reports = TrackingPatch { health_alerts: Some(false), ..TrackingPatch::default() };
        let alerts = TrackingPatch { critical_alerts: Some(false), ..TrackingPatch::default() };
        match (self.read_link(token), domain) {
            (Some(Link::Mute(_)), Some(domain)) => self.turn_off(&domain, &alerts, &cause).await?,
            (Some(Link::MuteReports(_)), Some(domain)) => self.turn_off(&domain, &reports, &cause).await?,
            (Some(Link::MuteHealth(account)), _) => {
                let mut after = None;
                loop {
                    let page = self.store.domains(account, &TokenScope::Account, after, Some(PAGE)).await?;
                    let Some(last) = page.last() else { break };
                    after = Some(last.id);
                    for domain in page.iter().filter(|domain| domain.tracking.health_alerts) {
                        self.turn_off(domain, &reports, &cause).await?;
                    }
                }
            }
            _ => return Err(Refused::NotFound),
        }
        Ok(mute)
    }

    async fn turn_off(&self, domain: &Domain, patch: &TrackingPatch, cause: &Cause) -> Result<()> {
        // A domain deleted meanwhile sends nothing any more either.
        self.store.update_tracking(domain.account, domain.id, patch, cause).await?;
        Ok(())
    }

    async fn find_mute(&self, token: &str) -> Result<(Mute, Option<Domain>)> {
        let link = self.read_link(token).ok_or(Refused::NotFound)?;
        if let Link::MuteHealth(account) = link {
            self.store.account(account).await?.ok_or(Refused::NotFound)?;
            return Ok((Mute::AllReports, None));
        }
        let (Link::Mute(id) | Link::MuteReports(id)) = link else { return Err(Refused::NotFound) };
        let domain = self.store.domain_for_operator(id).await?.ok_or(Refused::NotFound)?;
        let name = domain.name.to_unicode();
        let mute = if matches!(link, Link::Mute(_)) { Mute::Alerts(name) } else { Mute::Reports(name) };
        Ok((mute, Some(domain)))
    }
}
