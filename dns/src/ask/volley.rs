//! The questions of a routine pass, all at once.
//!
//! A routine pass asks about half a dozen names in one zone, and nearly always
//! finds all of them as they were. So they go to one server together, without a
//! task, a timer or a flight for each, and their replies are read in place.
//! Whatever does not fit in here (a zone that is not known yet, a budget that
//! is spent, a reply with anything unusual about it, none at all) is left to
//! the way that every other look takes.

use super::{
    Ask, Inner, Mode, Scope,
    delegation::Delegation,
    exchange::Wanted,
    interpret::{Sender, quick},
    servers::Listed,
    sockets::{Received, Volley},
    wire::{Query, Service},
};
use signet_core::observe::{Look, Question, Reply, Seen, View, Zone};
use std::{net::SocketAddr, sync::Arc, sync::atomic::Ordering};
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

/// A question on its way.
struct Shot {
    question: Question,
    rtype: u16,
    question_end: usize,
    zone: Arc<Delegation>,
    /// Which of the zone's servers.
    server: usize,
    _slot: OwnedSemaphorePermit,
}

impl Inner {
    /// Asks what can be asked at once, adds what comes of it to `seen`, and
    /// returns the questions that are left.
    pub(super) async fn volley(
        &self,
        questions: Vec<Question>,
        ask: Ask,
        deadline: Instant,
        seen: &mut Seen,
    ) -> Vec<Question> {
        if ask.scope != Scope::One || ask.fresh || ask.exact_zone || self.settings.mode != Mode::Authoritative
        {
            return questions;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut volley = self.exchange.volley(questions.len());
        let mut left = Vec::new();
        let mut shots = Vec::with_capacity(questions.len());
        for question in questions {
            if let Some(look) = self.own_look(&question, ask) {
                self.counters.looks.count();
                seen.add(question, look);
                continue;
            }
            // Everybody's question: the other way remembers its answer.
            if self.is_ours(&question) {
                left.push(question);
                continue;
            }
            match self.shoot(&mut volley, question, ask, turn) {
                Ok(shot) => shots.push(shot),
                Err(question) => left.push(question),
            }
        }
        if shots.is_empty() {
            return left;
        }
        let until = deadline.min(Instant::now() + self.settings.timeout);
        let replies = volley.replies(until).await;
        for (shot, reply) in shots.into_iter().zip(replies) {
            match self.read(&shot, reply, ask) {
                Some(look) => {
                    self.counters.looks.count();
                    seen.add(shot.question, look);
                }
                None => left.push(shot.question),
            }
        }
        left
    }

    /// Sends one question, or gives it back.
    fn shoot(
        &self,
        volley: &mut Volley<'_>,
        question: Question,
        ask: Ask,
        turn: usize,
    ) -> Result<Shot, Question> {
        let wanted = Wanted::of(&question, Service::Own, ask);
        let aimed = (question.view == View::Servers)
            .then(|| self.known_zone(&question.name))
            .flatten()
            .and_then(|zone| {
                let (server, address) = self.aim(&zone, &wanted, turn)?;
                let operator = zone.servers.get(server).and_then(|listed| listed.operator.as_ref());
                let slot = self.exchange.enter_at_once(address, operator)?;
                Some((zone, server, address, slot))
            });
        let Some((zone, server, address, _slot)) = aimed else { return Err(question) };
        let query = Query::new(&wanted.name, wanted.rtype, wanted.service, self.exchange.dressed());
        if volley.send(address, &query).is_none() {
            return Err(question);
        }
        self.counters.cache_hits.count();
        let (rtype, question_end) = (wanted.rtype, query.question_end());
        Ok(Shot { question, rtype, question_end, zone, server, _slot })
    }

    /// The server whose turn it is, of those that may be asked.
    fn aim(&self, zone: &Delegation, wanted: &Wanted, turn: usize) -> Option<(usize, SocketAddr)> {
        let count = zone.servers.len();
        (0..count).map(|offset| turn.wrapping_add(offset) % count).find_map(|index| {
            let Listed { reach: Ok(address), .. } = zone.servers.get(index)? else { return None };
            self.may_ask(*address, wanted, Sender::Authority(&zone.apex)).then_some((index, *address))
        })
    }

    fn read(&self, shot: &Shot, reply: Option<Received>, ask: Ask) -> Option<Look> {
        let Shot { rtype, question_end, zone, server, .. } = shot;
        let Listed { server, reach: Ok(address), .. } = zone.servers.get(*server)? else { return None };
        let Some(reply) = reply else {
            self.counters.timeouts.count();
            self.breakers.silent(address.ip(), &zone.apex, ask.party);
            return None;
        };
        self.breakers.answered(address.ip(), &zone.apex);
        let Received::Reply(octets) = reply else { return None };
        let answer = quick::answer(&octets, *question_end, *rtype)?;
        Some(Look {
            zone: Zone::Found(zone.apex.clone()),
            replies: vec![Reply { server: server.clone(), outcome: Ok(answer) }],
        })
    }
}
