//! Getting a domain's records into the account's own zone: what would change, and
//! changing exactly that; and taking them out again.
//!
//! Planning reads the zone live, on all its servers, and writes nothing. What it
//! came to has a digest; applying reads and plans once more, and goes on only if
//! it comes to the same.

mod access;
mod past;

pub use access::{AccessWish, MAX_ACCESSES};

use super::{Actor, Ops, Refused, Result};
use crate::{
    dns_access::{Access, Broken, Means, Then, Written},
    store::{Domain, DomainId, EventKind, NewEvent},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use signet_core::{
    names::Name,
    observe::{Need, Seen},
    plan::{PlannedRecord, Present, RecordKey},
    publish::{self, Action, Change, Entry},
    verify::Context,
};
use signet_dns::ask::{Ask, Asker};
use std::fmt::Write as _;

/// What is to be done in a domain's zone.
#[derive(Clone, Debug)]
pub struct Planned {
    /// The domain.
    pub domain: Domain,
    /// One per record, in the plan's order.
    pub changes: Vec<Change>,
    /// Stands for exactly these changes on exactly what was read.
    pub digest: String,
    /// The zones that something is written into, each with the provider of the
    /// account's key to it, if it has one.
    pub zones: Vec<(Name, Option<String>)>,
    /// The records that have been written.
    pub written: Vec<RecordKey>,
}

impl Ops {
    /// What has to change in the zone so that the domain's records are in it.
    /// Reads the zone now, and writes nothing.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`]; [`Refused::Invalid`] under
    /// `base` where there is nothing to plan.
    pub async fn plan_dns(&self, actor: &Actor, id: DomainId) -> Result<Planned> {
        let domain = self.domain_to_publish(actor, id).await?;
        let changes = self.read_zone(&domain, publish::changes).await?;
        self.planned(domain, changes).await
    }

    /// Does what was planned, if planning now comes to the same, and has the
    /// domain looked at.
    ///
    /// # Errors
    /// As [`Self::plan_dns`]; [`Refused::Outdated`] when it no longer is what was
    /// shown; [`Refused::Invalid`] under `base` when it was not written, or not
    /// all of it, with what was.
    pub async fn apply_dns(&self, actor: &Actor, id: DomainId, digest: &str) -> Result<Planned> {
        let planned = self.plan_dns(actor, id).await?;
        if planned.digest != digest {
            let message = "is of another plan: the zone, or what is to be written, is no longer as it was shown. \
                           Nothing was written; plan again";
            return Err(Refused::outdated("digest", message));
        }
        let written = self.write_zones(actor, &planned, EventKind::DnsApplied).await?;
        if !written.is_empty() {
            self.store.request_check(actor.account, id, self.clock.now()).await?;
            self.due.notify_one();
        }
        Ok(Planned { written, ..planned })
    }

    /// Takes the domain's records out of the zone, and then deletes it; what was
    /// taken out, and what was kept and why. What is not ours stays; so does what
    /// another registration needs. `None` of a demo domain, which has no records in
    /// a zone of the account's.
    ///
    /// # Errors
    /// As [`Self::delete_domain`]; [`Refused::Invalid`] under `base` when the
    /// records could not be removed: the domain is then not deleted.
    pub async fn delete_domain_and_records(&self, actor: &Actor, id: DomainId) -> Result<Option<Planned>> {
        let domain = self.domain_to_change(actor, id).await?;
        let removed = if domain.demo {
            None
        } else {
            let removed = self.remove_records(actor, domain).await.map_err(|refused| match refused {
                Refused::Invalid(errors) | Refused::Outdated(errors) => {
                    let reasons: Vec<&str> = errors.values().flatten().map(String::as_str).collect();
                    let reasons = reasons.join(" ");
                    Refused::invalid(
                        "base",
                        format!("The domain was not deleted, since its records are not removed. {reasons}"),
                    )
                }
                other => other,
            })?;
            Some(removed)
        };
        self.delete_domain(actor, id).await?;
        Ok(removed)
    }

    async fn remove_records(&self, actor: &Actor, domain: Domain) -> Result<Planned> {
        let past = self.past(&domain).await?;
        let removal = |context: &Context<'_>, plan: &[PlannedRecord], seen: &Seen| {
            publish::removal(context, plan, &past, seen)
        };
        let changes = self.read_zone(&domain, removal).await?;
        let blocked: Vec<&Change> =
            changes.iter().filter(|change| change.action == Action::Blocked).collect();
        if !blocked.is_empty() {
            let reasons: Vec<&str> = blocked.iter().map(|change| change.reason.as_str()).collect();
            return Err(Refused::invalid("base", reasons.join(" ")));
        }
        let planned = self.planned(domain, changes).await?;
        let written = self.write_zones(actor, &planned, EventKind::DnsRemoved).await?;
        Ok(Planned { written, ..planned })
    }

    async fn domain_to_publish(&self, actor: &Actor, id: DomainId) -> Result<Domain> {
        let domain = self.domain_to_change(actor, id).await?;
        if domain.demo {
            let message =
                "This is a demo domain; its records are in our own zone, where they are right already";
            return Err(Refused::invalid("base", message));
        }
        Ok(domain)
    }

    fn asker(&self) -> Result<&Asker> {
        self.asker.as_ref().ok_or_else(|| Refused::invalid("base", "This process does not ask DNS"))
    }

    fn means(&self) -> Result<Means> {
        Ok(Means {
            asker: self.asker()?.clone(),
            clock: self.clock.clone(),
            allow_private: self.config.dns.allow_private,
        })
    }

    /// Reads what stands at the domain's owners, on all servers, past all caches.
    async fn read_zone(
        &self,
        domain: &Domain,
        rules: impl Fn(&Context<'_>, &[PlannedRecord], &Seen) -> std::result::Result<Vec<Change>, Need>,
    ) -> Result<Vec<Change>> {
        // What was read at the last look is read again, and merged from that.
        let plan = self.plan(&Domain { present: Present::default(), ..domain.clone() });
        let probe = self.random.record_id();
        let context = Context {
            provider: &self.config.provider,
            domain: domain.name.name(),
            probe: probe.as_str(),
            dkim_keys: [None, None],
            thorough: true,
            second_view: false,
        };
        let ask = Ask::on_demand().for_party(domain.account.0.unsigned_abs());
        let settled = self.asker()?.settle(ask, |seen| rules(&context, &plan, seen)).await;
        settled.value.map_err(|error| {
            tracing::error!(domain = %domain.name, %error, "the reading of a zone came to no end");
            Refused::invalid("base", "The zone could not be read to the end; nothing was written")
        })
    }

    async fn planned(&self, domain: Domain, changes: Vec<Change>) -> Result<Planned> {
        let mut zones: Vec<(Name, Option<String>)> = Vec::new();
        for zone in changes.iter().filter(|change| change.action.writes()).filter_map(|c| c.zone.as_ref()) {
            if zones.iter().all(|(known, _)| known != zone) {
                let access = self.store.dns_access_to(domain.account, zone).await?;
                zones.push((zone.clone(), access.map(|(access, _)| access.provider)));
            }
        }
        let digest = digest(&changes);
        Ok(Planned { domain, changes, digest, zones, written: Vec::new() })
    }

    /// Writes into each zone in turn. Nothing, if there is a zone without a key.
    async fn write_zones(&self, actor: &Actor, planned: &Planned, kind: EventKind) -> Result<Vec<RecordKey>> {
        let mut keys = Vec::new();
        for (zone, _) in &planned.zones {
            keys.push(self.open_access(planned.domain.account, zone).await?);
        }
        let means = self.means()?;
        let mut done = Vec::new();
        for access in &keys {
            let in_zone = |change: &&Change| change.zone.as_ref() == Some(&access.zone);
            let changes: Vec<&Change> = planned.changes.iter().filter(in_zone).collect();
            // So that what stood there is known, whatever becomes of the writing.
            let writing: Vec<RecordKey> =
                changes.iter().filter(|change| change.action.writes()).map(|change| change.key).collect();
            self.note(actor, planned, access, &writing, EventKind::DnsWriting).await?;
            let Written { done: written, unsure, broken } = access.write(&means, &changes).await;
            if !written.is_empty() {
                self.note(actor, planned, access, &written, kind).await?;
            }
            let may_be = |key: &RecordKey| written.contains(key) || unsure.contains(key);
            let not_written: Vec<RecordKey> = writing.into_iter().filter(|key| !may_be(key)).collect();
            if !not_written.is_empty() {
                self.note(actor, planned, access, &not_written, EventKind::DnsNotWritten).await?;
            }
            done.extend(written);
            if let Some(broken) = broken {
                let reason = &broken.reason;
                tracing::warn!(domain = %planned.domain.name, zone = %access.zone, %reason, "records were not written");
                return Err(not_all(planned, &done, &broken));
            }
        }
        Ok(done)
    }

    async fn note(
        &self,
        actor: &Actor,
        planned: &Planned,
        access: &Access,
        written: &[RecordKey],
        kind: EventKind,
    ) -> Result<()> {
        let changes = planned.changes.iter().filter(|change| written.contains(&change.key));
        let evidence: Vec<Value> = changes.map(evidence).collect();
        let event = NewEvent {
            reason: Some(format!("{} by {}", listed(written), access.provider.name)),
            to: Some(access.zone.to_string()),
            evidence: Some(json!({ "changes": evidence }).to_string()),
            ..NewEvent::of(kind)
        };
        let domain = &planned.domain;
        Ok(self.store.note_written(domain.account, domain.id, &event, &self.cause(actor)).await?)
    }
}

/// What [`past`] reads again.
fn evidence(change: &Change) -> Value {
    let entries = |entries: &[Entry]| -> Vec<String> { entries.iter().map(ToString::to_string).collect() };
    json!({
        "key": change.key.as_str(),
        "name": change.owner.as_str(),
        "action": change.action.as_str(),
        "before": entries(&change.before),
        "after": entries(&change.after),
    })
}

fn listed(keys: &[RecordKey]) -> String {
    keys.iter().map(|key| key.as_str()).collect::<Vec<_>>().join(", ")
}

/// What was and what was not written, and how to go on.
fn not_all(planned: &Planned, done: &[RecordKey], Broken { reason, then }: &Broken) -> Refused {
    if *then == Then::Outdated && done.is_empty() {
        return Refused::outdated("digest", format!("is of a plan that is outdated: {reason} Plan again"));
    }
    let left: Vec<RecordKey> = planned
        .changes
        .iter()
        .filter(|change| change.action.writes() && !done.contains(&change.key))
        .map(|change| change.key)
        .collect();
    let so_far = if done.is_empty() { String::new() } else { format!(" Done: {}.", listed(done)) };
    let how = if *then == Then::Mend { "" } else { " Plan and apply again to go on." };
    Refused::invalid("base", format!("{reason}{so_far} Not done: {}.{how}", listed(&left)))
}

/// Equal for equal changes on an equal reading, whatever order servers give
/// records in and however long those may still be kept.
fn digest(changes: &[Change]) -> String {
    let mut hash = Sha256::new();
    for change in changes {
        let mut lines: Vec<String> = change
            .before
            .iter()
            .map(|entry| format!("- {:?}", entry.data))
            .chain(change.after.iter().map(|entry| format!("+ {:?}", entry.data)))
            .chain(change.requires.iter().map(|requirement| format!("? {requirement:?}")))
            .collect();
        lines.sort();
        // Where nothing is written it may be found at one time and not at another.
        let zone = change.zone.as_ref().filter(|_| change.action.writes()).map_or("", Name::as_str);
        hash.update(format!("{} {} {zone} {}\n", change.key, change.owner, change.action.as_str()));
        hash.update(lines.join("\n"));
        hash.update("\n");
    }
    let mut text = String::new();
    for byte in hash.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use signet_core::{observe::Data, observe::RecordType, publish::Requirement};

    fn change() -> Change {
        let text = |text: &str| Data::Txt(vec![text.as_bytes().to_vec()]);
        let entry = |data: Data| Entry { data, ttl: 300 };
        Change {
            key: RecordKey::Spf,
            owner: Name::parse("example.com").unwrap(),
            action: Action::Merge,
            reason: "because".to_string(),
            zone: Name::parse("example.com").ok(),
            before: vec![entry(text("a")), entry(text("b"))],
            after: vec![entry(text("c"))],
            requires: vec![Requirement::Exactly(RecordType::Txt, vec![text("a"), text("b"), text("hello")])],
        }
    }

    #[test]
    fn a_digest_is_of_what_is_done_and_what_was_read() {
        let first = digest(&[change()]);
        let mut same = change();
        same.before.reverse();
        same.before[0].ttl = 7;
        same.reason = "in other words".to_string();
        assert_eq!(digest(&[same]), first);
        let mut others = vec![change(), change(), change(), change(), change()];
        others[0].after.pop();
        others[1].requires.pop();
        others[2].owner = Name::parse("www.example.com").unwrap();
        others[3].action = Action::Blocked;
        others[4].zone = None;
        for other in others {
            assert_ne!(digest(std::slice::from_ref(&other)), first, "{other:?}");
        }
    }
}
