//! The DMARC policy of the sending domain (RFC 9989).
//!
//! Any valid policy satisfies us, its own or inherited; a stricter one than
//! ours is the owner's choice and never questioned.

mod consent;
pub mod policy;
mod repair;
#[cfg(test)]
mod tests;
mod walk;

use self::{
    policy::{Record, Tag},
    walk::{Inherited, Published, Walk},
};
use super::{
    Code, Context, Status, Verdict,
    cname::chain::End,
    evidence,
    paste::{Paste, Value},
};
use crate::{
    names::Name,
    observe::{Look, Need, Rcode, RecordType, Seen, Zone, printable},
    plan::{PlannedRecord, Provider},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// What a fix calls the record; other TXT records may stand beside it.
const RECORD: &str = "DMARC record (TXT)";
/// Remarks on the tags of one record that are passed on.
const REMARKS: usize = 8;
const STRICT_SPF: &str =
    "aspf=s: our return path is below the domain, so SPF will not align; DKIM does, and that is enough.";
const TESTING: &str = "t=y: receivers apply the policy one step below the one given (RFC 9989 §4.7).";

/// Judges the DMARC record; beside the verdict, the owner's own record where
/// it is valid and the only one, to be shown as it stands.
///
/// # Errors
/// [`Need`] with what has to be looked at before anything can be said.
pub fn judge(
    context: &Context<'_>,
    record: &PlannedRecord,
    seen: &Seen,
) -> Result<(Verdict, Option<String>), Need> {
    let Context { domain, probe, provider, thorough, .. } = *context;
    judge_for(&Party { domain, probe, provider: Some(provider), thorough }, record, seen)
}

/// [`judge`] for whoever the record is to serve.
pub(crate) fn judge_for(
    party: &Party<'_>,
    record: &PlannedRecord,
    seen: &Seen,
) -> Result<(Verdict, Option<String>), Need> {
    let sibling = evidence::sibling(&record.owner, party.probe).filter(|_| party.thorough);
    match &sibling {
        Some(sibling) => seen.have_all(&[(&record.owner, RecordType::Txt), (sibling, RecordType::Txt)])?,
        None => seen.have_all(&[(&record.owner, RecordType::Txt)])?,
    }
    let look = seen.at(&record.owner, RecordType::Txt)?;
    let case = Case { party, record, seen, look };
    if let Some(verdict) = case.unanswered(look, &record.owner) {
        return Ok((verdict, None));
    }
    let own = walk::read(seen, &record.owner)?;
    if let End::Unanswered(last) = own.chain.end {
        return Ok((case.behind_alias(&own, last), None));
    }
    if let End::Loop = own.chain.end {
        return Ok((case.circle(&own), None));
    }
    match &own.records[..] {
        [(text, policy)] => {
            let verdict = case.own(&own, text, policy)?;
            Ok((verdict, policy.is_valid().then(|| pasteable(text)).flatten()))
        }
        [] => Ok((case.none(&own)?, None)),
        _ => Ok((case.several(&own)?, None)),
    }
}

/// Whether receivers take the text for a DMARC record (RFC 9989 §4.10 step 2).
pub(crate) fn starts_as_dmarc(text: &[u8]) -> bool {
    Record::parse(text).is_some()
}

/// A valid record as text to paste: as it stands, with blanks for tabs, which
/// mean the same and which no form takes. What else than printable ASCII is not
/// allowed in it (§4.8), and a backtick would end the text where it is shown:
/// with one of those it is written anew, its policy kept.
fn pasteable(text: &[u8]) -> Option<String> {
    let plain = text.iter().all(|&b| b == b'\t' || (b != b'`' && (0x20..0x7f).contains(&b)));
    if plain {
        return core::str::from_utf8(text).ok().map(|text| text.replace('\t', " "));
    }
    repair::repaired(text)
}

/// Whose DMARC is judged, and for whom.
pub(crate) struct Party<'a> {
    /// The domain that stands in From.
    pub(crate) domain: &'a Name,
    /// See [`Context::probe`].
    pub(crate) probe: &'a str,
    /// Who sends for it; `None` where that is nobody's business here.
    pub(crate) provider: Option<&'a Provider>,
    /// See [`Context::thorough`].
    pub(crate) thorough: bool,
}

/// One domain's DMARC on trial.
struct Case<'a> {
    party: &'a Party<'a>,
    record: &'a PlannedRecord,
    seen: &'a Seen,
    /// The look at `_dmarc.` of the domain.
    look: &'a Look,
}

impl<'a> Case<'a> {
    fn verdict(&self, status: Status, code: Code, reason: impl Into<String>) -> Verdict {
        Verdict::new(self.record, status, code, reason)
    }

    /// The verdict where there is no answer to judge.
    fn unanswered(&self, look: &Look, name: &Name) -> Option<Verdict> {
        match self.party.provider {
            Some(_) => evidence::unanswered_at(self.record, look, name, RecordType::Txt),
            None => evidence::unanswered_about(self.record.key, look, name, RecordType::Txt),
        }
    }

    /// With the evidence of where the records were read, and the CNAMEs there.
    fn at(&self, verdict: Verdict, own: &Published<'_>) -> Verdict {
        let look = own.answer().map_or(self.look, |(look, _)| look);
        let mut verdict = evidence::with_evidence(verdict, look);
        if own.chain.is_alias() {
            verdict.remarks.push(format!("Read through a CNAME: {}.", path(own)));
        }
        verdict
    }

    /// Where the record is entered: at the owner's DNS host, or where a CNAME leads.
    fn place<'p>(&'p self, own: &'p Published<'_>) -> Paste<'p> {
        match own.chain.last() {
            Some(host) if own.chain.is_alias() => Paste::behind(host, &self.record.owner),
            _ => Paste::new(&self.record.owner, self.look).below(self.party.domain, self.look),
        }
    }

    fn publish(&self, own: &Published<'_>, text: &str) -> String {
        self.place(own).publish(Value::Text(text))
    }

    fn replace(&self, own: &Published<'_>, text: &str) -> String {
        self.place(own).change(RECORD, Value::Text(text))
    }

    /// Whether a wildcard gives what was read at the name.
    fn is_wildcard(&self) -> Result<bool, Need> {
        self.is_wildcard_at(&self.record.owner)
    }

    fn is_wildcard_at(&self, name: &Name) -> Result<bool, Need> {
        evidence::is_wildcard(self.seen, name, RecordType::Txt, self.party.probe)
    }

    /// A verdict that something is wrong does not hold for a wildcard's answer,
    /// which was never meant for this name.
    fn unless_wildcard(&self, verdict: Verdict, own: &Published<'_>) -> Result<Verdict, Need> {
        if verdict.status != Status::Fail || !self.is_wildcard()? {
            return Ok(verdict);
        }
        let reason = format!(
            "There is no record of its own at {}: a wildcard answers there, and would answer the same for any name.",
            self.record.owner
        );
        Ok(self.at(self.offering(self.verdict(Status::Missing, Code::Wildcard, reason), own), own))
    }

    /// There is one record at the domain's own name.
    fn own(&self, own: &Published<'_>, text: &[u8], policy: &Record) -> Result<Verdict, Need> {
        let domain = self.party.domain;
        let mut verdict = if policy.is_valid() {
            self.valid(own, text, policy)?
        } else {
            let what = flaw(policy);
            let repaired = repair::repaired(text).unwrap_or_else(|| self.record.value.clone());
            let fix = self.replace(own, &repaired);
            if policy.is_applied() {
                // §4.10.1: as if `p=none` stood there.
                let reason = format!(
                    "{what}. Receivers treat the record as p=none, since it has an address for reports."
                );
                self.verdict(Status::Softfail, Code::DmarcSyntax, reason).fix(fix)
            } else {
                let reason = format!("{what}. Receivers apply no DMARC to {domain} (RFC 9989 §4.10.1).");
                self.verdict(Status::Fail, Code::DmarcSyntax, reason).fix(fix)
            }
        };
        verdict.remarks.extend(remarks(policy, self.party.provider.is_some()));
        if own.others.iter().any(|other| repair::is_meant(other)) {
            verdict.remarks.push(
                "Another text at this name looks like DMARC but does not start as one; receivers ignore it."
                    .to_string(),
            );
        }
        let verdict = self.at(verdict, own);
        let mut verdict = self.unless_wildcard(verdict, own)?;
        if self.party.thorough && verdict.status.is_right() && self.is_wildcard()? {
            verdict.remarks.push(format!(
                "A wildcard answers at {}; receivers take it, but a record of its own is safer.",
                self.record.owner
            ));
        }
        Ok(verdict)
    }

    fn valid(&self, own: &Published<'_>, text: &[u8], policy: &Record) -> Result<Verdict, Need> {
        if let Some(bad) = policy.bad_uris.first() {
            let address = if bad.is_empty() { "an empty text".to_string() } else { format!("`{bad}`") };
            let reason = format!(
                "The policy is {}, but {address} is no address for reports: it takes the form mailto:name@domain.",
                policy.own_policy()
            );
            let verdict = self.verdict(Status::Softfail, Code::DmarcSyntax, reason);
            return Ok(match repair::repaired(text) {
                Some(repaired) => verdict.fix(self.replace(own, &repaired)),
                None => verdict,
            });
        }
        let consent = consent::look(self.party, policy, self.seen)?;
        let mut verdict = match consent.refused.first() {
            Some((destination, place)) => {
                let reason = format!(
                    "The policy is {}, but reports are to go to {destination}, which has not agreed to receive \
                     them, so receivers will not send them (RFC 9990).",
                    policy.own_policy()
                );
                self.verdict(Status::Softfail, Code::DmarcReportConsent, reason).fix(format!(
                    "Ask the operator of {destination} to publish a TXT record at `{place}` with the value \
                     `v=DMARC1`, or have reports sent to an address in your own domain."
                ))
            }
            None => {
                let reason = format!("{} has a DMARC policy: {}.", self.party.domain, policy.own_policy());
                self.verdict(Status::Pass, Code::Ok, reason)
            }
        };
        verdict.remarks.extend(consent.remarks);
        Ok(verdict)
    }

    /// Several records: all are discarded and the walk goes on (§4.10 step 2).
    fn several(&self, own: &Published<'_>) -> Result<Verdict, Need> {
        let walk = walk::walk(self.seen, self.party.domain)?;
        let count = own.records.len();
        let keep = own
            .records
            .iter()
            .filter(|(_, policy)| policy.is_valid())
            .max_by_key(|(_, policy)| (policy.own_policy(), policy.nonexistent_policy(), policy.rua.len()))
            .and_then(|(text, _)| pasteable(text))
            .unwrap_or_else(|| self.record.value.clone());
        let fix = self.place(own).keep(RECORD, Value::Text(&keep));
        let several =
            format!("{count} DMARC records stand at {}, so receivers discard all of them", self.record.owner);
        let verdict = match walk.inherited.filter(|inherited| inherited.record.is_applied()) {
            Some(inherited) => {
                let reason = format!("{several}; {}.", effective(&inherited));
                self.verdict(Status::Softfail, Code::DmarcMultiple, reason)
            }
            None if !walk.unread.is_empty() => return Ok(self.unread(&walk.unread)),
            None => {
                let reason = format!("{several}, and no domain above has a policy that would apply.");
                self.verdict(Status::Fail, Code::DmarcMultiple, reason)
            }
        };
        self.unless_wildcard(self.at(verdict.fix(fix), own), own)
    }

    /// No record at the domain's own name: one that is broken, one above, or one
    /// in a wrong place.
    fn none(&self, own: &Published<'_>) -> Result<Verdict, Need> {
        let wildcard = self.is_wildcard()?;
        let broken = own.others.iter().find(|text| repair::is_meant(text));
        if let Some(text) = broken.filter(|_| !wildcard) {
            return Ok(self.at(self.malformed(own, text), own));
        }
        let (Walk { inherited, unread, unread_suffixes }, there) = self.look_around()?;
        let applied = inherited.as_ref().filter(|inherited| inherited.record.is_applied());
        if let Some(inherited) = applied {
            let mut verdict = self.inherited(inherited);
            for name in unread.iter().map(|(name, _)| name).chain(&unread_suffixes) {
                verdict.remarks.push(format!("{name} could not be read now."));
            }
            if let Some((name, _)) = there {
                verdict.remarks.push(format!(
                    "The text at {name} has no effect there; its place is {}.",
                    self.record.owner
                ));
            }
            return Ok(verdict);
        }
        if !unread.is_empty() {
            return Ok(self.unread(&unread));
        }
        if let Some((name, code)) = there {
            return Ok(self.at(self.at_wrong_place(own, &name, code), own));
        }
        if inherited.is_none() && wildcard {
            let reason = format!(
                "There is no DMARC policy for {}: at {} only a wildcard answers, with something else.",
                self.party.domain, self.record.owner
            );
            let verdict = self.verdict(Status::Missing, Code::Wildcard, reason);
            return Ok(self.at(self.offering(verdict, own), own));
        }
        let mut verdict = self.absent(own);
        for name in &unread_suffixes {
            verdict.remarks.push(format!("{name} could not be read now; it belongs to a public suffix."));
        }
        if let Some(Inherited { domain: above, record, text, .. }) = &inherited {
            verdict.reason =
                format!("{} The record of {above} does not apply: {}.", verdict.reason, flaw(record));
            verdict.remarks.push(format!("_dmarc.{above}: {}", printable(text)));
        }
        Ok(self.at(verdict, own))
    }

    /// The names above, and the first wrong place where DMARC stands.
    fn look_around(&self) -> Result<(Walk<'a>, Option<(Name, Code)>), Need> {
        let places = self.misplaced();
        // One round for both.
        let walked = walk::walk(self.seen, self.party.domain);
        let found = places.iter().map(|(name, _)| walk::read(self.seen, name)).collect();
        let (walk, found) = together(walked, found)?;
        for (place, found) in places.into_iter().zip(found) {
            let meant = !found.records.is_empty() || found.others.iter().any(|text| repair::is_meant(text));
            if meant && (place.1 == Code::NameAtApex || !self.is_wildcard_at(&place.0)?) {
                return Ok((walk, Some(place)));
            }
        }
        Ok((walk, None))
    }

    fn absent(&self, own: &Published<'_>) -> Verdict {
        let domain = self.party.domain;
        let host = own.chain.last().unwrap_or(&self.record.owner);
        let through = if own.chain.is_alias() {
            format!(", where the CNAME at {} leads", self.record.owner)
        } else {
            String::new()
        };
        let rcode = own.answer().map(|(_, answer)| answer.rcode);
        let (code, what) = match rcode {
            Some(Rcode::NoError) => (Code::NoRecord, "No DMARC record was found"),
            Some(Rcode::NxDomain) | None => (Code::NameNotFound, "Nothing is published"),
        };
        let reason = format!("{what} at {host}{through}, and no policy of a domain above {domain} applies.");
        let verdict = self.verdict(Status::Missing, code, reason);
        match own.chain.end {
            // Nobody can publish anything behind it.
            End::NotDelegated => verdict.fix(self.without_alias()),
            _ if own.chain.is_alias() => verdict.fix(self.publish(own, &self.record.value)),
            _ => self.offering(verdict, own),
        }
    }

    /// `verdict` that there is nothing, with ours to be put there.
    fn offering(&self, verdict: Verdict, own: &Published<'_>) -> Verdict {
        let text = &self.record.value;
        Verdict { offer: Some(text.clone()), ..verdict.fix(self.publish(own, text)) }
    }

    fn without_alias(&self) -> String {
        let place = Paste::new(&self.record.owner, self.look);
        format!(
            "Delete the CNAME at {}. {}",
            self.record.owner,
            place.publish(Value::Text(&self.record.value))
        )
    }

    fn inherited(&self, inherited: &Inherited<'_>) -> Verdict {
        let reason =
            format!("{} has no DMARC record of its own; {}.", self.party.domain, effective(inherited));
        let mut verdict = self.verdict(Status::Pass, Code::Inherited, reason);
        if !inherited.record.is_valid() {
            verdict
                .remarks
                .push(format!("{}; receivers treat that record as p=none.", flaw(&inherited.record)));
        }
        verdict.remarks.extend(remarks(&inherited.record, self.party.provider.is_some()));
        evidence::with_evidence(verdict, inherited.look)
    }

    fn malformed(&self, own: &Published<'_>, text: &[u8]) -> Verdict {
        let reason = format!(
            "The text at {} is meant to be DMARC but does not start with exactly `v=DMARC1;`, so receivers ignore it.",
            self.record.owner
        );
        let repaired = repair::repaired(text).unwrap_or_else(|| self.record.value.clone());
        self.verdict(Status::Fail, Code::Malformed, reason).fix(self.replace(own, &repaired))
    }

    /// Names where the record may have been entered by mistake.
    fn misplaced(&self) -> Vec<(Name, Code)> {
        let owner = &self.record.owner;
        let domain = self.party.domain;
        let mut places = Vec::from([(domain.clone(), Code::NameAtApex)]);
        let apex = match &self.look.zone {
            Zone::Found(apex) => apex,
            _ => domain,
        };
        for zone in [apex, domain] {
            if let Some(doubled) = owner.append(zone)
                && places.iter().all(|(name, _)| *name != doubled)
            {
                places.push((doubled, Code::NameDoubled));
            }
        }
        places
    }

    fn at_wrong_place(&self, own: &Published<'_>, name: &Name, code: Code) -> Verdict {
        let owner = &self.record.owner;
        let place = self.place(own);
        let (reason, fix) = if code == Code::NameDoubled {
            (
                format!(
                    "The DMARC record stands at {name} instead of {owner}: your DNS host appends the domain to what is entered."
                ),
                place.undouble(None, &format!("delete the record at {name}")),
            )
        } else {
            (
                format!(
                    "The DMARC record stands at {name} itself, where receivers do not look for it; its place is {owner}."
                ),
                place.enter(None, &format!("delete the DMARC text at {name}; other texts there stay")),
            )
        };
        self.verdict(Status::Missing, code, reason).fix(fix)
    }

    fn behind_alias(&self, own: &Published<'_>, last: &Look) -> Verdict {
        let host = own.chain.last().unwrap_or(&self.record.owner);
        match self.unanswered(last, host) {
            Some(mut verdict) => {
                verdict.reason = format!("{} leads to {host}. {}", self.record.owner, verdict.reason);
                verdict
            }
            None => Verdict::unchecked(self.record),
        }
    }

    fn circle(&self, own: &Published<'_>) -> Verdict {
        let reason = format!("The CNAME leads in a circle or through too many others: {}.", path(own));
        evidence::with_evidence(
            self.verdict(Status::Fail, Code::CnameLoop, reason).fix(self.without_alias()),
            self.look,
        )
    }

    /// Nothing was found, and not everything could be looked at.
    fn unread(&self, unread: &[(Name, &Look)]) -> Verdict {
        unread
            .first()
            .and_then(|(name, look)| self.unanswered(look, name))
            .unwrap_or_else(|| Verdict::unchecked(self.record))
    }
}

/// What is worth saying of the record that applies and changes nothing. We sign
/// with the domain itself, so strict alignment of DKIM needs no word (§4.4.1);
/// that of SPF needs one where the return path is `ours`.
fn remarks(record: &Record, ours: bool) -> impl Iterator<Item = String> {
    let tags = record.remarks.iter().take(REMARKS).cloned();
    let testing = record.testing.then(|| TESTING.to_string());
    tags.chain(testing).chain((ours && record.strict_spf).then(|| STRICT_SPF.to_string()))
}

/// Both, or everything either still needs.
fn together<A, B>(one: Result<A, Need>, many: Vec<Result<B, Need>>) -> Result<(A, Vec<B>), Need> {
    let mut needed = Vec::new();
    let mut all = Vec::with_capacity(many.len());
    for each in many {
        match each {
            Ok(each) => all.push(each),
            Err(Need(mut questions)) => needed.append(&mut questions),
        }
    }
    match one {
        Ok(one) if needed.is_empty() => Ok((one, all)),
        Ok(_) => Err(Need(needed)),
        Err(Need(mut questions)) => {
            questions.append(&mut needed);
            Err(Need(questions))
        }
    }
}

/// The policy of the domain above, as it applies to those below.
fn effective(inherited: &Inherited<'_>) -> String {
    let Inherited { domain, record, .. } = inherited;
    let source = match (&record.sp, record.is_valid()) {
        (Tag::Valid(sp), true) => format!("sp={sp}"),
        _ => format!("p={}", record.subdomain_policy()),
    };
    let nonexistent = match record.np.policy() {
        Some(np) if record.is_valid() => format!(", np={np} for names that do not exist"),
        _ => String::new(),
    };
    format!("that of {domain} applies: {} ({source}{nonexistent})", record.subdomain_policy())
}

/// What makes the policy of a record invalid.
fn flaw(record: &Record) -> String {
    for (name, tag) in [("p", &record.p), ("sp", &record.sp), ("np", &record.np)] {
        if let Tag::Invalid(value) = tag {
            return format!("`{name}={value}` in the DMARC record is none of none, quarantine and reject");
        }
    }
    "The DMARC record has no policy `p`".to_string()
}

fn path(own: &Published<'_>) -> String {
    own.chain.names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ")
}
