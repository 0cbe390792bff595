//! Other records where the CNAME belongs: the addresses of a proxy, our own
//! addresses copied by the DNS host, a copied key, or anything else.

use super::Case;
use crate::{
    names::Name,
    observe::{Answer, Data, Look, Need, RecordType, Seen},
    plan::RecordKey,
    verify::{
        Code, Status, Verdict,
        case::Beside,
        dkim::{self, PublicKey},
        evidence,
    },
};
use alloc::{format, vec::Vec};
use core::net::IpAddr;

/// The types looked for.
pub(super) const TYPES: [RecordType; 3] = [RecordType::A, RecordType::Aaaa, RecordType::Txt];
const ADDRESSES: [RecordType; 2] = [RecordType::A, RecordType::Aaaa];

/// What is found at a name.
enum Found<'a> {
    /// Records, in this look.
    Records(&'a Look, &'a Answer),
    /// Nothing of the type.
    Nothing,
    /// No answer that can be judged.
    Unknown(&'a Look),
}

fn find<'a>(seen: &'a Seen, name: &Name, rtype: RecordType) -> Result<Found<'a>, Need> {
    let look = seen.at(name, rtype)?;
    Ok(match evidence::agreed(look) {
        // A CNAME that only shows when asked for another type comes from a
        // server in the middle of a change; the next look will tell.
        Some((_, answer)) if answer.is_negative() || answer.cname().is_some() => Found::Nothing,
        Some((_, answer)) => Found::Records(look, answer),
        None => Found::Unknown(look),
    })
}

/// What stands at the owner in place of the CNAME, if anything does.
/// `absence` is the look that found no CNAME.
pub(super) fn judge(case: &Case<'_>, absence: &Look) -> Result<Option<Verdict>, Need> {
    let owner = &case.record.owner;
    let [v4, v6, text] = TYPES.map(|rtype| find(case.seen, owner, rtype));
    let (v4, v6, text) = (v4?, v6?, text?);
    let is_key = dkim_index(case.record.key).is_some();
    if let Found::Records(look, answer) = text
        && (is_key || !matches!((&v4, &v6), (Found::Records(..), _) | (_, Found::Records(..))))
    {
        return match case.beside(answer, RecordType::Txt)? {
            Beside::Same => Ok(Some(case.wildcard(look))),
            Beside::Unknown(verdict) => Ok(Some(*verdict)),
            Beside::Different => Ok(Some(evidence::with_evidence(text_instead(case, absence, answer), look))),
        };
    }
    // Without this a key copied as TXT would count as absent while its servers
    // are silent.
    if let (true, Found::Unknown(look)) = (is_key, &text) {
        return Ok(evidence::unanswered_at(case.record, look, owner, RecordType::Txt));
    }
    match (&v4, &v6) {
        (Found::Records(look, answer), _) => {
            addresses_instead(case, absence, look, answer, RecordType::A).map(Some)
        }
        (_, Found::Records(look, answer)) => {
            addresses_instead(case, absence, look, answer, RecordType::Aaaa).map(Some)
        }
        (Found::Unknown(look), _) => Ok(evidence::unanswered_at(case.record, look, owner, RecordType::A)),
        (_, Found::Unknown(look)) => Ok(evidence::unanswered_at(case.record, look, owner, RecordType::Aaaa)),
        _ => Ok(None),
    }
}

fn dkim_index(key: RecordKey) -> Option<usize> {
    match key {
        RecordKey::Dkim1 => Some(0),
        RecordKey::Dkim2 => Some(1),
        _ => None,
    }
}

fn text_instead(case: &Case<'_>, absence: &Look, answer: &Answer) -> Verdict {
    let owner = &case.record.owner;
    let fix = format!("Delete the TXT record. {}", case.publish(absence));
    let wrong_type = || {
        let reason = format!("A TXT record stands at {owner}, where a CNAME record belongs.");
        case.verdict(Status::Fail, Code::WrongType, reason)
    };
    let Some(index) = dkim_index(case.record.key) else {
        return wrong_type().fix(fix);
    };
    let texts: Vec<_> = answer.rrset().into_iter().filter_map(Data::txt).collect();
    let lint = dkim::lint(&texts);
    let ours = case.context.dkim_keys.get(index).copied().flatten().and_then(PublicKey::from_spki);
    let is_ours = ours.is_some() && lint.key == ours;
    let mut verdict = match lint.status {
        Status::Missing => wrong_type(),
        _ if lint.status.is_right() && is_ours => {
            let reason = format!(
                "Our key was copied to {owner} as a TXT record. It works today and breaks at the next rotation \
                 of the key, which a CNAME follows by itself."
            );
            case.verdict(Status::Softfail, Code::Copied, reason)
        }
        _ if lint.status.is_right() || (lint.key.is_some() && !is_ours) => {
            let reason = format!(
                "A TXT record with a key that is not ours stands at {owner}, where the CNAME belongs."
            );
            case.verdict(Status::Fail, Code::OtherKey, reason)
        }
        // Ours, or whose cannot be told: broken either way.
        _ => {
            let reason = format!(
                "A DKIM key stands as TXT at {owner}, where the CNAME belongs, and it does not work. {}",
                lint.reason
            );
            case.verdict(Status::Fail, lint.code, reason)
        }
    };
    verdict.remarks.extend(lint.remarks);
    verdict.fix(fix)
}

fn addresses_instead(
    case: &Case<'_>,
    absence: &Look,
    look: &Look,
    answer: &Answer,
    rtype: RecordType,
) -> Result<Verdict, Need> {
    match case.beside(answer, rtype)? {
        Beside::Same => return Ok(case.wildcard(look)),
        Beside::Unknown(verdict) => return Ok(*verdict),
        Beside::Different => {}
    }
    let owner = &case.record.owner;
    let target = &case.expected;
    if case.record.key == RecordKey::LinkVerification {
        case.seen.have_all(&ADDRESSES.map(|rtype| (target, rtype)))?;
        let here = addresses(case.seen, owner)?.all;
        let ours = addresses(case.seen, target)?;
        // Some hosts flatten to IPv4 only.
        if here.iter().all(|address| ours.all.contains(address)) {
            let reason = format!(
                "{owner} has the addresses of {target} instead of a CNAME to it: your DNS host flattens the \
                 CNAME. It works today and breaks when our addresses change."
            );
            let fix = format!("{} {}", case.place(absence).flattening_off(), case.publish(absence));
            let verdict = case.verdict(Status::Softfail, Code::Flattened, reason).fix(fix);
            return Ok(evidence::with_evidence(verdict, look));
        }
        if let Some(silent) = ours.unknown {
            // Without our own addresses to compare with nobody can be blamed.
            return Ok(not_comparable(case, silent));
        }
    }
    let reason = format!(
        "{owner} has addresses instead of a CNAME: a proxy answers in its place, or another host is meant."
    );
    let fix = format!("{} {}", case.place(absence).proxy_off(), case.publish(absence));
    let verdict = case.verdict(Status::Fail, Code::Proxied, reason).fix(fix);
    Ok(evidence::with_evidence(verdict, look))
}

/// The addresses at a name, and the look that kept some of them back.
struct Addresses<'a> {
    all: Vec<IpAddr>,
    unknown: Option<&'a Look>,
}

fn addresses<'a>(seen: &'a Seen, name: &Name) -> Result<Addresses<'a>, Need> {
    let mut found = Addresses { all: Vec::new(), unknown: None };
    for rtype in ADDRESSES {
        match find(seen, name, rtype)? {
            Found::Records(_, answer) => {
                found.all.extend(answer.records.iter().filter_map(|r| match r.data {
                    Data::Address(address) => Some(address),
                    _ => None,
                }))
            }
            Found::Nothing => {}
            Found::Unknown(look) => found.unknown = Some(look),
        }
    }
    Ok(found)
}

fn not_comparable(case: &Case<'_>, silent: &Look) -> Verdict {
    let target = &case.expected;
    let reason = format!(
        "{} has addresses instead of a CNAME, and those of our own {target} could not be found to compare them \
         with. This is ours to solve; we will look again.",
        case.record.owner
    );
    let code = match evidence::unanswered_at(case.record, silent, target, RecordType::A) {
        Some(verdict) if verdict.status == Status::NetworkError => verdict.code,
        _ => Code::Unreachable,
    };
    evidence::with_evidence(case.verdict(Status::NetworkError, code, reason), silent)
}
