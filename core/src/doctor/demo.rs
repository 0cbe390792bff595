//! Demo domains, all of whose records are ours to serve.

use super::{Code, Finding, Subject};
use crate::{
    names::{DomainName, Name, RecordId},
    observe::{Data, Need, Question, RecordType, Seen},
    plan::{self, PlannedRecord, Present, Provider},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// A demo domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DemoDomain {
    /// Its name.
    pub name: DomainName,
    /// Its record id.
    pub id: RecordId,
}

/// What is wrong with the records that the plan has for these domains.
///
/// # Errors
/// [`Need`] with every question that is still missing.
pub(super) fn judge(provider: &Provider, domains: &[DemoDomain], seen: &Seen) -> Result<Vec<Finding>, Need> {
    let planned: Vec<PlannedRecord> = domains
        .iter()
        .flat_map(|DemoDomain { name: domain, id }| {
            plan::plan(
                provider,
                &plan::Subject { domain, id, demo: true, dkim: Default::default() },
                &Present::default(),
            )
        })
        .collect();
    seen.have(planned.iter().map(|record| Question::new(&record.owner, record.rtype)).collect())?;
    let mut findings = Vec::new();
    for record in &planned {
        if let Some(finding) = different(record, seen)? {
            findings.push(finding);
        }
    }
    Ok(findings)
}

/// Judged server by server, as keys are.
fn different(record: &PlannedRecord, seen: &Seen) -> Result<Option<Finding>, Need> {
    let look = seen.at(&record.owner, record.rtype)?;
    let target = Name::parse(&record.value).ok();
    let is_it = |data: &Data| match record.rtype {
        RecordType::Cname => matches!(data, Data::Cname(found) if Some(found) == target.as_ref()),
        _ => data.txt().is_some_and(|text| text == record.value.as_bytes()),
    };
    let bad = look.answers().find(|(_, answer)| !answer.records.iter().any(|found| is_it(&found.data)));
    let owner = &record.owner;
    if let Some((server, answer)) = bad {
        let found: Vec<String> =
            answer.records.iter().take(2).map(|record| record.data.to_string()).collect();
        let found = if found.is_empty() { "nothing".into() } else { found.join(", ") };
        let reason =
            format!("The name server {server} has {found} at {owner}, which belongs to a demo domain.");
        let value = if record.rtype == RecordType::Txt {
            format!("\"{}\"", record.value)
        } else {
            format!("{}.", record.value)
        };
        let finding = Finding::new(Subject::Demo, owner, Code::DemoDiffers, reason)
            .fix("Bring it up to date; where the zone is loaded from a file, export it anew (`signet zone export`). Planned is:")
            .paste(Vec::from([format!("{owner}. {} {value}", record.rtype)]));
        return Ok(Some(finding.by(server, answer)));
    }
    if look.answers().next().is_none() {
        let reason =
            format!("Could not tell: nobody answered about {owner}, which belongs to a demo domain.");
        let observed =
            look.failures().map(|(server, failure)| format!("{server} {failure}")).collect::<Vec<String>>();
        let finding = Finding::new(Subject::Demo, owner, Code::Unanswered, reason);
        return Ok(Some(finding.fix("Run this again later.".to_string()).observed(observed)));
    }
    Ok(None)
}
