//! Answering: what this program says when it is asked.
//!
//! [`serve`] listens on UDP and TCP and hands each well-formed question to
//! something that [`Answers`]. There are two of those:
//!
//! * [`OwnZone`] — the provider's zone, which customers' records point into.
//!   Its names come from [`signet_core::plan`], its keys and demo domains from
//!   a [`ZoneSource`] (the store). It [follows](OwnZone::follow) what changes
//!   there: an index knows every domain there is, so that names that do not
//!   exist cost nothing, and a cache keeps those in use until they change.
//!   [`Walk`] goes through the whole of it, for the export and for transfers.
//! * [`Internet`] — a few zones held in memory and edited while they are
//!   served: the world in which `signet demo` plays the life of a domain.
//!
//! Over UDP answers are limited by rate, but for clients that show a cookie;
//! over TCP connections are counted ([`Limits`]).
//!
//! Other name servers get the zone by [`Transfers`] and hear of changes by
//! [`notify()`], both signed.
//!
//! Deliberately absent: dynamic update, incremental transfers and DNSSEC signing.
//! Whoever needs the last has a secondary sign what it serves.
//!
//! ```no_run
//! use signet_core::plan::Provider;
//! use signet_dns::zone::{self, OwnZone, OwnZoneSettings, Serving, ZoneSource};
//! use std::sync::Arc;
//!
//! # async fn example(provider: Provider, store: Arc<dyn ZoneSource>) -> Result<(), Box<dyn std::error::Error>> {
//! let zone = Arc::new(OwnZone::new(OwnZoneSettings::new(provider), store)?);
//! let following = tokio::spawn(zone.clone().follow(std::future::pending()));
//! let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
//! let bound = zone::serve("127.0.0.1:5300".parse()?, zone, Serving::default(), async {
//!     let _ = stopped.await;
//! })
//! .await?;
//! println!("answering on {}", bound.local_addr());
//! stop.send(()).ok();
//! bound.finished().await;
//! following.abort();
//! # Ok(())
//! # }
//! ```

mod answer;
mod cache;
mod contents;
mod cookie;
mod counters;
mod domains;
mod follow;
#[cfg(feature = "testing")]
pub(crate) mod fuzzing;
mod index;
mod internet;
mod key_place;
mod limit;
mod listen;
mod master;
mod node;
mod notify;
mod own;
mod reply;
mod request;
mod source;
mod spf;
mod tcp;
#[cfg(test)]
mod tests;
mod transfer;
mod tsig;
mod udp;
mod walk;

pub use answer::{Answers, Ask, Response};
pub use counters::Counters;
pub use internet::{BadRecord, Internet};
pub use listen::{Bound, Limits, Serving, serve};
pub use master::{bind_lines, bind_lines_in, line};
pub use notify::{NotifyFailed, notify};
pub use own::{CacheStats, OwnZone, OwnZoneSettings, ZoneError};
pub use source::{Changes, Keys, SourceFailed, ZoneDomainView, ZoneSource};
pub use spf::spf_lookups;
pub use transfer::Transfers;
pub use tsig::{BadTsigKey, TsigKey};
pub use walk::Walk;
