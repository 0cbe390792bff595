//! The weekly health report: of each account's verified domains to those who
//! want it, when there is something to say.

use super::{Ops, links::Link};
use crate::{
    notify::{
        health::{Report, compose},
        notices::Envelope,
    },
    store::{Account, Domain, DomainId, HealthDue, Message, StoreError, TokenScope},
};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use signet_core::{
    email::EmailAddress,
    health::{EVERY, Facts, Health, Reported, is_news},
};
use std::collections::BTreeMap;

/// Accounts looked at in one go.
const ACCOUNTS: u32 = 8;
/// Domains read at once.
const PAGE: u32 = 200;
/// Recipients of one account; beyond them nobody gets a report.
const RECIPIENTS: usize = 100;

/// What is gathered for one recipient.
struct Gathered {
    to: EmailAddress,
    report: Report,
    /// Of what all of its domains come to.
    digest: Sha256,
    /// The domains in it that are named.
    domains: Vec<(DomainId, String)>,
}

impl Ops {
    /// Sends the health reports that are due; how many accounts were looked at.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn report_health(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let due = self.store.health_due(now, ACCOUNTS).await?;
        for due in &due {
            let Some(account) = self.store.account(due.account).await? else { continue };
            let gathered = self.gather(&account, now).await?;
            let (reported, messages) = self.reports(&account, due, gathered, now);
            let next = now.saturating_add(EVERY).unwrap_or(Timestamp::MAX);
            if self.store.report_health(due, &reported, &messages, next, now).await? && !messages.is_empty() {
                self.queued.notify_one();
            }
        }
        Ok(due.len())
    }

    /// The health of an account's domains, by recipient.
    async fn gather(
        &self,
        account: &Account,
        now: Timestamp,
    ) -> Result<BTreeMap<String, Gathered>, StoreError> {
        let ages = self.store.key_ages(account.id).await?;
        let (mut all, mut after) = (BTreeMap::new(), None);
        loop {
            let page = self.store.domains(account.id, &TokenScope::Account, after, Some(PAGE)).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = Some(last.id);
            for domain in page.iter().filter(|domain| is_reported(domain)) {
                let verdicts = self.store.report(account.id, domain.id).await?;
                let verdicts = verdicts.map(|report| report.verdicts).unwrap_or_default();
                let late: Vec<_> = domain
                    .records
                    .iter()
                    .filter_map(|state| Some((state.key, state.past.late_until?)))
                    .collect();
                let facts = Facts {
                    dns: &domain.dns,
                    verdicts: &verdicts,
                    present: &domain.present,
                    late: &late,
                    own_links: domain.tracking.custom_domain,
                    signs_since: ages.get(&domain.id).copied(),
                    key_period: self.key_rules(domain).period,
                };
                let health = Health::of(&facts, now);
                add(&mut all, account, domain, health);
            }
        }
    }

    /// The messages, and what has then been reported to whom.
    fn reports(
        &self,
        account: &Account,
        due: &HealthDue,
        gathered: BTreeMap<String, Gathered>,
        now: Timestamp,
    ) -> (BTreeMap<String, Reported>, Vec<Message>) {
        let (mut reported, mut messages) = (BTreeMap::new(), Vec::new());
        for (recipient, mut one) in gathered {
            let digest = std::mem::take(&mut one.digest).finalize();
            let gist = digest.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            let last = due.reported.get(&recipient);
            if !is_news(last, &gist, one.report.fragile_count > 0, now) {
                reported.extend(last.map(|last| (recipient, last.clone())));
                continue;
            }
            self.add_mutes(account, &mut one);
            let envelope = Envelope { to: &one.to, ..self.envelope(account, "") };
            messages.push(compose(&one.report, &envelope, self.message_id()));
            reported.insert(recipient, Reported { at: now, gist });
        }
        (reported, messages)
    }

    /// How a recipient turns the reports off: the owner all of the account's,
    /// others only those of the domains they are told of.
    fn add_mutes(&self, account: &Account, one: &mut Gathered) {
        let mute = |id| self.link_url(Link::MuteReports(id));
        if one.to.for_counting() == account.owner_email.for_counting() {
            one.report.mute = self.link_url(Link::MuteHealth(account.id));
        } else if let [(id, _)] = one.domains[..] {
            one.report.mute = mute(id);
        } else {
            let domains = one.domains.drain(..);
            one.report.mutes = domains.filter_map(|(id, name)| Some((name, mute(id)?))).collect();
        }
    }
}

/// Demo domains have nothing that could go wrong, and of one that is not
/// verified its owner hears otherwise.
fn is_reported(domain: &Domain) -> bool {
    !domain.demo && domain.tracking.health_alerts && domain.dns.is_verified()
}

fn add(all: &mut BTreeMap<String, Gathered>, account: &Account, domain: &Domain, health: Health) {
    let to = domain.tracking.alert_recipient.as_ref().unwrap_or(&account.owner_email);
    let key = to.for_counting();
    if all.len() >= RECIPIENTS && !all.contains_key(&key) {
        return;
    }
    let one = all.entry(key).or_insert_with(|| Gathered {
        to: to.clone(),
        report: Report::default(),
        digest: Sha256::new(),
        domains: Vec::new(),
    });
    one.digest.update(format!("{} {}\n", domain.id, health.gist()));
    if one.report.add(domain.name.as_str(), health) {
        one.domains.push((domain.id, domain.name.to_string()));
    }
}
