//! Keys to accounts' own zones.

use super::{AccountId, DnsAccessId, NewSecret};
use jiff::Timestamp;
use signet_core::names::Name;
use std::collections::BTreeMap;

/// A key to a zone, without what is secret of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsAccess {
    /// Its number.
    pub id: DnsAccessId,
    /// Whose.
    pub account: AccountId,
    /// The zone it opens, by its apex.
    pub zone: Name,
    /// How the zone is written to.
    pub provider: String,
    /// What belongs to that and is no secret, by name.
    pub settings: BTreeMap<String, String>,
    /// When it was given first.
    pub created_at: Timestamp,
    /// When it was given last.
    pub updated_at: Timestamp,
}

/// One to be kept.
#[derive(Clone, Debug)]
pub struct NewDnsAccess {
    /// Whose.
    pub account: AccountId,
    /// See [`DnsAccess::zone`].
    pub zone: Name,
    /// See [`DnsAccess::provider`].
    pub provider: String,
    /// See [`DnsAccess::settings`].
    pub settings: BTreeMap<String, String>,
    /// What is secret, sealed.
    pub secret: NewSecret,
}
