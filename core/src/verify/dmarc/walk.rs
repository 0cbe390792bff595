//! Finding policy records in the tree (RFC 9989 §4.10).

use super::policy::{Psd, Record};
use crate::{
    names::Name,
    observe::{Answer, Data, Look, Need, RecordType, Seen},
    verify::cname::chain::{self, Chain, End},
};
use alloc::vec::Vec;

/// TXT records read at one name.
const TEXTS: usize = 64;

/// What stands at `_dmarc.` of a domain.
pub(super) struct Published<'a> {
    /// The CNAMEs followed to get there.
    pub(super) chain: Chain<'a>,
    /// The texts there that start as DMARC records, each with what it says.
    pub(super) records: Vec<(Vec<u8>, Record)>,
    /// The other texts.
    pub(super) others: Vec<Vec<u8>>,
}

impl<'a> Published<'a> {
    /// The answer it was read from, where there is one.
    pub(super) fn answer(&self) -> Option<(&'a Look, &'a Answer)> {
        match self.chain.end {
            End::Answer { look, answer } => Some((look, answer)),
            _ => None,
        }
    }
}

/// Reads the TXT records at `name`, through CNAMEs.
pub(super) fn read<'a>(seen: &'a Seen, name: &Name) -> Result<Published<'a>, Need> {
    let chain = chain::follow(seen, name, RecordType::Txt, None)?;
    let mut published = Published { chain, records: Vec::new(), others: Vec::new() };
    if let Some((_, answer)) = published.answer() {
        for text in answer.rrset().into_iter().filter_map(Data::txt).take(TEXTS) {
            match Record::parse(&text) {
                Some(record) => published.records.push((text, record)),
                None => published.others.push(text),
            }
        }
    }
    Ok(published)
}

/// The policy that applies to a domain without a record of its own.
pub(super) struct Inherited<'a> {
    /// The domain it was published for.
    pub(super) domain: Name,
    pub(super) record: Record,
    pub(super) text: Vec<u8>,
    /// Where it was read.
    pub(super) look: &'a Look,
}

/// What a walk found.
pub(super) struct Walk<'a> {
    pub(super) inherited: Option<Inherited<'a>>,
    /// Names that could not be read, each with the look that failed.
    pub(super) unread: Vec<(Name, &'a Look)>,
    /// Of public suffixes, whose own servers could not be asked. Hardly any has
    /// a policy, and what is missing below it is missing all the same.
    pub(super) unread_suffixes: Vec<Name>,
}

/// The domains asked after `domain` itself (§4.10.1): its parent and so on up
/// to the top, from eight or more labels on only the last seven.
pub(super) fn ancestors(domain: &Name) -> Vec<Name> {
    let mut names = Vec::with_capacity(7);
    let mut next = domain.parent();
    while let Some(name) = next {
        next = name.parent();
        if name.labels() <= 7 {
            names.push(name);
        }
    }
    names
}

/// Walks from the parent of `domain` upward.
pub(super) fn walk<'a>(seen: &'a Seen, domain: &Name) -> Result<Walk<'a>, Need> {
    let places: Vec<(Name, Name)> = ancestors(domain)
        .into_iter()
        .filter_map(|above| above.prepend("_dmarc").map(|owner| (above, owner)))
        .collect();
    let questions: Vec<(&Name, RecordType)> =
        places.iter().map(|(_, owner)| (owner, RecordType::Txt)).collect();
    seen.have_all(&questions)?;

    let mut found: Vec<Inherited<'a>> = Vec::new();
    let mut unread = Vec::new();
    let mut unread_suffixes = Vec::new();
    for (above, owner) in places {
        let mut published = read(seen, &owner)?;
        if let End::Unanswered(look) = published.chain.end {
            if above.organizational().is_none() {
                unread_suffixes.push(owner);
                continue;
            }
            unread.push((published.chain.last().cloned().unwrap_or(owner), look));
            continue;
        }
        // Several records at one name are all discarded (§4.10 step 6).
        let (Some((look, _)), 1) = (published.answer(), published.records.len()) else {
            continue;
        };
        let Some((text, record)) = published.records.pop() else {
            continue;
        };
        let psd = record.psd;
        found.push(Inherited { domain: above, record, text, look });
        if psd != Psd::Unknown {
            break;
        }
    }
    Ok(Walk { inherited: select(found), unread, unread_suffixes })
}

/// The organizational domain's record, or that of the public suffix above it
/// (§4.10.1), out of those found, the longest name first.
fn select(mut found: Vec<Inherited<'_>>) -> Option<Inherited<'_>> {
    // The walk stops at the first `psd=y` or `psd=n`, so only the last has one.
    let top = found.pop()?;
    if top.record.psd != Psd::Yes {
        // `psd=n`, or the fewest labels (§4.10.2 rules 1 and 3).
        return Some(top);
    }
    // Rule 2: the organizational domain is one label below the public suffix.
    // Records further down apply to nobody but themselves.
    match found.pop() {
        Some(below) if below.domain.parent().as_ref() == Some(&top.domain) => Some(below),
        _ => Some(top),
    }
}
