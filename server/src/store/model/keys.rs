//! DKIM keys, how their rotation stands, and what our zone holds of a domain.

use super::{AccountId, DomainId};
use jiff::Timestamp;
use signet_core::{
    names::{DomainName, RecordId},
    rotation::{Algorithm, Held, Ring, Selector},
};

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// Made here.
    Made,
    /// Brought by the customer.
    Imported,
}

impl KeyOrigin {
    /// As stored and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Imported => "imported",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Made, Self::Imported].into_iter().find(|origin| origin.as_str() == word)
    }
}

/// A private key as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedKey {
    /// Which version of the key-encryption key the data key is wrapped with.
    pub kek: u32,
    /// The data key, wrapped.
    pub wrapped: Vec<u8>,
    /// The private key (PKCS #8, DER), under the data key.
    pub sealed: Vec<u8>,
}

/// A DKIM key to be kept.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is called.
    pub id: String,
    /// Where it goes.
    pub selector: Selector,
    /// What it was made with.
    pub algorithm: Algorithm,
    /// By whom.
    pub origin: KeyOrigin,
    /// SPKI, DER.
    pub public: Vec<u8>,
    /// The private half.
    pub private: SealedKey,
}

/// A DKIM key that is kept; its private half is read by those who sign only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKey {
    /// What it is called.
    pub id: String,
    /// On which selector it stands.
    pub selector: Selector,
    /// What it was made with, and where it is in its life.
    pub held: Held,
    /// By whom it was made.
    pub origin: KeyOrigin,
    /// SPKI, DER.
    pub public: Vec<u8>,
    /// When it came here.
    pub created_at: Timestamp,
}

/// A domain's keys, and how their rotation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRing {
    /// One higher with every change.
    pub version: i64,
    /// By selector.
    pub keys: [Option<DkimKey>; 2],
    /// That another key is to sign, where somebody asked for that.
    pub wanted: Option<signet_core::rotation::Why>,
    /// When there is something to do.
    pub due_at: Option<Timestamp>,
    /// Proofs on end that came to nothing.
    pub failures: u32,
    /// Since when and why the rotation does not go on.
    pub stuck: Option<(Timestamp, String)>,
    /// When its owner was told of that.
    pub told_at: Option<Timestamp>,
}

impl KeyRing {
    /// What decides what happens to them.
    #[must_use]
    pub fn ring(&self) -> Ring {
        let held = |index: usize| self.keys[index].as_ref().map(|key| key.held);
        Ring { keys: [held(0), held(1)], wanted: self.wanted }
    }
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

/// The texts of a domain's two key records; `None` where there is none.
pub type KeyTexts = [Option<String>; 2];

/// What of our zone was published since a serial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneChanges {
    /// The zone's serial now.
    pub serial: i64,
    /// Whose part of it is another, perhaps more than once; `None`: anybody's
    /// may be.
    pub ids: Option<Vec<RecordId>>,
}

/// What our zone holds for one domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneDomain {
    /// Its record id.
    pub record_id: RecordId,
    /// What stands at its two DKIM targets.
    pub keys: KeyTexts,
    /// The name, if it is a demo domain and so lies in our zone.
    pub demo_name: Option<DomainName>,
}
