//! Writing into accounts' own zones: by DNS UPDATE (RFC 2136), or through the API
//! of whoever hosts the zone.
//!
//! # What holds
//! * What was read when the changes were planned must still be so: for DNS UPDATE
//!   as prerequisites the server checks (`update`), for an API by listing the
//!   records right before (`api`).
//! * A DNS UPDATE is done as a whole or not at all. Through an API records go one
//!   after the other; where it breaks off, what was and what was not written is
//!   said, and doing it again goes on from there.
//! * A server an account names is asked only on a public address, unless
//!   `SIGNET_DNS_ALLOW_PRIVATE`. The addresses of the APIs are the library's, but
//!   for PowerDNS, which is offered under the same condition only.
//! * Every wait has an end.

mod api;
pub mod providers;
mod update;

use self::providers::{Provider, Values, Way};
use crate::clock::Clock;
use signet_core::{names::Name, plan::RecordKey, publish::Change};
use signet_dns::ask::Asker;
use std::time::Duration;

/// How long writing into one zone may take, all of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long trying a key may take.
const TRY: Duration = Duration::from_secs(20);

/// A key to a zone, opened.
#[derive(Debug)]
pub struct Access {
    /// By its apex.
    pub zone: Name,
    /// How it is written to.
    pub provider: &'static Provider,
    /// What the provider wants to be given.
    pub values: Values,
}

/// What writing needs of the world.
#[derive(Clone, Debug)]
pub struct Means {
    /// Finds the addresses of servers.
    pub asker: Asker,
    /// Signatures have the time in them.
    pub clock: Clock,
    /// See `SIGNET_DNS_ALLOW_PRIVATE`.
    pub allow_private: bool,
}

/// What came of writing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The records written.
    pub done: Vec<RecordKey>,
    /// The records of which it is not known whether they were.
    pub unsure: Vec<RecordKey>,
    /// Where it broke off, if it did.
    pub broken: Option<Broken>,
}

/// Why writing broke off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// In sentences, without anything secret.
    pub reason: String,
    /// How to go on.
    pub then: Then,
}

/// How to go on where writing broke off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// With a new plan, which goes on from there.
    Plan,
    /// The same, since the zone was not as it was read; nothing of this was written.
    Outdated,
    /// By hand, as the reason says.
    Mend,
}

impl Broken {
    fn new(then: Then, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), then }
    }
}

impl Access {
    /// Asks for something harmless with it.
    ///
    /// # Errors
    /// Why it would not work, as a sentence.
    pub async fn try_out(&self, means: &Means) -> Result<(), String> {
        let tried = async {
            match self.provider.way {
                Way::Update => update::try_out(self, means).await,
                Way::Api(make, _) => api::try_out(self, &make(&self.values)?).await,
            }
        };
        let late = || format!("{} did not answer in time", self.provider.name);
        let tried = tokio::time::timeout(TRY, tried).await.unwrap_or_else(|_| Err(late()));
        tried.map_err(|reason| self.passed_on(&reason))
    }

    /// Carries out those of `changes` that write something. All are in the zone.
    pub async fn write(&self, means: &Means, changes: &[&Change]) -> Written {
        let changes: Vec<&Change> = changes.iter().copied().filter(|change| change.action.writes()).collect();
        let mut written = match self.provider.way {
            Way::Update => update::write(self, means, &changes).await,
            Way::Api(make, sets) => match make(&self.values) {
                Ok(updater) => api::write(self, &updater, sets, &changes).await,
                Err(reason) => {
                    Written { broken: Some(Broken::new(Then::Plan, reason)), ..Written::default() }
                }
            },
        };
        if let Some(broken) = &mut written.broken {
            broken.reason = self.passed_on(&broken.reason);
        }
        written
    }

    /// What others said, without our secrets: some repeat what they were sent.
    fn passed_on(&self, text: &str) -> String {
        self.values.hidden_in(self.provider, text)
    }
}
