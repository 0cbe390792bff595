//! Which names are selectors' targets.

use super::index::Id;
use signet_core::{
    names::{Name, RecordId},
    plan::Provider,
};

/// How the two targets are spelled, as the plan spells them.
pub(super) struct KeyPlaces([KeyPlace; 2]);

/// A target is `before`, an id, `after`.
struct KeyPlace {
    before: String,
    after: String,
}

impl KeyPlaces {
    /// Learned from the plan's answer for one id; nothing here knows it.
    pub(super) fn new(provider: &Provider) -> Option<Self> {
        let any = RecordId::from_random([0; 10]);
        let place = |number| {
            let target = provider.dkim_target(number, &any);
            // The last, since the letters of an id may be others' as well.
            let (before, after) = target.as_str().rsplit_once(any.as_str())?;
            Some(KeyPlace { before: before.to_owned(), after: after.to_owned() })
        };
        Some(Self([place(1)?, place(2)?]))
    }

    /// Whose target it is and the how-maniest; no number where it stands above
    /// both, with nothing but an id of its own.
    pub(super) fn place(&self, name: &Name) -> Option<(Id, Option<usize>)> {
        for (index, place) in self.0.iter().enumerate() {
            let Some(left) = name.as_str().strip_suffix(place.after.as_str()) else { continue };
            if let Some(id) = RecordId::parse(left) {
                return Some((id.to_bytes(), None));
            }
            if let Some(id) = left.strip_prefix(place.before.as_str()).and_then(RecordId::parse) {
                return Some((id.to_bytes(), Some(index)));
            }
        }
        None
    }
}
