//! A question put to a set of servers, in turn or all at once.

use super::{
    Ask, Inner,
    exchange::{Miss, Try, Wanted},
    interpret::{Said, Sender, interpret},
    wire::Service,
};
use futures_util::future::join_all;
use signet_core::{
    names::Name,
    observe::{Failure, Server},
};
use std::{net::SocketAddr, sync::atomic::Ordering};

/// A server as it is listed for a zone, and how it can be reached, if at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) server: Server,
    /// Who runs it, as far as its name tells: see [`operator`].
    pub(super) operator: Option<Name>,
    pub(super) reach: Result<SocketAddr, Failure>,
}

/// Who runs a name server, as far as its name tells: the domain somebody was
/// given that it lies in. The servers of a DNS host mostly share one, or few.
pub(super) fn operator(name_server: &Name) -> Name {
    name_server.organizational().unwrap_or_else(|| name_server.clone())
}

/// What one server said, or why it said nothing.
pub(super) struct Heard {
    pub(super) server: Server,
    pub(super) said: Result<Said, Failure>,
}

impl Inner {
    /// Asks every server; those that stay silent as often as tries allow.
    pub(super) async fn ask_all(&self, servers: &[Listed], wanted: &Wanted, from: Sender<'_>) -> Vec<Heard> {
        join_all(servers.iter().map(|listed| async {
            let said = match &listed.reach {
                Ok(address) if self.may_ask(*address, wanted, from) => {
                    self.ask_patiently((listed, *address), wanted, from).await
                }
                Ok(_) => Err(Failure::NotAsked),
                Err(failure) => Err(failure.clone()),
            };
            Heard { server: listed.server.clone(), said }
        }))
        .await
    }

    /// Asks one server after the other, beginning with the `first`, until one
    /// answers or the tries are spent. Who failed comes before who answered.
    pub(super) async fn ask_in_turn(
        &self,
        servers: &[Listed],
        first: usize,
        wanted: &Wanted,
        from: Sender<'_>,
    ) -> Vec<Heard> {
        let reachable: Vec<(&Listed, SocketAddr)> =
            servers.iter().filter_map(|l| Some((l, *l.reach.as_ref().ok()?))).collect();
        if reachable.is_empty() {
            return servers
                .iter()
                .filter_map(|l| Some(Heard { server: l.server.clone(), said: Err(l.reach.clone().err()?) }))
                .collect();
        }
        // Only silence, over TCP too, is worth asking again; the others have said their piece.
        let mut hopeful: Vec<usize> = (0..reachable.len()).map(|i| (first + i) % reachable.len()).collect();
        let mut heard: Vec<Heard> = Vec::new();
        let tries = self.tries();
        let mut number = 0;
        while number < tries && !hopeful.is_empty() {
            let index = hopeful.remove(0);
            let (listed, address) = reachable[index];
            let server = &listed.server;
            let before = heard.iter().position(|h| h.server == *server);
            let this = Try { again: before.is_some(), last: number + 1 == tries };
            let said = if this.again || self.may_ask(address, wanted, from) {
                number += 1;
                self.ask_once((listed, address), wanted, from, this).await
            } else {
                Err(Miss::Failed(Failure::NotAsked))
            };
            if said.as_ref().is_err_and(Miss::may_pass) {
                hopeful.push(index);
            }
            let said = said.map_err(Miss::failure);
            let done = said.is_ok();
            if let Some(before) = before {
                heard.remove(before);
            }
            heard.push(Heard { server: server.clone(), said });
            if done {
                break;
            }
        }
        heard
    }

    /// Asks the resolvers, beginning with the one that answered last.
    ///
    /// # Errors
    /// How the first of them failed, when all did.
    pub(super) async fn resolve(&self, name: &Name, rtype: u16) -> Result<Said, Failure> {
        let wanted = Wanted {
            name: name.clone(),
            rtype,
            service: Service::Recursion,
            stream: false,
            ask: Ask::routine(),
        };
        let mut heard = self.ask_resolvers_in_turn(&wanted).await;
        match heard.iter().position(|h| h.said.is_ok()) {
            Some(answered) => heard.swap_remove(answered).said,
            None => heard.into_iter().next().map_or(Err(no_resolver()), |h| h.said),
        }
    }

    pub(super) async fn ask_resolvers_in_turn(&self, wanted: &Wanted) -> Vec<Heard> {
        let first = self.good_resolver.load(Ordering::Relaxed);
        let heard = self.ask_in_turn(&self.resolvers, first, wanted, Sender::Resolver).await;
        if heard.len() > 1
            && let Some(Heard { server, said: Ok(_) }) = heard.last()
            && let Some(index) = self.resolvers.iter().position(|l| l.server == *server)
        {
            self.good_resolver.store(index, Ordering::Relaxed);
        }
        heard
    }

    /// Whether the breakers let a first try through; those after it go on.
    pub(super) fn may_ask(&self, address: SocketAddr, wanted: &Wanted, from: Sender<'_>) -> bool {
        match from {
            Sender::Authority(apex) if !wanted.ask.on_demand => {
                let may = self.breakers.may_ask(address.ip(), apex);
                if !may {
                    self.counters.not_asked.count();
                }
                may
            }
            Sender::Authority(_) | Sender::Resolver => true,
        }
    }

    async fn ask_patiently(
        &self,
        server: (&Listed, SocketAddr),
        wanted: &Wanted,
        from: Sender<'_>,
    ) -> Result<Said, Failure> {
        let tries = self.tries();
        let mut number = 0;
        loop {
            let this = Try { again: number > 0, last: number + 1 == tries };
            let said = self.ask_once(server, wanted, from, this).await;
            if this.last || !said.as_ref().is_err_and(Miss::may_pass) {
                return said.map_err(Miss::failure);
            }
            number += 1;
        }
    }

    async fn ask_once(
        &self,
        (listed, address): (&Listed, SocketAddr),
        wanted: &Wanted,
        from: Sender<'_>,
        this: Try,
    ) -> Result<Said, Miss> {
        let reply = self.exchange.attempt(address, listed.operator.as_ref(), wanted, this).await;
        if let Sender::Authority(apex) = from {
            match &reply {
                Ok(_)
                | Err(
                    Miss::Stalled
                    | Miss::Failed(Failure::Rcode(_) | Failure::Malformed(_) | Failure::Truncated),
                ) => self.breakers.answered(address.ip(), apex),
                Err(Miss::Silent) => self.breakers.silent(address.ip(), apex, wanted.ask.party),
                // The network's word, at once, and not the server's.
                Err(Miss::Failed(_)) => {}
            }
        }
        Ok(interpret(&reply?, &wanted.name, wanted.rtype, from)?)
    }

    fn tries(&self) -> u8 {
        self.settings.tries.max(1)
    }
}

pub(super) fn no_resolver() -> Failure {
    Failure::Unreachable("no resolver is configured".to_string())
}
