//! Through a provider's own API.
//!
//! What stood at a name is never lost: where a provider takes one record after the
//! other, a text is deleted only when the one in its place is there, and what failed
//! is put back.

use super::{Access, Broken, PATIENCE, Then, Written, providers::Sets};
use dns_update::{DnsRecord, DnsRecordType, DnsUpdater};
use signet_core::{
    names::Name,
    observe::{Data, RecordType, printable},
    publish::{Change, Entry, Requirement},
};
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};

/// Characters of what an API says that are passed on.
const SAID: usize = 300;
/// How long putting one name back may take.
const PUT_BACK: Duration = Duration::from_secs(30);

/// Lists something.
pub(super) async fn try_out(access: &Access, updater: &DnsUpdater) -> Result<(), String> {
    let host = Host { access, updater, sets: Sets::AtOnce };
    host.list(&access.zone, RecordType::Txt).await.map(drop)
}

/// One record after the other, until one fails.
pub(super) async fn write(access: &Access, updater: &DnsUpdater, sets: Sets, changes: &[&Change]) -> Written {
    let host = Host { access, updater, sets };
    let deadline = Instant::now() + PATIENCE;
    let mut written = Written::default();
    for change in changes {
        if let Err(Failed { broken: Broken { reason, then }, unsure }) =
            host.write_one(change, deadline).await
        {
            let reason = format!("{} ({}): {reason}.", change.owner, change.key);
            written.broken = Some(Broken { reason, then });
            written.unsure.extend(unsure.then_some(change.key));
            break;
        }
        written.done.push(change.key);
    }
    written
}

/// Why one record was not written.
struct Failed {
    broken: Broken,
    /// Whether it may have been all the same.
    unsure: bool,
}

impl From<Broken> for Failed {
    fn from(broken: Broken) -> Self {
        Self { broken, unsure: false }
    }
}

/// A zone at a provider.
struct Host<'a> {
    access: &'a Access,
    updater: &'a DnsUpdater,
    sets: Sets,
}

/// The records of one type at a name, before and after.
struct Set {
    rtype: RecordType,
    ttl: u32,
    before: Vec<DnsRecord>,
    after: Vec<DnsRecord>,
}

impl Set {
    /// What the name is given, one after the other. Deleting comes last: without
    /// what comes, what goes would be lost.
    fn steps(&self, sets: Sets) -> Vec<Vec<DnsRecord>> {
        let mut steps = vec![self.after.clone()];
        // Two aliases cannot be at one name, and those we replace are our own.
        if sets == Sets::OneByOne && self.rtype == RecordType::Txt {
            let comes = self.after.iter().filter(|record| !self.before.contains(record));
            let both: Vec<DnsRecord> = self.before.iter().chain(comes).cloned().collect();
            steps.insert(0, both);
        }
        steps
    }
}

impl Host<'_> {
    async fn write_one(&self, change: &Change, deadline: Instant) -> Result<(), Failed> {
        let late = || "the provider took too long".to_string();
        let sets = timeout_at(deadline, self.sets_of(change)).await;
        let sets = sets.unwrap_or_else(|_| Err(Broken::new(Then::Plan, late())))?;
        let sent = timeout_at(deadline, self.send(&change.owner, &sets)).await;
        let Err(reason) = sent.unwrap_or_else(|_| Err(late())) else { return Ok(()) };
        let back = timeout(PUT_BACK, self.put_back(&change.owner, &sets)).await;
        if back.is_ok_and(|back| back.is_ok()) {
            return Err(Broken::new(Then::Plan, format!("{reason}. What stood there is there")).into());
        }
        let texts: Vec<String> = sets
            .iter()
            .filter(|set| set.rtype == RecordType::Txt)
            .flat_map(|set| &set.before)
            .map(|record| format!("`{}`", shown(std::slice::from_ref(record))))
            .collect();
        let broken = if texts.is_empty() {
            Broken::new(Then::Plan, format!("{reason}. It may or may not have been written"))
        } else {
            let advice = format!(
                "{reason}. The provider did not let it be put back as it was. Before you plan again, see with your \
                 DNS host that these TXT records are at {}: {}",
                change.owner,
                texts.join(", ")
            );
            Broken::new(Then::Mend, advice)
        };
        Err(Failed { broken, unsure: true })
    }

    /// What changes, if the provider has what the name servers said.
    async fn sets_of(&self, change: &Change) -> Result<Vec<Set>, Broken> {
        // An alias that comes needs the texts gone, and the other way round.
        let cname_comes = change.after.iter().any(|entry| entry.rtype() == RecordType::Cname);
        let order = if cname_comes {
            [RecordType::Txt, RecordType::Cname]
        } else {
            [RecordType::Cname, RecordType::Txt]
        };
        let failed = |reason| Broken::new(Then::Plan, reason);
        let mut sets = Vec::new();
        for rtype in order {
            let before = self.list(&change.owner, rtype).await.map_err(failed)?;
            as_read(rtype, &before, &change.requires)?;
            let goes = of(&change.before, rtype).map_err(failed)?;
            let comes = of(&change.after, rtype).map_err(failed)?;
            if goes.is_empty() && comes.is_empty() {
                continue;
            }
            let stays = before.iter().filter(|record| !goes.contains(record)).cloned();
            let after = stays.chain(comes).collect();
            let ttl = change.after.iter().chain(&change.before).find(|entry| entry.rtype() == rtype);
            let ttl = ttl.map_or(signet_core::publish::TTL, |entry| entry.ttl);
            sets.push(Set { rtype, ttl, before, after });
        }
        Ok(sets)
    }

    async fn send(&self, owner: &Name, sets: &[Set]) -> Result<(), String> {
        for set in sets {
            for step in set.steps(self.sets) {
                self.set(owner, set, step).await?;
            }
        }
        // What a provider makes of what it is sent is seen by asking it.
        for set in sets {
            let there = self.list(owner, set.rtype).await?;
            if sorted(&there) != sorted(&set.after) {
                return Err(format!("the provider made something else of it: {}", shown(&there)));
            }
        }
        Ok(())
    }

    /// In the other order; what was never changed is not touched.
    async fn put_back(&self, owner: &Name, sets: &[Set]) -> Result<(), String> {
        for set in sets.iter().rev() {
            let is_back = |there: Vec<DnsRecord>| sorted(&there) == sorted(&set.before);
            if is_back(self.list(owner, set.rtype).await?) {
                continue;
            }
            self.set(owner, set, set.before.clone()).await?;
            if !is_back(self.list(owner, set.rtype).await?) {
                return Err("it is not what it was".to_string());
            }
        }
        Ok(())
    }

    async fn set(&self, owner: &Name, set: &Set, records: Vec<DnsRecord>) -> Result<(), String> {
        let (rtype, zone) = (record_type(set.rtype), self.access.zone.as_str());
        let sent = self.updater.set_rrset(owner.as_str(), rtype, set.ttl, records, zone).await;
        sent.map_err(|error| self.said(&error))
    }

    async fn list(&self, owner: &Name, rtype: RecordType) -> Result<Vec<DnsRecord>, String> {
        let zone = self.access.zone.as_str();
        let listed = self.updater.list_rrset(owner.as_str(), record_type(rtype), zone).await;
        Ok(listed.map_err(|error| self.said(&error))?.iter().map(plain).collect())
    }

    /// What an API said, made safe to pass on.
    fn said(&self, error: &dns_update::Error) -> String {
        let text = match error {
            dns_update::Error::Unauthorized => "the provider does not accept the credentials".to_string(),
            dns_update::Error::NotFound => {
                "the provider knows no such zone, or these credentials do not reach it".to_string()
            }
            other => format!("the provider said: {other}"),
        };
        // Cut off only afterwards: half a secret would not be found.
        let short: String = self.access.passed_on(&text).chars().take(SAID).collect();
        printable(short.as_bytes())
    }
}

/// Whether what the provider has is what the name servers said.
fn as_read(rtype: RecordType, there: &[DnsRecord], requires: &[Requirement]) -> Result<(), Broken> {
    let expected: Vec<DnsRecord> = requires
        .iter()
        .find_map(|requirement| match requirement {
            Requirement::Exactly(of, data) if *of == rtype => Some(data.iter().map(record).collect()),
            _ => None,
        })
        .unwrap_or(Ok(Vec::new()))
        .map_err(|reason| Broken::new(Then::Plan, reason))?;
    if sorted(there) == sorted(&expected) {
        return Ok(());
    }
    let what = if there.is_empty() { "nothing".to_string() } else { shown(there) };
    Err(Broken::new(
        Then::Outdated,
        format!(
            "the provider has {what} there as {rtype}, which is not what the zone's name servers say; nothing was \
             written. Right after a change that is normal: plan again in a while"
        ),
    ))
}

fn record_type(rtype: RecordType) -> DnsRecordType {
    if rtype == RecordType::Txt { DnsRecordType::TXT } else { DnsRecordType::CNAME }
}

/// The entries of one type, as the library has them.
fn of(entries: &[Entry], rtype: RecordType) -> Result<Vec<DnsRecord>, String> {
    entries.iter().filter(|entry| entry.rtype() == rtype).map(|entry| record(&entry.data)).collect()
}

fn record(data: &Data) -> Result<DnsRecord, String> {
    match data {
        Data::Cname(target) => Ok(DnsRecord::CNAME(target.to_string())),
        Data::Txt(strings) => {
            let text = String::from_utf8(strings.concat());
            text.map(DnsRecord::TXT).map_err(|_| "a text there is not readable as text".to_string())
        }
        other => Err(format!("{other} cannot be written")),
    }
}

/// Some providers end names with a dot.
fn plain(record: &DnsRecord) -> DnsRecord {
    match record {
        DnsRecord::CNAME(target) => DnsRecord::CNAME(target.trim_end_matches('.').to_ascii_lowercase()),
        other => other.clone(),
    }
}

fn sorted(records: &[DnsRecord]) -> Vec<String> {
    let mut texts: Vec<String> = records.iter().map(|record| format!("{record:?}")).collect();
    texts.sort();
    texts
}

fn shown(records: &[DnsRecord]) -> String {
    let text = |record: &DnsRecord| match record {
        DnsRecord::CNAME(text) | DnsRecord::TXT(text) => printable(text.as_bytes()),
        other => format!("{other:?}"),
    };
    records.iter().take(4).map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
