//! Who may issue certificates for the tracking host (RFC 8659).

use super::{
    Code, Finding, Subject,
    finding::{Told, told},
};
use crate::{
    names::Name,
    observe::{Data, Need, RecordType, Seen, printable},
};
use alloc::{format, string::String, vec::Vec};

/// Properties that every authority understands (RFC 8659 §4, RFC 8657, RFC
/// 9495, and the CA/Browser Forum's contacts).
const KNOWN: [&str; 6] = ["issue", "issuewild", "iodef", "issuemail", "contactemail", "contactphone"];
/// Authorities named.
const NAMED: usize = 6;

/// Who may issue for `host`, as a clause, or what keeps everybody from it.
///
/// The set that counts is the first one found on the way up (§3). Above the
/// name that somebody registered there is none.
pub(super) fn judge(host: &Name, seen: &Seen) -> Result<Result<String, Finding>, Need> {
    let top = host.organizational();
    let mut at = Some(host.clone());
    while let Some(name) = at {
        let look = seen.at(&name, RecordType::Caa)?;
        match told(Subject::Track, host.as_str(), look, &name, RecordType::Caa) {
            Told::Answer(server, answer) => {
                let set: Vec<(bool, &str, &str)> = answer
                    .records
                    .iter()
                    .filter_map(|record| match &record.data {
                        Data::Caa { critical, tag, value } => Some((*critical, tag.as_str(), value.as_str())),
                        _ => None,
                    })
                    .collect();
                if !set.is_empty() {
                    return Ok(
                        allowed(&name, &set).map_err(|reason| forbidden(host, reason).by(server, answer))
                    );
                }
            }
            Told::Nowhere => break,
            Told::Nothing(finding) => return Ok(Err(finding)),
        }
        at = if top.as_ref() == Some(&name) { None } else { name.parent() };
    }
    Ok(Ok("any authority may issue its certificate (no CAA)".into()))
}

/// `Err` with why nobody may.
fn allowed(name: &Name, set: &[(bool, &str, &str)]) -> Result<String, String> {
    if let Some((_, tag, _)) = set.iter().find(|(critical, tag, _)| *critical && !KNOWN.contains(tag)) {
        let tag = printable(tag.as_bytes());
        return Err(format!(
            "the CAA record at {name} demands something called {tag}, which authorities do not know and so must refuse"
        ));
    }
    let issuers: Vec<&str> =
        set.iter().filter(|(_, tag, _)| *tag == "issue").map(|(_, _, value)| *value).collect();
    if issuers.is_empty() {
        return Ok("any authority may issue its certificate".into());
    }
    // What stands before the first semicolon is the authority; nothing is nobody (§4.2).
    let named: Vec<String> = issuers
        .iter()
        .filter_map(|value| value.split(';').next())
        .map(|issuer| printable(issuer.trim().as_bytes()))
        .filter(|issuer| !issuer.is_empty())
        .take(NAMED)
        .collect();
    if named.is_empty() {
        return Err(format!("the CAA record at {name} lets no authority issue"));
    }
    Ok(format!("its certificate may come from {}", named.join(", ")))
}

fn forbidden(host: &Name, why: String) -> Finding {
    let reason = format!(
        "No certificate can be had for {host}: {why}. Links through it, and through the hosts that customers point at it, \
         cannot be https."
    );
    Finding::new(Subject::Track, host, Code::CaaForbids, reason)
        .fix("Name the authority that you get certificates from; for Let's Encrypt:")
        .paste(Vec::from([format!("{host}. CAA 0 issue \"letsencrypt.org\"")]))
}
