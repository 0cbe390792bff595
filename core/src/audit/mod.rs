//! The mail DNS of any domain: what anybody can see of it, judged.
//!
//! Nothing is expected here but what the standards say. One judge per
//! [`Subject`], each a function of what has been [`Seen`], as in
//! [`verify`](crate::verify), whose evidence and machine words they share.

mod dkim;
mod dmarc;
pub(crate) mod dnssec;
mod mta_sts;
mod mx;
mod name;
mod name_servers;
mod spf;
mod subject;
#[cfg(test)]
mod tests;
mod tls_rpt;
mod txt;

pub use dkim::COMMON;
pub use subject::{Finding, Selector, Subject, Weight};

use crate::{
    names::Name,
    observe::{Consensus, Need, RecordType, Seen, Zone},
};
use alloc::{string::String, vec::Vec};
use core::net::IpAddr;

/// What is to be audited.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The domain.
    pub domain: &'a Name,
    /// DKIM selectors that must be there. Common ones are tried besides.
    pub selectors: &'a [String],
    /// Addresses that must pass SPF. Where none is given, those of the mail
    /// exchangers are tried, and may fail.
    pub addresses: &'a [IpAddr],
    /// A random label, drawn for this audit, that nobody can have published.
    pub probe: &'a str,
    /// Whether resolvers are believed instead of the zones' own servers, so
    /// that those cannot be judged.
    pub recursive: bool,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// The apex of the zone the domain is in, where it could be found.
    pub zone: Option<Name>,
    /// One per subject and DKIM selector, in the order they are shown.
    pub findings: Vec<Finding>,
}

/// What an audit comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing that matters is wrong.
    Good,
    /// Something is.
    Problems,
    /// Nothing is known to be wrong, but not everything could be looked at.
    Unknown,
}

impl Outcome {
    /// One stable word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Problems => "problems",
            Self::Unknown => "unknown",
        }
    }
}

impl Audit {
    /// All findings together.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let has = |weight| self.findings.iter().any(|finding| finding.weight() == weight);
        if has(Weight::Problem) {
            Outcome::Problems
        } else if has(Weight::Unknown) {
            Outcome::Unknown
        } else {
            Outcome::Good
        }
    }
}

/// Audits a domain.
///
/// # Errors
/// [`Need`] with every question any of the judges is still missing.
pub fn judge(request: &Request<'_>, seen: &Seen) -> Result<Audit, Need> {
    // Alone at first: where nobody answers for the zone, the other questions
    // would only take their time to find that out once more.
    let look = seen.at(request.domain, RecordType::Soa)?;
    let apex = match (&look.zone, look.consensus()) {
        (Zone::Found(apex), Consensus::Agreed { .. } | Consensus::Split { .. }) => apex,
        (zone, _) => {
            let mut findings = Vec::from_iter(name_servers::absent(request, look));
            let cut = match zone {
                Zone::Found(apex) => Some(apex.clone()),
                Zone::NotDelegated { .. } => None,
                // A zone whose signatures are wrong is one that resolvers cannot find.
                Zone::Unknown(_) => request.domain.organizational(),
            };
            if let Some(cut) = cut {
                let dnssec = dnssec::judge(request, &cut, seen)?;
                findings.extend(Some(dnssec).filter(|finding| finding.status.is_wrong()));
            }
            let zone = if let Zone::Found(apex) = zone { Some(apex.clone()) } else { None };
            return Ok(Audit { zone, findings });
        }
    };
    let one = |finding: Result<Finding, Need>| finding.map(|finding| Vec::from([finding]));
    let parts = [
        one(name_servers::judge(request, apex, seen)),
        one(dnssec::judge(request, apex, seen)),
        one(name::judge(request, apex, seen)),
        one(mx::judge(request.domain, seen)),
        one(spf::judge(request, seen)),
        dkim::judge(request, seen),
        one(dmarc::judge(request, seen)),
        one(mta_sts::judge(request.domain, seen)),
        one(tls_rpt::judge(request.domain, seen)),
    ];
    let (mut findings, mut needed) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Ok(mut found) => findings.append(&mut found),
            Err(Need(mut questions)) => needed.append(&mut questions),
        }
    }
    Need::of_all(needed)?;
    Ok(Audit { zone: Some(apex.clone()), findings })
}
