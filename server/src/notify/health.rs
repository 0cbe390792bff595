//! The weekly health report: what is fine, and what works today and may not
//! tomorrow.

use super::{
    letter::{Block, Letter, Tone},
    notices::{Envelope, sender},
    shown,
};
use crate::store::Message;
use signet_core::{
    health::{Health, Posture},
    plan::RecordKey,
    verify::dmarc::policy::Policy,
};

/// Domains a report goes into, and as many that it names as fine.
pub const LISTED: usize = 50;

/// What one recipient is told.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Domains with something fragile, at most [`LISTED`].
    pub fragile: Vec<(String, Health)>,
    /// All of those.
    pub fragile_count: usize,
    /// Domains with nothing to say of, at most [`LISTED`].
    pub fine: Vec<(String, Health)>,
    /// All of those.
    pub fine_count: usize,
    /// Where such reports are turned off, all in one.
    pub mute: Option<String>,
    /// The same by domain, where that is not for the recipient to decide.
    pub mutes: Vec<(String, String)>,
}

impl Report {
    /// Adds a domain; whether it will be named.
    pub fn add(&mut self, domain: &str, health: Health) -> bool {
        let (list, count) = if health.fragile.is_empty() {
            (&mut self.fine, &mut self.fine_count)
        } else {
            (&mut self.fragile, &mut self.fragile_count)
        };
        *count += 1;
        let named = list.len() < LISTED;
        if named {
            list.push((domain.to_string(), health));
        }
        named
    }
}

/// The message.
#[must_use]
pub fn compose(report: &Report, envelope: &Envelope<'_>, message_id: String) -> Message {
    let all = report.fragile_count + report.fine_count;
    let domains = |count: usize| if count == 1 { "1 domain".to_string() } else { format!("{count} domains") };
    let (headline, tone, lead) = match (report.fragile_count, all) {
        (0, _) => (
            format!("Health report: {} in good order", domains(all)),
            Tone::Good,
            "Everything we look at is as it should be. Nothing is to be done.".to_string(),
        ),
        (fragile, all) => (
            format!("Health report: {fragile} of {} could do better", domains(all)),
            Tone::Warning,
            "Mail works today. What is listed here may stop it from working, or lets others misuse your name."
                .to_string(),
        ),
    };
    let mut body = vec![Block::text(lead)];
    for (domain, health) in &report.fragile {
        body.push(Block::heading(shown(domain)));
        body.extend(health.fragile.iter().map(|concern| Block::Wrong {
            title: concern.subject.to_string(),
            reason: concern.reason.clone(),
            fix: concern.fix.clone(),
        }));
        body.push(Block::text(figures(health)));
    }
    body.extend(more(report.fragile_count - report.fragile.len()));
    if !report.fine.is_empty() {
        body.push(Block::heading("In good order"));
        let line = |(domain, health): &(String, Health)| format!("{}. {}", shown(domain), figures(health));
        body.push(Block::Items(report.fine.iter().map(line).collect()));
        body.extend(more(report.fine_count - report.fine.len()));
    }
    let letter =
        Letter { headline, tone, body, footer: footer(report, envelope), unsubscribe: report.mute.clone() };
    letter.to(envelope.to, message_id)
}

fn more(count: usize) -> Option<Block> {
    (count > 0).then(|| Block::text(format!("And {count} more.")))
}

/// What can be counted, in a line.
fn figures(health: &Health) -> String {
    let mut figures = Vec::new();
    let fine: Vec<&str> = health.fine.iter().map(|&key| short(key)).collect();
    if !fine.is_empty() {
        figures.push(format!("Fine: {}.", fine.join(", ")));
    }
    figures.extend(health.spf_left.map(|left| format!("SPF look-ups left: {left} of 10.")));
    figures.extend(health.dmarc.as_ref().map(posture));
    figures.extend(health.keys_days.map(|days| match days {
        0 => "DKIM keys made today.".to_string(),
        1 => "DKIM keys 1 day old.".to_string(),
        days => format!("DKIM keys {days} days old."),
    }));
    figures.join(" ")
}

fn short(key: RecordKey) -> &'static str {
    match key {
        RecordKey::Verification => "return path",
        RecordKey::Spf => "SPF",
        RecordKey::Dkim1 => "DKIM 1",
        RecordKey::Dkim2 => "DKIM 2",
        RecordKey::Dmarc => "DMARC",
        RecordKey::LinkVerification => "link tracking",
    }
}

fn posture(posture: &Posture) -> String {
    let policy = match posture.policy {
        Policy::None => "watches only (p=none)",
        Policy::Quarantine => "quarantines (p=quarantine)",
        Policy::Reject => "rejects (p=reject)",
    };
    let testing = if posture.testing { ", as a test, so one step less" } else { "" };
    let alignment = match (posture.strict_spf, posture.strict_dkim) {
        (false, false) => "relaxed alignment",
        (true, true) => "strict alignment",
        (true, false) => "strict alignment for SPF",
        (false, true) => "strict alignment for DKIM",
    };
    let reports = match &posture.rua[..] {
        [] => "no reports".to_string(),
        [one] => format!("reports to {}", one.trim_start_matches("mailto:")),
        [first, rest @ ..] => {
            format!("reports to {} and {} more", first.trim_start_matches("mailto:"), rest.len())
        }
    };
    format!("DMARC {policy}{testing}, {alignment}, {reports}.")
}

fn footer(report: &Report, envelope: &Envelope<'_>) -> Vec<Block> {
    let why = if envelope.to == envelope.owner {
        "You get this as the owner of the account, once a week at most, and only when there is something to say."
    } else {
        "You get this because alerts about these domains go to this address, once a week at most, and only when there \
         is something to say."
    };
    let mut footer = vec![Block::text(why)];
    footer.extend(
        report.mute.clone().map(|url| Block::Link { label: "Turn off these reports".to_string(), url }),
    );
    footer.extend(report.mutes.iter().map(|(domain, url)| Block::Link {
        label: format!("Turn off reports about {}", shown(domain)),
        url: url.clone(),
    }));
    footer.push(sender(envelope));
    footer
}
