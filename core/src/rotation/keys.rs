//! What a key is, and what stage of its life it is in.

use crate::{plan::RecordKey, verify::dkim::PublicKey};
use alloc::{format, string::String};
use core::fmt;
use jiff::{SignedDuration, Timestamp};

/// One of a domain's two selectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Selector {
    /// `sg1-…`.
    First,
    /// `sg2-…`.
    Second,
}

impl Selector {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::First, Self::Second];

    /// The one that is not this one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::First => Self::Second,
            Self::Second => Self::First,
        }
    }

    /// 0 or 1.
    #[must_use]
    pub fn index(self) -> usize {
        self as usize
    }

    /// 1 or 2, as in the names of records.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::First => 1,
            Self::Second => 2,
        }
    }

    /// The inverse of [`Self::number`].
    #[must_use]
    pub fn from_number(number: i64) -> Option<Self> {
        Self::BOTH.into_iter().find(|selector| i64::from(selector.number()) == number)
    }

    /// The customer's record for it.
    #[must_use]
    pub fn record(self) -> RecordKey {
        match self {
            Self::First => RecordKey::Dkim1,
            Self::Second => RecordKey::Dkim2,
        }
    }

    /// The inverse of [`Self::record`].
    #[must_use]
    pub fn of_record(key: RecordKey) -> Option<Self> {
        Self::BOTH.into_iter().find(|selector| selector.record() == key)
    }
}

/// What keys are made with. RSA under 2048 bits is refused (RFC 8301 §3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// RSA, 2048 bits: what every receiver verifies.
    #[default]
    Rsa2048,
    /// RSA, 4096 bits. Its record needs TCP or EDNS, and some DNS hosts cannot
    /// hold it.
    Rsa4096,
    /// Ed25519 (RFC 8463), only ever beside an RSA key.
    Ed25519,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rsa2048, Self::Rsa4096, Self::Ed25519];

    /// As stored, set and on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rsa2048 => "rsa2048",
            Self::Rsa4096 => "rsa4096",
            Self::Ed25519 => "ed25519",
        }
    }

    /// The inverse of [`Self::as_str`].
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text)
    }

    /// As `k=` says it.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Rsa2048 | Self::Rsa4096 => "rsa",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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

/// Between two looks for a key that signs beside another.
const DAILY: SignedDuration = SignedDuration::from_hours(24);

/// A key in DNS that is not, or not yet, the one that signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Since when we publish it.
    pub at: Timestamp,
    /// From when on nobody remembers what stood there before it; `None` until
    /// every server was seen to give it.
    pub clear_at: Option<Timestamp>,
    /// When every server was last seen to give it.
    pub seen_at: Option<Timestamp>,
}

impl Published {
    /// As it is published at `at`.
    #[must_use]
    pub fn new(at: Timestamp) -> Self {
        Self { at, clear_at: None, seen_at: None }
    }

    /// Whether every server was seen to give it when nobody remembered anything else
    /// any more.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.clear_at.is_some() && self.clear_at <= self.seen_at
    }

    /// When to look for it next, where it is used day by day.
    pub(super) fn prove_at(&self) -> Timestamp {
        match (self.clear_at, self.seen_at) {
            (Some(_), Some(seen)) if self.is_confirmed() => {
                seen.saturating_add(DAILY).unwrap_or(Timestamp::MAX)
            }
            (Some(clear), _) => clear,
            (None, _) => Timestamp::MIN,
        }
    }
}

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It signs when its turn comes.
    Next(Published),
    /// It signs.
    Active {
        /// Since when.
        since: Timestamp,
    },
    /// An Ed25519 key: it signs beside the active one while it is confirmed
    /// ([`Published::is_confirmed`]).
    Companion(Published),
    /// It signed; its record stays for mail under way.
    Retired {
        /// Since when it signs no more.
        since: Timestamp,
    },
    /// Its record says that it is revoked.
    Revoked {
        /// Since when.
        since: Timestamp,
    },
}

impl Stage {
    /// In one word, as stored and on the wire.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Next(_) => "next",
            Self::Active { .. } => "active",
            Self::Companion(_) => "companion",
            Self::Retired { .. } => "retired",
            Self::Revoked { .. } => "revoked",
        }
    }

    /// Since when it is in this stage.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        match self {
            Self::Next(published) | Self::Companion(published) => published.at,
            Self::Active { since } | Self::Retired { since } | Self::Revoked { since } => *since,
        }
    }

    /// What is known of a key that waits to sign, or signs beside another.
    #[must_use]
    pub fn published(&self) -> Option<Published> {
        match self {
            Self::Next(published) | Self::Companion(published) => Some(*published),
            Self::Active { .. } | Self::Retired { .. } | Self::Revoked { .. } => None,
        }
    }

    /// From when on nobody remembers what stood there before, where that matters.
    #[must_use]
    pub fn clear_at(&self) -> Option<Timestamp> {
        self.published()?.clear_at
    }

    /// Whether mail is signed with it.
    #[must_use]
    pub fn signs(&self) -> bool {
        match self {
            Self::Active { .. } => true,
            Self::Companion(published) => published.is_confirmed(),
            Self::Next(_) | Self::Retired { .. } | Self::Revoked { .. } => false,
        }
    }

    /// The inverse of [`Self::as_str`], of a key in this stage since `published.at`.
    #[must_use]
    pub fn parse(word: &str, published: Published) -> Option<Self> {
        let since = published.at;
        Some(match word {
            "next" => Self::Next(published),
            "active" => Self::Active { since },
            "companion" => Self::Companion(published),
            "retired" => Self::Retired { since },
            "revoked" => Self::Revoked { since },
            _ => return None,
        })
    }

    /// The key record to publish for a public key (SPKI, DER) in this stage
    /// (RFC 6376 §3.6.1); `None` where the key cannot be read.
    #[must_use]
    pub fn record_text(&self, algorithm: Algorithm, spki: &[u8]) -> Option<String> {
        match self {
            Self::Revoked { .. } => Some(format!("v=DKIM1; k={}; p=", algorithm.kind())),
            _ => PublicKey::from_spki(spki).map(|key| key.record_text()),
        }
    }
}

/// A key on a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it was made with.
    pub algorithm: Algorithm,
    /// By whom.
    pub origin: KeyOrigin,
    /// Where it is in its life.
    pub stage: Stage,
    /// For how long something else is remembered that a server was seen to give on
    /// its selector, since that was last waited out there for a key to sign.
    pub old_for: SignedDuration,
}

impl Held {
    /// One that was made here, and in whose place nothing else was seen.
    #[must_use]
    pub fn new(algorithm: Algorithm, stage: Stage) -> Self {
        Self { algorithm, origin: KeyOrigin::Made, stage, old_for: SignedDuration::ZERO }
    }
}
