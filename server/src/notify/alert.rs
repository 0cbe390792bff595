//! What the owner of a domain is told when its verification is in danger, lost
//! or back: what is wrong, what to do, and by when.

use crate::store::{Alert, Message};
use askama::Template;
use signet_core::{email::EmailAddress, lifecycle::Change};

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

/// The message; `None` for a change that is nobody's alarm. `service` is where
/// the recipient can see who we are.
#[must_use]
pub fn compose(alert: &Alert, to: &EmailAddress, message_id: String, service: &str) -> Option<Message> {
    let domain = alert.domain.to_unicode();
    let (headline, explanation) = match alert.change {
        Change::AtRisk { deadline } | Change::DeadlineMoved { deadline } => {
            let deadline = deadline.strftime("%Y-%m-%d %H:%M UTC");
            (
                format!("{domain}: DNS records are wrong; sending stops on {deadline}"),
                format!(
                    "More than one look has found it, so it is not a passing trouble. Mail goes on until {deadline}; if \
                     the records are right again by then, nothing happens."
                ),
            )
        }
        Change::Lost => (
            format!("{domain} is no longer verified"),
            "Mail from this domain is not sent until its records are right again. We keep looking, and it goes on by \
             itself as soon as they are."
                .to_string(),
        ),
        Change::Mended | Change::Recovered => (
            format!("{domain}: the DNS records are right again"),
            "Everything is as it should be, and nothing is left to be done.".to_string(),
        ),
        Change::Verified => return None,
    };
    let wrong = match alert.change {
        Change::Mended | Change::Recovered => &[],
        _ => &alert.wrong[..],
    };
    let (headline, explanation) = (headline.as_str(), explanation.as_str());
    Some(Message {
        to: to.to_string(),
        subject: headline.to_string(),
        text: super::rendered(&Text { headline, explanation, wrong, service }),
        html: super::rendered(&Html { headline, explanation, wrong, service }),
        attachments: Vec::new(),
        message_id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::WrongRecord;
    use signet_core::names::{DomainName, Name};

    fn message(change: Change) -> Message {
        let alert = Alert {
            change,
            domain: DomainName::trusted(Name::parse("xn--bcker-gra.test").unwrap()),
            recipient: None,
            wrong: vec![WrongRecord {
                owner: "sg-abc.xn--bcker-gra.test".to_string(),
                reason: "Nothing is published under sg-abc.xn--bcker-gra.test <script>.".to_string(),
                fix: "Publish a CNAME record named `sg-abc` with the value `bounce.signet.test`.".to_string(),
            }],
        };
        let to = EmailAddress::parse("owner@example.com").unwrap();
        compose(&alert, &to, "1@signet.test".to_string(), "https://signet.test").unwrap()
    }

    #[test]
    fn what_is_said() {
        let deadline = "2026-05-01T08:00:00Z".parse().unwrap();
        let at_risk = message(Change::AtRisk { deadline });
        assert_eq!(
            at_risk.subject,
            "bäcker.test: DNS records are wrong; sending stops on 2026-05-01 08:00 UTC"
        );
        insta::assert_snapshot!(at_risk.text);
        assert!(at_risk.html.contains("&#60;script&#62;"), "{}", at_risk.html);
        let back = message(Change::Recovered);
        assert!(!back.text.contains("sg-abc"), "nothing is wrong any more");
        assert!(message(Change::Lost).text.contains("`bounce.signet.test`"));
    }
}
