//! Whether everybody can verify with a key: the proof without which nothing is
//! signed with it.

use super::{PublicKey, judge, lint};
use crate::{
    names::Name,
    observe::{Answer, Data, Failure, Look, Need, Question, RecordType, Reply, Seen, View, Zone},
    plan::PlannedRecord,
    rotation::Proof,
    verify::{Code, Context, Verdict, cname, evidence},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use jiff::SignedDuration;

/// CNAMEs followed, as in [`cname::chain`].
const HOPS: usize = 8;
/// What our own key records may be kept for, in seconds: less is never waited for.
const LEAST: u32 = 300;
/// Nobody keeps an answer for longer, whatever its TTL says: a week is the bound
/// that RFC 8767 §4 recommends to resolvers.
const MOST: u32 = 7 * 24 * 3600;
/// How long an answer may be kept whose TTL nobody told, or of which a resolver
/// tells only what is left.
const UNTOLD: u32 = 3600;

/// What asking for a key came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    /// Whether it is proven.
    pub proof: Proof,
    /// What was seen, as a sentence.
    pub said: String,
    /// What the domain's owner is to do; empty where nothing is.
    pub fix: String,
    /// Whether what is in the way is on our own side.
    pub ours: bool,
}

/// Something that keeps a key from being proven.
struct Trouble {
    proof: Proof,
    said: String,
    ours: bool,
}

impl Trouble {
    /// What led there may be remembered for so long as well.
    fn kept_for(self, least: SignedDuration) -> Self {
        let proof = match self.proof {
            Proof::NotSeen { kept_for } => Proof::NotSeen { kept_for: kept_for.max(least) },
            proof => proof,
        };
        Self { proof, ..self }
    }
}

/// Asks whether every server gives the key `spki` (SubjectPublicKeyInfo, DER)
/// under the owner of `record`: each of the customer's and, where that is a CNAME
/// to ours, each of ours at its target. Resolvers must give nothing else where
/// they are asked ([`Context::second_view`]). A customer whose DNS host answers
/// with what lies behind the CNAME instead of the CNAME is as good. What a look
/// at the record would call wrong is not proven either, or the two would undo
/// each other's work.
///
/// # Errors
/// [`Need`] with what has to be looked at before anything can be said.
pub fn prove(context: &Context<'_>, record: &PlannedRecord, spki: &[u8], seen: &Seen) -> Result<Sight, Need> {
    let Some(key) = PublicKey::from_spki(spki) else {
        let said = "The key cannot be read.".to_string();
        return Ok(Sight { proof: Proof::Unknown, said, fix: String::new(), ours: true });
    };
    let target = match record.rtype {
        RecordType::Cname => Name::parse(&record.value).ok(),
        _ => None,
    };
    let path = Path { context, record, target: target.as_ref(), key: &key, seen };
    let verdict = || match record.rtype {
        RecordType::Cname => cname::judge(context, record, seen),
        _ => judge(context, record, spki, seen),
    };
    match path.walk()? {
        Ok(Kept { kept_for, ours_for }) => {
            let verdict = verdict()?;
            if verdict.status.is_wrong() {
                let proof = Proof::NotSeen { kept_for };
                return Ok(Sight { proof, said: verdict.reason, fix: verdict.fix, ours: false });
            }
            Ok(Sight {
                proof: Proof::Seen { kept_for, ours_for },
                said: format!("Every name server gives this key at {}.", record.owner),
                fix: String::new(),
                ours: false,
            })
        }
        Err(Trouble { proof, said, ours: true }) => Ok(Sight { proof, said, fix: String::new(), ours: true }),
        Err(Trouble { proof, said, ours: false }) => {
            let verdict = verdict()?;
            if verdict.status.is_wrong() || !verdict.fix.is_empty() {
                return Ok(Sight { proof, said: verdict.reason, fix: verdict.fix, ours: false });
            }
            let what =
                format!("the {} record {} with the value `{}`", record.rtype, record.owner, record.value);
            let fix = format!("See to it that every one of your name servers answers, and gives {what}.");
            Ok(Sight { proof, said, fix, ours: false })
        }
    }
}

/// How long that may be remembered what a look saw in place of a key; `None` where
/// it is no evidence against it.
#[must_use]
pub fn seen_wrong(verdict: &Verdict) -> Option<SignedDuration> {
    let is_wrong = verdict.status.is_wrong() || verdict.code == Code::ServersDisagree;
    // What was asked may have been a resolver, which tells only what is left.
    let seconds = verdict.ttl.unwrap_or(UNTOLD).clamp(UNTOLD, MOST);
    is_wrong.then(|| SignedDuration::from_secs(seconds.into()))
}

/// The way from a selector to its key.
struct Path<'a> {
    context: &'a Context<'a>,
    record: &'a PlannedRecord,
    /// Ours, where the selector is a CNAME to it.
    target: Option<&'a Name>,
    key: &'a PublicKey,
    seen: &'a Seen,
}

/// How long answers from before may be kept: all of them, and ours.
struct Kept {
    kept_for: SignedDuration,
    ours_for: SignedDuration,
}

/// What an answer leads to.
enum Leads<'a> {
    On(&'a Name),
    Here,
}

impl Path<'_> {
    /// How long an answer from before may be kept.
    fn walk(&self) -> Result<Result<Kept, Trouble>, Need> {
        let owner = &self.record.owner;
        let beside = evidence::sibling(owner, self.context.probe);
        let mut first = Vec::from([(owner, RecordType::Txt)]);
        first.extend(self.target.map(|target| (target, RecordType::Txt)));
        first.extend(beside.as_ref().map(|beside| (beside, RecordType::Txt)));
        self.seen.have_all(&first)?;

        let (mut kept, mut ours) = (LEAST, None);
        let mut names = Vec::new();
        if let Some(target) = self.target {
            // Our own side first: while it is wrong nothing can be right.
            match self.at(target)? {
                Ok((Leads::Here, ttl)) => {
                    kept = kept.max(ttl);
                    ours = Some(kept);
                }
                Ok((Leads::On(other), _)) => {
                    let said = format!("{target} is a CNAME to {other} at some server.");
                    return Ok(Err(self.not_seen(target, UNTOLD, said)));
                }
                Err(trouble) => return Ok(Err(trouble)),
            }
            names.push(target.clone());
        }
        let mut name = owner.clone();
        for _ in 0..=HOPS {
            let (leads, ttl) = match self.at(&name)? {
                Ok(found) => found,
                Err(trouble) => return Ok(Err(trouble.kept_for(self.kept_for(kept)))),
            };
            kept = kept.max(ttl);
            let next = match leads {
                Leads::On(next) => Some(next.clone()),
                Leads::Here => None,
            };
            if self.target != Some(&name) {
                names.push(name);
            }
            match next {
                // Its servers have just been asked.
                Some(next) if self.target == Some(&next) => {
                    return self.beyond(&names, kept, ours, beside.as_ref());
                }
                Some(next) => name = next,
                None => return self.beyond(&names, kept, ours, beside.as_ref()),
            }
        }
        let said = format!("The CNAME at {owner} leads in a circle or through too many others.");
        Ok(Err(self.not_seen(owner, kept, said)))
    }

    fn is_ours(&self, name: &Name) -> bool {
        name.is_at_or_below(&self.context.provider.zone)
    }

    fn not_seen(&self, name: &Name, ttl: u32, said: String) -> Trouble {
        Trouble { proof: Proof::NotSeen { kept_for: self.kept_for(ttl) }, said, ours: self.is_ours(name) }
    }

    fn unknown(&self, name: &Name, said: String) -> Trouble {
        Trouble { proof: Proof::Unknown, said, ours: self.is_ours(name) }
    }

    /// A TTL as it counts. Resolvers tell what is left of it.
    fn kept_for(&self, ttl: u32) -> SignedDuration {
        let least = if self.context.second_view { LEAST } else { UNTOLD };
        SignedDuration::from_secs(ttl.clamp(least, MOST).into())
    }

    /// What every server of `name`'s zone says of it, with the longest TTL.
    fn at(&self, name: &Name) -> Result<Result<(Leads<'_>, u32), Trouble>, Need> {
        let look = self.seen.at(name, RecordType::Txt)?;
        match &look.zone {
            Zone::Found(_) => {}
            Zone::NotDelegated { name: gone } => {
                let said = format!("The registry knows no name servers for {gone}.");
                return Ok(Err(self.not_seen(name, UNTOLD, said)));
            }
            Zone::Unknown(failure) => {
                let said = format!("The name servers of {name} could not be found: the one asked {failure}.");
                return Ok(Err(self.unknown(name, said)));
            }
        }
        let ttl = longest(look);
        let mut leads = None;
        for (server, answer) in look.answers() {
            match self.leads(answer) {
                Ok(here) => leads = leads.or(Some((here, answer))),
                Err(what) => {
                    let said = format!("At {name} the server {server} {what}.");
                    return Ok(Err(self.not_seen(name, ttl, said)));
                }
            }
        }
        if let Some((server, failure)) = unheard(look) {
            return Ok(Err(self.unknown(name, format!("Asked for {name}, the server {server} {failure}."))));
        }
        let Some((leads, first)) = leads else {
            return Ok(Err(self.unknown(name, format!("No name server of {name} has an address."))));
        };
        if look.answers().any(|(_, answer)| answer.cname() != first.cname()) {
            let said = format!("The name servers give different records at {name}.");
            return Ok(Err(self.not_seen(name, ttl, said)));
        }
        Ok(Ok((leads, ttl)))
    }

    /// Where an answer leads, or what it is instead, as the end of a sentence.
    fn leads<'a>(&self, answer: &'a Answer) -> Result<Leads<'a>, String> {
        match (answer.cname(), answer.rrset().len()) {
            (_, 0) => return Err("has nothing".to_string()),
            (Some(target), 1) => return Ok(Leads::On(target)),
            (Some(_), _) => return Err("has other records beside a CNAME".to_string()),
            (None, _) => {}
        }
        let texts: Vec<Vec<u8>> = answer.rrset().into_iter().filter_map(Data::txt).collect();
        let found = lint(&texts);
        match &found.key {
            Some(key) if key == self.key && found.status.is_right() => Ok(Leads::Here),
            Some(key) if key != self.key => Err("gives another key".to_string()),
            _ => Err(format!("gives no key that can be used: {}", found.reason.trim_end_matches('.'))),
        }
    }

    /// What resolvers say of the names on the way, and how long what was there
    /// before may be kept.
    fn beyond(
        &self,
        names: &[Name],
        kept: u32,
        ours: Option<u32>,
        beside: Option<&Name>,
    ) -> Result<Result<Kept, Trouble>, Need> {
        if self.context.second_view {
            let question =
                |name: &Name| Question { name: name.clone(), rtype: RecordType::Txt, view: View::Resolvers };
            self.seen.have(names.iter().map(question).collect())?;
            for name in names {
                if let Some(trouble) = self.through_resolvers(name)? {
                    return Ok(Err(trouble));
                }
            }
        }
        // What resolvers remember where there was nothing (RFC 2308 §5), or where
        // a wildcard answered.
        let before = match beside {
            Some(beside) => {
                self.seen.at(beside, RecordType::Txt)?.answers().map(|(_, answer)| ttl(answer)).max()
            }
            None => None,
        };
        let kept = kept.max(before.unwrap_or(UNTOLD));
        Ok(Ok(Kept { kept_for: self.kept_for(kept), ours_for: self.kept_for(ours.unwrap_or(kept)) }))
    }

    /// A resolver that gives something else, or refuses what the servers give.
    /// One that says nothing is passed over: it is only a second opinion.
    fn through_resolvers(&self, name: &Name) -> Result<Option<Trouble>, Need> {
        let own =
            self.seen.at(name, RecordType::Txt)?.answers().next().and_then(|(_, answer)| answer.cname());
        for Reply { server, outcome } in &self.seen.through(View::Resolvers, name, RecordType::Txt)?.replies {
            match outcome {
                Ok(answer) => {
                    let other = || "gives another CNAME".to_string();
                    let same = self
                        .leads(answer)
                        .and_then(|_| if answer.cname() == own { Ok(()) } else { Err(other()) });
                    if let Err(what) = same {
                        let said = format!("At {name} the resolver {server} still {what}.");
                        return Ok(Some(self.not_seen(name, ttl(answer), said)));
                    }
                }
                Err(failure @ Failure::ServFail(_)) => {
                    let said = format!("Asked for {name}, the resolver {server} {failure}.");
                    return Ok(Some(self.unknown(name, said)));
                }
                Err(_) => {}
            }
        }
        Ok(None)
    }
}

fn ttl(answer: &Answer) -> u32 {
    let longest = answer.records.iter().map(|record| record.ttl).max();
    longest.or(answer.negative_ttl).unwrap_or(UNTOLD)
}

fn longest(look: &Look) -> u32 {
    look.answers().map(|(_, answer)| ttl(answer)).max().unwrap_or(UNTOLD)
}

/// A server that has not been heard, under any of its addresses: from here not
/// every one of them need be within reach. One without an address is none.
fn unheard(look: &Look) -> Option<(String, &Failure)> {
    let heard = |server: &Option<Name>| look.answers().any(|(other, _)| other.name == *server);
    let mut failed = look.failures().filter(|(_, failure)| !matches!(failure, Failure::NoAddress));
    failed.find(|(server, _)| !heard(&server.name)).map(|(server, failure)| (server.to_string(), failure))
}

#[cfg(test)]
#[path = "prove_tests.rs"]
mod tests;
