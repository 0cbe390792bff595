//! Records that several evaluations read: each is parsed once.

use super::record::{Record, SyntaxError};
use crate::{names::Name, observe::printable};
use alloc::{collections::BTreeMap, rc::Rc, string::String};
use core::cell::RefCell;

/// What has been read for one [`Effect`](super::effect::Effect): the same look
/// holds the same text for whatever address is put to it.
#[derive(Debug, Default)]
pub(super) struct Library {
    read: RefCell<BTreeMap<Name, Rc<Reading>>>,
}

/// One record as it was read.
#[derive(Debug)]
pub(super) struct Reading {
    /// Its text, made safe to show.
    pub(super) shown: String,
    /// What it says.
    pub(super) record: Result<Record, SyntaxError>,
    /// Whether it has macros (RFC 7208 §7), by which it can say something else
    /// for another sender.
    macros: bool,
}

impl Reading {
    pub(super) fn of(text: &[u8]) -> Self {
        Self { shown: printable(text), record: Record::parse(text), macros: text.contains(&b'%') }
    }
}

impl Library {
    pub(super) fn get(&self, name: &Name) -> Option<Rc<Reading>> {
        self.read.borrow().get(name).cloned()
    }

    pub(super) fn add(&self, name: &Name, reading: Reading) -> Rc<Reading> {
        let reading = Rc::new(reading);
        self.read.borrow_mut().insert(name.clone(), Rc::clone(&reading));
        reading
    }

    /// Whether some record read so far has macros.
    pub(super) fn has_macros(&self) -> bool {
        self.read.borrow().values().any(|reading| reading.macros)
    }
}
