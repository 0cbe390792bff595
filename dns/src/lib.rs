//! The DNS side of Signet: asking other people's servers, and answering for
//! our own zone.
//!
//! * [`ask`] — puts the questions that the judges of
//!   [`signet_core::verify`] come to need to the right servers, and reports
//!   what each of them said, failures included.
//! * [`zone`] — serves the provider's own zone.
//! * [`update`] — writes into a customer's zone, where they have given us a key.
//!
//! None of them decides anything about a customer's domain; that is
//! `signet-core`'s. None knows of the store or of HTTP; that is the
//! server's. Everything that comes off the network is hostile: whatever is
//! read from it has a bound, and malformed input becomes a value
//! ([`Failure::Malformed`](signet_core::observe::Failure::Malformed) here, an
//! error response there), never a panic.
//!
//! ```no_run
//! use signet_core::{names::Name, observe::RecordType};
//! use signet_dns::ask::{Ask, Asker, Settings, system_resolvers};
//!
//! # async fn example() -> std::io::Result<()> {
//! let settings = Settings { resolvers: system_resolvers(), ..Settings::default() };
//! let asker = Asker::new(settings).await?;
//! let name = Name::parse("_dmarc.example.com").expect("a name");
//! // A judge reads what it needs; what has not been looked at is asked for it.
//! let settled = asker
//!     .settle(Ask::thorough(), |seen| {
//!         let look = seen.at(&name, RecordType::Txt)?;
//!         Ok(look.answers().count())
//!     })
//!     .await;
//! println!("{:?} servers answered", settled.value);
//! # Ok(())
//! # }
//! ```

pub mod ask;
#[cfg(feature = "testing")]
pub mod fuzzing;
#[cfg(feature = "testing")]
pub mod testing;
pub mod update;
pub mod zone;
