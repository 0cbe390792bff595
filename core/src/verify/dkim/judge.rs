//! A DKIM key published by the customer (raw TXT), with the key that belongs
//! there; and what stands above a selector.

use super::{ALONE, Lint, PublicKey, lint};
use crate::{
    names::Name,
    observe::{Answer, Data, Look, Need, Rcode, RecordType, Seen},
    plan::PlannedRecord,
    verify::{
        Code, Context, Status, Verdict,
        case::{self, Beside},
        cname::chain::{self, Chain, End},
        evidence, misplaced,
    },
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// One key record on trial, and the key that belongs there.
type Case<'a> = case::Case<'a, PublicKey>;

/// Judges a planned TXT record with a DKIM key: right when the decoded key is
/// the one in `expected_spki` (SubjectPublicKeyInfo, DER). The planned value is
/// [`PublicKey::record_text`] of the same key; anything else cannot be judged.
///
/// An Ed25519 key is a softfail unless the context has an RSA key as well: the
/// customer published what was asked for and some receivers verify with it, so
/// it is no failure; see [`super::never_alone`].
///
/// # Errors
/// [`Need`] with what has to be looked at before anything can be said.
pub fn judge(
    context: &Context<'_>,
    record: &PlannedRecord,
    expected_spki: &[u8],
    seen: &Seen,
) -> Result<Verdict, Need> {
    let planned = lint(&[record.value.clone().into_bytes()]);
    let expected = match PublicKey::from_spki(expected_spki) {
        Some(expected) if planned.status.is_right() && planned.key.as_ref() == Some(&expected) => expected,
        _ => return Ok(Verdict::unchecked(record)),
    };
    let case = Case::new(context, record, seen, expected);
    case.have_first()?;
    let look = seen.at(&record.owner, RecordType::Txt)?;
    if let Some(verdict) = evidence::unanswered(record, look) {
        return Ok(verdict);
    }
    let Some((_, answer)) = evidence::agreed(look) else {
        return Ok(Verdict::unchecked(record));
    };
    if answer.is_negative() {
        return case.absent(look, answer.rcode);
    }
    match case.beside(answer, RecordType::Txt)? {
        Beside::Same => return Ok(case.wildcard(look)),
        Beside::Unknown(verdict) => return Ok(*verdict),
        Beside::Different => {}
    }
    let verdict = case.present(look)?;
    cut_above(context, record, seen, verdict)
}

impl<'a> Case<'a> {
    /// There are texts, or a CNAME, which receivers follow.
    fn present(&self, look: &'a Look) -> Result<Verdict, Need> {
        let owner = &self.record.owner;
        let Chain { names, end } = chain::follow(self.seen, owner, RecordType::Txt, None)?;
        let last = names.last().unwrap_or(owner);
        let path = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" → ");
        let (read, mut verdict) = match end {
            End::Answer { look: read, answer } if !answer.is_negative() => (read, self.read(look, answer)),
            End::Unanswered(silent) => {
                return Ok(match evidence::unanswered_at(self.record, silent, last, RecordType::Txt) {
                    Some(mut verdict) => {
                        verdict.reason = format!("{owner} leads to {last}. {}", verdict.reason);
                        verdict
                    }
                    None => self.unchecked(),
                });
            }
            End::Loop => {
                let reason = format!("The CNAME leads in a circle or through too many others: {path}.");
                (look, self.instead_of_alias(look, Status::Fail, Code::CnameLoop, reason))
            }
            End::Answer { .. } | End::NotDelegated => {
                let reason = format!("{owner} leads to {last}, where there is no key.");
                (look, self.instead_of_alias(look, Status::Missing, Code::NoRecord, reason))
            }
        };
        if names.len() > 1 && verdict.status.is_right() {
            verdict.remarks.push(format!("Read through a CNAME: {path}."));
        }
        verdict = evidence::with_evidence(verdict, read);
        Ok(verdict)
    }

    fn instead_of_alias(&self, look: &Look, status: Status, code: Code, reason: String) -> Verdict {
        let fix = format!("Delete the CNAME at {}. {}", self.record.owner, self.publish(look));
        self.verdict(status, code, reason).fix(fix)
    }

    /// What the texts in `answer` are worth.
    fn read(&self, look: &Look, answer: &Answer) -> Verdict {
        let owner = &self.record.owner;
        let Lint { status, code, reason, remarks, key, .. } = lint(&texts(answer));
        let is_ours = key.as_ref() == Some(&self.expected);
        let mut verdict = match status {
            Status::Missing => {
                self.verdict(Status::Missing, Code::NoRecord, format!("At {owner}: {}", uncapital(&reason)))
            }
            _ if code == Code::DkimMultiple => self
                .verdict(status, code, reason)
                .fix(format!("Delete every TXT record with this name. {}", self.publish(look))),
            _ if key.is_some() && !is_ours => self.verdict(
                Status::Fail,
                Code::OtherKey,
                format!("The key at {owner} is another one than the one that belongs there."),
            ),
            Status::Pass if self.is_alone() => self
                .verdict(Status::Softfail, Code::DkimEd25519Alone, ALONE)
                .fix("Nothing is to be done in your DNS: it has the key we asked for."),
            Status::Pass => self.verdict(status, code, format!("Our key is published at {owner}.")),
            _ => self.verdict(status, code, reason),
        };
        verdict.remarks = remarks;
        // With our own key as it is to be published, there is nothing to change.
        let as_planned = texts(answer) == [self.record.value.as_bytes()];
        if verdict.status != Status::Pass && verdict.fix.is_empty() && !as_planned {
            verdict.fix = if status == Status::Missing { self.publish(look) } else { self.replace(look) };
        }
        verdict
    }

    /// Whether ours is an Ed25519 key, with no RSA key at the other selector.
    fn is_alone(&self) -> bool {
        let is_rsa = |spki: &&[u8]| matches!(PublicKey::from_spki(spki), Some(PublicKey::Rsa(_)));
        matches!(self.expected, PublicKey::Ed25519(_)) && !self.context.dkim_keys.iter().flatten().any(is_rsa)
    }

    /// There is nothing. It may stand under another name.
    fn absent(&self, look: &'a Look, rcode: Rcode) -> Result<Verdict, Need> {
        let places = misplaced::places(self, look);
        self.seen.have_all(&misplaced::questions(&places, RecordType::Txt))?;
        let ours = |answer: &Answer| {
            let found = lint(&texts(answer));
            (found.key.as_ref() == Some(&self.expected)).then(|| self.value())
        };
        if let Some(verdict) = misplaced::judge(self, look, &places, ours)? {
            return Ok(evidence::with_evidence(verdict, look));
        }
        let owner = &self.record.owner;
        let (code, reason) = match rcode {
            Rcode::NxDomain => (Code::NameNotFound, format!("Nothing is published under {owner}.")),
            Rcode::NoError => (Code::NoRecord, format!("No TXT record was found under {owner}.")),
        };
        let verdict = self.verdict(Status::Missing, code, reason).fix(self.publish(look));
        Ok(evidence::with_evidence(verdict, look))
    }
}

fn texts(answer: &Answer) -> Vec<Vec<u8>> {
    answer.rrset().into_iter().filter_map(Data::txt).collect()
}

/// `There is` as it goes on in a sentence.
fn uncapital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// The verdict on a selector that is right, unless a server denies that the
/// name above it exists (`_domainkey` of the domain): resolvers may then
/// conclude that nothing stands below (RFC 8020 §2) and answer NXDOMAIN for the
/// selector as well. Only a thorough look asks.
///
/// # Errors
/// [`Need`] with the name above.
pub(in crate::verify) fn cut_above(
    context: &Context<'_>,
    record: &PlannedRecord,
    seen: &Seen,
    verdict: Verdict,
) -> Result<Verdict, Need> {
    let above = record.owner.parent().filter(|above| above.is_at_or_below(context.domain));
    let Some(above) = above.filter(|_| context.thorough && verdict.status.is_right()) else {
        return Ok(verdict);
    };
    let denied = denial(seen, &above)?;
    let Some(server) = denied else {
        return Ok(verdict);
    };
    let mut verdict = verdict;
    if verdict.status == Status::Pass {
        verdict.status = Status::Softfail;
        verdict.code = Code::NxdomainAbove;
        verdict.reason = format!(
            "{} is right, but {server} says that {above} does not exist (NXDOMAIN), though names below it do. Some \
             resolvers then look no further and find no key (RFC 8020).",
            record.owner
        );
        verdict.fix = format!(
            "Tell your DNS host that its servers must not answer NXDOMAIN for {above}. Until then any TXT record \
             there helps, for example one at `{above}` with the value `exists`."
        );
    } else {
        verdict
            .remarks
            .push(format!("{server} says that {above} does not exist (NXDOMAIN), though names below it do."));
    }
    Ok(verdict)
}

/// The first server that answers NXDOMAIN for `name`.
fn denial(seen: &Seen, name: &Name) -> Result<Option<String>, Need> {
    let look = seen.at(name, RecordType::Txt)?;
    let mut denying = look.answers().filter(|(_, answer)| answer.rcode == Rcode::NxDomain);
    Ok(denying.next().map(|(server, _)| server.to_string()))
}
