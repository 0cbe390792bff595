//! Answering: what this program says when it is asked.
//!
//! [`serve`] listens on UDP and TCP and hands each well-formed question to
//! something that [`Answers`]. There are two of those:
//!
//! * [`OwnZone`] — the provider's zone, which customers' records point into.
//!   Its names come from [`signet_core::plan`], its keys and demo domains from
//!   a [`ZoneSource`] (the store), through a cache that is never more than five
//!   seconds old. [`export`] writes the same zone as a master file for
//!   operators who would rather have their usual name server answer.
//! * [`Internet`] — a few zones held in memory and edited while they are
//!   served: the world in which `signet demo` plays the life of a domain.
//!
//! Other name servers get the zone by [`Transfers`] and hear of changes by
//! [`notify`], both signed.
//!
//! Deliberately absent: dynamic update, incremental transfers and DNSSEC signing.
//! Whoever needs the last has a secondary sign what it serves.
//!
//! ```no_run
//! use signet_core::{names::{Name, RecordId}, plan::{Provider, SpfMode}};
//! use signet_dns::zone::{self, Keys, OwnZone, OwnZoneSettings, SourceFailed, Serving, ZoneSource};
//! use std::sync::Arc;
//!
//! struct Store;
//! #[async_trait::async_trait]
//! impl ZoneSource for Store {
//!     async fn keys(&self, _id: &RecordId) -> Result<Option<Keys>, SourceFailed> {
//!         Ok(None)
//!     }
//!     async fn demo(&self, _name: &Name) -> Result<Option<RecordId>, SourceFailed> {
//!         Ok(None)
//!     }
//! }
//!
//! # async fn example(provider: Provider) -> Result<(), Box<dyn std::error::Error>> {
//! let zone = Arc::new(OwnZone::new(OwnZoneSettings::new(provider), Arc::new(Store))?);
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let bound = zone::serve("127.0.0.1:5300".parse()?, zone, Serving::default(), async {
//!     let _ = stopped.await;
//! })
//! .await?;
//! println!("answering on {}", bound.local_addr());
//! stop.send(()).ok();
//! bound.finished().await;
//! # Ok(())
//! # }
//! ```

mod answer;
mod cache;
mod contents;
#[cfg(feature = "testing")]
pub(crate) mod fuzzing;
mod internet;
mod listen;
mod master;
mod node;
mod notify;
mod own;
mod spf;
mod stream;
#[cfg(test)]
mod tests;
mod transfer;
mod tsig;

pub use answer::{Answers, Ask, Response};
pub use internet::{BadRecord, Internet};
pub use listen::{Bound, Serving, serve};
pub use master::{ZoneDomainView, bind_lines, export};
pub use notify::{NotifyFailed, notify};
pub use own::{Keys, OwnZone, OwnZoneSettings, SourceFailed, ZoneError, ZoneSource};
pub use transfer::{EveryDomain, Transfers};
pub use tsig::{BadTsigKey, TsigKey};
