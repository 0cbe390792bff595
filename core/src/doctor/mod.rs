//! Our own side as the world sees it: how the world comes to our zone, what
//! every name server of it says, what customers' records point at, and what
//! the addresses our mail leaves from are called.
//!
//! One judge per [`Subject`], each a function of what has been [`Seen`], as in
//! [`verify`](crate::verify). A DNS failure is never evidence of absence: it is
//! [`Code::Unanswered`]. What lies on this machine – files, the database, SMTP –
//! is looked at by the server, which makes [`Finding`]s of it, too.

mod address;
mod caa;
mod code;
mod delegation;
mod demo;
mod finding;
mod hosts;
mod keys;
mod name_servers;
mod reports;
mod spf;
#[cfg(test)]
mod tests;

pub use code::{Code, Level};
pub use demo::DemoDomain;
pub use finding::{Finding, Subject};
pub use keys::{Batch, Tally, Target, judge as domains};

use crate::{
    names::Name,
    observe::{Need, RecordType, Seen},
    plan::Provider,
};
use alloc::vec::Vec;
use core::net::IpAddr;
use finding::Round;

/// What is ours, as the settings say.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who we are.
    pub provider: &'a Provider,
    /// The name servers our zone is meant to have, the addresses of those
    /// outside it left empty.
    pub name_servers: &'a [(Name, Vec<IpAddr>)],
    /// Whether this installation serves its zone itself.
    pub serves: bool,
    /// What our mail servers greet with; `None`: the name of their address.
    pub helo: Option<&'a Name>,
    /// A random label, drawn for this run, that nobody can have published.
    pub probe: &'a str,
    /// Whether resolvers are believed instead of the zones' own servers, so
    /// that those cannot be judged.
    pub recursive: bool,
    /// The newest version that was seen of each zone in an earlier run, some
    /// seconds ago: whoever has not even that by now is behind.
    pub earlier: &'a [(Name, u32)],
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order they are shown.
    pub findings: Vec<Finding>,
    /// Whether anybody answered for our zone, so that what is in it can be
    /// looked at.
    pub reachable: bool,
    /// The newest version seen of each of our zones.
    pub newest: Vec<(Name, u32)>,
}

/// What findings come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is wrong.
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

/// All findings together.
#[must_use]
pub fn outcome(findings: &[Finding]) -> Outcome {
    match findings.iter().map(Finding::level).max() {
        Some(Level::Problem) => Outcome::Problems,
        Some(Level::Unknown) => Outcome::Unknown,
        Some(Level::Good | Level::Remark) | None => Outcome::Good,
    }
}

/// Looks at everything that the settings alone decide: our zones, the hosts
/// and records in them, the sending addresses.
///
/// # Errors
/// [`Need`] with every question any of the judges is still missing.
pub fn judge(request: &Request<'_>, seen: &Seen) -> Result<Report, Need> {
    let provider = request.provider;
    let mut report = Report::default();
    let mut round = Round::default();
    let zones = core::iter::once(&provider.zone)
        .chain(Some(&provider.demo_zone).filter(|demo| !demo.is_at_or_below(&provider.zone)));
    for zone in zones {
        let Some(found) = round.take(zone_at(request, zone, seen)) else { continue };
        if *zone == provider.zone {
            report.reachable = found.reachable;
        }
        report.findings.extend(found.findings);
        report.newest.extend(found.newest);
    }
    // Where nobody answers for our zone, asking about what is in it would only
    // take time to find that out once more.
    if report.reachable {
        let parts = [
            hosts::bounce(request, seen),
            spf::judge(request, seen),
            hosts::track(request, seen),
            reports::judge(request, seen),
        ];
        for part in parts {
            report.findings.extend(round.take(part).into_iter().flatten());
        }
    }
    for &ip in &provider.sending_ips {
        let not_public = address::not_public(ip);
        // Before anything is set up, what an example is called is no matter.
        let example = not_public.is_some() && !report.reachable;
        report.findings.extend(not_public);
        if !example {
            report.findings.extend(round.take(address::judge(request, ip, seen)).into_iter().flatten());
        }
    }
    round.end()?;
    Ok(report)
}

/// Our zone at `zone`, or the demo domains'.
fn zone_at(request: &Request<'_>, zone: &Name, seen: &Seen) -> Result<Report, Need> {
    let look = seen.at(zone, RecordType::Soa)?;
    let led = delegation::judge(request, zone, look, seen)?;
    let mut report = Report { reachable: led.reachable, findings: led.findings, newest: Vec::new() };
    if !led.has_servers {
        return Ok(report);
    }
    let servers = name_servers::judge(request, zone, look, seen)?;
    report.findings.extend(servers.findings);
    report.newest.extend(servers.newest.map(|serial| (zone.clone(), serial)));
    Ok(report)
}
