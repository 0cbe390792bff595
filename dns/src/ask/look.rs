//! One look: the right servers for a question, and what they say.

use super::{
    Ask, Inner, OWN_FOR, Scope,
    delegation::{Delegation, Place, given_name},
    exchange::Wanted,
    interpret::{Referral, Said, Sender},
    servers::{Heard, no_resolver},
    settings::Mode,
    wire::{Service, code},
};
use signet_core::{
    names::Name,
    observe::{Answer, Failure, Look, Question, Rcode, Reply, View, Zone},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// Zone cuts followed below the organizational domain.
const CUTS: usize = 8;
/// How long it is believed that a name is no zone cut.
const NO_CUT: Duration = Duration::from_secs(300);

/// What a reply tells about a cut between the zone asked and the name.
enum Below {
    Nothing,
    Apex(Name),
    Referral(Referral),
}

impl Inner {
    /// Joins the same look if it is under way. Never longer than the patience.
    pub(super) async fn look(
        self: &Arc<Self>,
        question: &Question,
        ask: Ask,
        since: Option<Instant>,
    ) -> Look {
        self.counters.looks.count();
        if let Some(look) = self.own_look(question, ask) {
            return look;
        }
        let learned = Instant::now();
        let look = self.look_now(question, ask, since).await;
        if self.is_ours(question) && look.answers().next().is_some() {
            self.own.insert(question.clone(), Arc::new(look.clone()), learned, OWN_FOR);
        }
        look
    }

    /// Whether the question is about our own zone.
    pub(super) fn is_ours(&self, question: &Question) -> bool {
        self.settings.own_zone.as_ref().is_some_and(|zone| question.name.is_at_or_below(zone))
    }

    /// What has been seen in our own zone a moment ago.
    pub(super) fn own_look(&self, question: &Question, ask: Ask) -> Option<Look> {
        if ask.fresh || !self.is_ours(question) {
            return None;
        }
        self.own.get(question, None).map(|look| Look::clone(&look))
    }

    async fn look_now(self: &Arc<Self>, question: &Question, ask: Ask, since: Option<Instant>) -> Look {
        let (flight, joined) = self.looks.join((question.clone(), ask.for_party(0)), || {
            let (inner, question) = (Arc::clone(self), question.clone());
            async move {
                let look = async {
                    match (question.view, inner.settings.mode) {
                        (View::Servers | View::Stream, Mode::Authoritative) => {
                            inner.look_authoritative(&question, ask, since).await
                        }
                        (View::Servers | View::Stream, Mode::Recursive) => {
                            inner.look_recursive(&question, ask, since).await
                        }
                        (View::Parent, _) => inner.look_from_above(&question, ask, since).await,
                        (View::Resolvers, _) => {
                            inner.look_through_resolvers(&question, Service::Recursion).await
                        }
                        (View::ResolversAgain, _) => {
                            tokio::time::sleep(inner.settings.failures_kept).await;
                            inner.look_through_resolvers(&question, Service::Recursion).await
                        }
                        (View::Unchecked, _) => {
                            inner.look_through_resolvers(&question, Service::Unchecked).await
                        }
                    }
                };
                match tokio::time::timeout(inner.settings.patience, look).await {
                    Ok(look) => look,
                    Err(_) => unknown(Failure::Timeout),
                }
            }
        });
        if joined {
            self.counters.looks_shared.count();
        }
        flight.await
    }

    async fn look_authoritative(
        self: &Arc<Self>,
        question: &Question,
        ask: Ask,
        since: Option<Instant>,
    ) -> Look {
        let name = &question.name;
        let given = given_name(name);
        let (mut known_at, place) = match self.known_place(name, since) {
            Some(known) => {
                self.counters.cache_hits.count();
                known
            }
            None => (given.clone(), self.walk(&given).await),
        };
        let mut zone = match place {
            Place::Zone(zone) => zone,
            Place::NotDelegated(name) => return not_delegated(name),
            Place::Unknown(failure) => return unknown(failure),
        };
        let wanted = Wanted::of(question, Service::Own, ask);
        let mut heard = Vec::new();
        for _ in 0..CUTS {
            // A registry's servers can only refer; one of them is enough.
            let registry = zone.apex != given && given.is_at_or_below(&zone.apex);
            let narrow = registry || ask.scope == Scope::One;
            heard = self.hear(&zone, &wanted, if narrow { Scope::One } else { Scope::All }).await;
            if registry && heard.iter().any(|h| says_not_delegated(h, &given)) {
                return not_delegated(given);
            }
            let learned = Instant::now();
            let (below, ttl) = match self.below(&zone, &wanted, &known_at, &heard).await {
                Below::Nothing => {
                    if registry && ask.scope == Scope::All {
                        heard = self.hear(&zone, &wanted, Scope::All).await;
                    }
                    break;
                }
                Below::Apex(apex) => self.served_below(&zone, apex).await,
                Below::Referral(referral) => self.delegated(referral).await,
            };
            match below {
                Place::Zone(below) => {
                    known_at = below.apex.clone();
                    self.remember(&known_at, &Place::Zone(Arc::clone(&below)), learned, ttl);
                    zone = below;
                }
                Place::NotDelegated(name) => return not_delegated(name),
                Place::Unknown(failure) => return unknown(failure),
            }
        }
        Look { zone: Zone::Found(zone.apex.clone()), replies: heard.into_iter().map(reply).collect() }
    }

    async fn hear(&self, zone: &Delegation, wanted: &Wanted, scope: Scope) -> Vec<Heard> {
        let from = Sender::Authority(&zone.apex);
        match scope {
            Scope::One => {
                let turn = self.turn.fetch_add(1, Ordering::Relaxed);
                self.ask_in_turn(&zone.servers, turn, wanted, from).await
            }
            Scope::All => self.ask_all(&zone.servers, wanted, from).await,
        }
    }

    /// Whether what was heard shows, or lets one suspect, that the name is in
    /// a zone below the one asked.
    async fn below(
        &self,
        zone: &Arc<Delegation>,
        wanted: &Wanted,
        known_at: &Name,
        heard: &[Heard],
    ) -> Below {
        for each in heard {
            if let Ok(Said::Referral(referral)) = &each.said {
                return Below::Referral(referral.clone());
            }
        }
        let Some(answer) = heard.iter().find_map(answer) else { return Below::Nothing };
        match &answer.soa {
            Some(apex) if *apex != zone.apex && apex.is_at_or_below(&zone.apex) => {
                return Below::Apex(apex.clone());
            }
            Some(_) => return Below::Nothing,
            None if !wanted.ask.exact_zone => return Below::Nothing,
            None => {}
        }
        // Servers of the parent that also have the child answer for it
        // without a word about the cut. They have to be asked, once.
        let mut suspect = suspect(&wanted.name, answer);
        for _ in 0..CUTS {
            let Some(at) = suspect else { break };
            if at == zone.apex || !at.is_at_or_below(&zone.apex) || known_at.is_at_or_below(&at) {
                break;
            }
            match self.probe_cut(zone, &at, wanted.ask).await {
                Ok(below) => return below,
                Err(next) => suspect = next,
            }
        }
        Below::Nothing
    }

    /// Asks the zone's servers for the zone cut above `at`. `Err` is where to
    /// ask instead when that is an alias.
    async fn probe_cut(&self, zone: &Arc<Delegation>, at: &Name, ask: Ask) -> Result<Below, Option<Name>> {
        let learned = Instant::now();
        let wanted = Wanted { name: at.clone(), rtype: code::SOA, service: Service::Own, stream: false, ask };
        let heard = self.hear(zone, &wanted, Scope::One).await;
        match heard.into_iter().find_map(|h| h.said.ok()) {
            Some(Said::Referral(referral)) => Ok(Below::Referral(referral)),
            Some(Said::Answer(answer)) if answer.cname().is_some() => Err(at.parent()),
            Some(Said::Answer(Answer { soa: Some(apex), .. })) => {
                if apex != zone.apex && apex.is_at_or_below(&zone.apex) {
                    return Ok(Below::Apex(apex));
                }
                self.places.insert(at.clone(), Place::Zone(Arc::clone(zone)), learned, NO_CUT);
                Ok(Below::Nothing)
            }
            // It has answered the question itself; that is what counts.
            Some(Said::Answer(_) | Said::NoTopLevel) | None => Ok(Below::Nothing),
        }
    }

    /// The zone `apex`, which servers of `parent` answer for. Where its own
    /// list cannot be had, those servers stand in for it.
    async fn served_below(self: &Arc<Self>, parent: &Delegation, apex: Name) -> (Place, Duration) {
        match self.served(&apex).await {
            (place @ Place::Zone(_), ttl) => (place, ttl),
            (_, ttl) => {
                let servers = parent.servers.clone();
                (Place::Zone(Arc::new(Delegation { apex, servers })), ttl)
            }
        }
    }

    async fn look_recursive(&self, question: &Question, ask: Ask, since: Option<Instant>) -> Look {
        let name = &question.name;
        let wanted = Wanted::of(question, Service::Recursion, ask);
        let heard = match ask.scope {
            Scope::One => self.ask_resolvers_in_turn(&wanted).await,
            Scope::All => self.ask_all(&self.resolvers, &wanted, Sender::Resolver).await,
        };
        let given = given_name(name);
        let said = |h: &&Heard| matches!(h.said, Ok(Said::Answer(_) | Said::NoTopLevel));
        if heard.iter().filter(said).count() == 0 {
            return unknown(heard.into_iter().next().map_or_else(no_resolver, |h| match h.said {
                Err(failure) => failure,
                // It does not recurse.
                Ok(_) => Failure::Lame,
            }));
        }
        if heard.iter().filter(said).all(|h| says_not_delegated(h, &given)) {
            return not_delegated(given);
        }
        let zone = match heard.iter().find_map(answer) {
            Some(Answer { soa: Some(apex), .. }) => apex.clone(),
            Some(answer) if ask.exact_zone => {
                self.zone_by_resolvers(suspect(name, answer), &given, since).await
            }
            Some(_) => given,
            None => given,
        };
        Look { zone: Zone::Found(zone), replies: heard.into_iter().map(reply).collect() }
    }

    /// The zone cut above a name that exists, by the resolvers. Where they do
    /// not tell, `given` is the best guess; what stands at the name has been
    /// answered regardless.
    async fn zone_by_resolvers(&self, name: Option<Name>, given: &Name, since: Option<Instant>) -> Name {
        let mut at = name;
        for _ in 0..CUTS {
            let Some(name) = at else { break };
            if let Some(Place::Zone(zone)) = self.places.get(&name, since) {
                self.counters.cache_hits.count();
                return zone.apex.clone();
            }
            let learned = Instant::now();
            match self.resolve(&name, code::SOA).await {
                Ok(Said::Answer(answer)) if answer.cname().is_some() => at = name.parent(),
                Ok(Said::Answer(Answer { soa: Some(apex), .. })) => {
                    let zone = Delegation { apex: apex.clone(), servers: Vec::new() };
                    self.places.insert(name, Place::Zone(Arc::new(zone)), learned, NO_CUT);
                    return apex;
                }
                _ => break,
            }
        }
        given.clone()
    }
}

/// The lowest name that could be the apex of the zone `answer` is from, as far
/// as it does not say: not the owner of a CNAME, which can be no apex, and not
/// worth a question for `_dmarc` and the like, which hardly ever are one on
/// their parent's own servers (elsewhere a referral shows it).
fn suspect(name: &Name, answer: &Answer) -> Option<Name> {
    let mut at = if answer.cname().is_some() { name.parent()? } else { name.clone() };
    while at.first_label().starts_with('_') {
        at = at.parent()?;
    }
    Some(at)
}

/// NXDOMAIN for everything below `given`, from a zone above it.
fn says_not_delegated(heard: &Heard, given: &Name) -> bool {
    match &heard.said {
        Ok(Said::NoTopLevel) => true,
        Ok(Said::Answer(Answer { rcode: Rcode::NxDomain, soa: Some(apex), .. })) => {
            apex != given && given.is_at_or_below(apex)
        }
        _ => false,
    }
}

fn answer(heard: &Heard) -> Option<&Answer> {
    match &heard.said {
        Ok(Said::Answer(answer)) => Some(answer),
        _ => None,
    }
}

pub(super) fn reply(heard: Heard) -> Reply {
    let outcome = match heard.said {
        Ok(Said::Answer(answer)) => Ok(answer),
        // One that knows no better than to send us elsewhere.
        Ok(Said::Referral(_) | Said::NoTopLevel) => Err(Failure::Lame),
        Err(failure) => Err(failure),
    };
    Reply { server: heard.server, outcome }
}

fn not_delegated(name: Name) -> Look {
    Look { zone: Zone::NotDelegated { name }, replies: Vec::new() }
}

pub(super) fn unknown(failure: Failure) -> Look {
    Look { zone: Zone::Unknown(failure), replies: Vec::new() }
}
