//! Whether the receivers of reports agreed to get them (RFC 9990, "Verifying
//! External Destinations").

use super::{
    Party,
    policy::{Record, report_domain},
    walk,
};
use crate::{
    names::Name,
    observe::{Need, RecordType},
    plan::Provider,
    verify::cname::chain::End,
};
use alloc::{format, string::String, vec::Vec};

/// Report destinations looked at; receivers stop after a few as well.
const DESTINATIONS: usize = 8;

/// What came of asking the destinations.
#[derive(Default)]
pub(super) struct Consent {
    /// Destinations that have not agreed, each with the name where they would.
    pub(super) refused: Vec<(Name, Name)>,
    /// What could not be found out.
    pub(super) remarks: Vec<String>,
}

/// Looks for the consent of every destination of `record`, published for the
/// domain in `party`, that lies in another organizational domain.
pub(super) fn look(party: &Party<'_>, record: &Record, seen: &crate::observe::Seen) -> Result<Consent, Need> {
    let mut consent = Consent::default();
    let mut places: Vec<(Name, Name)> = Vec::new();
    for destination in record.rua.iter().filter_map(|uri| report_domain(uri)) {
        if is_internal(&destination, party.domain)
            || party.provider.is_some_and(|provider| is_ours(&destination, provider))
            || places.iter().any(|(known, _)| *known == destination)
            || places.len() == DESTINATIONS
        {
            continue;
        }
        match destination.prepend(&format!("{}._report._dmarc", party.domain)) {
            Some(place) => places.push((destination, place)),
            None => consent.remarks.push(format!(
                "{destination} cannot agree to receive reports: the name for that would be too long."
            )),
        }
    }
    let questions: Vec<(&Name, RecordType)> =
        places.iter().map(|(_, place)| (place, RecordType::Txt)).collect();
    seen.have_all(&questions)?;
    for (destination, place) in places {
        let published = walk::read(seen, &place)?;
        match published.chain.end {
            End::Unanswered(_) => consent
                .remarks
                .push(format!("Whether {destination} agrees to receive reports could not be found out now.")),
            // "v=DMARC1" is all it takes; other tags are optional there.
            _ if published.records.is_empty() => consent.refused.push((destination, place)),
            _ => {}
        }
    }
    Ok(consent)
}

/// Whether both are in one organizational domain. Receivers walk the tree to
/// find out; the public suffix list gives the same answer except where a
/// private suffix publishes `psd=y`, and costs no questions.
fn is_internal(destination: &Name, domain: &Name) -> bool {
    destination.is_at_or_below(domain)
        || domain.is_at_or_below(destination)
        || destination.organizational().is_some_and(|ours| domain.organizational() == Some(ours))
}

/// Consent that is ours to give is our matter.
fn is_ours(destination: &Name, provider: &Provider) -> bool {
    let reports = provider.dmarc_rua.as_deref().and_then(|address| address.rsplit_once('@'));
    destination.is_at_or_below(&provider.zone)
        || reports.is_some_and(|(_, host)| Name::parse(host).ok().as_ref() == Some(destination))
}
