//! What is told of DKIM keys, and asking for others; one operation per file. No
//! answer here or anywhere has a private key in it.

pub(super) mod list;
pub(super) mod rotate;

use super::view::Millis;
use crate::{
    ops::{Ops, rotation::StandingKey},
    store::{Domain, KeyRing},
};
use serde::Serialize;
use signet_core::verify::dkim::PublicKey;

/// A domain's keys, and how their rotation stands.
#[derive(Serialize)]
pub(super) struct KeysView<'a> {
    keys: Vec<KeyView<'a>>,
    rotation: Option<RotationView<'a>>,
}

#[derive(Serialize)]
struct KeyView<'a> {
    selector: String,
    record: &'static str,
    id: &'a str,
    algorithm: &'static str,
    bits: Option<u32>,
    origin: &'static str,
    stage: &'static str,
    since: Millis,
    clear_at: Option<Millis>,
    created_at: Millis,
    public_key: Option<String>,
    signs: bool,
}

#[derive(Serialize)]
struct RotationView<'a> {
    due_at: Option<Millis>,
    wanted: Option<&'static str>,
    stuck_since: Option<Millis>,
    stuck: Option<&'a str>,
    version: i64,
}

impl<'a> KeysView<'a> {
    pub(super) fn of(ops: &Ops, domain: &Domain, keys: Option<&'a KeyRing>) -> Self {
        let Some(keys) = keys else { return Self { keys: Vec::new(), rotation: None } };
        let standing = ops.standing(domain, keys);
        Self {
            rotation: Some(RotationView {
                due_at: standing.due_at.map(Millis),
                wanted: standing.wanted,
                stuck_since: keys.stuck.as_ref().map(|(since, _)| Millis(*since)),
                stuck: keys.stuck.as_ref().map(|(_, why)| why.as_str()),
                version: keys.version,
            }),
            keys: standing.keys.into_iter().map(KeyView::of).collect(),
        }
    }
}

impl<'a> KeyView<'a> {
    fn of(StandingKey { label, key, signs }: StandingKey<'a>) -> Self {
        let held = key.held;
        Self {
            selector: label,
            record: key.selector.record().as_str(),
            id: &key.id,
            algorithm: held.algorithm.as_str(),
            bits: PublicKey::from_spki(&key.public).map(|key| key.bits()),
            origin: held.origin.as_str(),
            stage: held.stage.as_str(),
            since: Millis(held.stage.since()),
            clear_at: held.stage.clear_at().map(Millis),
            created_at: Millis(key.created_at),
            public_key: held.stage.record_text(held.algorithm, &key.public),
            signs,
        }
    }
}
