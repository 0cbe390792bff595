//! The SPF record of any domain, whoever sends for it.

use super::{
    effect::{Effect, Trial},
    judge::{Case, after_all, read},
    merge::with_addresses,
    result::{Cause, Evaluation, SpfResult},
    single::Single,
};
use crate::{
    names::Name,
    observe::{Data, Need, RecordType, Seen},
    plan::{PlannedRecord, RecordKey},
    verify::{
        Code, Status, Verdict,
        cname::chain::{self, End},
        evidence::{unanswered_about, with_evidence},
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::net::IpAddr;

/// A domain's SPF, and who it must let send.
pub(crate) struct AnySpf<'a> {
    /// Whose.
    pub(crate) domain: &'a Name,
    /// Addresses that must pass; none where nobody has named any.
    pub(crate) addresses: &'a [IpAddr],
    /// A random label.
    pub(crate) probe: &'a str,
    /// The text to publish where there is none.
    pub(crate) plain: &'a str,
}

impl AnySpf<'_> {
    /// Judges the record: valid, the only one, within the limits, not open to
    /// anybody, and letting every address pass that must. What it is expected to
    /// be is the text to publish.
    ///
    /// # Errors
    /// [`Need`] when something has not been looked at yet.
    pub(crate) fn judge(&self, seen: &Seen) -> Result<Verdict, Need> {
        let record = PlannedRecord {
            key: RecordKey::Spf,
            owner: self.domain.clone(),
            rtype: RecordType::Txt,
            value: self.plain.to_string(),
            gates: false,
        };
        let trial = Trial {
            domain: self.domain,
            addresses: self.addresses,
            helo: self.domain.as_str(),
            probe: self.probe,
            include: None,
            thorough: true,
        };
        let chain = chain::follow(seen, self.domain, RecordType::Txt, None)?;
        let last = chain.last().unwrap_or(self.domain);
        let (look, texts) = match chain.end {
            End::Answer { look, answer } => {
                (look, answer.records.iter().filter_map(|r| Data::txt(&r.data)).collect())
            }
            End::Unanswered(look) => {
                let verdict = unanswered_about(RecordKey::Spf, look, last, RecordType::Txt);
                return Ok(verdict.unwrap_or_else(|| Verdict::unchecked(&record)));
            }
            End::NotDelegated | End::Loop => (seen.at(self.domain, RecordType::Txt)?, Vec::new()),
        };
        let case = Case { trial, record: &record, seen, look, plain: self.plain.to_string() };
        let (verdict, _) = case.texts(&texts, |text| single(&case, text).map(|verdict| (verdict, None)))?;
        let mut verdict = with_evidence(verdict, look);
        if chain.is_alias() {
            verdict.remarks.push(format!("Read at {last}, where the CNAME at {} leads.", self.domain));
        }
        Ok(verdict)
    }
}

/// The verdict on the only record.
fn single(case: &Case<'_>, text: &[u8]) -> Result<Verdict, Need> {
    let (record, text) = match read(text) {
        Ok(read) => read,
        Err(error) => return case.syntax(text, &error),
    };
    let effect = Effect::of(&case.trial, case.seen, &[])?;
    let single = Single { case, text: &text, record: &record, effect: &effect };
    let mut verdict = judged(&single)?;
    if verdict.expected == case.plain {
        verdict.expected = text.clone();
    }
    verdict.remarks.extend(after_all(&record, None));
    Ok(verdict)
}

fn judged(single: &Single<'_>) -> Result<Verdict, Need> {
    let effect = single.effect;
    if let Some(control) = effect.anyone() {
        return single.allows_anyone(control);
    }
    if let Some(broken) = effect.first(SpfResult::Permerror) {
        return single.broken(broken, effect.for_v6_only(SpfResult::Permerror));
    }
    if let Some(unknown) = effect.first(SpfResult::Temperror) {
        return Ok(unreachable(single, unknown));
    }
    let failing: Vec<&(IpAddr, Evaluation)> =
        effect.sending.iter().filter(|(_, e)| e.result != SpfResult::Pass).collect();
    if !failing.is_empty() {
        return not_covered(single, &failing);
    }
    let mut weaknesses =
        [single.near_limit(), single.says_nothing_of_others(), single.uses_ptr()].into_iter().flatten();
    let Some(first) = weaknesses.next() else {
        let reason = format!(
            "The SPF record can be evaluated: it uses {} of the {} look-ups allowed.",
            effect.lookups(),
            super::eval::MAX_LOOKUPS
        );
        return Ok(single.case.verdict(Status::Pass, Code::Ok, reason));
    };
    let verdict = single.case.verdict(Status::Softfail, first.code, first.reason);
    let mut verdict = match first.better {
        Some(better) => single.with_text(verdict, &better, first.advice)?,
        None => verdict.fix(first.advice),
    };
    verdict.remarks.extend(weaknesses.map(|weakness| weakness.reason));
    Ok(verdict)
}

/// Addresses that must pass and do not.
fn not_covered(single: &Single<'_>, failing: &[&(IpAddr, Evaluation)]) -> Result<Verdict, Need> {
    let owner = single.case.owner();
    let told: Vec<String> = failing
        .iter()
        .map(|(ip, evaluation)| match &evaluation.cause {
            Cause::Matched { term, .. } => format!("{ip} gets {} by {term}", evaluation.result),
            cause => format!("{ip} gets {}: {cause}", evaluation.result),
        })
        .collect();
    let addresses: Vec<IpAddr> = failing.iter().map(|(ip, _)| *ip).collect();
    let reason = format!("The SPF record does not let every given address send: {}.", told.join("; "));
    let verdict = single.case.verdict(Status::Fail, Code::SpfNotCovered, reason);
    let listed: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let advice = format!("Let the SPF record at {owner} allow {}.", listed.join(" and "));
    single.with_text(verdict, &with_addresses(single.record, &addresses), advice)
}

fn unreachable(single: &Single<'_>, unknown: &Evaluation) -> Verdict {
    let owner = single.case.owner();
    let reason = format!(
        "The SPF record could not be evaluated now, because it needs something that did not answer: {}.{}",
        unknown.cause,
        single.where_it_breaks(unknown)
    );
    single.case.verdict(Status::NetworkError, Code::SpfIncludeUnreachable, reason).fix(format!(
        "Nothing, if it is a passing outage. If it lasts, take that term out of the SPF record at {owner}."
    ))
}
