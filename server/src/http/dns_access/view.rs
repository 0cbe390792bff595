//! What answers show of keys to zones: nothing that is secret.

use crate::{http::view::Millis, store::DnsAccess};
use serde::Serialize;
use std::collections::BTreeMap;

/// A key to a zone.
#[derive(Serialize)]
pub(super) struct DnsAccessView<'a> {
    id: i64,
    zone: &'a str,
    provider: &'a str,
    settings: &'a BTreeMap<String, String>,
    created_at: Millis,
    updated_at: Millis,
}

impl<'a> DnsAccessView<'a> {
    pub(super) fn of(access: &'a DnsAccess) -> Self {
        Self {
            id: access.id.0,
            zone: access.zone.as_str(),
            provider: &access.provider,
            settings: &access.settings,
            created_at: Millis(access.created_at),
            updated_at: Millis(access.updated_at),
        }
    }
}
