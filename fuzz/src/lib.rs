//! What hostile DNS answers and questions may not do to Signet.
//!
//! One module per target, each with a `run` that is given octets and panics
//! when something does not hold. `cargo fuzz` calls them with octets it makes
//! up (`fuzz_targets/`); `dns/tests/fuzz.rs` compiles these same files and calls
//! them with the ones kept in `corpus/` and `found/`, on any toolchain.

pub mod dkim_key;
pub mod dmarc;
pub mod message;
pub mod spf;
pub mod zone_query;

mod judged;
mod literal;
mod replies;
