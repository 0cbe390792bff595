//! What is told of domains whose DNS went wrong, or is right again.

use super::{
    letter::{Block, Letter, Tone},
    notices::{Envelope, Item, LISTED, and_more, sender},
    shown, time,
};
use crate::store::{About, Notice, WrongRecord};
use jiff::Timestamp;

/// Of more domains than this not every record is gone into.
const IN_DETAIL: usize = 10;

pub(super) fn letter(first: &Item<'_>, items: &[Item<'_>], envelope: &Envelope<'_>) -> Letter {
    let about = &first.notice.about;
    let mut letter = match items {
        [item] => single(item),
        many => digest(about, many, envelope.cause),
    };
    letter.tone = tone(about);
    letter.unsubscribe = if items.len() == 1 { first.mute.clone() } else { None };
    letter.footer = footer(items, envelope);
    letter
}

fn tone(about: &About) -> Tone {
    match about {
        About::Lost { .. } => Tone::Bad,
        About::Mended | About::Recovered => Tone::Good,
        _ => Tone::Warning,
    }
}

fn name(item: &Item<'_>) -> String {
    item.notice.domain.as_deref().map_or_else(|| "your account".to_string(), shown)
}

fn single(item: &Item<'_>) -> Letter {
    let domain = name(item);
    let headline = match &item.notice.about {
        About::AtRisk { deadline, .. } => {
            format!("{domain}: DNS records are wrong; sending stops on {}", time(*deadline))
        }
        About::DeadlineMoved { deadline, .. } => {
            format!("{domain}: sending stops sooner, on {}", time(*deadline))
        }
        About::Reminder { deadline, .. } => {
            format!("Reminder: {domain} stops sending on {}", time(*deadline))
        }
        About::Lost { .. } => format!("{domain} is no longer verified"),
        About::Mended => format!("{domain}: the DNS records are right again"),
        About::Recovered => format!("{domain} is verified again"),
        About::PublishKey { .. } => format!("{domain}: please publish the next DKIM key"),
        _ => format!("{domain}: the DKIM keys cannot be rotated"),
    };
    let mut body = vec![Block::text(happened(item.notice))];
    if let Some(next) = after_recovery(item.notice) {
        body.push(Block::text(next));
    }
    if !item.notice.about.wrong().is_empty() {
        body.push(Block::heading(match &item.notice.about {
            About::PublishKey { .. } => "What to publish",
            _ => "What is wrong, and what to do",
        }));
        body.extend(item.notice.about.wrong().iter().map(record));
    }
    Letter { headline, tone: Tone::Plain, body, footer: Vec::new(), unsubscribe: None }
}

/// What happened, about one domain.
fn happened(notice: &Notice) -> String {
    match &notice.about {
        About::AtRisk { deadline, .. } => format!(
            "More than one look has found this, so it is no passing trouble. Mail goes on until {}. If the records are \
             right again by then, nothing happens.",
            time(*deadline)
        ),
        About::DeadlineMoved { deadline, .. } => format!(
            "It got worse since we wrote, so the time left is shorter: mail goes on until {}. If the records are right \
             again by then, nothing happens.",
            time(*deadline)
        ),
        About::Reminder { deadline, .. } => format!(
            "DNS records are still wrong, and less than a day is left: mail goes on until {}. If the records are right \
             again by then, nothing happens.",
            time(*deadline)
        ),
        About::Lost { .. } => "Mail from this domain is not sent until its records are right again. We keep looking, \
             and it goes on by itself as soon as they are; nothing has to be confirmed."
            .to_string(),
        About::Mended => "They were put right in time. Nothing was stopped, and nothing is left to be done.".to_string(),
        About::Recovered => "Its DNS records are right again.".to_string(),
        About::PublishKey { .. } => "DKIM keys are replaced from time to time. You publish yours yourself, so the next \
             one needs you: once its record is in your DNS, it takes over by itself when its time comes. Nothing has \
             to be confirmed. If you do nothing, nothing breaks: mail goes on being signed with the present key, the \
             next one is never used before it is seen, and we remind you once a week."
            .to_string(),
        _ => "Mail goes on with the present key. A new one is ready, but cannot take over before its record is right."
            .to_string(),
    }
}

/// What is next for a domain that is verified again.
fn after_recovery(notice: &Notice) -> Option<String> {
    let About::Recovered = notice.about else { return None };
    let to = notice.compliance.as_ref().map(|change| change.to.as_str());
    Some(match to {
        None | Some("compliant") => "Mail is sent again, and nothing is left to be done.".to_string(),
        Some(to) => super::status::next_in_short(to),
    })
}

fn record(wrong: &WrongRecord) -> Block {
    Block::Wrong { title: wrong.owner.clone(), reason: wrong.reason.clone(), fix: wrong.fix.clone() }
}

fn digest(about: &About, items: &[Item<'_>], cause: &str) -> Letter {
    let count = items.len();
    let earliest = items.iter().filter_map(|item| item.notice.about.deadline()).min();
    let from = |earliest: Option<Timestamp>| earliest.map(time).unwrap_or_default();
    let (headline, lead) = match about {
        About::AtRisk { .. } => (
            format!("{count} domains: DNS records are wrong; sending stops from {} on", from(earliest)),
            "More than one look has found this, so it is no passing trouble. Mail of each goes on until the time \
             beside it. If its records are right again by then, nothing happens.",
        ),
        About::DeadlineMoved { .. } => (
            format!("{count} domains: sending stops sooner, from {} on", from(earliest)),
            "It got worse since we wrote, so the time left is shorter. Mail of each goes on until the time beside it.",
        ),
        About::Reminder { .. } => (
            format!("Reminder: {count} domains stop sending from {} on", from(earliest)),
            "DNS records are still wrong, and less than a day is left. Mail of each goes on until the time beside it.",
        ),
        About::Lost { .. } => (
            format!("{count} domains are no longer verified"),
            "Their mail is not sent until their records are right again. We keep looking, and it goes on by itself as \
             soon as they are; nothing has to be confirmed.",
        ),
        About::Mended => (
            format!("{count} domains: the DNS records are right again"),
            "They were put right in time. Nothing was stopped, and nothing is left to be done.",
        ),
        About::Recovered => {
            (format!("{count} domains are verified again"), "Their DNS records are right again.")
        }
        About::PublishKey { .. } => (
            format!("{count} domains: please publish the next DKIM keys"),
            "DKIM keys are replaced from time to time. You publish yours yourself, so the next ones need you: once its \
             record is in your DNS, each takes over by itself when its time comes. If you do nothing, nothing breaks: \
             mail goes on being signed with the present keys, the next ones are never used before they are seen, and \
             we remind you once a week.",
        ),
        _ => (
            format!("{count} domains: the DKIM keys cannot be rotated"),
            "Mail goes on with the present keys. New ones are ready, but cannot take over before their records are \
             right.",
        ),
    };
    let mut body = vec![Block::text(lead)];
    let apart = items.iter().all(|item| item.notice.domain.as_deref() != Some(cause));
    let trouble = !about.wrong().is_empty() && !matches!(about, About::PublishKey { .. });
    if apart && trouble {
        body.push(Block::text(format!(
            "All of them have their DNS at {cause}. If nobody changed anything there, ask {cause} first whether it is \
             in trouble."
        )));
    }
    let next = after_recovery(items[0].notice);
    let alike = items.iter().all(|item| after_recovery(item.notice) == next);
    body.extend(next.filter(|_| alike).map(Block::Text));
    if about.wrong().is_empty() || count > IN_DETAIL {
        body.push(Block::heading("The domains"));
        body.push(Block::Items(items.iter().take(LISTED).map(|item| line(item, alike)).collect()));
    } else {
        body.extend(items.iter().flat_map(in_detail));
    }
    body.extend(and_more(count));
    Letter { headline, tone: Tone::Plain, body, footer: Vec::new(), unsubscribe: None }
}

/// One domain in one line; `alike` says that what is next has been said of all.
fn line(item: &Item<'_>, alike: bool) -> String {
    let notice = item.notice;
    let mut line = name(item);
    if let Some(deadline) = notice.about.deadline() {
        line.push_str(&format!(", until {}", time(deadline)));
    }
    match notice.about.wrong() {
        [] => {}
        [one] => line.push_str(&format!(": {}", one.reason)),
        [first, rest @ ..] => line.push_str(&format!(": {} And {} more.", first.reason, records(rest.len()))),
    }
    if let Some(next) = after_recovery(notice).filter(|_| !alike) {
        line.push_str(&format!(": {next}"));
    }
    line
}

fn records(count: usize) -> String {
    if count == 1 { "1 record".to_string() } else { format!("{count} records") }
}

/// One domain with every record.
fn in_detail(item: &Item<'_>) -> Vec<Block> {
    let until = item.notice.about.deadline().map(|deadline| format!(", until {}", time(deadline)));
    let mut blocks = vec![Block::heading(format!("{}{}", name(item), until.unwrap_or_default()))];
    blocks.extend(item.notice.about.wrong().iter().map(record));
    blocks
}

fn footer(items: &[Item<'_>], envelope: &Envelope<'_>) -> Vec<Block> {
    let why = if envelope.to == envelope.owner {
        "You get this as the owner of the account."
    } else {
        "You get this because alerts about what is named here go to this address."
    };
    let mut footer = vec![Block::text(why)];
    for item in items.iter().take(LISTED) {
        footer.extend(
            item.mute
                .clone()
                .map(|url| Block::Link { label: format!("Turn off alerts about {}", name(item)), url }),
        );
    }
    footer.push(sender(envelope));
    footer
}
