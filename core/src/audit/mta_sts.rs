//! MTA-STS: the record that says there is a policy (RFC 8461). The policy
//! itself is behind HTTPS and not fetched.

use super::{
    Finding, Subject,
    txt::{Optional, tags},
};
use crate::{
    names::Name,
    observe::{Need, RecordType, Seen},
    verify::{
        Code, Status, Verdict,
        cname::chain::{self, End},
    },
};
use alloc::{format, string::String};

const VERSION: &str = "v=STSv1";

/// Judges the record and the host of the policy.
pub(super) fn judge(domain: &Name, seen: &Seen) -> Result<Finding, Need> {
    let (Some(owner), Some(host)) = (domain.prepend("_mta-sts"), domain.prepend("mta-sts")) else {
        let reason = format!("{domain} is too long to have an MTA-STS record.");
        return Ok(Verdict::about(Subject::MtaSts, Status::Unchecked, Code::Unchecked, reason));
    };
    let record = Optional {
        key: Subject::MtaSts,
        owner,
        what: "MTA-STS",
        example: format!("{VERSION}; id=1"),
        code: Code::MtaStsSyntax,
        without: "Optional: it has senders insist on encryption.",
    };
    let mut finding = record.judge(seen, VERSION, check)?;
    if finding.status != Status::Pass {
        return Ok(finding);
    }
    if has_address(&host, seen)? == Some(false) {
        finding.status = Status::Softfail;
        finding.code = Code::MtaStsHost;
        finding.reason = format!(
            "There is an MTA-STS record, but {host}, from which senders fetch the policy, has no address."
        );
        finding.fix = format!("Give {host} the address of the web server that has the policy.");
        return Ok(finding);
    }
    finding.remarks.push(format!("The policy at https://{host}/.well-known/mta-sts.txt was not fetched."));
    Ok(finding)
}

/// RFC 8461 §3.1
fn check(text: &str) -> Result<String, String> {
    let tags = tags(text, VERSION).ok_or("it has a part that is no name=value")?;
    let id = tags.iter().find(|(name, _)| *name == "id").map(|(_, value)| *value);
    let id = id.ok_or("it has no id=")?;
    if !(1..=32).contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err("id= takes 1 to 32 letters and digits".into());
    }
    Ok(format!("Senders are told to fetch an MTA-STS policy, version {id}."))
}

/// `None` where it is not known.
fn has_address(host: &Name, seen: &Seen) -> Result<Option<bool>, Need> {
    seen.have_all(&[(host, RecordType::A), (host, RecordType::Aaaa)])?;
    let mut known = true;
    for rtype in [RecordType::A, RecordType::Aaaa] {
        match chain::follow(seen, host, rtype, None)?.end {
            End::Answer { answer, .. } if !answer.is_negative() => return Ok(Some(true)),
            End::Unanswered(_) => known = false,
            _ => {}
        }
    }
    Ok(known.then_some(false))
}
