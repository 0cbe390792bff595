//! DKIM keys, how their rotation stands, and what our zone holds of a domain.

use super::{AccountId, Domain, DomainId, NewEvent, NewNotice};
use jiff::Timestamp;
use signet_core::{
    names::{DomainName, RecordId},
    rotation::{Algorithm, Held, Ring, Selector, Why},
};

pub use signet_core::rotation::KeyOrigin;

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
    /// The fingerprint of what that lies under, see [`super::NewSecret::under`].
    pub under: String,
}

/// A DKIM key that is kept; its private half is read by those who sign only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DkimKey {
    /// What it is called.
    pub id: String,
    /// On which selector it stands.
    pub selector: Selector,
    /// What it was made with and by whom, and where it is in its life.
    pub held: Held,
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
    pub wanted: Option<Why>,
    /// When there is something to do.
    pub due_at: Option<Timestamp>,
    /// Proofs on end that came to nothing.
    pub failures: u32,
    /// Since when and why the rotation does not go on.
    pub stuck: Option<(Timestamp, String)>,
    /// When its owner was told of that.
    pub told_at: Option<Timestamp>,
    /// See [`Ring::restored`].
    pub restored: bool,
}

impl KeyRing {
    /// What decides what happens to them.
    #[must_use]
    pub fn ring(&self) -> Ring {
        let held = |index: usize| self.keys[index].as_ref().map(|key| key.held);
        Ring { keys: [held(0), held(1)], wanted: self.wanted, restored: self.restored }
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

/// A domain whose rotation is due.
#[derive(Clone, Debug)]
pub struct DueRotation {
    /// The domain.
    pub domain: Domain,
    /// Its keys as they are now.
    pub keys: KeyRing,
}

/// What becomes of what stands on a selector.
#[derive(Clone, Debug)]
pub enum Slot {
    /// It stays, in this stage. The private half of one that signs no more is
    /// destroyed.
    Keep(Held),
    /// It is destroyed, or was not there.
    Clear,
    /// This key takes its place, in this stage.
    Put(NewKey, Held),
}

/// One transition of a domain's keys, with all that follows from it.
#[derive(Clone, Debug)]
pub struct Turn {
    /// Whose.
    pub account: AccountId,
    /// Of which domain.
    pub domain: DomainId,
    /// What [`KeyRing::version`] was.
    pub version: i64,
    /// What becomes of the keys, by selector.
    pub slots: [Slot; 2],
    /// See [`KeyRing::wanted`].
    pub wanted: Option<Why>,
    /// See [`KeyRing::due_at`].
    pub due_at: Option<Timestamp>,
    /// See [`KeyRing::failures`].
    pub failures: u32,
    /// See [`KeyRing::stuck`].
    pub stuck: Option<(Timestamp, String)>,
    /// See [`KeyRing::told_at`].
    pub told_at: Option<Timestamp>,
    /// What its owner is told.
    pub notice: Option<NewNotice>,
    /// What happened.
    pub events: Vec<NewEvent>,
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
