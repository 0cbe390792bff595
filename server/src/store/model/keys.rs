//! DKIM keys, and what our zone holds of a domain.

use super::{AccountId, DomainId};
use signet_core::names::{DomainName, RecordId};

/// A DKIM key to be kept. The private half is sealed already.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// 1 or 2.
    pub selector: u8,
    /// SPKI, DER.
    pub public: Vec<u8>,
    /// The private key under a data key, and that under the key-encryption key.
    pub sealed: Vec<u8>,
}

/// A domain without DKIM keys that needs them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyless {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub domain: DomainId,
    /// Its record id, bound into the seal.
    pub record_id: RecordId,
}

/// What our zone holds for one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneDomain {
    /// Its record id.
    pub record_id: RecordId,
    /// The public keys (SPKI, DER) at its two DKIM targets.
    pub keys: [Option<Vec<u8>>; 2],
    /// The name, if it is a demo domain and so lies in our zone.
    pub demo_name: Option<DomainName>,
}
