//! The life of a domain's DKIM keys, so that nobody has to touch them.
//!
//! A domain has two selectors. On one stands the key that signs, on the other
//! the *standby*: the next key, ready in DNS before it is needed; an Ed25519 key
//! that signs beside the RSA key (RFC 8463 §3); or what remains of the key before.
//!
//! ```text
//! next ──proven, older answers forgotten──▶ active ──replaced──▶ retired ──▶ revoked ──▶ gone
//! ```
//!
//! A proof holds until a look, whoever makes it, sees something else
//! ([`Ring::unseen`]): then it is made anew, and what was seen is waited out.
//!
//! [`Ring::step`] says what is to do, and each thing done is one transition from
//! one [`Ring`] to another, which is kept before anything follows from it: a crash
//! at any place is gone on from. The rule that holds throughout: nothing is signed
//! with a key before every server has been seen to give it under the customer's
//! own name, and before every answer from before that is too old to be kept
//! anywhere.

mod keys;
#[cfg(test)]
mod tests;

pub use keys::{Algorithm, Held, KeyOrigin, Published, Selector, Stage};

use jiff::{SignedDuration, Timestamp};

/// How keys are to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// What new keys are made with; one of the RSA kinds.
    pub rsa: Algorithm,
    /// Whether an Ed25519 key stands on the standby between two rotations and
    /// signs beside the RSA key.
    pub ed25519: bool,
    /// How long a key signs; `None`: until somebody asks for another.
    pub period: Option<SignedDuration>,
    /// How long a retired key's record stays, for mail that is still under way.
    pub keep: SignedDuration,
    /// How long the record says after that that the key is revoked (RFC 6376
    /// §3.6.1). Where the customer publishes the key there is no such time:
    /// the record of the next key replaces it.
    pub revoked: SignedDuration,
    /// Whether the customer's records are CNAMEs to ours, or the keys themselves.
    pub delegated: bool,
}

/// Why another key is to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Somebody asked for it.
    Asked,
    /// The key that signs is in wrong hands.
    Compromised,
    /// It has signed for its period. Never stored: time says so.
    Period,
}

/// Everything about a domain's keys that decides what happens to them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ring {
    /// What stands on the first and the second selector.
    pub keys: [Option<Held>; 2],
    /// That another key is to sign as soon as it can, and why.
    pub wanted: Option<Why>,
    /// That it comes from a backup and nothing has signed since: the world may have
    /// seen other keys in the meantime, and remember them.
    pub restored: bool,
}

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing before then; `None`: nothing until somebody asks.
    Wait(Option<Timestamp>),
    /// Make a key and publish it, in place of whatever stands there.
    Publish {
        /// Where.
        selector: Selector,
        /// Of which kind: an Ed25519 key becomes the companion, any other the next.
        algorithm: Algorithm,
    },
    /// Find out whether the world sees what stands there.
    Prove(Selector),
    /// Sign with it no more; its record stays.
    Retire(Selector),
    /// Publish that it is revoked.
    Revoke(Selector),
    /// Take the record away.
    Remove(Selector),
}

/// What asking every server came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Every server gives this key under the customer's name. An answer from
    /// before may be kept for so long.
    Seen {
        /// The longest TTL on the way, of what is there and of what was.
        kept_for: SignedDuration,
        /// The same of what Signet itself publishes; of all of it where the domain's
        /// owner publishes the key.
        ours_for: SignedDuration,
    },
    /// Some server gives something else, or nothing.
    NotSeen {
        /// How long that may be remembered.
        kept_for: SignedDuration,
    },
    /// Not every server could be asked.
    Unknown,
}

/// What a proof led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// Nothing more than was known.
    Nothing,
    /// It is there as before.
    Again,
    /// It is there; what was there before may be remembered until then.
    Clear(Timestamp),
    /// It was there and is no more.
    Gone,
    /// It signs from now on, instead of the one on the other selector.
    Switched(Why),
    /// It signs from now on; nothing did before.
    Started,
}

/// Why a rotation cannot be asked for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The domain has no keys yet.
    NoKeys,
    /// On the standby selector stands the key before, with which mail under way
    /// is verified until then.
    StillVerifies(Timestamp),
}

impl Rules {
    /// What a domain's first two keys are made with. The second is what will stand on
    /// the standby, so that an owner who publishes it does so once.
    #[must_use]
    pub fn first_keys(&self) -> [(Selector, Algorithm); 2] {
        let beside = if self.ed25519 { Algorithm::Ed25519 } else { self.rsa };
        [(Selector::First, self.rsa), (Selector::Second, beside)]
    }

    /// The rules for one of many domains: of those made on one day each has its
    /// turn on another, within a tenth of the period before its end.
    #[must_use]
    pub fn spread(self, domain: i64) -> Self {
        // Neighbouring numbers end up far apart: 2^64 by the golden ratio.
        let place = domain.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 44;
        let early = |period: SignedDuration| {
            let share = ((period / 10).as_millis() * i128::from(place)) >> 20;
            period - SignedDuration::from_millis(i64::try_from(share).unwrap_or(0))
        };
        Self { period: self.period.map(early), ..self }
    }
}

impl Ring {
    /// What stands on `selector`.
    #[must_use]
    pub fn on(&self, selector: Selector) -> Option<Held> {
        self.keys[selector.index()]
    }

    /// The selector whose key signs.
    #[must_use]
    pub fn active(&self) -> Option<Selector> {
        Selector::BOTH.into_iter().find(|&selector| {
            self.on(selector).is_some_and(|held| matches!(held.stage, Stage::Active { .. }))
        })
    }

    /// The selectors to sign with, the active first (RFC 8463 §3 has both signatures
    /// on one message). One is left out whose record was last seen to be `wrong`, and
    /// an Ed25519 key without the RSA key beside it, which is no signature for many
    /// receivers (RFC 8463 §6).
    #[must_use]
    pub fn signing(&self, wrong: impl Fn(Selector) -> bool) -> [Option<Selector>; 2] {
        let Some(active) = self.active().filter(|active| !wrong(*active)) else {
            return [None, None];
        };
        let beside = active.other();
        let signs = self.on(beside).is_some_and(|held| held.stage.signs()) && !wrong(beside);
        [Some(active), signs.then_some(beside)]
    }

    /// Why the active key is to be replaced, if it is.
    #[must_use]
    pub fn wanted(&self, rules: &Rules, now: Timestamp) -> Option<Why> {
        self.wanted.or_else(|| (self.due_at(rules)? <= now).then_some(Why::Period))
    }

    /// When the active key has signed for its period.
    #[must_use]
    pub fn due_at(&self, rules: &Rules) -> Option<Timestamp> {
        match self.on(self.active()?)?.stage {
            Stage::Active { since } => Some(later(since, rules.period?)),
            _ => None,
        }
    }

    /// What is to do.
    #[must_use]
    pub fn step(&self, rules: &Rules, now: Timestamp) -> Step {
        let Some(active) = self.active() else {
            return self.first_step(rules, now);
        };
        let standby = active.other();
        let wanted = self.wanted(rules, now);
        let algorithm = if rules.ed25519 && wanted.is_none() { Algorithm::Ed25519 } else { rules.rsa };
        let publish = Step::Publish { selector: standby, algorithm };
        let Some(held) = self.on(standby) else {
            return publish;
        };
        let idle = || Step::Wait(self.due_at(rules));
        match held.stage {
            // It has never signed, and nobody has to do anything for another.
            Stage::Next(_) if wanted != Some(Why::Compromised) && is_outdated(&held, rules) => publish,
            Stage::Next(Published { clear_at: None, .. }) => Step::Prove(standby),
            Stage::Next(Published { clear_at: Some(at), .. }) => match wanted {
                Some(_) if at <= now => Step::Prove(standby),
                Some(_) => Step::Wait(Some(at)),
                // It has never signed: the companion can take its place.
                None if rules.ed25519 => publish,
                None => idle(),
            },
            // Without it a message has its RSA signature still.
            Stage::Companion(_) if self.wanted.is_some() => publish,
            Stage::Companion(_) if wanted.is_some() || !rules.ed25519 => Step::Retire(standby),
            Stage::Companion(published) => match published.prove_at() {
                at if at <= now => Step::Prove(standby),
                at => Step::Wait(Some(self.due_at(rules).map_or(at, |due| due.min(at)))),
            },
            Stage::Retired { .. } if self.wanted.is_some() && !self.is_needed(&held) => publish,
            Stage::Retired { since } => match later(since, rules.keep) {
                until if now < until => Step::Wait(Some(until)),
                _ if wanted.is_some() || !rules.delegated => publish,
                _ => Step::Revoke(standby),
            },
            // A customer's own record says that a key is revoked by being the next one.
            Stage::Revoked { .. } if wanted.is_some() || !rules.delegated => publish,
            Stage::Revoked { since } => match later(since, rules.revoked) {
                until if now < until => Step::Wait(Some(until)),
                _ => Step::Remove(standby),
            },
            // There is one active key.
            Stage::Active { .. } => Step::Wait(None),
        }
    }

    /// Before anything signs.
    fn first_step(&self, rules: &Rules, now: Timestamp) -> Step {
        let Some(selector) = self.first() else {
            return Step::Publish { selector: self.free(rules, now), algorithm: rules.rsa };
        };
        match self.on(selector).and_then(|held| held.stage.clear_at()) {
            Some(at) if self.restored && now < at => Step::Wait(Some(at)),
            _ => Step::Prove(selector),
        }
    }

    /// The selector whose key is the first to sign, where none does.
    fn first(&self) -> Option<Selector> {
        let next = |selector: Selector| match self.on(selector)? {
            Held { stage: Stage::Next(published), origin, .. } => {
                // After a restore the one that signed, which has stood there for longest.
                let made = origin == KeyOrigin::Made && !self.restored;
                Some((made, published.at, selector))
            }
            _ => None,
        };
        let (.., selector) = Selector::BOTH.into_iter().filter_map(next).min()?;
        Some(selector)
    }

    /// A key was made and stands on `selector`; `false`, and nothing is changed, where
    /// what stands there must not go yet.
    #[must_use]
    pub fn publish(
        &mut self,
        selector: Selector,
        algorithm: Algorithm,
        rules: &Rules,
        now: Timestamp,
    ) -> bool {
        self.put(selector, algorithm, KeyOrigin::Made, rules, now)
    }

    /// A key that its owner brought stands on the selector that is returned, and an RSA
    /// key signs from there as soon as it can; `None`, and nothing is changed, where
    /// what stands there must not go yet.
    pub fn bring(&mut self, algorithm: Algorithm, rules: &Rules, now: Timestamp) -> Option<Selector> {
        let before = self.active().or_else(|| self.first().filter(|_| self.restored));
        let selector = before.map_or_else(|| self.free(rules, now), Selector::other);
        if !self.put(selector, algorithm, KeyOrigin::Imported, rules, now) {
            return None;
        }
        if before.is_some() && algorithm != Algorithm::Ed25519 {
            self.wanted.get_or_insert(Why::Asked);
        }
        Some(selector)
    }

    fn put(
        &mut self,
        selector: Selector,
        algorithm: Algorithm,
        origin: KeyOrigin,
        rules: &Rules,
        now: Timestamp,
    ) -> bool {
        if self.occupied_until(selector, rules, now).is_some() {
            return false;
        }
        // What was seen in place of the key before may be remembered still.
        let old_for = self.on(selector).map_or(SignedDuration::ZERO, |before| before.old_for);
        let published = Published::new(now);
        let stage = match algorithm {
            Algorithm::Ed25519 => Stage::Companion(published),
            Algorithm::Rsa2048 | Algorithm::Rsa4096 => Stage::Next(published),
        };
        self.keys[selector.index()] = Some(Held { algorithm, origin, stage, old_for });
        true
    }

    /// Where a first key goes.
    fn free(&self, rules: &Rules, now: Timestamp) -> Selector {
        let is_free = |selector: &Selector| self.occupied_until(*selector, rules, now).is_none();
        Selector::BOTH.into_iter().find(is_free).unwrap_or(Selector::First)
    }

    /// Until when what stands on `selector` must stay; `Timestamp::MAX` for the
    /// key that signs.
    fn occupied_until(&self, selector: Selector, rules: &Rules, now: Timestamp) -> Option<Timestamp> {
        let held = self.on(selector)?;
        match held.stage {
            Stage::Active { .. } => Some(Timestamp::MAX),
            Stage::Retired { .. } if !self.is_needed(&held) => None,
            Stage::Retired { since } => Some(later(since, rules.keep)).filter(|until| now < *until),
            Stage::Next(_) | Stage::Companion(_) | Stage::Revoked { .. } => None,
        }
    }

    /// Whether a key that signed must stay for mail under way, whoever waits for its
    /// place. What an Ed25519 key signed has an RSA signature as well.
    fn is_needed(&self, held: &Held) -> bool {
        held.algorithm != Algorithm::Ed25519 && self.wanted != Some(Why::Compromised)
    }

    /// Some server gives something else on `selector`, or nothing, which may be
    /// remembered for so long: what waits there to sign is no longer proven, and what
    /// signs beside another does so no more. Whether it was proven until now.
    pub fn unseen(&mut self, selector: Selector, kept_for: SignedDuration) -> bool {
        let Some(held) = &mut self.keys[selector.index()] else {
            return false;
        };
        held.old_for = held.old_for.max(kept_for);
        match &mut held.stage {
            Stage::Next(published) | Stage::Companion(published) => published.clear_at.take().is_some(),
            Stage::Active { .. } | Stage::Retired { .. } | Stage::Revoked { .. } => false,
        }
    }

    /// What asking every server for the key on `selector` came to.
    pub fn prove(&mut self, selector: Selector, proof: Proof, rules: &Rules, now: Timestamp) -> Proven {
        let (kept_for, ours_for) = match proof {
            Proof::Seen { kept_for, ours_for } => (kept_for, ours_for),
            Proof::NotSeen { kept_for } if self.unseen(selector, kept_for) => return Proven::Gone,
            Proof::NotSeen { .. } | Proof::Unknown => return Proven::Nothing,
        };
        let wanted = self.wanted(rules, now);
        let active = self.active();
        let (is_first, restored) = (self.first() == Some(selector), self.restored);
        let Some(held) = &mut self.keys[selector.index()] else {
            return Proven::Nothing;
        };
        let (Stage::Next(published) | Stage::Companion(published)) = &mut held.stage else {
            return Proven::Nothing;
        };
        published.seen_at = Some(now);
        let is_next = held.algorithm != Algorithm::Ed25519;
        let is_clear = published.clear_at.is_some_and(|at| at <= now);
        match (published.clear_at, active) {
            // Unsigned is no better than signed and, for some, not verified yet. Not so
            // where another may be remembered with which mail was signed.
            (_, None) if is_first && (is_clear || !restored) => {
                held.stage = Stage::Active { since: now };
                if is_clear {
                    held.old_for = SignedDuration::ZERO;
                }
                // What was asked for before a restore was asked of this key.
                self.restored = false;
                Proven::Started
            }
            (None, _) => {
                // It may have been given until a moment ago. A restore changes what we
                // publish and nothing of the customer's: mail that has to be signed would
                // wait a day for a CNAME that has been there for years.
                let signed = is_first && restored && active.is_none();
                let old_for = if signed { ours_for } else { kept_for };
                let at = later(now, old_for.max(held.old_for));
                published.clear_at = Some(at);
                Proven::Clear(at)
            }
            (_, Some(old)) if is_next && is_clear => match wanted {
                Some(why) => {
                    self.switch(old, selector, why, now);
                    Proven::Switched(why)
                }
                None => Proven::Again,
            },
            (Some(_), _) => Proven::Again,
        }
    }

    fn switch(&mut self, old: Selector, new: Selector, why: Why, now: Timestamp) {
        let after = match why {
            Why::Compromised => Stage::Revoked { since: now },
            Why::Asked | Why::Period => Stage::Retired { since: now },
        };
        if let Some(held) = &mut self.keys[old.index()] {
            held.stage = after;
        }
        if let Some(held) = &mut self.keys[new.index()] {
            held.stage = Stage::Active { since: now };
            held.old_for = SignedDuration::ZERO;
        }
        self.wanted = None;
    }

    /// Nothing is signed with the companion on `selector` any more.
    pub fn retire(&mut self, selector: Selector, now: Timestamp) {
        if let Some(held) = &mut self.keys[selector.index()]
            && matches!(held.stage, Stage::Companion(_))
        {
            held.stage = Stage::Retired { since: now };
        }
    }

    /// The record on `selector` says that its key is revoked.
    pub fn revoke(&mut self, selector: Selector, now: Timestamp) {
        if let Some(held) = &mut self.keys[selector.index()]
            && matches!(held.stage, Stage::Retired { .. })
        {
            held.stage = Stage::Revoked { since: now };
        }
    }

    /// There is no record on `selector` any more.
    pub fn remove(&mut self, selector: Selector) {
        let slot = &mut self.keys[selector.index()];
        if slot.is_some_and(|held| matches!(held.stage, Stage::Revoked { .. })) {
            *slot = None;
        }
    }

    /// Asks for another key to sign. Where the key that signs is in wrong hands
    /// nothing is waited for but what would make signatures fail; where none signs yet,
    /// it is the keys that were to sign, and they are revoked.
    ///
    /// # Errors
    /// [`Refusal`], and nothing is changed.
    pub fn ask(&mut self, why: Why, rules: &Rules, now: Timestamp) -> Result<(), Refusal> {
        let Some(active) = self.active() else {
            return if why == Why::Compromised { self.revoke_unsigned(now) } else { Err(Refusal::NoKeys) };
        };
        if why != Why::Compromised
            && self.wanted.is_none()
            && let Some(until) = self.occupied_until(active.other(), rules, now)
        {
            return Err(Refusal::StillVerifies(until));
        }
        if self.wanted != Some(Why::Compromised) {
            self.wanted = Some(why);
        }
        Ok(())
    }

    /// Revokes keys in wrong hands before any has signed; others take their places.
    fn revoke_unsigned(&mut self, now: Timestamp) -> Result<(), Refusal> {
        let mut refused = Err(Refusal::NoKeys);
        for held in self.keys.iter_mut().flatten().filter(|held| held.stage.published().is_some()) {
            held.stage = Stage::Revoked { since: now };
            refused = Ok(());
        }
        refused
    }
}

/// Whether a key made here is of another kind than is made now, and its owner need not
/// be asked to publish another.
fn is_outdated(held: &Held, rules: &Rules) -> bool {
    rules.delegated && held.origin == KeyOrigin::Made && held.algorithm != rules.rsa
}

fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}
