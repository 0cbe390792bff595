//! What the store keeps, as the rest of the program sees it.

mod accounts;
mod audit;
mod dns_access;
mod domains;
mod history;
mod keys;
mod looks;
mod messages;
mod notices;
mod review;
mod sealed;
mod webhooks;

pub use accounts::*;
pub use audit::*;
pub use dns_access::*;
pub use domains::*;
pub use history::*;
pub use keys::*;
pub use looks::*;
pub use messages::*;
pub use notices::*;
pub use review::*;
pub use sealed::*;
pub use webhooks::*;

use std::fmt;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// An account's number.
    AccountId,
    /// A domain's number, on the wire too; never used twice.
    DomainId,
    /// A token's number.
    TokenId,
    /// A history row's number; later rows have higher ones.
    EventId,
    /// A notice's number.
    NoticeId,
    /// An outbox row's number.
    OutboxId,
    /// A webhook's number, on the wire too; never used twice.
    WebhookId,
    /// The number of one event on its way to one webhook.
    DeliveryId,
    /// The number of a key to an account's zone, on the wire too.
    DnsAccessId,
}

impl AccountId {
    /// Stands in the history where something concerns no single account. No
    /// account has this number.
    pub const INSTALLATION: Self = Self(0);
}

/// What is counted for the metrics page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Domains by the name of their DNS state.
    pub domains: Vec<(String, i64)>,
    /// Reviews under way by their state, every state but none.
    pub reviews: Vec<(Review, i64)>,
    /// Domains due and not being looked at.
    pub due: i64,
    /// When the longest overdue of all was due, if one is.
    pub oldest_due: Option<jiff::Timestamp>,
    /// Messages waiting.
    pub outbox: i64,
    /// Lines in which something waits for an enabled webhook.
    pub webhook_lines: i64,
    /// When the first of them was due that has waited longest.
    pub oldest_webhook_line: Option<jiff::Timestamp>,
}
