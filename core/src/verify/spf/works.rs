//! A single record that can be read: whether it lets our servers send.

use super::{
    effect::is_pinned,
    merge::{includes_before_all, mentions, without},
    record::{Kind, Mechanism, Record},
    result::{Evaluation, SpfResult},
    single::{Single, Weakness, code_of},
};
use crate::{
    names::Name,
    observe::Need,
    verify::{Code, Status, Verdict},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// Whether our servers may send, by a single record.
pub(super) struct Works<'a> {
    pub(super) single: Single<'a>,
    /// The name whose record lists them.
    pub(super) include: &'a Name,
}

impl Works<'_> {
    pub(super) fn verdict(&self) -> Result<Verdict, Need> {
        if let Some(control) = self.single.effect.anyone() {
            return self.single.allows_anyone(control);
        }
        let sending = &self.single.effect.sending;
        let failing: Vec<&(IpAddr, Evaluation)> =
            sending.iter().filter(|(_, e)| e.result != SpfResult::Pass).collect();
        let some_pass = failing.len() < sending.len();
        // An installation that has named no addresses is judged by its include.
        let works = failing.is_empty()
            && (!sending.is_empty() || includes_before_all(self.single.record, self.include));
        if works {
            return self.works();
        }
        let ended = |result| failing.iter().map(|(_, e)| e).find(|e| e.result == result);
        if let Some(broken) = ended(SpfResult::Permerror) {
            let v6_only =
                some_pass && failing.iter().all(|(ip, e)| ip.is_ipv6() && e.result == broken.result);
            return self.single.broken(broken, v6_only);
        }
        if let Some(unknown) = ended(SpfResult::Temperror) {
            return Ok(self.unreachable(unknown));
        }
        let other_senders_pass =
            self.single.effect.other_sender.iter().any(|(_, e)| e.result == SpfResult::Pass);
        if some_pass || other_senders_pass {
            return self.partial(&failing);
        }
        self.not_included()
    }

    fn unreachable(&self, evaluation: &Evaluation) -> Verdict {
        let reason = format!(
            "Your SPF record could not be evaluated now, because it needs something that did not answer: {}.{} We \
             will look again.",
            evaluation.cause,
            self.single.where_it_breaks(evaluation)
        );
        self.single.case.verdict(Status::NetworkError, Code::SpfIncludeUnreachable, reason).fix(format!(
            "Nothing, if it is a passing outage. If it lasts, take that term out of the SPF record at {}.",
            self.single.case.owner()
        ))
    }

    fn partial(&self, failing: &[&(IpAddr, Evaluation)]) -> Result<Verdict, Need> {
        let addresses: Vec<String> = failing.iter().map(|(ip, _)| ip.to_string()).collect();
        let reason = if failing.len() == self.single.effect.sending.len() {
            "Your SPF record lets our servers send for some senders only, not for every address in the domain."
                .to_string()
        } else {
            format!("Your SPF record covers only some of our servers. Not covered: {}.", addresses.join(", "))
        };
        let verdict = self.single.case.verdict(Status::Softfail, Code::SpfPartial, reason);
        self.single.with_text(verdict, self.single.text, self.make_room())
    }

    fn not_included(&self) -> Result<Verdict, Need> {
        let include = self.include;
        let (code, reason) = if includes_before_all(self.single.record, include) {
            let why =
                self.single.effect.sending.first().map_or_else(String::new, |(_, e)| e.cause.to_string());
            (
                Code::SpfNotIncluded,
                format!(
                    "Your SPF record has include:{include}, but something in front of it decides first: {why}."
                ),
            )
        } else if !mentions(self.single.record, include) {
            (
                Code::SpfNotIncluded,
                format!("Your SPF record does not include our servers (include:{include})."),
            )
        } else if self.after_all() {
            let reason = format!(
                "In your SPF record include:{include} stands after all, where receivers do not look."
            );
            (Code::SpfAfterAll, reason)
        } else {
            let reason = format!(
                "Your SPF record has include:{include} with a sign in front that keeps our servers from passing."
            );
            (Code::SpfNotIncluded, reason)
        };
        let verdict = self.single.case.verdict(Status::Fail, code, reason);
        self.single.with_text(verdict, self.single.text, self.make_room())
    }

    /// Whether ours stands behind `all` and nowhere else.
    fn after_all(&self) -> bool {
        self.single.record.all().is_some_and(|all| {
            let before = Record { terms: self.single.record.terms[..all].to_vec() };
            !mentions(&before, self.include)
        })
    }

    fn make_room(&self) -> String {
        format!(
            "There is no room for include:{} in the SPF record at {}: with it, more than 10 look-ups would be needed. \
             Remove senders you no longer use first. What takes look-ups: {}.",
            self.include,
            self.single.case.owner(),
            self.single.effect.costs()
        )
    }

    /// Every sending address passes. The first weakness makes the verdict, the
    /// others are remarks.
    fn works(&self) -> Result<Verdict, Need> {
        let mut weaknesses = self.weaknesses().into_iter();
        let Some(first) = weaknesses.next() else {
            let reason = "Your SPF record lets our servers send.";
            return Ok(self.single.case.verdict(Status::Pass, Code::Ok, reason));
        };
        let verdict = self.single.case.verdict(Status::Softfail, first.code, first.reason);
        let mut verdict = match first.better {
            Some(better) => self.single.with_text(verdict, &better, first.advice)?,
            None => verdict.fix(first.advice),
        };
        verdict.remarks.extend(weaknesses.map(|weakness| weakness.reason));
        Ok(verdict)
    }

    fn weaknesses(&self) -> Vec<Weakness> {
        [
            self.breaks_for_others(),
            self.misses_some_senders(),
            self.needs_the_unreachable(),
            self.pins_addresses(),
            self.single.near_limit(),
            self.single.says_nothing_of_others(),
            self.single.uses_ptr(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn breaks_for_others(&self) -> Option<Weakness> {
        let broken = self.single.effect.first(SpfResult::Permerror)?;
        Some(Weakness {
            code: code_of(&broken.cause),
            reason: format!(
                "Our servers pass, but for other senders receivers cannot evaluate your SPF record: {}.{}",
                broken.cause,
                self.single.where_it_breaks(broken)
            ),
            better: Some(self.single.text.to_string()),
            advice: self.single.what_to_remove(broken),
        })
    }

    fn misses_some_senders(&self) -> Option<Weakness> {
        (!self.single.effect.all_pass()).then(|| Weakness {
            code: Code::SpfPartial,
            reason: "Your SPF record lets our servers send for some senders only, not for every address in the domain."
                .to_string(),
            better: Some(self.single.text.to_string()),
            advice: self.make_room(),
        })
    }

    fn needs_the_unreachable(&self) -> Option<Weakness> {
        let unknown =
            self.single.effect.controls.iter().map(|(_, e)| e).find(|e| e.result == SpfResult::Temperror)?;
        Some(Weakness {
            code: Code::SpfIncludeUnreachable,
            reason: format!(
                "Our servers pass, but behind that your SPF record needs something that did not answer: {}.{}",
                unknown.cause,
                self.single.where_it_breaks(unknown)
            ),
            better: None,
            advice: format!(
                "Nothing, if it is a passing outage. If it lasts, take that term out of the SPF record at {}.",
                self.single.case.owner()
            ),
        })
    }

    fn pins_addresses(&self) -> Option<Weakness> {
        if includes_before_all(self.single.record, self.include) {
            return None;
        }
        let pinned =
            self.single.effect.sending.iter().find(|(_, e)| is_pinned(&e.trace, self.single.record))?;
        Some(Weakness {
            code: Code::Pinned,
            reason: format!(
                "Your SPF record lists our server's address {} itself. It works until the address changes.",
                pinned.0
            ),
            better: Some(self.unpinned()),
            advice: self.make_room(),
        })
    }

    /// The record without exactly our addresses; wider networks may be there
    /// for others.
    fn unpinned(&self) -> String {
        let is_ours = |ip: &IpAddr, length: u8| {
            length == if ip.is_ipv4() { 32 } else { 128 } && self.single.case.trial.addresses.contains(ip)
        };
        let mut text = self.single.text.to_string();
        for term in &self.single.record.terms {
            if let Kind::Directive(_, Mechanism::Ip(ip, length)) = &term.kind
                && is_ours(ip, *length)
                && let Ok(record) = Record::parse(&text)
            {
                text = without(&record, &term.text);
            }
        }
        text
    }
}
