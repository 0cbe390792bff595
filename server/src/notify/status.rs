//! What is told when a domain's compliance status changes, or a review asks for
//! something: what it means, and what to do next.

use super::{
    letter::{Block, Letter, Tone},
    notices::{Envelope, Item, LISTED, and_more, sender},
    shown,
};
use crate::store::{About, Request};
use signet_core::{email::EmailAddress, lifecycle::ComplianceStatus};

/// A status in words.
struct Words {
    tone: Tone,
    /// Behind the domain's name.
    title: &'static str,
    means: &'static str,
    next: String,
}

/// The message about status changes. All of `items` changed to the same.
pub(super) fn changed(first: &Item<'_>, items: &[Item<'_>], envelope: &Envelope<'_>) -> Letter {
    let change = first.notice.compliance.as_ref();
    let to = change.and_then(|change| ComplianceStatus::parse(&change.to));
    let from = change.and_then(|change| ComplianceStatus::parse(&change.from));
    let words = words(to.unwrap_or(ComplianceStatus::UnderReview), from, first, envelope.operator);
    let whose = match items {
        [item] => name(item),
        many => format!("{} domains", many.len()),
    };
    let mut body = vec![Block::text(words.means)];
    let alike = items.iter().all(|item| reason(item) == reason(first));
    if alike && !reason(first).is_empty() {
        body.push(Block::text(format!("The reason given: {}", reason(first))));
    }
    body.push(Block::heading("What to do next"));
    body.push(Block::text(words.next));
    let alone = items.len() == 1;
    match to {
        Some(ComplianceStatus::AwaitingQuestionnaire) => {
            body.extend(items.iter().take(LISTED).filter_map(|item| questionnaire(item, alone)));
        }
        Some(ComplianceStatus::AwaitingCardVerification) => {
            body.extend(items.iter().take(LISTED).filter_map(|item| card_check(item, alone)));
        }
        _ => {}
    }
    if items.len() > 1 {
        body.push(Block::heading("The domains"));
        let line = |item| match reason(item) {
            reason if alike || reason.is_empty() => name(item),
            reason => format!("{}: {reason}", name(item)),
        };
        body.push(Block::Items(items.iter().take(LISTED).map(line).collect()));
        body.extend(and_more(items.len()));
    }
    let headline = format!("{whose}: {}", words.title);
    Letter { headline, tone: words.tone, body, footer: footer(envelope), unsubscribe: None }
}

/// The message about something asked for while the status stays.
pub(super) fn asked(first: &Item<'_>, what: Request, reason: &str, envelope: &Envelope<'_>) -> Letter {
    let domain = name(first);
    let (headline, next) = match what {
        Request::Questionnaire => {
            (format!("{domain}: please answer a questionnaire"), QUESTIONNAIRE.to_string())
        }
        Request::CardCheck => (format!("{domain}: a card check is needed"), card(first, envelope.operator)),
    };
    let mut body = vec![Block::text(
        "The details of your company have changed, so the domain is reviewed again. You can go on sending meanwhile.",
    )];
    if !reason.is_empty() {
        body.push(Block::text(format!("The reason given: {reason}")));
    }
    body.push(Block::heading("What to do next"));
    body.push(Block::text(next));
    body.extend(match what {
        Request::Questionnaire => questionnaire(first, true),
        Request::CardCheck => card_check(first, true),
    });
    Letter { headline, tone: Tone::Warning, body, footer: footer(envelope), unsubscribe: None }
}

fn name(item: &Item<'_>) -> String {
    item.notice.domain.as_deref().map_or_else(|| "your account".to_string(), shown)
}

fn reason<'a>(item: &Item<'a>) -> &'a str {
    match &item.notice.about {
        About::Compliance { reason } => reason.trim(),
        _ => "",
    }
}

fn questionnaire(item: &Item<'_>, alone: bool) -> Option<Block> {
    deed(item, alone, "Answer the questionnaire", item.questionnaire.clone()?)
}

fn card_check(item: &Item<'_>, alone: bool) -> Option<Block> {
    deed(item, alone, "Go to the card check", item.card.clone()?)
}

/// The way to what is asked for, of one domain or of one of several.
fn deed(item: &Item<'_>, alone: bool, label: &str, url: String) -> Option<Block> {
    Some(if alone {
        Block::Button { label: label.to_string(), url }
    } else {
        Block::Link { label: format!("{label} for {}", name(item)), url }
    })
}

const QUESTIONNAIRE: &str = "Answer a few questions about what you send and to whom. It takes some minutes; the review \
    goes on by itself as soon as your answers are there.";

fn card(item: &Item<'_>, operator: &EmailAddress) -> String {
    let how = match item.card {
        Some(_) => "Have a payment card checked by the payment provider.".to_string(),
        None => format!("Write to {operator}, who tells you how to have a payment card checked."),
    };
    format!(
        "{how} Nothing is charged, and the card's data never reaches this mail service. The review goes on by itself \
         once the check is passed."
    )
}

fn words(
    to: ComplianceStatus,
    from: Option<ComplianceStatus>,
    first: &Item<'_>,
    operator: &EmailAddress,
) -> Words {
    use ComplianceStatus as S;
    let verified_just_now = from == Some(S::UnverifiedDns);
    let (tone, title, means, next) = match to {
        S::Suspended => (
            Tone::Bad,
            "sending is suspended",
            "Mail is not sent until the suspension is lifted.",
            format!("Write to {operator}: say what you have put right, or why you think this is a mistake."),
        ),
        S::DemoExhausted => (
            Tone::Warning,
            "the demo allowance is used up",
            "The demo domain has sent all the messages it may send.",
            "Register a domain of your own to go on: over the API with `POST /api/domains`.".to_string(),
        ),
        S::Demo => (
            Tone::Good,
            "the demo domain can send again",
            "It may write to the address of the account's owner, as long as its allowance lasts.",
            "Nothing. To write to anybody else, register a domain of your own.".to_string(),
        ),
        S::UnverifiedDns => (
            Tone::Warning,
            "DNS is not verified",
            "Mail is not sent until the DNS records are right.",
            "Publish the DNS records as they are shown for the domain. We keep looking, and it goes on by itself as \
             soon as they are there."
                .to_string(),
        ),
        S::MissingCompanyInfo if verified_just_now => (
            Tone::Good,
            "DNS is verified; company information is next",
            "The DNS records are right. Before you can send, we need to know who you are.",
            company(),
        ),
        S::MissingCompanyInfo => (
            Tone::Warning,
            "company information is missing",
            "Mail is not sent until we know who you are.",
            company(),
        ),
        S::NonCompliant => (
            Tone::Bad,
            "not approved for sending",
            "A review has come to the end that mail from here cannot be sent.",
            format!(
                "If you can put right what is said, or think it is a mistake, write to {operator} with what we should \
                 know. The decision can be taken back."
            ),
        ),
        S::Compliant => (
            Tone::Good,
            "approved, you can send now",
            "Everything is in place and mail is sent.",
            "Nothing. Leave the DNS records as they are; we tell you if one of them goes wrong.".to_string(),
        ),
        S::AwaitingQuestionnaire => (
            Tone::Warning,
            "please answer a questionnaire",
            "The review needs to know a little more before mail can be sent.",
            QUESTIONNAIRE.to_string(),
        ),
        S::AwaitingCardVerification => (
            Tone::Warning,
            "a card check is needed",
            "The review needs one more proof of who you are before mail can be sent.",
            card(first, operator),
        ),
        S::UnderReview => (
            Tone::Plain,
            "under review",
            "Everything we need is there, and a review decides whether mail can be sent. Most take a few minutes.",
            "Nothing. We write as soon as it is decided, or if we need something from you.".to_string(),
        ),
    };
    Words { tone, title, means, next }
}

fn company() -> String {
    "Fill in your company's name, address and website, once for all your domains: over the API with \
     `POST /api/domains/{id}/company_info`. The review then begins by itself."
        .to_string()
}

/// What keeps a domain from sending whose DNS is right again.
pub(super) fn next_in_short(to: &str) -> String {
    use ComplianceStatus as S;
    match ComplianceStatus::parse(to) {
        Some(S::MissingCompanyInfo) => {
            "Mail is not sent yet: company information is missing. Fill it in over the API with \
             `POST /api/domains/{id}/company_info`."
        }
        Some(S::NonCompliant) => "Mail is not sent: a review has rejected the domain.",
        Some(S::AwaitingQuestionnaire) => "Mail is not sent yet: the questionnaire waits for your answers.",
        Some(S::AwaitingCardVerification) => "Mail is not sent yet: the card check is still to be passed.",
        Some(S::Suspended) => "Mail is not sent: a suspension is in force.",
        Some(S::UnderReview) => {
            "Mail is not sent yet: a review is running. We write as soon as it is decided."
        }
        _ => "Mail is sent again, and nothing is left to be done.",
    }
    .to_string()
}

fn footer(envelope: &Envelope<'_>) -> Vec<Block> {
    let why = if envelope.to == envelope.owner {
        "You get this as the owner of the account. Changes of who may send are always told."
    } else {
        "You get this because alerts about this domain go to this address."
    };
    vec![Block::text(why), sender(envelope)]
}
