//! What a record does: every sending address and some that have no business
//! with it, put through `check_host()`.

use super::{
    eval::check_host_with,
    library::Library,
    record::{Kind, Mechanism, Record},
    result::{Cause, Evaluation, Query, SpfResult, Step, Trace},
};
use crate::{
    names::Name,
    observe::{Need, Seen},
    verify::Context,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses that nobody should let pass: three reserved for documentation
/// (RFC 5737, RFC 3849), and one in the lower half of the address space, from
/// a block that sends no mail.
pub(crate) const CONTROLS: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, 77)),
    IpAddr::V4(Ipv4Addr::new(203, 0, 113, 77)),
    IpAddr::V4(Ipv4Addr::new(7, 77, 77, 77)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 0x77)),
];

/// The senders a domain's record is tried with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial<'a> {
    /// Whose record.
    pub(super) domain: &'a Name,
    /// The addresses that should pass.
    pub(super) addresses: &'a [IpAddr],
    /// What they call themselves.
    pub(super) helo: &'a str,
    /// See [`Context::probe`].
    pub(super) probe: &'a str,
    /// The name whose record is to be included; `None` where nobody's is.
    pub(super) include: Option<&'a Name>,
    /// See [`Context::thorough`].
    pub(super) thorough: bool,
}

impl<'a> Trial<'a> {
    /// Our servers, whose record is at `include`.
    pub(super) fn of_ours(context: &Context<'a>, include: &'a Name) -> Self {
        let provider = context.provider;
        Self {
            domain: context.domain,
            addresses: &provider.sending_ips,
            helo: provider.zone.as_str(),
            probe: context.probe,
            include: Some(include),
            thorough: context.thorough,
        }
    }
}

/// Every evaluation of one record.
#[derive(Debug)]
pub(super) struct Effect {
    /// One per sending address.
    pub(super) sending: Vec<(IpAddr, Evaluation)>,
    /// The same for a local part nobody uses, where that can differ.
    pub(super) other_sender: Vec<(IpAddr, Evaluation)>,
    /// One per control address.
    pub(super) controls: Vec<(IpAddr, Evaluation)>,
}

impl Effect {
    /// Evaluates the record of the domain, or `assumed` records in place of
    /// what is published.
    pub(super) fn of(trial: &Trial<'_>, seen: &Seen, assumed: &[(&Name, &str)]) -> Result<Self, Need> {
        let library = Library::default();
        let addresses = trial.addresses;
        let evaluate = |local_part: &str, ip: IpAddr| {
            let query = Query::new(ip, &format!("{local_part}@{}", trial.domain), trial.helo);
            check_host_with(seen, &query, assumed, &library)
        };
        let mut needed = Vec::new();
        let mut all = |local_part: &str, addresses: &mut dyn Iterator<Item = IpAddr>| {
            let mut evaluations = Vec::new();
            for ip in addresses {
                match evaluate(local_part, ip) {
                    Ok(evaluation) => evaluations.push((ip, evaluation)),
                    Err(Need(mut questions)) => needed.append(&mut questions),
                }
            }
            evaluations
        };
        let sending = all("postmaster", &mut addresses.iter().copied());
        // Only macros can tell one sender from another.
        let other_sender = match library.has_macros() {
            true => all(trial.probe, &mut addresses.iter().copied()),
            false => Vec::new(),
        };
        let mut unrelated = CONTROLS.into_iter().filter(|control| !addresses.contains(control));
        let controls = all("postmaster", &mut unrelated);
        if !needed.is_empty() {
            needed.sort();
            needed.dedup();
            return Err(Need(needed));
        }
        Ok(Self { sending, other_sender, controls })
    }

    /// [`Self::of`] with our own record as it should be where the live one
    /// does not do its part, and whether that was so.
    pub(super) fn whatever_ours_does(
        trial: &Trial<'_>,
        seen: &Seen,
        assumed: &[(&Name, &str)],
    ) -> Result<(Self, bool), Need> {
        let effect = Self::of(trial, seen, assumed)?;
        let Some(include) = trial.include.filter(|include| effect.ours_fails(include)) else {
            return Ok((effect, false));
        };
        let ours = our_record(trial.addresses);
        let mut assumed = assumed.to_vec();
        assumed.push((include, &ours));
        Ok((Self::of(trial, seen, &assumed)?, true))
    }

    /// Every evaluation with its address, those of the sending addresses first.
    fn all(&self) -> impl Iterator<Item = &(IpAddr, Evaluation)> {
        self.sending.iter().chain(&self.other_sender).chain(&self.controls)
    }

    /// Whether what ended so did for IPv6 addresses alone.
    pub(super) fn for_v6_only(&self, result: SpfResult) -> bool {
        let mut v4 = self.all().filter(|(ip, _)| ip.is_ipv4()).peekable();
        v4.peek().is_some() && v4.all(|(_, evaluation)| evaluation.result != result)
    }

    /// Every evaluation, those of the sending addresses first.
    pub(super) fn evaluations(&self) -> impl Iterator<Item = &Evaluation> {
        self.all().map(|(_, evaluation)| evaluation)
    }

    /// The control that passes, if one does.
    pub(super) fn anyone(&self) -> Option<&Evaluation> {
        self.controls.iter().map(|(_, e)| e).find(|e| e.result == SpfResult::Pass)
    }

    /// Whether every sending address passes, for every sender.
    pub(super) fn all_pass(&self) -> bool {
        self.sending.iter().chain(&self.other_sender).all(|(_, e)| e.result == SpfResult::Pass)
    }

    /// The first evaluation that ended so.
    pub(super) fn first(&self, result: SpfResult) -> Option<&Evaluation> {
        self.evaluations().find(|evaluation| evaluation.result == result)
    }

    /// The most of the ten look-ups that any of them used.
    pub(super) fn lookups(&self) -> usize {
        self.evaluations().map(|evaluation| evaluation.lookups).max().unwrap_or(0)
    }

    /// What costs look-ups, from the evaluation that went furthest: "`mx` 1,
    /// `include:x` 4".
    pub(super) fn costs(&self) -> String {
        let Some(widest) = self.evaluations().max_by_key(|evaluation| evaluation.lookups) else {
            return String::new();
        };
        let costs: Vec<String> = widest
            .trace
            .steps
            .iter()
            .filter(|step| step.lookups > 0)
            .map(|step| {
                // It broke off in there, and might take more.
                let more = if step.result == Some(SpfResult::Permerror) { " or more" } else { "" };
                format!("{} takes {}{more}", step.term, step.lookups)
            })
            .collect();
        costs.join(", ")
    }

    /// Whether our own record was reached and did not do its part. That is
    /// ours to mend, and no customer's fault.
    fn ours_fails(&self, include: &Name) -> bool {
        let limit = |evaluation: &Evaluation| {
            matches!(evaluation.cause, Cause::TooManyLookups | Cause::TooManyVoids(_) | Cause::Loop(_))
        };
        let sending = self.sending.iter().chain(&self.other_sender).map(|(_, e)| e).any(|evaluation| {
            !limit(evaluation)
                && evaluation.trace.reached(include).is_some_and(|ours| ours.result != SpfResult::Pass)
        });
        sending
            || self.controls.iter().any(|(_, evaluation)| {
                !limit(evaluation)
                    && evaluation
                        .trace
                        .reached(include)
                        .is_some_and(|ours| ours.result.is_error() || ours.result == SpfResult::None)
            })
    }
}

/// Our record as the plan means it, for when the live one does not answer.
fn our_record(sending_ips: &[IpAddr]) -> String {
    let mut text = "v=spf1".to_string();
    for ip in sending_ips {
        text.push_str(if ip.is_ipv4() { " ip4:" } else { " ip6:" });
        text.push_str(&ip.to_string());
    }
    text.push_str(" -all");
    text
}

/// The last term of the domain's own record that was looked at: the one that
/// decided, or in which the evaluation broke off.
pub(super) fn last_step(trace: &Trace) -> Option<&Step> {
    trace.steps.last()
}

/// Whether a pass rests on an address written out in the domain's own record.
pub(super) fn is_pinned(trace: &Trace, record: &Record) -> bool {
    last_step(trace).is_some_and(|step| {
        record
            .terms
            .iter()
            .any(|term| term.text == step.term && matches!(term.kind, Kind::Directive(_, Mechanism::Ip(..))))
    })
}
