//! Looks at a name from elsewhere than its own servers: from above the zone
//! cut, and through resolvers.

use super::{
    Ask, Inner,
    delegation::{Delegation, Place, given_name},
    exchange::Wanted,
    interpret::{Referral, Said, Sender},
    look::{reply, unknown},
    servers::{Heard, no_resolver},
    wire::{Service, code, type_code},
};
use signet_core::{
    names::Name,
    observe::{Answer, Data, Failure, Look, Question, Rcode, Record, RecordType, Reply, Zone},
};
use std::sync::Arc;
use tokio::time::Instant;

/// Zone cuts followed on the way down to the one asked about.
const CUTS: usize = 4;

impl Inner {
    /// What the servers above the cut at a zone's apex say of it: its name
    /// servers there, or its DS records. The look's zone is the one above.
    pub(super) async fn look_from_above(
        self: &Arc<Self>,
        question: &Question,
        ask: Ask,
        since: Option<Instant>,
    ) -> Look {
        let name = &question.name;
        let Some(parent) = name.parent() else {
            return unknown(Failure::Malformed("the root has no parent that could be asked".to_string()));
        };
        let place = match self.known_place(&parent, since) {
            Some((_, place)) => place,
            None => self.walk(&given_name(&parent)).await,
        };
        let mut zone = match place {
            Place::Zone(zone) => zone,
            Place::NotDelegated(name) => return Look { zone: Zone::NotDelegated { name }, replies: vec![] },
            Place::Unknown(failure) => return unknown(failure),
        };
        let wanted = Wanted::of(question, Service::Own, ask);
        for _ in 0..CUTS {
            let heard = self.ask_in_turn(&zone.servers, 0, &wanted, Sender::Authority(&zone.apex)).await;
            match heard.iter().find_map(referral).filter(|referral| referral.cut != *name) {
                Some(between) => match self.delegated(between.clone()).await {
                    (Place::Zone(below), _) => zone = below,
                    (Place::NotDelegated(name), _) => {
                        return Look { zone: Zone::NotDelegated { name }, replies: vec![] };
                    }
                    (Place::Unknown(failure), _) => return unknown(failure),
                },
                None => return from_above(&zone, heard, question.rtype),
            }
        }
        unknown(Failure::Malformed("one referral after another".to_string()))
    }

    /// What every configured resolver says. Nothing is made of it but that:
    /// where the name is not delegated their answer is the root's or the
    /// registry's NXDOMAIN.
    pub(super) async fn look_through_resolvers(&self, question: &Question, service: Service) -> Look {
        let name = &question.name;
        let wanted = Wanted::of(question, service, Ask::routine());
        let heard = self.ask_all(&self.resolvers, &wanted, Sender::Resolver).await;
        if heard.is_empty() {
            return unknown(no_resolver());
        }
        from_resolvers(name, heard)
    }
}

pub(super) fn from_resolvers(name: &Name, heard: Vec<Heard>) -> Look {
    let nowhere = |heard: Heard| match heard.said {
        Ok(Said::NoTopLevel) => Reply { server: heard.server, outcome: Ok(Answer::nothing(Rcode::NxDomain)) },
        _ => reply(heard),
    };
    Look { zone: Zone::Found(given_name(name)), replies: heard.into_iter().map(nowhere).collect() }
}

fn referral(heard: &Heard) -> Option<&Referral> {
    match &heard.said {
        Ok(Said::Referral(referral)) => Some(referral),
        _ => None,
    }
}

/// A referral to the name asked about is the parent's answer to NS.
pub(super) fn from_above(zone: &Delegation, heard: Vec<Heard>, rtype: RecordType) -> Look {
    let replies = heard.into_iter().map(|heard| match heard.said {
        Ok(Said::Referral(referral)) if type_code(rtype) == code::NS => {
            let ns = |name| Record { data: Data::Ns(name), ttl: referral.ttl };
            let records = referral.name_servers.into_iter().map(ns).collect();
            let (authoritative, glue) = (false, referral.glue);
            let answer = Answer { records, authoritative, glue, ..Answer::nothing(Rcode::NoError) };
            Reply { server: heard.server, outcome: Ok(answer) }
        }
        _ => reply(heard),
    });
    Look { zone: Zone::Found(zone.apex.clone()), replies: replies.collect() }
}
