//! What stands at the owner of a planned record.

use super::{Entry, Requirement, TTL};
use crate::{
    names::Name,
    observe::{Data, Look, Need, RecordType, Seen, Zone},
    plan::{PlannedRecord, RecordKey},
    verify::{Context, evidence},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Types that a CNAME must not stand beside and that a name in use mostly has.
const BESIDE: [RecordType; 7] = [
    RecordType::A,
    RecordType::Aaaa,
    RecordType::Mx,
    RecordType::Ns,
    RecordType::Caa,
    RecordType::Https,
    RecordType::Srv,
];
/// Records of a name that are shown in a reason.
const SHOWN: usize = 4;

/// What reading a name came to.
pub(super) enum Reading {
    /// Everything that matters could be read, and the servers agree.
    Standing(Standing),
    /// It could not, or they do not.
    Failed {
        /// Where the name lives, as far as known.
        zone: Option<Name>,
        /// Which server said what.
        reason: String,
    },
}

/// The records at a name. What a wildcard answers there is not at the name.
pub(super) struct Standing {
    pub(super) zone: Option<Name>,
    pub(super) cnames: Vec<Entry>,
    pub(super) texts: Vec<Entry>,
    beside: Vec<RecordType>,
    /// Whether a wildcard answers for the name.
    pub(super) wildcard: bool,
}

/// Reads what stands at the owner of `record`.
pub(super) fn read(context: &Context<'_>, record: &PlannedRecord, seen: &Seen) -> Result<Reading, Need> {
    let owner = &record.owner;
    let alone = record.rtype == RecordType::Cname;
    let sibling = evidence::sibling(owner, context.probe);
    let mut questions = Vec::from([(owner, RecordType::Cname), (owner, RecordType::Txt)]);
    for name in sibling.iter() {
        questions.extend([(name, RecordType::Cname), (name, RecordType::Txt)]);
    }
    if alone {
        questions.extend(BESIDE.map(|rtype| (owner, rtype)));
    }
    seen.have_all(&questions)?;

    let look = seen.at(owner, RecordType::Cname)?;
    let alias = evidence::agreed(look).map(|(_, answer)| answer.rrset());
    let zone = match &look.zone {
        Zone::Found(apex) => Some(apex.clone()),
        _ => None,
    };
    let types = [RecordType::Cname, RecordType::Txt].into_iter().chain(BESIDE.into_iter().filter(|_| alone));
    let mut standing = Standing {
        zone: zone.clone(),
        cnames: Vec::new(),
        texts: Vec::new(),
        beside: Vec::new(),
        wildcard: is_wildcard(context, owner, record.key, seen)?,
    };
    for rtype in types {
        let look = seen.at(owner, rtype)?;
        let Some((_, answer)) = evidence::agreed(look) else {
            return Ok(Reading::Failed { zone, reason: who_said_what(record.key, look, owner, rtype) });
        };
        // What stands before a wildcard's answer is nothing at all.
        if standing.wildcard && owner != context.domain {
            continue;
        }
        for found in &answer.records {
            let ttl = if answer.authoritative { found.ttl } else { TTL };
            let entry = Entry { data: found.data.clone(), ttl };
            let is_alias = matches!(found.data, Data::Cname(_) | Data::Other(_));
            match rtype {
                RecordType::Cname if is_alias => standing.cnames.push(entry),
                RecordType::Txt if matches!(found.data, Data::Txt(_)) => standing.texts.push(entry),
                _ => {}
            }
        }
        // A CNAME is the answer to every type, wherever it leads.
        let beside =
            BESIDE.contains(&rtype) && !answer.is_negative() && alias.as_ref() != Some(&answer.rrset());
        // Addresses for every name are common, and no record of this one.
        if beside && !evidence::is_wildcard(seen, owner, rtype, context.probe)? {
            standing.beside.push(rtype);
        }
    }
    Ok(Reading::Standing(standing))
}

/// Whether a wildcard answers for the name in place of records of its own.
fn is_wildcard(context: &Context<'_>, owner: &Name, key: RecordKey, seen: &Seen) -> Result<bool, Need> {
    let types: &[RecordType] = match key {
        RecordKey::Spf | RecordKey::Dmarc => &[RecordType::Txt],
        _ => &[RecordType::Cname, RecordType::Txt],
    };
    for &rtype in types {
        if evidence::is_wildcard(seen, owner, rtype, context.probe)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Why nothing can be said of the name, with every server's word.
pub(super) fn who_said_what(key: RecordKey, look: &Look, name: &Name, rtype: RecordType) -> String {
    let about = evidence::unanswered_about(key, look, name, rtype);
    let Some(verdict) = about else {
        return format!("{name} could not be read.");
    };
    let mut reason = verdict.reason;
    let said: Vec<String> = verdict.observed.into_iter().chain(verdict.remarks).collect();
    if said.len() > 1 || !reason.contains(" name server ") {
        for each in said {
            reason.push(' ');
            reason.push_str(&each);
            reason.push('.');
        }
    }
    reason.push_str(" What has not been read is not written.");
    reason
}

impl Standing {
    /// The types of other records, for a sentence.
    pub(super) fn others(&self) -> Option<String> {
        let types: Vec<String> = self.beside.iter().map(ToString::to_string).collect();
        (!types.is_empty()).then(|| types.join(" and "))
    }

    /// Every CNAME and TXT.
    pub(super) fn all(&self) -> Vec<Entry> {
        self.cnames.iter().chain(&self.texts).cloned().collect()
    }

    /// What stands there, for a sentence.
    pub(super) fn shown(&self) -> String {
        let all = self.all();
        let shown = all.iter().take(SHOWN).map(ToString::to_string);
        shown.collect::<Vec<_>>().join(", ")
    }

    pub(super) fn texts_where(&self, wanted: impl Fn(&[u8]) -> bool) -> Vec<Entry> {
        let is_wanted = |entry: &&Entry| entry.data.txt().is_some_and(|text| wanted(&text));
        self.texts.iter().filter(is_wanted).cloned().collect()
    }

    /// All records of a set have one TTL (RFC 2181 §5.2): the one that is there.
    pub(super) fn ttl_of_texts(&self) -> u32 {
        self.texts.iter().map(|entry| entry.ttl).min().unwrap_or(TTL)
    }

    /// What must still be so when `after` is written.
    pub(super) fn requires(&self, after: &[Entry]) -> Vec<Requirement> {
        let cname_comes = after.iter().any(|entry| entry.rtype() == RecordType::Cname);
        if cname_comes && self.cnames.is_empty() && self.texts.is_empty() {
            return Vec::from([Requirement::NameUnused]);
        }
        [(RecordType::Cname, &self.cnames), (RecordType::Txt, &self.texts)]
            .into_iter()
            .map(|(rtype, entries)| {
                if entries.is_empty() {
                    return Requirement::None(rtype);
                }
                let mut data: Vec<Data> = entries.iter().map(|entry| entry.data.clone()).collect();
                data.sort();
                Requirement::Exactly(rtype, data)
            })
            .collect()
    }
}
