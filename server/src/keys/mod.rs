//! DKIM keys, and the key-encryption key they are kept under.
//!
//! Each private key is encrypted under a data key of its own, and the data key
//! under the key-encryption key of `SIGNET_KEY_FILE` (AES-256-GCM both). Who
//! the key belongs to is bound in as associated data, so that a row moved to
//! another domain does not open. The key-encryption key has versions: replacing
//! it rewraps the data keys and leaves the private keys as they lie
//! ([`crate::ops::rewrap`]).

mod der;
mod file;
pub mod import;
mod make;
mod opened;
mod pool;
mod seal;
#[cfg(test)]
mod tests;

pub use file::{KeyFile, Locked};
pub use make::{KeyPair, make};
pub use opened::{OpenedKeys, SigningKey};
pub use pool::{Filling, KeyMaker};
pub use seal::{KEYS_LOG, KeyOwner, sealed_under};
