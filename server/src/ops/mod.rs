//! The use cases: who may do what, and what follows from it.
//!
//! HTTP, the command line and the workers all come through here. Each function
//! is one use case: it checks the [`Actor`]'s rights, has core decide, and makes
//! one call of the store, which is one transaction.

pub mod accounts;
pub mod audit;
pub mod authn;
pub mod authorize;
pub mod card_check;
pub mod checks;
pub mod company;
pub mod dkim;
pub mod domain_connect;
pub mod domains;
mod exports;
mod health;
pub mod idempotency;
pub mod import;
pub mod installation;
pub mod instructions;
mod key_rules;
pub mod links;
pub(crate) mod lost_keys;
pub mod mute;
mod notices;
pub mod publish;
pub mod questionnaire;
pub mod review;
pub mod rewrap;
pub mod rotation;
pub mod signing;
pub mod tokens;
mod watch;
pub mod webhooks;

pub use authn::Actor;

use crate::{
    clock::{Clock, Randomness},
    config::Config,
    domain_connect::Discovery,
    keys::{KeyFile, KeyMaker, OpenedKeys},
    store::{Cause, Domain, Store, StoreError},
};
use signet_core::{
    company::FieldErrors,
    plan::{PlannedRecord, plan},
    verify::Status,
};
use signet_dns::ask::Asker;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize},
    },
};
use tokio::sync::Notify;

/// Everything a use case needs.
#[derive(Clone)]
pub struct Ops {
    /// What is kept.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Clock,
    /// Randomness.
    pub random: Randomness,
    /// The settings.
    pub config: Arc<Config>,
    /// Rung when something became due.
    pub due: Arc<Notify>,
    /// Rung when a look was applied.
    pub looked: Arc<Notify>,
    /// Whether looks see anything.
    pub sight: Arc<watch::Sight>,
    /// Looks under way in this process: claimed, or being claimed, and not yet
    /// written.
    pub under_way: Arc<AtomicUsize>,
    /// Rung when a message was queued.
    pub queued: Arc<Notify>,
    /// Rung when a review became due.
    pub review_due: Arc<Notify>,
    /// Rung when keys are to be turned.
    pub turning: Arc<Notify>,
    /// Rung when owners are to be told something.
    pub noticed: Arc<Notify>,
    /// Rung when there may be something for webhooks.
    pub published: Arc<Notify>,
    /// Whether another node has started with other settings for DKIM keys, when that was
    /// last seen.
    pub other_key_rules: Arc<AtomicBool>,
    /// The key-encryption key, where the process has it: a server, not the
    /// command line.
    pub key: Option<Arc<KeyFile>>,
    /// Finds out what DNS hosts offer, where the process asks DNS.
    pub discovery: Option<Arc<Discovery>>,
    /// Makes DKIM keys.
    pub maker: Arc<KeyMaker>,
    /// DKIM keys that have signed a short while ago.
    pub opened: Arc<OpenedKeys>,
    /// Asks DNS, where the process does: a server, and commands that need it.
    pub asker: Option<Asker>,
    /// Tokens used since they were last written down.
    pub used_tokens: Arc<authn::UsedTokens>,
    /// What the sending gate has just read.
    pub recent: Arc<authorize::Recent>,
    /// Domains that have sent since they were last written down.
    pub sending: Arc<authorize::Sending>,
    /// Checks Bearer JWTs, where an issuer is configured.
    pub jwt: Option<Arc<authn::JwtVerifier>>,
}

/// Why a use case was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such thing, as far as this actor can see.
    #[error("Not Found")]
    NotFound,
    /// The actor can see it but may not do this.
    #[error("Access forbidden")]
    Forbidden,
    /// What was given is wrong; by attribute, `base` for none of them.
    #[error("invalid: {0:?}")]
    Invalid(FieldErrors),
    /// Somebody else was faster; by attribute what is so now.
    #[error("outdated: {0:?}")]
    Outdated(FieldErrors),
    /// The store failed; nothing was done.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Refused {
    /// One message about one attribute.
    #[must_use]
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(BTreeMap::from([(field, vec![message.into()])]))
    }

    /// The same, of what somebody else has changed.
    #[must_use]
    pub fn outdated(field: &'static str, message: impl Into<String>) -> Self {
        Self::Outdated(BTreeMap::from([(field, vec![message.into()])]))
    }
}

/// The result of a use case.
pub type Result<T> = std::result::Result<T, Refused>;

impl Ops {
    /// The use cases over a store, with the machine's clock and randomness.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, config: Arc<Config>, clock: Clock) -> Self {
        Self {
            store,
            clock,
            random: Randomness::default(),
            jwt: config.jwt.clone().map(|jwt| Arc::new(authn::JwtVerifier::new(jwt))),
            config,
            due: Arc::default(),
            looked: Arc::default(),
            sight: Arc::default(),
            under_way: Arc::default(),
            queued: Arc::default(),
            review_due: Arc::default(),
            turning: Arc::default(),
            noticed: Arc::default(),
            published: Arc::default(),
            other_key_rules: Arc::default(),
            key: None,
            discovery: None,
            maker: Arc::default(),
            opened: Arc::default(),
            asker: None,
            used_tokens: Arc::default(),
            sending: Arc::default(),
            recent: Arc::default(),
        }
    }

    /// What the actor does now, for the history.
    fn cause(&self, actor: &Actor) -> Cause {
        Cause {
            actor: actor.label.clone(),
            origin: actor.origin.clone(),
            reason: String::new(),
            at: self.clock.now(),
        }
    }

    /// The records a domain must have, each with the status the contract shows.
    #[must_use]
    pub fn records(&self, domain: &Domain) -> Vec<(PlannedRecord, Status)> {
        let planned = self.plan(domain);
        planned
            .into_iter()
            .map(|record| {
                let status = shown(domain, &record);
                (record, status)
            })
            .collect()
    }

    /// The records a domain must have.
    #[must_use]
    pub fn plan(&self, domain: &Domain) -> Vec<PlannedRecord> {
        plan(&self.config.provider, &domain.subject(), &domain.present)
    }
}

fn shown(domain: &Domain, record: &PlannedRecord) -> Status {
    if domain.demo {
        // In our own zone: right by construction.
        return Status::Pass;
    }
    domain.state_of(record).map_or(Status::Unchecked, |state| state.shown.status)
}
