//! Getting the planned records into the customer's own zone.
//!
//! What stands in the zone and what the plan wants make a list of [`Change`]s,
//! one per planned record: it is shown to people first, and then done, or not.
//! [`changes`] brings the records in, [`removal`] takes out what is ours. Both
//! read from [`Seen`] like a judge, so that the same rules run on live servers
//! and on a model of a zone.
//!
//! # What holds
//! * What could not be read is never written ([`Action::Blocked`]).
//! * What is not ours stays: other texts at the domain, a DMARC policy of their
//!   own, everything their SPF record says about others, and what a wildcard
//!   answers for the domain.
//! * A merged SPF record is only offered after it has been evaluated: within the
//!   limits of RFC 7208, our servers passing, nobody's left out.
//! * Every change names what must still be so when it is written
//!   ([`Change::requires`]), for a DNS UPDATE's prerequisites (RFC 2136 §2.4) and
//!   for comparing with what a provider's API lists.

mod remove;
mod standing;
#[cfg(test)]
mod tests;
mod wildcard;

pub use remove::{Beside, Others, Past, removal};

use self::standing::{Reading, Standing, read};
use crate::{
    names::Name,
    observe::{Data, Need, RecordType, Seen},
    plan::{PlannedRecord, RecordKey},
    verify::{Code, Context, Verdict, dmarc, spf},
};
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use core::fmt;

/// The TTL of records that are new, in seconds: an hour, so that a mistake is
/// over soon.
pub const TTL: u32 = 3600;

/// What is to happen for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Nothing: what is wanted is there.
    InPlace,
    /// A record is added beside whatever stands there.
    Add,
    /// A record of ours is replaced.
    Replace,
    /// Ours is merged into what the owner has.
    Merge,
    /// A record of ours is taken out.
    Remove,
    /// Nothing is taken out: it is not there, or not only ours.
    Keep,
    /// Nothing may be written; why is in [`Change::reason`].
    Blocked,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::InPlace, Self::Add, Self::Replace, Self::Merge, Self::Remove, Self::Keep, Self::Blocked];

    /// As on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InPlace => "in_place",
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Merge => "merge",
            Self::Remove => "remove",
            Self::Keep => "keep",
            Self::Blocked => "blocked",
        }
    }

    /// Whether something is written.
    #[must_use]
    pub fn writes(self) -> bool {
        matches!(self, Self::Add | Self::Replace | Self::Merge | Self::Remove)
    }
}

/// One record in a zone; its owner is the change's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What it holds: a CNAME or a TXT.
    pub data: Data,
    /// Seconds.
    pub ttl: u32,
}

impl Entry {
    /// CNAME or TXT.
    #[must_use]
    pub fn rtype(&self) -> RecordType {
        if matches!(self.data, Data::Txt(_)) { RecordType::Txt } else { RecordType::Cname }
    }
}

impl fmt::Display for Entry {
    /// Type and data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rtype(), self.data)
    }
}

/// What must be so at the owner when a change is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Requirement {
    /// No record of any type (RFC 2136 §2.4.5).
    NameUnused,
    /// No record of this type (§2.4.3).
    None(RecordType),
    /// Exactly these of this type (§2.4.2).
    Exactly(RecordType, Vec<Data>),
}

/// What is to happen for one planned record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub key: RecordKey,
    /// Where.
    pub owner: Name,
    /// What.
    pub action: Action,
    /// Why, as a sentence for the owner of the domain.
    pub reason: String,
    /// The zone it is written into, where that could be found.
    pub zone: Option<Name>,
    /// What goes; what is there already, if nothing is to be done.
    pub before: Vec<Entry>,
    /// What comes.
    pub after: Vec<Entry>,
    /// See [`Requirement`]. Empty unless something is written.
    pub requires: Vec<Requirement>,
}

/// What is to be done so that every planned record is in the zone, in the plan's
/// order. `planned` is to be made of nothing that is present
/// ([`crate::plan::Present`]): what is there is read now.
///
/// # Errors
/// [`Need`] with what has to be looked at first.
pub fn changes(context: &Context<'_>, planned: &[PlannedRecord], seen: &Seen) -> Result<Vec<Change>, Need> {
    each(planned, |record| {
        let change = change(context, record, seen)?;
        if !change.action.writes() {
            return Ok(change);
        }
        Ok(match wildcard::in_the_way(context, record.key, seen)? {
            Some(reason) => Change { before: change.before, ..unread(record, change.zone, reason) },
            None => change,
        })
    })
}

/// One of each, or everything any of them still needs.
fn each(
    planned: &[PlannedRecord],
    one: impl Fn(&PlannedRecord) -> Result<Change, Need>,
) -> Result<Vec<Change>, Need> {
    let (mut changes, mut needed) = (Vec::with_capacity(planned.len()), Vec::new());
    for record in planned {
        match one(record) {
            Ok(change) => changes.push(change),
            Err(Need(mut questions)) => needed.append(&mut questions),
        }
    }
    Need::of_all(needed)?;
    Ok(changes)
}

fn change(context: &Context<'_>, record: &PlannedRecord, seen: &Seen) -> Result<Change, Need> {
    let standing = match read(context, record, seen)? {
        Reading::Standing(standing) => standing,
        Reading::Failed { zone, reason } => return Ok(unread(record, zone, reason)),
    };
    let case = Case { record, standing };
    match (record.key, record.rtype) {
        (RecordKey::Spf, _) => case.spf(spf::publishable(context, record, seen)?),
        (RecordKey::Dmarc, _) => {
            let (verdict, _) = dmarc::judge(context, record, seen)?;
            Ok(case.dmarc(verdict))
        }
        (_, RecordType::Cname) => Ok(case.cname()),
        _ => Ok(case.text_of_ours()),
    }
}

fn unread(record: &PlannedRecord, zone: Option<Name>, reason: String) -> Change {
    Change {
        key: record.key,
        owner: record.owner.clone(),
        action: Action::Blocked,
        reason,
        zone,
        before: Vec::new(),
        after: Vec::new(),
        requires: Vec::new(),
    }
}

/// Whether whatever CNAME or TXT stands at the record's owner is ours: its name
/// has the domain's id, which nobody else was ever told to use.
fn owner_is_ours(key: RecordKey) -> bool {
    matches!(key, RecordKey::Verification | RecordKey::Dkim1 | RecordKey::Dkim2)
}

/// A text as a record, in character-strings of 255 octets at most (RFC 1035 §3.3).
fn txt(text: &str) -> Data {
    Data::Txt(match text.as_bytes() {
        [] => vec![Vec::new()],
        bytes => bytes.chunks(255).map(<[u8]>::to_vec).collect(),
    })
}

/// A planned record, and what stands at its owner.
struct Case<'a> {
    record: &'a PlannedRecord,
    standing: Standing,
}

impl Case<'_> {
    fn cname(&self) -> Change {
        let Ok(target) = Name::parse(&self.record.value) else {
            return self.blocked(format!("{} is no host name", self.record.value));
        };
        let (owner, standing) = (&self.record.owner, &self.standing);
        let wanted = Data::Cname(target);
        let texts = !standing.texts.is_empty();
        if let Some(others) = standing.others() {
            return self.blocked(format!(
                "{owner} has {others} records. A CNAME must stand alone at its name (RFC 1034 §3.6.2), so it is not \
                 written; delete them first if they are not needed."
            ));
        }
        match &standing.cnames[..] {
            [one] if one.data == wanted && !texts => {
                self.done("It is there already.".to_string(), standing.cnames.clone())
            }
            [] if !texts => self.write(
                Action::Add,
                "Nothing stands at this name.".to_string(),
                Vec::new(),
                vec![Entry { data: wanted, ttl: TTL }],
            ),
            _ if owner_is_ours(self.record.key) => self.replace(wanted),
            _ => self.blocked(format!(
                "{owner} is used for something else: {}. It is left as it is; change it by hand if it is not needed.",
                standing.shown()
            )),
        }
    }

    /// Ours, whatever stands there.
    fn replace(&self, wanted: Data) -> Change {
        let all = self.standing.all();
        if all.iter().any(|entry| matches!(entry.data, Data::Other(_))) {
            return self.blocked(format!(
                "{} points to something that is no host name. Delete that record by hand, and plan again.",
                self.record.owner
            ));
        }
        let reason =
            "The name is made for us alone, and what stands there is not what is needed.".to_string();
        self.write(Action::Replace, reason, all, vec![Entry { data: wanted, ttl: TTL }])
    }

    /// A TXT at an owner of ours: a DKIM key without a CNAME.
    fn text_of_ours(&self) -> Change {
        let standing = &self.standing;
        if self.record.value.is_empty() {
            return self.blocked("There is no key to publish yet; it is made soon.".to_string());
        }
        let wanted = self.record.value.as_bytes();
        let is_wanted = |entry: &Entry| entry.data.txt().as_deref() == Some(wanted);
        match (&standing.cnames[..], &standing.texts[..]) {
            ([], [one]) if is_wanted(one) => {
                self.done("It is there already.".to_string(), standing.texts.clone())
            }
            ([], []) => self.write(
                Action::Add,
                "Nothing stands at this name.".to_string(),
                Vec::new(),
                vec![Entry { data: txt(&self.record.value), ttl: TTL }],
            ),
            _ => self.replace(txt(&self.record.value)),
        }
    }

    fn spf(&self, publishable: spf::Publishable) -> Result<Change, Need> {
        let standing = &self.standing;
        let records = standing.texts_where(|text| spf::after_version(text).is_some());
        let (verdict, text) = match publishable {
            spf::Publishable::Stays(verdict) => return Ok(self.done(verdict.reason, records)),
            spf::Publishable::Not(verdict) => return Ok(self.refused(verdict)),
            spf::Publishable::Text(verdict, text) => (verdict, text),
        };
        if let Some(blocked) = self.cannot_hold_text() {
            return Ok(blocked);
        }
        let after = vec![Entry { data: txt(&text), ttl: standing.ttl_of_texts() }];
        Ok(if records.is_empty() {
            self.write(Action::Add, verdict.reason, Vec::new(), after)
        } else {
            self.write(Action::Merge, verdict.reason, records, after)
        })
    }

    fn dmarc(&self, verdict: Verdict) -> Change {
        let standing = &self.standing;
        if verdict.status.is_right() {
            let theirs = standing.texts_where(dmarc::starts_as_dmarc);
            return self.done(verdict.reason, theirs);
        }
        // Where it stands in a wrong place, or is broken, what was meant is the
        // owner's to say: one of ours beside it might weaken it.
        if !matches!(verdict.code, Code::NoRecord | Code::NameNotFound | Code::Wildcard) {
            return self.refused(verdict);
        }
        if let Some(blocked) = self.cannot_hold_text() {
            return blocked;
        }
        let after = vec![Entry { data: txt(&self.record.value), ttl: standing.ttl_of_texts() }];
        self.write(Action::Add, verdict.reason, Vec::new(), after)
    }

    fn cannot_hold_text(&self) -> Option<Change> {
        let target = self.standing.cnames.first().filter(|_| !self.standing.wildcard)?;
        Some(self.blocked(format!(
            "{} is a CNAME to {}, and a name that is a CNAME can hold no TXT record (RFC 1034 §3.6.2).",
            self.record.owner, target.data
        )))
    }

    /// What the judge says is wrong, and nothing that could be written safely.
    fn refused(&self, verdict: Verdict) -> Change {
        let mut reason = verdict.reason;
        for more in verdict.remarks.iter().take(4).chain(Some(&verdict.fix)).filter(|more| !more.is_empty()) {
            reason.push(' ');
            reason.push_str(more);
        }
        self.blocked(reason)
    }

    fn blocked(&self, reason: String) -> Change {
        Change { before: self.standing.all(), ..unread(self.record, self.standing.zone.clone(), reason) }
    }

    fn done(&self, reason: String, before: Vec<Entry>) -> Change {
        Change { action: Action::InPlace, before, ..unread(self.record, self.standing.zone.clone(), reason) }
    }

    fn keep(&self, reason: impl ToString) -> Change {
        Change { action: Action::Keep, ..unread(self.record, self.standing.zone.clone(), reason.to_string()) }
    }

    fn write(&self, action: Action, reason: String, before: Vec<Entry>, after: Vec<Entry>) -> Change {
        let requires = self.standing.requires(&after);
        Change { action, before, after, requires, ..unread(self.record, self.standing.zone.clone(), reason) }
    }
}
