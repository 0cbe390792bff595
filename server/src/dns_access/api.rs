//! Through a provider's own API.

use super::Written;
use dns_update::{DnsRecord, DnsRecordType, DnsUpdater};
use signet_core::{
    names::Name,
    observe::{Data, RecordType, printable},
    publish::{Change, Entry, Requirement},
};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Characters of what an API says that are passed on.
const SAID: usize = 300;

/// Lists something.
pub(super) async fn try_out(updater: &DnsUpdater, zone: &Name) -> Result<(), String> {
    list(updater, zone, zone, RecordType::Txt).await.map(drop)
}

/// One record after the other, until one fails.
pub(super) async fn write(
    updater: &DnsUpdater,
    zone: &Name,
    changes: &[&Change],
    patience: Duration,
) -> Written {
    let deadline = Instant::now() + patience;
    let mut written = Written::default();
    for change in changes {
        let late = "the provider took too long; it may or may not have been written".to_string();
        let outcome = timeout_at(deadline, write_one(updater, zone, change)).await.unwrap_or(Err(late));
        match outcome {
            Ok(()) => written.done.push(change.key),
            Err(reason) => {
                written.broken = Some(format!("{} ({}): {reason}.", change.owner, change.key));
                break;
            }
        }
    }
    written
}

async fn write_one(updater: &DnsUpdater, zone: &Name, change: &Change) -> Result<(), String> {
    let owner = &change.owner;
    // An alias that comes needs the texts gone, and the other way round.
    let cname_comes = change.after.iter().any(|entry| entry.rtype() == RecordType::Cname);
    let order =
        if cname_comes { [RecordType::Txt, RecordType::Cname] } else { [RecordType::Cname, RecordType::Txt] };
    let mut wanted = Vec::new();
    for rtype in order {
        let there = list(updater, zone, owner, rtype).await?;
        as_read(rtype, &there, &change.requires)?;
        let (goes, comes) = (of(&change.before, rtype)?, of(&change.after, rtype)?);
        if goes.is_empty() && comes.is_empty() {
            continue;
        }
        let mut all: Vec<DnsRecord> =
            there.into_iter().filter(|record| !goes.contains(&plain(record))).collect();
        all.extend(comes);
        wanted.push((rtype, all));
    }
    for (rtype, all) in &wanted {
        let ttl = change.after.iter().chain(&change.before).find(|entry| entry.rtype() == *rtype);
        let ttl = ttl.map_or(signet_core::publish::TTL, |entry| entry.ttl);
        let set = updater.set_rrset(owner.as_str(), record_type(*rtype), ttl, all.clone(), zone.as_str());
        set.await.map_err(|error| said(&error))?;
    }
    // What a provider makes of what it is sent is seen by asking it.
    for (rtype, all) in &wanted {
        let there = list(updater, zone, owner, *rtype).await?;
        if sorted(&there) != sorted(all) {
            return Err(format!(
                "it was written, but the provider now has something else: {}",
                shown(&there)
            ));
        }
    }
    Ok(())
}

/// Whether what the provider has is what the name servers said.
fn as_read(rtype: RecordType, there: &[DnsRecord], requires: &[Requirement]) -> Result<(), String> {
    let expected: Vec<DnsRecord> = requires
        .iter()
        .find_map(|requirement| match requirement {
            Requirement::Exactly(of, data) if *of == rtype => Some(data.iter().map(record).collect()),
            _ => None,
        })
        .unwrap_or(Ok(Vec::new()))?;
    if sorted(there) == sorted(&expected) {
        return Ok(());
    }
    let what = if there.is_empty() { "nothing".to_string() } else { shown(there) };
    Err(format!(
        "the provider has {what} there as {rtype}, which is not what the zone's name servers say; nothing was written. \
         Right after a change that is normal: plan again in a while"
    ))
}

async fn list(
    updater: &DnsUpdater,
    zone: &Name,
    owner: &Name,
    rtype: RecordType,
) -> Result<Vec<DnsRecord>, String> {
    let listed = updater.list_rrset(owner.as_str(), record_type(rtype), zone.as_str()).await;
    Ok(listed.map_err(|error| said(&error))?.iter().map(plain).collect())
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

/// What an API said, made safe to pass on.
fn said(error: &dns_update::Error) -> String {
    let text = match error {
        dns_update::Error::Unauthorized => "the provider does not accept the credentials".to_string(),
        dns_update::Error::NotFound => {
            "the provider knows no such zone, or these credentials do not reach it".to_string()
        }
        other => format!("the provider said: {other}"),
    };
    let short: String = text.chars().take(SAID).collect();
    printable(short.as_bytes())
}
