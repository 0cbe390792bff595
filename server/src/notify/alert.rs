//! What the owner of a domain is told when its verification is in danger, lost
//! or back, and when its compliance status changes: what is wrong, what to do,
//! and by when.

use crate::store::{About, Message, Notice};
use askama::Template;
use signet_core::{
    email::EmailAddress,
    lifecycle::ComplianceStatus,
    names::{DomainName, Name},
};

#[derive(Template)]
#[template(path = "alert.txt")]
struct Text<'a> {
    headline: &'a str,
    explanation: &'a str,
    wrong: &'a [crate::store::WrongRecord],
    service: &'a str,
}

#[derive(Template)]
#[template(path = "alert.html")]
struct Html<'a> {
    headline: &'a str,
    explanation: &'a str,
    wrong: &'a [crate::store::WrongRecord],
    service: &'a str,
}

/// The message. `service` is where the recipient can see who we are.
#[must_use]
pub fn compose(notice: &Notice, to: &EmailAddress, message_id: String, service: &str) -> Message {
    let domain = Name::parse(&notice.domain)
        .map_or_else(|_| notice.domain.clone(), |name| DomainName::trusted(name).to_unicode());
    let (headline, explanation) = match &notice.about {
        About::AtRisk { deadline, .. }
        | About::DeadlineMoved { deadline, .. }
        | About::Reminder { deadline, .. } => {
            let deadline = deadline.strftime("%Y-%m-%d %H:%M UTC");
            (
                format!("{domain}: DNS records are wrong; sending stops on {deadline}"),
                format!(
                    "More than one look has found it, so it is not a passing trouble. Mail goes on until {deadline}; if \
                     the records are right again by then, nothing happens."
                ),
            )
        }
        About::Lost { .. } => (
            format!("{domain} is no longer verified"),
            "Mail from this domain is not sent until its records are right again. We keep looking, and it goes on by \
             itself as soon as they are."
                .to_string(),
        ),
        About::Mended | About::Recovered => (
            format!("{domain}: the DNS records are right again"),
            "Everything is as it should be, and nothing is left to be done.".to_string(),
        ),
        About::Compliance { reason } => {
            let status = notice.compliance.as_ref().and_then(|change| ComplianceStatus::parse(&change.to));
            let meaning = status.map_or("", ComplianceStatus::meaning);
            (format!("{domain}: {}", status.map_or("changed", ComplianceStatus::as_str)), format!("{meaning} {reason}"))
        }
    };
    let wrong = match &notice.about {
        About::AtRisk { wrong, .. }
        | About::DeadlineMoved { wrong, .. }
        | About::Reminder { wrong, .. }
        | About::Lost { wrong } => &wrong[..],
        About::Mended | About::Recovered | About::Compliance { .. } => &[],
    };
    let (headline, explanation) = (headline.as_str(), explanation.as_str());
    Message {
        to: to.to_string(),
        subject: headline.to_string(),
        text: super::rendered(&Text { headline, explanation, wrong, service }),
        html: super::rendered(&Html { headline, explanation, wrong, service }),
        attachments: Vec::new(),
        message_id,
    }
}
