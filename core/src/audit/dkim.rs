//! DKIM keys: under the selectors given, and under those that are common.
//!
//! Selectors cannot be listed, only tried; that none is found says nothing.

use super::{Finding, Request, Selector, Subject};
use crate::{
    names::Name,
    observe::{Answer, Data, Look, Need, Rcode, RecordType, Seen},
    verify::{
        Code, Status, Verdict,
        cname::chain::{self, Chain, End},
        dkim::{self, Lint},
        evidence::{agreed, unanswered_about, with_evidence},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Selectors that mail services and their manuals use.
pub const COMMON: &[&str] = &[
    // Names people choose.
    "default",
    "dkim",
    "dkim1",
    "dkim2",
    "mail",
    "email",
    "smtp",
    "key1",
    "key2",
    "k1",
    "k2",
    "k3",
    "s1",
    "s2",
    "selector",
    "x",
    "mx",
    // Google Workspace, Gmail.
    "google",
    "20230601",
    // Microsoft 365.
    "selector1",
    "selector2",
    // Mailchimp, Mandrill.
    "mandrill",
    "mte1",
    "mte2",
    // Zoho, MXroute.
    "zoho",
    "zmail",
    "mxvault",
    // Fastmail.
    "fm1",
    "fm2",
    "fm3",
    "mesmtp",
    // Proton.
    "protonmail",
    "protonmail2",
    "protonmail3",
    // iCloud.
    "sig1",
    // Amazon SES, where named.
    "ses",
    "amazonses",
    // Mailjet, Mailgun, Mailtrap.
    "mailjet",
    "mailgun",
    "mg",
    "pic",
    "krs",
    "rwmt1",
    "rwmt2",
    // SendGrid, Postmark.
    "smtpapi",
    "sg1",
    "sg2",
    "pm",
    // Klaviyo, Everlytic, Campaign Monitor, turboSMTP, Brevo, HubSpot.
    "dk",
    "everlytickey1",
    "everlytickey2",
    "cm",
    "turbo-smtp",
    "litesrv",
    "sib",
    "hs1",
    "hs2",
];

/// One selector that was looked at.
struct Tried<'a> {
    selector: Selector,
    chain: Chain<'a>,
}

/// Judges the keys: one finding for each selector given or found, or one that
/// says that none was.
pub(super) fn judge(request: &Request<'_>, seen: &Seen) -> Result<Vec<Finding>, Need> {
    let Some(below) = request.domain.prepend("_domainkey") else {
        let reason = format!("{} is too long to have DKIM keys.", request.domain);
        return Ok(Vec::from([none(Status::Unchecked, Code::Unchecked, reason)]));
    };
    let probe = below.prepend(request.probe);
    let given: Vec<Selector> =
        request.selectors.iter().map(|label| Selector { label: label.clone(), given: true }).collect();
    let owner = |selector: &Selector| below.prepend(&selector.label);
    let owners: Vec<Name> = given.iter().filter_map(owner).collect();
    let first = owners.iter().chain(&probe).chain([&below]).map(|name| (name, RecordType::Txt));
    seen.have_all(&first.collect::<Vec<_>>())?;

    let parent = seen.at(&below, RecordType::Txt)?;
    let wildcard = match &probe {
        Some(probe) => agreed(seen.at(probe, RecordType::Txt)?).map(|(_, answer)| answer),
        None => None,
    };
    let mut tried = follow_all(seen, given, owner)?;
    // RFC 8020: below a name that does not exist nothing does. Some servers
    // say so of one that does; a key that was found proves them wrong.
    let empty = agreed(parent).is_some_and(|(_, answer)| answer.rcode == Rcode::NxDomain);
    let disproved = tried.iter().any(|tried| key_texts(&tried.chain).is_some());
    if !empty || disproved {
        let common = COMMON.iter().filter(|label| !request.selectors.iter().any(|given| given == *label));
        let common = common.map(|label| Selector { label: (*label).to_string(), given: false }).collect();
        tried.append(&mut follow_all(seen, common, owner)?);
    }

    let mut keys: Vec<(Finding, Option<Lint>)> = Vec::new();
    for each in tried {
        keys.extend(finding(request, each, wildcard));
    }
    together(&mut keys);
    let mut findings: Vec<Finding> = keys.into_iter().map(|(finding, _)| finding).collect();
    if findings.is_empty() {
        findings.push(nothing_found(parent, &below));
    }
    if let Some(first) = findings.first_mut() {
        first.remarks.extend(around(&below, empty && disproved, wildcard));
    }
    Ok(findings)
}

fn follow_all<'a>(
    seen: &'a Seen,
    selectors: Vec<Selector>,
    owner: impl Fn(&Selector) -> Option<Name>,
) -> Result<Vec<Tried<'a>>, Need> {
    let (mut tried, mut needed) = (Vec::new(), Vec::new());
    for selector in selectors {
        let Some(name) = owner(&selector) else { continue };
        match chain::follow(seen, &name, RecordType::Txt, None) {
            Ok(chain) => tried.push(Tried { selector, chain }),
            Err(Need(mut questions)) => needed.append(&mut questions),
        }
    }
    Need::of_all(needed)?;
    Ok(tried)
}

/// The texts at the end of the CNAMEs, where there are any.
fn key_texts(chain: &Chain<'_>) -> Option<Vec<Vec<u8>>> {
    let End::Answer { answer, .. } = chain.end else { return None };
    let texts: Vec<Vec<u8>> = answer.records.iter().filter_map(|record| record.data.txt()).collect();
    (!texts.is_empty()).then_some(texts)
}

/// What is said about one selector; nothing about one that was only tried and
/// has nothing.
fn finding(
    request: &Request<'_>,
    tried: Tried<'_>,
    wildcard: Option<&Answer>,
) -> Option<(Finding, Option<Lint>)> {
    let Tried { selector, chain } = tried;
    let given = selector.given;
    let subject = Subject::Dkim(Some(selector));
    let owner = chain.names.first()?.clone();
    let about = |status, code, reason: String| Verdict::about(subject.clone(), status, code, reason);
    let (look, answer) = match chain.end {
        End::Answer { look, answer } => (look, answer),
        End::Unanswered(look) => {
            let last = chain.last()?;
            return given
                .then(|| unanswered_about(subject.clone(), look, last, RecordType::Txt))?
                .map(|finding| (finding, None));
        }
        End::NotDelegated | End::Loop => {
            let reason = format!("{owner} is a CNAME that leads nowhere.");
            let fix = format!("Correct the CNAME at {owner}, as your mail service gives it.");
            return given.then(|| (about(Status::Missing, Code::NoRecord, reason).fix(fix), None));
        }
    };
    let wild = |wildcard: &Answer| !wildcard.is_negative() && wildcard.rrset() == answer.rrset();
    let texts: Vec<Vec<u8>> = answer.records.iter().filter_map(|record| Data::txt(&record.data)).collect();
    let lint = match wildcard {
        Some(wildcard) if wild(wildcard) => {
            let reason = format!("At {owner} only a wildcard answers, as it would at any selector.");
            let fix = format!("Publish the key that your mail service gives you at {owner}.");
            let finding = about(Status::Missing, Code::Wildcard, reason).fix(fix);
            return given.then(|| (with_evidence(finding, look), None));
        }
        _ => dkim::lint(&texts),
    };
    if !given && lint.status == Status::Missing {
        return None;
    }
    let mut finding = about(lint.status, lint.code, lint.reason.clone()).fix(lint.fix.clone());
    if lint.status == Status::Missing {
        finding.reason = format!("There is no DKIM key at {owner}.");
        finding.fix = format!(
            "Publish the key that your mail service gives you at {owner}, or sign with another selector."
        );
    }
    finding.expected = lint.replacement.clone().unwrap_or_default();
    finding.remarks.clone_from(&lint.remarks);
    if chain.is_alias() {
        let path: Vec<String> = chain.names.iter().map(ToString::to_string).collect();
        finding.remarks.push(format!("Read through a CNAME: {}.", path.join(" → ")));
    }
    if !given && lint.status == Status::Fail {
        finding.remarks.push(format!(
            "Nobody knows from outside whether {} still signs with it: it may be a leftover.",
            request.domain
        ));
    }
    Some((with_evidence(finding, look), Some(lint)))
}

/// What only shows when all keys are looked at together.
fn together(keys: &mut [(Finding, Option<Lint>)]) {
    let mut lints: Vec<Lint> = keys.iter().filter_map(|(_, lint)| lint.clone()).collect();
    dkim::never_alone(&mut lints);
    let judged = keys.iter_mut().filter(|(_, lint)| lint.is_some());
    for ((finding, _), lint) in judged.zip(lints).filter(|((finding, _), lint)| finding.code != lint.code) {
        if finding.status == Status::Pass {
            (finding.status, finding.code) = (lint.status, lint.code);
            (finding.reason, finding.fix) = (lint.reason, lint.fix);
        }
    }
}

/// None of the common selectors has a key, and none was given.
fn nothing_found(parent: &Look, below: &Name) -> Finding {
    if let Some(finding) = unanswered_about(Subject::Dkim(None), parent, below, RecordType::Txt) {
        return finding;
    }
    let reason = format!(
        "No key under any of {} common selectors. That says nothing yet: selectors cannot be listed.",
        COMMON.len()
    );
    let finding = none(Status::Unchecked, Code::NoCommonSelector, reason);
    with_evidence(
        finding.fix("Give yours with --selector; it stands as s= in the DKIM-Signature of your mail."),
        parent,
    )
}

fn none(status: Status, code: Code, reason: String) -> Finding {
    Verdict::about(Subject::Dkim(None), status, code, reason)
}

/// What is odd about the names between the domain and its selectors.
fn around(below: &Name, denied: bool, wildcard: Option<&Answer>) -> Vec<String> {
    let mut odd = Vec::new();
    if denied {
        odd.push(format!(
            "The name servers say that {below} does not exist although there is a key below it; resolvers may believe \
             them (RFC 8020)."
        ));
    }
    if let Some(record) = wildcard.and_then(|answer| answer.records.first()) {
        odd.push(format!("A wildcard answers at any name below {below}: {}", record.data));
    }
    odd
}
