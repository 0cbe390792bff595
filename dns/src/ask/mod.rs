//! Asking: a question to the right servers, and what each of them said.
//!
//! # Why no resolver library
//! One query loop over hickory-proto's wire types serves resolvers (RD set)
//! and authoritative servers (RD clear) alike. hickory-resolver would not do:
//! it opens a socket per query, several times the cost of the query itself;
//! it folds NXDOMAIN, NODATA and failures into one error and several servers
//! into one answer, where a diagnosis is about exactly these differences; and
//! it follows aliases and referrals on its own, where "which server said
//! that" is the question.
//!
//! # One look
//! [`Asker::look`] finds the zone of the name (`delegation`), asks one or all
//! of its servers (`servers`), follows cuts that they show (`look`), and
//! reports. A routine pass fires a `volley` first: all its questions at once,
//! to one server, which is mostly all there is to it. What others than the zone's own servers say is in `views`. One
//! try with one server is `exchange`: UDP over shared `sockets`,
//! TCP when the reply is truncated, plain when EDNS or mixed case trouble the
//! server, never more than its `budget`, and not at all while a `breaker` says
//! that it has long been silent. `wire` writes questions and recognises
//! replies, `interpret` reads them.
//!
//! # What holds
//! * A failure is never an absence: whatever went wrong is in
//!   [`Reply::outcome`](signet_core::observe::Reply) or
//!   [`Zone::Unknown`](signet_core::observe::Zone), and a look never fails.
//! * A reply counts only from the address, port, id and question asked.
//! * No packet goes to an address that is not public, unless allowed.
//! * Every wait has an end, every loop, queue and cache a bound; dropping a
//!   future leaves nothing behind.
//! * The same look asked twice at once is one look; the same delegation
//!   likewise.
//!
//! # What is deliberately absent
//! No cache of answers, but for our own zone's: checks are about now. No DNSSEC validation: resolvers
//! do that, and their SERVFAIL comes with its extended error. No iteration
//! from the root: finding delegations is left to the resolvers.

mod address;
mod addresses;
mod breaker;
mod budget;
mod cache;
mod delegation;
mod exchange;
mod flight;
#[cfg(feature = "testing")]
pub(crate) mod fuzzing;
mod interpret;
mod look;
mod salvo;
mod servers;
mod settings;
mod settle;
mod sockets;
mod stats;
mod views;
mod volley;
mod wire;

pub use address::is_public;
pub use settings::{Mode, Settings, system_resolvers};
pub use settle::{Settled, Unsettled};
pub use stats::Stats;

use self::{
    breaker::Breakers,
    cache::Cache,
    delegation::{Host, Place},
    exchange::Exchange,
    flight::Flights,
    servers::Listed,
    stats::Counters,
};
use signet_core::{
    names::Name,
    observe::{Look, Question, Server},
};
use std::{
    io,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};
use tokio::time::Instant;

/// Looks at our own zone remembered, and for how long.
const OWN: usize = 1024;
const OWN_FOR: Duration = Duration::from_secs(5);

/// How many servers of the zone are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One, taking turns; the next one where that fails.
    One,
    /// Every one of them.
    All,
}

/// How a question is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// How many servers are asked.
    pub scope: Scope,
    /// Find the delegation anew instead of taking it from the cache, and take
    /// no answer from one.
    pub fresh: bool,
    /// Find out where exactly the zone begins even when the record itself has
    /// been answered: one more question for a name below a zone's apex.
    pub exact_zone: bool,
    /// Somebody waits for this: ask servers too that have been silent lately.
    pub on_demand: bool,
    /// The account on whose behalf; 0 for nobody in particular. One account's
    /// silent zones never keep an address from being asked about another's.
    pub party: u64,
}

impl Ask {
    /// A routine pass over what has been right before.
    #[must_use]
    pub fn routine() -> Self {
        Self { scope: Scope::One, fresh: false, exact_zone: false, on_demand: false, party: 0 }
    }

    /// For pending domains: every server, and nothing from a cache.
    #[must_use]
    pub fn thorough() -> Self {
        Self { scope: Scope::All, fresh: true, exact_zone: true, ..Self::routine() }
    }

    /// For checks somebody waits for: thorough, and of servers too that have
    /// been silent lately.
    #[must_use]
    pub fn on_demand() -> Self {
        Self { on_demand: true, ..Self::thorough() }
    }

    /// The same on behalf of this account.
    #[must_use]
    pub fn for_party(self, party: u64) -> Self {
        Self { party, ..self }
    }
}

/// Asks DNS. Cheap to clone; clones share sockets, caches and budgets.
#[derive(Clone)]
pub struct Asker {
    inner: Arc<Inner>,
}

impl std::fmt::Debug for Asker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Asker").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

struct Inner {
    settings: Arc<Settings>,
    counters: Arc<Counters>,
    exchange: Exchange,
    breakers: Breakers,
    resolvers: Vec<Listed>,
    good_resolver: AtomicUsize,
    turn: AtomicUsize,
    places: Cache<Name, Place>,
    hosts: Cache<Name, Host>,
    own: Cache<Question, Arc<Look>>,
    walks: Arc<Flights<Name, Place>>,
    host_walks: Arc<Flights<Name, Host>>,
    looks: Arc<Flights<(Question, Ask), Look>>,
}

impl Asker {
    /// Opens the sockets. Inside a Tokio runtime.
    ///
    /// # Errors
    /// When the machine gives out no UDP socket, of neither address family.
    pub async fn new(settings: Settings) -> io::Result<Self> {
        let settings = Arc::new(settings);
        let counters = Arc::new(Counters::default());
        let resolvers = settings.resolvers.iter().map(|&address| Listed {
            server: Server { name: None, address: Some(address.ip()) },
            operator: None,
            reach: Ok(address),
        });
        let inner = Inner {
            exchange: Exchange::new(Arc::clone(&settings), Arc::clone(&counters)).await?,
            breakers: Breakers::new(),
            resolvers: resolvers.collect(),
            good_resolver: AtomicUsize::new(0),
            turn: AtomicUsize::new(rand::random::<u16>().into()),
            places: Cache::new(settings.cache_entries),
            hosts: Cache::new(settings.cache_entries),
            own: Cache::new(OWN),
            walks: Flights::new(),
            host_walks: Flights::new(),
            looks: Flights::new(),
            settings,
            counters,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Puts one question. Never fails: what went wrong is part of the look.
    pub async fn look(&self, question: &Question, ask: Ask) -> Look {
        self.inner.look(question, ask, ask.fresh.then(Instant::now)).await
    }

    /// Whom it believes.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inner.settings.mode
    }

    /// What has been counted since start.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.inner.counters.snapshot()
    }
}
