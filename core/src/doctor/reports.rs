//! Where customers' DMARC reports go, as the record that we ask for says.

use super::{
    Code, Finding, Request, Subject,
    finding::{Round, Told, told},
    hosts::takes_mail,
};
use crate::{
    names::Name,
    observe::{Need, RecordType, Seen},
};
use alloc::{format, vec::Vec};

/// A domain as customers have them, two labels below its top level.
const CUSTOMER: &str = "mail.example.com";

/// The consent of the host that reports go to, at any depth below it (RFC 9990,
/// "Verifying External Destinations"), and that it takes mail.
pub(super) fn judge(request: &Request<'_>, seen: &Seen) -> Result<Vec<Finding>, Need> {
    let Some((_, host)) = request.provider.dmarc_rua.as_deref().and_then(|rua| rua.rsplit_once('@')) else {
        return Ok(Vec::new());
    };
    let Ok(host) = Name::parse(host) else { return Ok(Vec::new()) };
    let mut round = Round::default();
    let mut findings = Vec::new();
    findings.extend(round.take(mailbox(&host, seen)).flatten());
    findings.extend(round.take(consent(request, &host, seen)).flatten());
    round.end()?;
    if findings.is_empty() {
        let reason = format!("{host} consents to receiving customers' DMARC reports, and takes mail.");
        findings.push(Finding::new(Subject::Reports, &host, Code::Ok, reason));
    }
    Ok(findings)
}

/// Mail goes to the exchangers or, where there are none, to the host itself
/// (RFC 5321 §5.1).
fn mailbox(host: &Name, seen: &Seen) -> Result<Option<Finding>, Need> {
    seen.have_all(&[(host, RecordType::Mx), (host, RecordType::A), (host, RecordType::Aaaa)])?;
    let Some(finding) = takes_mail(Subject::Reports, host, seen)? else { return Ok(None) };
    if finding.code != Code::NoMailExchanger {
        return Ok(Some(finding));
    }
    let has_mx = seen.at(host, RecordType::Mx)?.answers().any(|(_, answer)| !answer.is_negative());
    if !has_mx && super::hosts::addresses(Subject::Reports, host, seen)?.is_ok() {
        return Ok(None);
    }
    let reason = format!("SIGNET_DMARC_RUA sends customers' DMARC reports to {host}, which takes no mail.");
    Ok(Some(Finding { code: Code::ReportsLost, reason, ..finding }))
}

fn consent(request: &Request<'_>, host: &Name, seen: &Seen) -> Result<Option<Finding>, Need> {
    let Some(base) = host.prepend("_report._dmarc") else { return Ok(None) };
    // A name that no wildcard or list can have been made for by chance.
    let Some(place) = base.prepend(&format!("{}.{CUSTOMER}", request.probe)) else { return Ok(None) };
    let look = seen.at(&place, RecordType::Txt)?;
    let finding = |reason| {
        Finding::new(Subject::Reports, host, Code::ConsentMissing, reason)
            .fix("Publish, at every name below, that reports are wanted. In a zone file a wildcard does it:")
            .paste(Vec::from([format!("*.{base}. TXT \"v=DMARC1\"")]))
    };
    let consequence = "Receivers do not send reports about customers' domains without it.";
    Ok(match told(Subject::Reports, host.as_str(), look, &place, RecordType::Txt) {
        Told::Answer(server, answer) => {
            let agrees =
                answer.records.iter().filter_map(|record| record.data.txt()).any(|text| is_consent(&text));
            let reason = || {
                format!(
                    "{host} does not consent to receiving DMARC reports for others: {place} has no such TXT record. {consequence}"
                )
            };
            (!agrees).then(|| finding(reason()).by(server, answer))
        }
        Told::Nowhere => Some(finding(format!("{host} is nobody's name. {consequence}"))),
        Told::Nothing(finding) => Some(finding),
    })
}

/// "v=DMARC1" is all it takes; other tags may follow.
fn is_consent(text: &[u8]) -> bool {
    let version = text.split(|&b| b == b';').next().unwrap_or_default();
    let plain: Vec<u8> = version.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    plain == b"v=DMARC1"
}
