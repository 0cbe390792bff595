//! The planned records as their owner is given them to publish by hand.
//!
//! What is handed out is loaded into zones without anybody reading it. So it is what
//! [`publish`](crate::publish) would write, as far as the last look can tell: ours
//! merged into what stands there where that is known to work, what stands there where
//! that is right, and nothing at all where only the owner can say what is to be.

use crate::{
    plan::{PlannedRecord, Present, RecordKey},
    verify::{Code, Status, Verdict},
};
use alloc::{
    format,
    string::{String, ToString},
};

/// One planned record, to be handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handout {
    /// The record with the value to publish; without one ([`PlannedRecord::is_made`])
    /// it is left out, and the note says why.
    pub record: PlannedRecord,
    /// What to know before it is published, in whole sentences.
    pub note: Option<String>,
}

impl Handout {
    /// The record as planned, whatever stands there.
    #[must_use]
    pub fn as_planned(record: PlannedRecord) -> Self {
        let being_made = "The key is being made: there is nothing to publish yet. It takes about a minute.";
        let note = (!record.is_made()).then(|| being_made.to_string());
        Self { record, note }
    }

    /// The record in the light of the last look: its verdict, and what it found of the
    /// owner's own.
    #[must_use]
    pub fn of(record: PlannedRecord, verdict: &Verdict, present: &Present) -> Self {
        match record.key {
            RecordKey::Spf => Self::of_theirs(record, verdict, present.spf.as_deref()),
            RecordKey::Dmarc => Self::of_theirs(record, verdict, present.dmarc.as_deref()),
            _ => Self::of_ours(record, verdict),
        }
    }

    /// A record whose name they may use without us.
    fn of_theirs(record: PlannedRecord, verdict: &Verdict, theirs: Option<&str>) -> Self {
        let kind = if record.key == RecordKey::Spf { "SPF" } else { "DMARC" };
        let given = |text: &str, note: Option<String>| {
            let record = PlannedRecord { value: text.to_string(), ..record.clone() };
            Self { record, note }
        };
        match (verdict.status, &verdict.offer) {
            // Nobody has looked, there is no zone yet, or no answer.
            _ if is_unread(verdict, theirs) => Self {
                note: Some(format!(
                    "What stands at {} has not been read. Where {kind} stands there already, do not add this one \
                     beside it: there can be only one.",
                    record.owner
                )),
                record,
            },
            (status, _) if status.is_right() => match theirs {
                Some(text) => given(text, Some("It stands there already, as it is here.".to_string())),
                None => Self::left_out(record, verdict, " Nothing is to be done."),
            },
            (Status::Fail, Some(text)) => given(
                text,
                Some(format!(
                    "It takes the place of every {kind} record that stands at {}: there can be only one.",
                    record.owner
                )),
            ),
            (_, Some(text)) => given(text, None),
            (Status::NetworkError, None) => Self::left_out(record, verdict, ""),
            _ => Self::left_out(record, verdict, " What to do about it is in the report on the domain."),
        }
    }

    /// A record at a name that is made for us, but for the tracking host, whose name
    /// somebody may use for something else.
    fn of_ours(record: PlannedRecord, verdict: &Verdict) -> Self {
        if !record.is_made() || !in_the_way(verdict) {
            return Self::as_planned(record);
        }
        if record.key == RecordKey::LinkVerification && verdict.code != Code::TargetAppended {
            return Self::left_out(record, verdict, " What to do about it is in the report on the domain.");
        }
        let note = format!("It takes the place of whatever stands at {}.", record.owner);
        Self { record, note: Some(note) }
    }

    fn left_out(record: PlannedRecord, verdict: &Verdict, more: &str) -> Self {
        let note = format!("Left out. {}{more}", verdict.reason);
        Self { record: PlannedRecord { value: String::new(), ..record }, note: Some(note) }
    }

    /// The note for a comment in a file: one line of printable ASCII, whatever DNS
    /// held that it speaks of.
    #[must_use]
    pub fn comment(&self) -> Option<String> {
        let mut line = String::new();
        for c in self.note.as_ref()?.chars() {
            match c {
                ' '..='~' => line.push(c),
                '§' => line.push_str("section "),
                _ => line.push('?'),
            }
        }
        Some(line)
    }
}

/// Whether nothing at all is known of what stands there.
fn is_unread(verdict: &Verdict, theirs: Option<&str>) -> bool {
    let silent = verdict.status == Status::NetworkError && theirs.is_none();
    silent || verdict.status == Status::Unchecked || verdict.code == Code::NotDelegated
}

/// Whether the record is known to be wrong for what stands at its name.
fn in_the_way(verdict: &Verdict) -> bool {
    let elsewhere = [Code::ServersSplit, Code::ZoneDead, Code::DnssecBogus];
    verdict.status == Status::Fail && !elsewhere.contains(&verdict.code)
}

#[cfg(test)]
mod tests;
