//! Keys that customers bring.

use super::{Actor, Ops, Refused, Result};
use crate::{
    keys::{KeyFile, KeyPair, import},
    store::{
        Cause, DkimKey, Domain, DomainId, EventKind, KeyOrigin, KeyRing, Keyless, NewEvent, NewKey, Slot,
        Turn,
    },
};
use jiff::Timestamp;
use signet_core::rotation::{Algorithm, Ring, Rules, Selector, Stage, Why};
use std::sync::Arc;
use zeroize::Zeroizing;

/// One of several tries finds the keys unchanged.
const TRIES: usize = 8;

/// Where a key that is brought goes.
enum Place {
    /// Nowhere: it is there.
    Here(Box<DkimKey>),
    /// Onto this selector, beside or instead of what the ring has.
    Onto(Selector, Box<(KeyRing, Ring)>),
    /// The domain has no keys yet.
    First,
}

impl Ops {
    /// Takes a private key (PEM) that a customer brings. It is published, proven, and
    /// then signs, as any other key: after the one that signs now, or before those that
    /// wait where none does. One that is there already is left where it is.
    ///
    /// # Errors
    /// [`Refused::NotFound`], [`Refused::Forbidden`]; [`Refused::Invalid`] under
    /// `private_key` for what is no key or a bad one, under `base` for what is in
    /// its way.
    pub async fn import_key(
        &self,
        actor: &Actor,
        id: DomainId,
        pem: Zeroizing<String>,
    ) -> Result<(Domain, DkimKey)> {
        let domain = self.domain_to_change(actor, id).await?;
        if domain.demo {
            return Err(Refused::invalid("base", "The demo domain's keys are made by Signet"));
        }
        // Reading it tries it as well, which takes a while.
        let read = tokio::task::spawn_blocking(move || import::read(&pem)).await;
        let pair = read
            .map_err(|_| Refused::invalid("private_key", "cannot be read"))?
            .map_err(|why| Refused::invalid("private_key", why.to_string()))?;
        for _ in 0..TRIES {
            if self.store.is_compromised(&pair.public).await? {
                return Err(Refused::invalid(
                    "private_key",
                    "was in wrong hands and is revoked. Whoever has it could sign as this domain; bring another",
                ));
            }
            let cause = self.cause(actor);
            let domain = self.domain_to_change(actor, id).await?;
            let ring = self.store.key_ring(actor.account, id).await?;
            let place = match self.place_of(&domain, ring, &pair, &cause).await? {
                Place::Here(key) => return Ok((domain, *key)),
                place => place,
            };
            let (place, domain, pair, cause) = (&place, &domain, &pair, &cause);
            let write = |file: Arc<KeyFile>| async move {
                match place {
                    Place::Onto(selector, rings) => {
                        let (keys, ring) = &**rings;
                        let key = self.sealed(domain, &file, pair, *selector, cause);
                        let turn = self.turn_to(domain, keys, ring, key, cause);
                        Ok(self.store.turn_keys(&turn, cause).await?)
                    }
                    Place::Here(_) | Place::First => self.bring_first(domain, &file, pair, cause).await,
                }
            };
            if self.sealing(write).await? {
                self.due.notify_one();
                self.turning.notify_one();
            }
        }
        Err(Refused::outdated("base", "The keys change all the time just now; try again"))
    }

    /// Where it goes, and what the keys are then.
    async fn place_of(
        &self,
        domain: &Domain,
        keys: Option<KeyRing>,
        pair: &KeyPair,
        cause: &Cause,
    ) -> Result<Place> {
        let rules = self.key_rules(domain);
        if pair.algorithm == Algorithm::Ed25519 && !rules.ed25519 {
            return Err(Refused::invalid(
                "private_key",
                "is an Ed25519 key, and these are not switched on here (dkim_ed25519). Bring an RSA key of 2048 bits",
            ));
        }
        let Some(keys) = keys else {
            return match pair.algorithm {
                Algorithm::Ed25519 => Err(alone()),
                _ => Ok(Place::First),
            };
        };
        if let Some(here) = keys.keys.iter().flatten().find(|key| key.public == pair.public) {
            return match here.held.stage {
                Stage::Retired { .. } | Stage::Revoked { .. } => Err(Refused::invalid(
                    "private_key",
                    "is the key before the one that signs now, and is on its way out. Bring another",
                )),
                _ => Ok(Place::Here(Box::new(here.clone()))),
            };
        }
        let mut ring = keys.ring();
        if let Err(refused) = may_come_now(pair.algorithm, &ring, &rules, cause.at) {
            // A proven key that nobody can sign with does not take over.
            if pair.algorithm == Algorithm::Ed25519 || !self.standby_is_lost(domain, &keys).await? {
                return Err(refused);
            }
        }
        if pair.algorithm == Algorithm::Ed25519 && ring.active().is_none() {
            return Err(alone());
        }
        let Some(selector) = ring.bring(pair.algorithm, &rules, cause.at) else {
            return Err(Refused::invalid(
                "base",
                "On the selector it would go to is the key before, with which mail that is under way is verified; \
                 try again when that is over, a week after the last change of keys at the latest",
            ));
        };
        Ok(Place::Onto(selector, Box::new((keys, ring))))
    }

    /// Brings the first of a domain's keys, beside one made here.
    async fn bring_first(
        &self,
        domain: &Domain,
        file: &KeyFile,
        pair: &KeyPair,
        cause: &Cause,
    ) -> Result<bool> {
        let brought = self.sealed(domain, file, pair, Selector::First, cause);
        let [_, (selector, algorithm)] = self.config.rotation.first_keys();
        let Some(beside) = self.made(domain, file, selector, algorithm).await else {
            return Err(Refused::invalid("base", "The key beside it could not be made; try again"));
        };
        Ok(self.store.add_keys(&keyless(domain), &[brought, beside], cause).await?)
    }

    fn sealed(
        &self,
        domain: &Domain,
        file: &KeyFile,
        pair: &KeyPair,
        selector: Selector,
        cause: &Cause,
    ) -> NewKey {
        let id = self.random.uuid(cause.at).to_string();
        file.keep(pair, KeyOrigin::Imported, &keyless(domain), selector, id, &self.random)
    }

    /// The transition that puts it there.
    fn turn_to(&self, domain: &Domain, keys: &KeyRing, ring: &Ring, key: NewKey, cause: &Cause) -> Turn {
        let selector = key.selector;
        let imported = NewEvent {
            to: Some(format!("{} {}", self.selector_label(domain, selector), key.id)),
            record: Some(selector.record()),
            ..NewEvent::of(EventKind::KeyImported)
        };
        let mut slots = ring.keys.map(|held| held.map_or(Slot::Clear, Slot::Keep));
        if let Some(held) = ring.on(selector) {
            slots[selector.index()] = Slot::Put(key, held);
        }
        Turn {
            account: domain.account,
            domain: domain.id,
            version: keys.version,
            slots,
            wanted: ring.wanted,
            due_at: Some(cause.at),
            failures: 0,
            stuck: None,
            told_at: None,
            notice: None,
            events: vec![imported],
        }
    }
}

/// That a key that is brought keeps no rotation up that is under way.
fn may_come_now(algorithm: Algorithm, ring: &Ring, rules: &Rules, now: Timestamp) -> Result<()> {
    let Some(why) = ring.wanted(rules, now) else { return Ok(()) };
    if algorithm == Algorithm::Ed25519 {
        let text = "Another RSA key is about to sign, and needs the selector that an Ed25519 key would go to; bring it \
                    when that is over";
        return Err(Refused::invalid("base", text));
    }
    let standby = ring.active().and_then(|active| ring.on(active.other()));
    if why == Why::Compromised && standby.is_some_and(|held| held.stage.clear_at().is_some()) {
        let text = "The key that signs is in wrong hands, and the next one is proven and takes over as soon as it can; \
                    bring yours when that is over";
        return Err(Refused::invalid("base", text));
    }
    Ok(())
}

fn keyless(domain: &Domain) -> Keyless {
    Keyless { account: domain.account, domain: domain.id, record_id: domain.record_id.clone() }
}

/// RFC 8463 §3: some receivers do not verify Ed25519.
fn alone() -> Refused {
    Refused::invalid(
        "private_key",
        "is an Ed25519 key, which signs beside an RSA key only. Bring an RSA key of 2048 bits first",
    )
}
