//! The settings for how DKIM keys live, as the database notes them: a rotation that waits
//! was told when by the settings that held then, and looks again when they are others.
//!
//! Whoever starts with others notes its own and makes all rotations due, so that this
//! happens once for each change, however many nodes there are. A node that finds others
//! noted than its own makes nothing due: it says so, and what it lets wait waits shortly,
//! for a node with the others to take.

use super::Ops;
use crate::store::{Domain, StoreError};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use signet_core::rotation::{Ring, Rules, Stage};
use std::sync::atomic::Ordering;

/// What they are kept under.
const NAME: &str = "key_rules";
/// Rotations that become due within a second, of those made due together.
const A_SECOND: u64 = 50;
/// Rotations made due in one transaction.
const PAGE: u32 = 1000;
/// One of several tries finds the note unchanged.
const TRIES: usize = 8;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    /// As `dkim_*` settings.
    rules: String,
    /// Whether all rotations were made due since.
    followed: bool,
}

impl Noted {
    fn text(rules: &str, followed: bool) -> String {
        serde_json::json!(Self { rules: rules.to_string(), followed }).to_string()
    }
}

/// The settings in words.
fn words(rules: &Rules) -> String {
    let Rules { rsa, ed25519, period, keep, revoked, delegated: _ } = rules;
    let period = period.map_or_else(|| "never".to_string(), |period| format!("{period:#}"));
    format!(
        "dkim_key={rsa} dkim_ed25519={ed25519} dkim_rotation={period} dkim_keep={keep:#} dkim_revoked={revoked:#}"
    )
}

impl Ops {
    /// Notes the settings that this node starts with. Where others are noted, all rotations
    /// become due, each at its own time within a while that is the longer the more there
    /// are; how many these are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_key_rules(&self) -> Result<Option<u64>, StoreError> {
        let here = words(&self.config.rotation);
        let begun = Noted::text(&here, false);
        for _ in 0..TRIES {
            let kept = self.store.kept(NAME).await?;
            let noted: Option<Noted> = kept.as_deref().and_then(|kept| serde_json::from_str(kept).ok());
            match noted.filter(|noted| noted.rules == here) {
                Some(Noted { followed: true, .. }) => return Ok(None),
                // Whoever noted them was stopped.
                Some(Noted { followed: false, .. }) => {}
                None if self.store.replace_kept(NAME, kept.as_deref(), &begun).await? => {}
                None => continue,
            }
            let rotations = self.make_all_due().await?;
            self.store.replace_kept(NAME, Some(&begun), &Noted::text(&here, true)).await?;
            if rotations > 0 {
                tracing::info!(
                    settings = here,
                    rotations,
                    "the settings for DKIM keys are others; rotations look again"
                );
            }
            self.turning.notify_one();
            return Ok(Some(rotations));
        }
        Ok(None)
    }

    async fn make_all_due(&self) -> Result<u64, StoreError> {
        let rotations = self.store.count_rotations().await?;
        let over = SignedDuration::from_secs(i64::try_from(rotations / A_SECOND).unwrap_or(i64::MAX));
        let (now, mut after) = (self.clock.now(), None);
        while let Some(last) = self.store.make_rotations_due(after, PAGE, now, over).await? {
            after = Some(last);
        }
        Ok(rotations)
    }

    /// The settings by which this node turns a domain's keys. Where another node has started
    /// with others, the key that is next is of the right kind, whichever that is: two nodes
    /// would replace each other's for ever.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn rules_to_turn(&self, domain: &Domain, ring: &Ring) -> Result<Rules, StoreError> {
        let rules = self.key_rules(domain);
        let standby = ring.active().and_then(|active| ring.on(active.other()));
        let other = standby
            .filter(|held| matches!(held.stage, Stage::Next(_)) && held.algorithm != rules.rsa)
            .map(|held| held.algorithm);
        match other {
            Some(rsa) if self.others_are_noted().await? => Ok(Rules { rsa, ..rules }),
            _ => Ok(rules),
        }
    }

    /// Whether another node has started with other settings since. It is said when that
    /// comes to be so.
    pub(super) async fn others_are_noted(&self) -> Result<bool, StoreError> {
        let here = words(&self.config.rotation);
        let kept = self.store.kept(NAME).await?;
        let noted: Option<Noted> = kept.as_deref().and_then(|kept| serde_json::from_str(kept).ok());
        let others = noted.filter(|noted| noted.rules != here);
        let known = self.other_key_rules.swap(others.is_some(), Ordering::Relaxed);
        if let Some(Noted { rules: there, .. }) = others.as_ref().filter(|_| !known) {
            tracing::warn!(
                here,
                there,
                "another node of this database has started with other settings for DKIM keys; give all of them the same"
            );
        }
        Ok(others.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        config::{Config, Sources},
        store::{self, AccountId, TokenScope},
    };
    use jiff::Timestamp;
    use signet_core::rotation::{Algorithm, Held, Published};
    use std::sync::Arc;

    #[tokio::test]
    async fn nodes_that_differ_leave_each_others_next_keys_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name).display().to_string();
        let url = format!("sqlite:{}", path("signet.db"));
        let store = store::open(&url).await.unwrap();
        let node = |key: &str| {
            let flags = [
                ("database_url", url.clone()),
                ("key_file", path("signet.key")),
                ("dkim_key", key.to_string()),
            ];
            let config = Config::from_sources(&Sources::read(None, [], flags).unwrap()).unwrap();
            Ops::new(store.clone(), Arc::new(config), Clock::system())
        };
        let (one, other) = (node("rsa2048"), node("rsa4096"));
        one.install().await.unwrap();
        let domain = store.domains(AccountId(1), &TokenScope::Account, None, None).await.unwrap().remove(0);
        let since = Timestamp::UNIX_EPOCH;
        let held = |algorithm, stage| Some(Held::new(algorithm, stage));
        let next = Stage::Next(Published::new(since));
        let ring = Ring {
            keys: [held(Algorithm::Rsa2048, Stage::Active { since }), held(Algorithm::Rsa4096, next)],
            ..Ring::default()
        };
        let right = async |node: &Ops| node.rules_to_turn(&domain, &ring).await.unwrap().rsa;
        one.note_key_rules().await.unwrap();
        assert_eq!(right(&one).await, Algorithm::Rsa2048, "it started last");
        other.note_key_rules().await.unwrap();
        assert_eq!(right(&one).await, Algorithm::Rsa4096, "it leaves what the other made");
        assert_eq!(right(&other).await, Algorithm::Rsa4096);
    }
}
