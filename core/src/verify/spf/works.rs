//! A single record that can be read: what it achieves.

use super::{
    effect::{Effect, is_pinned, last_step},
    eval::MAX_LOOKUPS,
    judge::Case,
    mend::Mended,
    merge::{includes_before_all, mentions, without},
    record::{Kind, Mechanism, Record},
    result::{Cause, Evaluation, SpfResult},
};
use crate::{
    observe::Need,
    verify::{Code, Status, Verdict},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// From here on the next include may be one too many.
const NEAR_LIMIT: usize = MAX_LOOKUPS - 1;

/// The record and what it was seen to do.
pub(super) struct Single<'a> {
    pub(super) case: &'a Case<'a>,
    pub(super) text: &'a str,
    pub(super) record: &'a Record,
    pub(super) effect: &'a Effect,
}

/// Something that works today and may not tomorrow.
struct Weakness {
    code: Code,
    reason: String,
    /// The record without it, before it is evaluated.
    better: Option<String>,
    /// What to do when no text can be offered.
    advice: String,
}

impl Single<'_> {
    pub(super) fn verdict(&self) -> Result<Verdict, Need> {
        if let Some(control) = self.effect.anyone() {
            return self.allows_anyone(control);
        }
        let sending = &self.effect.sending;
        let failing: Vec<&(IpAddr, Evaluation)> =
            sending.iter().filter(|(_, e)| e.result != SpfResult::Pass).collect();
        let some_pass = failing.len() < sending.len();
        // An installation that has named no addresses is judged by its include.
        let works = failing.is_empty()
            && (!sending.is_empty() || includes_before_all(self.record, &self.case.include));
        if works {
            return self.works();
        }
        let ended = |result| failing.iter().map(|(_, e)| e).find(|e| e.result == result);
        if let Some(broken) = ended(SpfResult::Permerror) {
            let v6_only =
                some_pass && failing.iter().all(|(ip, e)| ip.is_ipv6() && e.result == broken.result);
            return self.broken(broken, v6_only);
        }
        if let Some(unknown) = ended(SpfResult::Temperror) {
            return Ok(self.unreachable(unknown));
        }
        let other_senders_pass = self.effect.other_sender.iter().any(|(_, e)| e.result == SpfResult::Pass);
        if some_pass || other_senders_pass {
            return self.partial(&failing);
        }
        self.not_included()
    }

    fn allows_anyone(&self, control: &Evaluation) -> Result<Verdict, Need> {
        let term = last_step(&control.trace).map_or("", |step| step.term.as_str());
        let reason = format!(
            "Your SPF record lets anybody send as {}: by {term} it passes addresses that have nothing to do with you.",
            self.case.owner()
        );
        let verdict = self.case.verdict(Status::Fail, Code::SpfAllowsAnyone, reason);
        self.with_text(
            verdict,
            self.text,
            format!("Take {term} out of the SPF record at {}.", self.case.owner()),
        )
    }

    /// Evaluating breaks off before one of our addresses passes.
    fn broken(&self, evaluation: &Evaluation, v6_only: bool) -> Result<Verdict, Need> {
        let code = code_of(&evaluation.cause);
        let (status, scope) = match v6_only {
            true => (Status::Softfail, " for mail over IPv6"),
            false => (Status::Fail, ""),
        };
        let reason = format!(
            "Receivers cannot evaluate your SPF record{scope}: {}.{}",
            evaluation.cause,
            self.where_it_breaks(evaluation)
        );
        let verdict = self.case.verdict(status, code, reason);
        self.with_text(verdict, self.text, self.what_to_remove(evaluation))
    }

    fn where_it_breaks(&self, evaluation: &Evaluation) -> String {
        last_step(&evaluation.trace)
            .filter(|step| step.result.is_some_and(SpfResult::is_error))
            .filter(|step| !evaluation.cause.to_string().contains(&step.term))
            .map_or_else(String::new, |step| format!(" It happens at {}.", step.term))
    }

    fn what_to_remove(&self, evaluation: &Evaluation) -> String {
        let owner = self.case.owner();
        match &evaluation.cause {
            Cause::TooManyLookups => {
                let with_ours = match includes_before_all(self.record, &self.case.include) {
                    true => String::new(),
                    false => format!(" with include:{} put before its all", self.case.include),
                };
                format!(
                    "Remove senders you no longer use from the SPF record at {owner}, until it needs no more than \
                     {MAX_LOOKUPS} look-ups{with_ours}. What takes look-ups: {}.",
                    self.effect.costs()
                )
            }
            _ => match last_step(&evaluation.trace) {
                Some(step) => format!("Correct {} in the SPF record at {owner}, or take it out.", step.term),
                None => format!("Correct the SPF record at {owner}."),
            },
        }
    }

    fn unreachable(&self, evaluation: &Evaluation) -> Verdict {
        let reason = format!(
            "Your SPF record could not be evaluated now, because it needs something that did not answer: {}.{} We \
             will look again.",
            evaluation.cause,
            self.where_it_breaks(evaluation)
        );
        self.case.verdict(Status::NetworkError, Code::SpfIncludeUnreachable, reason).fix(format!(
            "Nothing, if it is a passing outage. If it lasts, take that term out of the SPF record at {}.",
            self.case.owner()
        ))
    }

    fn partial(&self, failing: &[&(IpAddr, Evaluation)]) -> Result<Verdict, Need> {
        let addresses: Vec<String> = failing.iter().map(|(ip, _)| ip.to_string()).collect();
        let reason = if failing.len() == self.effect.sending.len() {
            "Your SPF record lets our servers send for some senders only, not for every address in the domain."
                .to_string()
        } else {
            format!("Your SPF record covers only some of our servers. Not covered: {}.", addresses.join(", "))
        };
        let verdict = self.case.verdict(Status::Softfail, Code::SpfPartial, reason);
        self.with_text(verdict, self.text, self.make_room())
    }

    fn not_included(&self) -> Result<Verdict, Need> {
        let include = &self.case.include;
        let (code, reason) = if includes_before_all(self.record, include) {
            let why = self.effect.sending.first().map_or_else(String::new, |(_, e)| e.cause.to_string());
            (
                Code::SpfNotIncluded,
                format!(
                    "Your SPF record has include:{include}, but something in front of it decides first: {why}."
                ),
            )
        } else if !mentions(self.record, include) {
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
        let verdict = self.case.verdict(Status::Fail, code, reason);
        self.with_text(verdict, self.text, self.make_room())
    }

    /// Whether ours stands behind `all` and nowhere else.
    fn after_all(&self) -> bool {
        self.record.all().is_some_and(|all| {
            let before = Record { terms: self.record.terms[..all].to_vec() };
            !mentions(&before, &self.case.include)
        })
    }

    fn make_room(&self) -> String {
        format!(
            "There is no room for include:{} in the SPF record at {}: with it, more than 10 look-ups would be needed. \
             Remove senders you no longer use first. What takes look-ups: {}.",
            self.case.include,
            self.case.owner(),
            self.effect.costs()
        )
    }

    /// Every sending address passes. The first weakness makes the verdict, the
    /// others are remarks.
    fn works(&self) -> Result<Verdict, Need> {
        let mut weaknesses = self.weaknesses().into_iter();
        let Some(first) = weaknesses.next() else {
            let reason = "Your SPF record lets our servers send.";
            return Ok(self.case.verdict(Status::Pass, Code::Ok, reason));
        };
        let verdict = self.case.verdict(Status::Softfail, first.code, first.reason);
        let mut verdict = match first.better {
            Some(better) => self.with_text(verdict, &better, first.advice)?,
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
            self.near_limit(),
            self.says_nothing_of_others(),
            self.uses_ptr(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn breaks_for_others(&self) -> Option<Weakness> {
        let broken = self.effect.first(SpfResult::Permerror)?;
        Some(Weakness {
            code: code_of(&broken.cause),
            reason: format!(
                "Our servers pass, but for other senders receivers cannot evaluate your SPF record: {}.{}",
                broken.cause,
                self.where_it_breaks(broken)
            ),
            better: Some(self.text.to_string()),
            advice: self.what_to_remove(broken),
        })
    }

    fn misses_some_senders(&self) -> Option<Weakness> {
        (!self.effect.all_pass()).then(|| Weakness {
            code: Code::SpfPartial,
            reason: "Your SPF record lets our servers send for some senders only, not for every address in the domain."
                .to_string(),
            better: Some(self.text.to_string()),
            advice: self.make_room(),
        })
    }

    fn needs_the_unreachable(&self) -> Option<Weakness> {
        let unknown = self.effect.controls.iter().find(|e| e.result == SpfResult::Temperror)?;
        Some(Weakness {
            code: Code::SpfIncludeUnreachable,
            reason: format!(
                "Our servers pass, but behind that your SPF record needs something that did not answer: {}.{}",
                unknown.cause,
                self.where_it_breaks(unknown)
            ),
            better: None,
            advice: format!(
                "Nothing, if it is a passing outage. If it lasts, take that term out of the SPF record at {}.",
                self.case.owner()
            ),
        })
    }

    fn pins_addresses(&self) -> Option<Weakness> {
        if includes_before_all(self.record, &self.case.include) {
            return None;
        }
        let pinned = self.effect.sending.iter().find(|(_, e)| is_pinned(&e.trace, self.record))?;
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
            length == if ip.is_ipv4() { 32 } else { 128 }
                && self.case.context.provider.sending_ips.contains(ip)
        };
        let mut text = self.text.to_string();
        for term in &self.record.terms {
            if let Kind::Directive(_, Mechanism::Ip(ip, length)) = &term.kind
                && is_ours(ip, *length)
                && let Ok(record) = Record::parse(&text)
            {
                text = without(&record, &term.text);
            }
        }
        text
    }

    fn near_limit(&self) -> Option<Weakness> {
        let lookups = self.effect.lookups();
        (lookups >= NEAR_LIMIT && self.effect.first(SpfResult::Permerror).is_none()).then(|| Weakness {
            code: Code::SpfNearLimit,
            reason: format!(
                "Your SPF record needs {lookups} of the {MAX_LOOKUPS} look-ups allowed. If another sender's record \
                 grows, SPF breaks for all your mail."
            ),
            better: None,
            advice: format!("Remove senders you no longer use. What takes look-ups: {}.", self.effect.costs()),
        })
    }

    fn says_nothing_of_others(&self) -> Option<Weakness> {
        self.effect.controls.iter().find(|e| e.result == SpfResult::Neutral)?;
        let all = self.record.all().map(|at| self.record.terms[at].text.clone());
        let better = match (all, self.record.redirect()) {
            (Some(all), _) => Some(without(self.record, &all)),
            (None, None) => Some(format!("{} ~all", self.text.trim_end())),
            // It is the other record that has no policy.
            (None, Some(_)) => None,
        };
        Some(Weakness {
            code: Code::SpfNeutral,
            reason: "Your SPF record says nothing about servers it does not list, so it does not protect your name."
                .to_string(),
            better,
            advice: "Let the record end in ~all.".to_string(),
        })
    }

    fn uses_ptr(&self) -> Option<Weakness> {
        let end = self.record.all().unwrap_or(self.record.terms.len());
        let ptr = self.record.terms[..end]
            .iter()
            .find(|term| matches!(term.kind, Kind::Directive(_, Mechanism::Ptr(_))))?;
        Some(Weakness {
            code: Code::SpfPtr,
            reason: format!(
                "Your SPF record uses {}, which is slow, should not be used any more (RFC 7208 section 5.5) and is \
                 ignored by many receivers.",
                ptr.text
            ),
            better: Some(without(self.record, &ptr.text)),
            advice: format!("Replace {} by the addresses of the servers it stands for.", ptr.text),
        })
    }

    /// `verdict` with the least change to `text` that passes, or with `advice`
    /// where there is none.
    fn with_text(&self, verdict: Verdict, text: &str, advice: String) -> Result<Verdict, Need> {
        let mended: Option<Mended> = self.case.mend(text)?;
        Ok(match mended {
            Some(mended) => self.case.paste(verdict, &mended),
            None => verdict.fix(advice),
        })
    }
}

fn code_of(cause: &Cause) -> Code {
    match cause {
        Cause::TooManyLookups | Cause::TooManyNames(_) => Code::SpfTooManyLookups,
        Cause::TooManyVoids(_) => Code::SpfTooManyVoidLookups,
        Cause::Loop(_) => Code::SpfLoop,
        Cause::Unreachable { .. } => Code::SpfIncludeUnreachable,
        // The domain's own record is one that can be read.
        Cause::Matched { .. }
        | Cause::NoMatch
        | Cause::NoRecord(_)
        | Cause::InvalidDomain(_)
        | Cause::Multiple(_)
        | Cause::Syntax { .. }
        | Cause::NothingThere { .. } => Code::SpfBrokenInclude,
    }
}
