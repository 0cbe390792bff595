//! The operations on card checks, one per file.

pub(super) mod callback;
pub(super) mod get;

use super::view::Millis;
use crate::store::CardCheck;
use serde::Serialize;

/// A card check, as its owner sees it.
#[derive(Serialize)]
pub(super) struct OwnersView<'a> {
    status: &'static str,
    reference: &'a str,
    url: Option<String>,
    asked_at: Millis,
    resolved_at: Option<Millis>,
}

/// The same, as operators see it.
#[derive(Serialize)]
pub(super) struct CardView<'a> {
    #[serde(flatten)]
    check: OwnersView<'a>,
    detail: Option<&'a str>,
}

impl<'a> OwnersView<'a> {
    /// `url` is where it is passed.
    pub(super) fn of(check: &'a CardCheck, url: Option<String>) -> Self {
        Self {
            status: check.state.as_str(),
            reference: &check.reference,
            url,
            asked_at: Millis(check.asked_at),
            resolved_at: check.resolved_at.map(Millis),
        }
    }
}

impl<'a> CardView<'a> {
    /// `url` is where it is passed.
    pub(super) fn of(check: &'a CardCheck, url: Option<String>) -> Self {
        Self { check: OwnersView::of(check, url), detail: check.detail.as_deref() }
    }
}
