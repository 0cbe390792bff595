//! DMARC: the policy that applies to the domain, its own or inherited.

use super::{Finding, Request, Subject};
use crate::{
    observe::{Need, RecordType, Seen},
    plan::{PlannedRecord, RecordKey},
    verify::{
        Code, Status, Verdict,
        dmarc::{
            Party, judge_for,
            policy::{Policy, Record},
        },
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// What anybody should have at least.
const LEAST: &str = "v=DMARC1; p=none";

/// Judges the policy.
pub(super) fn judge(request: &Request<'_>, seen: &Seen) -> Result<Finding, Need> {
    let Some(owner) = request.domain.prepend("_dmarc") else {
        let reason = format!("{} is too long to have a DMARC record.", request.domain);
        return Ok(Verdict::about(Subject::Dmarc, Status::Unchecked, Code::Unchecked, reason));
    };
    let record = PlannedRecord {
        key: RecordKey::Dmarc,
        owner,
        rtype: RecordType::Txt,
        value: LEAST.to_string(),
        gates: false,
    };
    let party = Party { domain: request.domain, probe: request.probe, provider: None, thorough: true };
    let (verdict, present) = judge_for(&party, &record, seen)?;
    let mut finding = verdict.keyed(Subject::Dmarc);
    if let Some((text, policy)) = present.and_then(|text| Record::parse(text.as_bytes()).map(|r| (text, r))) {
        finding.remarks.extend(effects(&policy));
        finding.expected = text;
    }
    Ok(finding)
}

/// What a valid record of the domain's own asks for besides.
fn effects(record: &Record) -> Vec<String> {
    let mut effects = Vec::new();
    if record.own_policy() == Policy::None {
        effects.push(
            "p=none asks receivers to do nothing about mail that fails; it only gathers reports.".to_string(),
        );
    }
    if record.rua.is_empty() {
        effects.push("Without rua= nobody gets reports.".to_string());
    }
    let (below, nonexistent) = (record.subdomain_policy(), record.nonexistent_policy());
    if below != record.own_policy() || nonexistent != below {
        effects.push(format!("Names below it: {below}; those that do not exist: {nonexistent}."));
    }
    effects
}
